/* From nothing to a session that takes mail.
 *
 *   dial -> greeting -> EHLO -> (STARTTLS -> handshake -> EHLO) -> (AUTH) -> ready
 *
 * The login is chosen as for IMAP (sync/sasl/auth.h).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "state/base/mem.h"
#include "sync/sasl/login.h"
#include "sync/smtp/engine.h"

/* A command line, its end included (RFC 5321 section 4.5.3.1.4; RFC 4954 section 4.3 leaves it so for AUTH with its first response). */
enum { PIPELINE = 100, AUTH_LINE_MAX = 512 };

struct opening {
	const struct smtp_open *o;
	struct smtp_session *s;
	struct login login;
	struct smtp_reply reply;	/* to what a login said last */
	struct buf binding;		/* of this connection; login's */
};

static int
greeting(struct smtp_session *s, struct err *e)
{
	struct smtp_reply reply;

	if (dialog_await_greeting(&s->dialog, e) < 0 || smtp_read(s, NULL, NULL, &reply, e) < 0)
		return -1;
	if (reply.code != 220)
		return err_class(e, ERR_STORE, ERR_TEMPORARY, ERR_LATER, "%s turns us away: %s", s->dialog.label, dialog_words(&s->dialog, reply.text));
	dialog_greeted(&s->dialog, reply.text);
	return 0;
}

struct offers { struct smtp_caps *caps; bool has_first; };

static void
on_offer(void *ctx, const char *text)
{
	struct offers *o = ctx;

	/* The first line is its name and a greeting. */
	if (o->has_first)
		smtp_caps_add(o->caps, text);
	o->has_first = true;
}

static int
say_hello(struct opening *op, struct err *e)
{
	struct smtp_session *s = op->s;
	struct offers offers = { &s->caps, false };
	struct smtp_reply reply;
	char *line;
	int status;

	smtp_caps_release(&s->caps);
	line = mem_printf("EHLO %s", op->o->name);
	status = smtp_ask(s, line, on_offer, &offers, &reply, e);
	free(line);
	if (status < 0)
		return -1;
	if (smtp_is_ok(&reply))
		return 0;
	smtp_caps_release(&s->caps);
	if (smtp_is_passing(&reply))
		return err_class(e, ERR_STORE, ERR_TEMPORARY, ERR_LATER, "%s turns us away: %s", s->dialog.label, dialog_words(&s->dialog, reply.text));
	/* RFC 821 alone. */
	line = mem_printf("HELO %s", op->o->name);
	status = smtp_ask(s, line, NULL, NULL, &reply, e);
	free(line);
	if (status == 0 && !smtp_is_ok(&reply))
		status = err_class(e, ERR_STORE, smtp_is_passing(&reply) ? ERR_TEMPORARY : ERR_FAILED, ERR_LATER, "%s turns us away: %s",
		    s->dialog.label, dialog_words(&s->dialog, reply.text));
	return status;
}

/* The handshake is done: nothing that was heard before it outlives it. */
static void
begin_protected(struct opening *op)
{
	struct smtp_session *old = op->s;

	op->s = smtp_session_new(op->o, dialog_leave(&old->dialog));
	smtp_caps_release(&old->caps);
	free(old);
}

static int
start_tls(struct opening *op, struct err *e)
{
	struct smtp_session *s = op->s;
	struct smtp_reply reply;

	if (!(s->caps.has & SMTP_CAP_STARTTLS))
		return err_class(e, ERR_STORE, ERR_REFUSED, ERR_NEVER, "%s: STARTTLS is required but not offered: the server has none, or somebody "
		    "on the way has removed it (TLSType SMTPS encrypts from the first byte)", s->dialog.label);
	if (smtp_ask(s, "STARTTLS", NULL, NULL, &reply, e) < 0)
		return -1;
	if (reply.code != 220)
		return err_class(e, ERR_STORE, smtp_is_passing(&reply) ? ERR_TEMPORARY : ERR_REFUSED, ERR_LATER,
		    "%s: STARTTLS is required but refused: %s", s->dialog.label, dialog_words(&s->dialog, reply.text));
	if (dialog_start_tls(&s->dialog, "STARTTLS", e) < 0)
		return -1;
	begin_protected(op);
	return say_hello(op, e);
}

/* RFC 5530's word for a refusal that is not about user and password. */
static const char *
code_of(const struct smtp_reply *reply)
{
	return smtp_is_passing(reply) ? "UNAVAILABLE" : NULL;
}

/* A line of the login, and what its answer means. */
static int
say_login(void *ctx, struct buf *line, struct login_reply *reply_r, struct err *e)
{
	struct opening *op = ctx;
	struct smtp_session *s = op->s;

	if (dialog_say_secret(&s->dialog, line, e) < 0 || smtp_read(s, NULL, NULL, &op->reply, e) < 0)
		return -1;
	*reply_r = (struct login_reply){ .is_ok = op->reply.code == 235, .is_challenge = op->reply.code == 334,
		.is_about_us = op->reply.code == 535, .code = code_of(&op->reply),
		.text = op->reply.code == 334 ? op->reply.text : dialog_words(&s->dialog, op->reply.text) };
	return 0;
}

static int
log_in(struct opening *op, struct err *e)
{
	struct smtp_session *s = op->s;
	int status;

	op->login = (struct login){ .set = *op->o->auth, .offered = buf_str(&s->caps.sasl), .line_max = AUTH_LINE_MAX - 2, .say = say_login,
		.ctx = op };
	op->login.set.label = s->dialog.label;
	op->login.set.is_tls = stream_is_tls(s->dialog.stream);
	op->login.set.offered_before = op->o->offered_before;
	op->login.set.binding = stream_binding(s->dialog.stream, &op->binding);
	op->login.set.binding_data = &op->binding;
	op->login.set.warn = op->o->warn;
	op->login.set.warn_ctx = op->o->ctx;
	do
		status = login_choose(&op->login, e) < 0 ? -1 : login_say(&op->login, e);
	while (status > 0);
	s->offered = op->login.strength;
	if (status == 0)
		snprintf(s->mechanism, sizeof s->mechanism, "%s", auth_mechanism(op->login.auth));
	login_release(&op->login);
	return status;
}

static int
open_stepwise(struct opening *op, struct err *e)
{
	int status = greeting(op->s, e);

	if (status == 0)
		status = say_hello(op, e);
	if (status == 0 && net_settings(op->o->net)->tls_type == NET_TLS_STARTTLS)
		status = start_tls(op, e);
	if (status == 0 && op->o->auth != NULL)
		status = log_in(op, e);
	return status;
}

struct smtp_session *
smtp_session_open(const struct smtp_open *o, struct err *e)
{
	struct opening op = { .o = o };
	struct stream *stream = stream_open(o->net, e);

	if (stream == NULL)
		return NULL;
	op.s = smtp_session_new(o, stream);
	if (open_stepwise(&op, e) < 0) {
		op.s->dialog.is_dead = true;
		smtp_session_close(&op.s);
	} else {
		op.s->pipeline = !(op.s->caps.has & SMTP_CAP_PIPELINING) ? 1 :
		    o->pipeline_depth != 0 && o->pipeline_depth < PIPELINE ? o->pipeline_depth : PIPELINE;
	}
	buf_release(&op.binding);
	return op.s;
}
