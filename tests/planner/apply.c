#include "tests/planner/apply.h"

#include <string.h>

#include "sync/plan/merge.h"

void
applied_begin(struct applied *w, const struct plan_input *in)
{
	size_t i;

	*w = (struct applied){ .in = in };
	w->boxes = mem_alloc(in->boxes.n * sizeof *w->boxes);
	w->records = mem_alloc(in->messages.n * sizeof *w->records);
	w->is_dropped = mem_alloc(in->messages.n * sizeof *w->is_dropped);
	w->home = mem_alloc(in->messages.n * sizeof *w->home);
	for (i = 0; i < in->boxes.n; i++)
		w->boxes[i] = in->boxes.at[i];
	for (i = 0; i < in->messages.n; i++) {
		w->records[i] = *in->messages.at[i].rec;
		w->home[i] = (uint32_t)i;
	}
}

void
applied_end(struct applied *w)
{
	arena_release(&w->arena);
	free(w->boxes);
	free(w->records);
	free(w->is_dropped);
	free(w->home);
}

static void
agree(struct applied *w, uint32_t msg)
{
	const struct plan_box *box = &w->boxes[w->in->messages.at[msg].box];
	const struct flag_mask mask[SIDES] = { box->side[FAR].mask, box->side[NEAR].mask };

	record_agree(&w->arena, &w->records[msg], mask);
}

static void
join(struct applied *w, uint32_t from, uint32_t to, enum side t, struct flags base)
{
	w->records[to].half[t] = w->records[from].half[t];
	w->records[to].agreed = base;
	w->records[to].has_agreed = true;
	w->records[to].mark = MARK_NEW;
	agree(w, to);
}

static void
apply_copy(struct applied *w, const struct op *op)
{
	struct record *r = &w->records[op->msg];

	r->half[op->side] = r->half[side_other(op->side)];
	r->half[op->side].flags = flags_keep(&w->arena, r->half[op->side].flags, &w->boxes[op->box].side[op->side].mask);
	r->placeholder = op->is_placeholder ? placeholder_on(op->side) : PLACEHOLDER_NONE;
	if (op->is_placeholder)
		r->half[op->side].flags.sys &= ~(uint32_t)FLAG_FLAGGED;
	/* No list has shown it yet, and a source keeps it until then. */
	r->half[op->side].basis = w->in->policy.source[side_other(op->side)].is ? BASIS_TOLD : BASIS_LISTED;
	r->mark = MARK_NEW;
	agree(w, op->msg);
}

static void
apply_joining(struct applied *w, const struct op *op)
{
	struct record *m = &w->records[op->msg], *o = &w->records[op->other];
	const struct plan_box *box = op->left != UINT32_MAX ? &w->boxes[w->in->messages.at[op->left].box] : NULL;
	struct merge_left both, *left = NULL;

	if (box != NULL) {
		both = (struct merge_left){ &w->records[op->left], { box->side[FAR].mask, box->side[NEAR].mask } };
		left = &both;
	}

	if (op->kind == OP_PAIR) {
		m->placeholder = placeholder_of_twins(m, o);
		join(w, op->other, op->msg, NEAR, merge_base_twin(&w->arena, m, o, left));
		w->is_dropped[op->other] = true;
		w->home[op->other] = op->msg;
	} else if (op->kind == OP_MOVE) {
		o->placeholder = placeholder_of_moved(m, o, op->side);
		join(w, op->msg, op->other, op->side, merge_base_moved(&w->arena, m, o, left, op->side,
		    &w->boxes[op->box].side[op->side].mask));
		m->half[op->side].presence = PRESENCE_GONE;
		w->home[op->msg] = op->other;
	} else {
		o->placeholder = placeholder_of_moved(m, o, op->side);
		join(w, op->msg, op->other, op->side, merge_base_cloned(m, op->side));
	}
}

static void
apply_flags(struct applied *w, const struct op *op)
{
	struct flags *f = &w->records[op->msg].half[op->side].flags;

	*f = flags_minus(&w->arena, flags_union(&w->arena, *f, op->add), op->remove);
	agree(w, op->msg);
}

static void
apply_mark(struct applied *w, const struct op *op)
{
	struct record *r = &w->records[op->msg];
	enum side s;

	r->mark = op->mark;
	for (s = FAR; s <= NEAR; s++) {
		if ((op->mark == MARK_ORPHAN || op->mark == MARK_EXPIRED) && r->half[s].presence == PRESENCE_GONE)
			r->half[s] = RECORD_HALF_NEVER;
		if (op->mark == MARK_NEW && r->half[s].basis == BASIS_OURS)
			r->half[s].basis = BASIS_LISTED;
	}
}

static void
apply_expire(struct applied *w, const struct op *op)
{
	struct record *r = &w->records[op->msg];

	r->mark = MARK_EXPIRED;
	if (r->half[op->side].presence == PRESENCE_HERE)
		r->half[op->side].basis = BASIS_OURS;
}

