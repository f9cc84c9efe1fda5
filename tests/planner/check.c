#include "tests/planner/check.h"

#include <stdlib.h>
#include <string.h>

#include "state/base/buf.h"
#include "sync/plan/explain.h"
#include "tests/planner/apply.h"
#include "tests/planner/mirror.h"

#define NONE UINT32_MAX

struct check {
	const struct plan_input *in;
	const struct plan *plan;
	struct arena *arena;
	const char *fault;		/* the first one found */
	uint32_t *first;		/* of each message: the first operation that names it as msg, or NONE */
	uint32_t *next;			/* of each operation: the next one with that msg, or NONE */
	uint32_t *creates[SIDES];	/* of each mailbox: OP_CREATE_BOX, or NONE */
	bool *is_given[SIDES];		/* of each message: an operation gives it this half */
	bool *is_upgraded;		/* of each message: it has no placeholder any more */
};

static void
fault(struct check *c, const char *rule, const struct op *op, const char *what)
{
	struct buf text = { 0 };

	if (c->fault != NULL)
		return;
	if (op != NULL)
		op_explain(c->in, op, &text);
	c->fault = arena_printf(c->arena, "%s: %s%s%s", rule, what, op != NULL ? ": " : "", buf_str(&text));
	buf_release(&text);
}

static const struct plan_box_side *
box_side(const struct check *c, uint32_t box, enum side s)
{
	return &c->in->boxes.at[box].side[s];
}

static bool
is_here(const struct check *c, uint32_t msg, enum side s)
{
	const struct plan_message *m = &c->in->messages.at[msg];
	const struct plan_box_side *side = box_side(c, m->box, s);

	return side->exists && side->is_readable && m->rec->half[s].presence == PRESENCE_HERE;
}

static bool
depends(const struct check *c, const struct op *op, uint32_t on)
{
	uint32_t i;

	for (i = 0; i < op->dep_n; i++)
		if (c->plan->deps.at[op->dep_at + i] == on)
			return true;
	return false;
}

/* ---- C8: the shape ---- */

static bool
has_message(enum op_kind kind)
{
	return kind != OP_RENAME_BOX && kind != OP_CREATE_BOX && kind != OP_REMOVE_BOX && kind != OP_DROP_BOX;
}

static void
check_shape(struct check *c)
{
	const struct plan *p = c->plan;
	const struct op *op;
	size_t i;
	uint32_t k;

	for (i = 0; i < p->ops.n && c->fault == NULL; i++) {
		op = &p->ops.at[i];
		if (op->kind >= OP_KINDS || op->box >= c->in->boxes.n ||
		    has_message(op->kind) != (op->msg < c->in->messages.n) ||
		    (op->kind == OP_PAIR || op->kind == OP_CLONE || op->kind == OP_MOVE) !=
		    (op->other < c->in->messages.n)) {
			fault(c, "C8", NULL, "an operation names nothing");
			return;
		}
		if (has_message(op->kind) && c->in->messages.at[op->msg].box != op->box)
			fault(c, "C8", op, "not the mailbox of its message");
		if (i != 0 && p->ops.at[i - 1].kind > op->kind)
			fault(c, "C8", op, "out of phase");
		for (k = 0; k < op->dep_n; k++) {
			if (op->dep_at + k >= p->deps.n || p->deps.at[op->dep_at + k] >= i) {
				fault(c, "C8", op, "depends on what does not come before it");
				return;
			}
			if (p->ops.at[p->deps.at[op->dep_at + k]].is_held && !op->is_held)
				fault(c, "C8", op, "not held although what it depends on is");
		}
	}
}

static void
index_ops(struct check *c)
{
	size_t i, messages = c->in->messages.n, boxes = c->in->boxes.n, ops = c->plan->ops.n;
	enum side s;

	c->is_upgraded = mem_alloc(messages * sizeof *c->is_upgraded);
	c->first = mem_realloc(NULL, messages, sizeof *c->first);
	c->next = mem_realloc(NULL, ops, sizeof *c->next);
	for (i = 0; i < messages; i++)
		c->first[i] = NONE;
	for (s = FAR; s <= NEAR; s++) {
		c->is_given[s] = mem_alloc(messages * sizeof *c->is_given[s]);
		c->creates[s] = mem_realloc(NULL, boxes, sizeof *c->creates[s]);
		for (i = 0; i < boxes; i++)
			c->creates[s][i] = NONE;
	}
	for (i = ops; i-- > 0;) {
		const struct op *op = &c->plan->ops.at[i];

		if (op->kind == OP_CREATE_BOX)
			c->creates[op->side][op->box] = (uint32_t)i;
		if (op->msg == NONE)
			continue;
		c->next[i] = c->first[op->msg];
		c->first[op->msg] = (uint32_t)i;
	}
}

