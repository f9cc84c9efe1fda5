#include "sync/net/wire.h"

#include <errno.h>
#include <sys/socket.h>

#include "sync/net/clock.h"
#include "sync/net/throttle.h"

/* What recv() or send() said, for the record. */
static ssize_t
note(struct wire *w, ssize_t n, int sys)
{
	if (sys == EWOULDBLOCK)
		sys = EAGAIN;
	if (n < 0 && sys != EAGAIN)
		w->sys = sys;
	errno = sys;
	return n;
}

/* Bytes allowed now, or 0 with errno EAGAIN and *hold set. */
static size_t
allowed(struct throttle *t, size_t len, long long *hold)
{
	*hold = 0;
	if (t == NULL || len == 0)
		return len;
	len = throttle_take(t, len, hold);
	if (len == 0)
		errno = EAGAIN;
	return len;
}

ssize_t
wire_recv(struct wire *w, void *p, size_t len)
{
	size_t may = allowed(w->down_limit, len, &w->down_hold);
	ssize_t n;
	int sys;

	if (may == 0)
		return -1;
	do
		n = recv(w->fd, p, may, 0);
	while (n < 0 && errno == EINTR);
	sys = errno;
	if (w->down_limit != NULL && (n < 0 || (size_t)n < may))
		throttle_give(w->down_limit, may - (n > 0 ? (size_t)n : 0));
	if (n > 0) {
		w->down += (uint64_t)n;
		w->down_at = clock_now();
	} else if (n == 0 && len > 0) {
		w->is_ended = 1;
	}
	return note(w, n, sys);
}

ssize_t
wire_send(struct wire *w, const void *p, size_t len)
{
	size_t may = allowed(w->up_limit, len, &w->up_hold);
	ssize_t n;
	int sys;

	if (may == 0)
		return -1;
	do
		n = send(w->fd, p, may, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	sys = errno;
	if (w->up_limit != NULL && (n < 0 || (size_t)n < may))
		throttle_give(w->up_limit, may - (n > 0 ? (size_t)n : 0));
	if (n > 0) {
		w->up += (uint64_t)n;
		w->up_at = clock_now();
	}
	return note(w, n, sys);
}
