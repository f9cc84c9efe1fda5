/* One run over an outbox.
 *
 *   open -> each message: read, recall, decide -> send (the session is opened for the first one) -> settle, keep -> flag, or file in Sent
 *
 * Whatever goes wrong with one message is its own; what is wrong with the server or the account is told once, and the rest waits for the next run.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "state/base/step.h"
#include "sync/maildir/filename.h"
#include "sync/outbox/inside.h"

struct sending {
	struct outbox_open x;
	struct outbox_report *report;
	struct net *net;
	struct smtp_session *session;
	bool is_over;			/* no session is to be had any more in this run */
	bool looks;			/* outbox_look() */
};

/* The message that is at work. */
struct job {
	struct sending *run;
	struct outbox_at at;
	struct outbox_mail mail;
	struct outbox_record rec;
	struct arena arena;
	/* Of the present transaction with the server. */
	size_t index[SMTP_RECIPIENTS_MAX];
	struct smtp_recipient to[SMTP_RECIPIENTS_MAX];
	size_t n;
};

/* ---- what is told ---- */

static void
tell(struct outbox_report *r, enum err_class class, bool is_new, const char *text)
{
	vec_push(&r->told, (struct outbox_told){ class, is_new, arena_strdup(&r->arena, text) });
}

/* "the message to bob@example.com of 2026-11-29 17:00, "Subject"" */
static const char *
name_message(const struct job *j, struct arena *a)
{
	const time_t when = (time_t)j->mail.written;
	const char *to = j->mail.to[0] != '\0' ? j->mail.to : j->rec.n != 0 ? j->rec.to[0].address : "nobody";
	char date[32] = "";
	struct tm tm;

	if (localtime_r(&when, &tm) != NULL)
		strftime(date, sizeof date, "%Y-%m-%d %H:%M", &tm);
	return arena_printf(a, "the message of %s to %s, \"%s\"", date, to, j->mail.subject);
}

/* Whom it is about, and why: "bob@example.com: 550 no; carol@example.com: 550 no; and 4 others". */
static const char *
name_reasons(const struct outbox_record *rec, enum outbox_got got, struct arena *a)
{
	enum { NAMED = 3 };
	struct buf text = { 0 };
	const char *all;
	size_t n = 0;

	for (size_t i = 0; i < rec->n; i++) {
		const struct outbox_recipient *r = &rec->to[i];

		if (r->got == got && n++ < NAMED)
			buf_printf(&text, "%s%s: %s", n > 1 ? "; " : "", r->address, r->words[0] != '\0' ? r->words : rec->words);
	}
	if (n > NAMED)
		buf_printf(&text, "; and %zu other%s", n - NAMED, n - NAMED > 1 ? "s" : "");
	all = arena_strdup(a, n == 0 ? rec->words : buf_str(&text));
	buf_release(&text);
	return all;
}

static bool
has_got(const struct outbox_record *rec, enum outbox_got got)
{
	for (size_t i = 0; i < rec->n; i++)
		if (rec->to[i].got == got)
			return true;
	return false;
}

/* What waits or is held counts in each run, and is named once, as the record says from then on. */
static void
tell_state(struct job *j)
{
	struct outbox_report *r = j->run->report;
	struct outbox_record *rec = &j->rec;
	const bool is_some_refused = rec->state == OUTBOX_WAITING && has_got(rec, OUTBOX_GOT_REFUSED);
	const unsigned told = rec->state == OUTBOX_UNKNOWN ? OUTBOX_TOLD_UNKNOWN : rec->state == OUTBOX_HELD ? OUTBOX_TOLD_HELD :
	    is_some_refused ? OUTBOX_TOLD_SOME : OUTBOX_TOLD_WAITING;
	const char *message = name_message(j, &j->arena);
	const char *some = !has_got(rec, OUTBOX_GOT) ? "" : is_some_refused ? ", others have it" : ", the others have it";
	const char *text;
	char id[9];

	outbox_id(j->at.key, id);
	if (rec->state == OUTBOX_UNKNOWN)
		text = arena_printf(&j->arena, "%s: nobody knows whether it was sent (%s), and nothing in \"%s\" shows it; it is kept and not sent again. "
		    "`mailtwin outbox retry %s` sends it, `mailtwin outbox drop %s` does not", message,
		    name_reasons(rec, OUTBOX_GOT_PERHAPS, &j->arena), j->run->x.o->sent, id, id);
	else if (is_some_refused)
		text = arena_printf(&j->arena, "%s: to some it is not sent (%s)%s; it is kept, and tried again for those who wait. `mailtwin outbox retry %s` "
		    "tries for all who do not have it, `mailtwin outbox drop %s` gives it up", message, name_reasons(rec, OUTBOX_GOT_REFUSED, &j->arena),
		    some, id, id);
	else if (rec->state == OUTBOX_HELD)
		text = arena_printf(&j->arena, "%s: it is not sent (%s)%s; it is kept, flagged. `mailtwin outbox retry %s` tries again, as does taking "
		    "the flag off, `mailtwin outbox drop %s` gives it up", message, name_reasons(rec, OUTBOX_GOT_REFUSED, &j->arena), some, id, id);
	else if (j->run->x.o->now - rec->first >= OUTBOX_DAY)
		text = arena_printf(&j->arena, "%s: it waits for more than a day (%s)%s; it is tried again. `mailtwin outbox retry %s` tries at the next "
		    "run, `mailtwin outbox drop %s` gives it up", message, name_reasons(rec, OUTBOX_GOT_NOT, &j->arena), some, id, id);
	else {
		tell(r, ERR_TEMPORARY, false, arena_printf(&j->arena, "%s: it waits (%s)%s", message,
		    name_reasons(rec, OUTBOX_GOT_NOT, &j->arena), some));
		return;
	}
	tell(r, told == OUTBOX_TOLD_WAITING ? ERR_TEMPORARY : ERR_FAILED, !(rec->flags & told), text);
	rec->flags |= told;
}

