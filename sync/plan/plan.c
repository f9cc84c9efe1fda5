/* The planner's story: mailboxes, what is known to belong together, message by message, guards, order. */
#include "sync/plan/plan.h"

#include <assert.h>

#include "sync/plan/build.h"
#include "sync/plan/merge.h"

const char *(*plan_checked)(const struct plan_input *in, const struct plan *p, struct arena *a);

/* ---- one message: new (P1) ---- */

/* It may be on t, and not shown there: until that is known to have no window, or one that is not full (P15). Nothing is beyond the window
 * of a mailbox that is made only now. */
static bool
may_be_beyond(const struct build *b, uint32_t msg, enum side t)
{
	if (b->boxes[b->in->messages.at[msg].box].create[t] != NONE)
		return false;
	return build_record(b, msg)->half[t].basis == BASIS_BEYOND && b->in->policy.window[t].kind != WINDOW_NO &&
	    (b->in->policy.window[t].kind == WINDOW_UNSET || b->boxes[b->in->messages.at[msg].box].window[t] == WINDOW_BEYOND);
}

static void
build_new(struct build *b, uint32_t msg, enum side s)
{
	const struct box_view *box = &b->boxes[b->in->messages.at[msg].box];
	enum record_mark mark = build_record(b, msg)->mark;
	enum side t = side_other(s);

	if (build_is_waste(b, msg, s)) {
		if (box->can_write[s] && policy_expunges_single(&b->in->policy, s))
			build_expunge_last(b, msg, s, REASON_DELETED_HERE);
		else if (mark == MARK_NEW && box->can_write[t] && build_may_copy(b, msg, t) && build_has_source(b, msg, t))
			build_mark(b, msg, s, REASON_IS_DELETED, MARK_SKIPPED);
	} else if (box->can_write[t] && build_may_copy(b, msg, t) && build_has_source(b, msg, t) && !may_be_beyond(b, msg, t) && !build_expiry(b, msg)) {
		build_copy(b, msg, t, mark == MARK_NEW ? REASON_NEW : REASON_RETRY);
	}
}

/* ---- one message: gone from s, here on t (P4, P10) ---- */

/* A copy back was refused for good, and nobody asks again. */
static bool
may_restore(const struct build *b, uint32_t msg, enum side s)
{
	const struct policy *policy = &b->in->policy;

	return build_record(b, msg)->mark != MARK_FAILED || policy->retry_failed ||
	    (policy->sync[s] & SYNC_OLD);
}

/* Not shown on s any more, or deleted there, and not here on the other side: what is beyond the window is remembered. */
static bool
plan_gone_beyond(struct build *b, uint32_t msg)
{
	uint32_t box = b->in->messages.at[msg].box;
	bool is = false;
	enum side s;

	for (s = FAR; s <= NEAR; s++) {
		if (build_presence(b, msg, s) == PRESENCE_BEYOND)
			is = true;
		else if (b->messages[msg].is_oldest[s] && b->boxes[box].window[s] != WINDOW_DELETED) {
			if (b->boxes[box].window[s] == WINDOW_BEYOND)
				build_op(b, OP_BEYOND, s, REASON_WINDOW, box, msg, NONE);
			is = true;
		}
	}
	return is;
}

static void
plan_deletion(struct build *b, uint32_t msg, enum side t)
{
	const struct record *r = build_record(b, msg);
	uint32_t box = b->in->messages.at[msg].box, op;
	struct flag_mask mask[SIDES];

	build_mask(b, box, mask);
	if (policy_expunges_single(&b->in->policy, t)) {
		op = build_expunge_last(b, msg, t, REASON_GONE);
	} else if (mask[t].sys & FLAG_DELETED) {
		op = build_op(b, OP_FLAGS, t, REASON_GONE, box, msg, NONE);
		b->ops.at[op].op.add.sys = FLAG_DELETED;
		build_dep_readers(b, op, msg, t);
		build_dep(b, build_mark(b, msg, t, REASON_ORPHANED, MARK_ORPHAN), op);
	} else {
		return;
	}
	if (b->messages[msg].is_oldest[side_other(t)] && b->boxes[box].window[side_other(t)] == WINDOW_SUSPECTED)
		b->ops.at[op].op.is_window = true;
	else if (!b->messages[msg].is_moved)
		build_count(b, op, 1);
	if (merge_is_changed(&b->scratch, merge_base(&b->scratch, r), r->half[t].flags, mask)) {
		b->ops.at[op].op.is_conflict = true;
		b->boxes[box].conflicts++;
	}
}

