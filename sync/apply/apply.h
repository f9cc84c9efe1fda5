/* Carries a plan out: what is ready, in batches, each act with its intent, each outcome in the base (R13 second look, R15 dependencies,
 * R16 three outcomes, R19 intents).
 *
 *   apply.c         what is ready, and what goes together
 *   jobs.c          what a worker does in one go; copy.c: one message from one store to the other
 *   settle.c        what was asked for, and what its outcome means for the base; settle_boxes.c: the same of mailboxes
 *   op.c            what all kinds of operations share
 */
#ifndef SYNC_APPLY_APPLY_H
#define SYNC_APPLY_APPLY_H

#include "sync/match/match.h"

/* apply.c: runs what of the plan is not held. Settles and commits. */
int exec(struct run *r, const struct plan_input *in, const struct plan *plan, struct err *e);

#endif
