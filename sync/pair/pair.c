/* In five steps: fixed_find() finds what goes together under two names; select() takes what the patterns mean of the
 * rest from each list; join() makes pairs of equal names, of names below fixed pairs, then of spellings that a folding side
 * cannot tell apart; respell() gives mailboxes to be created below a twin with two spellings the one of their side;
 * pairing_refuse() finds what must not be touched.
 */
#include "sync/pair/pairing.h"

#include <stdlib.h>
#include <string.h>

#include "state/model/name.h"
#include "sync/pair/patterns.h"

static int
compare_names(const void *a, const void *b)
{
	const struct pair *x = a, *y = b;

	return names_compare(x->name, y->name);
}

static int
compare_longs(long a, long b)
{
	return (a > b) - (a < b);
}

/* As compare_names(), and where a name is there more than once, in the order of the listings. */
static int
compare_pairs(const void *a, const void *b)
{
	const struct pair *x = a, *y = b;
	int order = compare_names(x, y);

	if (order == 0)
		order = compare_longs(x->listed[FAR], y->listed[FAR]);
	return order != 0 ? order : compare_longs(x->listed[NEAR], y->listed[NEAR]);
}

static void
take_ties(struct pairing *p)
{
	const struct fixed_pair *fixed;
	enum side side;
	size_t i;

	fixed_find(p->rules, p->arena, &p->fixed);
	for (side = FAR; side <= NEAR; side++) {
		p->is_taken[side] = arena_alloc(p->arena, p->rules->side[side].n + 1);
		for (i = 0; i < p->fixed.pairs.n; i++) {
			fixed = &p->fixed.pairs.at[i];
			if (fixed->listed[side] != PAIR_NOT_LISTED)
				p->is_taken[side][fixed->listed[side]] = true;
		}
	}
}

static void
add_ties(struct pairing *p)
{
	const struct fixed_pair *fixed;
	struct pair *pair;
	enum side side;
	size_t i;

	for (i = 0; i < p->fixed.pairs.n; i++) {
		fixed = &p->fixed.pairs.at[i];
		if (!fixed->is_selected)
			continue;
		pair = vec_add(&p->pairs);
		*pair = (struct pair){ .name = arena_strdup(p->arena, fixed->on[FAR]), .known = fixed->known, .roles = fixed->roles,
			.is_tied = true };
		for (side = FAR; side <= NEAR; side++) {
			pair->listed[side] = fixed->listed[side];
			pair->is_on[side] = fixed->listed[side] != PAIR_NOT_LISTED;
			pair->full[side] = arena_strdup(p->arena, fixed->on[side]);	/* see spell() */
		}
	}
	if (p->pairs.n > 1)
		qsort(p->pairs.at, p->pairs.n, sizeof p->pairs.at[0], compare_pairs);
}

/* Adds what the patterns select from one side, as pairs that are on that side only. */
static void
select_side(struct pairing *p, enum side side)
{
	const struct pair_rules *rules = p->rules;
	const struct pair_side *from = &rules->side[side];
	const char *rest;
	struct pair *pair;
	size_t i;

	for (i = 0; i < from->n; i++) {
		if (p->is_taken[side][i])
			continue;
		rest = patterns_select(rules->patterns, rules->n, from->prefix, from->is_inbox_listed,
		    from->boxes[i].name);
		if (rest == NULL)
			continue;
		pair = vec_add(&p->pairs);
		pair->name = arena_strdup(p->arena, rest);
		pair->is_on[side] = true;
		pair->listed[side] = (long)i;
		pair->listed[side_other(side)] = PAIR_NOT_LISTED;
		pair->known = PAIR_NOT_KNOWN;
	}
}

/* A mailbox that the patterns did not select on one side may be listed there all the same: an INBOX
 * that only the other side counts among the rest. It is the same mailbox, so it is on both sides. */
static void
look_up_unselected(struct pairing *p, enum side side)
{
	const struct pair_side *from = &p->rules->side[side];
	struct pair key, *pair;
	size_t i, len = strlen(from->prefix);

	if (from->is_inbox_listed || p->pairs.n == 0)
		return;
	for (i = 0; i < from->n; i++) {
		if (!names_is_inbox_or_below(from->boxes[i].name) ||
		    strncmp(from->boxes[i].name, from->prefix, len) != 0)
			continue;
		key.name = from->boxes[i].name + len;
		pair = bsearch(&key, p->pairs.at, p->pairs.n, sizeof *pair, compare_names);
		if (pair == NULL || pair->is_on[side])
			continue;
		pair->is_on[side] = true;
		pair->listed[side] = (long)i;
	}
}

