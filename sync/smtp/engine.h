/* What the parts of an SMTP session share. Nobody else includes this. */
#ifndef SYNC_SMTP_ENGINE_H
#define SYNC_SMTP_ENGINE_H

#include "sync/net/dialog.h"
#include "sync/smtp/session.h"

struct smtp_session {
	struct dialog dialog;
	struct smtp_caps caps;
	unsigned offered;
	char mechanism[24];		/* by which the login was; "" = there was none */
	unsigned pipeline;		/* commands unanswered at most */
	unsigned timeout;		/* seconds; 0 = none */
	/* Of the message that is being sent. */
	bool is_line_start, is_line_ended;
};

/* Takes ownership of stream. */
struct smtp_session *smtp_session_new(const struct smtp_open *o, struct stream *stream);

int smtp_read(struct smtp_session *s, smtp_on_line *on_line, void *ctx, struct smtp_reply *reply_r, struct err *e);
/* Writes a command, and reads its answer. */
int smtp_ask(struct smtp_session *s, const char *command, smtp_on_line *on_line, void *ctx, struct smtp_reply *reply_r, struct err *e);

#endif