/* ---- C2, C3: twins, sources and targets ---- */

static void
give(struct check *c, const struct op *op, uint32_t msg, enum side s)
{
	if (is_here(c, msg, s) && !c->is_upgraded[msg])
		fault(c, "C2", op, "it has a twin already");
	if (c->is_given[s][msg])
		fault(c, "C2", op, "a second twin");
	c->is_given[s][msg] = true;
}

static void
check_target_box(struct check *c, const struct op *op, uint32_t box, enum side s)
{
	const struct plan_box_side *side = box_side(c, box, s);
	uint32_t create = c->creates[s][box];

	if (create != NONE ? !depends(c, op, create) : !side->exists || !side->is_readable)
		fault(c, "C3", op, "its mailbox does not exist");
}

/* The half acted on was there, or is given by an operation it depends on. */
static void
check_half(struct check *c, const struct op *op)
{
	uint32_t i;

	if (is_here(c, op->msg, op->side))
		return;
	for (i = 0; i < op->dep_n; i++) {
		const struct op *d = &c->plan->ops.at[c->plan->deps.at[op->dep_at + i]];

		if ((d->kind == OP_PAIR && d->msg == op->msg) ||
		    ((d->kind == OP_CLONE || d->kind == OP_MOVE) && d->other == op->msg && d->side == op->side))
			return;
	}
	fault(c, "C3", op, "no such message there");
}

static void
check_sources(struct check *c)
{
	size_t i;

	for (i = 0; i < c->plan->ops.n && c->fault == NULL; i++) {
		const struct op *op = &c->plan->ops.at[i];
		enum side t = op->side, s = side_other(op->side);

		switch (op->kind) {
		case OP_CREATE_BOX:
			if (box_side(c, op->box, t)->exists || !box_side(c, op->box, s)->exists)
				fault(c, "C3", op, "nothing to create");
			break;
		case OP_PAIR:
			if (!is_here(c, op->msg, FAR) || !is_here(c, op->other, NEAR))
				fault(c, "C3", op, "a half is not there");
			give(c, op, op->msg, NEAR);
			give(c, op, op->other, FAR);
			break;
		case OP_COPY:
			if (!is_here(c, op->msg, s) || record_is_placeholder(c->in->messages.at[op->msg].rec, s))
				fault(c, "C3", op, "nothing to copy");
			if (op->reason == REASON_UPGRADE && !c->is_upgraded[op->msg])
				fault(c, "C3", op, "its placeholder is in the way");
			check_target_box(c, op, op->box, t);
			give(c, op, op->msg, t);
			break;
		case OP_CLONE:
		case OP_MOVE:
			if (!is_here(c, op->msg, t) || !is_here(c, op->other, s))
				fault(c, "C3", op, "a half is not there");
			check_target_box(c, op, c->in->messages.at[op->other].box, t);
			give(c, op, op->other, t);
			break;
		case OP_FLAGS:
		case OP_EXPUNGE:
			check_half(c, op);
			break;
		case OP_REMOVE_BOX:
			if (!box_side(c, op->box, t)->exists || !box_side(c, op->box, s)->is_gone)
				fault(c, "C3", op, "nothing to remove");
			break;
		case OP_BEYOND:
			if (c->in->messages.at[op->msg].rec->half[t].presence != PRESENCE_GONE)
				fault(c, "C3", op, "nothing has vanished");
			break;
		case OP_EXPIRE:
			if (!is_here(c, op->msg, s))
				fault(c, "C3", op, "the other side does not have it");
			break;
		case OP_UPGRADE:
			if (!is_here(c, op->msg, FAR) || !is_here(c, op->msg, NEAR) || !record_is_placeholder(c->in->messages.at[op->msg].rec, t))
				fault(c, "C3", op, "no placeholder");
			c->is_upgraded[op->msg] = true;
			break;
		case OP_RENAME_BOX:	/* check_renames() */
		case OP_MARK:
		case OP_DROP:
		case OP_DROP_BOX:
		case OP_KINDS:
			break;
		}
	}
}

