#include "sync/net/stream.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "state/base/buf.h"
#include "state/base/log.h"
#include "state/base/mem.h"
#include "state/base/vec.h"
#include "sync/net/clock.h"
#include "sync/net/deflate.h"
#include "sync/net/dial.h"
#include "sync/net/tls.h"
#include "sync/net/transcript.h"
#include "sync/net/tunnel.h"
#include "sync/net/wire.h"

enum {
	BUFFER = 16384,			/* libetpan moves the rest of it with each line read */
	AHEAD_MAX = 1 << 20,
	SLEPT_MS = 30000,		/* a longer suspend than this ends a connection */
	EXIT_MS = 200,			/* for a tunnel's exit status after its end of file */
};

/* Bytes [from, to) of all that is written. */
struct secret {
	uint64_t from, to;		/* to: UINT64_MAX while it is open */
};

struct stream {
	struct net *net;
	const char *label;		/* net's */
	mailstream *mail;
	struct mailstream_cancel *cancel;	/* has its own lock */
	struct wire wire;
	pid_t tunnel;			/* 0 = none, or reaped */
	struct tls_link *tls;		/* NULL = plain */
	struct deflate *deflate;	/* NULL = not compressed */
	struct transcript *transcript;	/* NULL = none */
	struct buf ahead;		/* input taken in early, from ahead_at on */
	size_t ahead_at;
	struct buf packed;		/* output, compressed */
	VEC(struct secret) secrets;	/* not yet written out, in order */
	uint64_t data_up, data_down, turns;
	bool has_asked;			/* written since we last waited for input */
	long long slept;		/* clock_slept() up to now */
	short read_wants, write_wants;	/* what to poll for before the next try */
	bool is_read_dead, is_write_dead;
	bool has_cause;
	struct err cause;		/* the first thing that went wrong */
};

/* Causes. */

static int
fail(struct stream *s, const struct err *why)
{
	if (!s->has_cause) {
		s->cause = *why;
		s->has_cause = true;
		log_line(LOG_NET, "%s", why->text);
		if (s->transcript != NULL)
			transcript_note(s->transcript, "%s", why->text);
	}
	return -1;
}

static int
fail_cancelled(struct stream *s)
{
	struct err e;

	s->is_read_dead = s->is_write_dead = true;
	err_class(&e, ERR_RUN, ERR_CANCELLED, ERR_LATER, "%s: stopped", s->label);
	return fail(s, &e);
}

static int
fail_timeout(struct stream *s, bool is_write)
{
	unsigned seconds = net_settings(s->net)->timeout;
	struct err e;

	s->is_read_dead = s->is_write_dead = true;
	if (is_write)
		err_class(&e, ERR_STORE, ERR_TEMPORARY, ERR_NOW,
		    "%s: the server took in nothing for %u seconds", s->label, seconds);
	else
		err_class(&e, ERR_STORE, ERR_TEMPORARY, ERR_NOW, "%s: no answer for %u seconds", s->label,
		    seconds);
	e.sys = ETIMEDOUT;
	return fail(s, &e);
}

/* The end of input; a tunnel's command may tell why. */
static int
fail_closed(struct stream *s)
{
	enum err_retry retry = s->data_down > 0 ? ERR_NOW : ERR_LATER;
	char how[64];
	struct err e;

	s->is_read_dead = true;
	if (s->tunnel > 0 && tunnel_wait(s->tunnel, EXIT_MS, how, sizeof how)) {
		s->tunnel = 0;
		err_class(&e, ERR_STORE, ERR_TEMPORARY, retry, "%s: the command %s", s->label, how);
	} else {
		err_class(&e, ERR_STORE, ERR_TEMPORARY, retry, "%s: the server closed the connection",
		    s->label);
	}
	return fail(s, &e);
}

static int
fail_socket(struct stream *s, int sys)
{
	struct err e;

	s->is_read_dead = true;
	if (sys == EPIPE || sys == ECONNRESET)
		err_class(&e, ERR_STORE, ERR_TEMPORARY, ERR_NOW, "%s: the server cut the connection (%s)",
		    s->label, strerror(sys));
	else
		err_class(&e, ERR_STORE, ERR_TEMPORARY, ERR_NOW, "%s: the connection broke: %s", s->label,
		    strerror(sys));
	e.sys = sys;
	return fail(s, &e);
}

