#include "sync/net/clock.h"

#include <errno.h>
#include <stdatomic.h>
#include <time.h>

/* poll() counts on a clock that stands still in suspend, so no single call waits longer than this. */
enum { SLICE_MS = 10000 };

static _Atomic long long pretended;

static long long
read_clock(clockid_t id)
{
	struct timespec t;

	if (clock_gettime(id, &t) < 0)
		return 0;
	return (long long)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

long long
clock_now(void)
{
#ifdef CLOCK_BOOTTIME
	return read_clock(CLOCK_BOOTTIME) + pretended;
#else
	return read_clock(CLOCK_MONOTONIC) + pretended;
#endif
}

long long
clock_slept(void)
{
	long long slept = clock_now() - read_clock(CLOCK_MONOTONIC);

	return slept > 0 ? slept : 0;
}

int
clock_poll(struct pollfd *p, nfds_t n, long long deadline)
{
	long long left;
	int r;

	for (;;) {
		left = SLICE_MS;
		if (deadline != 0 && deadline - clock_now() < left)
			left = deadline - clock_now();
		if (left < 0)
			left = 0;
		r = poll(p, n, (int)left);
		if (r > 0 || (r < 0 && errno != EINTR))
			return r;
		if (deadline != 0 && clock_now() >= deadline)
			return 0;
	}
}

void
clock_pretend_sleep(long long ms)
{
	pretended += ms;
}