/* Its mailbox was made again for what a person touched since. */
static bool
is_reason_to_revive(struct build *b, uint32_t msg, enum side s)
{
	const struct record *r = build_record(b, msg);
	uint32_t box = b->in->messages.at[msg].box;
	struct flag_mask mask[SIDES];

	build_mask(b, box, mask);
	return b->boxes[box].is_revived[s] && (build_may_be_renamed(b, msg, s) ||
	    merge_is_changed(&b->scratch, merge_base(&b->scratch, r), r->half[side_other(s)].flags, mask));
}

/* Its half on s is not shown, the other one is: only a \Deleted there is of interest. The record stays, and tells what it is
 * when it is shown again. after: OP_BEYOND, or NONE. */
static void
plan_beyond(struct build *b, uint32_t msg, enum side s, uint32_t after)
{
	enum side t = side_other(s);
	uint32_t box = b->in->messages.at[msg].box, op;

	if (build_presence(b, msg, t) != PRESENCE_HERE || !(build_record(b, msg)->half[t].flags.sys & FLAG_DELETED) ||
	    !b->boxes[box].can_write[t] || !b->in->policy.expunge[t])
		return;
	op = build_op(b, OP_EXPUNGE, t, REASON_DELETED_HERE, box, msg, NONE);
	build_dep(b, op, after);
	build_dep_readers(b, op, msg, t);
}

/* ---- one message: of a source (P19, P20) ---- */

/* Gone from source s, here on t. */
static void
plan_gone_from_source(struct build *b, uint32_t msg, enum side s)
{
	enum side t = side_other(s);
	uint32_t box = b->in->messages.at[msg].box;
	bool is_deleted = build_record(b, msg)->half[t].flags.sys & FLAG_DELETED;

	if (is_deleted && b->boxes[box].can_write[t] && policy_expunges_single(&b->in->policy, t))
		build_expunge_last(b, msg, t, REASON_DELETED_HERE);
	else if (b->in->boxes.at[box].side[s].here > 0)
		build_mark(b, msg, t, REASON_GONE, MARK_KEPT);
}

/* Its half on source s goes, for the other side has it, or had. False: that is not so, or other rules take it away. */
static bool
plan_fetched(struct build *b, uint32_t msg)
{
	const struct record *r = build_record(b, msg);
	const struct box_view *v = &b->boxes[b->in->messages.at[msg].box];
	enum side s, t;
	uint32_t op;

	if (!plan_is_fetched(&b->in->policy, r, &s) || !v->can_write[s])
		return false;
	t = side_other(s);
	if (r->half[t].presence == PRESENCE_GONE) {
		build_expunge_last(b, msg, s, REASON_FETCHED);
		return true;
	}
	if ((r->half[t].flags.sys & FLAG_DELETED) && v->can_write[t] && b->in->policy.expunge[t])
		return false;
	op = build_op(b, OP_EXPUNGE, s, REASON_FETCHED, b->in->messages.at[msg].box, msg, NONE);
	build_dep(b, build_mark(b, msg, t, REASON_FETCHED, MARK_KEPT), op);
	return true;
}

/* ---- one message: gone from one side ---- */

