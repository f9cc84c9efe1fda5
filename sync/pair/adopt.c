#include "sync/pair/adopt.h"

#include <stdlib.h>
#include <string.h>

static int
cmp_header(const void *x, const void *y)
{
	const struct adopt_item *a = x, *b = y;
	unsigned ha = a->ident.has & IDENT_HEADER, hb = b->ident.has & IDENT_HEADER;

	if (ha != hb)
		return ha ? -1 : 1;
	return ha ? memcmp(a->ident.header, b->ident.header, sizeof a->ident.header) : 0;
}

/* Far before near, then as the header says, oldest first. */
static int
cmp_order(const void *x, const void *y)
{
	const struct adopt_item *a = x, *b = y;

	if (a->side != b->side)
		return a->side < b->side ? -1 : 1;
	if (a->is_awaited != b->is_awaited)
		return a->is_awaited ? -1 : 1;
	if (a->is_deleted != b->is_deleted)
		return a->is_deleted ? 1 : -1;
	if (a->date != b->date)
		return a->date < b->date ? -1 : 1;
	return key_cmp(a->key, b->key);
}

/* Within one header: by whole digest, then in that order. */
static int
cmp_full(const void *x, const void *y)
{
	const struct adopt_item *a = x, *b = y;
	unsigned fa = a->ident.has & IDENT_FULL, fb = b->ident.has & IDENT_FULL;
	int c;

	if (fa != fb)
		return fa ? -1 : 1;
	c = fa ? memcmp(a->ident.full, b->ident.full, sizeof a->ident.full) : 0;
	return c != 0 ? c : cmp_order(x, y);
}

static size_t
count_side(const struct adopt_item *g, size_t n, enum side s)
{
	size_t i, k = 0;

	for (i = 0; i < n; i++)
		k += g[i].side == s;
	return k;
}

enum adopt_mode { TWINS, MOVED, REKEYED };

/* Header and size alone decide: of one far and one near, or as many as those on the other side, which are all the same;
 * or of what one store shows as equal. */
static bool
is_plain(const struct adopt_item *g, size_t n, enum adopt_mode mode)
{
	const struct adopt_item *known = NULL;
	size_t i, unknown[SIDES] = { 0, 0 };

	if (mode == REKEYED)
		return false;
	if (mode == TWINS && n == 2)
		return g[0].side != g[1].side && ident_compare(&g[0].ident, &g[1].ident) == IDENT_SAME;
	for (i = 0; i < n; i++)
		unknown[g[i].side] += !(g[i].ident.has & IDENT_FULL);
	if (mode == TWINS && (2 * count_side(g, n, FAR) != n || (unknown[FAR] > 0 && unknown[NEAR] > 0)))
		return false;
	for (i = 0; i < n; i++) {
		if (i > 0 && (!(g[i].ident.has & IDENT_SIZE) || !(g[0].ident.has & IDENT_SIZE) ||
		    g[i].ident.size != g[0].ident.size))
			return false;
		if (!(g[i].ident.has & IDENT_FULL))
			continue;
		if (known != NULL && ident_compare(&known->ident, &g[i].ident) != IDENT_SAME)
			return false;
		known = &g[i];
	}
	return true;
}

/* Of twins with the loose one: they need not be fetched again for it. */
static bool
want_full(struct adopt_item *g, size_t n, enum adopt_mode mode)
{
	bool wants = false;
	size_t i;

	for (i = 0; i < n; i++)
		if (!(g[i].ident.has & IDENT_FULL) && !g[i].is_unreadable) {
			g[i].want = mode == TWINS ? IDENT_FULL | IDENT_LOOSE : IDENT_FULL;
			wants = true;
		}
	return wants;
}

static int
cmp_size(const void *x, const void *y)
{
	const struct adopt_item *a = x, *b = y;

	return (a->store_size > b->store_size) - (a->store_size < b->store_size);
}

/* As above, of those only that have the size of one on the other side. */
static bool
want_full_by_size(struct adopt_item *g, size_t n)
{
	bool wants = false;
	size_t i, k;

	qsort(g, n, sizeof *g, cmp_size);
	if (g[0].store_size == 0)
		return want_full(g, n, REKEYED);
	for (i = 0; i < n; i = k) {
		for (k = i + 1; k < n && g[k].store_size == g[i].store_size; k++)
			;
		if (count_side(g + i, k - i, FAR) > 0 && count_side(g + i, k - i, NEAR) > 0)
			wants |= want_full(g + i, k - i, REKEYED);
	}
	return wants;
}

/* Pairs a run of equal messages, far ones first. */
static void
pair_run(struct adopt_item *g, size_t n, enum adopt_mode mode, struct adopt_pairs *pairs)
{
	size_t far = count_side(g, n, FAR), i, k, first = far;
	bool *is_taken = mode == MOVED ? mem_alloc(n) : NULL;

	for (i = 0; i < far; i++) {
		if (mode != MOVED) {
			if (far + i < n)
				vec_push(&pairs->v, (struct adopt_pair){ g[i].id, g[far + i].id });
			continue;
		}
		while (first < n && is_taken[first])
			first++;
		for (k = first; k < n && (is_taken[k] || g[k].place == g[i].place); k++)
			;
		if (k == n)
			continue;
		is_taken[k] = true;
		vec_push(&pairs->v, (struct adopt_pair){ g[i].id, g[k].id });
	}
	free(is_taken);
}

