/* Carries a plan out: what is ready, in batches, each act with its intent, each outcome in the base (R13 second look, R15 dependencies,
 * R16 three outcomes, R19 intents).
 *
 *   apply.c         what is ready, and what goes together
 *   op_copy.c op_change.c op_move.c op_box.c   an operation each: its requests, what the base has to know before, what a worker does,
 *                   what its outcome means; op_state.c: what is done to the base alone
 *   batching.c      what goes together; batch.c: a batch and its job; flight.c: batches that share one
 *   outcome.c       what all outcomes have in common; losses.c: lost sessions, and who has another turn
 *   given_keys.c    keys that a store told; intents.c
 *   common.c        what they all share
 */
#ifndef SYNC_APPLY_APPLY_H
#define SYNC_APPLY_APPLY_H

#include "sync/match/match.h"

/* What carrying out plans has come to in this run. */
struct apply_state {
	bool lists_again;		/* a rename was refused, and its mailboxes are to be paired by their names; or a session ended at one
					 * that was to be made, renamed or removed, and a list tells what became of it; or a placeholder is gone (look.c) */
	struct err lost_box;		/* the last of these; text "" = none */
	unsigned patience_ms;		/* waited, because stores asked for it */
	unsigned patience_asked;	/* so many times */
	bool looks_again;		/* sessions ended with things under way: what became of them is to be seen in this run */
	bool is_over_limit;		/* MaxTransfer reached: no more copies */
	bool has_left;			/* originals of moves that could not be expunged yet */
	bool has_upgraded;		/* placeholders that were asked for: the next look has more to do for them (P21) */
};

/* apply.c: runs what of the plan is not held. Settles and commits. */
int apply(struct env *env, struct matching *m, const struct plan_input *in, const struct plan *plan, struct err *e);

#endif
