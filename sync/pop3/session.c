/* Commands out, first lines of answers in, and what a refusal means. */
#include "sync/pop3/session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "state/base/mem.h"
#include "sync/pop3/engine.h"

static int
stream_why(void *ctx, struct err *e)
{
	struct pop3_session *s = ctx;

	return stream_fail(s->stream, e);
}

struct pop3_session *
pop3_session_new(const struct pop3_open *o, struct stream *stream)
{
	struct pop3_session *s = mem_alloc(sizeof *s);

	s->stream = stream;
	s->is_unprotected = net_settings(o->net)->tls_type != NET_TLS_NONE && !stream_is_tls(stream);
	snprintf(s->label, sizeof s->label, "%s", stream_label(stream));
	s->reader = pop3_reader_new(stream_mail(stream), s->label);
	pop3_reader_on_end(s->reader, stream_why, s);
	return s;
}

void
pop3_session_close(struct pop3_session **session)
{
	struct pop3_session *s = *session;

	*session = NULL;
	if (s == NULL)
		return;
	pop3_reader_free(&s->reader);
	stream_close(&s->stream);
	pop3_caps_release(&s->caps);
	free(s);
}

bool
pop3_session_is_alive(const struct pop3_session *s)
{
	return !s->is_dead;
}

const struct pop3_caps *
pop3_session_caps(const struct pop3_session *s)
{
	return &s->caps;
}

unsigned
pop3_session_offered(const struct pop3_session *s)
{
	return s->offered;
}

int
pop3_die(struct pop3_session *s, const struct err *why, struct err *e)
{
	if (!s->is_dead)
		s->failure = *why;
	s->is_dead = true;
	*e = s->failure;
	return err_widen(e, ERR_STORE);
}

static int
is_alive(struct pop3_session *s, struct err *e)
{
	if (!s->is_dead)
		return 0;
	*e = s->failure;
	return -1;
}

static int
lost(struct pop3_session *s, struct err *e)
{
	struct err why;

	stream_fail(s->stream, &why);
	return pop3_die(s, &why, e);
}

int
pop3_write(struct pop3_session *s, const char *text, size_t len, struct err *e)
{
	if (is_alive(s, e) < 0)
		return -1;
	return mailstream_write(stream_mail(s->stream), text, len) < 0 ? lost(s, e) : 0;
}

int
pop3_flush(struct pop3_session *s, struct err *e)
{
	if (is_alive(s, e) < 0)
		return -1;
	return mailstream_flush(stream_mail(s->stream)) < 0 ? lost(s, e) : 0;
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
	if (is_alive(s, e) < 0)
		return -1;
	if (pop3_reader_line(s->reader, &line, &why) < 0)
		return pop3_die(s, &why, e);
	stream_answered(s->stream);
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
	err_class(&why, ERR_STORE, ERR_FAILED, ERR_LATER, "%s does not answer as a POP3 server does", s->label);
	return pop3_die(s, &why, e);
}

int
pop3_ask(struct pop3_session *s, const char *command, struct pop3_reply *reply_r, struct err *e)
{
	if (pop3_write(s, command, strlen(command), e) < 0 || pop3_write(s, "\r\n", 2, e) < 0 || pop3_flush(s, e) < 0)
		return -1;
	return pop3_read_reply(s, reply_r, e);
}

const char *
pop3_words(const struct pop3_session *s, const char *text)
{
	if (s->is_unprotected)
		return "its words came before TLS and may be anybody's";
	return *text != '\0' ? text : "it does not say why";
}

int
pop3_refused(const struct pop3_session *s, const struct pop3_reply *reply, enum err_scope scope, const char *what, struct err *e)
{
	static const char *const passing[] = { "IN-USE", "LOGIN-DELAY", "SYS/TEMP" };

	for (size_t i = 0; i < sizeof passing / sizeof *passing; i++)
		if (strcasecmp(reply->code, passing[i]) == 0)
			return err_class(e, scope, ERR_TEMPORARY, ERR_LATER, "%s: %s is refused for now: %s", s->label, what,
			    pop3_words(s, reply->text));
	return err_class(e, scope, ERR_FAILED, ERR_LATER, "%s: %s is refused: %s", s->label, what, pop3_words(s, reply->text));
}
