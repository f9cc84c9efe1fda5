/* Commands out, answers in. */
#include "sync/smtp/session.h"

#include <stdlib.h>
#include <string.h>

#include "state/base/mem.h"
#include "state/base/step.h"
#include "sync/smtp/engine.h"

struct smtp_session *
smtp_session_new(const struct smtp_open *o, struct stream *stream)
{
	struct smtp_session *s = mem_alloc(sizeof *s);

	dialog_begin(&s->dialog, o->net, stream);
	s->timeout = net_settings(o->net)->timeout;
	return s;
}

void
smtp_session_close(struct smtp_session **session)
{
	struct smtp_session *s = *session;
	struct err unseen;

	*session = NULL;
	if (s == NULL)
		return;
	if (!s->dialog.is_dead && !step_is_dead())
		(void)dialog_say(&s->dialog, "QUIT", &unseen);
	dialog_end(&s->dialog);
	smtp_caps_release(&s->caps);
	free(s);
}

bool
smtp_session_is_alive(const struct smtp_session *s)
{
	return !s->dialog.is_dead;
}

const struct smtp_caps *
smtp_session_caps(const struct smtp_session *s)
{
	return &s->caps;
}

const char *
smtp_session_greeting(const struct smtp_session *s)
{
	return s->dialog.greeting;
}

const char *
smtp_session_mechanism(const struct smtp_session *s)
{
	return s->mechanism;
}

unsigned
smtp_session_offered(const struct smtp_session *s)
{
	return s->offered;
}

int
smtp_read(struct smtp_session *s, smtp_on_line *on_line, void *ctx, struct smtp_reply *reply_r, struct err *e)
{
	struct err why;

	*reply_r = (struct smtp_reply){ .code = 0 };
	if (dialog_check(&s->dialog, e) < 0)
		return -1;
	if (smtp_reply_read(s->dialog.lines, s->dialog.label, on_line, ctx, reply_r, &why) < 0) {
		*reply_r = (struct smtp_reply){ .code = 0 };
		return dialog_die(&s->dialog, &why, e);
	}
	stream_answered(s->dialog.stream);
	if (reply_r->code != 421)
		return 0;
	err_class(&why, ERR_STORE, ERR_TEMPORARY, ERR_LATER, "%s ends the session: %s", s->dialog.label, dialog_words(&s->dialog, reply_r->text));
	return dialog_die(&s->dialog, &why, e);
}

int
smtp_ask(struct smtp_session *s, const char *command, smtp_on_line *on_line, void *ctx, struct smtp_reply *reply_r, struct err *e)
{
	*reply_r = (struct smtp_reply){ .code = 0 };
	if (dialog_say(&s->dialog, command, e) < 0)
		return -1;
	return smtp_read(s, on_line, ctx, reply_r, e);
}
