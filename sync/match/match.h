/* Before planning: what became of unfinished work, and which messages are one mail (R9 moves, R10 adoption, R11 recovery).
 *
 * Gives: what is being matched (matching.h), with its links: twins, moves, copies, filed elsewhere. The planner's input is made of it.
 * Must hold: a message that was not read is never taken for the equal of another; what waits is set aside and reported.
 *
 *   match.c         the order of all this
 *   recover.c       settles intents whose outcome shows; unfinished.c: which messages wait for one; uploads.c: what is about to be sent
 *   input.c         the planner's input out of the base
 *   confirm_keys.c  whether a server gave the right keys
 *   rekeyed.c       what got another key in its own mailbox
 *   twins.c         who is whose twin; moves.c: what a person moved; copies.c: what a person copied
 *   elsewhere.c     what is filed differently on the two sides, where no base says who moved it
 *   beyond.c        what may be there without being shown
 *   placeholders.c  what stands for a message that is too large
 *   limits.c        what is beyond the limit of its mailbox
 *   shared.c        stores that keep equal mail once
 *   search.c        what all of these stand on: learning identities, as cheaply as can be; unread.c: what cannot be read
 *   guard.c         a side that lost the twins of much of what it had (R21 guards)
 */
#ifndef SYNC_MATCH_MATCH_H
#define SYNC_MATCH_MATCH_H

#include "sync/match/matching.h"
#include "sync/observe/observe.h"

/* A message that waits, because it or what may be its twin cannot be read. */
struct run_unread { uint32_t box; enum side side; uint64_t id; enum err_class class; const char *why; };

/* A deletion this run carried over, or meant to. */
struct run_deletion { uint32_t box; enum side side; uint64_t id; };

/* What matching keeps from one look at the base to the next. */
/* A message that is to be expunged and is here still, which an earlier attempt put into the trash, or may have. */
struct run_trashed { uint32_t box; enum side side; uint64_t record, intent; bool is_sure; };

struct match_state {
	VEC(struct run_unread) unread;
	VEC(struct run_unread) unclaimed;	/* what arrived, and was not read yet: not known as what, it waits with the one it came for (P21) */
	VEC(struct run_deletion) deletions;
	VEC(struct run_trashed) trashed;	/* one message once; the last counts */
	/* Messages that a plan deletes after their placeholders (look.c): the last one, and one from before the mailboxes were listed. */
	struct id_set placeholders_gone, gone_when_listed;
	uint64_t last_intent;		/* the highest id when the run began: those above are its own */
	uint64_t first_record;		/* of what is new to this run */
	unsigned guess_rounds;		/* rounds that ended with guesses (elsewhere.c) */
	bool ends_blank;		/* once the plan is carried out nothing is blank any more */
	bool is_further;		/* this is not its first slice */
	bool has_more;			/* nor its last */
};

int recover_begin(struct env *env, struct err *e);	/* before anything: which intents are of earlier runs */
/* The base as it is now, matched: intents whose outcome shows are settled, and m_r (zeroed) has what is not settled, with its links.
 * may_wait: equal messages that no pair is known for may wait for one of them to be copied in this run; *waiting_r of them are set
 * aside. */
int match(struct env *env, bool may_wait, struct matching *m_r, struct arena *a, size_t *waiting_r, struct err *e);
/* set_aside.c: nothing will be planned for this message in this look. The arena is that of the look. */
void set_aside(struct matching *in, uint32_t index, struct arena *a);
/* The next match() begins with the first slice of the messages. */
void match_anew(struct env *env);
void match_further(struct env *env);			/* ... with the slice after the last one */

/* With a plan, before it is carried out. uidnext.c: the least UID that what is about to be put into a mailbox can get. uploads.c: what is
 * about to be sent from a local store is identified, for its intent. */
int uidnext_learn(struct env *env, const struct plan_input *in, const struct plan *plan, struct err *e);
int uploads_identify(struct env *env, struct matching *m, const struct plan *plan, struct err *e);

/* While it is carried out. shared.c: the store on side s keeps equal messages once; how: BASIS_SHARED or BASIS_SHARED_TOLD. elsewhere.c:
 * rec is about to be moved on side t (box: of the run); and all is paired that matching found, so that from here on new mail is new. */
void shared_mark(struct record *rec, enum side s, enum half_basis how);
int elsewhere_settle(struct env *env, uint32_t box, struct record *rec, enum side t, struct err *e);
int elsewhere_end(struct env *env, struct err *e);

/* At the end. */
int recover(struct env *env, struct err *e);		/* settles the intents whose outcome shows by now */
int recover_count(struct env *env, struct err *e);	/* what was sent and is not known to have arrived waits */
int unread_count(struct env *env, struct err *e);	/* those that found no twin because they cannot be read, with what waits for them */
int shared_tell(struct env *env, struct err *e);	/* a dry run: says who shares with whom */

#endif
