/* Batching: which of the ready operations go together, and in which order. */
#include "sync/apply/apply_inside.h"

#include <stdlib.h>

enum { COPY_MOST = 500, COPY_LEAST = 100, CHANGE_MOST = 2000, CHANGE_BOXES_LEAST = 8 };
enum { COPY_PER_TURN = 40, BYTES_PER_TURN = 256 * 1024 };	/* rough: when another connection pays */

bool
batching_is_possible(const struct applying *x, uint32_t i)
{
	const struct op *op = &x->plan->ops.at[i];
	struct run_box *b = apply_box(x, op->box);

	if (op_is_state_only(op->kind))
		return true;
	if (op->kind == OP_COPY && (x->env->apply_state->is_over_limit || waiting_is_stopped(x->env, op->box, op->side)))
		return false;
	/* What was moved or copied there without a word on its key: once a list has shown it, in the same run. */
	if (batch_kind(op->kind) == OP_FLAGS && apply_record(x, op->msg)->half[op->side].key.len == 0)
		return false;
	return !loss_is_given_up(x, op->side) && !sight_has_failed(&b->side[op->side]) && (op->kind != OP_COPY ||
	    (!loss_is_given_up(x, side_other(op->side)) && !sight_has_failed(&b->side[side_other(op->side)])));
}

static bool
is_of_many_boxes(enum op_kind kind)
{
	return kind == OP_COPY || kind == OP_FLAGS;
}

/* How large a batch may get. */
struct room { size_t ops, boxes; uint64_t bytes; uint32_t group; };

/* Those whose sessions were lost with that of op's; UINT32_MAX = it is not suspected of having ended one. */
static uint32_t
group_of(const struct applying *x, const struct op *op)
{
	uint32_t group;

	(void)isolate_most(&x->env->isolate, apply_suspect(x, (uint32_t)(op - x->plan->ops.at)), &group);
	return group;
}

bool
batching_is_last(const struct applying *x, uint32_t i)
{
	uint32_t group;

	return isolate_most(&x->env->isolate, apply_suspect(x, i), &group) != 0;
}

/* Whether op may join the batch. */
static bool
belongs(const struct applying *x, const struct batch *b, const struct room *room, const struct op *first, const struct op *op)
{
	if (b->n == 0)
		return true;
	if (is_box_op(b->kind) || group_of(x, op) != room->group ||
	    batching_is_last(x, (uint32_t)(op - x->plan->ops.at)) != batching_is_last(x, (uint32_t)(first - x->plan->ops.at)))
		return false;
	if (batch_kind(op->kind) != b->kind || op->side != first->side || b->n >= room->ops)
		return false;
	if (op->box != b->part[b->n_parts - 1].box && (!is_of_many_boxes(b->kind) || b->n_parts >= room->boxes))
		return false;
	return (op->kind != OP_MOVE && op->kind != OP_CLONE) || apply_to_box(x, op) == apply_to_box(x, first);
}

/* Mailboxes that the ready operations of this kind and side are in. */
static size_t
count_boxes(const struct applying *x, const uint32_t *ready, size_t n, const struct op *like)
{
	const struct op *op, *last = NULL;
	size_t i, count = 0;

	for (i = 0; i < n; i++) {
		op = &x->plan->ops.at[ready[i]];
		if (batch_kind(op->kind) != batch_kind(like->kind) || op->side != like->side)
			continue;
		count += last == NULL || op->box != last->box;
		last = op;
	}
	return count;
}

/* Batches are so large that all workers have some, and none is given work that costs less than a connection would.
 * ready: as it was before the first batch was made of it. */
static struct room
find_room(struct applying *x, const uint32_t *ready, size_t n, const struct op *first)
{
	static const bool both[SIDES] = { true, true };
	const bool one[SIDES] = { first->side == FAR, first->side == NEAR };
	bool is_copy = first->kind == OP_COPY;
	size_t width = (size_t)pool_width(x->env->pool, is_copy ? both : one), share;
	struct room room = { CHANGE_MOST, BATCH_PARTS, UINT64_MAX, UINT32_MAX };
	size_t most = isolate_most(&x->env->isolate, apply_suspect(x, (uint32_t)(first - x->plan->ops.at)), &room.group);

	if (is_copy) {
		share = n / (width * 2) + 1;
		room.ops = share < COPY_LEAST ? COPY_LEAST : share > COPY_MOST ? COPY_MOST : share;
		room.bytes = x->env->set->buffer_limit != 0 ? x->env->set->buffer_limit : 10 << 20;
	} else if (batch_kind(first->kind) == OP_FLAGS) {
		share = count_boxes(x, ready, n, first);
		if (width > share / CHANGE_BOXES_LEAST)
			width = share / CHANGE_BOXES_LEAST + (share < CHANGE_BOXES_LEAST);
		share = (share + width - 1) / width;
		room.boxes = share > BATCH_PARTS ? BATCH_PARTS : share;
	}
	if (most != 0 && most < room.ops)
		room.ops = most;
	return room;
}

