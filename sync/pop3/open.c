/* From nothing to a session that is logged in.
 *
 *   dial -> greeting -> CAPA -> (STLS -> handshake -> CAPA) -> AUTH, or USER and PASS, or APOP -> ready
 *
 * The login is chosen as for IMAP (sync/sasl/auth.h); USER and PASS stand for its LOGIN command. APOP, which is MD5, is used where it
 * is named and the server's greeting has a timestamp: unless something better than clear text is to be had as well.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "state/base/mem.h"
#include "sync/net/md5.h"
#include "sync/pop3/engine.h"
#include "sync/sasl/login.h"

enum { PIPELINE = 1000, AUTH_LINE_MAX = 255 };

struct opening {
	const struct pop3_open *o;
	struct pop3_session *s;
	struct login login;
	struct pop3_reply reply;	/* to what a login said last */
	struct buf binding;		/* of this connection; login's */
	const char *allowed[LOGIN_MECHANISMS_MAX];	/* AuthMechs without APOP */
	size_t n_allowed;
	bool may_apop, is_apop_alone;
};

static int
refuse(const struct pop3_session *s, const char *why, struct err *e)
{
	return err_class(e, ERR_STORE, ERR_REFUSED, ERR_NEVER, "%s: %s", s->dialog.label, why);
}

/* "<1896.697170952@dbc.mtview.ca.us>" */
static void
find_timestamp(struct pop3_session *s, const char *text)
{
	const char *begin = strchr(text, '<'), *end = begin != NULL ? strchr(begin, '>') : NULL;

	s->timestamp[0] = '\0';
	if (end != NULL && (size_t)(end + 1 - begin) < sizeof s->timestamp && memchr(begin, '@', (size_t)(end - begin)) != NULL)
		snprintf(s->timestamp, sizeof s->timestamp, "%.*s", (int)(end + 1 - begin), begin);
}

static int
greeting(struct pop3_session *s, struct err *e)
{
	struct pop3_reply reply;

	if (dialog_await_greeting(&s->dialog, e) < 0 || pop3_read_reply(s, &reply, e) < 0)
		return -1;
	if (reply.is_challenge)
		return err_set(e, ERR_STORE, "%s does not greet as a POP3 server does", s->dialog.label);
	if (!reply.is_ok)
		return err_class(e, ERR_STORE, ERR_TEMPORARY, ERR_LATER, "%s turns us away: %s", s->dialog.label, dialog_words(&s->dialog, reply.text));
	find_timestamp(s, reply.text);
	dialog_greeted(&s->dialog, reply.text);
	return 0;
}

static int
ask_caps(struct pop3_session *s, struct err *e)
{
	enum { LINES_MOST = 200 };
	struct pop3_reply reply;
	const char *line;
	struct err why;
	int got, n = 0;

	pop3_caps_release(&s->caps);
	if (pop3_ask(s, "CAPA", &reply, e) < 0)
		return -1;
	if (!reply.is_ok)
		return 0;
	while ((got = lines_item(s->dialog.lines, &line, &why)) > 0 && n++ < LINES_MOST)
		pop3_caps_add(&s->caps, line);
	if (got > 0)
		err_set(&why, ERR_STORE, "%s: its list of capabilities has no end", s->dialog.label);
	return got != 0 ? dialog_die(&s->dialog, &why, e) : 0;
}

/* The handshake is done: nothing that was heard before it outlives it. */
static void
begin_protected(struct opening *op)
{
	struct pop3_session *old = op->s;

	op->s = pop3_session_new(op->o, dialog_leave(&old->dialog));
	/* APOP's challenge is in the greeting, which comes once. Whoever wrote it learns nothing that TLS would have kept. */
	snprintf(op->s->timestamp, sizeof op->s->timestamp, "%s", old->timestamp);
	pop3_caps_release(&old->caps);
	free(old);
}

static int
start_tls(struct opening *op, struct err *e)
{
	struct pop3_session *s = op->s;
	struct pop3_reply reply;

	if (!pop3_caps_may(&s->caps, POP3_CAP_STLS))
		return refuse(s, "STARTTLS is required but not offered (STLS): the server has none, or somebody on the way has removed it "
		    "(TLSType POP3S encrypts from the first byte)", e);
	if (pop3_ask(s, "STLS", &reply, e) < 0)
		return -1;
	if (!reply.is_ok)
		return err_class(e, ERR_STORE, ERR_REFUSED, ERR_LATER, "%s: STARTTLS is required but refused (STLS): %s", s->dialog.label,
		    dialog_words(&s->dialog, reply.text));
	if (dialog_start_tls(&s->dialog, "STLS", e) < 0)
		return -1;
	begin_protected(op);
	return ask_caps(op->s, e);
}

