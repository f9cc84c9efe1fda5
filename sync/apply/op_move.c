/* Move: messages of one mailbox to another of the same store, so that no body travels; with OP_CLONE as copies. */
#include "sync/apply/apply_inside.h"

#include "sync/plan/merge.h"

/* ---- the worker ---- */

static int
end(struct batch *b, struct session *session[SIDES], struct err *e)
{
	struct session *c = session[b->side];

	return c->store->ops->move(c, b->part[0].on, b->part[0].epoch, b->to_on, b->to_epoch, b->kind == OP_CLONE, b->move, b->n,
	    &b->arena, e);
}

/* ---- the coordinator ---- */

static void
make(struct batch *b, size_t room)
{
	b->move = mem_alloc(room * sizeof *b->move);
}

static void
fill(struct applying *x, struct batch *b, struct task *t)
{
	struct store *store = x->env->set->store[b->side];
	const struct record_half *here = &t->rec->half[b->side];
	const struct run_box *to;

	b->to = apply_to_box(x, t->op);
	to = apply_box(x, b->to);
	b->to_on = to->side[b->side].on;
	b->to_epoch = apply_epoch(to, b->side);
	t->move = &b->move[t - b->task];
	*t->move = (struct move_item){ .key = here->key, .hint = here->hint, .name = store->ops->choose_name(store, &b->arena), .new_hint = "" };
}

static int
prepare_one(struct applying *x, struct batch *b, struct task *t, struct err *e)
{
	bool is_move = b->kind == OP_MOVE;

	if ((is_move && intent_begin_removal(x, t, BASIS_MOVING, e) < 0) ||
	    intent_await_twin(x, apply_box(x, b->to), t->other, b->side, false, e) < 0 ||
	    (is_move && elsewhere_settle(x->env, b->part[0].box, t->rec, b->side, e) < 0))
		return -1;
	t->intent = intent_begin(x, t, is_move ? INTENT_MOVE : INTENT_CLONE);
	t->intent.record = t->other->id;
	if (t->move->name.len > 0)
		t->intent.key = t->move->name;
	t->intent.server_id = t->rec->half[b->side].server_id;
	return intent_put(x->env->state, &t->intent, e);
}

static int
prepare(struct applying *x, struct batch *b, struct err *e)
{
	struct task *t;

	for (t = b->task; t < b->task + b->n; t++)
		if (prepare_one(x, b, t, e) < 0)
			return -1;
	return 0;
}

/* The half of the message at its new place. */
static void
arrived(struct applying *x, const struct task *t)
{
	struct record_half *h = &t->other->half[t->op->side];
	const struct record_half *was = &t->rec->half[t->op->side];
	const struct move_item *m = t->move;

	if (m->new_key.len > 0) {
		*h = *was;
		given_take(x, t, h, m->new_key, m->new_hint);
		h->is_sent = !m->is_shown;
		/* The store copied what flags there were by then, and nobody marked the copy: a \Deleted on it is taken
		 * back. The next delta tells whether there is one. */
		if (t->op->kind == OP_CLONE) {
			h->flags.sys |= FLAG_DELETED;
			t->other->agreed.sys |= FLAG_DELETED;
		}
	} else if (h->presence == PRESENCE_NEVER) {
		x->env->observe_state->is_short = true;
		/* What was taken off before the move is a change still, and not what the store did not keep. */
		h->is_sent = !m->is_shown && flags_is_none(flags_minus(&x->arena, t->other->agreed, was->flags));
	}
}

/* MOVE: `rec` leaves its box on this side and becomes the twin of `other`. CLONE: a copy of it does. */
static int
done(struct applying *x, struct batch *b, struct task *t, struct err *e)
{
	const struct op *op = t->op;
	struct record *from = t->rec, *to = t->other;
	struct run_box *from_box = apply_box(x, op->box), *to_box = apply_box(x, b->to);
	struct flag_mask masks[SIDES];
	struct merge_left both;
	enum alias alias = ALIAS_NONE;
	struct ident kept;

	*(b->kind == OP_MOVE ? &x->env->report->side[b->side].moved : &x->env->report->side[b->side].cloned) += 1;
	sight_worsen(&to_box->side[b->side], SIGHT_WRITTEN);
	to->placeholder = placeholder_of_moved(from, to, b->side);
	if (from->ident.has > to->ident.has || record_has_placeholder(to))
		to->ident = from->ident;
	to->agreed = b->kind == OP_MOVE ? merge_base_moved(&x->arena, from, to, apply_left_by_both(x, op, &both), b->side,
	    &box_masks(from_box, masks)[b->side]) : merge_base_cloned(from, b->side);
	to->has_agreed = true;
	kept = record_ident(to, b->side);
	if (t->move->new_key.len > 0 && given_alias(x, to_box, b->side, t->move->new_key, to, &alias, e) < 0)
		return -1;
	/* Of what is told of another message the next delta tells the truth. */
	if (alias == ALIAS_FALSE)
		t->move->new_key = KEY_NONE;
	if (alias == ALIAS_EQUAL)
		given_shared(x, to, b->side, t->move->new_key);
	else
		arrived(x, t);
	if (apply_put(x, to_box, to, e) < 0)
		return -1;
	x->env->apply_state->has_left |= t->move->is_left;
	/* Where it is a pair again, it may be replaced; and of its like, what is gone has gone nowhere else (P21). */
	x->env->apply_state->has_upgraded |= record_has_placeholder(to);
	if (b->kind == OP_MOVE) {
		from->half[b->side].presence = PRESENCE_GONE;
		if (apply_put(x, from_box, from, e) < 0)
			return -1;
	}
	return t->move->new_key.len > 0 ? intent_delete(x->env->state, t->intent.id, e) : intent_keep(x, t, &kept, e);
}

static enum outcome
outcome(const struct task *t, const struct err **why_r)
{
	*why_r = &t->move->err;
	return t->move->outcome;
}

static struct key
key_given(const struct task *t)
{
	return t->move->new_key;
}

static int
settle(struct applying *x, struct batch *b, struct err *e)
{
	struct task *t;

	for (t = b->task; t < b->task + b->n; t++)
		t->wire_size = t->rec->half[b->side].size;
	if (x->env->set->store[b->side]->ops->has_uid_keys)
		given_mark_alike(b, key_given);
	return settle_tasks(x, b, e);
}

const struct operation op_move = { .make = make, .fill = fill, .prepare = prepare, .end = end, .settle = settle, .outcome = outcome,
	.done = done, .failed = task_failed };
