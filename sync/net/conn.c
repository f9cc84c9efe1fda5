#include "sync/net/conn.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "state/base/buf.h"
#include "state/base/log.h"
#include "state/base/mem.h"
#include "sync/net/ack.h"
#include "sync/net/clock.h"
#include "sync/net/deflate.h"
#include "sync/net/tls.h"
#include "sync/net/transcript.h"
#include "sync/net/tunnel.h"
#include "sync/net/wire.h"

enum {
	PORTION = 16384,		/* taken in at once */
	AHEAD_MAX = 1 << 20,
	HEAR_MS = 50,			/* between two questions whether we are cancelled, while nothing waits */
	SLEPT_MS = 30000,		/* a longer suspend than this ends a connection */
	EXIT_MS = 200,			/* for a tunnel's exit status after its end of file */
	OPENING_TIMEOUTS = 2,		/* for a handshake, and for a greeting, in all */
	PATIENCE_TIMEOUTS = 10,		/* for something of use */
	SECOND_OF_ANYTHING = 8192,	/* octets that make up for a second of waiting */
	SECOND_OF_USE = 512,
	BARREN_MAX = 65536,		/* compressed octets with nothing in them */
};

struct conn {
	struct net *net;
	const char *label;		/* net's */
	struct wire wire;
	pid_t tunnel;			/* 0 = none, or reaped */
	struct tls_link *tls;		/* NULL = plain */
	struct deflate *deflate;	/* NULL = not compressed */
	struct transcript *transcript;	/* NULL = none */
	struct buf ahead;		/* input taken in early, from ahead_at on */
	size_t ahead_at;
	struct buf packed;		/* output, compressed */
	uint64_t data_up, data_down, turns;
	bool has_asked;			/* written since we last waited for input */
	long long dripping_since;	/* a line came in part, in so few octets that they are no progress; 0 = no */
	size_t dripped;
	long long waited;		/* ms within conn_read() since something of use came */
	long long pushed;		/* and within writing, what was taken in making up for it */
	long long patience;		/* and how many there may be; 0 = no limit */
	size_t barren;
	long long slept;		/* clock_slept() up to now */
	long long heard;		/* when it was last asked whether we are cancelled */
	short read_wants, write_wants;	/* what to poll for before the next try */
	bool is_read_dead, is_write_dead;
	bool has_cause;
	struct err cause;		/* the first thing that went wrong */
};

/* Causes. */

static int
fail(struct conn *c, const struct err *why)
{
	if (!c->has_cause) {
		c->cause = *why;
		c->has_cause = true;
		log_line(LOG_NET, "%s", why->text);
		if (c->transcript != NULL)
			transcript_note(c->transcript, "%s", why->text);
	}
	return -1;
}

static int
fail_cancelled(struct conn *c)
{
	struct err e;

	c->is_read_dead = c->is_write_dead = true;
	err_class(&e, ERR_RUN, ERR_CANCELLED, ERR_LATER, "%s: stopped", c->label);
	return fail(c, &e);
}

static int
fail_timeout(struct conn *c, bool is_write)
{
	unsigned seconds = net_settings(c->net)->timeout;
	struct err e;

	c->is_read_dead = c->is_write_dead = true;
	if (is_write)
		err_class(&e, ERR_STORE, ERR_TEMPORARY, ERR_NOW,
		    "%s: the server took in nothing for %u seconds", c->label, seconds);
	else
		err_class(&e, ERR_STORE, ERR_TEMPORARY, ERR_NOW, "%s: no answer for %u seconds", c->label,
		    seconds);
	e.sys = ETIMEDOUT;
	return fail(c, &e);
}

/* It talks, or drips, but says nothing. */
static int
fail_useless(struct conn *c)
{
	struct err e;

	c->is_read_dead = c->is_write_dead = true;
	err_class(&e, ERR_STORE, ERR_TEMPORARY, ERR_LATER,
	    "%s: in %lld seconds the server said nothing of use (Timeout %u; it may be set higher)", c->label, c->patience / 1000,
	    net_settings(c->net)->timeout);
	e.sys = ETIMEDOUT;
	return fail(c, &e);
}

/* The end of input; a tunnel's command may say why. */
static int
fail_closed(struct conn *c)
{
	enum err_retry retry = c->data_down > 0 ? ERR_NOW : ERR_LATER;
	char how[64];
	struct err e;

	c->is_read_dead = true;
	if (c->tunnel > 0 && tunnel_wait(c->tunnel, EXIT_MS, how, sizeof how)) {
		c->tunnel = 0;
		err_class(&e, ERR_STORE, ERR_TEMPORARY, retry, "%s: the command %s", c->label, how);
	} else {
		err_class(&e, ERR_STORE, ERR_TEMPORARY, retry, "%s: the server closed the connection",
		    c->label);
	}
	return fail(c, &e);
}