/* ---- the line ---- */

static int
open_session(struct sending *run, struct err *e)
{
	const char *memory = NULL;
	struct arena a = { 0 };
	unsigned offered = 0;

	if (state_begin(run->x.state, e) < 0)
		return -1;
	if (memory_get(run->x.state, &a, "server", &memory, e) <= 0 || sscanf(memory, "offered %u", &offered) != 1)
		offered = 0;
	state_abort(run->x.state);
	arena_release(&a);
	run->session = outbox_connect(run->x.o, &run->net, offered, e);
	return run->session != NULL ? 0 : -1;
}

/* What the server offers for a login: weaker is refused later, without TLS. */
static int
remember(struct sending *run, struct err *e)
{
	char memory[64];

	if (run->session == NULL || smtp_session_offered(run->session) == 0)
		return 0;
	snprintf(memory, sizeof memory, "offered %u", smtp_session_offered(run->session));
	if (state_begin(run->x.state, e) < 0)
		return -1;
	if (memory_put(run->x.state, "server", memory, e) < 0) {
		state_abort(run->x.state);
		return -1;
	}
	return state_commit(run->x.state, e);
}

/* 1: there is one; 0: there is none in this run, which is told; -1. */
static int
need_session(struct sending *run, struct err *e)
{
	struct err why;

	if (run->session != NULL && !smtp_session_is_alive(run->session))
		smtp_session_close(&run->session);
	if (run->session != NULL)
		return 1;
	if (run->is_over)
		return 0;
	if (open_session(run, &why) == 0)
		return remember(run, e) < 0 ? -1 : 1;
	run->is_over = true;
	if (why.class == ERR_CANCELLED || step_is_dead()) {
		*e = why;
		return -1;
	}
	tell(run->report, why.class, true, why.text);
	return 0;
}

/* ---- one message ---- */

static int
before_data(void *ctx, struct err *e)
{
	struct job *j = ctx;

	outbox_intend(&j->rec, j->index, j->to, j->n, j->run->x.o->now);
	return outbox_record_keep(j->run->x.state, j->at.key, &j->rec, e);
}

static int
write_piece(void *ctx, const char *p, size_t len, struct err *e)
{
	return smtp_data(ctx, p, len, e);
}

static int
write_mail(void *ctx, struct smtp_session *s, struct err *e)
{
	const struct job *j = ctx;
	const struct outbox_added added = { j->rec.message_id, j->rec.date };

	return outbox_mail_write(&j->run->x.mdir, j->at.key, j->at.hint, &j->mail, &added, false, write_piece, s, e);
}

/* What the message lacks is the same in each attempt. */
static void
complete(struct job *j)
{
	const int64_t now = j->run->x.o->now;

	if (j->mail.message_id[0] == '\0' && j->rec.message_id[0] == '\0')
		j->rec.message_id = outbox_new_message_id(&j->arena, j->mail.envelope.sender, now);
	if (j->mail.date[0] == '\0' && j->rec.date[0] == '\0')
		j->rec.date = outbox_new_date(&j->arena, now);
	if (j->rec.name[0] == '\0')
		j->rec.name = filename_unique(&j->arena, j->run->x.settings.info_delimiter);
}

