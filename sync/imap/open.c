/* From nothing to a session that is logged in.
 *
 *   dial -> greeting -+-> pipelined flight (R24) -> ready
 *                     |        | "+" in answer, BAD, silence: hang up, dial again
 *                     |        v
 *                     +-> step by step: CAPABILITY, STARTTLS, CAPABILITY, login, CAPABILITY,
 *                         ENABLE NAMESPACE ID, the caller's first commands -> ready
 *
 * The flight is AUTHENTICATE with its initial response, ENABLE, the first commands, ID, in one write. With
 * SCRAM, whose exchange has two challenges, AUTHENTICATE goes first and the rest follows its second
 * line: the client's proof, the empty answer to the server's, and the commands; the server's proof is
 * checked before a word of their answers is read. It leaves only when all of R24 one flight holds: verified TLS from the first byte, a
 * greeting of OK whose capabilities (if it has any) still offer that mechanism, a mechanism whose exchange is
 * known beforehand, under 4 kB, and nothing in it that waits. TLS itself is never remembered.
 *
 * What a server says before STARTTLS may be anybody's words: nothing of it is kept or shown. The session that begins
 * behind the handshake is an object of its own (begin_protected); of the one before it takes the stream alone.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "state/base/log.h"
#include "state/base/mem.h"
#include "sync/sasl/auth.h"
#include "sync/imap/engine.h"

enum { FLIGHT_MAX = 4096, CHALLENGES_MAX = 32, MECHANISMS_MAX = 64, SCRAM_CHALLENGES = 2 };

/* What the tagged response to AUTHENTICATE or LOGIN said. */
struct login {
	bool is_ended;
	enum imap_status status;
	char code[64], text[512];
	struct imap_session *s;
};

struct opening {
	const struct imap_open *o;
	struct imap_session *s;
	bool is_flight;			/* this connection tries R24 */
	int challenges;			/* answered while logging in */
	struct auth *auth;
	struct buf binding;		/* of this connection; auth's */
	struct login login;		/* here, since a session that ends tells it so */
};

static int
refuse(const struct imap_session *s, struct err *e, const char *why)
{
	return err_class(e, ERR_STORE, ERR_REFUSED, ERR_NEVER, "%s: %s", s->label, why);
}

static int
stream_why(void *ctx, struct err *e)
{
	struct imap_session *s = ctx;

	return stream_fail(s->stream, e);
}

/* ---- connection and greeting ---- */

/* Takes ownership of stream (NULL = there is none). */
static struct imap_session *
session_new(const struct imap_open *o, struct stream *stream)
{
	struct imap_session *s = mem_alloc(sizeof *s);

	s->is_unprotected = stream != NULL && net_settings(o->net)->tls_type != NET_TLS_NONE && !stream_is_tls(stream);
	s->alert = s->is_unprotected ? NULL : o->alert;
	s->alert_ctx = o->ctx;
	s->caps.disabled = o->disabled;
	s->pipeline_depth = o->pipeline_depth;
	if (o->memory != NULL) {
		memcpy(s->memory.mechanism, o->memory->mechanism, sizeof s->memory.mechanism);
		s->memory.is_stepwise = o->memory->is_stepwise;
		s->memory.refuses_binding = o->memory->refuses_binding;
		s->memory.offered = o->memory->offered;
		s->memory.shows_closed = o->memory->shows_closed;
		s->memory.needs_uidonly = o->memory->needs_uidonly;
		s->memory.delimiter = o->memory->delimiter;
		buf_add(&s->memory.prefix, buf_str(&o->memory->prefix), o->memory->prefix.len);
	}
	s->stream = stream;
	if (stream == NULL)
		return s;
	snprintf(s->label, sizeof s->label, "%s", stream_label(stream));
	s->reader = imap_reader_new(stream_mail(stream), s->label);
	imap_reader_on_end(s->reader, stream_why, s);
	if (o->literal_cap != 0)
		imap_reader_cap(s->reader, o->literal_cap);
	if (s->is_unprotected)
		imap_reader_conceal(s->reader);
	return s;
}