/* Makes *b part of *a. */
static void
merge(struct pair *a, const struct pair *b)
{
	enum side side;

	for (side = FAR; side <= NEAR; side++) {
		if (a->listed[side] == PAIR_NOT_LISTED)
			a->listed[side] = b->listed[side];
		a->is_on[side] |= b->is_on[side];
	}
}

/* Sorts the pairs and makes one of those with one name. */
static void
join_equal(struct pairing *p)
{
	struct pair *at = p->pairs.at;
	size_t i, n = 0;

	if (p->pairs.n > 1)
		qsort(at, p->pairs.n, sizeof *at, compare_pairs);
	for (i = 0; i < p->pairs.n; i++) {
		if (n > 0 && strcmp(at[n - 1].name, at[i].name) == 0)
			merge(&at[n - 1], &at[i]);
		else
			at[n++] = at[i];
	}
	p->pairs.n = n;
}

/* Joins what is named alike below the two names of a fixed pair. Both are in the order of compare_names(). */
static void
join_below(struct pairing *p, const struct fixed_pair *fixed)
{
	struct pair *at = p->pairs.at, key, *far, *near;
	size_t i, n = 0;

	for (i = 0; i < p->pairs.n; i++) {
		far = &at[i];
		if (!far->is_on[FAR] || far->is_on[NEAR] || !name_is_below(far->name, fixed->on[FAR]))
			continue;
		key.name = arena_printf(p->arena, "%s%s", fixed->on[NEAR], far->name + strlen(fixed->on[FAR]));
		near = bsearch(&key, at, p->pairs.n, sizeof *at, compare_names);
		if (near == NULL || near->is_on[FAR] || !near->is_on[NEAR] ||
		    (fixed_holder(p->rules, FAR, far->name) != PAIR_NOT_KNOWN &&
		    fixed_holder(p->rules, NEAR, near->name) != PAIR_NOT_KNOWN))
			continue;
		merge(far, near);
		far->full[NEAR] = near->name;	/* see spell() */
		far->is_tied = true;
		near->is_on[NEAR] = false;
	}
	for (i = 0; i < p->pairs.n; i++)
		if (at[i].is_on[FAR] || at[i].is_on[NEAR])
			at[n++] = at[i];
	p->pairs.n = n;
}

static void
join_below_ties(struct pairing *p)
{
	const struct fixed_pair *fixed;
	size_t i;

	for (i = 0; i < p->fixed.pairs.n; i++) {
		fixed = &p->fixed.pairs.at[i];
		if (fixed->is_selected && strcmp(fixed->on[FAR], fixed->on[NEAR]) != 0)
			join_below(p, fixed);
	}
}

/* Pairs two spellings of one name where a side cannot tell them apart and there are no others. */
static void
join_folded(struct pairing *p)
{
	struct pair *at = p->pairs.at, *a, *b, swap;
	size_t i, end, n = 0;

	for (i = 0; i < p->pairs.n; i++)
		pairing_claim(p, pairing_key(p, at[i].name, strlen(at[i].name)), at[i].name, i);
	pairing_sort_claims(p);
	for (i = 0; i < p->claims.n; i = end) {
		end = pairing_run_end(p, i);
		if (end - i != 2)
			continue;
		a = &at[p->claims.at[i].pair];
		b = &at[p->claims.at[i + 1].pair];
		if ((a->is_on[FAR] && b->is_on[FAR]) || (a->is_on[NEAR] && b->is_on[NEAR]))
			continue;
		if (!a->is_on[FAR]) {
			swap = *a;
			*a = *b;
			*b = swap;
		}
		merge(a, b);
		a->full[NEAR] = b->name;	/* without its prefix yet: see spell() */
		b->name = NULL;
	}
	for (i = 0; i < p->pairs.n; i++) {
		if (at[i].name != NULL)
			at[n++] = at[i];
	}
	p->pairs.n = n;
	p->claims.n = 0;
	if (n > 1)
		qsort(at, n, sizeof *at, compare_pairs);
}

/* Fills in the full names. */
static void
spell(struct pairing *p)
{
	struct pair *pair;
	const char *name;
	enum side side;
	size_t i;

	for (i = 0; i < p->pairs.n; i++) {
		pair = &p->pairs.at[i];
		for (side = FAR; side <= NEAR; side++) {
			name = pair->full[side] != NULL ? pair->full[side] : pair->name;
			pair->full[side] = arena_printf(p->arena, "%s%s", p->rules->side[side].prefix, name);
			/* Every store has an INBOX, whether it lists one or not. */
			if (names_is_inbox(pair->full[side]) && names_is_inbox(pair->name))
				pair->is_on[side] = true;
		}
	}
}

