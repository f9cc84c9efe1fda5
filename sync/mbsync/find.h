/* Where mbsync keeps the state of a pair of mailboxes.
 *
 *	SyncState *		NEAR MAILDIR/.mbsyncstate
 *	SyncState of a channel	PREFIX NEARBOX
 *	SyncState of all	PREFIX:FARSTORE:FARBOX_:NEARSTORE:NEARBOX
 *	none			the same in ~/.mbsync/ (1.4), $XDG_STATE_HOME/isync/ or ~/.local/state/isync/ (1.5)
 *
 * ':' is FieldDelimiter, '/' in the name of a mailbox is the store's Flatten, else '!'. mbsync up to 1.4 takes names as a server
 * writes them (modified UTF-7), 1.5 as they are.
 */
#ifndef SYNC_MBSYNC_FIND_H
#define SYNC_MBSYNC_FIND_H

#include <stddef.h>

#include "state/base/mem.h"
#include "state/base/vec.h"
#include "state/model/side.h"

enum mbsync_where { MBSYNC_NOWHERE, MBSYNC_IN_MAILDIR, MBSYNC_BY_BOX, MBSYNC_BY_NAMES };
enum { MBSYNC_PREFIXES = 3 };

struct mbsync_place {
	enum mbsync_where where;
	const char *prefix[MBSYNC_PREFIXES];	/* BY_BOX: one; BY_NAMES: as many as may be, with what they end in; NULL = no more */
	char delimiter;
	const char *store[SIDES];		/* their names */
	const char *flatten[SIDES];		/* NULL = none */
};

struct mbsync_paths { VEC(const char *) v; };

/* The paths at which the state of the mailbox may be that is called name[s] in its stores; the likeliest first. directory: of the near
 * Maildir, NULL = it has none. Strings live in the arena; the caller releases v. */
void mbsync_find(const struct mbsync_place *place, const char *const name[SIDES], const char *directory, struct arena *a,
    struct mbsync_paths *out);

/* The name as a server writes it (modified UTF-7), and mbsync before 1.5 with it; itself where it is written so, or cannot be. Arena or name. */
const char *mbsync_name_on_the_wire(struct arena *a, const char *name);

#endif
