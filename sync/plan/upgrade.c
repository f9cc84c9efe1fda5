/* Placeholders (P21): which messages get one, and what becomes of it.
 *
 *   pair, a placeholder on t --OP_UPGRADE--> the message, on s alone (PLACEHOLDER_NO_MORE) --OP_COPY--> pair
 *                                       `--> the placeholder, on t alone (REPLACED) ---once that is a pair---> \Deleted, an orphan; or expunged
 *
 * Two records from the first step on: so the copy is made, and after a crash looked for, as that of any new message is, and nothing of it is
 * taken for the placeholder. What is removed is removed last.
 */
#include "sync/plan/build.h"

bool
build_has_source(const struct build *b, uint32_t msg, enum side t)
{
	return !record_is_placeholder(build_record(b, msg), side_other(t));
}

enum { ADDED_MOST = 2048 };		/* octets that a store may have added to a message, about */

/* New there; and not read, of about its size (what could be was, when moves were looked for), or found to be its equal since. */
static bool
may_be_it(const struct build *b, uint32_t msg, uint32_t other, enum side s)
{
	const struct record *r = build_record(b, other);
	const struct ident is = record_ident(r, s), was = record_ident(build_record(b, msg), s);
	uint64_t size = build_record(b, msg)->half[s].size;

	if (record_is_single(r, s) && (is.has & IDENT_PLACEHOLDER) && ident_compare(&is, &was) == IDENT_SAME)
		return true;
	return record_is_single(r, s) && !(r->ident.has & IDENT_HEADER) && (size == 0 || r->half[s].size == 0 ||
	    (r->half[s].size <= size + ADDED_MOST && size <= r->half[s].size + ADDED_MOST));
}

bool
build_may_be_shown(const struct build *b, uint32_t msg)
{
	const struct record *r = build_record(b, msg);
	uint32_t i;

	for (i = 0; i < b->in->messages.n && record_has_placeholder(r); i++)
		if (i != msg && may_be_it(b, msg, i, record_placeholder_side(r))) {
			b->plan->awaits_placeholder = true;
			return true;
		}
	return false;
}

bool
build_may_be_filed(const struct build *b, uint32_t msg, enum side s)
{
	const struct plan_box_side *side;
	uint32_t i;

	if (!record_is_placeholder(build_record(b, msg), s))
		return false;
	if (b->messages[msg].is_moved)
		return true;
	for (i = 0; i < b->in->boxes.n; i++) {
		side = &b->in->boxes.at[i].side[s];
		if (side->exists ? !side->is_readable : side->was_known && !side->is_gone)
			return true;
	}
	return build_may_be_shown(b, msg);
}

bool
build_may_be_renamed(const struct build *b, uint32_t msg, enum side s)
{
	const struct plan_box_side *side = &b->in->boxes.at[b->in->messages.at[msg].box].side[s];

	return record_is_placeholder(build_record(b, msg), s) && side->may_be_renamed && !side->allow_delete;
}

bool
plan_is_asked_for(const struct policy *p, const struct record *r)
{
	enum side t = record_placeholder_side(r);

	if (!record_has_placeholder(r) || !(p->sync[t] & SYNC_UPGRADE) || ((r->half[FAR].flags.sys | r->half[NEAR].flags.sys) & FLAG_DELETED))
		return false;
	return (r->half[t].flags.sys & FLAG_FLAGGED) || ((p->sync[t] & SYNC_OLD) && !plan_is_too_large(p, r, t));
}

bool
build_upgrade(struct build *b, uint32_t msg)
{
	const struct record *r = build_record(b, msg);
	uint32_t box = b->in->messages.at[msg].box, up, copy;
	enum side t = record_placeholder_side(r);
	struct pair_view v = build_view(b, msg);
	struct pair_ops flags;

	if (!b->boxes[box].can_write[t] || b->in->policy.source[t].is || !plan_is_asked_for(&b->in->policy, r))
		return false;
	/* What is copied from it is known by what it is until then. */
	if (b->messages[msg].clones != NONE)
		return false;
	/* What was changed on it goes to the message first, and the next look finds nothing more to tell. */
	v.is_leaving = true;
	v.leaving = t;
	flags = build_pair(b, &v);
	if (flags.flags[side_other(t)] != NONE)
		return true;
	up = build_op(b, OP_UPGRADE, t, REASON_UPGRADE, box, msg, NONE);
	copy = build_op(b, OP_COPY, t, REASON_UPGRADE, box, msg, NONE);
	build_dep(b, copy, up);
	return true;
}

void
build_replaced(struct build *b, uint32_t msg)
{
	uint32_t box = b->in->messages.at[msg].box, op = NONE;
	enum side t = build_presence(b, msg, FAR) == PRESENCE_HERE ? FAR : NEAR;
	struct flag_mask mask[SIDES];

	if (!b->boxes[box].can_write[t] || !(b->in->policy.sync[t] & SYNC_UPGRADE))
		return;
	if (policy_expunges_single(&b->in->policy, t)) {
		build_expunge_last(b, msg, t, REASON_REPLACED);
		return;
	}
	build_mask(b, box, mask);
	if ((mask[t].sys & FLAG_DELETED) && !(build_record(b, msg)->half[t].flags.sys & FLAG_DELETED)) {
		op = build_op(b, OP_FLAGS, t, REASON_REPLACED, box, msg, NONE);
		b->ops.at[op].op.add.sys = FLAG_DELETED;
	}
	build_dep(b, build_mark(b, msg, t, REASON_REPLACED, MARK_ORPHAN), op);
}
