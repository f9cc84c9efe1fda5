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

/* What carrying out plans has come to in this run. */
struct apply_state {
	bool lists_again;		/* a rename was refused, and its mailboxes are to be paired by their names; or a session ended at one
					 * that was to be made, renamed or removed, and a list tells what became of it */
	struct err lost_box;		/* the last of these; text "" = none */
	unsigned patience_ms;		/* waited, because stores asked for it */
	bool looks_again;		/* sessions ended with things under way: what became of them is to be seen in this run */
	bool is_over_limit;		/* MaxTransfer reached: no more copies */
	bool has_left;			/* originals of moves that could not be expunged yet */
};

/* apply.c: runs what of the plan is not held. Settles and commits. */
int apply(struct env *env, const struct matching *m, const struct plan_input *in, const struct plan *plan, struct err *e);

#endif