/* ---- login ---- */

/* RFC 5530's words for what those of RFC 2449 and RFC 3206 mean. */
static const char *
code_of(const struct pop3_reply *reply)
{
	if (strcasecmp(reply->code, "IN-USE") == 0)
		return "INUSE";
	if (strcasecmp(reply->code, "LOGIN-DELAY") == 0)
		return "LIMIT";
	return strcasecmp(reply->code, "SYS/TEMP") == 0 ? "UNAVAILABLE" : NULL;
}

/* A secret line and its answer. */
static int
say_secret(struct pop3_session *s, struct buf *line, struct pop3_reply *reply_r, struct err *e)
{
	return dialog_say_secret(&s->dialog, line, e) < 0 ? -1 : pop3_read_reply(s, reply_r, e);
}

/* Which mechanisms may be used: APOP is none of SASL's. */
static void
split_allowed(struct opening *op)
{
	const struct auth_settings *set = op->o->auth;

	for (size_t i = 0; i < set->n_allowed; i++) {
		if (strcasecmp(set->allowed[i], "APOP") == 0)
			op->may_apop = true;
		else if (op->n_allowed < LOGIN_MECHANISMS_MAX)
			op->allowed[op->n_allowed++] = set->allowed[i];
	}
	op->is_apop_alone = op->may_apop && op->n_allowed == 0;
}

/* A line of the login, and what its answer means. */
static int
say_login(void *ctx, struct buf *line, struct login_reply *reply_r, struct err *e)
{
	struct opening *op = ctx;

	if (say_secret(op->s, line, &op->reply, e) < 0)
		return -1;
	*reply_r = (struct login_reply){ .is_ok = op->reply.is_ok, .is_challenge = op->reply.is_challenge,
		.is_about_us = strcasecmp(op->reply.code, "AUTH") == 0, .code = code_of(&op->reply),
		.text = op->reply.is_challenge ? op->reply.text : dialog_words(&op->s->dialog, op->reply.text) };
	return 0;
}

static void
login_begin(struct opening *op)
{
	struct pop3_session *s = op->s;
	struct auth_settings set = *op->o->auth;

	set.label = s->dialog.label;
	set.service = "pop";
	set.allowed = op->allowed;
	set.n_allowed = op->n_allowed;
	set.is_tls = stream_is_tls(s->dialog.stream);
	set.offered_before = op->o->offered_before;
	set.binding = stream_binding(s->dialog.stream, &op->binding);
	set.binding_data = &op->binding;
	set.warn = op->o->warn;
	set.warn_ctx = op->o->ctx;
	set.has_login = pop3_caps_may(&s->caps, POP3_CAP_USER);
	/* RFC 5034 section 4: what is longer waits for a challenge. */
	op->login = (struct login){ .set = set, .offered = buf_str(&s->caps.sasl), .line_max = AUTH_LINE_MAX - 2, .say = say_login,
		.ctx = op };
}

/* The words of a login must not end their line. */
static int
check_words(const struct pop3_session *s, const char *words, size_t len, const char *what, struct err *e)
{
	for (size_t i = 0; i < len; i++)
		if (words[i] == '\r' || words[i] == '\n' || words[i] == '\0')
			return err_class(e, ERR_STORE, ERR_REFUSED, ERR_NEVER, "%s: the %s has a line end or a NUL in it, which POP3 cannot carry",
			    s->dialog.label, what);
	return 0;
}

static int
check_login(const struct pop3_session *s, const struct auth_settings *set, const char *mechanism, struct err *e)
{
	if (set->user == NULL || *set->user == '\0' || set->secret == NULL)
		return err_class(e, ERR_STORE, ERR_REFUSED, ERR_NEVER, "%s: %s needs User and Pass or PassCmd", s->dialog.label, mechanism);
	return check_words(s, set->user, strlen(set->user), "user", e) < 0 ||
	    check_words(s, buf_str(set->secret), set->secret->len, "password", e) < 0 ? -1 : 0;
}

