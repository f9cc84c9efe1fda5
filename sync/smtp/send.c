/* One message to a server that takes mail.
 *
 *   MAIL, RCPT ... -> who is accepted -> before_data() -> DATA -> the message -> its last line -> DONE, or what the server says
 *                     '--nobody--> RSET                 '--refused--> RSET
 *
 * MAIL and RCPT share a flight where the server has PIPELINING; DATA waits, because an intent stands before it that names those who get the message.
 */
#include <stdio.h>
#include <string.h>

#include "state/base/buf.h"
#include "state/base/mem.h"
#include "state/base/step.h"
#include "sync/message/utf8.h"
#include "sync/smtp/engine.h"

/* A server may take its time to make sure of a message: ten minutes by RFC 5321 section 4.5.3.2.6, which is 30 of the usual Timeouts. Whoever
 * gives up before does not know what has become of it. */
enum { LAST_TIMEOUTS = 30, ADDRESS_MAX = 254 };

const char *
smtp_address_fault(const char *address)
{
	const size_t len = strlen(address);
	bool is_quoted = false;
	uint32_t c;
	size_t n;

	if (len == 0)
		return "is empty";
	if (len > ADDRESS_MAX)
		return "is longer than 254 octets";
	for (size_t i = 0; i < len; i += n) {
		n = utf8_get(address + i, len - i, &c);
		if (n == 0)
			return "is not UTF-8";
		if (c < ' ' || (c >= 0x7f && c < 0xa0))
			return "has a control character in it";
		if (c == '\\' && is_quoted && i + 1 < len && (unsigned char)address[i + 1] >= ' ' && (unsigned char)address[i + 1] < 0x7f)
			n = 2;
		else if (c == '"')
			is_quoted = !is_quoted;
		else if (!is_quoted && (c == ' ' || c == '<' || c == '>' || c == ',' || c == ';' || c == '(' || c == ')' || c == '\\'))
			return "has a character in it that no address has";
	}
	return is_quoted ? "has a quote without its end" : NULL;
}

/* ---- what may be sent to this server at all ---- */

static int
cannot(struct smtp_result *r, struct err *e, const char *why)
{
	r->outcome = SMTP_REFUSED;
	snprintf(r->reply.text, sizeof r->reply.text, "%s", why);
	return err_class(e, ERR_MESSAGE, ERR_FAILED, ERR_NEVER, "%s", why);
}

static bool
is_ascii(const char *p)
{
	for (; *p != '\0'; p++)
		if ((unsigned char)*p >= 0x80)
			return false;
	return true;
}

static int
check(const struct smtp_session *s, struct smtp_mail *m, struct smtp_result *r, struct err *e)
{
	char why[512];
	const char *fault = *m->sender != '\0' ? smtp_address_fault(m->sender) : NULL;

	if (fault != NULL) {
		snprintf(why, sizeof why, "the sender %s", fault);
		return cannot(r, e, why);
	}
	m->is_utf8 |= !is_ascii(m->sender);
	for (size_t i = 0; i < m->n; i++) {
		fault = smtp_address_fault(m->to[i].address);
		if (fault != NULL) {
			snprintf(why, sizeof why, "recipient %zu %s", i + 1, fault);
			return cannot(r, e, why);
		}
		m->is_utf8 |= !is_ascii(m->to[i].address);
	}
	if (s->caps.size != 0 && m->size > s->caps.size) {
		snprintf(why, sizeof why, "it has %llu octets, and the server takes %llu at most (SIZE)", (unsigned long long)m->size,
		    (unsigned long long)s->caps.size);
		return cannot(r, e, why);
	}
	if (m->is_utf8 && !(s->caps.has & SMTP_CAP_SMTPUTF8))
		return cannot(r, e, "an address or its header is not ASCII, and the server does not take that (SMTPUTF8)");
	if (m->is_8bit && !(s->caps.has & SMTP_CAP_8BITMIME))
		return cannot(r, e, "it has octets of eight bits, and the server does not take them (8BITMIME)");
	return 0;
}