static int
fail_socket(struct conn *c, int sys)
{
	struct err e;

	c->is_read_dead = true;
	if (sys == EPIPE || sys == ECONNRESET)
		err_class(&e, ERR_STORE, ERR_TEMPORARY, ERR_NOW, "%s: the server cut the connection (%s)",
		    c->label, strerror(sys));
	else
		err_class(&e, ERR_STORE, ERR_TEMPORARY, ERR_NOW, "%s: the connection broke: %s", c->label,
		    strerror(sys));
	e.sys = sys;
	return fail(c, &e);
}

static int
fail_inflate(struct conn *c)
{
	struct err e;

	c->is_read_dead = true;
	err_class(&e, ERR_STORE, ERR_TEMPORARY, ERR_NOW,
	    "%s: what the server sent cannot be decompressed", c->label);
	return fail(c, &e);
}

static bool
is_cancelled(const struct conn *c)
{
	struct pollfd stop = { .fd = net_settings(c->net)->cancel_fd, .events = POLLIN };

	return stop.fd > 0 && poll(&stop, 1, 0) > 0 && (stop.revents & POLLIN);
}

/* Cancelled, or asleep for so long that nobody knows what became of the connection. */
static int
check(struct conn *c)
{
	long long slept = clock_slept(), now = clock_now();
	struct err e;

	/* A server that never lets us wait would keep us from hearing of it; but each question is a system call. */
	if (now - c->heard >= HEAR_MS || now < c->heard) {
		c->heard = now;
		if (is_cancelled(c))
			return fail_cancelled(c);
	}
	if (slept - c->slept > SLEPT_MS) {
		c->is_read_dead = c->is_write_dead = true;
		err_class(&e, ERR_STORE, ERR_TEMPORARY, ERR_NOW,
		    "%s: the machine was asleep for %lld seconds, so the connection was given up", c->label,
		    (slept - c->slept) / 1000);
		return fail(c, &e);
	}
	c->slept = slept;
	return 0;
}

/* Waiting. */

/* Polls for `wants`, on behalf of the throttle until it lets go, or `deadline` (0 = none).
 * 1: try again; 0: the deadline has passed; -1: dead. */
static int
poll_wire(struct conn *c, short wants, long long deadline)
{
	const int stop = net_settings(c->net)->cancel_fd;
	long long hold = 0, until = deadline, now = clock_now();
	struct pollfd p[2];
	int r;

	if ((wants & POLLOUT) != 0)
		hold = c->wire.up_hold;
	else if ((wants & POLLIN) != 0)
		hold = c->wire.down_hold;
	/* Input that may not be taken yet would wake us for nothing. */
	if ((wants & POLLIN) != 0 && (wants & POLLOUT) != 0 && c->wire.down_hold > now) {
		wants = POLLOUT;
		if (until == 0 || c->wire.down_hold < until)
			until = c->wire.down_hold;
	}
	if (hold > now && (until == 0 || hold < until))
		until = hold;
	if (wants & POLLIN)
		ack_now(c->wire.fd);
	p[0] = (struct pollfd){ .fd = hold > now ? -1 : c->wire.fd, .events = wants };
	p[1] = (struct pollfd){ .fd = stop > 0 ? stop : -1, .events = POLLIN };
	/* The throttle's time is not the server's. */
	if (hold <= now)
		net_wait_begin(net_settings(c->net));
	r = clock_poll(p, 2, until);
	if (hold <= now)
		net_wait_end(net_settings(c->net), r > 0);
	if (r < 0)
		return fail_socket(c, errno);
	if (check(c) < 0)
		return -1;
	if (r > 0 && p[1].revents != 0)
		return fail_cancelled(c);
	return r > 0 || until != deadline;
}

/* Input without waiting: bytes, 0 = none now (read_wants says what to poll for), -1 = no more. */
static ssize_t
take_link(struct conn *c, void *p, size_t len)
{
	struct err e;
	ssize_t n;

	c->read_wants = POLLIN;
	if (c->tls == NULL) {
		n = wire_recv(&c->wire, p, len);
		if (n > 0)
			return n;
		if (n == 0)
			return fail_closed(c);
		return errno == EAGAIN ? 0 : fail_socket(c, errno);
	}
	n = tls_read(c->tls, p, len, &e);
	switch (n) {
	case TLS_WANT_WRITE:
		c->read_wants = POLLOUT;
		return 0;
	case TLS_WANT_READ:
		return 0;
	case TLS_CLOSED:
		return fail_closed(c);
	case TLS_SOCKET:
		return fail_socket(c, c->wire.sys);
	case TLS_FAILED:
		c->is_read_dead = true;
		return fail(c, &e);
	}
	return n;
}