static int
dial(struct opening *op, struct err *e)
{
	struct stream *stream = op->o->dial != NULL ? op->o->dial(op->o->ctx, e) : stream_open(op->o->net, e);

	op->s = session_new(op->o, stream);
	if (stream != NULL)
		return 0;
	op->s->is_dead = true;
	op->s->failure = *e;
	return -1;
}

/* 1: logged in already (PREAUTH); 0: not yet. */
static int
greeting(struct imap_session *s, struct err *e)
{
	const struct imap_reply *reply = &s->reply;
	struct err why;

	if (stream_await_greeting(s->stream, &why) < 0 || imap_reply_read(s->reader, &s->reply, NULL, &why) < 0)
		return imap_die(s, &why, e);
	if (reply->kind != IMAP_REPLY_STATUS || reply->status == IMAP_NO || reply->status == IMAP_BAD) {
		err_set(&why, ERR_STORE, "%s does not greet as an IMAP server does", s->label);
		return imap_die(s, &why, e);
	}
	if (reply->code.kind == IMAP_CODE_ALERT && s->alert != NULL)
		s->alert(s->alert_ctx, reply->text);
	if (reply->status == IMAP_BYE) {
		err_class(&why, ERR_STORE, ERR_TEMPORARY, ERR_LATER, "%s turns us away: %s", s->label,
		    imap_words(s, reply->text));
		return imap_die(s, &why, e);
	}
	stream_answered(s->stream);
	if (!s->is_unprotected)
		snprintf(s->greeting, sizeof s->greeting, "%s", reply->text);
	s->is_dovecot = strcasestr(reply->text, "dovecot") != NULL;
	if (reply->code.kind == IMAP_CODE_CAPABILITY)
		imap_caps_set(&s->caps, reply->code.arg, strlen(reply->code.arg));
	return reply->status == IMAP_PREAUTH;
}

static int
ask_caps(struct imap_session *s, struct err *e)
{
	struct imap_answer a;

	if (imap_caps_are_known(&s->caps))
		return 0;
	if (imap_ask(s, "CAPABILITY", &a, e) < 0)
		return -1;
	if (a.status != IMAP_OK)
		return imap_answer_err(s, &a, ERR_STORE, "CAPABILITY", e);
	if (!imap_caps_are_known(&s->caps))
		return err_set(e, ERR_STORE, "%s answers CAPABILITY without saying any", s->label);
	return 0;
}

/* The handshake is done: nothing that was heard before it outlives it. */
static void
begin_protected(struct opening *op)
{
	struct imap_session *old = op->s;

	op->s = session_new(op->o, old->stream);
	old->stream = NULL;
	imap_session_release(&old);
}

static int
start_tls(struct opening *op, struct err *e)
{
	struct imap_session *s = op->s;
	struct imap_answer a;
	struct err why;

	if (ask_caps(s, e) < 0)
		return -1;
	if ((s->caps.has & UINT64_C(1) << IMAP_CAP_STARTTLS) == 0)
		return refuse(s, e, "STARTTLS is required but not offered: the server has none, or somebody "
		    "on the way has removed it (TLSType IMAPS encrypts from the first byte)");
	if (imap_ask(s, "STARTTLS", &a, e) < 0)
		return -1;
	if (a.status != IMAP_OK)
		return err_class(e, ERR_STORE, ERR_REFUSED, ERR_LATER, "%s: STARTTLS is required but refused: %s",
		    s->label, imap_words(s, a.text));
	if (imap_reader_has_input(s->reader)) {
		refuse(s, &why, "unprotected data came behind the answer to STARTTLS: somebody on the way may "
		    "be writing into the connection");
		return imap_die(s, &why, e);
	}
	if (stream_starttls(s->stream, &why) < 0)
		return imap_die(s, &why, e);
	begin_protected(op);
	return 0;
}

/* ---- login ---- */

