/* What is beyond the limit of its mailbox, and what was (P18).
 *
 * A pair that expires:
 *
 *   pair --OP_EXPIRE--> EXPIRED, here on both sides --\Deleted--> the same --expunged--> EXPIRED, on the other side alone
 *                          |  with Expunge at once                    |
 *                          +--------- important again: \Deleted is taken off, and it is a pair as before ---------+
 *
 * Which side an EXPIRED pair is let go on is told by the pair itself, not by the policy, which may be another by now: it is the
 * one that the program has begun to take it from (BASIS_OURS), or that alone is \Deleted. Where nothing tells, a person has taken
 * the \Deleted off: it stays, and only its flags travel.
 */
#include "sync/plan/build.h"
#include "sync/plan/expire.h"
#include "sync/plan/merge.h"

bool
expire_is_on(const struct policy *policy)
{
	return limit_is_on(&policy->limit) && (policy->sync[policy->limit.side] & (SYNC_NEW | SYNC_UPGRADE | SYNC_FLAGS));
}

static bool
is_pair_here(const struct record *rec)
{
	return rec->half[FAR].presence == PRESENCE_HERE && rec->half[NEAR].presence == PRESENCE_HERE;
}

/* Flags that both sides keep, and did not refuse (R14 masks). */
static uint32_t
kept_by_both(const struct flag_mask mask[SIDES])
{
	return mask[FAR].sys & ~mask[FAR].refused.sys & mask[NEAR].sys & ~mask[NEAR].refused.sys;
}

/* Flags that both sides will show, \Deleted among them. */
static uint32_t
merged(const struct record *rec, const struct flag_mask mask[SIDES])
{
	struct arena a = { 0 };
	struct flags shown[SIDES] = { rec->half[FAR].flags, rec->half[NEAR].flags }, base;
	uint32_t sys, both = kept_by_both(mask);

	if (!is_pair_here(rec))
		return rec->half[record_side(rec)].flags.sys;
	base = merge_base(&a, rec);
	placeholder_shown(rec->placeholder, base, shown);
	/* A flag that one side cannot keep counts where it is. */
	sys = (merge_three_way(&a, base, shown, mask).sys & both) | ((shown[FAR].sys | shown[NEAR].sys) & ~both);
	/* What its message is flagged with (P21). */
	if (record_has_placeholder(rec))
		sys = (sys & ~(uint32_t)FLAG_FLAGGED) | (shown[record_is_placeholder(rec, FAR) ? NEAR : FAR].sys & FLAG_FLAGGED);
	sys &= ~(uint32_t)FLAG_DELETED;
	if (merge_deleted(base, shown))
		sys |= FLAG_DELETED;
	arena_release(&a);
	return sys;
}

enum standing
expire_standing(const struct policy *policy, const struct record *rec, const struct flag_mask mask[SIDES])
{
	enum side x = policy->limit.side, o = side_other(x);

	if (is_pair_here(rec))
		return rec->mark == MARK_NEW && !(merged(rec, mask) & FLAG_DELETED) ? STANDING_PAIR : STANDING_NONE;
	if (record_is_single(rec, o) && plan_may_copy(policy, rec->mark, x) && !(rec->half[o].flags.sys & FLAG_DELETED))
		return STANDING_COMING;
	if (record_is_single(rec, x) && plan_may_copy(policy, rec->mark, o) && !(rec->half[x].flags.sys & FLAG_DELETED))
		return STANDING_LEAVING;
	return STANDING_NONE;
}

/* A side that cannot keep \\Seen does not say that a message is unread. */
static bool
is_unread(uint32_t sys, const struct flag_mask mask[SIDES])
{
	return !(sys & FLAG_SEEN) && (kept_by_both(mask) & FLAG_SEEN);
}

static bool
are_important(const struct limit *limit, uint32_t sys, const struct flag_mask mask[SIDES])
{
	return (sys & FLAG_FLAGGED) || (limit_is_on(limit) && limit->unread != EXPIRE_UNREAD_YES && is_unread(sys, mask));
}

bool
expire_is_unread(const struct record *rec, const struct flag_mask mask[SIDES])
{
	uint32_t sys = merged(rec, mask);

	return is_unread(sys, mask) && !(sys & FLAG_FLAGGED);
}

bool
expire_is_important(const struct policy *policy, const struct record *rec, const struct flag_mask mask[SIDES], const bool may_flag[SIDES])
{
	enum side s;

	if (are_important(&policy->limit, merged(rec, mask), mask))
		return true;
	for (s = FAR; s <= NEAR; s++)
		if (rec->half[s].presence == PRESENCE_HERE && !may_flag[s] && are_important(&policy->limit, rec->half[s].flags.sys, mask))
			return true;
	return false;
}

uint64_t
expire_order(const struct policy *policy, const struct record *rec, bool is_by_uid)
{
	return is_by_uid ? key_uid(rec->half[side_other(policy->limit.side)].key) : rec->id;
}

