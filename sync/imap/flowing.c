/* Which mailbox the data that comes in belongs to (R17 SELECT first).
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
#include <string.h>

/* The next mailbox whose SELECT is under way: behind the flowing one's own, if that is not answered. */
struct selection *
imap_box_next(const struct imap_session *s)
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
	struct selection *next = imap_box_next(s);

	if (next != NULL)
		s->memory.shows_closed = s->has_shown_closed = true;
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
	return s->flowing == NULL || (!imap_shows_closed(s) && s->flowing->box.is_answered && !is_asked(s, s->flowing));
}

/* A line that only a SELECT's answer, or news of the flowing mailbox, can bring. */
static void
maybe_switch(struct imap_session *s)
{
	struct selection *next;

	if (!may_switch(s))
		return;
	next = imap_box_next(s);
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
		mark_unreadable(imap_box_next(s), why);
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
	next = box->is_answered && !imap_shows_closed(s) ? imap_box_next(s) : NULL;
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
			s->flowing = imap_box_next(s);
		return;
	}
	if (!imap_shows_closed(s))
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
		s->flowing = imap_box_next(s);
	}
}
