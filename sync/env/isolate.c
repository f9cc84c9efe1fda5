#include "sync/env/isolate.h"

#include <errno.h>
#include <stdlib.h>

#include "state/base/mem.h"

enum {
	LOSSES_IDLE = 10,
	LOSSES_MOST = 60,
	LOSSES_OPENING = 3,
	ENOUGH = 4,			/* losses that make a culprit */
	RANDOM_MOST = 3,		/* and so many more, where the network loses sessions of innocents */
	PARTS = 8,			/* a group is split into */
	PAUSE_MS = 250,
};

void
isolate_release(struct isolate *x)
{
	vec_release(&x->suspects);
	vec_release(&x->groups);
	free(x->table);
	x->table = NULL;
	x->room = 0;
}

static bool
is_same(struct isolate_item a, struct isolate_item b)
{
	return a.work == b.work && a.side == b.side && a.id == b.id;
}

/* Where it stands in the table, or would. */
static size_t
slot_of(const struct isolate *x, struct isolate_item item)
{
	uint64_t hash = (item.id * SIDES + item.side) * 8 + item.work;
	size_t at = (size_t)((hash * 0x9E3779B97F4A7C15u) >> 32) & (x->room - 1);

	while (x->table[at] != 0 && !is_same(x->suspects.at[x->table[at] - 1].item, item))
		at = (at + 1) & (x->room - 1);
	return at;
}

static struct suspect *
find(const struct isolate *x, struct isolate_item item)
{
	uint32_t i = x->room == 0 ? 0 : x->table[slot_of(x, item)];

	return i == 0 ? NULL : &x->suspects.at[i - 1];
}

static struct suspect *
add(struct isolate *x, struct isolate_item item)
{
	struct suspect *s = find(x, item);
	size_t i;

	if (s != NULL)
		return s;
	vec_push(&x->suspects, (struct suspect){ .item = item, .group = UINT32_MAX });
	if (2 * x->suspects.n > x->room) {
		free(x->table);
		x->room = x->room == 0 ? 64 : 2 * x->room;
		x->table = mem_alloc(x->room * sizeof *x->table);
		for (i = 0; i < x->suspects.n; i++)
			x->table[slot_of(x, x->suspects.at[i].item)] = (uint32_t)i + 1;
	} else {
		x->table[slot_of(x, item)] = (uint32_t)x->suspects.n;
	}
	return &x->suspects.at[x->suspects.n - 1];
}

void
isolate_recall(struct isolate *x, struct isolate_item item)
{
	struct suspect *s = find(x, item);

	if (s != NULL)
		return;
	s = add(x, item);
	s->is_recalled = true;
	s->most = 1;
}

size_t
isolate_most(const struct isolate *x, struct isolate_item item, uint32_t *group_r)
{
	const struct suspect *s = find(x, item);

	*group_r = UINT32_MAX;
	if (s == NULL || s->suspicion == INNOCENT)
		return 0;
	*group_r = s->group;
	return s->most;
}

bool
isolate_is_culprit(const struct isolate *x, struct isolate_item item)
{
	const struct suspect *s = find(x, item);

	return s != NULL && s->suspicion == CULPRIT;
}

static bool
has_enough(const struct isolate *x, enum side lost, const struct suspect *s)
{
	unsigned random = x->side[lost].random;

	return s->losses >= (s->is_recalled ? 1u : ENOUGH) + (random < RANDOM_MOST ? random : RANDOM_MOST);
}

static void
leave_group(struct isolate *x, struct suspect *s, bool is_followed)
{
	if (s->group == UINT32_MAX)
		return;
	x->groups.at[s->group].left--;
	x->groups.at[s->group].is_followed |= is_followed;
	s->group = UINT32_MAX;
}

static void
suspect_all(struct isolate *x, enum side lost, const struct isolate_item *items, size_t n)
{
	struct suspect *s;
	size_t i;

	vec_push(&x->groups, (struct lost_group){ .lost = lost, .left = n });
	for (i = 0; i < n; i++) {
		s = add(x, items[i]);
		leave_group(x, s, true);
		s->group = (uint32_t)(x->groups.n - 1);
		s->suspicion = SUSPECTED;
		s->losses++;
		if (n == 1 && has_enough(x, lost, s))
			s->suspicion = CULPRIT;
		if (s->is_recalled || s->losses > 1)
			s->most = s->is_recalled || n <= PARTS ? 1 : (n + PARTS - 1) / PARTS;
	}
}

/* A server that talks on and on was given ten times the Timeout already (net/conn.c): it gets that three times, where others that
 * fall silent or hang up get ten tries. */
static unsigned
weight_of(const struct err *why)
{
	enum { TALKS_ON = 4 };

	return why->sys == ETIMEDOUT && why->retry == ERR_LATER ? TALKS_ON : 1;
}

bool
isolate_lost(struct isolate *x, enum side lost, const struct isolate_item *items, size_t n, const struct err *why)
{
	x->side[lost].all++;
	if (n == 0) {
		x->side[lost].is_given_up |= ++x->side[lost].opening > LOSSES_OPENING;
	} else {
		x->side[lost].opening = 0;
		x->side[lost].idle += weight_of(why);
		suspect_all(x, lost, items, n);
	}
	x->side[lost].is_given_up |= x->side[lost].idle >= LOSSES_IDLE || x->side[lost].all >= LOSSES_MOST;
	return !x->side[lost].is_given_up;
}

void
isolate_give_up(struct isolate *x, enum side lost)
{
	x->side[lost].is_given_up = true;
}

bool
isolate_is_given_up(const struct isolate *x, enum side s)
{
	return x->side[s].is_given_up;
}

unsigned
isolate_pause(const struct isolate *x, enum side lost)
{
	unsigned opening = x->side[lost].opening, idle = x->side[lost].idle;

	/* Who can be reached again at once is not asked to rest, unless it goes on so. */
	if (opening > 0)
		return (unsigned)PAUSE_MS << (opening - 1);
	return idle > 2 ? PAUSE_MS : 0;
}

bool
isolate_done(struct isolate *x, struct isolate_item item)
{
	struct suspect *s = find(x, item);
	const struct lost_group *g;
	int side;

	for (side = 0; side < SIDES; side++)
		x->side[side].idle = x->side[side].opening = 0;
	if (s == NULL || s->suspicion == INNOCENT)
		return false;
	g = s->group != UINT32_MAX ? &x->groups.at[s->group] : NULL;
	leave_group(x, s, false);
	s->suspicion = INNOCENT;
	s->most = 0;
	s->is_recalled = false;
	/* None of those that were lost together ends sessions: what ended theirs does so at random. */
	if (g != NULL && g->left == 0 && !g->is_followed)
		x->side[g->lost].random++;
	return true;
}