int64_t
expire_date(const struct policy *policy, const struct record *rec)
{
	return rec->half[side_other(policy->limit.side)].date;
}

bool
expire_is_old(const struct policy *policy, const struct record *rec)
{
	int64_t date = expire_date(policy, rec);

	return date != 0 && date < policy->limit.before;
}

bool
expire_is_beyond(const struct policy *policy, const struct record *rec, const struct plan_limit *limit)
{
	return limit->is_set && (expire_order(policy, rec, limit->is_by_uid) < limit->from || expire_is_old(policy, rec));
}

/* ---- what goes ---- */

static bool
is_important(const struct build *b, uint32_t msg)
{
	uint32_t box = b->in->messages.at[msg].box;
	const unsigned *sync = b->in->policy.sync;
	const bool may_flag[SIDES] = { b->boxes[box].can_write[FAR] && (sync[FAR] & SYNC_FLAGS),
		b->boxes[box].can_write[NEAR] && (sync[NEAR] & SYNC_FLAGS) };
	struct record r = *build_record(b, msg);
	struct flag_mask mask[SIDES];
	enum side s;

	build_mask(b, box, mask);
	for (s = FAR; s <= NEAR; s++)
		r.half[s].presence = build_presence(b, msg, s);
	return expire_is_important(&b->in->policy, &r, mask, may_flag);
}

/* Something can be done to let it go from there. */
static bool
may_go(const struct build *b, uint32_t msg, enum side x)
{
	uint32_t box = b->in->messages.at[msg].box;

	/* Of what the other side has a placeholder only, this is all there is. */
	return b->boxes[box].can_write[x] && !record_is_placeholder(build_record(b, msg), side_other(x)) && (b->in->policy.expunge[x] || ((b->in->boxes.at[box].side[x].mask.sys & FLAG_DELETED) &&
	    (b->in->policy.sync[x] & (SYNC_NEW | SYNC_UPGRADE | SYNC_FLAGS))));
}

/* Nothing speaks against its going. What the other side has is certain: a list showed it. What is about to be undeleted is so first, and
 * goes with the next run. */
bool
build_is_beyond(const struct build *b, uint32_t msg)
{
	const struct record *r = build_record(b, msg);
	const struct policy *policy = &b->in->policy;
	uint32_t box = b->in->messages.at[msg].box;
	const struct plan_limit *limit = &b->in->boxes.at[box].limit;
	enum side x = policy->limit.side, o = side_other(x);
	struct flag_mask mask[SIDES];
	enum standing standing;

	if (!expire_is_on(policy) || !expire_is_beyond(policy, r, limit))
		return false;
	build_mask(b, box, mask);
	standing = build_presence(b, msg, o) != PRESENCE_HERE ? STANDING_NONE : expire_standing(policy, r, mask);
	if (is_important(b, msg))
		return false;
	if (standing == STANDING_PAIR)
		return build_presence(b, msg, x) == PRESENCE_HERE && r->half[o].basis == BASIS_LISTED && may_go(b, msg, x) &&
		    !((r->half[o].flags.sys | r->half[x].flags.sys) & FLAG_DELETED);
	return standing == STANDING_COMING;
}

/* \Deleted there, or expunged; its changes are told to the other side first. The pair is seen without the \Deleted that it has for
 * that. begun: OP_EXPIRE, or NONE. */
static void
let_go(struct build *b, uint32_t msg, enum side x, uint32_t begun)
{
	uint32_t box = b->in->messages.at[msg].box, op;
	bool expunges = b->in->policy.expunge[x], has_deleted = build_record(b, msg)->half[x].flags.sys & FLAG_DELETED;
	struct pair_view v = build_view(b, msg);
	struct pair_ops ops;

	v.is_leaving = expunges;
	v.leaving = x;
	v.shown[x].sys &= ~(uint32_t)FLAG_DELETED;
	if (begun == NONE)
		v.base.sys &= ~(uint32_t)FLAG_DELETED;
	ops = build_pair(b, &v);
	if (!may_go(b, msg, x))
		return;
	if (expunges) {
		op = build_op(b, OP_EXPUNGE, x, REASON_EXPIRED, box, msg, NONE);
		build_dep(b, op, ops.flags[side_other(x)]);
		build_dep_readers(b, op, msg, x);
		build_dep(b, build_mark(b, msg, x, REASON_EXPIRED, MARK_EXPIRED), op);
	} else if (!has_deleted) {
		op = ops.flags[x] != NONE ? ops.flags[x] : build_op(b, OP_FLAGS, x, REASON_EXPIRED, box, msg, NONE);
		b->ops.at[op].op.add.sys |= FLAG_DELETED;
		b->ops.at[op].op.reason = REASON_EXPIRED;
		build_dep_readers(b, op, msg, x);
	} else {
		return;
	}
	build_dep(b, op, begun);
}

