#include "sync/net/dial.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "state/base/buf.h"
#include "state/base/log.h"
#include "state/base/mem.h"
#include "state/base/vec.h"
#include "sync/net/clock.h"

enum { NEXT_MS = 250 };			/* RFC 8305 section 5 */

/* getaddrinfo() knows no deadline, so it runs in a thread that may be left behind. */
struct lookup {
	pthread_mutex_t lock;		/* for users and is_done */
	int users;			/* the thread and the one who waits; the last one frees */
	bool is_done;			/* list, fault and sys belong to the one who waits */
	int done[2];			/* pipe: the thread closes [1] then */
	char *host, port[8];
	struct addrinfo *list;
	int fault, sys;			/* getaddrinfo()'s answer and errno */
};

static void
lookup_leave(struct lookup *l)
{
	int left;

	pthread_mutex_lock(&l->lock);
	left = --l->users;
	pthread_mutex_unlock(&l->lock);
	if (left > 0)
		return;
	if (l->list != NULL)
		freeaddrinfo(l->list);
	pthread_mutex_destroy(&l->lock);
	free(l->host);
	free(l);
}

static void
lookup_run(struct lookup *l, int flags)
{
	struct addrinfo hints;

	memset(&hints, 0, sizeof hints);
	hints.ai_family = AF_UNSPEC;
	hints.ai_socktype = SOCK_STREAM;
	hints.ai_flags = flags | AI_NUMERICSERV;
	l->fault = getaddrinfo(l->host, l->port, &hints, &l->list);
	/* "localhost" is the loopback addresses wherever it is not looked up (RFC 6761 section 6.3): a machine may have no hosts file. */
	if (l->fault != 0 && flags == 0 && strcasecmp(l->host, "localhost") == 0)
		l->fault = getaddrinfo(NULL, l->port, &hints, &l->list);
	l->sys = l->fault == EAI_SYSTEM ? errno : 0;
}

static void *
lookup_thread(void *arg)
{
	struct lookup *l = arg;

	lookup_run(l, 0);
	pthread_mutex_lock(&l->lock);
	l->is_done = true;
	pthread_mutex_unlock(&l->lock);
	close(l->done[1]);
	lookup_leave(l);
	return NULL;
}

static int
fail_timeout(const struct net_settings *set, const char *label, const char *what, struct err *e)
{
	err_class(e, ERR_STORE, ERR_TEMPORARY, ERR_LATER, "%s: %s within %u seconds", label, what,
	    set->timeout);
	e->sys = ETIMEDOUT;
	return -1;
}

static int
fail_cancelled(const char *label, struct err *e)
{
	return err_class(e, ERR_RUN, ERR_CANCELLED, ERR_LATER, "%s: stopped", label);
}

/* Runs the lookup in its thread and waits. Afterwards *l is filled in, or the error is set. */
static int
lookup_wait(struct lookup *l, const struct net_settings *set, const char *label, long long deadline,
    struct err *e)
{
	struct pollfd p[2];
	pthread_attr_t attr;
	pthread_t thread;
	sigset_t all, old;
	bool is_done;
	int r;

	if (pipe2(l->done, O_CLOEXEC) < 0)
		return err_sys(e, ERR_STORE, errno, "%s: cannot make a pipe", label);
	l->users++;
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	sigfillset(&all);		/* signals belong to the threads that handle them */
	pthread_sigmask(SIG_SETMASK, &all, &old);
	r = pthread_create(&thread, &attr, lookup_thread, l);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&attr);
	if (r != 0)			/* no thread to be had: wait without a limit */
		lookup_thread(l);
	p[0] = (struct pollfd){ .fd = l->done[0], .events = POLLIN };
	p[1] = (struct pollfd){ .fd = set->cancel_fd > 0 ? set->cancel_fd : -1, .events = POLLIN };
	r = clock_poll(p, 2, deadline);
	close(l->done[0]);
	if (r > 0 && p[1].revents != 0)
		return fail_cancelled(label, e);
	pthread_mutex_lock(&l->lock);
	is_done = l->is_done;
	pthread_mutex_unlock(&l->lock);
	if (!is_done)
		return fail_timeout(set, label, "no answer from the name service", e);
	return 0;
}

