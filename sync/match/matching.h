/* What is being matched: every mailbox, the messages that are not settled, and what was found of them so far. A record here may be
 * changed, for what is learnt of it goes into the base; the plan's input, made of it when matching has ended, is constant.
 */
#ifndef SYNC_MATCH_MATCHING_H
#define SYNC_MATCH_MATCHING_H

#include "state/base/err.h"
#include "sync/plan/plan.h"

struct match_message {
	struct record *rec;		/* in the arena of the look; a copy where it is presented as something else (set_aside.c) */
	uint32_t box;			/* index into boxes */
};

/* Its identity could not be learnt, though it is there. why NULL = reported elsewhere: the whole mailbox could not be read, or sessions end at
 * this message, or it was not given. */
struct match_unread { uint32_t id; enum err_class class; const char *why; };

struct match_unreads { struct match_unread *at; size_t n, room; };	/* as a VEC */

struct matching {			/* in the terms of struct plan_input */
	struct policy policy;
	struct hint hint;
	VEC(struct plan_box) boxes;
	VEC(struct match_message) messages;
	VEC(struct plan_link) links;
	struct match_unreads unread;	/* while twins are looked for */
	struct match_unreads unread_moved;	/* while what went is looked for under another key, or in another mailbox */
};

/* Ends matching: what was found, as the planner takes it. in_r: zeroed; it has its own arrays, and borrows the records. */
void matching_end(const struct matching *m, struct plan_input *in_r);
void matching_release(struct matching *m);	/* the arrays */

/* Of each message: one of the links joins it, from link `from` on. The caller frees it. */
bool *matching_linked(const struct matching *m, size_t from);
/* Or is about it in any way: the record that a move left counts too. */
bool *matching_spoken_for(const struct matching *m);

#endif
