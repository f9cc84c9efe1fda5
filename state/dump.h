/* The whole state as text, and back (mailtwin state dump|load): line-based, every byte representable
 * (%XX), sections in fixed order, so that dump(load(dump(x))) == dump(x). state/text.h has the form.
 */
#ifndef STATE_DUMP_H
#define STATE_DUMP_H

#include <stdio.h>

#include "state/state.h"

/* Within the open transaction, or, when there is none, in one of its own. */
int state_dump(struct state *s, FILE *out, struct err *e);
/* Into an empty state, outside any transaction. Errors name the line. Commits in the end or changes
 * nothing. */
int state_load(struct state *s, FILE *in, const char *name, struct err *e);

#endif
