/* The bottom of a connection: one non-blocking socket, counted and throttled.
 *
 * Always holds: no call blocks; no call raises SIGPIPE; `up` and `down` count what really passed.
 */
#ifndef SYNC_NET_WIRE_H
#define SYNC_NET_WIRE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct throttle;

struct wire {
	int fd;				/* -1 = closed */
	struct throttle *down_limit, *up_limit;	/* NULL = none */
	uint64_t down, up;		/* bytes, TLS and compression included */
	long long down_at, up_at;	/* clock_now() of the last byte */
	long long down_hold, up_hold;	/* throttled: nothing before then; 0 = not held */
	int sys;			/* errno of the last call that failed for good; 0 = none did */
	int is_ended;			/* recv() has seen the end of input */
};

/* As recv() and send(): bytes moved, 0 at the end of input, -1 with errno. EAGAIN also says that the
 * throttle holds the line, until *_hold. */
ssize_t wire_recv(struct wire *w, void *p, size_t len);
ssize_t wire_send(struct wire *w, const void *p, size_t len);

#endif
