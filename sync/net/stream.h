/* One connection to a server: a socket or a tunnel, with TLS and compression switched on in place,
 * under libetpan's mailstream, which the protocol layers read lines from and write commands to.
 *
 *   stream_open -> stream_mail: mailstream_read_line, mailstream_write, mailstream_flush ...
 *      -> stream_starttls, stream_deflate in between -> stream_close
 *
 * A mailstream call that returns -1 does not say why; stream_fail() then has the true cause.
 *
 * Invariants:
 *   1. A stream belongs to one thread; cancel_fd of its settings ends it from others.
 *   2. Reading and writing give up after net_settings.timeout seconds without progress, measured on a
 *      clock that counts suspend; after half a minute of suspend the connection counts as dead.
 *   3. No read returns 0: libetpan would ask for ever.
 *   4. Where writing fails, what the server said before can still be read.
 *   5. While a write waits, input is taken in (up to 1 MB): a server that answers before it goes on
 *      reading cannot lock both sides up.
 *   6. What is marked secret is not in the transcript, and is wiped from the write buffer once sent.
 */
#ifndef SYNC_NET_STREAM_H
#define SYNC_NET_STREAM_H

#include <libetpan/mailstream.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "state/base/buf.h"
#include "state/base/err.h"
#include "sync/net/net.h"

struct stream;

struct stream_counts {
	uint64_t wire_up, wire_down;	/* bytes on the wire: after compression and TLS */
	uint64_t data_up, data_down;	/* bytes of the protocol */
	uint64_t turns;			/* times we waited for input after having written */
};

/* Connects, and with NET_TLS_IMPLICIT completes TLS. NULL with *e: ERR_TEMPORARY where the server
 * cannot be reached, ERR_REFUSED where its certificate is not accepted or ours is not. */
struct stream *stream_open(struct net *net, struct err *e);

/* The same over a connected stream socket; takes ownership of fd, also on error. */
struct stream *stream_adopt(struct net *net, int fd, struct err *e);

/* Ends the connection; what was not flushed is lost. Frees the mailstream too. */
void stream_close(struct stream **s);

/* Borrowed: only stream_close() closes it. 16 KB are buffered each way; flush before reading. */
mailstream *stream_mail(struct stream *s);

/* Fills *e with why reading or writing failed and returns -1. */
int stream_fail(const struct stream *s, struct err *e);

/* Right after the server agreed to STARTTLS. Refused (ERR_REFUSED) when input is already there: it
 * came unprotected and would be taken for protected. What was learnt before must be asked again. */
int stream_starttls(struct stream *s, struct err *e);

/* Right after the server agreed to COMPRESS; what is buffered beyond that line is already compressed.
 * Nothing unsent may be buffered. */
int stream_deflate(struct stream *s, struct err *e);

/* A peer that talks without saying anything ends as one that is silent does, in ten times the Timeout. These tell that it
 * has answered, and that so many octets were what was asked for. */
void stream_answered(struct stream *s);
void stream_useful(struct stream *s, uint64_t octets);

/* Waits for input up to `ms` (-1 = without limit). 1: a read will not wait; 0: time is up; -1: the
 * connection is dead or cancelled, *e says why. Looks into every buffer before it polls. */
int stream_wait(struct stream *s, int ms, struct err *e);

/* Waits for the first words of a server, which speaks before the client does: up to three seconds, then the read goes on waiting.
 * -1 with *e where it says nothing because it waits for TLS, which another connection has shown. */
int stream_await_greeting(struct stream *s, struct err *e);

/* What is written between the two is a secret. Does not flush. */
void stream_secret_begin(struct stream *s);
void stream_secret_end(struct stream *s);

bool stream_is_tls(const struct stream *s);
/* The kind of the connection's channel binding, its data appended (sync/net/tls.h); NULL = none. */
const char *stream_binding(const struct stream *s, struct buf *data);
bool stream_is_deflated(const struct stream *s);
struct stream_counts stream_counts(const struct stream *s);

/* "account work (imap.example.org:993)", for messages about this server. */
const char *stream_label(const struct stream *s);

/* "TLSv1.3 TLS_AES_256_GCM_SHA384, compressed" */
void stream_describe(const struct stream *s, char *text, size_t size);


#endif