/* The deepest of the twins above a mailbox, NULL = none. */
static const struct pair *
twin_above(const struct pairing *p, const size_t *twins, size_t n, const char *full, enum side side)
{
	const struct pair *best = NULL, *twin;
	size_t i;

	for (i = 0; i < n; i++) {
		twin = &p->pairs.at[twins[i]];
		if (name_is_below(full, twin->full[side]) &&
		    (best == NULL || strlen(twin->full[side]) > strlen(best->full[side])))
			best = twin;
	}
	return best;
}

/* A mailbox on one side only, below a twin with two spellings, is created below the other's. Below a fixed pair it is one, and
 * named as it will be on far. */
static void
respell(struct pairing *p)
{
	size_t i, far = strlen(p->rules->side[FAR].prefix), near = strlen(p->rules->side[NEAR].prefix);
	VEC(size_t) twins = {0};
	const struct pair *twin;
	struct pair *pair;
	enum side from, to;

	for (i = 0; i < p->pairs.n; i++) {
		pair = &p->pairs.at[i];
		if (strcmp(pair->full[FAR] + far, pair->full[NEAR] + near) != 0)
			vec_push(&twins, i);
	}
	for (i = 0; twins.n != 0 && i < p->pairs.n; i++) {
		pair = &p->pairs.at[i];
		if (pair->is_on[FAR] && pair->is_on[NEAR])
			continue;
		from = pair->is_on[FAR] ? FAR : NEAR;
		to = side_other(from);
		twin = twin_above(p, twins.at, twins.n, pair->full[from], from);
		if (twin == NULL || (twin->is_tied && fixed_holder(p->rules, from, pair->name) != PAIR_NOT_KNOWN))
			continue;
		pair->full[to] = arena_printf(p->arena, "%s%s", twin->full[to],
		    pair->full[from] + strlen(twin->full[from]));
		if (twin->is_tied) {
			pair->is_tied = true;
			pair->name = pair->full[FAR] + far;
		}
	}
	vec_release(&twins);
	if (p->pairs.n > 1)
		qsort(p->pairs.at, p->pairs.n, sizeof p->pairs.at[0], compare_pairs);
}

static int
compare_known(const void *a, const void *b)
{
	const struct pair_known *const *x = a, *const *y = b;

	return strcmp((*x)->name, (*y)->name);
}

/* Which pair of earlier runs each is. */
static void
recall(struct pairing *p)
{
	const struct pair_rules *rules = p->rules;
	const struct pair_known **sorted = mem_alloc((rules->n_known + 1) * sizeof *sorted), **hit, *want;
	struct pair_known key;
	bool *is_used = mem_alloc(rules->n_known + 1);
	struct pair *pair;
	size_t i;

	for (i = 0; i < rules->n_known; i++)
		sorted[i] = &rules->known[i];
	if (rules->n_known > 1)
		qsort(sorted, rules->n_known, sizeof *sorted, compare_known);
	for (i = 0; i < p->pairs.n; i++)
		if (p->pairs.at[i].known != PAIR_NOT_KNOWN)
			is_used[p->pairs.at[i].known] = true;
	for (i = 0; i < p->pairs.n && rules->n_known > 0; i++) {
		pair = &p->pairs.at[i];
		key.name = pair->name;
		want = &key;
		if (pair->known != PAIR_NOT_KNOWN ||
		    (hit = bsearch(&want, sorted, rules->n_known, sizeof *sorted, compare_known)) == NULL)
			continue;
		if (!is_used[*hit - rules->known])
			pair->known = *hit - rules->known;
	}
	free(sorted);
	free(is_used);
}

void
pair_boxes(const struct pair_rules *rules, struct arena *arena, struct pair_list *out)
{
	bool is_any_folding = rules->side[FAR].is_folding || rules->side[NEAR].is_folding;
	struct pairing p = {.rules = rules, .arena = arena};

	take_ties(&p);
	select_side(&p, FAR);
	select_side(&p, NEAR);
	join_equal(&p);
	look_up_unselected(&p, FAR);
	look_up_unselected(&p, NEAR);
	join_below_ties(&p);
	if (is_any_folding)
		join_folded(&p);
	add_ties(&p);
	spell(&p);
	respell(&p);
	recall(&p);
	pairing_refuse(&p);
	out->n = p.pairs.n;
	out->at = arena_alloc(arena, (p.pairs.n + 1) * sizeof *out->at);
	if (p.pairs.n > 0)
		memcpy(out->at, p.pairs.at, p.pairs.n * sizeof *out->at);
	out->n_notes = p.fixed.notes.n;
	out->notes = arena_alloc(arena, (out->n_notes + 1) * sizeof *out->notes);
	if (out->n_notes > 0)
		memcpy(out->notes, p.fixed.notes.at, out->n_notes * sizeof *out->notes);
	vec_release(&p.fixed.pairs);
	vec_release(&p.fixed.notes);
	vec_release(&p.pairs);
	vec_release(&p.claims);
}
