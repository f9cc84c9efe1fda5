/* Which mailbox the data that comes in belongs to (R17).
 *
 * Two mailboxes both have a UID 5. While a SELECT is unanswered, data may still be the old mailbox's.
 * `flowing` is whose data comes now; it moves on
 *
 *   old --[CLOSED]--------------------------> new	always, where the server shows it
 *   old --tagged answer to UNSELECT---------> new
 *   old --FLAGS, PERMANENTFLAGS, UIDVALIDITY-> new	only while [CLOSED] is not known of this server, and all that was
 *						asked of the old one is answered
 *   new --tagged NO, BAD--------------------> none, or the next SELECT under way
 */
#include "sync/imap/engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "state/base/mem.h"

/* The next mailbox whose SELECT is under way: behind the flowing one's own, if that is not answered. */
static struct selection *
next_selection(const struct imap_session *s)
{
	struct selection *first = NULL;
	bool is_past = false;

	for (size_t i = 0; i < s->pending.n; i++) {
		const struct pending *p = &s->pending.at[i];

		if (p->role != PENDING_SELECT)
			continue;
		if (p->sel == s->flowing)
			is_past = true;
		else if (is_past)
			return p->sel;
		else if (first == NULL)
			first = p->sel;
	}
	return is_past ? NULL : first;
}

void
imap_box_closed(struct imap_session *s)
{
	struct selection *next = next_selection(s);

	if (next != NULL)
		s->memory.shows_closed = true;
	s->flowing = next;
}

/* Something asked of this mailbox is not answered yet. */
static bool
is_asked(const struct imap_session *s, const struct selection *sel)
{
	for (size_t i = 0; i < s->pending.n; i++)
		if (s->pending.at[i].sel == sel && s->pending.at[i].role == PENDING_PLAIN)
			return true;
	return false;
}

static bool
may_switch(const struct imap_session *s)
{
	return s->flowing == NULL || (!s->memory.shows_closed && s->flowing->box.is_answered && !is_asked(s, s->flowing));
}

/* A line that only a SELECT's answer, or news of the flowing mailbox, can bring. */
static void
maybe_switch(struct imap_session *s)
{
	struct selection *next;

	if (!may_switch(s))
		return;
	next = next_selection(s);
	if (next != NULL)
		s->flowing = next;
}

static void
keep_mask(struct imap_box *box, const struct flag_mask *mask)
{
	box->mask = *mask;
	box->mask.kw = arena_strdup(&box->arena, mask->kw);
}

static void
mark_unreadable(struct selection *sel, const char *why)
{
	if (sel != NULL && sel->box.unreadable == NULL)
		sel->box.unreadable = arena_strdup(&sel->box.arena, why);
}

void
imap_box_unreadable(struct imap_session *s, bool is_of_select, const char *why)
{
	if (is_of_select)
		maybe_switch(s);
	/* Where nothing is asked of the old mailbox any more it may be of the new one, whose data nothing announces. */
	if (s->flowing == NULL || may_switch(s))
		mark_unreadable(next_selection(s), why);
	mark_unreadable(s->flowing, why);
}

void
imap_box_flags(struct imap_session *s, const struct flag_mask *mask)
{
	maybe_switch(s);
	/* FLAGS stands for PERMANENTFLAGS until that comes (RFC 9051 section 6.3.2). */
	if (s->flowing != NULL && !s->flowing->box.has_permanentflags)
		keep_mask(&s->flowing->box, mask);
}