static void
plan_gone(struct build *b, uint32_t msg, enum side s)
{
	enum side t = side_other(s);
	uint32_t box = b->in->messages.at[msg].box;
	const struct box_view *v = &b->boxes[box];
	bool is_deleted = build_record(b, msg)->half[t].flags.sys & FLAG_DELETED;
	bool may_follow = v->can_write[t] && (b->in->policy.sync[t] & SYNC_GONE) && !build_may_be_filed(b, msg, s);

	if (b->in->policy.source[s].is)
		plan_gone_from_source(b, msg, s);
	else if (b->messages[msg].is_oldest[s] && v->window[s] == WINDOW_BEYOND)
		plan_beyond(b, msg, s, build_op(b, OP_BEYOND, s, REASON_WINDOW, box, msg, NONE));
	else if (is_deleted && v->can_write[t] && policy_expunges_single(&b->in->policy, t))
		build_expunge_last(b, msg, t, REASON_DELETED_HERE);
	else if (is_deleted && may_follow)
		build_mark(b, msg, t, REASON_ORPHANED, MARK_ORPHAN);
	else if (is_deleted)
		return;
	else if (b->in->boxes.at[box].side[s].restore && v->can_write[s]) {
		if (may_restore(b, msg, s) && build_has_source(b, msg, s))
			build_copy(b, msg, s, REASON_RESTORE);
	} else if (plan_fetched(b, msg)) {
		return;
	} else if (is_reason_to_revive(b, msg, s) && build_has_source(b, msg, s)) {
		build_copy(b, msg, s, REASON_REVIVED);
	} else if (may_follow)
		plan_deletion(b, msg, t);
}

/* ---- one message ---- */

/* What its mark sets aside: only the half that is left, once \Deleted, is still of interest (P6). */
static void
plan_aside(struct build *b, uint32_t msg)
{
	const struct record *r = build_record(b, msg);
	enum side x;

	if (r->mark != MARK_ORPHAN && r->mark != MARK_EXPIRED && r->mark != MARK_KEPT)
		return;
	for (x = FAR; x <= NEAR; x++)
		if (build_presence(b, msg, x) == PRESENCE_HERE &&
		    build_presence(b, msg, side_other(x)) != PRESENCE_HERE &&
		    (r->half[x].flags.sys & FLAG_DELETED) && (build_presence(b, msg, side_other(x)) == PRESENCE_BEYOND ?
		    b->in->policy.expunge[x] : policy_expunges_single(&b->in->policy, x)) &&
		    b->boxes[b->in->messages.at[msg].box].can_write[x])
			build_expunge_last(b, msg, x, REASON_ORPHANED);
}

/* P18 */
static void
plan_expired(struct build *b, uint32_t msg)
{
	struct pair_view v;
	enum side limited;

	switch (build_expired(b, msg, &limited)) {
	case EXPIRED_PLANNED:
		return;
	case EXPIRED_IS_PAIR:
		v = build_view(b, msg);
		build_pair(b, &v);
		return;
	case EXPIRED_IS_GONE:
		plan_gone(b, msg, side_other(limited));
		return;
	case EXPIRED_IS_LAST:
		plan_aside(b, msg);
		return;
	}
}

/* Its placeholder is \Deleted, as what is moved by a copy is, and that may be what was not seen or not read: its message does not follow yet. */
static bool
awaits_placeholder(const struct build *b, uint32_t msg)
{
	const struct record *r = build_record(b, msg);
	enum side s = record_placeholder_side(r);

	return record_is_placeholder(r, s) && (r->half[s].flags.sys & ~r->half[side_other(s)].flags.sys & FLAG_DELETED) &&
	    !(r->has_agreed && (r->agreed.sys & FLAG_DELETED)) && build_may_be_filed(b, msg, s);
}

