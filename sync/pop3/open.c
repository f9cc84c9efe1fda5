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
#include "sync/sasl/auth.h"

enum { MECHANISMS_MAX = 64, CHALLENGES_MAX = 32, PIPELINE = 1000, AUTH_LINE_MAX = 255 };

struct opening {
	const struct pop3_open *o;
	struct pop3_session *s;
	struct auth *auth;
	struct buf binding;		/* of this connection; auth's */
	struct buf words;		/* the mechanisms, cut up */
	bool refuses_binding;
	const char *allowed[MECHANISMS_MAX];	/* AuthMechs without APOP */
	size_t n_allowed;
	bool may_apop, is_apop_alone;
};

static int
refuse(const struct pop3_session *s, const char *why, struct err *e)
{
	return err_class(e, ERR_STORE, ERR_REFUSED, ERR_NEVER, "%s: %s", s->label, why);
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

	if (pop3_read_reply(s, &reply, e) < 0)
		return -1;
	if (reply.is_challenge)
		return err_set(e, ERR_STORE, "%s does not greet as a POP3 server does", s->label);
	if (!reply.is_ok)
		return err_class(e, ERR_STORE, ERR_TEMPORARY, ERR_LATER, "%s turns us away: %s", s->label, pop3_words(s, reply.text));
	find_timestamp(s, reply.text);
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
	while ((got = pop3_reader_item(s->reader, &line, &why)) > 0 && n++ < LINES_MOST)
		pop3_caps_add(&s->caps, line);
	if (got > 0)
		err_set(&why, ERR_STORE, "%s: its list of capabilities has no end", s->label);
	return got != 0 ? pop3_die(s, &why, e) : 0;
}

/* The handshake is done: nothing that was heard before it outlives it. */
static void
begin_protected(struct opening *op)
{
	struct pop3_session *old = op->s;

	op->s = pop3_session_new(op->o, old->stream);
	/* APOP's challenge is in the greeting, which comes once. Whoever wrote it learns nothing that TLS would have kept. */
	snprintf(op->s->timestamp, sizeof op->s->timestamp, "%s", old->timestamp);
	pop3_reader_free(&old->reader);
	pop3_caps_release(&old->caps);
	free(old);
}

static int
start_tls(struct opening *op, struct err *e)
{
	struct pop3_session *s = op->s;
	struct pop3_reply reply;
	struct err why;

	if (!pop3_caps_may(&s->caps, POP3_CAP_STLS))
		return refuse(s, "STARTTLS is required but not offered (STLS): the server has none, or somebody on the way has removed it "
		    "(TLSType POP3S encrypts from the first byte)", e);
	if (pop3_ask(s, "STLS", &reply, e) < 0)
		return -1;
	if (!reply.is_ok)
		return err_class(e, ERR_STORE, ERR_REFUSED, ERR_LATER, "%s: STARTTLS is required but refused (STLS): %s", s->label,
		    pop3_words(s, reply.text));
	if (pop3_reader_has_input(s->reader)) {
		refuse(s, "unprotected data came behind the answer to STLS: somebody on the way may be writing into the connection", &why);
		return pop3_die(s, &why, e);
	}
	if (stream_starttls(s->stream, &why) < 0)
		return pop3_die(s, &why, e);
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
	buf_adds(line, "\r\n");
	stream_secret_begin(s->stream);
	if (pop3_write(s, line->data, line->len, e) < 0 || pop3_flush(s, e) < 0)
		return -1;
	stream_secret_end(s->stream);
	return pop3_read_reply(s, reply_r, e);
}

/* Which mechanisms may be used: APOP is none of SASL's. */
static void
split_allowed(struct opening *op)
{
	const struct auth_settings *set = op->o->auth;

	for (size_t i = 0; i < set->n_allowed; i++) {
		if (strcasecmp(set->allowed[i], "APOP") == 0)
			op->may_apop = true;
		else if (op->n_allowed < MECHANISMS_MAX)
			op->allowed[op->n_allowed++] = set->allowed[i];
	}
	op->is_apop_alone = op->may_apop && op->n_allowed == 0;
}

static struct auth *
choose(struct opening *op, bool has_initial, struct err *e)
{
	struct pop3_session *s = op->s;
	struct auth_settings set = *op->o->auth;
	const char *offered[MECHANISMS_MAX];
	size_t n = 0;
	char *save = NULL;

	buf_clear(&op->words);
	buf_adds(&op->words, buf_str(&s->caps.sasl));
	for (char *w = op->words.len == 0 ? NULL : strtok_r(op->words.data, " ", &save); w != NULL && n < MECHANISMS_MAX;
	    w = strtok_r(NULL, " ", &save))
		offered[n++] = w;
	set.label = s->label;
	set.service = "pop";
	set.allowed = op->allowed;
	set.n_allowed = op->n_allowed;
	set.is_tls = stream_is_tls(s->stream);
	set.has_initial = has_initial;
	set.offered_before = op->o->offered_before;
	s->offered = auth_strength(offered, n) > set.offered_before ? auth_strength(offered, n) : set.offered_before;
	buf_clear(&op->binding);
	set.binding = op->refuses_binding ? NULL : stream_binding(s->stream, &op->binding);
	set.binding_data = &op->binding;
	set.warn = op->o->warn;
	set.warn_ctx = op->o->ctx;
	set.has_login = pop3_caps_may(&s->caps, POP3_CAP_USER);
	return auth_new(&set, offered, n, e);
}