void
imap_box_code(struct imap_session *s, const struct imap_code *code)
{
	struct imap_box *box;

	if (code->kind == IMAP_CODE_PERMANENTFLAGS || code->kind == IMAP_CODE_UIDVALIDITY)
		maybe_switch(s);
	if (s->flowing == NULL)
		return;
	box = &s->flowing->box;
	switch (code->kind) {
	case IMAP_CODE_UIDVALIDITY:
		box->uidvalidity = code->number;
		break;
	case IMAP_CODE_UIDNEXT:
		if (!box->is_answered && code->number <= UINT32_MAX)
			box->uidnext = (uint32_t)code->number;
		else if (!box->is_answered && box->unreadable == NULL)
			box->unreadable = arena_printf(&box->arena, "its UIDNEXT %llu is more than 32 bits hold",
			    (unsigned long long)code->number);
		break;
	case IMAP_CODE_HIGHESTMODSEQ:
		if (!box->is_answered) {
			box->highestmodseq = code->number;
			box->has_modseq = code->number != 0;
		}
		break;
	case IMAP_CODE_NOMODSEQ:
		box->has_modseq = false;
		box->highestmodseq = 0;
		break;
	case IMAP_CODE_PERMANENTFLAGS:
		box->has_permanentflags = true;
		keep_mask(box, &code->mask);
		break;
	case IMAP_CODE_UIDNOTSTICKY:
		box->is_uid_not_sticky = true;
		break;
	case IMAP_CODE_READ_ONLY:
		box->is_read_only = true;
		break;
	case IMAP_CODE_MAILBOXID:
		snprintf(box->mailboxid, sizeof box->mailboxid, "%.*s", (int)strcspn(code->arg + (code->arg[0] == '('), " )"),
		    code->arg + (code->arg[0] == '('));
		break;
	default:
		break;
	}
}

/* A SELECT is answered while something asked of a mailbox before it is not: a server that carries out commands side by side,
 * which RFC 9051 section 5.5 forbids here. Nobody knows whose the data was; from now on each waits for the last. */
static void
check_order(struct imap_session *s, const struct pending *p)
{
	for (size_t i = 0; i < s->pending.n; i++) {
		const struct pending *q = &s->pending.at[i];

		if (q->role != PENDING_PLAIN || q->sel == NULL || q->sel == p->sel || q->tag > p->tag)
			continue;
		s->is_unordered = true;
		q->sel->box.is_dirty = p->sel->box.is_dirty = true;
	}
}

void
imap_box_part(struct imap_session *s, const struct imap_code *code)
{
	if (s->flowing != NULL && imap_code_is_part(code))
		s->flowing->box.is_part = true;
}

void
imap_box_exists(struct imap_session *s, uint32_t n)
{
	struct imap_box *box = s->flowing != NULL ? &s->flowing->box : NULL;
	struct selection *next;

	if (box == NULL)
		return;
	/* Without [CLOSED] nothing tells whose it is, until FLAGS or UIDVALIDITY follow it: the last one in front of them is
	 * the next mailbox's. */
	next = box->is_answered && !s->memory.shows_closed ? next_selection(s) : NULL;
	if (next != NULL)
		next->box.exists = n;
	box->has_shrunk |= box->is_answered && n < box->exists;
	box->exists = n;
}

void
imap_box_answered(struct imap_session *s, const struct pending *p, const struct imap_result *result)
{
	struct selection *sel = p->sel;

	if (p->role == PENDING_UNSELECT) {
		/* Unless [CLOSED] came with it and switched already. */
		if (result->status == IMAP_OK && (s->flowing == NULL || s->flowing->box.is_answered))
			s->flowing = next_selection(s);
		return;
	}
	if (!s->memory.shows_closed)
		check_order(s, p);
	if (result->status == IMAP_OK) {
		s->flowing = sel;
		if (result->code->kind == IMAP_CODE_READ_ONLY)
			sel->box.is_read_only = true;
		sel->box.is_answered = true;
		sel->box.exists_then = sel->box.exists;
		sel->box.is_news_part = sel->box.is_part || imap_code_is_part(result->code);
		sel->box.is_part = false;
		return;
	}
	sel->is_failed = true;
	imap_result_err(s, result, ERR_BOX, sel->label, &sel->failure);
	if (s->latest == sel)
		s->latest = NULL;
	if (s->flowing == sel || s->flowing == NULL || s->flowing->box.is_answered) {
		/* A refused SELECT leaves no mailbox selected, but for servers that call it BAD. */
		s->flowing = NULL;
		s->flowing = next_selection(s);
	}
}

/* Selections nobody can mean any more: but for the last `most`, those that neither speak nor are spoken to. */
static void
forget_old(struct imap_session *s, size_t most)
{
	size_t kept = 0, n = s->selections.n;

	for (size_t i = 0; i < n; i++) {
		struct selection *sel = s->selections.at[i];

		if (i + most >= n || sel == s->latest || sel == s->flowing) {
			s->selections.at[kept++] = sel;
			continue;
		}
		arena_release(&sel->box.arena);
		free(sel->box.name);
		free(sel->label);
		free(sel);
	}
	s->selections.n = kept;
}

