/* One flight: a few batches that are all there is to do become one job over one connection. APPENDs, changes, what reads the mailboxes
 * written to, and FETCHes of bodies all leave before the first answer is waited for. */
#include "sync/apply/apply_inside.h"

enum { SHARED_TURNS = 6 };		/* rough: when another connection pays */

/* Where a part of the batch leaves in the flight: bodies pushed before anything is read, bodies fetched behind all else. */
static int
place_in_flight(const struct applying *x, const struct batch *b)
{
	if (b->kind != OP_COPY)
		return 1;
	return x->env->set->store[side_other(b->side)]->ops->is_local ? 0 : 2;
}

/* What shares the flight of others, for it is little: all that goes over a network in one way or the other. */
static bool
may_share(const struct applying *x, const struct batch *b)
{
	bool has_talk = false;
	int s;

	for (s = 0; s < SIDES; s++)
		has_talk |= b->needs[s] && !x->env->set->store[s]->ops->is_local;
	return has_talk && (b->kind == OP_FLAGS || b->kind == OP_COPY);
}

/* All that is written on a side leaves in the flight: then what is there afterwards is asked for in it as well. others: those
 * that do not share it. */
static void
close_flight(const struct applying *x, struct batch *first, enum side s, struct batch *const *others, size_t n)
{
	bool *is_written = mem_alloc(x->env->boxes.n + 1), is_all = true;
	const struct batch *b;
	size_t i;

	for (i = 0; i < n; i++)
		is_all &= others[i]->side != s;
	for (b = first; b != NULL; b = b->along) {
		is_all &= b->side != s || place_in_flight(x, b) != 2;
		for (i = 0; i < b->n_parts && b->side == s; i++)
			is_written[b->part[i].box] = true;
	}
	first->closing[s] = is_all ? closing_new(x->env, s, is_written) : NULL;
	free(is_written);
}

/* A few batches that are all there is to do become one job, and so one flight over one connection: APPENDs, changes, what reads the
 * mailboxes written to, and FETCHes of bodies all leave before the first answer is waited for. */
void
flight_share(const struct applying *x, struct batch **b, size_t *n)
{
	struct batch *first = NULL;
	unsigned copying = 0;
	size_t i, k = 0, changes[SIDES] = { 0, 0 };
	int place, s;

	for (i = 0; i < *n; i++) {
		if (b[i]->kind == OP_COPY)
			copying += b[i]->job.turns;
		else if (may_share(x, b[i]))
			changes[b[i]->side]++;
	}
	if (copying >= SHARED_TURNS || changes[FAR] > 1 || changes[NEAR] > 1)
		return;
	for (place = 0; place <= 2; place++) {
		for (i = 0; i < *n; i++) {
			if (b[i] == NULL || !may_share(x, b[i]) || place_in_flight(x, b[i]) != place)
				continue;
			if (first == NULL)
				first = b[i];
			else
				batch_join(first, b[i]);
			b[i] = NULL;
		}
	}
	if (first == NULL)
		return;
	for (i = 0; i < *n; i++)
		if (b[i] != NULL)
			b[k++] = b[i];
	for (s = 0; s < SIDES; s++)
		close_flight(x, first, (enum side)s, b, k);
	b[k++] = first;
	*n = k;
}
