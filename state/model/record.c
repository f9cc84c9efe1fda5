#include "state/model/record.h"

void
record_agree(struct arena *a, struct record *r, const struct flag_mask mask[SIDES])
{
	struct flag_mask both = flag_mask_intersect(a, &mask[FAR], &mask[NEAR]);
	struct flags far = flags_keep(a, r->half[FAR].flags, &both);
	struct flags near = flags_keep(a, r->half[NEAR].flags, &both);
	/* Without anything agreed, a \Deleted on one side alone counts as agreed: nobody is known to have set it
	 * since, and so it is taken back rather than carried over. */
	struct flags old = r->has_agreed ? r->agreed : (struct flags){
	    (r->half[FAR].flags.sys ^ r->half[NEAR].flags.sys) & FLAG_DELETED, "" };
	struct flags on = flags_intersect(a, far, near);
	struct flags any = flags_union(a, far, near);
	/* Kept from before: what the sides differ in, and what one of them cannot keep. */
	struct flags differ = flags_minus(a, any, on);
	struct flags foreign = flags_minus(a, old, flags_keep(a, old, &both));
	struct flags held = flags_union(a, flags_intersect(a, old, differ), foreign);

	r->agreed = flags_union(a, on, held);
	r->has_agreed = true;
}

void
record_begin_anew(struct record *r)
{
	r->mark = MARK_NEW;
	r->has_agreed = false;
	r->agreed = FLAGS_NONE;
}

/* What is shared may have to take the place of the other; what is doubted is looked into. */
static bool
is_open(const struct record_half *h)
{
	return record_half_is_shared(h) || h->basis == BASIS_DOUBTED;
}

struct flags
record_shown(struct arena *a, struct record *r, enum side s, struct flags shown)
{
	struct record_half *h = &r->half[s];
	struct flags sent = h->presence != PRESENCE_NEVER ? h->flags : r->has_agreed ? r->agreed : FLAGS_NONE;
	struct flags missing = flags_minus(a, sent, shown);

	missing.sys &= ~(uint32_t)FLAG_DELETED;
	if (r->has_agreed)
		r->agreed = flags_minus(a, r->agreed, missing);
	h->is_sent = false;
	return missing;
}

bool
record_is_settled(const struct record *r, const struct flag_mask mask[SIDES])
{
	const struct record_half *far = &r->half[FAR], *near = &r->half[NEAR];
	struct arena a = { 0 };
	struct flag_mask both;
	bool is_equal;

	if ((far->presence == PRESENCE_HERE && (far->flags.sys & FLAG_DELETED)) ||
	    (near->presence == PRESENCE_HERE && (near->flags.sys & FLAG_DELETED)))
		return false;
	/* What its server does not show can neither be changed nor copied, whatever became of the other half. */
	if (far->presence == PRESENCE_BEYOND || near->presence == PRESENCE_BEYOND)
		return true;
	if (r->mark == MARK_KEPT && (far->presence == PRESENCE_HERE) != (near->presence == PRESENCE_HERE))
		return true;
	if (far->presence == PRESENCE_GONE || near->presence == PRESENCE_GONE)
		return false;
	if (is_open(far) || is_open(near))
		return false;
	if (!record_is_pair(r))
		return r->mark != MARK_NEW;
	if (r->mark != MARK_NEW)
		return false;
	if (flags_equal(far->flags, near->flags))
		return true;
	both = flag_mask_intersect(&a, &mask[FAR], &mask[NEAR]);
	is_equal = flags_equal(flags_keep(&a, far->flags, &both), flags_keep(&a, near->flags, &both));
	arena_release(&a);
	return is_equal;
}