/* ---- envelope ---- */

static void
add_mail_line(const struct smtp_session *s, const struct smtp_mail *m, struct buf *line)
{
	buf_printf(line, "MAIL FROM:<%s>", m->sender);
	if (s->caps.has & SMTP_CAP_SIZE)
		buf_printf(line, " SIZE=%llu", (unsigned long long)m->size);
	if (m->is_8bit || m->is_utf8)
		buf_adds(line, " BODY=8BITMIME");
	if (m->is_utf8)
		buf_adds(line, " SMTPUTF8");
	if (s->caps.has & SMTP_CAP_DSN && m->ret != NULL)
		buf_printf(line, " RET=%s", m->ret);
	if (s->caps.has & SMTP_CAP_DSN && m->envid != NULL)
		buf_printf(line, " ENVID=%s", m->envid);
	buf_adds(line, "\r\n");
}

static void
add_recipient_line(const struct smtp_session *s, const struct smtp_recipient *to, struct buf *line)
{
	buf_printf(line, "RCPT TO:<%s>", to->address);
	if (s->caps.has & SMTP_CAP_DSN && to->notify != NULL)
		buf_printf(line, " NOTIFY=%s", to->notify);
	buf_adds(line, "\r\n");
}

/* All of the envelope, and its answers. -1: the session is over. */
static int
say_envelope(struct smtp_session *s, struct smtp_mail *m, struct smtp_reply *mail_r, struct err *e)
{
	struct buf line = { 0 };
	size_t sent = 0, answered;
	int status = 0;

	for (answered = 0; status == 0 && answered <= m->n; answered++) {
		buf_clear(&line);
		for (; sent <= m->n && sent < answered + s->pipeline; sent++) {
			if (sent == 0)
				add_mail_line(s, m, &line);
			else
				add_recipient_line(s, &m->to[sent - 1], &line);
		}
		if (line.len > 0 && (dialog_write(&s->dialog, line.data, line.len, e) < 0 || dialog_flush(&s->dialog, e) < 0))
			status = -1;
		if (status == 0)
			status = smtp_read(s, NULL, NULL, answered == 0 ? mail_r : &m->to[answered - 1].reply, e);
		/* Without a sender no recipient is asked, unless they are on their way. */
		if (status == 0 && answered == 0 && !smtp_is_ok(mail_r) && sent == 1)
			break;
	}
	buf_release(&line);
	return status;
}

/* ---- the message ---- */

int
smtp_data(struct smtp_session *s, const char *p, size_t len, struct err *e)
{
	const char *end = p + len, *lf;

	while (p < end) {
		if (s->is_line_start && *p == '.' && dialog_write(&s->dialog, ".", 1, e) < 0)
			return -1;
		lf = memchr(p, '\n', (size_t)(end - p));
		lf = lf != NULL ? lf + 1 : end;
		if (dialog_write(&s->dialog, p, (size_t)(lf - p), e) < 0)
			return -1;
		s->is_line_start = lf[-1] == '\n';
		p = lf;
	}
	return 0;
}

static enum smtp_outcome
outcome_of(const struct smtp_reply *reply)
{
	return smtp_is_ok(reply) ? SMTP_TAKEN : smtp_is_passing(reply) ? SMTP_WAITS : SMTP_REFUSED;
}

/* The answer to the whole message. */
static int
await_outcome(struct smtp_session *s, struct smtp_result *r, struct err *e)
{
	struct err unseen;
	int status;

	r->outcome = SMTP_UNKNOWN;
	if (dialog_flush(&s->dialog, e) < 0)
		return -1;
	/* Whatever is wrong is told by the read that follows. */
	if (!lines_has_input(s->dialog.lines) && s->timeout != 0)
		(void)stream_wait(s->dialog.stream, (int)(s->timeout > INT32_MAX / 1000 / LAST_TIMEOUTS ? INT32_MAX : s->timeout * 1000 * LAST_TIMEOUTS),
		    &unseen);
	status = smtp_read(s, NULL, NULL, &r->reply, e);
	/* 421 is an answer, too: it did not take it. */
	if (r->reply.code != 0) {
		if (step(STEP_ANSWER, "the answer to a message that was sent", e) < 0)
			return dialog_die(&s->dialog, e, e);
		r->outcome = r->reply.code / 100 == 3 ? SMTP_REFUSED : outcome_of(&r->reply);
	}
	return status;
}

