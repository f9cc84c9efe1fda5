/* Mailboxes whose name on one side is not the channel's any more: renamed there (P14).
 *
 * A store renames what lies below a mailbox with it. So the names of a side are followed from one rename to the next. A mailbox that has its
 * name by then needs no rename of its own; one that was taken along wrongly is put back. A rename waits until its name is free. Where
 * names wait for each other (two that were swapped), one mailbox first steps aside to a name of its own. A name that a mailbox keeps, as it
 * may not be renamed, is not one under which another could be created.
 */
#include <stdlib.h>
#include <string.h>

#include "state/model/name.h"
#include "sync/plan/build.h"

/* A mailbox as the renames planned so far leave it. */
struct place {
	uint32_t box;
	const char *now;
	const char *want;		/* NULL = whatever it comes to be called: it is on this side only, or not to be written */
	bool is_given_up;		/* until the next one is renamed */
	bool is_aside;			/* stepped aside: once is enough */
};

struct renames {
	struct build *b;
	enum side side;
	VEC(struct place) places;
	VEC(uint32_t) done;		/* operations, in order */
};

/* One lies in the other, or they are one. */
static bool
is_related(const char *a, const char *b)
{
	return strcmp(a, b) == 0 || name_is_below(a, b) || name_is_below(b, a);
}

static bool
needs(const struct place *p)
{
	return p->want != NULL && !p->is_given_up && strcmp(p->now, p->want) != 0;
}

/* Whether the mailbox may be renamed; says why not. */
static bool
may_rename(struct build *b, uint32_t box, enum side t)
{
	const struct policy *policy = &b->in->policy;
	const struct plan_box_side *side = &b->in->boxes.at[box].side[t];
	struct arena *a = &b->plan->arena;
	const char *name = build_name(b, box);

	if (policy->read_only[t] || side->is_readonly || !side->is_readable)
		return false;
	if (side->name == NULL)
		return true;
	if (side->refuses != NULL) {
		build_note(b, NOTE_ERROR, box, arena_printf(a, "mailbox %s cannot be renamed to %s on %s: %s", side->name, name,
		    side_name(t), side->refuses));
		return false;
	}
	if (policy->create[t])
		return true;
	if (policy->sync[t] != 0)
		build_note(b, NOTE_ERROR, box, arena_printf(a, "mailbox %s is called %s on %s; \"Create %s\" or \"Create Both\" "
		    "would rename it there", name, side->name, side_name(t), t == FAR ? "Far" : "Near"));
	return false;
}

static void
collect(struct renames *r)
{
	struct build *b = r->b;
	const struct plan_box *box;
	const struct plan_box_side *side;
	enum side other = side_other(r->side);
	struct place p;
	uint32_t i;

	for (i = 0; i < b->in->boxes.n; i++) {
		box = &b->in->boxes.at[i];
		side = &box->side[r->side];
		if (!side->exists)
			continue;
		p = (struct place){ .box = i, .now = side->name != NULL ? side->name : box->name };
		if ((box->side[other].exists || b->boxes[i].create[other] != NONE) && may_rename(b, i, r->side))
			p.want = box->name;
		vec_push(&r->places, p);
	}
}

/* The place that has the name, or NULL. */
static const struct place *
holder(const struct renames *r, const char *name)
{
	size_t i;

	for (i = 0; i < r->places.n; i++)
		if (strcmp(r->places.at[i].now, name) == 0)
			return &r->places.at[i];
	return NULL;
}

static bool
is_at_or_below(const char *name, const char *above)
{
	return name_is_at_or_below(name, above);
}

/* A mailbox that has the new name of p, or that one taken along with p (*met_r) would meet there; else one that is below that name
 * and is to leave. NULL = none. */
static const struct place *
in_the_way(struct renames *r, const struct place *p, struct place **met_r)
{
	const struct place *q, *leaving = NULL;
	const char *met;
	size_t i, k;

	*met_r = NULL;
	for (i = 0; i < r->places.n; i++) {
		q = &r->places.at[i];
		if (is_at_or_below(q->now, p->now) || !is_at_or_below(q->now, p->want))
			continue;
		for (k = 0; k < r->places.n; k++) {
			met = r->places.at[k].now;
			if (!is_at_or_below(met, p->now) || strcmp(met + strlen(p->now), q->now + strlen(p->want)) != 0)
				continue;
			*met_r = &r->places.at[k];
			return q;
		}
		if (needs(q))
			leaving = q;
	}
	return leaving;
}

static void
add_op(struct renames *r, struct place *p, const char *to)
{
	struct build *b = r->b;
	const char *from = p->now;
	size_t i, len = strlen(from);
	uint32_t op = build_op(b, OP_RENAME_BOX, r->side, REASON_RENAMED, p->box, NONE, NONE);

	b->ops.at[op].op.from = from;
	b->ops.at[op].op.to = to;
	b->ops.at[op].op.is_conflict = b->in->boxes.at[p->box].is_contested;
	for (i = 0; i < r->done.n; i++) {
		const struct op *d = &b->ops.at[r->done.at[i]].op;

		if (is_related(d->from, from) || is_related(d->from, to) || is_related(d->to, from) || is_related(d->to, to))
			build_dep(b, op, r->done.at[i]);
	}
	vec_push(&r->done, op);
	for (i = 0; i < r->places.n; i++) {
		r->places.at[i].is_given_up = false;
		if (is_at_or_below(r->places.at[i].now, from))
			r->places.at[i].now = arena_printf(&b->plan->arena, "%s%s", to, r->places.at[i].now + len);
	}
}

