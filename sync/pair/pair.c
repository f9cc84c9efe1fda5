/* In four steps: select() takes what the patterns mean from each list; join() makes pairs of equal
 * names, then of spellings that a folding side cannot tell apart; respell() gives mailboxes to be
 * created below a twin with two spellings the one of their side; refuse_*() finds what must not be
 * touched.
 */
#include "sync/pair/pair.h"

#include <stdlib.h>
#include <string.h>

#include "state/base/vec.h"
#include "sync/pair/patterns.h"

/* What is known of a name, or a part of one, at one place of one side. */
struct claim {
	const char *key;		/* equal keys = one place */
	const char *spelling;		/* several spellings of one place clash */
	size_t pair;			/* index of who claims it */
};

struct pairing {
	const struct pair_rules *rules;
	struct arena *arena;
	VEC(struct pair) pairs;
	VEC(struct claim) claims;	/* of the side and kind looked at */
};

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

static int
compare_claims(const void *a, const void *b)
{
	const struct claim *x = a, *y = b;
	int order = strcmp(x->key, y->key);

	return order != 0 ? order : (x->pair > y->pair) - (x->pair < y->pair);
}

/* The place that name[0..len) stands for where case and composition do not count. INBOX is a place of
 * its own everywhere; no folded key holds its capitals. */
static const char *
key_of(struct pairing *p, const char *name, size_t len)
{
	size_t inbox = strlen("INBOX"), skip = 0;
	struct buf key = {0};
	const char *kept;

	if (len >= inbox && memcmp(name, "INBOX", inbox) == 0 && (len == inbox || name[inbox] == '/'))
		skip = inbox;
	buf_add(&key, name, skip);
	names_key(name + skip, len - skip, &key);
	kept = arena_strndup(p->arena, buf_str(&key), key.len);
	buf_release(&key);
	return kept;
}