static int
say_user_and_pass(struct opening *op, struct pop3_reply *reply_r, struct err *e)
{
	const struct auth_settings *set = op->o->auth;
	struct buf line = { .is_secret = 1 };
	int status = check_login(op->s, set, "USER", e);

	if (status == 0) {
		buf_printf(&line, "USER %s", set->user);
		status = say_secret(op->s, &line, reply_r, e);
	}
	if (status == 0 && reply_r->is_ok) {
		buf_clear(&line);
		buf_adds(&line, "PASS ");
		buf_add(&line, buf_str(set->secret), set->secret->len);
		status = say_secret(op->s, &line, reply_r, e);
	}
	buf_release(&line);
	return status;
}

static int
say_apop(struct opening *op, struct err *e)
{
	const struct auth_settings *set = op->o->auth;
	struct pop3_session *s = op->s;
	struct buf line = { .is_secret = 1 };
	char hex[MD5_HEX] = "";
	struct pop3_reply reply;
	int status = check_login(s, set, "APOP", e);

	if (status == 0 && md5_hex(s->timestamp, strlen(s->timestamp), buf_str(set->secret), set->secret->len, hex) < 0)
		status = err_class(e, ERR_STORE, ERR_REFUSED, ERR_NEVER, "%s: APOP needs MD5, which is not to be had here", s->dialog.label);
	if (status == 0) {
		buf_printf(&line, "APOP %s %s", set->user, hex);
		status = say_secret(s, &line, &reply, e);
	}
	buf_release(&line);
	snprintf(s->mechanism, sizeof s->mechanism, "APOP");
	if (status < 0 || reply.is_ok)
		return status;
	return err_class(e, ERR_STORE, code_of(&reply) != NULL ? ERR_TEMPORARY : ERR_REFUSED, code_of(&reply) != NULL ? ERR_LATER : ERR_NEVER,
	    "%s: the server refuses to log %s in (APOP): %s", s->dialog.label, set->user, dialog_words(&s->dialog, reply.text));
}

/* One attempt. 1: once more, without channel binding. */
static int
try_login(struct opening *op, struct err *e)
{
	struct pop3_session *s = op->s;
	const bool has_apop = op->may_apop && s->timestamp[0] != '\0';
	const struct auth *auth;
	struct pop3_reply reply;

	if (op->is_apop_alone)
		return has_apop ? say_apop(op, e) : refuse(s, "AuthMechs allows APOP alone, and the server does not offer it: there is no "
		    "timestamp in its greeting", e);
	if (login_choose(&op->login, e) < 0)
		return has_apop ? say_apop(op, e) : -1;
	auth = op->login.auth;
	snprintf(s->mechanism, sizeof s->mechanism, "%s", auth_is_login(auth) ? "USER" : auth_mechanism(auth));
	s->offered = op->login.strength;
	if (has_apop && (auth_is_login(auth) || strcmp(auth_mechanism(auth), "PLAIN") == 0 || strcmp(auth_mechanism(auth), "LOGIN") == 0))
		return say_apop(op, e);
	if (!auth_is_login(auth))
		return login_say(&op->login, e);
	if (say_user_and_pass(op, &reply, e) < 0)
		return -1;
	return auth_finish(op->login.auth, reply.is_ok, code_of(&reply), dialog_words(&s->dialog, reply.text), e);
}

static int
open_stepwise(struct opening *op, struct err *e)
{
	int status = greeting(op->s, e);

	if (status == 0)
		status = ask_caps(op->s, e);
	if (status == 0 && net_settings(op->o->net)->tls_type == NET_TLS_STARTTLS)
		status = start_tls(op, e);
	if (status == 0) {
		login_begin(op);
		status = try_login(op, e);
	}
	if (status > 0)
		status = try_login(op, e);
	return status;
}

struct pop3_session *
pop3_session_open(const struct pop3_open *o, struct err *e)
{
	struct opening op = { .o = o };
	struct stream *stream = stream_open(o->net, e);

	if (stream == NULL)
		return NULL;
	op.s = pop3_session_new(o, stream);
	split_allowed(&op);
	if (open_stepwise(&op, e) < 0)
		pop3_session_close(&op.s);
	else
		op.s->pipeline = !(op.s->caps.has & POP3_CAP_PIPELINING) ? 1 :
		    o->pipeline_depth != 0 && o->pipeline_depth < PIPELINE ? o->pipeline_depth : PIPELINE;
	login_release(&op.login);
	buf_release(&op.binding);
	return op.s;
}