/* The conversation's choice, from `words` ("PLAIN SCRAM-SHA-256"), which is cut up. */
static struct auth *
choose(struct opening *op, char *words, bool has_initial, struct err *e)
{
	struct imap_session *s = op->s;
	const char *offered[MECHANISMS_MAX];
	struct auth_settings set = *op->o->auth;
	size_t n = 0;
	char *save = NULL;

	for (char *w = strtok_r(words, " ", &save); w != NULL && n < MECHANISMS_MAX; w = strtok_r(NULL, " ", &save))
		offered[n++] = w;
	set.label = s->label;
	set.service = "imap";
	set.is_tls = stream_is_tls(s->stream);
	set.has_initial = has_initial;
	set.offered_before = s->memory.offered;
	if (!op->is_flight && auth_strength(offered, n) > s->memory.offered)
		s->memory.offered = auth_strength(offered, n);
	buf_clear(&op->binding);
	set.binding = s->memory.refuses_binding ? NULL : stream_binding(s->stream, &op->binding);
	set.binding_data = &op->binding;
	set.warn = op->o->warn;
	set.warn_ctx = op->o->ctx;
	set.has_login = !op->is_flight && (s->caps.has & UINT64_C(1) << IMAP_CAP_LOGINDISABLED) == 0;
	return auth_new(&set, offered, n, e);
}

/* Its exchange is known beforehand: the last challenge is the server's proof, and is answered with nothing. */
static bool
is_scram(const struct auth *auth)
{
	return strncmp(auth_mechanism(auth), "SCRAM-", 6) == 0;
}

static void
login_done(void *ctx, const struct imap_result *result)
{
	struct login *login = ctx;

	login->is_ended = true;
	login->status = result->status;
	snprintf(login->code, sizeof login->code, "%s", result->code->name);
	snprintf(login->text, sizeof login->text, "%s", result->text);
	if (result->status != IMAP_OK)
		return;
	/* What was offered before may be less than what is offered to who is logged in. Some tell it in
	 * an untagged line before this one, some in it, some not at all. */
	if (result->code->kind == IMAP_CODE_CAPABILITY)
		imap_caps_set(&login->s->caps, result->code->arg, strlen(result->code->arg));
	else if (login->s->is_stale)
		imap_caps_forget(&login->s->caps);
	login->s->is_stale = false;
}

static const struct imap_events login_events = { .done = login_done };

static int
finish_login(struct opening *op, const struct login *login, struct err *e)
{
	struct imap_session *s = op->s;

	if (login->status == IMAP_LOST || login->status == IMAP_UNSENT) {
		*e = s->failure;
		return -1;
	}
	if (auth_finish(op->auth, login->status == IMAP_OK, login->code[0] != '\0' ? login->code : NULL,
	    login->text, e) < 0)
		return -1;
	snprintf(s->mechanism, sizeof s->mechanism, "%s", auth_mechanism(op->auth));
	snprintf(s->memory.mechanism, sizeof s->memory.mechanism, "%s", auth_is_one_flight(op->auth) ||
	    (is_scram(op->auth) && op->challenges == SCRAM_CHALLENGES) ? auth_mechanism(op->auth) : "");
	return 0;
}

static int
say_login(struct opening *op, struct login *login, struct err *e)
{
	const struct auth_settings *set = op->o->auth;
	struct imap_command c;
	unsigned ticket;

	imap_command_init(&c, IMAP_ANY, &op->s->caps, false);
	c.text.is_secret = c.is_secret = true;
	imap_put(&c, "LOGIN ");
	imap_put_astring(&c, set->user, strlen(set->user));
	imap_put(&c, " ");
	imap_put_astring(&c, buf_str(set->secret), set->secret->len);
	if (imap_send(op->s, &c, &login_events, login, &ticket, e) < 0)
		return -1;
	return imap_wait(op->s, ticket, e);
}