void
imap_selections_release(struct imap_session *s)
{
	s->latest = s->flowing = NULL;
	forget_old(s, 0);
	vec_release(&s->selections);
}

static int
compose(struct imap_session *s, const struct imap_select *how, struct imap_command *c, struct err *e)
{
	imap_command_init(c, IMAP_ANY, &s->caps, s->is_utf8);
	imap_put(c, how->is_examine ? "EXAMINE " : "SELECT ");
	if (how->wire != NULL)
		imap_put_wire_mailbox(c, how->wire, strlen(how->wire));
	else if (imap_put_mailbox(c, how->utf8, e) < 0)
		return -1;
	/* The outer brackets matter: without them Dovecot answers OK and ignores it all. */
	if (s->has_qresync && how->uidvalidity != 0 && how->modseq != 0)
		imap_putf(c, " (QRESYNC (%llu %llu))", (unsigned long long)how->uidvalidity, (unsigned long long)how->modseq);
	else if (imap_session_has_condstore(s))
		imap_put(c, " (CONDSTORE)");
	return 0;
}

int
imap_select(struct imap_session *s, const struct imap_select *how, const struct imap_events *ev, void *ctx,
    unsigned *ticket_r, struct err *e)
{
	struct imap_command c = { 0 }, leave = { 0 };
	struct selection *sel;
	struct buf label = { 0 };
	int rc = -1;

	if (s->is_dead) {
		*e = s->failure;
		return -1;
	}
	if (compose(s, how, &c, e) < 0)
		goto done;
	if (s->latest != NULL && !s->memory.shows_closed) {
		/* With QRESYNC [CLOSED] will come, and is waited for the first time. Without it the old one's answers are
		 * told from the new one's by UNSELECT, or by what only SELECT brings: all can be under way at once. */
		if ((s->has_qresync || s->is_unordered) && imap_finish(s, e) < 0)
			goto done;
		if (!s->has_qresync && s->latest != NULL && imap_caps_has(&s->caps, IMAP_CAP_UNSELECT)) {
			imap_command_init(&leave, IMAP_ANY, &s->caps, s->is_utf8);
			imap_put(&leave, "UNSELECT");
			if (imap_send_as(s, &leave, PENDING_UNSELECT, NULL, NULL, NULL, NULL, e) < 0)
				goto done;
		}
	}
	if (s->pending.n == 0 && s->selections.n >= 2 * IMAP_SELECTIONS)
		forget_old(s, IMAP_SELECTIONS);
	sel = mem_alloc(sizeof *sel);
	sel->box.name = mem_strdup(c.box);
	if (imap_name_from_wire(&label, c.box, strlen(c.box), s->is_utf8) < 0)
		buf_adds(&label, c.box);
	sel->label = buf_take(&label);
	sel->box.mask.kw = "";
	sel->box.is_read_only = how->is_examine;
	sel->ev = ev;
	sel->ctx = ctx;
	vec_push(&s->selections, sel);
	if (s->flowing == NULL && next_selection(s) == NULL)
		s->flowing = sel;
	s->latest = sel;
	/* STATUS data is not what this name is for. */
	free(c.box);
	c.box = NULL;
	rc = imap_send_as(s, &c, PENDING_SELECT, sel, ev, ctx, ticket_r, e);
done:
	imap_command_release(&c);
	imap_command_release(&leave);
	return rc;
}

const struct imap_box *
imap_select_wait(struct imap_session *s, unsigned ticket, struct err *e)
{
	if (imap_wait(s, ticket, e) < 0)
		return NULL;
	for (size_t i = 0; i < s->selections.n; i++) {
		struct selection *sel = s->selections.at[i];

		if (sel->tag != ticket)
			continue;
		if (!sel->is_failed)
			return &sel->box;
		*e = sel->failure;
		return NULL;
	}
	err_set(e, ERR_BOX, "%s: that mailbox is selected no more", s->label);
	return NULL;
}

const struct imap_box *
imap_session_box(const struct imap_session *s)
{
	return s->latest != NULL ? &s->latest->box : NULL;
}

const struct imap_box *
imap_select_box(const struct imap_session *s, unsigned ticket)
{
	for (size_t i = 0; i < s->selections.n; i++) {
		const struct selection *sel = s->selections.at[i];

		if (sel->tag == ticket)
			return sel->box.is_answered && !sel->is_failed ? &sel->box : NULL;
	}
	return NULL;
}
