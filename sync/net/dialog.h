/* What the sessions of protocols in lines (POP3, SMTP) have in common: a stream, the lines that come over it, and an end that is final.
 *
 * Use: dialog_begin() ... dialog_end(). Once something has failed here every later call fails with the first cause, and nothing is written.
 */
#ifndef SYNC_NET_DIALOG_H
#define SYNC_NET_DIALOG_H

#include "state/base/buf.h"
#include "sync/net/lines.h"
#include "sync/net/stream.h"

struct dialog {
	struct stream *stream;
	struct lines *lines;
	char label[256];		/* the server, for messages */
	bool is_unprotected;		/* TLS is wanted, and not there yet */
	char greeting[256];		/* what the server said first; "" = that may be anybody's */
	bool is_dead;
	struct err failure;		/* of one that is dead */
};

/* Takes ownership of stream, which was opened with net. *d stays where it is until dialog_end(). */
void dialog_begin(struct dialog *d, struct net *net, struct stream *stream);
void dialog_end(struct dialog *d);
/* Ends it, but for the stream, which is handed back. */
struct stream *dialog_leave(struct dialog *d);

/* It is over; *e is the first cause. Returns -1. */
int dialog_die(struct dialog *d, const struct err *why, struct err *e);
/* -1 with that cause if it is over. */
int dialog_check(const struct dialog *d, struct err *e);
/* Before the first line is read: stream_await_greeting(). */
int dialog_await_greeting(struct dialog *d, struct err *e);

/* Writes; dialog_flush() sends what was written. */
int dialog_write(struct dialog *d, const void *text, size_t len, struct err *e);
int dialog_flush(struct dialog *d, struct err *e);
/* Sends a command, given without its line end. */
int dialog_say(struct dialog *d, const char *command, struct err *e);
/* The same of a line that is in no transcript; its end is appended to it. */
int dialog_say_secret(struct dialog *d, struct buf *line, struct err *e);

/* The answer to `command` was yes: the handshake, before which nothing more may have come. -1: it is over. */
int dialog_start_tls(struct dialog *d, const char *command, struct err *e);

/* The server's first words, unless they may be anybody's. */
void dialog_greeted(struct dialog *d, const char *text);
/* What the server says, unless that may be anybody's. */
const char *dialog_words(const struct dialog *d, const char *text);

#endif