/* A name for one that steps aside: above all others, where it is in nobody's way. */
static const char *
aside(const struct renames *r, const struct place *p)
{
	const char *last = strrchr(p->want, '/'),
	    *name = arena_printf(&r->b->plan->arena, "%s~renaming", last != NULL ? last + 1 : p->want);

	while (holder(r, name) != NULL)
		name = arena_printf(&r->b->plan->arena, "%s~", name);
	return name;
}

/* What one is put off for, from the weightiest: others are asked to go first as long as that helps. */
enum patience {
	PATIENCE_CARRIED,		/* one above it is to be renamed, and takes it along */
	PATIENCE_PARENT,		/* one above its new name is not there yet */
	PATIENCE_NONE,
	PATIENCES
};

static bool
is_put_off(const struct renames *r, const struct place *p, enum patience patience)
{
	const struct place *q;
	size_t i;

	for (i = 0; i < r->places.n; i++) {
		q = &r->places.at[i];
		if (needs(q) && ((patience <= PATIENCE_CARRIED && name_is_below(p->now, q->now)) ||
		    (patience <= PATIENCE_PARENT && name_is_below(p->want, q->want))))
			return true;
	}
	return false;
}

/* Renames one that can be; *waiting_r: the first that waits for its name. False: nothing could be done. */
static bool
step_on(struct renames *r, enum patience patience, struct place **waiting_r)
{
	const struct place *other;
	struct place *p, *met;
	size_t i;

	*waiting_r = NULL;
	for (i = 0; i < r->places.n; i++) {
		p = &r->places.at[i];
		if (!needs(p))
			continue;
		other = in_the_way(r, p, &met);
		if (other != NULL && !needs(other)) {
			/* One that would be taken along wrongly, and met by that alone, steps aside first. */
			if (met != NULL && met != p && needs(met) && !met->is_aside) {
				if (*waiting_r == NULL)
					*waiting_r = met;
				continue;
			}
			p->is_given_up = true;
			return true;
		}
		if (other != NULL || name_is_below(p->want, p->now)) {
			if (*waiting_r == NULL && !p->is_aside)
				*waiting_r = p;
		} else if (!is_put_off(r, p, patience)) {
			add_op(r, p, p->want);
			return true;
		}
	}
	return false;
}

static void
rename_all(struct renames *r)
{
	struct place *waiting;
	enum patience patience = PATIENCE_CARRIED;
	size_t most = 4 * r->places.n;	/* names that cannot all be had must not be shuffled for ever */

	while (patience < PATIENCES && r->done.n < most) {
		if (step_on(r, patience, &waiting)) {
			patience = PATIENCE_CARRIED;
		} else if (++patience == PATIENCE_NONE && waiting != NULL) {
			waiting->is_aside = true;
			add_op(r, waiting, aside(r, waiting));
			patience = PATIENCE_CARRIED;
		}
	}
}

/* A name that is another's still is not to be had. */
static void
check_creations(struct renames *r)
{
	const struct place *p;
	uint32_t i;

	for (i = 0; i < r->b->in->boxes.n; i++) {
		p = r->b->boxes[i].create[r->side] != NONE ? holder(r, build_name(r->b, i)) : NULL;
		if (p != NULL && p->box != i)
			build_cannot_create(r->b, i, r->side, p->box);
	}
}

/* What is to be made comes after what has to leave, or to be, where it will be. */
static void
order_creations(struct renames *r)
{
	struct build *b = r->b;
	const struct op *d;
	uint32_t i, create;
	size_t k;

	for (i = 0; i < b->in->boxes.n; i++) {
		create = b->boxes[i].create[r->side];
		for (k = 0; k < r->done.n && create != NONE; k++) {
			d = &b->ops.at[r->done.at[k]].op;
			if (is_related(d->from, build_name(b, i)) || is_related(d->to, build_name(b, i)))
				build_dep(b, create, r->done.at[k]);
		}
	}
}

void
build_renames(struct build *b)
{
	struct renames r = { .b = b };
	uint32_t i;

	for (r.side = FAR; r.side <= NEAR; r.side++) {
		r.places.n = r.done.n = 0;
		collect(&r);
		rename_all(&r);
		check_creations(&r);
		order_creations(&r);
	}
	for (i = 0; i < b->in->boxes.n; i++)
		if (b->in->boxes.at[i].is_contested)
			build_note(b, NOTE_INFO, i, arena_printf(&b->plan->arena, "%s: renamed otherwise on near; the name given on "
			    "far wins", build_name(b, i)));
	vec_release(&r.places);
	vec_release(&r.done);
}
