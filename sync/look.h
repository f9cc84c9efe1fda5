/* One look at the base: what it has is matched and planned (match/, plan/), and looked at once more before anything is deleted (R13 second
 * look). Private to channel.c. */
#ifndef SYNC_LOOK_H
#define SYNC_LOOK_H

#include "sync/match/match.h"

struct look {
	struct arena arena;
	struct matching matching;
	struct plan_input in;
	struct plan plan;
	size_t waiting;			/* messages for the next look: copies.c */
	bool wants_all;			/* it deletes or forgets, and not all mailboxes were looked at: what is gone may be in another one */
	bool lists_again;		/* what was to be deleted is held until the mailboxes have been listed once more (P21) */
};

/* Before the mailboxes are listed. */
void look_listed(struct env *env);

/* What is to be done. may_wait: as match() has it. look_release() follows, also after an error. */
int look_make(struct env *env, struct look *v, bool may_wait, struct err *e);
void look_release(struct look *v);

/* What a second look is still needed for: deletions once a run (R13); copies between two accounts each time, for others may be sending
 * the same. A slice that is unmoved starts the count anew, unless nothing was sent since one was moved, and all began again: of what
 * cannot be sent that would have no end. */
struct second_look {
	bool has_deletions;
	int copies;
	bool was_moved;
	uint64_t sent;			/* by then */
};
enum { LOOKS_MOST = 8 };		/* in a row, where somebody writes all the time */

/* Before anything is deleted for being gone from the other side, that side's mailboxes are looked at again, and those that moved since
 * they were read are read again: what was moved there meanwhile is not gone (R13). Likewise the side that something is sent to, where
 * nothing keeps another program from sending the same. *is_moved_r: it showed something, and the plan is to be made anew. */
int look_again(struct env *env, const struct plan *p, struct second_look *done, bool *is_moved_r, struct err *e);

#endif
