/* The operations of mbsync's language: Sync, Create, Remove, Expunge, ExpungeSolo, as they are
 * collected word by word from a section of the configuration or from the command line, and what
 * they come to.
 *
 * How it is used: ops_add_*() for each word or option, ops_sync() and ops_sides() at the end. Where
 * is_given is false, whatever stands behind (the global section, the default) counts.
 *
 * Sync is a table of directions (Pull: to near, Push: to far) and types. What must always hold:
 *   1. Simple words (Pull, New ...) multiply: each direction said with each type said; a dimension
 *      not said means all of it, of the types all but Old.
 *   2. Compound words (PullNew ...) name single cells. Among them a lone direction fills its row, a
 *      lone type its column; a cell named twice is an error.
 *      So it is with mbsync: a row may stand beside its own PullOld, which it does not have.
 *   3. None adds nothing, as in mbsync 1.4; 1.5 has it alone.
 */
#ifndef CMD_OPS_H
#define CMD_OPS_H

#include <stdbool.h>

#include "cmd/settings.h"
#include "state/model/side.h"

enum ops_kind { OPS_CREATE, OPS_REMOVE, OPS_EXPUNGE, OPS_EXPUNGE_SOLO, OPS_KINDS };

struct ops_sides {
	bool is_given, is_both;
	bool one[SIDES];
};

struct ops {
	bool has_sync;
	bool says_full;			/* Full, All, --full: what mbsync takes for Old as well */
	unsigned dirs;			/* 1 << enum side that receives: simple directions */
	unsigned types;			/* of enum sync_type: simple types */
	unsigned cell[SIDES];		/* compound, by the side that receives */
	struct ops_sides sides[OPS_KINDS];
};

/* One argument of Sync / of Create and its like, in any letter case. False: no such word. *instead_r
 * is set to the present word when this one is deprecated, else to NULL. */
bool ops_add_sync(struct ops *o, const char *word, const char **instead_r);
bool ops_add_sides(struct ops *o, enum ops_kind kind, const char *word, const char **instead_r);

/* All five, over `channel`. NULL, or what is wrong, *name_r then being the keyword's name. */
const char *ops_apply(const struct ops *o, struct channel_settings *channel, const char **name_r);

#endif