static int
fail_inflate(struct stream *s)
{
	struct err e;

	s->is_read_dead = true;
	err_class(&e, ERR_STORE, ERR_TEMPORARY, ERR_NOW,
	    "%s: what the server sent cannot be decompressed", s->label);
	return fail(s, &e);
}

/* Cancelled, or asleep for so long that nobody knows what became of the connection. */
static int
check(struct stream *s)
{
	long long slept = clock_slept();
	struct err e;

	if (mailstream_cancel_cancelled(s->cancel))
		return fail_cancelled(s);
	if (slept - s->slept > SLEPT_MS) {
		s->is_read_dead = s->is_write_dead = true;
		err_class(&e, ERR_STORE, ERR_TEMPORARY, ERR_NOW,
		    "%s: the machine was asleep for %lld seconds, so the connection was given up", s->label,
		    (slept - s->slept) / 1000);
		return fail(s, &e);
	}
	s->slept = slept;
	return 0;
}

/* Waiting. */

/* Polls for `wants`, on behalf of the throttle until it lets go, or `deadline` (0 = none).
 * 1: try again; 0: the deadline has passed; -1: dead. */
static int
poll_wire(struct stream *s, short wants, long long deadline)
{
	const int stop = net_settings(s->net)->cancel_fd;
	long long hold = 0, until = deadline, now = clock_now();
	struct pollfd p[3];
	int r;

	if ((wants & POLLOUT) != 0)
		hold = s->wire.up_hold;
	else if ((wants & POLLIN) != 0)
		hold = s->wire.down_hold;
	/* Input that may not be taken yet would wake us for nothing. */
	if ((wants & POLLIN) != 0 && (wants & POLLOUT) != 0 && s->wire.down_hold > now) {
		wants = POLLOUT;
		if (until == 0 || s->wire.down_hold < until)
			until = s->wire.down_hold;
	}
	if (hold > now && (until == 0 || hold < until))
		until = hold;
	p[0] = (struct pollfd){ .fd = hold > now ? -1 : s->wire.fd, .events = wants };
	p[1] = (struct pollfd){ .fd = mailstream_cancel_get_fd(s->cancel), .events = POLLIN };
	p[2] = (struct pollfd){ .fd = stop > 0 ? stop : -1, .events = POLLIN };
	r = clock_poll(p, 3, until);
	if (r < 0)
		return fail_socket(s, errno);
	if (check(s) < 0)
		return -1;
	if (r > 0 && p[2].revents != 0)
		return fail_cancelled(s);
	return r > 0 || until != deadline;
}

/* Input without waiting: bytes, 0 = none now (read_wants says what to poll for), -1 = no more. */
static ssize_t
take_link(struct stream *s, void *p, size_t len)
{
	struct err e;
	ssize_t n;

	s->read_wants = POLLIN;
	if (s->tls == NULL) {
		n = wire_recv(&s->wire, p, len);
		if (n > 0)
			return n;
		if (n == 0)
			return fail_closed(s);
		return errno == EAGAIN ? 0 : fail_socket(s, errno);
	}
	n = tls_read(s->tls, p, len, &e);
	switch (n) {
	case TLS_WANT_WRITE:
		s->read_wants = POLLOUT;
		return 0;
	case TLS_WANT_READ:
		return 0;
	case TLS_CLOSED:
		return fail_closed(s);
	case TLS_SOCKET:
		return fail_socket(s, s->wire.sys);
	case TLS_FAILED:
		s->is_read_dead = true;
		return fail(s, &e);
	}
	return n;
}