/* Of the mailboxes of a side, as `w` has them, the one called so; or NONE. */
static uint32_t
called(const struct applied *w, enum side s, const char *name)
{
	const struct plan_box *box;
	uint32_t i;

	for (i = 0; i < w->in->boxes.n; i++) {
		box = &w->boxes[i];
		if (box->side[s].exists && strcmp(box->side[s].name != NULL ? box->side[s].name : box->name, name) == 0)
			return i;
	}
	return NONE;
}

/* Each is called what the rename takes it for, and nothing what it is given. */
static void
check_renames(struct check *c)
{
	struct applied w;
	size_t i;

	applied_begin(&w, c->in);
	for (i = 0; i < c->plan->ops.n && c->fault == NULL; i++) {
		const struct op *op = &c->plan->ops.at[i];

		if (op->kind != OP_RENAME_BOX)
			continue;
		if (called(&w, op->side, op->from) != op->box)
			fault(c, "C3", op, "no mailbox of this name there");
		if (called(&w, op->side, op->to) != NONE)
			fault(c, "C3", op, "the name is taken");
		applied_op(&w, op);
	}
	applied_end(&w);
}

/* ---- C4: what deletions wait for ---- */

/* Operation d must be done before `op` takes msg away from side t. */
static bool
must_wait(const struct op *op, const struct op *d)
{
	enum side t = op->side;

	switch (d->kind) {
	case OP_CLONE:
		return d->side == t;
	case OP_COPY:
		return d->side != t;
	case OP_EXPIRE:
		return d->side == t;
	case OP_FLAGS:
		return d->side != t && (d->reason == REASON_DELETED_THERE || op->reason == REASON_EXPIRED);
	case OP_EXPUNGE:
		return d->side != t && d->reason == REASON_DELETED_THERE && op->reason == REASON_DELETED_HERE;
	default:
		return false;
	}
}

static void
check_deletion(struct check *c, uint32_t at)
{
	const struct op *op = &c->plan->ops.at[at];
	uint32_t i;

	for (i = c->first[op->msg]; i != NONE; i = c->next[i]) {
		const struct op *d = &c->plan->ops.at[i];

		if ((op->kind == OP_EXPUNGE || op->kind == OP_MOVE) && must_wait(op, d) && !depends(c, op, i))
			fault(c, "C4", op, "does not wait for what needs it");
		if (op->kind == OP_DROP && i != at && !depends(c, op, i) &&
		    (d->kind == OP_EXPUNGE || d->kind == OP_MOVE || d->kind == OP_FLAGS || d->kind == OP_COPY))
			fault(c, "C4", op, "forgets a message that is still acted on");
		if (op->kind == OP_MARK && (op->mark == MARK_ORPHAN || op->mark == MARK_KEPT) && !depends(c, op, i) &&
		    (d->kind == OP_EXPUNGE || (d->kind == OP_FLAGS && (d->add.sys & FLAG_DELETED))))
			fault(c, "C4", op, "does not wait for the deletion");
	}
}

static void
check_box_removal(struct check *c, uint32_t at)
{
	const struct op *op = &c->plan->ops.at[at];
	size_t i;

	for (i = 0; i < at; i++) {
		const struct op *d = &c->plan->ops.at[i];
		bool reads = d->box == op->box && (d->kind == OP_MOVE || d->kind == OP_CLONE ? d->side == op->side :
		    d->kind == OP_COPY ? d->side != op->side : false);

		if (op->kind == OP_REMOVE_BOX && reads && !depends(c, op, (uint32_t)i))
			fault(c, "C4", op, "does not wait for what leaves it");
		if (op->kind == OP_DROP_BOX && d->kind == OP_REMOVE_BOX && d->box == op->box &&
		    !depends(c, op, (uint32_t)i))
			fault(c, "C4", op, "forgets a mailbox that is still there");
	}
}

static void
check_deletions(struct check *c)
{
	uint32_t i;

	for (i = 0; i < c->plan->ops.n && c->fault == NULL; i++) {
		if (has_message(c->plan->ops.at[i].kind))
			check_deletion(c, i);
		else
			check_box_removal(c, i);
	}
}

