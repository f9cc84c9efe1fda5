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

void
placeholder_shown(enum record_placeholder p, struct flags agreed, struct flags shown[SIDES])
{
	enum side s;

	for (s = FAR; s <= NEAR; s++)
		if (placeholder_is_on(p, s))
			shown[s].sys &= ~(uint32_t)FLAG_FLAGGED & (~(uint32_t)FLAG_SEEN | agreed.sys);
}

/* It is what the other would be made, but for what does not go across. */
static bool
is_settled_placeholder(const struct record *r, const struct flag_mask *both)
{
	struct flags shown[SIDES] = { r->half[FAR].flags, r->half[NEAR].flags }, real[SIDES] = { r->half[FAR].flags, r->half[NEAR].flags };
	enum side ph = record_placeholder_side(r);
	struct arena a = { 0 };
	bool is;

	/* To be replaced, as soon as Sync says so. */
	if (real[ph].sys & FLAG_FLAGGED)
		return false;
	placeholder_shown(r->placeholder, r->has_agreed ? r->agreed : FLAGS_NONE, shown);
	/* It is read where the message is, or was all along. */
	if (real[ph].sys & shown[side_other(ph)].sys & FLAG_SEEN)
		shown[ph].sys |= FLAG_SEEN;
	shown[side_other(ph)].sys &= ~(uint32_t)FLAG_FLAGGED;
	is = flags_equal(flags_keep(&a, shown[FAR], both), flags_keep(&a, shown[NEAR], both));
	arena_release(&a);
	return is;
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
	/* What was refused has a twin as soon as a person puts one there. */
	if (!record_is_pair(r))
		return r->mark != MARK_NEW && r->mark != MARK_FAILED && r->mark != MARK_REPLACED;
	if (r->mark != MARK_NEW)
		return false;
	if (!record_has_placeholder(r) && flags_equal(far->flags, near->flags))
		return true;
	both = flag_mask_intersect(&a, &mask[FAR], &mask[NEAR]);
	is_equal = record_has_placeholder(r) ? is_settled_placeholder(r, &both) :
	    flags_equal(flags_keep(&a, far->flags, &both), flags_keep(&a, near->flags, &both));
	arena_release(&a);
	return is_equal;
}