static int
say_message(struct smtp_session *s, struct smtp_mail *m, struct smtp_result *r, struct err *e)
{
	struct err why;
	int status;

	if (step(STEP_SEND, "DATA", e) < 0)
		return dialog_die(&s->dialog, e, e);
	if (smtp_ask(s, "DATA", NULL, NULL, &r->reply, e) < 0) {
		r->outcome = r->reply.code != 0 ? SMTP_WAITS : SMTP_NOT_SENT;
		return -1;
	}
	if (r->reply.code != 354) {
		r->outcome = smtp_is_passing(&r->reply) ? SMTP_WAITS : SMTP_REFUSED;
		return 0;
	}
	r->reply.code = 0;
	s->is_line_start = true;
	/* What people write is not for transcripts. */
	stream_secret_begin(s->dialog.stream);
	status = m->write(m->ctx, s, &why);
	stream_secret_end(s->dialog.stream);
	if (status < 0)
		return dialog_die(&s->dialog, &why, e);
	if (!s->is_line_start && dialog_write(&s->dialog, "\r\n", 2, e) < 0)
		return -1;
	if (dialog_flush(&s->dialog, e) < 0)
		return -1;
	if (step(STEP_SEND, "the end of a message", e) < 0)
		return dialog_die(&s->dialog, e, e);
	if (dialog_write(&s->dialog, ".\r\n", 3, e) < 0)
		return -1;
	return await_outcome(s, r, e);
}

/* Back to where the next message may begin. */
static int
reset(struct smtp_session *s, struct err *e)
{
	struct smtp_reply reply;

	return smtp_ask(s, "RSET", NULL, NULL, &reply, e);
}

static bool
is_anybody_accepted(const struct smtp_mail *m)
{
	for (size_t i = 0; i < m->n; i++)
		if (smtp_is_ok(&m->to[i].reply))
			return true;
	return false;
}

int
smtp_send(struct smtp_session *s, struct smtp_mail *m, struct smtp_result *r, struct err *e)
{
	struct smtp_reply mail = { .code = 0 };
	struct err unseen;

	*r = (struct smtp_result){ .outcome = SMTP_NOT_SENT };
	for (size_t i = 0; i < m->n; i++)
		m->to[i].reply = (struct smtp_reply){ .code = 0 };
	if (dialog_check(&s->dialog, e) < 0 || check(s, m, r, e) < 0)
		return -1;
	if (say_envelope(s, m, &mail, e) < 0) {
		/* 421: nobody gets it now, whoever was accepted. */
		r->reply = mail.code == 421 ? mail : (struct smtp_reply){ .code = 0 };
		for (size_t i = 0; i < m->n && r->reply.code == 0; i++)
			if (m->to[i].reply.code == 421)
				r->reply = m->to[i].reply;
		r->outcome = r->reply.code != 0 ? SMTP_WAITS : SMTP_NOT_SENT;
		return -1;
	}
	if (!smtp_is_ok(&mail)) {
		r->reply = mail;
		r->outcome = smtp_is_passing(&mail) ? SMTP_WAITS : SMTP_REFUSED;
		(void)reset(s, &unseen);
		return 0;
	}
	if (!is_anybody_accepted(m)) {
		r->outcome = SMTP_NOBODY;
		(void)reset(s, &unseen);
		return 0;
	}
	if (m->before_data(m->ctx, e) < 0) {
		(void)reset(s, &unseen);
		return -1;
	}
	if (say_message(s, m, r, e) < 0)
		return -1;
	if (r->outcome != SMTP_TAKEN)
		(void)reset(s, &unseen);
	return 0;
}
