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

struct flags
merge_base_twin(struct arena *a, const struct record *far, const struct record *near)
{
	struct flags f = far->half[FAR].flags, n = near->half[NEAR].flags, base;

	if (far->has_agreed && near->has_agreed)
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
merge_base_moved(struct arena *a, const struct record *source, const struct record *other, enum side t,
    const struct flag_mask *kept)
{
	struct flags base;

	if (!source->has_agreed)
		return t == FAR ? merge_base_twin(a, source, other) : merge_base_twin(a, other, source);
	base = flags_keep(a, source->agreed, kept);
	/* Moved on before it was ever shown where we put it: what it lacks now may never have been kept. */
	if (source->half[side_other(t)].is_sent)
		base = flags_minus(a, base, flags_minus(a, source->half[side_other(t)].flags, other->half[side_other(t)].flags));
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
	return r->has_agreed ? r->agreed : merge_base_twin(a, r, r);
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