static int
say_authenticate(struct opening *op, struct login *login, unsigned *ticket_r, struct err *e)
{
	struct imap_command c;

	imap_command_init(&c, IMAP_ANY, &op->s->caps, false);
	c.text.is_secret = c.is_secret = true;
	imap_putf(&c, "AUTHENTICATE %s", auth_mechanism(op->auth));
	buf_addc(&c.text, ' ');
	if (auth_initial(op->auth, &c.text) == 0)
		c.text.data[--c.text.len] = '\0';
	return imap_send(op->s, &c, &login_events, login, ticket_r, e);
}

/* Answers challenges until the tagged response. */
static int
converse(struct opening *op, unsigned ticket, struct err *e)
{
	struct imap_session *s = op->s;
	struct buf answer = { .is_secret = 1 };
	struct err broken;
	bool is_broken = false;
	int rc = -1, is_on;

	for (int i = 0; (is_on = imap_await(s, ticket, e)) > 0; i++) {
		if (i >= CHALLENGES_MAX) {
			err_set(&broken, ERR_STORE, "%s asks without end while we log in", s->label);
			imap_die(s, &broken, e);
			goto done;
		}
		if (!is_broken && auth_step(op->auth, buf_str(&s->challenge), s->challenge.len, &answer, &broken) < 0)
			is_broken = true;
		op->challenges++;
		if (is_broken) {
			buf_clear(&answer);
			buf_addc(&answer, '*');
		}
		buf_adds(&answer, "\r\n");
		stream_secret_begin(s->stream);
		if (imap_write(s, answer.data, answer.len, e) < 0)
			goto done;
		stream_secret_end(s->stream);
	}
	if (is_on < 0)
		goto done;
	rc = 0;
	if (is_broken) {
		*e = broken;
		rc = -1;
	}
done:
	buf_release(&answer);
	return rc;
}

/* A server may offer -PLUS and not know the binding that we have: Cyrus 3.6 has tls-unique alone, and says "bad protocol". What
 * speaks of the password is not asked a second time. */
static bool
has_refused_binding(const struct opening *op, const struct login *login)
{
	const char *name = auth_mechanism(op->auth);
	size_t len = strlen(name);

	return login->status == IMAP_NO && len > 5 && strcmp(name + len - 5, "-PLUS") == 0 && op->challenges < SCRAM_CHALLENGES &&
	    strcasecmp(login->code, "AUTHENTICATIONFAILED") != 0 && strcasestr(login->text, "authentication fail") == NULL;
}

/* One attempt. 1: once more, without channel binding. */
static int
try_login(struct opening *op, struct err *e)
{
	struct imap_session *s = op->s;
	struct login *login = &op->login;
	struct buf words = { 0 };
	unsigned ticket;
	int rc = -1;

	*login = (struct login){ .s = s };
	if (ask_caps(s, e) < 0)
		goto done;
	buf_reserve(&words, 1);
	imap_caps_auth(&s->caps, &words);
	op->auth = choose(op, words.data, imap_caps_has(&s->caps, IMAP_CAP_SASL_IR), e);
	if (op->auth == NULL)
		goto done;
	s->is_stale = true;
	if (auth_is_login(op->auth)) {
		if (say_login(op, login, e) < 0)
			goto done;
	} else if (say_authenticate(op, login, &ticket, e) < 0 || converse(op, ticket, e) < 0) {
		goto done;
	}
	if (has_refused_binding(op, login)) {
		s->memory.refuses_binding = true;
		auth_free(&op->auth);
		op->challenges = 0;
		rc = 1;
		goto done;
	}
	rc = finish_login(op, login, e);
done:
	buf_release(&words);
	return rc;
}

static int
log_in(struct opening *op, struct err *e)
{
	int rc = try_login(op, e);

	return rc > 0 ? try_login(op, e) : rc;
}

/* ---- what is said once logged in ---- */

/* UIDONLY (RFC 9586) where without it a mailbox shows a part of itself: those who limit commands and offer it do so (Yahoo),
 * others are remembered (R25). */
static bool
wants_uidonly(const struct imap_session *s, const struct imap_caps *caps)
{
	return imap_caps_has(caps, IMAP_CAP_UIDONLY) &&
	    (imap_caps_has(caps, IMAP_CAP_MESSAGELIMIT) || s->memory.needs_uidonly);
}

