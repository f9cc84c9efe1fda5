/* Mailboxes that are not touched, each with a sentence that says why: names that cannot be, and names that would stand for
 * one place. */
#include "sync/pair/pairing.h"

#include <stdlib.h>
#include <string.h>

#include "sync/pair/patterns.h"

static int
compare_claims(const void *a, const void *b)
{
	const struct claim *x = a, *y = b;
	int order = strcmp(x->key, y->key);

	return order != 0 ? order : (x->pair > y->pair) - (x->pair < y->pair);
}

const char *
pairing_key(struct pairing *p, const char *name, size_t len)
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

void
pairing_claim(struct pairing *p, const char *key, const char *spelling, size_t pair)
{
	vec_push(&p->claims, (struct claim){key, spelling, pair});
}

void
pairing_sort_claims(struct pairing *p)
{
	if (p->claims.n > 1)
		qsort(p->claims.at, p->claims.n, sizeof p->claims.at[0], compare_claims);
}

/* The end of the run of equal keys that begins at claim i. */
size_t
pairing_run_end(const struct pairing *p, size_t i)
{
	const char *key = p->claims.at[i].key;

	for (i++; i < p->claims.n && strcmp(p->claims.at[i].key, key) == 0; i++)
		;
	return i;
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
	if (patterns_prefix_is_box(on->prefix) && *name == '/')
		name++;
	fault = patterns_prefix_is_box(on->prefix) && *name == '\0' ? NULL : names_fault(name, strlen(name));
	if (fault != NULL)
		return arena_printf(p->arena,
		    "mailbox \"%s\" is left out: without the %s side's prefix \"%s\" its name %s",
		    shown(p, full), side_name(side), shown(p, on->prefix), fault);
	return NULL;
}

/* The side that has the mailbox is judged first: its name is the one people know. */
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

	pairing_sort_claims(p);
	for (i = 0; i < p->claims.n; i = end) {
		end = pairing_run_end(p, i);
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
			pairing_claim(p, identity, pair->full[side], i);
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
			pairing_claim(p, p->pairs.at[i].full[side], p->pairs.at[i].name, i);
	}
	refuse_clashes(p, side, "one mailbox");
}

/* Mailboxes whose name on this side is that of another's twin, by a fixed pair. */
static void
refuse_tied(struct pairing *p, enum side side)
{
	enum side there = side_other(side);
	const struct pair *taken;
	struct pair *pair;
	size_t i, k, end;

	for (i = 0; i < p->pairs.n; i++)
		pairing_claim(p, p->pairs.at[i].full[side], p->pairs.at[i].full[there], i);
	pairing_sort_claims(p);
	for (i = 0; i < p->claims.n; i = end) {
		end = pairing_run_end(p, i);
		for (k = i; k < end && !p->pairs.at[p->claims.at[k].pair].is_tied; k++)
			;
		taken = k < end ? &p->pairs.at[p->claims.at[k].pair] : NULL;
		for (k = i; taken != NULL && k < end; k++) {
			pair = &p->pairs.at[p->claims.at[k].pair];
			if (pair == taken || pair->refused != NULL)
				continue;
			pair->refused = arena_printf(p->arena, "mailbox \"%s\" is left out: on the %s side \"%s\" is the twin "
			    "of \"%s\"; it needs another name", shown(p, pair->full[there]), side_name(side),
			    shown(p, pair->full[side]), shown(p, taken->full[there]));
		}
	}
	p->claims.n = 0;
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
			pairing_claim(p, pairing_key(p, full, len), arena_strndup(p->arena, full, len), i);
		}
		pairing_claim(p, pairing_key(p, full, strlen(full)), full, i);
	}
	refuse_clashes(p, side, "the same, as it does not tell such names apart");
}

void
pairing_refuse(struct pairing *p)
{
	const struct pair_rules *rules = p->rules;
	bool is_any_folding = rules->side[FAR].is_folding || rules->side[NEAR].is_folding;
	enum side side;

	refuse_faults(p);
	for (side = FAR; side <= NEAR; side++) {
		if (p->fixed.pairs.n > 0)
			refuse_tied(p, side);
		refuse_aliases(p, side);
		if (rules->side[side].is_folding)
			refuse_folded(p, side);
		if (is_any_folding)
			refuse_respelled(p, side);
	}
}
