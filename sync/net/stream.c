#include "sync/net/stream.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "state/base/mem.h"
#include "state/base/vec.h"
#include "sync/net/conn.h"
#include "sync/net/expects_tls.h"
#include "sync/net/dial.h"
#include "sync/net/transcript.h"
#include "sync/net/tunnel.h"

enum { BUFFER = 16384 };		/* libetpan moves the rest of it with each line read */

/* Bytes [from, to) of all that is written. */
struct secret {
	uint64_t from, to;		/* to: UINT64_MAX while it is open */
};

struct stream {
	struct net *net;
	struct conn *conn;
	mailstream *mail;
	struct transcript *transcript;	/* conn's; NULL = none */
	VEC(struct secret) secrets;	/* not yet written out, in order */
	uint64_t sent;			/* bytes handed to conn */
};

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
	uint64_t at = s->sent, until;
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
	uint64_t at = s->sent, end = at + len, until;
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
	return conn_read(((struct stream *)low->data)->conn, p, len);
}

static ssize_t
low_write(mailstream_low *low, const void *p, size_t len)
{
	struct stream *s = low->data;
	int r;

	if (s->transcript != NULL)
		record_output(s, p, len);
	r = conn_write(s->conn, p, len);
	wipe_output(s, p, len);
	s->sent += len;
	return r == 0 ? (ssize_t)len : -1;
}

/* libetpan closes and frees the driver's part; the stream and its connection are stream_close()'s. */
static int
low_close(mailstream_low *low)
{
	(void)low;
	return 0;
}

static void
low_free(mailstream_low *low)
{
	free(low);
}

static int
low_get_fd(mailstream_low *low)
{
	return conn_fd(((struct stream *)low->data)->conn);
}

/* libetpan would stop a wait of its own by these (mailstream_wait_idle()); nobody asks it to wait. */
static void
low_cancel(mailstream_low *low)
{
	(void)low;
}

static struct mailstream_cancel *
low_get_cancel(mailstream_low *low)
{
	(void)low;
	return NULL;
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
make_mail(struct stream *s, struct err *e)
{
	mailstream_low *low = mailstream_low_new(s, &driver);

	s->mail = low != NULL ? mailstream_new(low, BUFFER) : NULL;
	if (s->mail == NULL) {
		free(low);
		return err_set(e, ERR_STORE, "%s: no memory is left for a connection", net_label(s->net));
	}
	mailstream_low_set_timeout(low, net_settings(s->net)->timeout);
	return 0;
}

/* Takes ownership of fd and tunnel. */
static struct stream *
stream_new(struct net *net, int fd, pid_t tunnel, struct err *e)
{
	const struct net_settings *set = net_settings(net);
	struct stream *s = mem_alloc(sizeof *s);

	s->net = net;
	if (set->transcript_dir != NULL) {
		s->transcript = transcript_open(set->transcript_dir, set->host != NULL ? set->host : "tunnel",
		    net_label(net), e);
		if (s->transcript == NULL) {
			close(fd);
			if (tunnel > 0)
				tunnel_stop(tunnel, true);
			stream_close(&s);
			return NULL;
		}
	}
	s->conn = conn_new(net, fd, tunnel, s->transcript);
	if (make_mail(s, e) < 0 || (set->tls_type == NET_TLS_IMPLICIT && conn_start_tls(s->conn, e) < 0))
		stream_close(&s);
	return s;
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
	}
	conn_free(&s->conn);
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
	return conn_fail(s->conn, e);
}

/* Upgrades in place. */

int
stream_starttls(struct stream *s, struct err *e)
{
	assert(!conn_is_tls(s->conn) && !conn_is_deflated(s->conn));
	if (conn_is_dead(s->conn))
		return conn_fail(s->conn, e);
	if (s->mail->read_buffer_len > 0 || conn_has_input(s->conn)) {
		err_class(e, ERR_STORE, ERR_REFUSED, ERR_NEVER,
		    "%s: unprotected data followed the answer to STARTTLS: somebody may be tampering with the"
		    " connection", net_label(s->net));
		s->mail->read_buffer_len = 0;
		return conn_kill(s->conn, e);
	}
	if (mailstream_flush(s->mail) < 0)
		return conn_fail(s->conn, e);
	return conn_start_tls(s->conn, e);
}

int
stream_deflate(struct stream *s, struct err *e)
{
	if (conn_is_dead(s->conn))
		return conn_fail(s->conn, e);
	assert(s->mail->write_buffer_len == 0);
	conn_start_deflate(s->conn, s->mail->read_buffer, s->mail->read_buffer_len);
	s->mail->read_buffer_len = 0;
	return 0;
}

int
stream_await_greeting(struct stream *s, struct err *e)
{
	enum { SILENCE_MS = 3000 };
	const struct net_settings *set = net_settings(s->net);
	int got;

	if (conn_is_tls(s->conn) || set->tunnel != NULL)
		return 0;
	got = stream_wait(s, SILENCE_MS, e);
	if (got != 0 || !expects_tls(s->net))
		return got < 0 ? -1 : 0;
	err_class(e, ERR_STORE, ERR_FAILED, ERR_NEVER, "%s: the server says nothing, for on this port it expects TLS from the first byte: "
	    "write \"TLSType %s\"", net_label(s->net), strcmp(set->protocol, "pop3") == 0 ? "POP3S" : strcmp(set->protocol, "smtp") == 0 ?
	    "SMTPS" : "IMAPS");
	return conn_kill(s->conn, e);
}

void
stream_answered(struct stream *s)
{
	conn_answered(s->conn);
}

void
stream_useful(struct stream *s, uint64_t octets)
{
	conn_useful(s->conn, octets);
}

int
stream_wait(struct stream *s, int ms, struct err *e)
{
	int r = s->mail->read_buffer_len > 0 ? 1 : conn_wait(s->conn, ms);

	return r < 0 ? conn_fail(s->conn, e) : r;
}

void
stream_secret_begin(struct stream *s)
{
	uint64_t at = s->sent + s->mail->write_buffer_len;

	vec_push(&s->secrets, (struct secret){ .from = at, .to = UINT64_MAX });
}

void
stream_secret_end(struct stream *s)
{
	if (s->secrets.n > 0 && s->secrets.at[s->secrets.n - 1].to == UINT64_MAX)
		s->secrets.at[s->secrets.n - 1].to = s->sent + s->mail->write_buffer_len;
}

bool
stream_is_tls(const struct stream *s)
{
	return conn_is_tls(s->conn);
}

const char *
stream_binding(const struct stream *s, struct buf *data)
{
	return conn_binding(s->conn, data);
}

bool
stream_is_deflated(const struct stream *s)
{
	return conn_is_deflated(s->conn);
}

struct stream_counts
stream_counts(const struct stream *s)
{
	struct stream_counts n;
	uint64_t wire[2], data[2];

	conn_counts(s->conn, wire, data, &n.turns);
	n.wire_up = wire[0];
	n.wire_down = wire[1];
	n.data_up = data[0];
	n.data_down = data[1];
	return n;
}

const char *
stream_label(const struct stream *s)
{
	return net_label(s->net);
}

void
stream_describe(const struct stream *s, char *text, size_t size)
{
	conn_describe(s->conn, text, size);
}
