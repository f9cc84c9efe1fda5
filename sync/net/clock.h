/* Time for deadlines: milliseconds on a clock that goes on while the machine is suspended, and a
 * poll() that honours such deadlines. */
#ifndef SYNC_NET_CLOCK_H
#define SYNC_NET_CLOCK_H

#include <poll.h>

long long clock_now(void);		/* ms since boot, suspend included */
long long clock_slept(void);		/* ms of suspend since boot */

/* poll() until `deadline` (clock_now() terms; 0 = none). EINTR is not reported, and a suspend past
 * the deadline is noticed within seconds of waking. Returns what poll() does. */
int clock_poll(struct pollfd *p, nfds_t n, long long deadline);

/* Tests: pretend the machine had been suspended for `ms` more. */
void clock_pretend_sleep(long long ms);

#endif