static const struct operation *
operation_of(enum op_kind kind)
{
	return kind == OP_COPY ? &op_copy : batch_kind(kind) == OP_FLAGS ? &op_change : is_box_op(kind) ? &op_box : &op_move;
}

/* The part of the batch that an operation goes into; made where its mailbox has none. */
static struct batch_part *
fill_part(struct applying *x, struct batch *b, const struct op *op)
{
	const struct run_box *box = apply_box(x, op->box);
	struct batch_part *p = b->n_parts > 0 ? &b->part[b->n_parts - 1] : NULL;
	enum side from = side_other(op->side);

	if (p != NULL && p->box == op->box)
		return p;
	p = &b->part[b->n_parts++];
	*p = (struct batch_part){ .box = op->box, .on = box->side[op->side].on, .from_on = box->side[from].on,
		.epoch = apply_epoch(box, op->side), .from_epoch = box->rec.side[from].cursor.epoch,
		.seen = box->rec.side[op->side].cursor, .first = b->n, .err_side = op->side };
	return p;
}

static void
add_task(struct applying *x, struct batch *b, uint32_t i)
{
	const struct op *op = &x->plan->ops.at[i];
	struct task *t;

	fill_part(x, b, op)->n++;
	t = &b->task[b->n++];
	*t = (struct task){ .i = i, .op = op, .rec = apply_record(x, op->msg), .other = apply_record(x, op->other) };
	b->how->fill(x, b, t);
	x->status[i] = OP_RUNNING;
}

struct batch *
batching_next(struct applying *x, const uint32_t *ready, size_t n, size_t *at)
{
	const struct op *first = &x->plan->ops.at[ready[*at]], *op;
	struct room room = find_room(x, ready, n, first);
	uint64_t bytes = 0;
	struct batch *b;

	b = batch_new(operation_of(first->kind), batch_kind(first->kind), first->side, room.ops < n - *at ? room.ops : n - *at);
	while (*at < n) {
		op = &x->plan->ops.at[ready[*at]];
		/* What cannot be done, for it is in a mailbox that failed, ends a batch of others: the caller drops it. */
		if (!belongs(x, b, &room, first, op) || (b->n > 0 && !batching_is_possible(x, ready[*at])))
			break;
		if (op->kind == OP_COPY) {
			bytes += apply_record(x, op->msg)->half[side_other(op->side)].size;
			if (b->n > 0 && bytes > room.bytes)
				break;
		}
		add_task(x, b, ready[(*at)++]);
	}
	b->job.turns = b->kind == OP_COPY ? 1 + (unsigned)(b->n / COPY_PER_TURN + bytes / BYTES_PER_TURN) :
	    (unsigned)b->n_parts + 1;
	return b;
}

/* By kind, side and mailbox, so that batches are whole; then in the plan's order. */
static int
cmp_ready(const void *p, const void *q, void *ctx)
{
	const struct applying *x = ctx;
	uint32_t i = *(const uint32_t *)p, k = *(const uint32_t *)q;
	const struct op *a = &x->plan->ops.at[i], *b = &x->plan->ops.at[k];

	if (batching_is_last(x, i) != batching_is_last(x, k))
		return batching_is_last(x, i) ? 1 : -1;
	if (batching_is_last(x, i) && group_of(x, a) != group_of(x, b))
		return group_of(x, a) < group_of(x, b) ? -1 : 1;
	if (batch_kind(a->kind) != batch_kind(b->kind))
		return a->kind < b->kind ? -1 : 1;
	if (a->side != b->side)
		return a->side < b->side ? -1 : 1;
	if (a->box != b->box)
		return a->box < b->box ? -1 : 1;
	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	if (a->kind == OP_MOVE || a->kind == OP_CLONE) {
		uint32_t ta = apply_to_box(x, a), tb = apply_to_box(x, b);

		if (ta != tb)
			return ta < tb ? -1 : 1;
	}
	return (i > k) - (i < k);
}

void
batching_sort(struct applying *x, uint32_t *ready, size_t n)
{
	qsort_r(ready, n, sizeof *ready, cmp_ready, x);
}
