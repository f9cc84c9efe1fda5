/* Before planning: what became of unfinished work, and which messages are one mail (R9 moves, R10 adoption, R11 recovery).
 *
 * Gives: the planner's input, with its links: twins, moves, copies, filed elsewhere.
 * Must hold: a message that was not read is never taken for the equal of another; what waits is set aside and reported.
 *
 *   recover.c       settles intents whose outcome shows; unfinished.c: which messages wait for one; uploads.c: what is about to be sent
 *   input.c         the planner's input out of the base
 *   confirm_keys.c  whether a server gave the right keys
 *   rekeyed.c       what got another key in its own mailbox
 *   twins.c         who is whose twin; moves.c: what a person moved; copies.c: what a person copied
 *   elsewhere.c     what is filed differently on the two sides, where no base says who moved it
 *   shared.c        stores that keep equal mail once
 *   search.c        what all of these stand on: learning identities, as cheaply as can be; unread.c: what cannot be read
 *   guard.c         a side that lost the twins of much of what it had (R21 guards)
 */
#ifndef SYNC_MATCH_MATCH_H
#define SYNC_MATCH_MATCH_H

#include "sync/observe/observe.h"

/* A message that waits, because it or what may be its twin cannot be read. */
struct run_unread { uint32_t box; enum side side; uint64_t id; enum err_class class; const char *why; };

/* A deletion this run carried over, or meant to. */
struct run_deletion { uint32_t box; enum side side; uint64_t id; };

/* What matching keeps from one look at the base to the next. */
struct match_state {
	VEC(struct run_unread) unread;
	VEC(struct run_deletion) deletions;
	uint64_t last_intent;		/* the highest id when the run began: those above are its own */
	uint64_t first_record;		/* of what is new to this run */
	unsigned guess_rounds;		/* rounds that ended with guesses (elsewhere.c) */
	bool is_further;		/* this is not its first slice */
	bool has_more;			/* nor its last */
};

/* recover.c */
int recover_begin(struct env *env, struct err *e);	/* before anything: which intents are of earlier runs */
int recover(struct env *env, struct err *e);		/* after fetch_changes: settles the intents whose outcome shows */
/* After twins_find: messages whose write may still show up are set aside; other intents end. */
int recover_hold(struct env *env, struct plan_input *in, struct arena *a, struct err *e);
/* At the end: what was sent and is not known to have arrived waits. */
int recover_count(struct env *env, struct err *e);

/* unfinished.c */
/* An intent whose outcome is a message somewhere. */
bool unfinished_is_copy(const struct intent *in);
/* The records that wait for the outcome of a copy or move of theirs, sorted. The caller releases it. */
int unfinished_records(struct env *env, struct id_set *out, struct err *e);

/* confirm_keys.c, before all others: judges keys that a server gave and that are doubted. *has_changed_r: as below. */
int confirm_keys(struct env *env, struct plan_input *in, bool *has_changed_r, struct err *e);

/* moves.c */
/* Before twins_find: identities known by a server's own ids. */
int moves_supply(struct env *env, struct plan_input *in, struct err *e);
int moves_find(struct env *env, struct plan_input *in, struct err *e);

/* rekeyed.c, before twins_find. *has_changed_r: the base was corrected, and the input must be made anew. */
int rekeyed_find(struct env *env, struct plan_input *in, bool *has_changed_r, struct err *e);

/* twins.c */
int twins_find(struct env *env, struct plan_input *in, struct err *e);

/* elsewhere.c, after moves_find. *has_changed_r: as above, unchanged if not. *waiting_r: the messages that wait for the next round are
 * added. */
int elsewhere_review(struct env *env, struct plan_input *in, bool *has_changed_r, struct err *e);
int elsewhere_find(struct env *env, struct plan_input *in, bool *has_changed_r, size_t *waiting_r, struct err *e);
/* rec is about to be moved on side t. box: of the run. */
int elsewhere_settle(struct env *env, uint32_t box, struct record *rec, enum side t, struct err *e);

/* copies.c: copies of what both sides have. may_wait: equal messages that no pair is known for may wait for one of
 * them to be copied in this run; *waiting_r of them are set aside. */
int copies_find(struct env *env, struct plan_input *in, struct arena *a, bool may_wait, size_t *waiting_r,
    struct err *e);

/* shared.c: the store on side s keeps equal messages once. how: BASIS_SHARED or BASIS_SHARED_TOLD. */
void shared_mark(struct record *rec, enum side s, enum half_basis how);
/* After twins_find: 1 = what was sent is kept as the message of another, and marked so; 0 = not known; -1. */
int shared_find(struct env *env, const struct plan_input *input, const struct intent *in, struct arena *a, struct err *e);
/* After all other links: which pair has the message of which record. What they agree on is written down. */
int shared_link(struct env *env, struct plan_input *in, struct arena *a, struct err *e);
int shared_tell(struct env *env, struct err *e);		/* a dry run: says who shares with whom */

/* uidnext.c: the least UID that what is about to be put into a mailbox can get. */
int uidnext_learn(struct env *env, const struct plan_input *in, const struct plan *plan, struct err *e);

/* uploads.c: what is about to be sent from a local store is identified, for its intent. */
int uploads_identify(struct env *env, const struct plan_input *in, const struct plan *plan, struct err *e);
/* The message that an intent without a key brought about, though its source is gone. 1 found, 0 not there. */
int uploads_find(struct env *env, const struct intent *in, struct run_box *home, struct arena *a,
    struct record *found_r, struct err *e);

/* unread.c: reports those that found no twin otherwise, with what waits for them */
int unread_count(struct env *env, struct err *e);

/* set_aside.c: nothing will be planned for this message in this run. */
void set_aside(struct plan_input *in, uint32_t index, struct arena *a);

/* guard.c: a side that lost the twins of much of what it had (R21), after twins_find. */
void guard_lost(struct env *env, struct plan_input *in, struct arena *a);

/* input.c: in->messages point at records in the arena. input_anew(): the next input_make() begins with the first slice. */
void input_anew(struct env *env);
void input_further(struct env *env);	/* ... with the slice after the last one */
int input_make(struct env *env, struct plan_input *in, struct arena *a, struct err *e);

/* search.c */
/* Mailboxes that could not be read are closed to the plan. */
void search_close_failed(struct env *env, struct plan_input *in);

#endif
