/* Which channels of a run go together: those that share an account or a Maildir, directly or through others. They are worked
 * one after the other by one process; groups side by side.
 */
#ifndef CMD_GROUPS_H
#define CMD_GROUPS_H

#include <stddef.h>

#include "cmd/targets.h"
#include "state/base/vec.h"

struct group {
	VEC(size_t) targets;		/* indices, rising */
	char *name;			/* of its first account, else of its first channel: for people */
};

struct groups {
	VEC(struct group) all;		/* in the order of their first targets */
};

/* Zeroed by this. groups_release() frees. */
void groups_make(struct groups *g, const struct targets *t);
void groups_release(struct groups *g);

#endif