bool
build_expiry(struct build *b, uint32_t msg)
{
	enum side x = b->in->policy.limit.side;
	uint32_t begun;

	if (!build_is_beyond(b, msg))
		return false;
	/* What a mailbox that is not there shows once it is there may be the twin. */
	if (b->boxes[b->in->messages.at[msg].box].create[x] != NONE)
		return true;
	begun = build_op(b, OP_EXPIRE, x, REASON_EXPIRED, b->in->messages.at[msg].box, msg, NONE);
	if (build_presence(b, msg, x) == PRESENCE_HERE)
		let_go(b, msg, x, begun);
	return true;
}

/* ---- what has gone, or is going ---- */

/* The side it is let go on, as the record tells. */
static bool
find_side(const struct build *b, uint32_t msg, enum side *x_r)
{
	const struct record *r = build_record(b, msg);
	enum side s;

	for (s = FAR; s <= NEAR; s++)
		if ((*x_r = s, build_presence(b, msg, s) == PRESENCE_NEVER))
			return true;
	for (s = FAR; s <= NEAR; s++)
		if ((*x_r = s, r->half[s].basis == BASIS_OURS && r->half[side_other(s)].basis != BASIS_OURS))
			return true;
	/* Both: it is going because it is gone from the other. */
	for (s = FAR; s <= NEAR; s++)
		if ((*x_r = s, r->half[s].basis == BASIS_OURS && build_presence(b, msg, s) == PRESENCE_HERE))
			return true;
	for (s = FAR; s <= NEAR; s++)
		if ((*x_r = s, r->half[s].flags.sys & ~r->half[side_other(s)].flags.sys & FLAG_DELETED))
			return true;
	/* What is left is kept. */
	for (s = FAR; s <= NEAR; s++)
		if ((*x_r = s, build_presence(b, msg, s) == PRESENCE_GONE))
			return true;
	return false;
}

/* It stays after all: first \Deleted goes, then the mark. */
static void
take_back(struct build *b, uint32_t msg, enum side x)
{
	bool has_deleted = build_record(b, msg)->half[x].flags.sys & FLAG_DELETED;
	struct pair_view v = build_view(b, msg);
	struct pair_ops ops;

	/* As if the other side had taken it off. */
	v.base.sys |= FLAG_DELETED;
	if (!has_deleted)
		v.base.sys &= ~(uint32_t)FLAG_DELETED;
	ops = build_pair(b, &v);
	if (!has_deleted)
		build_mark(b, msg, x, REASON_IMPORTANT, MARK_NEW);
	else if (ops.flags[x] != NONE && (b->ops.at[ops.flags[x]].op.remove.sys & FLAG_DELETED)) {
		b->ops.at[ops.flags[x]].op.reason = REASON_IMPORTANT;
		build_dep(b, build_mark(b, msg, x, REASON_IMPORTANT, MARK_NEW), ops.flags[x]);
	}
}

/* On the other side alone. */
static enum expired
plan_let_go(struct build *b, uint32_t msg, enum side x)
{
	uint32_t box = b->in->messages.at[msg].box;
	bool is_gone = build_presence(b, msg, x) == PRESENCE_GONE;
	unsigned sync = b->in->policy.sync[x];

	if (build_record(b, msg)->half[side_other(x)].flags.sys & FLAG_DELETED)
		return EXPIRED_IS_LAST;
	if (b->boxes[box].can_write[x] && is_important(b, msg) && build_has_source(b, msg, x) && ((sync & SYNC_OLD) || (is_gone && (sync & SYNC_NEW))))
		build_copy(b, msg, x, REASON_IMPORTANT);
	else if (is_gone)
		build_mark(b, msg, x, REASON_EXPIRED, MARK_EXPIRED);
	return EXPIRED_PLANNED;
}

enum expired
build_expired(struct build *b, uint32_t msg, enum side *limited_r)
{
	const struct record *r = build_record(b, msg);
	enum side x, o;

	if (!find_side(b, msg, &x))
		return EXPIRED_IS_PAIR;
	*limited_r = x;
	o = side_other(x);
	if (build_presence(b, msg, x) != PRESENCE_HERE)
		return build_presence(b, msg, o) == PRESENCE_HERE ? plan_let_go(b, msg, x) : EXPIRED_PLANNED;
	if (build_presence(b, msg, o) != PRESENCE_HERE)
		return build_presence(b, msg, o) == PRESENCE_GONE ? EXPIRED_IS_GONE : EXPIRED_IS_LAST;
	if (r->half[o].flags.sys & FLAG_DELETED)
		return EXPIRED_IS_PAIR;
	if (is_important(b, msg))
		take_back(b, msg, x);
	else
		let_go(b, msg, x, NONE);
	return EXPIRED_PLANNED;
}
