/* Twins: flags that travel (P3), and what becomes of a pair that is \Deleted (P6). */
#include "sync/plan/build.h"
#include "sync/plan/merge.h"

struct pair {
	struct build *b;
	const struct pair_view *v;
	uint32_t box;
	struct flag_mask mask[SIDES];
	struct flags base;
	struct flags shown[SIDES];	/* as far as it says anything of the message (P21) */
	struct flags want;		/* of both sides, \Deleted aside */
	bool is_deleted;		/* the merged state of \Deleted */
	bool is_restored[SIDES];	/* --restore: a \Deleted set there is taken back */
	bool learns[SIDES];		/* is told now that the other side is \Deleted */
	bool is_expunged[SIDES];
	uint32_t flags[SIDES];		/* OP_FLAGS, or NONE */
	uint32_t told[SIDES];		/* the operation by which it learns, or NONE */
	uint32_t expunge[SIDES];
};

static bool
shows_deleted(const struct pair *p, enum side x)
{
	return p->v->shown[x].sys & FLAG_DELETED;
}

static bool
may_write(const struct pair *p, enum side x)
{
	return p->b->boxes[p->box].can_write[x];
}

/* Flags may go to side x. Those of a copy made there belong to the copy. */
static bool
may_flag(const struct pair *p, enum side x)
{
	if (!may_write(p, x) || p->b->in->policy.source[x].is)
		return false;
	return (p->b->in->policy.sync[x] & SYNC_FLAGS) || (p->v->is_cloned && p->v->fresh == x);
}

static uint32_t
pair_op(struct pair *p, enum op_kind kind, enum side x, enum reason reason)
{
	uint32_t op = build_op(p->b, kind, x, reason, p->box, p->v->msg, NONE);

	build_dep(p->b, op, p->v->after);
	if (!op_is_state_only(kind))
		build_dep_readers(p->b, op, p->v->msg, x);
	return op;
}

/* Read or flagged, what stands for a message says nothing of it; and flagged, it would be asked for. */
static void
mask_placeholder(struct pair *p)
{
	enum side s;

	p->shown[FAR] = p->v->shown[FAR];
	p->shown[NEAR] = p->v->shown[NEAR];
	placeholder_shown(p->v->placeholder, p->v->base, p->shown);
	for (s = FAR; s <= NEAR && (placeholder_is_on(p->v->placeholder, FAR) || placeholder_is_on(p->v->placeholder, NEAR)); s++)
		p->mask[s].sys &= ~(uint32_t)FLAG_FLAGGED;
}

/* The base; a side that is to be restored takes back its own \Deleted. */
static void
settle_base(struct pair *p)
{
	const struct plan_box *box = &p->b->in->boxes.at[p->box];
	enum side s;

	p->base = p->v->base;
	for (s = FAR; s <= NEAR; s++) {
		if (!box->side[s].restore || !may_write(p, s) || (p->base.sys & FLAG_DELETED))
			continue;
		if (shows_deleted(p, s) && !shows_deleted(p, side_other(s)))
			p->is_restored[s] = true;
	}
	if (p->is_restored[FAR] || p->is_restored[NEAR])
		p->base.sys |= FLAG_DELETED;
	p->is_deleted = merge_deleted(p->base, p->v->shown);
}

/* Its twin goes, so that it has none any more: then it goes where only such are expunged, too. */
static bool
is_left_single(const struct pair *p, enum side x)
{
	return p->b->in->policy.expunge_solo[x] && p->is_deleted && shows_deleted(p, x) && may_write(p, x) && p->is_expunged[side_other(x)];
}