static const char *
shown(struct pairing *p, const char *name)
{
	struct buf b = {0};
	const char *kept;

	names_show(&b, name, strlen(name));
	kept = arena_strdup(p->arena, buf_str(&b));
	buf_release(&b);
	return kept;
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
		rest = patterns_select(rules->patterns, rules->n, from->prefix, from->is_inbox_listed,
		    from->boxes[i].name);
		if (rest == NULL)
			continue;
		pair = vec_add(&p->pairs);
		pair->name = arena_strdup(p->arena, rest);
		pair->is_on[side] = true;
		pair->listed[side] = (long)i;
		pair->listed[side_other(side)] = PAIR_NOT_LISTED;
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

static void
claim(struct pairing *p, const char *key, const char *spelling, size_t pair)
{
	vec_push(&p->claims, (struct claim){key, spelling, pair});
}

static void
sort_claims(struct pairing *p)
{
	if (p->claims.n > 1)
		qsort(p->claims.at, p->claims.n, sizeof p->claims.at[0], compare_claims);
}

/* The end of the run of equal keys that begins at claim i. */
static size_t
run_end(const struct pairing *p, size_t i)
{
	const char *key = p->claims.at[i].key;

	for (i++; i < p->claims.n && strcmp(p->claims.at[i].key, key) == 0; i++)
		;
	return i;
}

/* Pairs two spellings of one name where a side cannot tell them apart and there are no others. */
static void
join_folded(struct pairing *p)
{
	struct pair *at = p->pairs.at, *a, *b, swap;
	size_t i, end, n = 0;

	for (i = 0; i < p->pairs.n; i++)
		claim(p, key_of(p, at[i].name, strlen(at[i].name)), at[i].name, i);
	sort_claims(p);
	for (i = 0; i < p->claims.n; i = end) {
		end = run_end(p, i);
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

/* True if `name` lies below `above`. */
static bool
is_below(const char *name, const char *above)
{
	size_t len = strlen(above);

	return strncmp(name, above, len) == 0 && name[len] == '/';
}

/* The deepest of the twins above a mailbox, NULL = none. */
static const struct pair *
twin_above(const struct pairing *p, const size_t *twins, size_t n, const char *full, enum side side)
{
	const struct pair *best = NULL, *twin;
	size_t i;

	for (i = 0; i < n; i++) {
		twin = &p->pairs.at[twins[i]];
		if (is_below(full, twin->full[side]) &&
		    (best == NULL || strlen(twin->full[side]) > strlen(best->full[side])))
			best = twin;
	}
	return best;
}

/* A mailbox on one side only, below a twin with two spellings, is created below the other's. */
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
		if (twin != NULL)
			pair->full[to] = arena_printf(p->arena, "%s%s", twin->full[to],
			    pair->full[from] + strlen(twin->full[from]));
	}
	vec_release(&twins);
}

static const char *
pair_fault(struct pairing *p, const struct pair *pair, enum side side)
{
	const struct pair_side *on = &p->rules->side[side];
	const char *full = pair->full[side], *name = full + strlen(on->prefix), *fault;

	fault = names_fault(full, strlen(full));
	if (fault == NULL)
		fault = names_layout_fault(full, on->layout);
	if (fault != NULL)
		return arena_printf(p->arena, "mailbox \"%s\" is left out: on the %s side its name %s",
		    shown(p, full), side_name(side), fault);
	fault = names_fault(name, strlen(name));
	if (fault != NULL)
		return arena_printf(p->arena,
		    "mailbox \"%s\" is left out: without the %s side's prefix \"%s\" its name %s",
		    shown(p, full), side_name(side), shown(p, on->prefix), fault);
	return NULL;
}

/* The side that has the mailbox is looked at first: its name is the one people know. */
static void
refuse_faults(struct pairing *p)
{
	struct pair *pair;
	enum side first;
	size_t i;

	for (i = 0; i < p->pairs.n; i++) {
		pair = &p->pairs.at[i];
		first = pair->is_on[FAR] ? FAR : NEAR;
		pair->refused = pair_fault(p, pair, first);
		if (pair->refused == NULL)
			pair->refused = pair_fault(p, pair, side_other(first));
	}
}

/* The spelling of claims [i, end) that may stay; NULL = none may. */
static const char *
winner(const struct pairing *p, size_t i, size_t end)
{
	bool is_on[SIDES] = {false, false};
	const struct pair *pair;
	size_t k;

	for (k = i; k < end; k++) {
		pair = &p->pairs.at[p->claims.at[k].pair];
		if (pair->is_on[FAR] && pair->is_on[NEAR])
			return p->claims.at[k].spelling;
		is_on[FAR] |= pair->is_on[FAR];
		is_on[NEAR] |= pair->is_on[NEAR];
	}
	return is_on[FAR] && is_on[NEAR] ? NULL : p->claims.at[i].spelling;
}

/* Another spelling than `spelling` among claims [i, end), for the report. NULL = all are equal. */
static const char *
other_spelling(const struct pairing *p, size_t i, size_t end, const char *spelling)
{
	for (; i < end; i++) {
		if (strcmp(p->claims.at[i].spelling, spelling) != 0)
			return p->claims.at[i].spelling;
	}
	return NULL;
}

/* Settles the claims gathered: of those for one place, one spelling stays. */
static void
refuse_clashes(struct pairing *p, enum side side, const char *why)
{
	const char *kept, *other;
	struct claim *c;
	struct pair *pair;
	size_t i, k, end;

	sort_claims(p);
	for (i = 0; i < p->claims.n; i = end) {
		end = run_end(p, i);
		if (other_spelling(p, i, end, p->claims.at[i].spelling) == NULL)
			continue;
		kept = winner(p, i, end);
		for (k = i; k < end; k++) {
			c = &p->claims.at[k];
			pair = &p->pairs.at[c->pair];
			if (pair->refused != NULL || (kept != NULL && strcmp(c->spelling, kept) == 0))
				continue;
			other = kept != NULL ? kept : other_spelling(p, i, end, c->spelling);
			pair->refused = arena_printf(p->arena,
			    "mailbox \"%s\" is left out: on the %s side \"%s\" and \"%s\" are %s",
			    shown(p, pair->full[side]), side_name(side), shown(p, c->spelling),
			    shown(p, other), why);
		}
	}
	p->claims.n = 0;
}

/* Two listed names that the store itself says are one mailbox. */
static void
refuse_aliases(struct pairing *p, enum side side)
{
	const char *identity;
	struct pair *pair;
	size_t i;

	for (i = 0; i < p->pairs.n; i++) {
		pair = &p->pairs.at[i];
		if (pair->refused != NULL || pair->listed[side] == PAIR_NOT_LISTED)
			continue;
		identity = p->rules->side[side].boxes[pair->listed[side]].identity;
		if (identity != NULL && *identity != '\0')
			claim(p, identity, pair->full[side], i);
	}
	refuse_clashes(p, side, "two names of one mailbox");
}

/* Names that respell() made, which another pair has already. */
static void
refuse_respelled(struct pairing *p, enum side side)
{
	size_t i;

	for (i = 0; i < p->pairs.n; i++) {
		if (p->pairs.at[i].refused == NULL)
			claim(p, p->pairs.at[i].full[side], p->pairs.at[i].name, i);
	}
	refuse_clashes(p, side, "one mailbox");
}

/* Names, listed or to be created, of which some part falls together with another's. */
static void
refuse_folded(struct pairing *p, enum side side)
{
	const char *full, *slash;
	size_t i, len;

	for (i = 0; i < p->pairs.n; i++) {
		if (p->pairs.at[i].refused != NULL)
			continue;
		full = p->pairs.at[i].full[side];
		for (slash = strchr(full, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
			len = (size_t)(slash - full);
			claim(p, key_of(p, full, len), arena_strndup(p->arena, full, len), i);
		}
		claim(p, key_of(p, full, strlen(full)), full, i);
	}
	refuse_clashes(p, side, "the same, as it does not tell such names apart");
}

void
pair_boxes(const struct pair_rules *rules, struct arena *arena, struct pair_list *out)
{
	bool is_any_folding = rules->side[FAR].is_folding || rules->side[NEAR].is_folding;
	struct pairing p = {.rules = rules, .arena = arena};
	enum side side;

	select_side(&p, FAR);
	select_side(&p, NEAR);
	join_equal(&p);
	look_up_unselected(&p, FAR);
	look_up_unselected(&p, NEAR);
	if (is_any_folding)
		join_folded(&p);
	spell(&p);
	respell(&p);
	refuse_faults(&p);
	for (side = FAR; side <= NEAR; side++) {
		refuse_aliases(&p, side);
		if (rules->side[side].is_folding)
			refuse_folded(&p, side);
		if (is_any_folding)
			refuse_respelled(&p, side);
	}
	out->n = p.pairs.n;
	out->at = arena_alloc(arena, (p.pairs.n + 1) * sizeof *out->at);
	if (p.pairs.n > 0)
		memcpy(out->at, p.pairs.at, p.pairs.n * sizeof *out->at);
	vec_release(&p.pairs);
	vec_release(&p.claims);
}
