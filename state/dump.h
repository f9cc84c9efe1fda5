/* The whole state as text (mailtwin state dump): line-based, every byte representable (%XX), sections in fixed
 * order, so that equal states have equal texts. state/text.h has the form.
 */
#ifndef STATE_DUMP_H
#define STATE_DUMP_H

#include <stdio.h>

#include "state/state.h"

/* Within the open transaction, or, when there is none, in one of its own. */
int state_dump(struct state *s, FILE *out, struct err *e);

#endif