/* The same of what is compressed. Apart, as its buffer is made anew with each call. */
static ssize_t
take_packed(struct conn *c, void *p, size_t len)
{
	char in[PORTION];
	ssize_t n;

	while ((n = deflate_read(c->deflate, p, len)) == 0) {
		if ((n = take_link(c, in, sizeof in)) <= 0)
			return n;
		c->barren += (size_t)n;
		if (c->barren > BARREN_MAX)
			return fail_inflate(c);
		deflate_feed(c->deflate, in, (size_t)n);
	}
	return n == -2 ? fail_closed(c) : n < 0 ? fail_inflate(c) : n;
}

static ssize_t
take(struct conn *c, void *p, size_t len)
{
	ssize_t n;

	if (c->is_read_dead)
		return -1;
	n = c->deflate != NULL ? take_packed(c, p, len) : take_link(c, p, len);
	if (n <= 0)
		return n;
	c->barren = 0;
	c->data_down += (uint64_t)n;
	if (c->transcript != NULL)
		transcript_data(c->transcript, TRANSCRIPT_SERVER, p, (size_t)n, false);
	return n;
}

/* One portion of input into `ahead`; answers as take(). */
static ssize_t
take_ahead(struct conn *c)
{
	ssize_t n;

	if (c->ahead_at == c->ahead.len) {
		buf_clear(&c->ahead);
		c->ahead_at = 0;
	}
	buf_reserve(&c->ahead, PORTION);
	n = take(c, c->ahead.data + c->ahead.len, PORTION);
	if (n > 0) {
		c->ahead.len += (size_t)n;
		c->ahead.data[c->ahead.len] = '\0';
	}
	return n;
}

static bool
has_room_ahead(const struct conn *c)
{
	return !c->is_read_dead && c->ahead.len < AHEAD_MAX;
}

static void
count_turn(struct conn *c)
{
	c->turns += c->has_asked;
	c->has_asked = false;
}

/* Waits until the direction may go on. *since: when it last did. limit: until when at most (0 = none). */
static int
await(struct conn *c, bool is_write, long long *since, long long limit)
{
	const unsigned timeout = net_settings(c->net)->timeout;
	long long moved = is_write ? c->wire.up_at : c->wire.down_at;
	long long held = is_write ? c->wire.up_hold : c->wire.down_hold;
	short wants = is_write ? c->write_wants : c->read_wants;
	long long deadline, until;
	int r;

	if (moved > *since && (is_write || c->dripping_since == 0))
		*since = moved;
	if (held > *since)		/* the throttle's time is not the server's */
		*since = held;
	if (held > clock_now()) {
		*(is_write ? &c->pushed : &c->waited) -= held - clock_now();
		limit = 0;
	}
	if (is_write && has_room_ahead(c))
		wants |= POLLIN;
	if (!is_write)
		count_turn(c);
	deadline = timeout != 0 ? *since + timeout * 1000LL : 0;
	until = deadline != 0 && limit != 0 && limit < deadline ? limit : deadline;
	r = poll_wire(c, wants, until);
	if (r < 0)
		return -1;
	if (r == 0)
		return until < deadline && !is_write ? fail_useless(c) : fail_timeout(c, is_write);
	/* The write is tried again whatever comes in, or does not. */
	if (is_write && has_room_ahead(c) && c->write_wants != POLLIN)
		take_ahead(c);
	return 0;
}

/* Writing. */

static int
fail_write(struct conn *c, int sys)
{
	/* What was said before, perhaps the very reason, is still there to be read. */
	while (has_room_ahead(c) && take_ahead(c) > 0)
		;
	c->is_write_dead = true;
	if (!c->has_cause) {
		bool was_dead = c->is_read_dead;

		fail_socket(c, sys);
		c->is_read_dead = was_dead;
	}
	return -1;
}