static ssize_t
take(struct stream *s, void *p, size_t len)
{
	char in[BUFFER];
	ssize_t n = 0;

	if (s->is_read_dead)
		return -1;
	if (s->deflate == NULL) {
		if ((n = take_link(s, p, len)) <= 0)
			return n;
	} else {
		while ((n = deflate_read(s->deflate, p, len)) == 0) {
			if ((n = take_link(s, in, sizeof in)) <= 0)
				return n;
			deflate_feed(s->deflate, in, (size_t)n);
		}
		if (n < 0)
			return n == -2 ? fail_closed(s) : fail_inflate(s);
	}
	s->data_down += (uint64_t)n;
	if (s->transcript != NULL)
		transcript_data(s->transcript, TRANSCRIPT_SERVER, p, (size_t)n, false);
	return n;
}

/* One portion of input into `ahead`; answers as take(). */
static ssize_t
take_ahead(struct stream *s)
{
	ssize_t n;

	if (s->ahead_at == s->ahead.len) {
		buf_clear(&s->ahead);
		s->ahead_at = 0;
	}
	buf_reserve(&s->ahead, BUFFER);
	n = take(s, s->ahead.data + s->ahead.len, BUFFER);
	if (n > 0) {
		s->ahead.len += (size_t)n;
		s->ahead.data[s->ahead.len] = '\0';
	}
	return n;
}

static bool
has_room_ahead(const struct stream *s)
{
	return !s->is_read_dead && s->ahead.len < AHEAD_MAX;
}

/* Waits until the direction may go on. *since: when it last did. */
static int
await(struct stream *s, bool is_write, long long *since)
{
	const unsigned timeout = net_settings(s->net)->timeout;
	long long moved = is_write ? s->wire.up_at : s->wire.down_at;
	long long held = is_write ? s->wire.up_hold : s->wire.down_hold;
	short wants = is_write ? s->write_wants : s->read_wants;
	int r;

	if (moved > *since)
		*since = moved;
	if (held > *since)		/* the throttle's time is not the server's */
		*since = held;
	if (is_write && has_room_ahead(s))
		wants |= POLLIN;
	if (!is_write && s->has_asked) {
		s->turns++;
		s->has_asked = false;
	}
	r = poll_wire(s, wants, timeout != 0 ? *since + timeout * 1000LL : 0);
	if (r <= 0)
		return r < 0 ? -1 : fail_timeout(s, is_write);
	/* The write is tried again whatever comes in, or does not. */
	if (is_write && has_room_ahead(s) && s->write_wants != POLLIN)
		take_ahead(s);
	return 0;
}

/* Writing. */

static int
fail_write(struct stream *s, int sys)
{
	/* What was said before, perhaps the very reason, is still there to be read. */
	while (has_room_ahead(s) && take_ahead(s) > 0)
		;
	s->is_write_dead = true;
	if (!s->has_cause) {
		bool was_dead = s->is_read_dead;

		fail_socket(s, sys);
		s->is_read_dead = was_dead;
	}
	return -1;
}

/* Bytes written, 0 = none now (write_wants), -1 = dead. */
static ssize_t
put(struct stream *s, const char *p, size_t len)
{
	struct err e;
	ssize_t n;

	s->write_wants = POLLOUT;
	if (s->tls == NULL) {
		n = wire_send(&s->wire, p, len);
		if (n >= 0)
			return n;
		return errno == EAGAIN ? 0 : fail_write(s, errno);
	}
	n = tls_write(s->tls, p, len, &e);
	switch (n) {
	case TLS_WANT_READ:
		s->write_wants = POLLIN;
		return 0;
	case TLS_WANT_WRITE:
		return 0;
	case TLS_CLOSED:
		return fail_write(s, EPIPE);
	case TLS_SOCKET:
		return fail_write(s, s->wire.sys);
	case TLS_FAILED:
		s->is_read_dead = s->is_write_dead = true;
		return fail(s, &e);
	}
	return n;
}

static int
put_all(struct stream *s, const char *p, size_t len)
{
	long long since = clock_now();
	ssize_t n;

	while (len > 0) {
		if ((n = put(s, p, len)) < 0)
			return -1;
		p += n;
		len -= (size_t)n;
		if (n == 0 && await(s, true, &since) < 0)
			return -1;
	}
	return 0;
}