/* ENABLE with what is offered (before any SELECT: iCloud gives no modseq otherwise). */
static int
say_enable(struct opening *op, const struct imap_caps *caps, bool may_utf8, unsigned *ticket_r, struct err *e)
{
	bool has_utf8 = may_utf8 && (imap_caps_has(caps, IMAP_CAP_UTF8_ACCEPT) || imap_caps_has(caps, IMAP_CAP_UTF8_ONLY));
	bool has_qresync = imap_caps_has(caps, IMAP_CAP_QRESYNC), has_condstore = imap_caps_has(caps, IMAP_CAP_CONDSTORE);
	bool has_uidonly = wants_uidonly(op->s, caps);
	struct imap_command c;

	*ticket_r = 0;
	if (!imap_caps_has(caps, IMAP_CAP_ENABLE) || !(has_utf8 || has_qresync || has_condstore || has_uidonly))
		return 0;
	imap_command_init(&c, IMAP_ANY, &op->s->caps, false);
	imap_putf(&c, "ENABLE%s%s%s", has_qresync ? " QRESYNC" : has_condstore ? " CONDSTORE" : "",
	    has_uidonly ? " UIDONLY" : "", has_utf8 ? " UTF8=ACCEPT" : "");
	return imap_send(op->s, &c, NULL, NULL, ticket_r, e);
}

/* ID where it is offered: some servers demand it before SELECT, others hang up when it is not. */
static int
say_id(struct opening *op, struct err *e)
{
	const struct imap_open *o = op->o;
	struct imap_command c;

	if (o->id_name == NULL || !imap_caps_has(&op->s->caps, IMAP_CAP_ID))
		return 0;
	imap_command_init(&c, IMAP_ANY, &op->s->caps, false);
	imap_put(&c, "ID (\"name\" ");
	imap_put_string(&c, o->id_name, strlen(o->id_name));
	if (o->id_version != NULL) {
		imap_put(&c, " \"version\" ");
		imap_put_string(&c, o->id_version, strlen(o->id_version));
	}
	imap_put(&c, ")");
	return imap_send(op->s, &c, NULL, NULL, NULL, e);
}

static int
say_namespace(struct opening *op, struct err *e)
{
	struct imap_command c;

	if (!imap_caps_has(&op->s->caps, IMAP_CAP_NAMESPACE)) {
		/* What an earlier run heard of one is not this server's. */
		buf_clear(&op->s->memory.prefix);
		op->s->memory.delimiter = '\0';
		return 0;
	}
	imap_command_init(&c, IMAP_ANY, &op->s->caps, false);
	imap_put(&c, "NAMESPACE");
	return imap_send(op->s, &c, NULL, NULL, NULL, e);
}

static int
stepwise(struct opening *op, bool is_in, struct err *e)
{
	struct imap_session *s = op->s;
	enum net_tls tls = net_settings(op->o->net)->tls_type;
	unsigned ticket;

	if (tls == NET_TLS_STARTTLS && !stream_is_tls(s->stream)) {
		if (is_in)
			return refuse(s, e, "the server logs us in before TLS (PREAUTH), so STARTTLS, which is "
			    "required, can no longer be had");
		if (start_tls(op, e) < 0)
			return -1;
		s = op->s;
	}
	if (!is_in && log_in(op, e) < 0)
		return -1;
	if (ask_caps(s, e) < 0)
		return -1;
	if (say_enable(op, &s->caps, op->o->wants_utf8, &ticket, e) < 0 || say_namespace(op, e) < 0 ||
	    say_id(op, e) < 0 || imap_finish(s, e) < 0)
		return -1;
	return op->o->first != NULL ? op->o->first(op->o->ctx, s, e) : 0;
}

/* ---- the pipelined flight (R24) ---- */

/* Commands of a flight, the login among them: a PipelineDepth below that allows none. */
enum { FLIGHT_MOST = 16 };