/* Who expunges, and who has to learn what before (P6). */
static void
settle_deletion(struct pair *p)
{
	const struct policy *policy = &p->b->in->policy;
	bool owns[SIDES];
	enum side x;

	for (x = FAR; x <= NEAR; x++)
		owns[x] = p->is_deleted && shows_deleted(p, x) && may_write(p, x) && policy->expunge[x];
	for (x = FAR; x <= NEAR; x++) {
		/* A deletion travels as a flag; where flags may not, as the disappearance it is about to be. */
		bool may = may_flag(p, x) ||
		    (may_write(p, x) && owns[side_other(x)] && (policy->sync[x] & SYNC_GONE));
		bool expunges = policy->expunge[x] || (policy->expunge_solo[x] && owns[side_other(x)]);

		p->learns[x] = p->is_deleted && !shows_deleted(p, x) && may &&
		    (expunges || (p->mask[x].sys & FLAG_DELETED));
		p->is_expunged[x] = owns[x] || (p->learns[x] && expunges);
	}
	for (x = FAR; x <= NEAR; x++)
		p->is_expunged[x] |= is_left_single(p, x);
}

/* \Deleted goes from side x: the other side took it back, which it can only where it can keep the flag (R14). */
static bool
is_undeleted(const struct pair *p, enum side x)
{
	if (p->is_deleted || !shows_deleted(p, x) || !(p->mask[x].sys & FLAG_DELETED))
		return false;
	if (p->v->is_cloned && p->v->fresh == x)
		return true;
	return (p->is_restored[x] || may_flag(p, x)) && (p->mask[side_other(x)].sys & FLAG_DELETED);
}

/* What one that shows these flags gains and loses by the merge. */
static void
differences(const struct pair *p, struct arena *a, struct flags shown, struct flags *add_r, struct flags *remove_r)
{
	struct flags has = flags_keep(a, flags_keep(a, shown, &p->mask[FAR]), &p->mask[NEAR]);

	has.sys &= ~(uint32_t)FLAG_DELETED;
	*add_r = flags_minus(a, p->want, shown);
	*remove_r = flags_minus(a, has, p->want);
}

/* What side x gains and loses by the merge. */
static void
flag_changes(struct pair *p, enum side x, struct flags *add_r, struct flags *remove_r)
{
	struct arena *a = &p->b->plan->arena;

	*add_r = *remove_r = FLAGS_NONE;
	if (may_flag(p, x))
		differences(p, a, p->shown[x], add_r, remove_r);
	*add_r = flags_minus(a, *add_r, p->v->shown[x]);
	if (p->learns[x])
		add_r->sys |= FLAG_DELETED;
	if (is_undeleted(p, x))
		remove_r->sys |= FLAG_DELETED;
}

static void
plan_flags(struct pair *p, enum side x)
{
	struct flags add, remove;
	enum reason reason = REASON_FLAGS;
	uint32_t op;

	if (p->is_expunged[x] || (p->v->is_leaving && p->v->leaving == x))
		return;
	flag_changes(p, x, &add, &remove);
	if (flags_is_none(add) && flags_is_none(remove))
		return;
	if (p->v->is_cloned && p->v->fresh == x)
		reason = REASON_COPIED;
	else if (add.sys & FLAG_DELETED)
		reason = REASON_DELETED_THERE;
	else if (p->is_restored[x])
		reason = REASON_RESTORE;
	op = p->flags[x] = pair_op(p, OP_FLAGS, x, reason);
	p->b->ops.at[op].op.add = add;
	p->b->ops.at[op].op.remove = remove;
	if (p->learns[x])
		p->told[x] = op;
	if (reason == REASON_DELETED_THERE)
		build_count(p->b, op, 1);
}

/* ---- P16: one message on side t, of several on side s ---- */

/* The side that those who share the pair's message are on. */
static enum side
side_of_sharer(const struct pair *p, uint32_t sharer)
{
	return build_presence(p->b, sharer, FAR) == PRESENCE_HERE ? FAR : NEAR;
}

/* What was changed on them is changed on the message. */
static void
merge_sharers(struct pair *p)
{
	struct arena *a = &p->b->plan->arena;
	const struct record *rec;
	struct flags base, now;
	uint32_t i;
	enum side s;

	p->want = merge_three_way(a, p->base, p->shown, p->mask);
	for (i = p->b->messages[p->v->msg].sharers; i != NONE; i = p->b->messages[i].next_sharer) {
		rec = build_record(p->b, i);
		s = side_of_sharer(p, i);
		now = rec->half[s].flags;
		base = rec->has_agreed ? rec->agreed : flags_intersect(a, now, p->v->shown[side_other(s)]);
		p->want = merge_change(a, p->want, base, now, p->mask);
	}
}