/* ---- C7: what is allowed ---- */

/* P20: the other side was seen to have it, and the source leaves nothing, or nothing so old. */
static bool
may_be_emptied(const struct check *c, const struct op *op)
{
	const struct record *r = c->in->messages.at[op->msg].rec;
	const struct record_half *there = &r->half[side_other(op->side)], *here = &r->half[op->side];
	const struct source *source = &c->in->policy.source[op->side];

	if (!source->is || source->leave.kind == LEAVE_ALL || there->presence == PRESENCE_NEVER)
		return false;
	if (there->presence == PRESENCE_HERE && (there->is_sent || there->basis != BASIS_LISTED))
		return false;
	return source->leave.kind == LEAVE_NONE || (here->date != 0 && here->date < source->before);
}

static bool
is_restored(const struct check *c, const struct op *op)
{
	return op->reason == REASON_RESTORE && box_side(c, op->box, op->side)->restore;
}

static uint32_t
keeps(const struct check *c, uint32_t box, enum side s)
{
	return box_side(c, box, s)->mask.sys & ~box_side(c, box, s)->mask.refused.sys;
}

/* P18: the other side has it, and does not delete it; it is not flagged on both, nor by a policy that keeps what is unread both unread; and
 * it was let go before, or the limit is of this side and leaves it out. */
static bool
may_expire(const struct check *c, const struct op *op)
{
	const struct record *r = c->in->messages.at[op->msg].rec;
	const struct limit *limit = &c->in->policy.limit;
	uint32_t both = r->half[FAR].flags.sys & r->half[NEAR].flags.sys, any = r->half[FAR].flags.sys | r->half[NEAR].flags.sys;

	if (!is_here(c, op->msg, side_other(op->side)) || record_is_placeholder(r, side_other(op->side)) ||
	    (r->half[side_other(op->side)].flags.sys & FLAG_DELETED) || (both & FLAG_FLAGGED) ||
	    (limit_is_on(limit) && limit->unread != EXPIRE_UNREAD_YES && is_here(c, op->msg, op->side) && !(any & FLAG_SEEN) &&
	    (keeps(c, op->box, FAR) & keeps(c, op->box, NEAR) & FLAG_SEEN)))
		return false;
	return r->mark == MARK_EXPIRED || (limit_is_on(limit) && limit->side == op->side && c->in->boxes.at[op->box].limit.is_set &&
	    (c->in->boxes.at[op->box].limit.is_by_uid || r->id < c->in->boxes.at[op->box].limit.from ||
	    (r->half[side_other(op->side)].date != 0 && r->half[side_other(op->side)].date < limit->before)));
}

static bool
is_allowed(const struct check *c, const struct op *op)
{
	const struct policy *policy = &c->in->policy;
	unsigned sync = policy->sync[op->side];

	if (op->reason == REASON_EXPIRED && !may_expire(c, op))
		return false;

	switch (op->kind) {
	case OP_RENAME_BOX:
		return policy->create[op->side] && strcmp(op->from, "INBOX") != 0 && strcmp(op->to, "INBOX") != 0;
	case OP_CREATE_BOX:
		return policy->create[op->side] || is_restored(c, op) ||
		    strcmp(c->in->boxes.at[op->box].name, "INBOX") == 0;
	case OP_COPY:
		if (op->reason == REASON_UPGRADE || c->in->messages.at[op->msg].rec->placeholder == PLACEHOLDER_NO_MORE)
			return sync & (SYNC_UPGRADE | SYNC_NEW);
		return is_restored(c, op) || ((op->reason == REASON_NEW || op->reason == REASON_REVIVED) && (sync & SYNC_NEW)) ||
		    (op->reason == REASON_IMPORTANT && (sync & (SYNC_NEW | SYNC_OLD))) || (op->reason == REASON_RETRY && ((sync & SYNC_OLD) || policy->retry_failed));
	case OP_CLONE:
		return sync & (SYNC_NEW | SYNC_OLD);
	case OP_MOVE:
		return (sync & (SYNC_NEW | SYNC_OLD)) && (sync & SYNC_GONE);
	case OP_FLAGS:
		if (op->reason == REASON_GONE)
			return sync & SYNC_GONE;
		if (op->reason == REASON_DELETED_THERE)
			return sync & (SYNC_FLAGS | SYNC_GONE);
		if (op->reason == REASON_COPIED)
			return sync & (SYNC_NEW | SYNC_OLD);
		if (op->reason == REASON_REPLACED)
			return sync & SYNC_UPGRADE;
		if (op->reason == REASON_EXPIRED)
			return sync & (SYNC_NEW | SYNC_UPGRADE | SYNC_FLAGS);
		return (sync & SYNC_FLAGS) || is_restored(c, op);
	case OP_EXPUNGE:
		if (op->reason == REASON_FETCHED)
			return may_be_emptied(c, op);
		if (op->reason == REASON_DELETED_THERE && !policy->expunge[side_other(op->side)] ? !policy->expunge[op->side] : !policy_expunges_single(policy, op->side))
			return false;
		if (op->reason == REASON_GONE)
			return sync & SYNC_GONE;
		return op->reason != REASON_DELETED_THERE || (sync & (SYNC_FLAGS | SYNC_GONE));
	case OP_REMOVE_BOX:
		return policy->remove[op->side];
	default:
		return true;
	}
}

