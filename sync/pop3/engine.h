/* What the parts of a POP3 session share. Nobody else includes this. */
#ifndef SYNC_POP3_ENGINE_H
#define SYNC_POP3_ENGINE_H

#include "sync/net/stream.h"
#include "sync/pop3/session.h"

struct pop3_session {
	struct stream *stream;
	struct pop3_reader *reader;
	char label[256];		/* the server, for messages */
	struct pop3_caps caps;
	char timestamp[256];		/* of the greeting, for APOP; "" = none */
	unsigned offered;
	unsigned pipeline;		/* commands unanswered at most */
	bool is_unprotected;		/* TLS is wanted, and not there yet */
	bool is_dead;
	struct err failure;
};

/* Takes ownership of stream. */
struct pop3_session *pop3_session_new(const struct pop3_open *o, struct stream *stream);

/* Closes the connection for good; *e is the first cause. Returns -1. */
int pop3_die(struct pop3_session *s, const struct err *why, struct err *e);

/* Writes a command or a line; pop3_flush() sends what was written. */
int pop3_write(struct pop3_session *s, const char *text, size_t len, struct err *e);
int pop3_flush(struct pop3_session *s, struct err *e);

int pop3_read_reply(struct pop3_session *s, struct pop3_reply *reply_r, struct err *e);
/* Both, of one command without its line end. */
int pop3_ask(struct pop3_session *s, const char *command, struct pop3_reply *reply_r, struct err *e);

/* What it says, unless that may be anybody's. */
const char *pop3_words(const struct pop3_session *s, const char *text);

#endif
