/* What outcomes of messages mean for the base, whatever the operation (R16 three outcomes).
 *
 * Must hold: a record changes only by what a store has shown (DONE); UNKNOWN changes nothing and keeps the intent.
 */
#include "sync/apply/apply_inside.h"

static enum waiting_work
work_of(const struct task *t)
{
	return t->flags != NULL ? WAITING_CHANGE : t->expunge != NULL ? WAITING_EXPUNGE : t->move != NULL ? WAITING_MOVE : WAITING_COPY;
}

int
task_failed(struct applying *x, struct batch *b, struct task *t, const struct err *why, struct err *e)
{
	struct run_box *box = apply_box(x, t->op->box);

	(void)e;
	x->status[t->i] = OP_FAILED;
	if (why->text[0] == '\0' || why->class == ERR_CANCELLED)
		return 0;
	sight_worsen(&box->side[b->side], SIGHT_WRITTEN);
	/* It changed under us: the closing delta tells. */
	if (why->retry == ERR_NOW)
		return 0;
	x->env->report->failed++;
	waiting_add_work(x->env, work_of(t), t->op->box, b->side, t->rec->id, why);
	return 0;
}

/* Its record is about to be kept. */
static void
clear_trouble(struct record *rec)
{
	if (rec->trouble == TROUBLE_NONE)
		return;
	rec->trouble = TROUBLE_NONE;
	rec->troubled = 0;
	if (rec->mark == MARK_NEW)
		rec->why = "";
}

static int
settle_done(struct applying *x, struct batch *b, struct task *t, struct err *e)
{
	x->env->report->is_changed[b->side] = true;
	sight_worsen(&apply_box(x, t->op->box)->side[b->side], SIGHT_WRITTEN);
	x->status[t->i] = OP_DONE;
	isolate_done(&x->env->isolate, apply_suspect(x, t->i));
	clear_trouble(t->rec);
	return b->how->done(x, b, t, e);
}

static int
settle_one(struct applying *x, struct batch *b, const struct batch_part *p, struct task *t, struct err *e)
{
	const struct err *why;

	switch (b->how->outcome(t, &why)) {
	case OUTCOME_DONE:
		return settle_done(x, b, t, e);
	case OUTCOME_UNKNOWN:
		/* It may have happened: the intent stays, the closing delta looks. */
		b->reads_later = true;
		sight_worsen(&apply_box(x, t->op->box)->side[b->side], SIGHT_WRITTEN);
		sight_worsen(&apply_box(x, apply_to_box(x, t->op))->side[b->side], SIGHT_WRITTEN);
		x->status[t->i] = OP_UNKNOWN;
		return 0;
	default:
		if (trash_failed(x, t, e) < 0)
			return -1;
		/* Not tried for want of a session, or of its mailbox: loss_of_sessions() decides whether it gets another turn. */
		if (why->text[0] == '\0' && (b->status < 0 || p->status < 0))
			return 0;
		return b->how->failed(x, b, t, why, e);
	}
}

int
settle_tasks(struct applying *x, struct batch *b, struct err *e)
{
	const struct batch_part *p;
	size_t n;

	for (p = b->part; p < b->part + b->n_parts; p++)
		for (n = p->first; n < p->first + p->n; n++)
			if (settle_one(x, b, p, &b->task[n], e) < 0)
				return -1;
	return 0;
}
