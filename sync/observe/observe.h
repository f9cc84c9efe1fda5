/* What stores show: asks for their changes, and records them in the base with the cursors they lead to (R1 seen is recorded,
 * R2 equal cursors, R4 stable scans, R25 a witness).
 *
 * Gives: a base that knows all that both sides showed, settled or not.
 * Must hold: a delta and its cursor are stored together; nothing vanishes without a witness; a part moves no cursor.
 *
 *   fetch_changes.c     asks for the deltas of the mailboxes that moved, and at the end of those that were written to
 *   record_changes.c    a delta becomes records
 *   kept_flags.c        which flags and keywords a store kept, and which it does not take (R14 masks)
 *   window.c            how many messages a side shows (R21 guards)
 *   wait_after_crash.c  until a server has taken in what was on its way
 */
#ifndef SYNC_OBSERVE_OBSERVE_H
#define SYNC_OBSERVE_OBSERVE_H

#include "sync/boxes/boxes.h"

/* Messages are planned in slices, so that memory does not grow with the mailbox, where no message depends on another: nothing has vanished,
 * and what is new in a mailbox is new on one side of it. */
enum slicing { SLICING_UNKNOWN, SLICING_NO, SLICING_YES };

struct fetch_job;
/* What observation found that the rest of the run must know. */
struct observe_state {
	VEC(struct fetch_job *) closings;	/* of run_side.closing */
	bool has_doubts;		/* keys that a server gave seem false: another round is wanted */
	bool is_short;			/* something we put somewhere lacks flags there that it was to have, or nobody knows yet
					 * which it is there */
	enum slicing slicing;		/* of the look under way */
};

/* fetch_changes.c: every delta that is wanted, recorded and committed. -1 only when the run cannot go on. */
bool fetch_is_wanted(const struct env *env);
int fetch_changes(struct env *env, struct err *e);

/* record_changes.c */
struct changes_missing {
	VEC(struct key) keys;
	struct arena arena;
	bool is_held;			/* not gone, as a part of the mailbox is away: the cursor stays */
	size_t replaced;		/* messages whose place something else has, such as */
	const char *replaced_name, *replaced_by;
};
/* Records all of a delta, except what a full list does not show: that goes into `missing`, to be confirmed. */
int changes_record(struct env *env, struct run_box *b, enum side s, struct delta *d, struct changes_missing *missing,
    struct err *e);
/* Ends it: those of `missing` that are gone (gone[i]), and the cursor if is_certain. */
int changes_finish(struct env *env, struct run_box *b, enum side s, const struct delta *d,
    const struct changes_missing *missing, const bool *gone, bool is_certain, struct err *e);

/* The deltas of mailboxes that a job is about to write to: asked for in the flight that writes, and kept for the end of the run, as the plan
 * under way rests on the base as it is. is_written: by index of env.boxes. NULL where that cannot be. Errors are not reported: the mailbox
 * is then read at the end of the run. */
struct fetch_job *closing_new(struct env *env, enum side s, const bool *is_written);
void closing_begin(struct fetch_job *g, struct session *c);	/* by the worker */
void closing_end(struct fetch_job *g, struct session *c);
void closing_keep(struct env *env, struct fetch_job **g);	/* once what was written is settled; takes it */
void closing_free(struct fetch_job **g);
/* At the end: records those of mailboxes that were not written to again. In between: drops them all, and their mailboxes are read again. */
int closings_record(struct env *env, struct err *e);
void closings_drop(struct env *env);

/* window.c: what is known of how many messages a side shows (R21, sync/plan/window.h). */
/* The keyword Window says no now: what was beyond is deleted. */
int window_check_setting(struct env *env, enum side s, struct err *e);
int window_shown(struct env *env, struct run_box *b, enum side s, struct err *e);	/* a delta was folded */
/* The oldest message of a mailbox that is shown on a side, where messages of it have vanished. */
int window_oldest(struct env *env, const struct run_box *b, enum side s, struct arena *a, struct key *oldest_r, struct err *e);
int window_remember(struct env *env, const struct plan *p, struct err *e);	/* what the plan judged */

/* kept_flags.c: flags and keywords that stores do not keep (R14) */
/* Called before the half takes over the flags that the store shows: compares them with what it was to have, and with what was refused. */
void kept_seen(struct env *env, struct run_box *b, enum side s, struct arena *a, struct record *rec, struct flags shown);
int kept_take_back(struct env *env, struct run_box *b, enum side s, struct err *e);	/* once all of a delta was seen */
/* What a store did not take of what it was given; remembered. unkept.kw NULL = nothing. */
int kept_learn(struct env *env, struct run_box *b, enum side s, struct flags unkept, struct err *e);
/* The same after a change of flags, whose answer shows them. What was ignored is an error once, and remembered by the run after. */
int kept_changed(struct env *env, struct run_box *b, enum side s, const struct flag_item *item, struct err *e);
void kept_tell(struct env *env);	/* at the end of the run, each mailbox once */
void kept_undated(struct env *env, struct run_box *b, enum side s);	/* nor the date of a message */
int kept_retry(struct env *env, struct err *e);	/* with --retry-failed: nothing counts as refused */
/* What side s can keep has changed: every record's being settled is judged again. */
int kept_judge_again(struct env *env, struct run_box *b, enum side s, const struct flag_mask *was, struct err *e);

/* wait_after_crash.c: after a crash, until the server has taken in what was on its way. Before fetch_changes. */
int wait_after_crash(struct env *env, struct err *e);

#endif