/* Whether the byte at `at` is secret, and up to where that holds. */
static bool
is_secret(const struct stream *s, uint64_t at, uint64_t *until_r)
{
	*until_r = UINT64_MAX;
	for (size_t i = 0; i < s->secrets.n; i++) {
		if (at < s->secrets.at[i].from) {
			*until_r = s->secrets.at[i].from;
			return false;
		}
		if (at < s->secrets.at[i].to) {
			*until_r = s->secrets.at[i].to;
			return true;
		}
	}
	return false;
}

static void
record_output(struct stream *s, const char *p, size_t len)
{
	uint64_t at = s->data_up, until;
	bool secret;
	size_t n;

	for (; len > 0; p += n, len -= n, at += n) {
		secret = is_secret(s, at, &until);
		n = until - at < len ? (size_t)(until - at) : len;
		transcript_data(s->transcript, TRANSCRIPT_CLIENT, p, n, secret);
	}
}

/* Wipes secrets out of libetpan's write buffer, and forgets those that have passed. */
static void
wipe_output(struct stream *s, const char *p, size_t len)
{
	char *buffer = s->mail->write_buffer;
	uint64_t at = s->data_up, end = at + len, until;
	size_t n;

	while (s->secrets.n > 0 && at < end) {
		bool secret = is_secret(s, at, &until);

		n = until < end ? (size_t)(until - at) : (size_t)(end - at);
		if (secret && p >= buffer && p < buffer + s->mail->buffer_max_size)
			mem_wipe(buffer + (p - buffer), n);
		p += n;
		at += n;
	}
	while (s->secrets.n > 0 && s->secrets.at[0].to <= end) {
		s->secrets.n--;
		memmove(s->secrets.at, s->secrets.at + 1, s->secrets.n * sizeof *s->secrets.at);
	}
}

/* The driver under libetpan's mailstream. */

static ssize_t
low_read(mailstream_low *low, void *p, size_t len)
{
	struct stream *s = low->data;
	long long since = clock_now();
	size_t left = s->ahead.len - s->ahead_at;
	ssize_t n;

	assert(len > 0);
	if (check(s) < 0)
		return -1;
	if (left > 0) {
		n = (ssize_t)(left < len ? left : len);
		memcpy(p, s->ahead.data + s->ahead_at, (size_t)n);
		s->ahead_at += (size_t)n;
		return n;
	}
	while ((n = take(s, p, len)) == 0)
		if (await(s, false, &since) < 0)
			return -1;
	return n;
}

static ssize_t
low_write(mailstream_low *low, const void *p, size_t len)
{
	struct stream *s = low->data;
	int r;

	if (check(s) < 0 || s->is_write_dead)
		return -1;
	if (s->transcript != NULL)
		record_output(s, p, len);
	if (s->deflate != NULL) {
		buf_clear(&s->packed);
		deflate_write(s->deflate, p, len, &s->packed);
		r = put_all(s, s->packed.data, s->packed.len);
	} else {
		r = put_all(s, p, len);
	}
	wipe_output(s, p, len);
	s->data_up += len;
	s->has_asked = true;
	if (r < 0) {
		s->is_write_dead = true;
		return -1;
	}
	return (ssize_t)len;
}

static int
low_close(mailstream_low *low)
{
	struct stream *s = low->data;

	tls_link_free(&s->tls);
	if (s->wire.fd >= 0)
		close(s->wire.fd);
	s->wire.fd = -1;
	return 0;
}

static int
low_get_fd(mailstream_low *low)
{
	return ((struct stream *)low->data)->wire.fd;
}

/* The stream itself is stream_close()'s. */
static void
low_free(mailstream_low *low)
{
	free(low);
}

static void
low_cancel(mailstream_low *low)
{
	mailstream_cancel_notify(((struct stream *)low->data)->cancel);
}

static struct mailstream_cancel *
low_get_cancel(mailstream_low *low)
{
	return ((struct stream *)low->data)->cancel;
}

static mailstream_low_driver driver = {
	.mailstream_read = low_read,
	.mailstream_write = low_write,
	.mailstream_close = low_close,
	.mailstream_get_fd = low_get_fd,
	.mailstream_free = low_free,
	.mailstream_cancel = low_cancel,
	.mailstream_get_cancel = low_get_cancel,
};

/* Opening and closing. */

