#include "sync/pair/fixed.h"

#include <string.h>

#include "sync/pair/patterns.h"

const char *
role_word(enum role role)
{
	static const char *const words[ROLES] = {
		[ROLE_ARCHIVE] = "Archive", [ROLE_DRAFTS] = "Drafts", [ROLE_JUNK] = "Junk", [ROLE_SENT] = "Sent",
		[ROLE_TRASH] = "Trash",
	};

	return words[role];
}

struct fixing {
	const struct pair_rules *rules;
	struct arena *arena;
	struct fixed_list *out;
};

/* A mailbox that may be listed. */
struct candidate {
	const char *name;	/* without prefix */
	long listed;
	bool is_named;		/* by the configuration: no other will do */
};

/* The name of a listed mailbox behind the prefix; NULL = it is not below that. */
static const char *
rest_of(const struct pair_side *side, size_t i)
{
	size_t len = strlen(side->prefix);
	const char *name = side->boxes[i].name;

	return strncmp(name, side->prefix, len) == 0 && name[len] != '\0' ? name + len : NULL;
}

static long
find_listed(const struct pair_side *side, const char *name)
{
	const char *rest;
	size_t i;

	for (i = 0; i < side->n; i++) {
		rest = rest_of(side, i);
		if (rest != NULL && strcmp(rest, name) == 0)
			return (long)i;
	}
	return PAIR_NOT_LISTED;
}

long
fixed_holder(const struct pair_rules *rules, enum side side, const char *name)
{
	size_t i;

	for (i = 0; i < rules->n_known; i++)
		if (rules->known[i].is_paired && strcmp(rules->known[i].on[side], name) == 0)
			return (long)i;
	return PAIR_NOT_KNOWN;
}

static long
holder_of(const struct fixing *t, enum side side, const char *name)
{
	return fixed_holder(t->rules, side, name);
}

/* Whether a pair of earlier runs still has, or may have, both of its mailboxes. */
static bool
is_firm(const struct fixing *t, long known)
{
	const struct pair_side *on;
	enum side side;

	if (known == PAIR_NOT_KNOWN)
		return false;
	for (side = FAR; side <= NEAR; side++) {
		on = &t->rules->side[side];
		if (!on->is_partial && find_listed(on, t->rules->known[known].on[side]) == PAIR_NOT_LISTED)
			return false;
	}
	return true;
}

static bool
is_tied(const struct fixing *t, enum side side, const char *name)
{
	size_t i;

	for (i = 0; i < t->out->pairs.n; i++)
		if (strcmp(t->out->pairs.at[i].on[side], name) == 0)
			return true;
	return false;
}

/* The mailbox of this side that has the role. False, with a note: there are several, and nothing says which. */
static bool
choose(struct fixing *t, enum side side, enum role role, struct candidate *c)
{
	const struct pair_side *on = &t->rules->side[side];
	const char *rest, *first = NULL, *second = NULL, *named = on->role[role];
	size_t i;

	*c = (struct candidate){ .name = named != NULL ? named : role_word(role), .is_named = named != NULL };
	for (i = 0; i < on->n && named == NULL; i++) {
		rest = rest_of(on, i);
		if (rest == NULL || !(on->boxes[i].roles & 1u << role) || names_is_inbox(on->boxes[i].name))
			continue;
		/* Of several, one with the role's own name, or else one that has found its twin already. */
		if (strcmp(rest, role_word(role)) == 0) {
			first = rest;
			second = NULL;
			break;
		}
		if (first == NULL || is_firm(t, holder_of(t, side, rest))) {
			first = rest;
		} else if (!is_firm(t, holder_of(t, side, first))) {
			second = rest;
		}
	}
	if (first != NULL)
		c->name = first;
	c->listed = find_listed(on, c->name);
	if (second == NULL || is_firm(t, holder_of(t, side, first)))
		return true;
	vec_push(&t->out->notes, (struct pair_note){ first, arena_printf(t->arena,
	    "\"%s\" and \"%s\" are both \\%s on the %s side, and are paired by their names: \"Role%s\" in its store would "
	    "say which one it is", first, second, role_word(role), side_name(side), role_word(role)) });
	return false;
}

