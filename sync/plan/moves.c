/* What pair/ found out about messages that are one mail: twins (P2), moves (P11), clones (P12).
 *
 * If a link does not hold, or cannot be carried out, the rules for single messages apply to its messages. If these would delete a message
 * that may not be put where it was moved to, that message waits.
 */
#include "sync/plan/build.h"

#include <stdlib.h>

#include "sync/plan/merge.h"

static uint32_t
box_of(const struct build *b, uint32_t msg)
{
	return b->in->messages.at[msg].box;
}

/* On side s only, and its mark does not set it aside for good. */
static bool
is_single(const struct build *b, uint32_t msg, enum side s)
{
	return !b->messages[msg].is_taken && build_is_single(b, msg, s) && record_may_pair(build_record(b, msg));
}

static bool
left_holds(const struct build *b, uint32_t left)
{
	return left != NONE && !b->messages[left].is_taken && b->boxes[box_of(b, left)].is_open &&
	    build_record(b, left)->mark == MARK_NEW &&
	    build_presence(b, left, FAR) == PRESENCE_GONE && build_presence(b, left, NEAR) == PRESENCE_GONE;
}

/* On the other side alone. What is sent once more shares nothing, nor what is \Deleted, was let go, or found a message of its own. */
static bool
is_sharer(const struct build *b, uint32_t msg, enum side s)
{
	enum side t = side_other(s);

	return !b->messages[msg].is_taken && build_is_single(b, msg, t) && record_may_pair(build_record(b, msg)) &&
	    !(build_record(b, msg)->half[t].flags.sys & FLAG_DELETED) && !build_may_copy(b, msg, s);
}

static bool
link_holds(const struct build *b, const struct plan_link *l)
{
	enum side s = l->side, t = side_other(s);

	/* A move holds even into a mailbox that is closed to this run: what was moved must wait, not be deleted. */
	if (l->a == l->b || (l->kind != LINK_MOVED && !b->boxes[box_of(b, l->b)].is_open))
		return false;
	if (l->kind == LINK_SHARED)
		return build_presence(b, l->a, FAR) == PRESENCE_HERE && build_presence(b, l->a, NEAR) == PRESENCE_HERE &&
		    is_sharer(b, l->b, s);
	if (l->kind == LINK_TWIN)
		return box_of(b, l->a) == box_of(b, l->b) && is_single(b, l->a, FAR) && is_single(b, l->b, NEAR);
	if (!is_single(b, l->b, s) || build_is_waste(b, l->b, s) || build_record(b, l->a)->mark != MARK_NEW)
		return false;
	if (l->kind == LINK_CLONED)
		return build_presence(b, l->a, s) == PRESENCE_HERE && build_presence(b, l->a, t) == PRESENCE_HERE;
	return build_presence(b, l->a, s) == PRESENCE_GONE;
}

/* Both messages are planned for: their two views as one pair. */
static void
plan_joined(struct build *b, struct pair_view *v)
{
	build_pair(b, v);
	b->messages[v->msg].is_taken = true;
}

/* What was agreed of the message that both were moved from is their base. */
static const struct merge_left *
left_by_both(const struct build *b, uint32_t left, struct merge_left *left_r)
{
	const struct plan_box *box;

	if (left == NONE)
		return NULL;
	box = &b->in->boxes.at[box_of(b, left)];
	*left_r = (struct merge_left){ build_record(b, left), { box->side[FAR].mask, box->side[NEAR].mask } };
	return left_r;
}

/* That it was one mail is known from the record left behind: it stays until that is done. */
static void
drop_left(struct build *b, uint32_t left, uint32_t done)
{
	uint32_t drop = build_op(b, OP_DROP, FAR, REASON_GONE_BOTH, box_of(b, left), left, NONE);

	build_dep(b, drop, done);
	b->messages[left].is_taken = true;
}