static int
start_tls(struct stream *s, struct err *e)
{
	struct tls *tls = net_tls(s->net, e);
	long long since = clock_now();
	enum tls_answer a;
	char text[128];

	if (tls == NULL)
		return -1;
	if ((s->tls = tls_link_new(tls, &s->wire, e)) == NULL)
		return -1;
	s->has_asked = true;
	while ((a = tls_handshake(s->tls, e)) != TLS_DONE) {
		switch (a) {
		case TLS_WANT_READ:
		case TLS_WANT_WRITE:
			s->read_wants = a == TLS_WANT_READ ? POLLIN : POLLOUT;
			s->has_asked = true;
			if (await(s, false, &since) == 0)
				continue;
			break;
		case TLS_CLOSED:
			fail_closed(s);
			break;
		case TLS_SOCKET:
			fail_socket(s, s->wire.sys);
			break;
		default:
			fail(s, e);
		}
		s->is_read_dead = s->is_write_dead = true;
		*e = s->cause;
		if (a != TLS_FAILED)
			err_context(e, "in the TLS handshake");
		return -1;
	}
	if (s->transcript != NULL) {
		tls_describe(s->tls, text, sizeof text);
		transcript_note(s->transcript, "%s", text);
	}
	return 0;
}

static struct stream *
stream_new(struct net *net, int fd, pid_t tunnel, struct err *e)
{
	const struct net_settings *set = net_settings(net);
	struct stream *s = mem_alloc(sizeof *s);
	mailstream_low *low;

	s->net = net;
	s->label = net_label(net);
	s->wire.fd = fd;
	s->wire.down_limit = net_down(net);
	s->wire.up_limit = net_up(net);
	s->tunnel = tunnel;
	s->slept = clock_slept();
	s->cancel = mailstream_cancel_new();
	low = s->cancel != NULL ? mailstream_low_new(s, &driver) : NULL;
	s->mail = low != NULL ? mailstream_new(low, BUFFER) : NULL;
	if (s->mail == NULL) {
		err_set(e, ERR_STORE, "%s: no memory or descriptors left for a connection", s->label);
		free(low);
		goto failed;
	}
	mailstream_low_set_timeout(low, set->timeout);
	if (set->transcript_dir != NULL) {
		s->transcript = transcript_open(set->transcript_dir, set->host != NULL ? set->host : "tunnel",
		    s->label, e);
		if (s->transcript == NULL)
			goto failed;
	}
	if (set->tls == NET_TLS_IMPLICIT && start_tls(s, e) < 0)
		goto failed;
	return s;
failed:
	stream_close(&s);
	return NULL;
}

struct stream *
stream_open(struct net *net, struct err *e)
{
	const struct net_settings *set = net_settings(net);
	pid_t tunnel = 0;
	int fd;

	if (set->tunnel != NULL)
		fd = tunnel_start(set->tunnel, net_label(net), &tunnel, e);
	else
		fd = dial(set, net_label(net), e);
	return fd >= 0 ? stream_new(net, fd, tunnel, e) : NULL;
}

struct stream *
stream_adopt(struct net *net, int fd, struct err *e)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0) {
		err_sys(e, ERR_STORE, errno, "%s: not a socket", net_label(net));
		close(fd);
		return NULL;
	}
	return stream_new(net, fd, 0, e);
}

void
stream_close(struct stream **stream)
{
	struct stream *s = *stream;

	*stream = NULL;
	if (s == NULL)
		return;
	if (s->mail != NULL) {
		mem_wipe(s->mail->write_buffer, s->mail->buffer_max_size);
		mailstream_close(s->mail);
	} else if (s->wire.fd >= 0) {
		close(s->wire.fd);
	}
	if (s->tunnel > 0)
		tunnel_stop(s->tunnel);
	if (s->cancel != NULL)
		mailstream_cancel_free(s->cancel);
	deflate_free(&s->deflate);
	transcript_close(&s->transcript);
	buf_release(&s->ahead);
	buf_release(&s->packed);
	vec_release(&s->secrets);
	free(s);
}

mailstream *
stream_mail(struct stream *s)
{
	return s->mail;
}