static void
apply_drop(struct applied *w, const struct op *op)
{
	enum side s;

	w->is_dropped[op->msg] = true;
	for (s = FAR; s <= NEAR; s++)
		if (w->records[op->msg].half[s].presence != PRESENCE_NEVER && w->boxes[op->box].side[s].known > 0)
			w->boxes[op->box].side[s].known--;
}

static void
apply_box(struct applied *w, const struct op *op)
{
	struct plan_box_side *side = w->boxes[op->box].side;
	size_t i;

	if (op->kind == OP_CREATE_BOX) {
		side[op->side].exists = side[op->side].was_known = side[op->side].is_readable = true;
		side[op->side].is_gone = false;
		side[op->side].here = 0;
		/* What was there before is gone from the new one. */
		for (i = 0; i < w->in->messages.n; i++)
			if (w->in->messages.at[i].box == op->box &&
			    (w->records[i].half[op->side].presence == PRESENCE_HERE ||
			    w->records[i].half[op->side].presence == PRESENCE_BEYOND))
				w->records[i].half[op->side].presence = PRESENCE_GONE;
	} else if (op->kind == OP_REMOVE_BOX) {
		side[op->side].exists = false;
		side[op->side].is_gone = side[op->side].was_known = true;
	} else {
		side[FAR].was_known = side[NEAR].was_known = false;
		side[FAR].is_gone = side[NEAR].is_gone = false;
	}
	if (op->kind == OP_CREATE_BOX)
		return;
	for (i = 0; i < w->in->messages.n; i++) {
		if (w->in->messages.at[i].box != op->box || w->is_dropped[i])
			continue;
		if (op->kind == OP_DROP_BOX)
			w->is_dropped[i] = true;
		else if (w->records[i].half[op->side].presence == PRESENCE_HERE)
			w->records[i].half[op->side].presence = PRESENCE_GONE;
	}
}

static void
apply_rename(struct applied *w, const struct op *op)
{
	size_t i, len = strlen(op->from);
	struct plan_box_side *side;
	const char *now;

	for (i = 0; i < w->in->boxes.n; i++) {
		side = &w->boxes[i].side[op->side];
		now = side->name != NULL ? side->name : w->boxes[i].name;
		if (side->exists && strncmp(now, op->from, len) == 0 && (now[len] == '\0' || now[len] == '/')) {
			now = arena_printf(&w->arena, "%s%s", op->to, now + len);
			side->name = strcmp(now, w->boxes[i].name) != 0 ? now : NULL;
		}
	}
	w->boxes[op->box].is_contested = false;
}

void
applied_op(struct applied *w, const struct op *op)
{
	if (op->is_held) {
		if (op_is_guarded(op))
			w->boxes[op->box].side[side_other(op->side)].was_held = true;
		return;
	}
	switch (op->kind) {
	case OP_RENAME_BOX:
		apply_rename(w, op);
		break;
	case OP_CREATE_BOX:
	case OP_REMOVE_BOX:
	case OP_DROP_BOX:
		apply_box(w, op);
		break;
	case OP_PAIR:
	case OP_CLONE:
	case OP_MOVE:
		apply_joining(w, op);
		break;
	case OP_COPY:
		apply_copy(w, op);
		break;
	case OP_FLAGS:
		apply_flags(w, op);
		break;
	case OP_EXPUNGE:
		w->records[op->msg].half[op->side].presence = PRESENCE_GONE;
		break;
	case OP_BEYOND:
		w->records[op->msg].half[op->side].presence = PRESENCE_BEYOND;
		break;
	case OP_EXPIRE:
		apply_expire(w, op);
		break;
	case OP_UPGRADE:	/* what it becomes has no place here */
		w->records[op->msg].half[op->side] = RECORD_HALF_NEVER;
		w->records[op->msg].placeholder = PLACEHOLDER_NO_MORE;
		w->records[op->msg].has_agreed = false;
		break;
	case OP_MARK:
		apply_mark(w, op);
		break;
	case OP_DROP:
		apply_drop(w, op);
		break;
	case OP_KINDS:
		break;
	}
}

void
applied_next(struct applied *w, struct plan_input *next_r)
{
	size_t i, n = w->in->messages.n;
	uint32_t *place = mem_realloc(NULL, n, sizeof *place);

	*next_r = (struct plan_input){ .policy = w->in->policy };
	vec_reserve(&next_r->boxes, w->in->boxes.n);
	vec_reserve(&next_r->messages, n);
	for (i = 0; i < w->in->boxes.n; i++)
		vec_push(&next_r->boxes, w->boxes[i]);
	for (i = 0; i < n; i++) {
		place[i] = (uint32_t)next_r->messages.n;
		if (!w->is_dropped[i])
			vec_push(&next_r->messages, (struct plan_message){ &w->records[i], w->in->messages.at[i].box });
	}
	for (i = 0; i < w->in->links.n; i++) {
		struct plan_link l = w->in->links.at[i];

		if (w->is_dropped[l.a] || w->is_dropped[l.b])
			continue;
		l.a = place[l.a];
		l.b = place[l.b];
		l.left = l.left != UINT32_MAX && !w->is_dropped[l.left] ? place[l.left] : UINT32_MAX;
		vec_push(&next_r->links, l);
	}
	free(place);
}