/* Bytes written, 0 = none now (write_wants), -1 = dead. */
static ssize_t
put(struct conn *c, const char *p, size_t len)
{
	struct err e;
	ssize_t n;

	c->write_wants = POLLOUT;
	if (c->tls == NULL) {
		n = wire_send(&c->wire, p, len);
		if (n >= 0)
			return n;
		return errno == EAGAIN ? 0 : fail_write(c, errno);
	}
	n = tls_write(c->tls, p, len, &e);
	switch (n) {
	case TLS_WANT_READ:
		c->write_wants = POLLIN;
		return 0;
	case TLS_WANT_WRITE:
		return 0;
	case TLS_CLOSED:
		return fail_write(c, EPIPE);
	case TLS_SOCKET:
		return fail_write(c, c->wire.sys);
	case TLS_FAILED:
		c->is_read_dead = c->is_write_dead = true;
		return fail(c, &e);
	}
	return n;
}

static int
put_all(struct conn *c, const char *p, size_t len)
{
	long long begin = clock_now(), since = begin;
	long long limit = c->patience != 0 ? begin + c->patience - c->pushed : 0;
	long long worth = (long long)len * 1000 / SECOND_OF_USE;
	ssize_t n;

	while (len > 0) {
		if ((n = put(c, p, len)) < 0)
			return -1;
		p += n;
		len -= (size_t)n;
		if (n == 0 && await(c, true, &since, limit) < 0)
			return -1;
	}
	/* A server may take in a little at a time as well as say it. */
	c->pushed += clock_now() - begin - worth;
	if (c->pushed < 0)
		c->pushed = 0;
	return 0;
}

/* A server that sends a line octet by octet would keep us for ever: only the end of a line, or a fair piece of
 * one, renews the deadline. */
static void
note_progress(struct conn *c, const char *p, size_t n)
{
	enum { FAIR_PIECE = 512 };

	c->dripped += n;
	if (c->dripped >= FAIR_PIECE || memchr(p, '\n', n) != NULL) {
		c->dripped = 0;
		c->dripping_since = 0;
	} else if (c->dripping_since == 0) {
		c->dripping_since = clock_now();
	}
}

/* What comes makes up for waiting. */
static void
forgive(struct conn *c, uint64_t ms)
{
	c->waited = (long long)ms < c->waited ? c->waited - (long long)ms : 0;
}

/* What stream.c uses. */

ssize_t
conn_read(struct conn *c, void *p, size_t len)
{
	long long begin = clock_now(), since = c->dripping_since != 0 ? c->dripping_since : begin;
	long long limit = c->patience != 0 ? begin + c->patience - c->waited : 0;
	size_t left = c->ahead.len - c->ahead_at;
	ssize_t n;

	assert(len > 0);
	if (check(c) < 0)
		return -1;
	if (left > 0) {
		n = (ssize_t)(left < len ? left : len);
		memcpy(p, c->ahead.data + c->ahead_at, (size_t)n);
		c->ahead_at += (size_t)n;
		return n;
	}
	if (limit != 0 && limit <= begin)
		return fail_useless(c);
	while ((n = take(c, p, len)) == 0)
		if (await(c, false, &since, limit) < 0)
			return -1;
	if (n > 0) {
		note_progress(c, p, (size_t)n);
		c->waited += clock_now() - begin;
		forgive(c, (uint64_t)n * 1000 / SECOND_OF_ANYTHING);
	}
	return n;
}

int
conn_write(struct conn *c, const void *p, size_t len)
{
	int r;

	if (check(c) < 0 || c->is_write_dead)
		return -1;
	c->data_up += len;
	c->has_asked = true;
	if (c->deflate != NULL) {
		buf_clear(&c->packed);
		deflate_write(c->deflate, p, len, &c->packed);
		r = put_all(c, c->packed.data, c->packed.len);
	} else {
		r = put_all(c, p, len);
	}
	if (r < 0)
		c->is_write_dead = true;
	return r;
}

int
conn_wait(struct conn *c, int ms)
{
	long long deadline = ms >= 0 ? clock_now() + ms : 0;
	ssize_t n;
	int r;

	if (check(c) < 0)
		return -1;
	if (c->ahead_at < c->ahead.len)
		return 1;
	while ((n = take_ahead(c)) == 0) {
		if (ms == 0)
			return 0;	/* a look, and no wait */
		count_turn(c);
		r = poll_wire(c, c->read_wants, deadline);
		if (r <= 0)
			return r;
	}
	return n > 0 ? 1 : -1;
}

