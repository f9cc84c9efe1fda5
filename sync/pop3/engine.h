/* What the parts of a POP3 session share. Nobody else includes this. */
#ifndef SYNC_POP3_ENGINE_H
#define SYNC_POP3_ENGINE_H

#include "sync/net/dialog.h"
#include "sync/pop3/session.h"

struct pop3_session {
	struct dialog dialog;
	struct pop3_caps caps;
	char timestamp[256];		/* of the greeting, for APOP; "" = none */
	unsigned offered;
	char mechanism[24];		/* by which the login was */
	unsigned pipeline;		/* commands unanswered at most */
};

/* Takes ownership of stream. */
struct pop3_session *pop3_session_new(const struct pop3_open *o, struct stream *stream);

int pop3_read_reply(struct pop3_session *s, struct pop3_reply *reply_r, struct err *e);
/* Both, of one command without its line end. */
int pop3_ask(struct pop3_session *s, const char *command, struct pop3_reply *reply_r, struct err *e);

#endif