/* May this connection try it? The greeting was read. */
static bool
may_fly(struct opening *op)
{
	const struct imap_memory *m = op->o->memory;
	struct imap_session *s = op->s;
	struct imap_caps known = { .disabled = op->o->disabled };
	char mechanism[sizeof m->mechanism];
	struct buf words = { 0 };
	struct err none;
	bool may;

	if (op->o->pipeline_depth != 0 && op->o->pipeline_depth < FLIGHT_MOST)
		return false;
	if (m == NULL || m->is_stepwise || m->mechanism[0] == '\0' || m->caps.len == 0)
		return false;
	if (net_settings(op->o->net)->tls_type != NET_TLS_IMPLICIT || !stream_is_tls(s->stream))
		return false;
	/* The greeting's own word overrides memory. Servers tell the rest only after the login. */
	if (imap_caps_are_known(&s->caps)) {
		imap_caps_auth(&s->caps, &words);
		may = imap_caps_has(&s->caps, IMAP_CAP_SASL_IR) && kw_has(buf_str(&words), m->mechanism);
	} else {
		imap_caps_set(&known, buf_str(&m->caps), m->caps.len);
		may = imap_caps_has(&known, IMAP_CAP_SASL_IR);
	}
	if (may) {
		snprintf(mechanism, sizeof mechanism, "%s", m->mechanism);
		op->is_flight = true;
		op->auth = choose(op, mechanism, true, &none);
		may = op->auth != NULL && !auth_is_login(op->auth) && (auth_is_one_flight(op->auth) || is_scram(op->auth));
	}
	if (!may)
		auth_free(&op->auth);
	op->is_flight = may;
	buf_release(&words);
	imap_caps_release(&known);
	return may;
}

/* Waits for the login's answer while commands stand behind it. 1: in. 0: this opening was a mistake,
 * go step by step. -1: refused. */
static int
await_login(struct opening *op, unsigned ticket, const struct login *login, struct err *e)
{
	struct imap_session *s = op->s;
	int is_on = imap_await(s, ticket, e);

	if (is_on > 0) {
		/* The server takes our next line for SASL data. With a token the "+" may be the words of its
		 * refusal, which going step by step will show. */
		if (strcmp(auth_mechanism(op->auth), "PLAIN") == 0 || strcmp(auth_mechanism(op->auth), "EXTERNAL") == 0 ||
		    is_scram(op->auth))
			s->memory.is_stepwise = true;
		return 0;
	}
	if (is_on < 0) {
		if (s->is_bye)
			return -1;
		s->memory.is_stepwise = true;
		return 0;
	}
	return login->status == IMAP_BAD ? 0 : finish_login(op, login, e) < 0 ? -1 : 1;
}

/* SCRAM, up to where the flight can leave: the client's proof, and behind it the answer to the server's, stand in
 * the stream's buffer. 1: so it is. 0: go step by step. */
static int
prove(struct opening *op, unsigned ticket, struct err *e)
{
	struct imap_session *s = op->s;
	struct buf answer = { .is_secret = 1 };
	int rc = imap_await(s, ticket, e) == 1;

	if (rc == 1)
		rc = auth_step(op->auth, buf_str(&s->challenge), s->challenge.len, &answer, e) == 0;
	if (rc == 1) {
		buf_adds(&answer, "\r\n\r\n");
		s->is_holding = true;
		stream_secret_begin(s->stream);
		rc = imap_write(s, answer.data, answer.len, e) == 0;
		if (!s->is_dead)
			stream_secret_end(s->stream);
	}
	buf_release(&answer);
	return rc;
}

/* The server's proof, before anything it says behind it is believed. 1: good, or the login ended without (which
 * finish_login judges). 0: hang up and go step by step. -1: it is not who it says. */