/* Where the run of equal whole digests ends that begins at i of a sorted group; those without one are runs of their own. */
static size_t
run_end(const struct adopt_item *g, size_t n, size_t i)
{
	size_t k;

	for (k = i + 1; k < n && (g[k].ident.has & IDENT_FULL) && (g[i].ident.has & IDENT_FULL) &&
	    memcmp(g[i].ident.full, g[k].ident.full, sizeof g[i].ident.full) == 0; k++)
		;
	return k;
}

static void
pair_group(struct adopt_item *g, size_t n, enum adopt_mode mode, struct adopt_pairs *pairs)
{
	size_t i, k;

	for (i = 0; i < n; i = k) {
		k = run_end(g, n, i);
		pair_run(g + i, k - i, mode, pairs);
	}
}

/* ---- twins in all but line ends ---- */

/* Puts those that have a whole digest and no twin by it to the front of a sorted group. Returns how many they are, or 0 if none is
 * there on one of the sides. */
static size_t
left_over(struct adopt_item *g, size_t n)
{
	struct adopt_item keep;
	size_t i, k, at, far, near, left = 0;

	for (i = 0; i < n; i = k) {
		k = run_end(g, n, i);
		far = count_side(g + i, k - i, FAR);
		near = k - i - far;
		for (at = i; at < k && (g[i].ident.has & IDENT_FULL); at++) {
			/* pair_run() takes the first of either side. */
			if (at - i < far ? at - i < near : at - i - far < far)
				continue;
			keep = g[left];
			g[left++] = g[at];
			g[at] = keep;
		}
	}
	far = count_side(g, left, FAR);
	return far > 0 && far < left ? left : 0;
}

static bool
want_loose(struct adopt_item *g, size_t n)
{
	bool wants = false;
	size_t i, left;

	qsort(g, n, sizeof *g, cmp_full);
	left = left_over(g, n);
	for (i = 0; i < left; i++)
		if (!g[i].has_loose && !g[i].is_unreadable) {
			g[i].want = IDENT_LOOSE;
			wants = true;
		}
	return wants;
}

static int
cmp_loose(const void *x, const void *y)
{
	const struct adopt_item *a = x, *b = y;
	int c = memcmp(a->loose, b->loose, sizeof a->loose);

	if (a->has_loose != b->has_loose)
		return a->has_loose ? -1 : 1;
	return a->has_loose && c != 0 ? c : cmp_order(x, y);
}

static void
pair_loosely(struct adopt_item *g, size_t n, struct adopt_pairs *pairs)
{
	size_t i, k, left = left_over(g, n);

	if (left > 1)
		qsort(g, left, sizeof *g, cmp_loose);
	for (i = 0; i < left && g[i].has_loose; i = k) {
		for (k = i + 1; k < left && g[k].has_loose && memcmp(g[i].loose, g[k].loose, sizeof g[i].loose) == 0; k++)
			;
		pair_run(g + i, k - i, TWINS, pairs);
	}
}

/* One header: what it wants (pass 0), or its pairs. */
static bool
look_at_group(struct adopt_item *g, size_t n, enum adopt_mode mode, int pass, struct adopt_pairs *pairs)
{
	bool plain = is_plain(g, n, mode);

	if (count_side(g, n, FAR) == 0 || count_side(g, n, NEAR) == 0)
		return false;
	if (pass == 0)
		return !plain && (mode == REKEYED ? want_full_by_size(g, n) :
		    want_full(g, n, mode) || (mode == TWINS && want_loose(g, n)));
	qsort(g, n, sizeof *g, plain ? cmp_order : cmp_full);
	if (plain) {
		pair_run(g, n, mode, pairs);
	} else {
		pair_group(g, n, mode, pairs);
		if (mode == TWINS)
			pair_loosely(g, n, pairs);
	}
	return false;
}

static bool
adopt(struct adopt_item *items, size_t n, enum adopt_mode mode, struct adopt_pairs *pairs)
{
	bool wants = false;
	size_t i, k;
	int pass;

	pairs->v.n = 0;
	for (i = 0; i < n; i++)
		items[i].want = 0;
	if (n > 1)
		qsort(items, n, sizeof *items, cmp_header);
	/* First what is missing anywhere, then the pairing. */
	for (pass = 0; pass < 2 && !wants; pass++) {
		for (i = 0; i < n && (items[i].ident.has & IDENT_HEADER); i = k) {
			for (k = i + 1; k < n && cmp_header(&items[i], &items[k]) == 0; k++)
				;
			wants |= look_at_group(items + i, k - i, mode, pass, pairs);
		}
	}
	return wants;
}

bool
adopt_twins(struct adopt_item *items, size_t n, struct adopt_pairs *pairs)
{
	return adopt(items, n, TWINS, pairs);
}

bool
adopt_moved(struct adopt_item *items, size_t n, struct adopt_pairs *pairs)
{
	return adopt(items, n, MOVED, pairs);
}

bool
adopt_rekeyed(struct adopt_item *items, size_t n, struct adopt_pairs *pairs)
{
	return adopt(items, n, REKEYED, pairs);
}
