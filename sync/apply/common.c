/* What all operations share: their mailboxes and records, what is suspected when a session ends, storing and logging what came of them. */
#include "sync/apply/apply_inside.h"

#include "sync/plan/explain.h"
#include "sync/plan/merge.h"

struct run_box *
apply_box(const struct applying *x, uint32_t plan_box)
{
	return &x->env->boxes.at[plan_box];
}

uint32_t
apply_to_box(const struct applying *x, const struct op *op)
{
	return op->other != UINT32_MAX ? x->in->messages.at[op->other].box : op->box;
}

struct record *
apply_record(const struct applying *x, uint32_t msg)
{
	return msg == UINT32_MAX ? NULL : x->matching->messages.at[msg].rec;
}

uint64_t
apply_epoch(const struct run_box *box, enum side s)
{
	return box->rec.side[s].is_known ? box->rec.side[s].cursor.epoch : 0;
}

int
apply_put(struct applying *x, const struct run_box *box, struct record *rec, struct err *e)
{
	struct flag_mask masks[SIDES];

	box_masks(box, masks);
	if (record_is_pair(rec) && rec->half[FAR].presence == PRESENCE_HERE &&
	    rec->half[NEAR].presence == PRESENCE_HERE)
		record_agree(&x->arena, rec, masks);
	/* What had a placeholder is dropped by the plan (P21). */
	if (rec->half[FAR].presence != PRESENCE_HERE && rec->half[NEAR].presence != PRESENCE_HERE &&
	    rec->half[FAR].presence != PRESENCE_BEYOND && rec->half[NEAR].presence != PRESENCE_BEYOND && rec->id != 0 &&
	    !record_has_placeholder(rec))
		return message_delete(x->env->state, rec->box, rec->id, e);
	return message_put(x->env->state, rec, masks, e);
}

int
apply_log_words(struct applying *x, const struct op *op, const char *what, const struct message_words *words, struct err *e)
{
	const struct explain_names names = { { side_name(FAR), side_name(NEAR) }, NULL };
	struct arena a = { 0 };
	struct log_entry l = { .when = x->env->set->now, .side = op->side, .box = apply_box(x, op->box)->name, .what = what };
	int status;

	if (words != NULL) {
		l.from = words->from;
		l.subject = words->subject;
		l.date = words->date;
	}
	l.why = reason_text(&a, op->reason, op->side, &names);
	status = log_add(x->env->state, &l, e);
	arena_release(&a);
	return status;
}

int
apply_log(struct applying *x, const struct task *t, const char *verb, struct err *e)
{
	const struct store *store = x->env->set->store[t->op->side];
	struct arena a = { 0 };
	const char *what = t->rec == NULL ? verb : arena_printf(&a, "%s %s", verb,
	    key_text(&a, t->rec->half[t->op->side].key, store->ops->has_uid_keys));
	int status = apply_log_words(x, t->op, what, t->expunge != NULL ? &t->expunge->words : NULL, e);

	arena_release(&a);
	return status;
}

const struct merge_left *
apply_left_by_both(struct applying *x, const struct op *op, struct merge_left *left_r)
{
	if (op->left == UINT32_MAX)
		return NULL;
	left_r->rec = apply_record(x, op->left);
	box_masks(apply_box(x, x->in->messages.at[op->left].box), left_r->mask);
	return left_r;
}

struct isolate_item
apply_suspect(const struct applying *x, uint32_t i)
{
	const struct op *op = &x->plan->ops.at[i];
	struct isolate_item item = { .work = WORK_BOX, .side = op->side, .id = op->box };

	if (op->msg == UINT32_MAX)
		return item;
	item.id = apply_record(x, op->msg)->id;
	item.work = op->kind == OP_COPY ? WORK_COPY : op->kind == OP_MOVE || op->kind == OP_CLONE ? WORK_MOVE : WORK_CHANGE;
	return item;
}
