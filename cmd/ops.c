#include "cmd/ops.h"

#include <stddef.h>
#include <strings.h>

#define ALL_TYPES (SETTINGS_DEFAULT_TYPES | SYNC_OLD)
#define PULL (1U << NEAR)
#define PUSH (1U << FAR)

/* dirs and types of a simple word; of a compound one both, with is_cell. */
static const struct sync_word {
	const char *name;
	unsigned dirs, types;
	bool is_cell, is_none;
	const char *instead;
} sync_words[] = {
	{ "None", 0, 0, false, true, NULL },
	{ "Full", PULL | PUSH, SETTINGS_DEFAULT_TYPES, false, false, NULL },
	{ "Pull", PULL, 0, false, false, NULL },
	{ "Push", PUSH, 0, false, false, NULL },
	{ "New", 0, SYNC_NEW, false, false, NULL },
	{ "Old", 0, SYNC_OLD, false, false, NULL },
	{ "Upgrade", 0, SYNC_UPGRADE, false, false, NULL },
	{ "Gone", 0, SYNC_GONE, false, false, NULL },
	{ "Flags", 0, SYNC_FLAGS, false, false, NULL },
	{ "PullNew", PULL, SYNC_NEW, true, false, NULL },
	{ "PullOld", PULL, SYNC_OLD, true, false, NULL },
	{ "PullUpgrade", PULL, SYNC_UPGRADE, true, false, NULL },
	{ "PullGone", PULL, SYNC_GONE, true, false, NULL },
	{ "PullFlags", PULL, SYNC_FLAGS, true, false, NULL },
	{ "PushNew", PUSH, SYNC_NEW, true, false, NULL },
	{ "PushOld", PUSH, SYNC_OLD, true, false, NULL },
	{ "PushUpgrade", PUSH, SYNC_UPGRADE, true, false, NULL },
	{ "PushGone", PUSH, SYNC_GONE, true, false, NULL },
	{ "PushFlags", PUSH, SYNC_FLAGS, true, false, NULL },
	{ "All", PULL | PUSH, SETTINGS_DEFAULT_TYPES, false, false, NULL },
	{ "Noop", 0, 0, false, true, NULL },
	{ "ReNew", 0, SYNC_UPGRADE, false, false, "Upgrade" },
	{ "Delete", 0, SYNC_GONE, false, false, "Gone" },
	{ "PullReNew", PULL, SYNC_UPGRADE, true, false, "PullUpgrade" },
	{ "PullDelete", PULL, SYNC_GONE, true, false, "PullGone" },
	{ "PushReNew", PUSH, SYNC_UPGRADE, true, false, "PushUpgrade" },
	{ "PushDelete", PUSH, SYNC_GONE, true, false, "PushGone" },
};

static const char *const shown_sync_words[] = {
	"None", "Full", "All", "Pull", "Push", "New", "Old", "Upgrade", "Gone", "Flags",
	"PullNew", "PullOld", "PullUpgrade", "PullGone", "PullFlags",
	"PushNew", "PushOld", "PushUpgrade", "PushGone", "PushFlags", NULL,
};

static const char *const shown_sides_words[] = { "None", "Far", "Near", "Both", NULL };

const char *const *
ops_sync_words(void)
{
	return shown_sync_words;
}

const char *const *
ops_sides_words(void)
{
	return shown_sides_words;
}

const char *
ops_kind_name(enum ops_kind kind)
{
	static const char *const names[OPS_KINDS] = { "Create", "Remove", "Expunge", "ExpungeSolo" };

	return names[kind];
}

bool
ops_add_sync(struct ops *o, const char *word, const char **instead_r)
{
	const struct sync_word *w = NULL;

	for (size_t i = 0; i < sizeof sync_words / sizeof *sync_words && w == NULL; i++)
		if (strcasecmp(sync_words[i].name, word) == 0)
			w = &sync_words[i];
	if (w == NULL)
		return false;
	o->has_sync = true;
	*instead_r = w->instead;
	if (w->is_none) {
		o->is_none = true;
	} else if (w->is_cell) {
		o->cell[w->dirs == PULL ? NEAR : FAR] |= w->types;
	} else {
		o->dirs |= w->dirs;
		o->types |= w->types;
	}
	return true;
}

bool
ops_add_sides(struct ops *o, enum ops_kind kind, const char *word, const char **instead_r)
{
	struct ops_sides *s = &o->sides[kind];

	*instead_r = NULL;
	if (strcasecmp(word, "None") == 0) {
		s->is_none = true;
	} else if (strcasecmp(word, "Both") == 0) {
		s->is_both = true;
	} else if (strcasecmp(word, "Far") == 0) {
		s->one[FAR] = true;
	} else if (strcasecmp(word, "Near") == 0) {
		s->one[NEAR] = true;
	} else if (strcasecmp(word, "Master") == 0) {
		s->one[FAR] = true;
		*instead_r = "Far";
	} else if (strcasecmp(word, "Slave") == 0) {
		s->one[NEAR] = true;
		*instead_r = "Near";
	} else {
		return false;
	}
	s->is_given = true;
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

const char *
ops_sync(const struct ops *o, unsigned sync_r[SIDES])
{
	unsigned cells = o->cell[FAR] | o->cell[NEAR];
	enum side row;

	if (!o->has_sync)
		return NULL;
	if (o->is_none) {
		if (o->dirs != 0 || o->types != 0 || cells != 0)
			return "has None beside other operations";
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
		if (o->cell[row] != 0)
			return "says the same operation twice (a direction both alone and for one type)";
		sync_r[row] = SETTINGS_DEFAULT_TYPES;
	}
	return NULL;
}

const char *
ops_sides(const struct ops *o, enum ops_kind kind, bool sides_r[SIDES])
{
	const struct ops_sides *s = &o->sides[kind];

	if (!s->is_given)
		return NULL;
	if (s->is_none && (s->is_both || s->one[FAR] || s->one[NEAR]))
		return "has None beside a side";
	if (s->is_both && (s->one[FAR] || s->one[NEAR]))
		return "has Both beside a side";
	for (enum side side = FAR; side <= NEAR; side++)
		sides_r[side] = s->is_both || s->one[side];
	return NULL;
}

const char *
ops_apply(const struct ops *o, struct channel_settings *channel, const char **name_r)
{
	bool *const sides[OPS_KINDS] = { channel->create, channel->remove, channel->expunge,
		channel->expunge_solo };
	const char *why;

	*name_r = "Sync";
	if ((why = ops_sync(o, channel->sync)) != NULL)
		return why;
	for (enum ops_kind kind = OPS_CREATE; kind < OPS_KINDS; kind++) {
		*name_r = ops_kind_name(kind);
		if ((why = ops_sides(o, kind, sides[kind])) != NULL)
			return why;
	}
	return NULL;
}