/* P17: only what is expunged is kept, where there is a trash, and nothing of a trash. */
static bool
is_trash_allowed(const struct check *c, const struct op *op)
{
	enum side holder = op->trash == TRASH_OWN ? op->side : side_other(op->side);
	const struct trash *trash = &c->in->policy.trash[holder];

	if (op->trash == TRASH_NONE)
		return true;
	return op->kind == OP_EXPUNGE && trash->name != NULL && (op->trash == TRASH_OWN || trash->remote_new) &&
	    !box_side(c, op->box, FAR)->is_trash && !box_side(c, op->box, NEAR)->is_trash;
}

/* P19: a source is written to by expunges alone. */
static bool
is_for_source(const struct check *c, const struct op *op)
{
	return !c->in->policy.source[op->side].is || op->kind == OP_EXPUNGE;
}

static void
check_allowed(struct check *c)
{
	size_t i;

	for (i = 0; i < c->plan->ops.n && c->fault == NULL; i++) {
		const struct op *op = &c->plan->ops.at[i];
		const struct plan_box_side *to, *from = box_side(c, op->box, op->side);
		struct arena a = { 0 };

		if (op->kind == OP_EXPIRE && !may_expire(c, op))
			fault(c, "C7", op, "it is within the limit");
		if (op_is_state_only(op->kind))
			continue;
		to = op->other != NONE ? box_side(c, c->in->messages.at[op->other].box, op->side) : from;
		if (!is_trash_allowed(c, op))
			fault(c, "C7", op, "goes to a trash that is none");
		if (c->in->policy.read_only[op->side] || to->is_readonly ||
		    (from->is_readonly && op->kind != OP_CLONE))
			fault(c, "C7", op, "the side is readonly");
		if ((from->exists && !from->is_readable) || (to->exists && !to->is_readable))
			fault(c, "C7", op, "the side could not be read");
		if (!is_allowed(c, op))
			fault(c, "C7", op, "not allowed");
		if (!is_for_source(c, op))
			fault(c, "C7", op, "a source takes nothing");
		if (op->kind == OP_FLAGS && !flags_equal(op->add, flags_keep(&a, op->add, &from->mask)))
			fault(c, "C7", op, "cannot be kept there");
		arena_release(&a);
	}
}

/* ---- C1, C5: the plan carried out ---- */

struct visit { struct applied *w; bool *is_done; };

static void
carry_out(struct check *c, struct visit *v, uint32_t at)
{
	const struct op *op = &c->plan->ops.at[at];
	uint32_t i;

	if (v->is_done[at])
		return;
	v->is_done[at] = true;
	for (i = 0; i < op->dep_n; i++)
		carry_out(c, v, c->plan->deps.at[op->dep_at + i]);
	applied_op(v->w, op);
}

