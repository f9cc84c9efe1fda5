#include "cmd/ops.h"

#include <stddef.h>

#include "cmd/words.h"

#define ALL_TYPES (SETTINGS_DEFAULT_TYPES | SYNC_OLD)
#define PULL (1U << NEAR)
#define PUSH (1U << FAR)

static const char *
kind_name(enum ops_kind kind)
{
	static const char *const names[OPS_KINDS] = { "Create", "Remove", "Expunge", "ExpungeSolo" };

	return names[kind];
}

bool
ops_add_sync(struct ops *o, const char *word, const char **instead_r)
{
	const struct word *w = word_find(words_sync, word);

	if (w == NULL)
		return false;
	o->has_sync = true;
	*instead_r = w->instead;
	if (w->value & WORD_NONE)
		return true;
	if (w->value & WORD_CELL) {
		o->cell[w->value & WORD_PULL ? NEAR : FAR] |= w->value & WORD_TYPES;
	} else {
		o->dirs |= (w->value & WORD_PULL ? PULL : 0) | (w->value & WORD_PUSH ? PUSH : 0);
		o->types |= w->value & WORD_TYPES;
		o->says_full |= (w->value & WORD_PULL) && (w->value & WORD_TYPES);
	}
	return true;
}

bool
ops_add_sides(struct ops *o, enum ops_kind kind, const char *word, const char **instead_r)
{
	const struct word *w = word_find(words_sides, word);
	struct ops_sides *s = &o->sides[kind];

	*instead_r = NULL;
	if (w == NULL)
		return false;
	*instead_r = w->instead;
	s->is_given = true;
	if (w->value == (1u << FAR | 1u << NEAR))
		s->is_both = true;
	else if (w->value != 0)
		s->one[w->value == 1u << FAR ? FAR : NEAR] = true;
	return true;
}

/* Invariant 1. */
static void
multiply(const struct ops *o, unsigned sync_r[SIDES])
{
	unsigned dirs = o->dirs != 0 ? o->dirs : PULL | PUSH;
	unsigned types = o->types != 0 ? o->types : SETTINGS_DEFAULT_TYPES;

	sync_r[NEAR] = dirs & PULL ? types : 0;
	sync_r[FAR] = dirs & PUSH ? types : 0;
}

/* What was collected comes to; if nothing was given, *_r is not touched. NULL, or what is wrong with it, as the end of a sentence
 * about the keyword. */
static const char *
sync_of(const struct ops *o, unsigned sync_r[SIDES])
{
	unsigned cells = o->cell[FAR] | o->cell[NEAR];
	enum side row;

	if (!o->has_sync)
		return NULL;
	if (o->dirs == 0 && o->types == 0 && cells == 0) {
		sync_r[FAR] = sync_r[NEAR] = 0;
		return NULL;
	}
	if (cells == 0) {
		multiply(o, sync_r);
		return NULL;
	}
	if (o->dirs == (PULL | PUSH) || (o->dirs != 0 && o->types != 0))
		return "mixes simple and compound operations in a way that says nothing clear";
	if ((cells & o->types & ALL_TYPES) != 0)
		return "says the same operation twice (a type both alone and for one direction)";
	sync_r[FAR] = o->cell[FAR] | o->types;
	sync_r[NEAR] = o->cell[NEAR] | o->types;
	if (o->dirs != 0) {
		row = o->dirs == PULL ? NEAR : FAR;
		if (o->cell[row] & SETTINGS_DEFAULT_TYPES)
			return "says the same operation twice (a direction both alone and for one type)";
		sync_r[row] |= SETTINGS_DEFAULT_TYPES;
	}
	return NULL;
}

static const char *
sides_of(const struct ops *o, enum ops_kind kind, bool sides_r[SIDES])
{
	const struct ops_sides *s = &o->sides[kind];

	if (!s->is_given)
		return NULL;
	if (s->is_both && (s->one[FAR] || s->one[NEAR]))
		return "has Both beside a side";
	for (enum side side = FAR; side <= NEAR; side++)
		sides_r[side] = s->is_both || s->one[side];
	return NULL;
}

const char *
ops_apply(const struct ops *o, struct channel_settings *channel, const char **name_r)
{
	bool *const sides[OPS_KINDS] = { channel->policy.create, channel->policy.remove, channel->policy.expunge,
		channel->policy.expunge_solo };
	const char *why;

	*name_r = "Sync";
	if ((why = sync_of(o, channel->policy.sync)) != NULL)
		return why;
	if (o->has_sync)
		channel->policy.says_full = o->says_full;
	for (enum ops_kind kind = OPS_CREATE; kind < OPS_KINDS; kind++) {
		*name_r = kind_name(kind);
		if ((why = sides_of(o, kind, sides[kind])) != NULL)
			return why;
	}
	return NULL;
}