static void
add(struct fixing *t, const struct candidate c[SIDES], long known, unsigned roles)
{
	struct fixed_pair *fixed = vec_add(&t->out->pairs);
	enum side side;

	for (side = FAR; side <= NEAR; side++) {
		fixed->on[side] = c[side].name;
		fixed->listed[side] = c[side].listed;
	}
	fixed->known = known;
	fixed->roles = roles;
	fixed->is_selected = patterns_select_tied(t->rules->patterns, t->rules->n, fixed->on);
}

/* Pairs the two mailboxes of a role, unless one of them has a twin already. */
static void
fix_role(struct fixing *t, enum role role)
{
	struct candidate c[SIDES];
	long held[SIDES], same;
	enum side side;

	for (side = FAR; side <= NEAR; side++)
		if (!choose(t, side, role, &c[side]))
			return;
	for (side = FAR; side <= NEAR; side++) {
		/* Where a side has none, a mailbox of the name that the other's has is it. */
		same = c[side].is_named || c[side].listed != PAIR_NOT_LISTED ||
		    c[side_other(side)].listed == PAIR_NOT_LISTED ? PAIR_NOT_LISTED :
		    find_listed(&t->rules->side[side], c[side_other(side)].name);
		if (same != PAIR_NOT_LISTED)
			c[side] = (struct candidate){ .name = c[side_other(side)].name, .listed = same };
	}
	for (side = FAR; side <= NEAR; side++) {
		held[side] = holder_of(t, side, c[side].name);
		if (names_is_inbox(c[side].name) || is_tied(t, side, c[side].name))
			return;
	}
	if (c[FAR].listed == PAIR_NOT_LISTED && c[NEAR].listed == PAIR_NOT_LISTED)
		return;
	if (held[FAR] == held[NEAR]) {
		add(t, c, held[FAR], 1u << role);
	} else if (is_firm(t, held[FAR]) || is_firm(t, held[NEAR])) {
		vec_push(&t->out->notes, (struct pair_note){ c[FAR].name, arena_printf(t->arena,
		    "\"%s\" on far and \"%s\" on near are both \\%s, but stay with what they were paired with earlier",
		    c[FAR].name, c[NEAR].name, role_word(role)) });
	} else if ((held[FAR] == PAIR_NOT_KNOWN || held[NEAR] == PAIR_NOT_KNOWN) &&
	    c[FAR].listed != PAIR_NOT_LISTED && c[NEAR].listed != PAIR_NOT_LISTED) {
		/* Its former twin is no longer there, and this is what has its role now: most often under a new name. */
		add(t, c, held[FAR] != PAIR_NOT_KNOWN ? held[FAR] : held[NEAR], 1u << role);
	}
}

/* What earlier runs paired under two names stays so. */
static void
fix_known(struct fixing *t, size_t i)
{
	const struct pair_known *known = &t->rules->known[i];
	struct candidate c[SIDES];
	enum side side;

	if (!known->is_paired || strcmp(known->on[FAR], known->on[NEAR]) == 0)
		return;
	for (side = FAR; side <= NEAR; side++) {
		if (is_tied(t, side, known->on[side]))
			return;
		c[side] = (struct candidate){ .name = known->on[side],
			.listed = find_listed(&t->rules->side[side], known->on[side]) };
	}
	if (c[FAR].listed != PAIR_NOT_LISTED || c[NEAR].listed != PAIR_NOT_LISTED)
		add(t, c, (long)i, 0);
}

void
fixed_find(const struct pair_rules *rules, struct arena *arena, struct fixed_list *out)
{
	struct fixing t = { .rules = rules, .arena = arena, .out = out };
	enum role role;
	size_t i;

	for (role = 0; role < ROLES; role++)
		if (rules->roles & 1u << role)
			fix_role(&t, role);
	for (i = 0; i < rules->n_known; i++)
		fix_known(&t, i);
}
