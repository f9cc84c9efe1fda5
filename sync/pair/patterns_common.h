/* Whether two channels mean one mailbox: a name that two lists of patterns select, found from the patterns alone.
 *
 * Each list is laid over a place: `root` is put before the names it judges (a directory, a prefix of a server),
 * after `skip` of each name is taken off (INBOX has a place of its own). What stands behind both roots is
 * one string; the search goes over what both lists, as automata, can tell apart, the shortest string first.
 */
#ifndef SYNC_PAIR_PATTERNS_COMMON_H
#define SYNC_PAIR_PATTERNS_COMMON_H

#include <stdbool.h>
#include <stddef.h>

#include "state/base/mem.h"

struct patterns_place {
	const char *root;		/* of the real names: "dir:/home/jane/Mail/" */
	const char *skip;		/* what names begin with and real names do not: "INBOX" or "" */
	const char *const *patterns;	/* as in patterns.h: the last that matches skip + rest decides */
	size_t n;
	bool is_exact;			/* the one mailbox `root`; there are no patterns */
};

/* A real name in both places, in the arena; NULL = there is none. The search gives up, with NULL, after some 100,000 states. */
const char *patterns_common(const struct patterns_place *a, const struct patterns_place *b, struct arena *arena);

#endif