/* One transaction with the server. 1: another one follows at once. */
static int
transact(struct job *j, struct err *e)
{
	const struct outbox_added added = { j->rec.message_id, j->rec.date };
	struct smtp_mail mail = { .sender = j->mail.envelope.sender, .to = j->to, .size = outbox_mail_size(&j->mail, &added),
		.is_8bit = j->mail.is_8bit, .is_utf8 = j->mail.has_8bit_header, .ret = j->mail.envelope.ret, .envid = j->mail.envelope.envid,
		.before_data = before_data, .write = write_mail, .ctx = j };
	struct smtp_result result;
	struct err why = { .text = "" };
	bool has_more, is_stopped;

	j->n = mail.n = outbox_choose(&j->rec, j->index, SMTP_RECIPIENTS_MAX);
	for (size_t i = 0; i < j->n; i++)
		j->to[i] = (struct smtp_recipient){ .address = j->rec.to[j->index[i]].address, .notify = j->mail.envelope.notify };
	is_stopped = smtp_send(j->run->session, &mail, &result, &why) < 0 && (step_is_dead() || why.class == ERR_CANCELLED);
	/* The next run finds it as it was; or, after a crash, behind its intent. */
	if (is_stopped && (step_is_dead() || j->rec.state != OUTBOX_SENDING)) {
		*e = why;
		return -1;
	}
	has_more = outbox_settle(&j->rec, j->index, j->to, j->n, &result, why.text, j->run->x.o->now, &j->arena);
	if (outbox_record_keep(j->run->x.state, j->at.key, &j->rec, e) < 0)
		return -1;
	if (is_stopped) {
		*e = why;
		return -1;
	}
	return has_more && smtp_session_is_alive(j->run->session);
}

/* What the record says by now is done with the file. */
static int
conclude(struct job *j, bool was_begun, struct err *e)
{
	struct outbox_open *x = &j->run->x;
	struct err why;

	if (j->rec.state == OUTBOX_SENT) {
		if (outbox_file(x, &j->at, &j->mail, &j->rec, was_begun, &why) == 0)
			return 0;
		if (step_is_dead()) {
			*e = why;
			return -1;
		}
		tell(j->run->report, ERR_FAILED, true, arena_printf(&j->arena, "%s: %s; the next run goes on", name_message(j, &j->arena), why.text));
		return 0;
	}
	if (j->rec.state == OUTBOX_HELD || j->rec.state == OUTBOX_UNKNOWN) {
		if (outbox_flag(x, &j->at, true, e) < 0)
			return -1;
		j->rec.flags |= OUTBOX_IS_FLAGGED;
	}
	/* What is not known may be in Sent once that was synchronised: outbox_look() tells it. */
	if (j->rec.state == OUTBOX_UNKNOWN && !j->run->looks)
		j->run->report->has_unknown = true;
	else
		tell_state(j);
	return outbox_record_keep(x->state, j->at.key, &j->rec, e);
}

static int
send_one(struct job *j, struct err *e)
{
	int status = need_session(j->run, e);

	if (status <= 0) {
		if (status == 0)
			tell(j->run->report, ERR_TEMPORARY, false, arena_printf(&j->arena, "%s: it waits for the server",
			    name_message(j, &j->arena)));
		return status;
	}
	complete(j);
	do
		status = transact(j, e);
	while (status > 0);
	if (status < 0)
		return -1;
	j->run->report->sent += j->rec.state == OUTBOX_SENT;
	return conclude(j, false, e);
}

static int
look_for(struct job *j, struct err *e)
{
	int found = !j->run->looks ? 0 : outbox_find_sent(&j->run->x, &j->mail, &j->rec, e);

	if (found < 0)
		return -1;
	if (found > 0) {
		outbox_found(&j->rec, j->run->x.o->now);
		if (outbox_record_keep(j->run->x.state, j->at.key, &j->rec, e) < 0)
			return -1;
		/* The copy that is there is the one that is kept. */
		if (j->rec.state == OUTBOX_SENT) {
			struct outbox once = *j->run->x.o;
			const struct outbox *const was = j->run->x.o;
			int status;

			once.keeps_copy = false;
			j->run->x.o = &once;
			status = conclude(j, true, e);
			j->run->x.o = was;
			return status;
		}
		return conclude(j, true, e);
	}
	return conclude(j, true, e);
}

static const char *const plan_words[] = {
	[OUTBOX_ACT_NOTHING] = "is left alone: it is marked as deleted", [OUTBOX_ACT_SEND] = "is sent", [OUTBOX_ACT_WAIT] = "waits for its time",
	[OUTBOX_ACT_HOLD] = "is held", [OUTBOX_ACT_LOOK] = "is looked for in Sent", [OUTBOX_ACT_FILE] = "was sent, and is filed",
};