/* A person deleted it on a side that was read, or its mailbox. */
static bool
is_wanted_gone(const struct check *c, uint32_t msg)
{
	const struct plan_message *m = &c->in->messages.at[msg];
	enum side s;

	if (m->rec->mark == MARK_TOMBSTONE || m->rec->mark == MARK_REPLACED)
		return true;
	for (s = FAR; s <= NEAR; s++) {
		const struct plan_box_side *side = box_side(c, m->box, s);

		if (!side->exists && side->is_gone && side->was_known && record_is_pair(m->rec))
			return true;
		if (!side->exists || !side->is_readable)
			continue;
		if (m->rec->half[s].presence == PRESENCE_GONE || (m->rec->half[s].presence == PRESENCE_HERE &&
		    (m->rec->half[s].flags.sys & FLAG_DELETED)))
			return true;
	}
	return false;
}

static void
check_survivors(struct check *c, const struct applied *w)
{
	uint32_t i, home;

	for (i = 0; i < c->in->messages.n && c->fault == NULL; i++) {
		if (!is_here(c, i, FAR) && !is_here(c, i, NEAR))
			continue;
		for (home = i; w->home[home] != home; home = w->home[home])
			;
		if (!w->is_dropped[home] && (w->records[home].half[FAR].presence == PRESENCE_HERE ||
		    w->records[home].half[NEAR].presence == PRESENCE_HERE))
			continue;
		if (!is_wanted_gone(c, i))
			fault(c, "C1", NULL, arena_printf(c->arena, "message #%llu of %s is lost",
			    (unsigned long long)c->in->messages.at[i].rec->id,
			    c->in->boxes.at[c->in->messages.at[i].box].name));
	}
}

/* A mailbox that is removed last of all may have been in the way of a rename or a creation, which then waits for the next run. */
static bool
makes_way(const struct check *c, const struct op *again)
{
	size_t i;

	for (i = 0; i < c->plan->ops.n && (again->kind == OP_RENAME_BOX || again->kind == OP_CREATE_BOX); i++)
		if (c->plan->ops.at[i].kind == OP_REMOVE_BOX && c->plan->ops.at[i].side == again->side)
			return true;
	return false;
}

/* And with it what comes into that mailbox, and all that follows. */
static bool
is_after_way(const struct check *c, const struct plan *again, const struct op *op)
{
	uint32_t i;

	if (makes_way(c, op))
		return true;
	for (i = 0; i < op->dep_n; i++)
		if (is_after_way(c, again, &again->ops.at[again->deps.at[op->dep_at + i]]))
			return true;
	return false;
}

/* It has a twin, or is not \Deleted, only since this plan: the next one may find it beyond the limit (P18). */
static bool
is_new_pair(const struct check *c, uint64_t id)
{
	const struct record *r;
	size_t i;

	for (i = 0; i < c->in->messages.n; i++) {
		r = c->in->messages.at[i].rec;
		/* What had a placeholder on the other side. */
		if (r->id == id && record_has_placeholder(r))
			return true;
		if (r->id == id && is_here(c, (uint32_t)i, FAR) && is_here(c, (uint32_t)i, NEAR))
			return (r->half[FAR].flags.sys | r->half[NEAR].flags.sys) & FLAG_DELETED;
	}
	return true;
}

/* How the oldest that vanished were judged is kept with the plan (observe/window.c), and what is left of them is judged by that. */
static void
remember_windows(const struct check *c, const struct plan_input *next)
{
	const struct plan_vanished *v;
	struct plan_box_side *side;
	size_t i;

	for (i = 0; i < c->plan->vanished.n; i++) {
		v = &c->plan->vanished.at[i];
		side = &next->boxes.at[v->box].side[v->side];
		side->shown.judged = v->judged;
		if (v->verdict != WINDOW_SUSPECTED)
			continue;
		side->shown.suspected = c->in->boxes.at[v->box].side[v->side].here;
		side->shown.held = v->n;
	}
}

/* What its placeholder might have been taken for is known by now (P21); where it waited for that, so did its flags. */
static bool
follows_placeholder(const struct check *c, const struct plan_input *next, const struct op *op)
{
	if (c->plan->awaits_placeholder && op->msg != NONE && record_has_placeholder(next->messages.at[op->msg].rec))
		return true;
	return (op->reason == REASON_GONE || op->reason == REASON_DELETED_THERE || op->reason == REASON_DELETED_HERE) && op->msg != NONE &&
	    record_has_placeholder(next->messages.at[op->msg].rec);
}

/* A placeholder's copy is no mail, and its original was \Deleted there until this plan took the mark off: by then it can be copied, and given
 * its own flags (P12, P21). */
