/* Messages deleted for good: DELE marks them, and they go once QUIT is answered (RFC 1939 section 6).
 *
 *   DELE ... -> QUIT -> +OK: they are gone
 *                 '---> lost, or -ERR: the list is asked for anew. What it shows is there, what it does not is gone; where there is no list,
 *                       nobody knows
 *
 * Must hold: a session with marks is never ended by QUIT but here.
 */
#include "sync/store/pop3_inside.h"

#include "state/base/step.h"

struct expunging {
	struct pop3_conn *c;
	struct expunge_item **items;	/* in the order of `numbers` */
	uint32_t *numbers;
	bool *is_marked;
	size_t n;
};

static void
settle(struct expunge_item *item, enum outcome outcome, const struct err *why)
{
	item->outcome = outcome;
	if (outcome != OUTCOME_DONE)
		item->err = *why;
}

static void
settle_all(struct expunging *x, enum outcome outcome, const struct err *why)
{
	for (size_t i = 0; i < x->n; i++)
		settle(x->items[i], outcome, why);
}

static void
collect(struct expunging *x, const struct box_changes *b)
{
	const struct pop3_message *m;

	for (size_t i = 0; i < b->n_expunges; i++) {
		if (b->expunges[i].err.text[0] != '\0') {
			b->expunges[i].outcome = OUTCOME_FAILED;
			continue;
		}
		m = pop3_find(x->c->st, b->expunges[i].key);
		if (m == NULL) {
			b->expunges[i].outcome = OUTCOME_DONE;
			continue;
		}
		x->items[x->n] = &b->expunges[i];
		x->numbers[x->n++] = m->number;
	}
}

/* QUIT was answered: what was marked is gone, what was not is there. */
static void
has_quit(struct expunging *x)
{
	struct err refused;

	err_class(&refused, ERR_MESSAGE, ERR_FAILED, ERR_LATER, "%s: the server does not delete a message", x->c->st->store.name);
	for (size_t i = 0; i < x->n; i++) {
		settle(x->items[i], x->is_marked[i] ? OUTCOME_DONE : OUTCOME_FAILED, &refused);
		if (x->is_marked[i])
			pop3_forget(x->c->st, x->items[i]->key);
	}
}

/* What became of it is seen by a session of its own. */
static int
look(struct expunging *x, const struct err *why, struct err *e)
{
	struct err there = *why;

	if (pop3_number(x->c, e) < 0) {
		settle_all(x, OUTCOME_UNKNOWN, why);
		return err_widen(e, ERR_STORE);
	}
	there.scope = ERR_MESSAGE;
	for (size_t i = 0; i < x->n; i++)
		settle(x->items[i], pop3_find(x->c->st, x->items[i]->key) == NULL ? OUTCOME_DONE : OUTCOME_FAILED, &there);
	return 0;
}

/* 1: it is over, and all that was marked is gone. 0: nobody knows yet, *why says what went wrong. -1: the program "died". */
static int
mark_and_quit(struct expunging *x, struct err *why, struct err *e)
{
	struct pop3_conn *c = x->c;
	struct pop3_reply reply;

	c->has_marks = true;
	if (pop3_delete(c->s, x->numbers, x->n, x->is_marked, why) < 0)
		return 0;
	if (step(STEP_SEND, "QUIT", e) < 0)
		return -1;
	if (pop3_quit(c->s, &reply, why) < 0)
		return 0;
	if (step(STEP_ANSWER, reply.text, e) < 0)
		return -1;
	if (!reply.is_ok)
		pop3_refused(c->s, &reply, ERR_STORE, "the end of a session (QUIT), which is to delete,", why);
	return reply.is_ok;
}

static int
expunge(struct expunging *x, struct err *e)
{
	struct err why;
	int got = mark_and_quit(x, &why, e);

	/* The session is over, however it ended; what the list says of those it showed still holds. */
	pop3_session_close(&x->c->s);
	x->c->has_marks = x->c->holds_numbers = false;
	if (got < 0) {
		settle_all(x, OUTCOME_UNKNOWN, e);
		return -1;
	}
	if (got == 0)
		return look(x, &why, e);
	has_quit(x);
	return 0;
}

static int
expunge_box(struct pop3_conn *c, struct box_changes *b, struct err *e)
{
	struct expunging x = { .c = c };
	int status = pop3_number(c, e);

	for (size_t i = 0; i < b->n_expunges && status < 0; i++)
		settle(&b->expunges[i], OUTCOME_FAILED, e);
	if (status < 0)
		return err_widen(e, ERR_STORE);
	x.items = mem_alloc((b->n_expunges + 1) * sizeof *x.items);
	x.numbers = mem_alloc((b->n_expunges + 1) * sizeof *x.numbers);
	x.is_marked = mem_alloc((b->n_expunges + 1) * sizeof *x.is_marked);
	collect(&x, b);
	if (x.n > 0)
		status = expunge(&x, e);
	free(x.items);
	free(x.numbers);
	free(x.is_marked);
	return status;
}

int
pop3_change(struct session *session, struct box_changes *boxes, size_t n, struct arena *a, struct err *e)
{
	struct pop3_conn *c = pop3_conn_of(session);
	int status = 0;

	(void)a;
	for (size_t i = 0; i < n; i++) {
		boxes[i].status = 0;
		/* No flag can be kept there, so none is ever planned. */
		for (size_t k = 0; k < boxes[i].n_flags; k++) {
			boxes[i].flags[k].outcome = OUTCOME_FAILED;
			err_class(&boxes[i].flags[k].err, ERR_MESSAGE, ERR_FAILED, ERR_NEVER, "%s: POP3 has no flags", c->st->store.name);
		}
		if (status == 0)
			status = expunge_box(c, &boxes[i], e);
		else
			for (size_t k = 0; k < boxes[i].n_expunges; k++)
				settle(&boxes[i].expunges[k], OUTCOME_FAILED, e);
	}
	return status;
}