static int
lookup_fault(const struct lookup *l, const char *label, struct err *e)
{
	const char *why = l->fault == EAI_SYSTEM ? strerror(l->sys) : gai_strerror(l->fault);

	if (l->fault == EAI_NONAME)
		why = "no such host";
	return err_class(e, ERR_STORE, ERR_TEMPORARY, ERR_LATER, "%s: its address cannot be found: %s",
	    label, why);
}

int
dial_lookup(const struct net_settings *set, const char *label, long long deadline, struct addrinfo **list_r, struct err *e)
{
	struct lookup *l = mem_alloc(sizeof *l);
	int rc = 0;

	pthread_mutex_init(&l->lock, NULL);
	l->users = 1;
	l->host = mem_strdup(set->host);
	snprintf(l->port, sizeof l->port, "%u", set->port);
	lookup_run(l, AI_NUMERICHOST);
	if (l->fault != 0)
		rc = lookup_wait(l, set, label, deadline, e);
	if (rc == 0 && l->fault != 0)
		rc = lookup_fault(l, label, e);
	if (rc == 0) {
		*list_r = l->list;
		l->list = NULL;
	}
	lookup_leave(l);
	return rc;
}

int
dial(const struct net_settings *set, const char *label, struct err *e)
{
	long long deadline = set->timeout != 0 ? clock_now() + set->timeout * 1000LL : 0;
	struct addrinfo *list;
	int fd = -1;

	net_wait_begin(set);
	if (dial_lookup(set, label, deadline, &list, e) == 0) {
		fd = dial_addresses(list, set, label, deadline, e);
		freeaddrinfo(list);
	}
	net_wait_end(set, false);
	return fd;
}

/* Connecting. */

struct attempt {
	const struct addrinfo *ai;
	int fd;				/* -1 = not begun, or failed */
	int sys;			/* errno of the failure, 0 = none */
};

struct race {
	VEC(struct attempt) all;
	size_t begun;			/* all.at[0..begun) have been tried */
	size_t open;			/* of those, how many still may answer */
	int won;			/* the connected socket, or -1 */
};

/* The system's order with the families taking turns (RFC 8305 section 4). */
static void
line_up(struct race *r, const struct addrinfo *list)
{
	const struct addrinfo *first = list, *other = list, *ai;
	int family = list != NULL ? list->ai_family : AF_UNSPEC;

	for (;;) {
		while (first != NULL && first->ai_family != family)
			first = first->ai_next;
		while (other != NULL && other->ai_family == family)
			other = other->ai_next;
		if (first == NULL && other == NULL)
			return;
		if ((ai = first) != NULL) {
			vec_push(&r->all, (struct attempt){ .ai = ai, .fd = -1 });
			first = ai->ai_next;
		}
		if ((ai = other) != NULL) {
			vec_push(&r->all, (struct attempt){ .ai = ai, .fd = -1 });
			other = ai->ai_next;
		}
	}
}

static void
attempt_text(const struct attempt *a, char *text, size_t size)
{
	if (getnameinfo(a->ai->ai_addr, a->ai->ai_addrlen, text, (socklen_t)size, NULL, 0,
	    NI_NUMERICHOST) != 0)
		snprintf(text, size, "address");
}

static void
attempt_fail(struct race *r, struct attempt *a, int sys)
{
	if (a->fd >= 0) {
		close(a->fd);
		a->fd = -1;
		r->open--;
	}
	a->sys = sys;
}

static void
attempt_begin(struct race *r)
{
	struct attempt *a = &r->all.at[r->begun++];
	char text[64];

	attempt_text(a, text, sizeof text);
	log_line(LOG_NET, "connecting to %s", text);
	a->fd = socket(a->ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, a->ai->ai_protocol);
	if (a->fd < 0) {
		a->sys = errno;
		return;
	}
	r->open++;
	if (connect(a->fd, a->ai->ai_addr, a->ai->ai_addrlen) == 0) {
		r->won = a->fd;
		a->fd = -1;
		r->open--;
	} else if (errno != EINPROGRESS && errno != EINTR) {
		attempt_fail(r, a, errno);
	}
}