/* left: what both were moved from, or NONE. */
static void
plan_twins(struct build *b, uint32_t far, uint32_t near, uint32_t left)
{
	const struct record *f = build_record(b, far), *n = build_record(b, near);
	struct pair_view v = { .msg = far, .shown = { f->half[FAR].flags, n->half[NEAR].flags } };
	struct merge_left both;

	v.base = merge_base_twin(&b->plan->arena, f, n, left_by_both(b, left, &both));
	v.placeholder = placeholder_of_twins(f, n);
	v.after = build_op(b, OP_PAIR, FAR, REASON_EQUAL, box_of(b, far), far, near);
	b->ops.at[v.after].op.left = left;
	b->messages[near].is_taken = true;
	plan_joined(b, &v);
	/* What is out of sight with its mailbox alone has a fate of its own. */
	if (left != NONE && build_record(b, left)->half[FAR].presence == PRESENCE_GONE &&
	    build_record(b, left)->half[NEAR].presence == PRESENCE_GONE)
		drop_left(b, left, v.after);
}

/* On side t the message of record `from` goes to the mailbox of record `to` and becomes its other half. left: as above. */
static uint32_t
plan_move(struct build *b, enum side t, uint32_t from, uint32_t to, uint32_t left)
{
	const struct record *f = build_record(b, from), *r = build_record(b, to);
	struct pair_view v = { .msg = to };
	struct merge_left both;
	uint32_t op, drop;

	op = build_op(b, OP_MOVE, t, REASON_MOVED, box_of(b, from), from, to);
	b->ops.at[op].op.left = left;
	build_dep(b, op, b->boxes[box_of(b, to)].create[t]);
	build_dep_readers(b, op, from, t);
	b->boxes[box_of(b, from)].carried[t]++;
	drop = build_op(b, OP_DROP, t, REASON_MOVED, box_of(b, from), from, NONE);
	build_dep(b, drop, op);
	b->messages[from].is_taken = b->messages[from].is_carried = true;
	v.after = op;
	v.shown[t] = f->half[t].flags;
	v.shown[side_other(t)] = r->half[side_other(t)].flags;
	v.placeholder = placeholder_of_moved(f, r, t);
	v.base = merge_base_moved(&b->plan->arena, f, r, left_by_both(b, left, &both), t, &b->in->boxes.at[box_of(b, from)].side[t].mask);
	plan_joined(b, &v);
	return op;
}

static void
plan_clone(struct build *b, enum side t, uint32_t from, uint32_t to, enum reason reason)
{
	const struct record *f = build_record(b, from), *r = build_record(b, to);
	struct pair_view v = { .msg = to, .is_cloned = true, .fresh = t };
	uint32_t op;

	op = build_op(b, OP_CLONE, t, reason, box_of(b, from), from, to);
	build_dep(b, op, b->boxes[box_of(b, to)].create[t]);
	b->ops.at[op].next = b->messages[from].clones;
	b->messages[from].clones = op;
	v.after = op;
	v.shown[t] = f->half[t].flags;
	v.shown[side_other(t)] = r->half[side_other(t)].flags;
	v.placeholder = placeholder_of_moved(f, r, t);
	v.base = merge_base_cloned(f, t);
	plan_joined(b, &v);
}

/* What is marked \Deleted is no original: its copy would be marked as well, and where the mark cannot be taken off at once it would pass
 * for a person's. The copy is then new mail. */
static bool
is_original(const struct build *b, uint32_t msg, enum side t)
{
	return !(build_record(b, msg)->half[t].flags.sys & FLAG_DELETED);
}

/* Moved on both sides: to one mailbox, they are twins; to two, far wins. */
static void
plan_contest(struct build *b, uint32_t left, uint32_t far, uint32_t near)
{
	const struct box_view *to = &b->boxes[box_of(b, far)];
	struct box_view *from = &b->boxes[box_of(b, near)];
	uint32_t op;

	if (!to->is_open || !is_single(b, far, FAR) || !is_single(b, near, NEAR))
		return;
	if (to == from) {
		plan_twins(b, far, near, left);
		return;
	}
	if (!to->can_write[NEAR] || !from->can_write[NEAR] || !build_may_copy(b, far, NEAR) ||
	    !(b->in->policy.sync[NEAR] & SYNC_GONE))
		return;
	op = plan_move(b, NEAR, near, far, left);
	b->ops.at[op].op.is_conflict = true;
	from->contests++;
	drop_left(b, left, op);
}