/* The words of a login must not end their line. */
static int
check_words(const struct pop3_session *s, const char *words, size_t len, const char *what, struct err *e)
{
	for (size_t i = 0; i < len; i++)
		if (words[i] == '\r' || words[i] == '\n' || words[i] == '\0')
			return err_class(e, ERR_STORE, ERR_REFUSED, ERR_NEVER, "%s: the %s has a line end or a NUL in it, which POP3 cannot carry",
			    s->label, what);
	return 0;
}

static int
check_login(const struct pop3_session *s, const struct auth_settings *set, const char *mechanism, struct err *e)
{
	if (set->user == NULL || *set->user == '\0' || set->secret == NULL)
		return err_class(e, ERR_STORE, ERR_REFUSED, ERR_NEVER, "%s: %s needs User and Pass or PassCmd", s->label, mechanism);
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

/* Answers challenges until the answer proper. */
static int
converse(struct opening *op, struct pop3_reply *reply, int *challenges_r, struct err *e)
{
	struct pop3_session *s = op->s;
	struct buf answer = { .is_secret = 1 };
	struct err broken, why;
	bool is_broken = false;
	int status = 0;

	for (*challenges_r = 0; status == 0 && reply->is_challenge; ++*challenges_r) {
		if (*challenges_r >= CHALLENGES_MAX) {
			err_set(&why, ERR_STORE, "%s asks without end while we log in", s->label);
			status = pop3_die(s, &why, e);
			break;
		}
		if (!is_broken && auth_step(op->auth, reply->text, strlen(reply->text), &answer, &broken) < 0)
			is_broken = true;
		if (is_broken) {
			buf_clear(&answer);
			buf_addc(&answer, '*');
		}
		status = say_secret(s, &answer, reply, e);
	}
	buf_release(&answer);
	if (status == 0 && is_broken) {
		*e = broken;
		status = -1;
	}
	return status;
}

static int
say_auth(struct opening *op, struct pop3_reply *reply_r, int *challenges_r, struct err *e)
{
	struct buf line = { .is_secret = 1 };
	int status;

	buf_printf(&line, "AUTH %s ", auth_mechanism(op->auth));
	if (auth_initial(op->auth, &line) == 0) {
		line.data[--line.len] = '\0';
	} else if (line.len + 2 > AUTH_LINE_MAX) {
		/* RFC 5034 section 4: what is longer waits for a challenge. */
		auth_free(&op->auth);
		op->auth = choose(op, false, e);
		buf_clear(&line);
		if (op->auth != NULL)
			buf_printf(&line, "AUTH %s", auth_mechanism(op->auth));
	}
	status = op->auth == NULL ? -1 : say_secret(op->s, &line, reply_r, e);
	buf_release(&line);
	return status < 0 ? -1 : converse(op, reply_r, challenges_r, e);
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
		status = err_class(e, ERR_STORE, ERR_REFUSED, ERR_NEVER, "%s: APOP needs MD5, which is not to be had here", s->label);
	if (status == 0) {
		buf_printf(&line, "APOP %s %s", set->user, hex);
		status = say_secret(s, &line, &reply, e);
	}
	buf_release(&line);
	if (status < 0 || reply.is_ok)
		return status;
	return err_class(e, ERR_STORE, code_of(&reply) != NULL ? ERR_TEMPORARY : ERR_REFUSED, code_of(&reply) != NULL ? ERR_LATER : ERR_NEVER,
	    "%s: the server refuses to log %s in (APOP): %s", s->label, set->user, pop3_words(s, reply.text));
}

/* As in sync/imap/open.c: a server may offer -PLUS and not know the binding that we have. */
static bool
has_refused_binding(const struct opening *op, const struct pop3_reply *reply, int challenges)
{
	const char *name = auth_mechanism(op->auth);
	const size_t len = strlen(name);

	return !reply->is_ok && len > 5 && strcmp(name + len - 5, "-PLUS") == 0 && challenges < 2 && strcasecmp(reply->code, "AUTH") != 0 &&
	    strcasestr(reply->text, "authentication fail") == NULL;
}

/* One attempt. 1: once more, without channel binding. */
static int
try_login(struct opening *op, struct err *e)
{
	struct pop3_session *s = op->s;
	const bool has_apop = op->may_apop && s->timestamp[0] != '\0';
	struct pop3_reply reply;
	int challenges = 0, status;

	if (op->is_apop_alone && !has_apop)
		return refuse(s, "AuthMechs allows APOP alone, and the server does not offer it: there is no timestamp in its greeting", e);
	op->auth = op->is_apop_alone ? NULL : choose(op, true, e);
	if (has_apop && (op->auth == NULL || auth_is_login(op->auth) || strcmp(auth_mechanism(op->auth), "PLAIN") == 0 ||
	    strcmp(auth_mechanism(op->auth), "LOGIN") == 0))
		return say_apop(op, e);
	if (op->auth == NULL)
		return -1;
	status = auth_is_login(op->auth) ? say_user_and_pass(op, &reply, e) : say_auth(op, &reply, &challenges, e);
	if (status < 0)
		return -1;
	if (has_refused_binding(op, &reply, challenges)) {
		op->refuses_binding = true;
		auth_free(&op->auth);
		return 1;
	}
	return auth_finish(op->auth, reply.is_ok, code_of(&reply), pop3_words(s, reply.text), e);
}

static int
open_stepwise(struct opening *op, struct err *e)
{
	int status = greeting(op->s, e);

	if (status == 0)
		status = ask_caps(op->s, e);
	if (status == 0 && net_settings(op->o->net)->tls_type == NET_TLS_STARTTLS)
		status = start_tls(op, e);
	if (status == 0)
		status = try_login(op, e);
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
	auth_free(&op.auth);
	buf_release(&op.binding);
	buf_release(&op.words);
	return op.s;
}
