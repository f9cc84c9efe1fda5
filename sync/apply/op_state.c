/* What is done to the base alone: two records that are one mail become one, marks, what is forgotten. */
#include "sync/apply/apply_inside.h"

#include "sync/plan/merge.h"

/* Two records found to be one mail become one. What the planner assumed as agreed is written down, so
 * that a run that ends here is followed by one that plans the same. */
static int
pair(struct applying *x, const struct op *op, struct err *e)
{
	struct record *a = apply_record(x, op->msg), *b = apply_record(x, op->other);
	const enum record_placeholder placeholder = placeholder_of_twins(a, b);
	struct merge_left both;

	a->agreed = merge_base_twin(&x->arena, a, b, apply_left_by_both(x, op, &both));
	a->has_agreed = true;
	a->half[NEAR] = b->half[NEAR];
	/* That of the message, and not of what stands for it. */
	if (placeholder == PLACEHOLDER_FAR || (placeholder == PLACEHOLDER_NONE && b->ident.has > a->ident.has))
		a->ident = b->ident;
	a->placeholder = placeholder;
	a->mark = MARK_NEW;
	a->why = "";
	if (message_delete(x->env->state, b->box, b->id, e) < 0)
		return -1;
	if (apply_put(x, apply_box(x, op->box), a, e) < 0)
		return -1;
	x->env->report->paired++;
	/* It may be replaced; and what is beside it may be a copy of it (P21). */
	x->env->apply_state->has_upgraded |= record_has_placeholder(a);
	x->matching->messages.at[op->other].rec = a;
	return 0;
}

static int
mark(struct applying *x, const struct op *op, struct err *e)
{
	struct record *rec = apply_record(x, op->msg);
	int s;

	rec->mark = op->mark;
	for (s = 0; s < SIDES; s++) {
		if ((op->mark == MARK_ORPHAN || op->mark == MARK_EXPIRED) && rec->half[s].presence == PRESENCE_GONE)
			rec->half[s] = RECORD_HALF_NEVER;
		/* It stays after all. */
		if (op->mark == MARK_NEW && rec->half[s].presence == PRESENCE_HERE && rec->half[s].basis == BASIS_OURS)
			rec->half[s].basis = BASIS_LISTED;
	}
	return apply_put(x, apply_box(x, op->box), rec, e);
}

/* P18: from here on it is no deletion that it goes on that side. */
static int
expire(struct applying *x, const struct op *op, struct err *e)
{
	struct record *rec = apply_record(x, op->msg);

	rec->mark = MARK_EXPIRED;
	rec->why = "";
	if (rec->half[op->side].presence == PRESENCE_HERE)
		rec->half[op->side].basis = BASIS_OURS;
	return apply_put(x, apply_box(x, op->box), rec, e);
}

/* P21: the placeholder and its message part. */
static int
upgrade(struct applying *x, const struct op *op, struct err *e)
{
	struct record *rec = apply_record(x, op->msg), rest = record_blank(rec->box);

	rest.half[op->side] = rec->half[op->side];
	rest.mark = MARK_REPLACED;
	rest.placeholder = rec->placeholder;
	rest.ident = rec->ident;
	rest.instead = rec->id;
	rec->half[op->side] = RECORD_HALF_NEVER;
	record_begin_anew(rec);
	rec->placeholder = PLACEHOLDER_NO_MORE;
	if (apply_put(x, apply_box(x, op->box), rec, e) < 0)
		return -1;
	return apply_put(x, apply_box(x, op->box), &rest, e);
}

int
state_only(struct applying *x, uint32_t i, struct err *e)
{
	const struct op *op = &x->plan->ops.at[i];
	struct run_box *box = apply_box(x, op->box);
	struct record *rec = apply_record(x, op->msg);

	switch (op->kind) {
	case OP_PAIR:
		return pair(x, op, e);
	case OP_EXPIRE:
		return expire(x, op, e);
	case OP_UPGRADE:
		return upgrade(x, op, e);
	case OP_BEYOND:
		rec->half[op->side].presence = PRESENCE_BEYOND;
		return apply_put(x, box, rec, e);
	case OP_MARK:
		return mark(x, op, e);
	case OP_DROP:
		return message_delete(x->env->state, rec->box, rec->id, e);
	default:
		if (box->rec.id != 0 && box_delete(x->env->state, box->rec.id, e) < 0)
			return -1;
		box->rec.id = 0;
		return 0;
	}
}
