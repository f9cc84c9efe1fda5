/* What is being matched: every mailbox, the messages that are not settled, and what was found of them so far. A record here may be
 * changed, for what is learnt of it goes into the base; the plan's input, made of it when matching has ended, is constant.
 */
#ifndef SYNC_MATCH_MATCHING_H
#define SYNC_MATCH_MATCHING_H

#include "sync/plan/plan.h"

struct match_message {
	struct record *rec;		/* in the arena of the look; a copy where it is presented as something else (set_aside.c) */
	uint32_t box;			/* index into boxes */
};

struct matching {			/* in the terms of struct plan_input */
	struct policy policy;
	VEC(struct plan_box) boxes;
	VEC(struct match_message) messages;
	VEC(struct plan_link) links;
};

/* Ends matching: what was found, as the planner takes it. in_r: zeroed; it has its own arrays, and borrows the records. */
void matching_end(const struct matching *m, struct plan_input *in_r);
void matching_release(struct matching *m);	/* the arrays */

#endif
