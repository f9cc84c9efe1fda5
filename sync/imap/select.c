/* SELECT and EXAMINE, of several mailboxes one after the other without waiting; what belongs to which: flowing.c. */
#include "sync/imap/engine.h"

#include <stdlib.h>
#include <string.h>

#include "state/base/mem.h"

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
	if (s->latest != NULL && !imap_shows_closed(s)) {
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
	if (s->flowing == NULL && imap_box_next(s) == NULL)
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

/* CLOSE where there is no UNSELECT: it expunges, but not in a mailbox that was EXAMINEd. */
static int
examine_again(struct imap_session *s, struct err *e)
{
	const struct imap_select how = { .wire = s->latest->box.name, .is_examine = true };
	struct err refused;
	unsigned ticket;

	if (imap_select(s, &how, NULL, NULL, &ticket, e) < 0)
		return -1;
	if (imap_select_wait(s, ticket, &refused) == NULL && s->is_dead) {
		*e = s->failure;
		return -1;
	}
	return 0;
}

int
imap_unselect(struct imap_session *s, struct err *e)
{
	const bool has_unselect = imap_caps_has(&s->caps, IMAP_CAP_UNSELECT);
	struct imap_command c;
	struct err why;

	if (imap_finish(s, e) < 0 || (s->latest != NULL && !has_unselect && examine_again(s, e) < 0))
		return -1;
	if (s->latest == NULL)
		return 0;
	imap_command_init(&c, IMAP_ANY, &s->caps, s->is_utf8);
	imap_put(&c, has_unselect ? "UNSELECT" : "CLOSE");
	if (imap_send_as(s, &c, PENDING_UNSELECT, NULL, NULL, NULL, NULL, e) < 0 || imap_finish(s, e) < 0)
		return -1;
	/* A server that refuses will not say of which mailbox its news are. */
	if (s->flowing != NULL) {
		err_class(&why, ERR_STORE, ERR_FAILED, ERR_LATER, "%s: does not leave mailbox %s", s->label, s->latest->label);
		return imap_die(s, &why, e);
	}
	s->latest = NULL;
	forget_old(s, 0);
	return 0;
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