static void
plan_one(struct job *j, enum outbox_act act)
{
	struct buf *out = &j->run->report->plan;

	buf_printf(out, "%s: %s %s", j->run->x.o->box, name_message(j, &j->arena), plan_words[act]);
	if (act == OUTBOX_ACT_SEND)
		buf_printf(out, " to %zu recipient%s by %s", j->rec.n, j->rec.n == 1 ? "" : "s", j->run->x.o->account->name);
	else if (j->rec.words[0] != '\0')
		buf_printf(out, " (%s)", j->rec.words);
	buf_addc(out, '\n');
	j->run->report->sent += act == OUTBOX_ACT_SEND;
}

static int
do_one(struct job *j, struct err *e)
{
	const struct outbox *o = j->run->x.o;
	enum outbox_act act;
	bool is_known;

	if (outbox_recall(&j->run->x, j->at.key, &j->mail, &j->arena, &j->rec, &is_known, e) < 0)
		return -1;
	act = outbox_decide(&j->rec, is_known, j->at.flags, o->now);
	if (j->run->looks && act != OUTBOX_ACT_LOOK)
		return 0;
	if (act == OUTBOX_ACT_SEND && j->mail.fault != NULL) {
		outbox_hold(&j->rec, j->mail.fault);
		act = OUTBOX_ACT_HOLD;
	}
	if (o->is_dry) {
		plan_one(j, act);
		return 0;
	}
	switch (act) {
	case OUTBOX_ACT_NOTHING:
		return 0;
	case OUTBOX_ACT_SEND:
		return send_one(j, e);
	case OUTBOX_ACT_WAIT:
		tell_state(j);
		return outbox_record_keep(j->run->x.state, j->at.key, &j->rec, e);
	case OUTBOX_ACT_LOOK:
		return look_for(j, e);
	case OUTBOX_ACT_FILE:
	case OUTBOX_ACT_HOLD:
		break;
	}
	/* A draft is as it was once its mark is gone: it has no state. */
	if (act == OUTBOX_ACT_HOLD && j->rec.state != OUTBOX_HELD) {
		tell(j->run->report, ERR_FAILED, !is_known, arena_printf(&j->arena, "%s: it is marked as a draft, and not sent", name_message(j, &j->arena)));
		return is_known ? 0 : outbox_record_keep(j->run->x.state, j->at.key, &j->rec, e);
	}
	return conclude(j, true, e);
}

static int
do_entry(struct sending *run, const struct scan_entry *entry, struct err *e)
{
	struct job *j = mem_alloc(sizeof *j);
	struct err why;
	int status = 0;

	j->run = run;
	j->at = (struct outbox_at){ entry->key, scan_hint(&j->arena, entry), entry->flags };
	if (entry->is_held)
		tell(run->report, ERR_FAILED, true, arena_printf(&j->arena, "%.*s shares its name with another file: neither is sent", (int)entry->key.len,
		    entry->key.data));
	else if (outbox_mail_read(&run->x.mdir, j->at.key, j->at.hint, &j->mail, &why) < 0)
		tell(run->report, ERR_FAILED, true, why.text);
	else
		status = do_one(j, e);
	outbox_mail_release(&j->mail);
	arena_release(&j->arena);
	free(j);
	return status;
}

static bool
is_cancelled(const struct outbox *o)
{
	return o->cancel != NULL && atomic_load(o->cancel) != 0;
}

static int
go_through(const struct outbox *o, struct outbox_report *report, bool looks, struct err *e)
{
	struct sending run = { .report = report, .looks = looks };
	int status = outbox_open(o, &run.x, e);

	if (status <= 0)
		return status;
	status = 0;
	for (size_t i = 0; i < run.x.scan.entries.n && status == 0; i++) {
		if (is_cancelled(o))
			status = err_class(e, ERR_RUN, ERR_CANCELLED, ERR_LATER, "stopped on request");
		else
			status = do_entry(&run, &run.x.scan.entries.at[i], e);
	}
	if (status == 0 && !o->is_dry && !looks)
		status = outbox_forget_gone(&run.x, e);
	smtp_session_close(&run.session);
	net_free(&run.net);
	outbox_close(&run.x);
	return status;
}

int
outbox_send(const struct outbox *o, struct outbox_report *report_r, struct err *e)
{
	*report_r = (struct outbox_report){ .sent = 0 };
	return go_through(o, report_r, false, e);
}

int
outbox_look(const struct outbox *o, struct outbox_report *report_r, struct err *e)
{
	*report_r = (struct outbox_report){ .sent = 0 };
	return go_through(o, report_r, true, e);
}