/* Waits until one answers, `until` has come or the user stops it. -1 with *e only for the latter. */
static int
race_wait(struct race *r, int cancel_fd, long long until, const char *label, struct err *e)
{
	VEC(struct pollfd) p = { NULL, 0, 0 };
	socklen_t len = sizeof(int);
	int sys, ret = 0;
	size_t i;

	vec_push(&p, (struct pollfd){ .fd = cancel_fd > 0 ? cancel_fd : -1, .events = POLLIN });
	for (i = 0; i < r->begun; i++)
		vec_push(&p, (struct pollfd){ .fd = r->all.at[i].fd, .events = POLLOUT });
	if (clock_poll(p.at, p.n, until) < 0) {
		ret = err_sys(e, ERR_STORE, errno, "%s: cannot wait for the connection", label);
		goto done;
	}
	if (p.at[0].revents != 0) {
		ret = fail_cancelled(label, e);
		goto done;
	}
	for (i = 0; i < r->begun && r->won < 0; i++) {
		struct attempt *a = &r->all.at[i];

		if (a->fd < 0 || p.at[i + 1].revents == 0)
			continue;
		if (getsockopt(a->fd, SOL_SOCKET, SO_ERROR, &sys, &len) < 0)
			sys = errno;
		if (sys != 0) {
			attempt_fail(r, a, sys);
			continue;
		}
		r->won = a->fd;
		a->fd = -1;
		r->open--;
	}
done:
	vec_release(&p);
	return ret;
}

/* "connection refused", or one reason per address where they differ. */
static int
race_lost(const struct race *r, const char *label, struct err *e)
{
	struct buf text = { NULL, 0, 0, 0 };
	char addr[64];
	int sys = r->all.n > 0 ? r->all.at[0].sys : EHOSTUNREACH;
	size_t i, same = 0;

	for (i = 0; i < r->all.n; i++)
		same += r->all.at[i].sys == sys;
	if (same == r->all.n) {
		buf_adds(&text, strerror(sys));
		if (sys == ECONNREFUSED)
			buf_adds(&text, " (nothing listens on that port)");
	} else {
		for (i = 0; i < r->all.n; i++) {
			attempt_text(&r->all.at[i], addr, sizeof addr);
			buf_printf(&text, "%s%s: %s", i ? "; " : "", addr, strerror(r->all.at[i].sys));
		}
	}
	err_class(e, ERR_STORE, ERR_TEMPORARY, ERR_LATER, "%s: cannot connect: %s", label,
	    buf_str(&text));
	e->sys = sys;
	buf_release(&text);
	return -1;
}

int
dial_addresses(const struct addrinfo *list, const struct net_settings *set, const char *label,
    long long deadline, struct err *e)
{
	struct race r = { { NULL, 0, 0 }, 0, 0, -1 };
	long long next = 0, until;
	int one = 1;

	line_up(&r, list);
	while (r.won < 0) {
		if (r.begun < r.all.n && (r.open == 0 || clock_now() >= next)) {
			attempt_begin(&r);
			next = clock_now() + NEXT_MS;
			continue;
		}
		if (r.open == 0) {
			race_lost(&r, label, e);
			break;
		}
		if (deadline != 0 && clock_now() >= deadline) {
			fail_timeout(set, label, "the connection was not answered", e);
			break;
		}
		until = deadline;
		if (r.begun < r.all.n && (until == 0 || next < until))
			until = next;
		if (race_wait(&r, set->cancel_fd, until, label, e) < 0)
			break;
	}
	for (size_t i = 0; i < r.begun; i++)
		if (r.all.at[i].fd >= 0)
			close(r.all.at[i].fd);
	vec_release(&r.all);
	if (r.won >= 0) {
		setsockopt(r.won, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
		setsockopt(r.won, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof one);
	}
	return r.won;
}
