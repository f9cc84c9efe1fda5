/* Commands out, first lines of answers in, and what a refusal means. */
#include "sync/pop3/session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "state/base/mem.h"
#include "sync/pop3/engine.h"

struct pop3_session *
pop3_session_new(const struct pop3_open *o, struct stream *stream)
{
	struct pop3_session *s = mem_alloc(sizeof *s);

	dialog_begin(&s->dialog, o->net, stream);
	return s;
}

void
pop3_session_close(struct pop3_session **session)
{
	struct pop3_session *s = *session;

	*session = NULL;
	if (s == NULL)
		return;
	dialog_end(&s->dialog);
	pop3_caps_release(&s->caps);
	free(s);
}

bool
pop3_session_is_alive(const struct pop3_session *s)
{
	return !s->dialog.is_dead;
}

const struct pop3_caps *
pop3_session_caps(const struct pop3_session *s)
{
	return &s->caps;
}

const char *
pop3_session_greeting(const struct pop3_session *s)
{
	return s->dialog.greeting;
}

const char *
pop3_session_mechanism(const struct pop3_session *s)
{
	return s->mechanism;
}

unsigned
pop3_session_offered(const struct pop3_session *s)
{
	return s->offered;
}

/* "[IN-USE] words". */
static void
split_code(struct pop3_reply *reply, const char *text)
{
	const size_t len = text[0] == '[' ? strcspn(text, "]") : 0;

	if (len > 1 && text[len] == ']' && len - 1 < sizeof reply->code && memchr(text, ' ', len) == NULL) {
		snprintf(reply->code, sizeof reply->code, "%.*s", (int)(len - 1), text + 1);
		text += len + 1;
		text += strspn(text, " ");
	}
	snprintf(reply->text, sizeof reply->text, "%s", text);
	for (char *c = reply->text; *c != '\0'; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?';
}

int
pop3_read_reply(struct pop3_session *s, struct pop3_reply *reply_r, struct err *e)
{
	const char *line;
	struct err why;

	*reply_r = (struct pop3_reply){ .is_ok = false };
	if (dialog_check(&s->dialog, e) < 0)
		return -1;
	if (lines_next(s->dialog.lines, &line, &why) < 0)
		return dialog_die(&s->dialog, &why, e);
	stream_answered(s->dialog.stream);
	if (strncasecmp(line, "+OK", 3) == 0 && (line[3] == ' ' || line[3] == '\0')) {
		reply_r->is_ok = true;
		split_code(reply_r, line + 3 + strspn(line + 3, " "));
		return 0;
	}
	if (strncasecmp(line, "-ERR", 4) == 0 && (line[4] == ' ' || line[4] == '\0')) {
		split_code(reply_r, line + 4 + strspn(line + 4, " "));
		return 0;
	}
	if (line[0] == '+' && (line[1] == ' ' || line[1] == '\0') && strlen(line) < sizeof reply_r->text) {
		reply_r->is_challenge = true;
		snprintf(reply_r->text, sizeof reply_r->text, "%s", line + 1 + (line[1] == ' '));
		return 0;
	}
	err_class(&why, ERR_STORE, ERR_FAILED, ERR_LATER, "%s does not answer as a POP3 server does", s->dialog.label);
	return dialog_die(&s->dialog, &why, e);
}

int
pop3_ask(struct pop3_session *s, const char *command, struct pop3_reply *reply_r, struct err *e)
{
	if (dialog_say(&s->dialog, command, e) < 0)
		return -1;
	return pop3_read_reply(s, reply_r, e);
}

int
pop3_refused(const struct pop3_session *s, const struct pop3_reply *reply, enum err_scope scope, const char *what, struct err *e)
{
	static const char *const passing[] = { "IN-USE", "LOGIN-DELAY", "SYS/TEMP" };

	for (size_t i = 0; i < sizeof passing / sizeof *passing; i++)
		if (strcasecmp(reply->code, passing[i]) == 0)
			return err_class(e, scope, ERR_TEMPORARY, ERR_LATER, "%s: %s is refused for now: %s", s->dialog.label, what,
			    dialog_words(&s->dialog, reply->text));
	return err_class(e, scope, ERR_FAILED, ERR_LATER, "%s: %s is refused: %s", s->dialog.label, what, dialog_words(&s->dialog, reply->text));
}