/* And what it has by then, they get. */
static void
flag_sharers(struct pair *p)
{
	struct arena *a = &p->b->plan->arena;
	struct flags add, remove;
	uint32_t i, op;
	enum side s;

	for (i = p->b->messages[p->v->msg].sharers; i != NONE && !p->is_deleted; i = p->b->messages[i].next_sharer) {
		s = side_of_sharer(p, i);
		differences(p, a, build_record(p->b, i)->half[s].flags, &add, &remove);
		if (!may_flag(p, s) || (flags_is_none(add) && flags_is_none(remove)))
			continue;
		op = build_op(p->b, OP_FLAGS, s, REASON_FLAGS, p->box, i, NONE);
		p->b->ops.at[op].op.add = add;
		p->b->ops.at[op].op.remove = remove;
	}
}

/* The side that learns goes first; the one where the person marked it only once the other knows. */
static void
plan_expunges(struct pair *p)
{
	enum side x;

	for (x = FAR; x <= NEAR; x++) {
		if (!p->is_expunged[x] || !p->learns[x])
			continue;
		p->told[x] = p->expunge[x] = pair_op(p, OP_EXPUNGE, x, REASON_DELETED_THERE);
		build_count(p->b, p->expunge[x], 1);
		if (merge_is_changed(&p->b->scratch, p->base, p->v->shown[x], p->mask)) {
			p->b->ops.at[p->expunge[x]].op.is_conflict = true;
			p->b->boxes[p->box].conflicts++;
		}
	}
	for (x = FAR; x <= NEAR; x++) {
		if (!p->is_expunged[x] || p->learns[x])
			continue;
		p->expunge[x] = pair_op(p, OP_EXPUNGE, x, REASON_DELETED_HERE);
		build_dep(p->b, p->expunge[x], p->told[side_other(x)]);
	}
}

/* What the record becomes once halves are expunged: nothing, or an orphan. */
static void
plan_rest(struct pair *p)
{
	enum side x;
	uint32_t op;

	if (p->is_expunged[FAR] && p->is_expunged[NEAR]) {
		op = pair_op(p, OP_DROP, FAR, REASON_GONE_BOTH);
		build_dep(p->b, op, p->expunge[FAR]);
		build_dep(p->b, op, p->expunge[NEAR]);
		return;
	}
	for (x = FAR; x <= NEAR; x++) {
		enum side rest = side_other(x);

		if (!p->is_expunged[x] || !(shows_deleted(p, rest) || p->told[rest] != NONE))
			continue;
		op = pair_op(p, OP_MARK, rest, REASON_ORPHANED);
		p->b->ops.at[op].op.mark = MARK_ORPHAN;
		build_dep(p->b, op, p->expunge[x]);
		build_dep(p->b, op, p->told[rest]);
	}
}

struct pair_view
build_view(struct build *b, uint32_t msg)
{
	const struct record *r = build_record(b, msg);

	return (struct pair_view){ .msg = msg, .after = NONE, .shown = { r->half[FAR].flags, r->half[NEAR].flags },
		.base = merge_base(&b->plan->arena, r), .placeholder = r->placeholder };
}

struct pair_ops
build_pair(struct build *b, const struct pair_view *v)
{
	struct pair p = { .b = b, .v = v, .box = b->in->messages.at[v->msg].box, .flags = { NONE, NONE }, .told = { NONE, NONE },
		.expunge = { NONE, NONE } };

	build_mask(b, p.box, p.mask);
	mask_placeholder(&p);
	settle_base(&p);
	settle_deletion(&p);
	merge_sharers(&p);
	plan_flags(&p, FAR);
	plan_flags(&p, NEAR);
	flag_sharers(&p);
	plan_expunges(&p);
	plan_rest(&p);
	return (struct pair_ops){ { p.flags[FAR], p.flags[NEAR] } };
}