int
stream_fail(const struct stream *s, struct err *e)
{
	if (s->has_cause)
		*e = s->cause;
	else
		err_class(e, ERR_STORE, ERR_TEMPORARY, ERR_NOW, "%s: the connection failed", s->label);
	return -1;
}

/* Upgrades in place. */

int
stream_starttls(struct stream *s, struct err *e)
{
	char c;

	assert(s->tls == NULL && s->deflate == NULL);
	if (s->has_cause)
		return stream_fail(s, e);
	if (s->mail->read_buffer_len > 0 || s->ahead_at < s->ahead.len ||
	    recv(s->wire.fd, &c, 1, MSG_PEEK | MSG_DONTWAIT) > 0) {
		err_class(e, ERR_STORE, ERR_REFUSED, ERR_NEVER,
		    "%s: unprotected data followed the answer to STARTTLS: somebody may be tampering with the"
		    " connection", s->label);
		s->is_read_dead = s->is_write_dead = true;
		s->mail->read_buffer_len = 0;
		s->ahead_at = s->ahead.len;
		return fail(s, e);
	}
	if (mailstream_flush(s->mail) < 0)
		return stream_fail(s, e);
	return start_tls(s, e);
}

int
stream_deflate(struct stream *s, struct err *e)
{
	if (s->has_cause)
		return stream_fail(s, e);
	assert(s->deflate == NULL && s->mail->write_buffer_len == 0);
	s->deflate = deflate_new();
	deflate_feed(s->deflate, s->mail->read_buffer, s->mail->read_buffer_len);
	s->mail->read_buffer_len = 0;
	deflate_feed(s->deflate, buf_str(&s->ahead) + s->ahead_at, s->ahead.len - s->ahead_at);
	s->ahead_at = s->ahead.len;
	if (s->transcript != NULL)
		transcript_note(s->transcript, "compressed from here on");
	return 0;
}

int
stream_wait(struct stream *s, int ms, struct err *e)
{
	long long deadline = ms >= 0 ? clock_now() + ms : 0;
	ssize_t n;
	int r;

	if (check(s) < 0)
		return stream_fail(s, e);
	if (s->mail->read_buffer_len > 0 || s->ahead_at < s->ahead.len)
		return 1;
	while ((n = take_ahead(s)) == 0) {
		if (s->has_asked) {
			s->turns++;
			s->has_asked = false;
		}
		r = poll_wire(s, s->read_wants, deadline);
		if (r <= 0)
			return r == 0 ? 0 : stream_fail(s, e);
	}
	return n > 0 ? 1 : stream_fail(s, e);
}

void
stream_cancel(struct stream *s)
{
	mailstream_cancel_notify(s->cancel);
}

void
stream_secret_begin(struct stream *s)
{
	uint64_t at = s->data_up + s->mail->write_buffer_len;

	vec_push(&s->secrets, (struct secret){ .from = at, .to = UINT64_MAX });
}

void
stream_secret_end(struct stream *s)
{
	if (s->secrets.n > 0 && s->secrets.at[s->secrets.n - 1].to == UINT64_MAX)
		s->secrets.at[s->secrets.n - 1].to = s->data_up + s->mail->write_buffer_len;
}

bool
stream_is_tls(const struct stream *s)
{
	return s->tls != NULL;
}

bool
stream_is_deflated(const struct stream *s)
{
	return s->deflate != NULL;
}

struct stream_counts
stream_counts(const struct stream *s)
{
	return (struct stream_counts){
		.wire_up = s->wire.up, .wire_down = s->wire.down,
		.data_up = s->data_up, .data_down = s->data_down, .turns = s->turns,
	};
}

const char *
stream_label(const struct stream *s)
{
	return s->label;
}

void
stream_describe(const struct stream *s, char *text, size_t size)
{
	char tls[96] = "plain";

	if (s->tls != NULL)
		tls_describe(s->tls, tls, sizeof tls);
	snprintf(text, size, "%s%s", tls, s->deflate != NULL ? ", compressed" : "");
}

void
stream_note(struct stream *s, const char *text)
{
	if (s->transcript != NULL)
		transcript_note(s->transcript, "%s", text);
}