static int
check_proof(struct opening *op, unsigned ticket, struct err *e)
{
	struct imap_session *s = op->s;
	struct buf answer = { .is_secret = 1 };
	int is_on = imap_await(s, ticket, e), rc = 1;

	if (is_on > 0) {
		op->challenges = SCRAM_CHALLENGES;
		if (auth_step(op->auth, buf_str(&s->challenge), s->challenge.len, &answer, e) < 0)
			rc = -1;
		else if (answer.len != 0)
			rc = 0;
	}
	buf_release(&answer);
	return rc;
}

/* Writes the flight: all of it in one go, or behind the second line of SCRAM. 1, 0 and -1 as open_in_one_flight(). */
static int
send_flight(struct opening *op, struct login *login, unsigned *ticket_r, struct err *e)
{
	struct imap_session *s = op->s;
	unsigned enable = 0;
	size_t written;
	int rc;

	s->is_holding = auth_is_one_flight(op->auth);
	rc = say_authenticate(op, login, ticket_r, e);
	if (rc == 0 && !s->is_holding && prove(op, *ticket_r, e) != 1) {
		s->is_holding = false;
		return 0;
	}
	if (rc == 0)
		rc = say_enable(op, &s->caps, false, &enable, e);
	if (rc == 0 && op->o->first != NULL)
		rc = op->o->first(op->o->ctx, s, e);
	if (rc == 0)
		rc = say_id(op, e);
	s->is_holding = false;
	written = s->in_flight;
	if (rc < 0 || s->is_dead)
		return s->is_dead ? 0 : -1;
	/* Nothing has left yet: mailstream holds up to its buffer, which is larger than a flight. */
	return written <= FLIGHT_MAX && stream_mail(s->stream)->write_buffer_len <= FLIGHT_MAX;
}

/* 1: ready. 0: hang up and go step by step. -1: *e. */
static int
open_in_one_flight(struct opening *op, struct err *e)
{
	const struct imap_memory *m = op->o->memory;
	struct imap_session *s = op->s;
	struct login *login = &op->login;
	unsigned ticket;
	int rc;

	*login = (struct login){ .s = s };
	imap_caps_set(&s->caps, buf_str(&m->caps), m->caps.len);
	s->is_stale = true;
	rc = send_flight(op, login, &ticket, e);
	if (rc == 1 && !auth_is_one_flight(op->auth))
		rc = check_proof(op, ticket, e);
	if (rc == 1)
		rc = await_login(op, ticket, login, e);
	if (rc <= 0)
		return rc;
	/* What stood behind the login may be lost: Cyrus loses its place in TLS input at the login's end, takes the
	 * rest of our lines for commands, and leaves them unanswered. So all of the flight is waited for here. */
	if (imap_finish(s, e) < 0) {
		s->memory.is_stepwise = true;
		return s->is_bye ? -1 : 0;
	}
	/* The server said nothing of its capabilities: those of the last run stand. */
	if (!imap_caps_are_known(&s->caps))
		imap_caps_set(&s->caps, buf_str(&m->caps), m->caps.len);
	return 1;
}

struct imap_session *
imap_session_open(const struct imap_open *o, struct err *e)
{
	struct opening op = { .o = o };
	bool is_stepwise = false;
	int rc;

	rc = dial(&op, e);
	if (rc == 0)
		rc = greeting(op.s, e);
	if (rc == 0 && may_fly(&op)) {
		rc = open_in_one_flight(&op, e);
		auth_free(&op.auth);
		if (rc == 0) {
			log_line(LOG_IMAP, "%s: pipelined opening failed, going step by step", op.s->label);
			is_stepwise = op.s->memory.is_stepwise;
			imap_session_close(&op.s);
			op.is_flight = false;
			op.challenges = 0;
			rc = dial(&op, e);
			if (rc == 0)
				rc = greeting(op.s, e);
			if (op.s != NULL)
				op.s->memory.is_stepwise |= is_stepwise;
		} else if (rc == 1) {
			goto done;
		}
	}
	if (rc >= 0)
		rc = stepwise(&op, rc == 1, e);
done:
	auth_free(&op.auth);
	buf_release(&op.binding);
	if (rc < 0)
		imap_session_close(&op.s);
	return op.s;
}