static void
plan_moved(struct build *b, const struct plan_link *l)
{
	enum side t = side_other(l->side);
	const struct box_view *from = &b->boxes[box_of(b, l->a)];
	struct box_view *to = &b->boxes[box_of(b, l->b)];
	const struct message_view *a = &b->messages[l->a];
	bool is_deleted;

	if (a->is_taken || a->moved_to[l->side] != l->b)
		return;
	if (a->moved_to[t] != NONE) {
		if (l->side == FAR)
			plan_contest(b, l->a, a->moved_to[FAR], a->moved_to[NEAR]);
		return;
	}
	/* Deleted on t: it survives where it was moved to, as any new message (P11). */
	is_deleted = build_presence(b, l->a, t) != PRESENCE_HERE ||
	    (build_record(b, l->a)->half[t].flags.sys & ~build_record(b, l->a)->agreed.sys & FLAG_DELETED);
	if (is_deleted && build_presence(b, l->a, t) != PRESENCE_BEYOND && to->is_open && to->can_write[t] && build_may_copy(b, l->b, t))
		to->survivals[l->side]++;
	if (build_presence(b, l->a, t) != PRESENCE_HERE)
		return;
	if (!to->is_open || !to->can_write[t]) {
		b->messages[l->a].is_taken = true;
		return;
	}
	if (!build_may_copy(b, l->b, t))
		return;
	if (from->can_write[t] && (b->in->policy.sync[t] & SYNC_GONE))
		plan_move(b, t, l->a, l->b, NONE);
	else if (from->is_there[t] && is_original(b, l->a, t) && !b->in->boxes.at[box_of(b, l->a)].side[l->side].restore)
		plan_clone(b, t, l->a, l->b, REASON_MOVED);
}

/* What is beyond the limit is let go as it is: it would be made to be taken away. */
static void
plan_cloned(struct build *b, const struct plan_link *l)
{
	enum side t = side_other(l->side);

	if (!build_is_beyond(b, l->b) && b->boxes[box_of(b, l->b)].can_write[t] && b->boxes[box_of(b, l->a)].is_there[t] &&
	    is_original(b, l->a, t) && build_may_copy(b, l->b, t))
		plan_clone(b, t, l->a, l->b, REASON_COPIED);
}

/* ---- all links, in the order of the messages they are about (P13) ---- */

struct ranked_link { uint32_t b, a; const struct plan_link *link; };

static int
ranked_cmp(const void *x, const void *y)
{
	const struct ranked_link *p = x, *q = y;

	if (p->b != q->b)
		return p->b < q->b ? -1 : 1;
	return (p->a > q->a) - (p->a < q->a);
}

static struct ranked_link *
rank_links(const struct build *b)
{
	struct ranked_link *v = mem_realloc(NULL, b->in->links.n, sizeof *v);
	size_t i;

	for (i = 0; i < b->in->links.n; i++) {
		const struct plan_link *l = &b->in->links.at[i];

		v[i] = (struct ranked_link){ b->messages[l->b].rank, b->messages[l->a].rank, l };
	}
	qsort(v, b->in->links.n, sizeof *v, ranked_cmp);
	return v;
}

void
build_moved(struct build *b)
{
	struct ranked_link *ranked = rank_links(b);
	const struct plan_link *l;
	size_t i;

	for (i = 0; i < b->in->links.n; i++) {
		l = ranked[i].link;
		if (l->kind != LINK_MOVED || !link_holds(b, l) || b->messages[l->a].moved_to[l->side] != NONE)
			continue;
		b->messages[l->a].moved_to[l->side] = l->b;
		b->messages[l->a].is_moved = true;
		b->boxes[box_of(b, l->a)].explained[l->side]++;
	}
	free(ranked);
}

void
build_links(struct build *b)
{
	struct ranked_link *ranked = rank_links(b);
	const struct plan_link *l;
	size_t i;

	for (i = 0; i < b->in->links.n; i++) {
		l = ranked[i].link;
		if (!link_holds(b, l))
			continue;
		if (l->kind == LINK_TWIN)
			plan_twins(b, l->a, l->b, left_holds(b, l->left) ? l->left : NONE);
		else if (l->kind == LINK_MOVED)
			plan_moved(b, l);
		else if (l->kind == LINK_CLONED)
			plan_cloned(b, l);
	}
	for (i = b->in->links.n; i-- > 0;) {
		l = ranked[i].link;
		if (l->kind != LINK_SHARED || !link_holds(b, l))
			continue;
		b->messages[l->b].next_sharer = b->messages[l->a].sharers;
		b->messages[l->a].sharers = l->b;
	}
	free(ranked);
}
