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

/* Within one header: by whole digest, then far before near, then as the header says, oldest first. */
static int
cmp_full(const void *x, const void *y)
{
	const struct adopt_item *a = x, *b = y;
	unsigned fa = a->ident.has & IDENT_FULL, fb = b->ident.has & IDENT_FULL;
	int c;

	if (fa != fb)
		return fa ? -1 : 1;
	c = fa ? memcmp(a->ident.full, b->ident.full, sizeof a->ident.full) : 0;
	if (c != 0)
		return c;
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

static size_t
count_side(const struct adopt_item *g, size_t n, enum side s)
{
	size_t i, k = 0;

	for (i = 0; i < n; i++)
		k += g[i].side == s;
	return k;
}

/* One far and one near whose header and size alone decide. */
static bool
is_plain(const struct adopt_item *g, size_t n)
{
	return n == 2 && g[0].side != g[1].side && ident_compare(&g[0].ident, &g[1].ident) == IDENT_SAME;
}

static bool
want_full(struct adopt_item *g, size_t n)
{
	bool wants = false;
	size_t i;

	for (i = 0; i < n; i++)
		if (!(g[i].ident.has & IDENT_FULL) && !g[i].is_unreadable) {
			g[i].want = IDENT_FULL;
			wants = true;
		}
	return wants;
}

/* Pairs a run of equal messages, far ones first. */
static void
pair_run(const struct adopt_item *g, size_t n, struct adopt_pairs *pairs)
{
	size_t far = count_side(g, n, FAR), near = n - far, i;

	for (i = 0; i < far && i < near; i++)
		vec_push(&pairs->v, (struct adopt_pair){ g[i].id, g[far + i].id });
}

static void
pair_group(struct adopt_item *g, size_t n, struct adopt_pairs *pairs)
{
	size_t i, k;

	qsort(g, n, sizeof *g, cmp_full);
	for (i = 0; i < n; i = k) {
		for (k = i + 1; k < n && (g[k].ident.has & IDENT_FULL) && (g[i].ident.has & IDENT_FULL) &&
		    memcmp(g[i].ident.full, g[k].ident.full, sizeof g[i].ident.full) == 0; k++)
			;
		pair_run(g + i, k - i, pairs);
	}
}

bool
adopt_twins(struct adopt_item *items, size_t n, struct adopt_pairs *pairs)
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
			if (count_side(items + i, k - i, FAR) == 0 || count_side(items + i, k - i, NEAR) == 0)
				continue;
			if (is_plain(items + i, k - i)) {
				if (pass == 1)
					vec_push(&pairs->v, items[i].side == FAR ?
					    (struct adopt_pair){ items[i].id, items[i + 1].id } :
					    (struct adopt_pair){ items[i + 1].id, items[i].id });
			} else if (pass == 0) {
				wants |= want_full(items + i, k - i);
			} else {
				pair_group(items + i, k - i, pairs);
			}
		}
	}
	return wants;
}