static bool
has_original_now(const struct check *c, const struct plan_input *next, const struct plan *again, const struct op *op)
{
	uint64_t id;
	uint32_t i, msg = op->msg;

	for (i = 0; i < again->ops.n && op->kind == OP_FLAGS && op->reason == REASON_COPIED; i++)
		if (again->ops.at[i].kind == OP_CLONE && again->ops.at[i].other == msg && again->ops.at[i].side == op->side)
			op = &again->ops.at[i];
	if (op->kind != OP_CLONE || !record_has_placeholder(next->messages.at[op->other].rec))
		return false;
	id = next->messages.at[op->msg].rec->id;
	for (i = 0; i < c->in->messages.n; i++)
		if (c->in->messages.at[i].rec->id == id)
			return is_here(c, i, op->side) && (c->in->messages.at[i].rec->half[op->side].flags.sys & FLAG_DELETED);
	return false;
}

/* What is held stays so until a person decides: the program remembers that with the mailbox (R21 guards). */
static bool
was_held(const struct check *c, const struct plan_input *next, const struct op *op)
{
	const struct op *o;
	size_t i;

	for (i = 0; i < c->plan->ops.n && op->msg != NONE; i++) {
		o = &c->plan->ops.at[i];
		if (o->is_held && o->msg != NONE && o->kind == op->kind && o->side == op->side &&
		    c->in->messages.at[o->msg].rec->id == next->messages.at[op->msg].rec->id)
			return true;
	}
	return false;
}

static void
check_again(struct check *c, struct applied *w)
{
	struct plan_input next;
	struct plan again = { 0 };
	struct buf text = { 0 };
	size_t i;

	applied_next(w, &next);
	remember_windows(c, &next);
	plan_make(&next, &again);
	for (i = 0; i < again.ops.n && c->fault == NULL; i++) {
		/* What was changed on a placeholder is told before it is replaced (P21). */
		if (op_is_state_only(again.ops.at[i].kind) || again.ops.at[i].is_held || was_held(c, &next, &again.ops.at[i]) ||
		    again.ops.at[i].reason == REASON_UPGRADE ||
		    follows_placeholder(c, &next, &again.ops.at[i]) || has_original_now(c, &next, &again, &again.ops.at[i]) ||
		    is_after_way(c, &again, &again.ops.at[i]) ||
		    (again.ops.at[i].reason == REASON_EXPIRED && is_new_pair(c, next.messages.at[again.ops.at[i].msg].rec->id)))
			continue;
		op_explain(&next, &again.ops.at[i], &text);
		fault(c, "C5", NULL, arena_printf(c->arena, "planned again: %s", buf_str(&text)));
	}
	buf_release(&text);
	plan_release(&again);
	plan_input_release(&next);
}

static void
check_carried_out(struct check *c, bool is_reverse)
{
	size_t i, n = c->plan->ops.n;
	struct applied w;
	struct visit v = { &w, mem_alloc(n * sizeof *v.is_done) };

	applied_begin(&w, c->in);
	for (i = 0; i < n; i++)
		carry_out(c, &v, (uint32_t)(is_reverse ? n - 1 - i : i));
	check_survivors(c, &w);
	check_again(c, &w);
	applied_end(&w);
	free(v.is_done);
}

const char *
plan_check(const struct plan_input *in, const struct plan *p, struct arena *a)
{
	struct check c = { .in = in, .plan = p, .arena = a };
	const char *what;
	enum side s;

	check_shape(&c);
	if (c.fault != NULL)
		return c.fault;
	index_ops(&c);
	check_sources(&c);
	check_renames(&c);
	check_deletions(&c);
	check_allowed(&c);
	if (c.fault == NULL) {
		check_carried_out(&c, false);
		check_carried_out(&c, true);
		if (c.fault == NULL && (what = mirror_check(in, p, a)) != NULL)
			fault(&c, "C6", NULL, what);
	}
	free(c.is_upgraded);
	free(c.first);
	free(c.next);
	for (s = FAR; s <= NEAR; s++) {
		free(c.creates[s]);
		free(c.is_given[s]);
	}
	return c.fault;
}

/* A program that this is linked into has every plan of a run checked. */
__attribute__((constructor)) static void
hook(void)
{
	plan_checked = plan_check;
}