static void
plan_message(struct build *b, uint32_t msg)
{
	const struct record *r = build_record(b, msg);
	enum presence far = build_presence(b, msg, FAR), near = build_presence(b, msg, NEAR);

	if (far != PRESENCE_HERE && near != PRESENCE_HERE) {
		/* What may be its placeholder is told from mail by this record alone. */
		if (plan_gone_beyond(b, msg) || build_may_be_shown(b, msg))
			return;
		build_op(b, OP_DROP, FAR, REASON_GONE_BOTH, b->in->messages.at[msg].box, msg, NONE);
		b->boxes[b->in->messages.at[msg].box].explained[FAR] += far == PRESENCE_GONE;
		b->boxes[b->in->messages.at[msg].box].explained[NEAR] += near == PRESENCE_GONE;
	} else if (r->mark == MARK_ORPHAN || r->mark == MARK_TOMBSTONE || (r->mark == MARK_KEPT && far != near)) {
		plan_aside(b, msg);
	} else if (r->mark == MARK_REPLACED) {
		build_replaced(b, msg);
	} else if (r->mark == MARK_EXPIRED) {
		plan_expired(b, msg);
	} else if (far == PRESENCE_BEYOND || near == PRESENCE_BEYOND) {
		plan_beyond(b, msg, far == PRESENCE_BEYOND ? FAR : NEAR, NONE);
	} else if (far == PRESENCE_HERE && near == PRESENCE_HERE) {
		if (!awaits_placeholder(b, msg) && !plan_fetched(b, msg) && !build_expiry(b, msg) && !build_upgrade(b, msg)) {
			struct pair_view v = build_view(b, msg);

			build_pair(b, &v);
		}
	} else if (far == PRESENCE_NEVER || near == PRESENCE_NEVER) {
		build_new(b, msg, far == PRESENCE_HERE ? FAR : NEAR);
	} else {
		plan_gone(b, msg, far == PRESENCE_GONE ? FAR : NEAR);
	}
}

static void
build_messages(struct build *b)
{
	size_t i;

	for (i = 0; i < b->in->messages.n; i++) {
		uint32_t msg = b->order[i];

		if (!b->messages[msg].is_taken && b->boxes[b->in->messages.at[msg].box].is_open)
			plan_message(b, msg);
	}
}

/* What a person would want to know: once per mailbox, not once per message. */
static void
build_remarks(struct build *b)
{
	struct arena *a = &b->plan->arena;
	enum side s;
	uint32_t i;

	for (i = 0; i < b->in->boxes.n; i++) {
		const struct box_view *v = &b->boxes[i];

		if (v->conflicts != 0)
			build_note(b, NOTE_INFO, i, arena_printf(a, "%s: %llu %s deleted on one side and changed "
			    "on the other; the deletion wins", build_name(b, i), (unsigned long long)v->conflicts,
			    v->conflicts == 1 ? "message was" : "messages were"));
		for (s = FAR; s <= NEAR; s++)
			if (v->survivals[s] != 0)
				build_note(b, NOTE_INFO, i, arena_printf(a, "%s: %llu %s moved here on %s and deleted on %s; "
				    "the move wins", build_name(b, i), (unsigned long long)v->survivals[s],
				    v->survivals[s] == 1 ? "message was" : "messages were", side_name(s),
				    side_name(side_other(s))));
		if (v->contests != 0)
			build_note(b, NOTE_INFO, i, arena_printf(a, "%s: %llu %s moved here on near and elsewhere on far; "
			    "the move on far wins", build_name(b, i), (unsigned long long)v->contests,
			    v->contests == 1 ? "message was" : "messages were"));
	}
}

void
plan_make(const struct plan_input *in, struct plan *plan_r)
{
	struct build b;

	build_begin(&b, in, plan_r);
	build_boxes(&b);
	build_moved(&b);
	build_revivals(&b);
	build_renames(&b);
	build_links(&b);
	build_windows(&b);
	build_messages(&b);
	build_removals(&b);
	build_trash(&b);
	build_remarks(&b);
	build_guards(&b);
	build_end(&b);
}

/* ---- plans and inputs ---- */

void
plan_release(struct plan *p)
{
	arena_release(&p->arena);
	vec_release(&p->ops);
	vec_release(&p->deps);
	vec_release(&p->notes);
	vec_release(&p->vanished);
}

void
plan_input_release(struct plan_input *in)
{
	vec_release(&in->boxes);
	vec_release(&in->messages);
	vec_release(&in->links);
}
