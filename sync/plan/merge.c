#include "sync/plan/merge.h"

static struct flags
without_deleted(struct flags f)
{
	f.sys &= ~(uint32_t)FLAG_DELETED;
	return f;
}

static struct flags
keep_both(struct arena *a, struct flags f, const struct flag_mask mask[SIDES])
{
	return without_deleted(flags_keep(a, flags_keep(a, f, &mask[FAR]), &mask[NEAR]));
}

/* What was agreed of a record whose twin on side t is found, and shows these flags. As far as it was only sent there, it is
 * agreed by being shown. */
static struct flags
agreed_with(struct arena *a, const struct record *r, enum side t, struct flags shown)
{
	bool is_sent = r->half[t].is_sent && r->half[t].presence == PRESENCE_NEVER;

	return is_sent ? flags_intersect(a, r->agreed, shown) : r->agreed;
}

/* The same of what was moved on before it was ever shown where we put it on side s: what it lacks now may never have been kept. */
static struct flags
agreed_as_shown(struct arena *a, struct flags agreed, const struct record *left, enum side s, struct flags shown)
{
	return left->half[s].is_sent ? flags_minus(a, agreed, flags_minus(a, left->half[s].flags, shown)) : agreed;
}

static struct flags
agreed_of_left(struct arena *a, const struct merge_left *left, struct flags far, struct flags near)
{
	struct flags f = flags_keep(a, flags_keep(a, left->rec->agreed, &left->mask[FAR]), &left->mask[NEAR]);

	return agreed_as_shown(a, agreed_as_shown(a, f, left->rec, FAR, far), left->rec, NEAR, near);
}

struct flags
merge_base_twin(struct arena *a, const struct record *far, const struct record *near, const struct merge_left *left)
{
	struct flags f = far->half[FAR].flags, n = near->half[NEAR].flags, base;

	if (left != NULL && left->rec->has_agreed)
		base = agreed_of_left(a, left, f, n);
	else if (far->has_agreed && near->has_agreed)
		base = flags_intersect(a, agreed_with(a, far, NEAR, n), agreed_with(a, near, FAR, f));
	else if (far->has_agreed || near->has_agreed)
		base = far->has_agreed ? agreed_with(a, far, NEAR, n) : agreed_with(a, near, FAR, f);
	else
		base = flags_intersect(a, f, n);
	/* One alone: agreed, so that it is taken back. Both: new, so that it is a deletion; neither: no. */
	base.sys &= ~(uint32_t)FLAG_DELETED;
	base.sys |= (f.sys ^ n.sys) & FLAG_DELETED;
	return base;
}

struct flags
merge_base_moved(struct arena *a, const struct record *source, const struct record *other,
    const struct merge_left *left, enum side t, const struct flag_mask *kept)
{
	struct flags base;

	if (left != NULL || !source->has_agreed)
		return t == FAR ? merge_base_twin(a, source, other, left) : merge_base_twin(a, other, source, left);
	base = agreed_as_shown(a, flags_keep(a, source->agreed, kept), source, side_other(t), other->half[side_other(t)].flags);
	base.sys |= source->half[t].flags.sys & FLAG_DELETED;
	return base;
}

struct flags
merge_base_cloned(const struct record *source, enum side t)
{
	return source->half[t].flags;
}

struct flags
merge_base(struct arena *a, const struct record *r)
{
	return r->has_agreed ? r->agreed : merge_base_twin(a, r, r, NULL);
}

struct flags
merge_three_way(struct arena *a, struct flags base, const struct flags shown[SIDES],
    const struct flag_mask mask[SIDES])
{
	struct flags b = keep_both(a, base, mask);
	struct flags far = keep_both(a, shown[FAR], mask), near = keep_both(a, shown[NEAR], mask);
	struct flags added, removed;

	if (flags_equal(far, near))
		return far;
	added = flags_union(a, flags_minus(a, far, b), flags_minus(a, near, b));
	removed = flags_union(a, flags_minus(a, b, far), flags_minus(a, b, near));
	return flags_minus(a, flags_union(a, b, added), removed);
}

struct flags
merge_change(struct arena *a, struct flags want, struct flags base, struct flags now, const struct flag_mask mask[SIDES])
{
	struct flags b = keep_both(a, base, mask), n = keep_both(a, now, mask);

	return flags_minus(a, flags_union(a, want, flags_minus(a, n, b)), flags_minus(a, b, n));
}

bool
merge_deleted(struct flags base, const struct flags shown[SIDES])
{
	uint32_t both = shown[FAR].sys & shown[NEAR].sys, any = shown[FAR].sys | shown[NEAR].sys;

	return ((base.sys & FLAG_DELETED) ? both : any) & FLAG_DELETED;
}

bool
merge_is_changed(struct arena *a, struct flags base, struct flags now, const struct flag_mask mask[SIDES])
{
	return !flags_equal(keep_both(a, base, mask), keep_both(a, now, mask));
}