bool
conn_has_input(struct conn *c)
{
	char byte;

	return c->ahead_at < c->ahead.len || recv(c->wire.fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

int
conn_start_tls(struct conn *c, struct err *e)
{
	struct tls *tls = net_tls(c->net, e);
	long long since = clock_now(), limit = since + OPENING_TIMEOUTS * 1000LL * net_settings(c->net)->timeout;
	enum tls_answer a;
	char text[128];

	if (tls == NULL)
		return -1;
	if ((c->tls = tls_link_new(tls, &c->wire, e)) == NULL)
		return -1;
	c->has_asked = true;
	while ((a = tls_handshake(c->tls, e)) != TLS_DONE) {
		switch (a) {
		case TLS_WANT_READ:
		case TLS_WANT_WRITE:
			c->read_wants = a == TLS_WANT_READ ? POLLIN : POLLOUT;
			c->has_asked = true;
			if (await(c, false, &since, limit) == 0)
				continue;
			break;
		case TLS_CLOSED:
			fail_closed(c);
			break;
		case TLS_SOCKET:
			fail_socket(c, c->wire.sys);
			break;
		default:
			fail(c, e);
		}
		c->is_read_dead = c->is_write_dead = true;
		*e = c->cause;
		if (a != TLS_FAILED)
			err_context(e, "in the TLS handshake");
		return -1;
	}
	if (c->transcript != NULL) {
		tls_describe(c->tls, text, sizeof text);
		transcript_note(c->transcript, "%s", text);
	}
	return 0;
}

void
conn_answered(struct conn *c)
{
	c->waited = c->pushed = 0;
	c->patience = PATIENCE_TIMEOUTS * 1000LL * net_settings(c->net)->timeout;
}

void
conn_useful(struct conn *c, uint64_t octets)
{
	forgive(c, octets * 1000 / SECOND_OF_USE);
}

void
conn_start_deflate(struct conn *c, const void *p, size_t len)
{
	assert(c->deflate == NULL);
	c->deflate = deflate_new();
	deflate_feed(c->deflate, p, len);
	deflate_feed(c->deflate, buf_str(&c->ahead) + c->ahead_at, c->ahead.len - c->ahead_at);
	c->ahead_at = c->ahead.len;
	if (c->transcript != NULL)
		transcript_note(c->transcript, "compressed from here on");
}

int
conn_kill(struct conn *c, const struct err *e)
{
	c->is_read_dead = c->is_write_dead = true;
	c->ahead_at = c->ahead.len;
	return fail(c, e);
}

int
conn_fail(const struct conn *c, struct err *e)
{
	if (c->has_cause)
		*e = c->cause;
	else
		err_class(e, ERR_STORE, ERR_TEMPORARY, ERR_NOW, "%s: the connection failed", c->label);
	return -1;
}

bool
conn_is_dead(const struct conn *c)
{
	return c->has_cause;
}

int
conn_fd(const struct conn *c)
{
	return c->wire.fd;
}

bool
conn_is_tls(const struct conn *c)
{
	return c->tls != NULL;
}

const char *
conn_binding(const struct conn *c, struct buf *data)
{
	return c->tls != NULL ? tls_binding(c->tls, data) : NULL;
}

bool
conn_is_deflated(const struct conn *c)
{
	return c->deflate != NULL;
}

void
conn_describe(const struct conn *c, char *text, size_t size)
{
	char tls[96] = "plain";

	if (c->tls != NULL)
		tls_describe(c->tls, tls, sizeof tls);
	snprintf(text, size, "%s%s", tls, c->deflate != NULL ? ", compressed" : "");
}

void
conn_counts(const struct conn *c, uint64_t wire[2], uint64_t data[2], uint64_t *turns_r)
{
	wire[0] = c->wire.up;
	wire[1] = c->wire.down;
	data[0] = c->data_up;
	data[1] = c->data_down;
	*turns_r = c->turns;
}

struct conn *
conn_new(struct net *net, int fd, pid_t tunnel, struct transcript *t)
{
	struct conn *c = mem_alloc(sizeof *c);

	c->net = net;
	c->label = net_label(net);
	c->wire.fd = fd;
	c->wire.down_limit = net_down(net);
	c->wire.up_limit = net_up(net);
	c->tunnel = tunnel;
	c->transcript = t;
	c->slept = clock_slept();
	c->patience = OPENING_TIMEOUTS * 1000LL * net_settings(net)->timeout;
	return c;
}

void
conn_free(struct conn **conn)
{
	struct conn *c = *conn;

	*conn = NULL;
	if (c == NULL)
		return;
	tls_link_free(&c->tls);
	close(c->wire.fd);
	if (c->tunnel > 0)
		tunnel_stop(c->tunnel, is_cancelled(c));
	deflate_free(&c->deflate);
	transcript_close(&c->transcript);
	buf_release(&c->ahead);
	buf_release(&c->packed);
	free(c);
}
