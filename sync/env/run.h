/* What the chapters of a run share: settings, state, workers, mailboxes, and what the run reports. Private to sync/. Stands below
 * boxes/, observe/, match/ and apply/, and knows none of them.
 *
 *   run.c       small functions for all of them; records.c stores records; presence.c asks whether a mailbox is there
 *   pool.c      workers and their sessions
 *   isolate.c   finds the one message at which sessions end; culprits.c remembers and names it
 *   waiting.c   what waits for another run, reported once for each reason; refused.c: refused again and again; left_out.c: listed, and
 *               not given
 *   week.c      deletions of seven days (R21 guards)
 *   report.c    counts, notes, errors
 */
#ifndef SYNC_ENV_RUN_H
#define SYNC_ENV_RUN_H

#include "state/base/id_set.h"
#include "state/state.h"
#include "sync/plan/plan.h"
#include "sync/channel.h"
#include "sync/env/isolate.h"
#include "sync/env/pool.h"

/* Epochs that no store gives: of a mailbox known from another store, or that is another one now; of one that is being made again (P8). */
#define EPOCH_FOREIGN UINT64_MAX
#define EPOCH_REVIVED (UINT64_MAX - 1)

struct run_side {
	const char *on;			/* the mailbox's name in this store */
	const char *shown;		/* what the channel would call it there; NULL = as `on` */
	struct mailbox *listed;		/* NULL = not listed, or a container only */
	bool is_lost_with_store;	/* the store is another one, and does not have it, or has it empty: held (replaced.c) */
	bool is_gone;			/* known, and missing for sure (R6 gone if denied) */
	const char *away;		/* known, and damaged or out of sight, for this reason; NULL = not so */
	bool wants_delta;
	bool has_failed;		/* its delta could not be had: nothing is concluded from it */
	bool is_readonly;
	bool is_part;			/* a part of what is known is away: nothing is made where that may come back */
	struct err *stopped;		/* why nothing more is copied to it in this run; NULL = it is */
	bool was_read;			/* a delta was folded in this run */
	bool is_unsure;			/* its last list was not complete: more may be there than the base knows */
	const char *unproved;		/* that list proved nothing: what is missing (R25 a witness); NULL = nothing, or not said */
	bool was_written;		/* since its last delta, folded or kept */
	struct delta *closing;		/* kept: read behind all that was written; NULL = none */
	bool is_forced;			/* list in full whatever the cursor says */
	uint32_t uidnext;		/* of the last delta, or learnt (match/uidnext.c); 0 = not known */
	uint64_t deleted;		/* messages deleted on the other side because they were gone from this one, not kept in the base yet */
	uint64_t first_new;		/* the id its first new record would have */
	uint64_t before, vanished;	/* messages before the delta that is being folded, and how many of them it shows to be gone */
	uint32_t ignored;		/* of box_side.doubted: since this run */
	struct flags untold;		/* flags it has refused in this run, to be reported; kw NULL = none */
	struct flags taken;		/* flags it shows that it had refused; kw NULL = none */
};

/* A message that a store refused in this run and did not say why. */
struct run_refused { uint32_t box; uint64_t id; enum side side; const char *text; };

/* A deletion this run carried over, or meant to. */
struct run_deletion { uint32_t box; enum side side; uint64_t id; };

/* A message at which sessions end, to be reported. */
struct run_culprit {
	struct isolate_item item;
	uint32_t box;			/* index of run.boxes */
	enum side lost;
	uint64_t id;			/* its record */
	const char *why;		/* the last words of the session */
};

/* A message that was asked for alone, and not given. */
struct run_left_out { uint32_t box; enum side side; uint64_t id; };

/* A message that waits, because it or what may be its twin cannot be read. */
struct run_unread { uint32_t box; enum side side; uint64_t id; enum err_class class; const char *why; };

/* Messages that wait for another run, or were refused, for one reason. */
struct run_waiting {
	enum side side;			/* they are for */
	enum err_class class;
	const char *why;
	uint64_t n;
	uint32_t first;			/* the mailbox of the first */
	bool is_of_many;		/* mailboxes */
	uint32_t box[3];		/* of the first: indexes of run.boxes */
	uint64_t id[3];			/* their records */
};

/* Messages are planned in slices, so that memory does not grow with the mailbox, where no message depends on another: nothing has vanished,
 * and what is new in a mailbox is new on one side of it. */
enum slicing { SLICING_UNKNOWN, SLICING_NO, SLICING_YES };

struct run_box {
	const char *name;		/* within the channel: what people see */
	struct box_record rec;		/* id 0 = not in the base yet */
	struct run_side side[SIDES];
	unsigned roles;			/* enum mailbox_attr: what the channel pairs it by; a mailbox made for it gets them */
	bool is_excluded;		/* refused or held whole: reported once, nothing is done */
	bool allow_delete, restore;
	uint64_t sliced_to, slice_end;	/* records up to these had their turn in earlier slices, have it in this one */
};

/* How the mailboxes of a side stood when the last deltas had been read (R13 second look), where the store said so. */
struct run_look {
	bool is_answered;
	VEC(struct mailbox) boxes;
	VEC(uint32_t) index;		/* of run.boxes */
};

struct run {
	const struct channel *set;
	const struct run_events *ev;
	struct channel_report *report;
	struct state *state;
	struct pool *pool;
	struct arena arena;		/* lives as long as the run */
	struct listing listing[SIDES];
	VEC(struct run_box) boxes;
	struct box_record *base;	/* the mailboxes the base knew when they were listed; id 0 = forgotten since */
	size_t base_n;
	bool has_other_names[SIDES];	/* some of them are called otherwise there */
	VEC(uint32_t) contested;	/* those renamed on both sides, to two names */
	bool lists_again;		/* a rename was refused, and its mailboxes are to be paired by their names; or a session ended at one
					 * that was to be made, renamed or removed, and a list tells what became of it */
	struct err lost_box;		/* the last of these; text "" = none */
	struct run_progress progress;
	uint64_t *told;			/* sentences reported already: a table of their hashes, 0 = free */
	size_t told_n, told_room;
	const char *replaced[SIDES];	/* words on a store that is another one than in the last run; NULL = it is the same */
	uint64_t held;			/* messages held back for mailboxes that nothing is planned for */
	bool is_blank[SIDES];		/* the base knows nothing of this side, or all it knows is to be paired anew (R7 another store) */
	struct isolate isolate;		/* what sessions were lost at */
	VEC(struct run_culprit) culprits;	/* not reported yet */
	size_t culprits_told;
	VEC(struct run_left_out) left_out;
	VEC(struct run_unread) unread;
	VEC(struct run_waiting) waiting;
	struct { bool is_stopped; unsigned boxes; struct err why; } stop[SIDES];	/* nothing more is copied to that side in this run */
	bool is_ending;			/* no session is asked any more */
	unsigned patience_ms;		/* waited, because stores asked for it */
	VEC(struct run_deletion) deletions;
	bool looks_again;		/* sessions ended with things under way: what became of them is to be seen in this run */
	struct run_look look[SIDES];
	VEC(struct gather_job *) closings;	/* of run_side.closing */
	VEC(struct run_refused) refused;
	uint64_t last_intent;		/* the highest id when the run began: those above are its own */
	uint64_t first_record;		/* of what is new to this run */
	bool is_over_limit;		/* MaxTransfer reached: no more copies */
	unsigned guess_rounds;		/* rounds that ended with guesses (elsewhere.c) */
	bool has_doubts;		/* keys that a server gave seem false: another round is wanted */
	bool has_left;			/* originals of moves that could not be expunged yet */
	bool is_short;			/* something we put somewhere lacks flags there that it was to have, or nobody knows yet
					 * which it is there */
	enum slicing slicing;		/* of the look under way */
	bool is_further;		/* this is not its first slice */
	bool has_more;			/* nor its last */
};

/* run.c */
bool run_is_cancelled(const struct run *r);
/* -1 with ERR_CANCELLED once the person asked to stop. */
int run_check_cancel(const struct run *r, struct err *e);
struct run_box *run_box_by_id(struct run *r, uint32_t id);
/* Gone, under a key that nobody knows or that is another message's by now. */
struct record_half run_half_left(void);
/* The same as a guess: should no move explain it, it is taken back (elsewhere.c). */
struct record_half run_half_guessed(void);
const struct flag_mask *run_masks(const struct run_box *b, struct flag_mask masks[SIDES]);
/* What the mailbox of a record is to be called on a side, and what it is called now; without the channel's prefix. */
const char *name_on(const struct box_record *rec, enum side s);
const char *name_now(const struct box_record *rec, enum side s);

/* report.c */
void report_note(struct run *r, enum note_level level, const char *box, const char *text);
/* R14 masks: a keyword that one side cannot keep; once per mailbox, as the base remembers. */
void report_unkept(struct run *r, struct run_box *b, const struct record *rec);
void report_err(struct run *r, const char *box, const struct err *e);
void report_removed(struct channel_report *rep, enum side s, const char *box, uint64_t messages);
void report_progress(struct run *r);
/* Mailboxes the store does not let us write to, while something waits for them. */
void report_readonly(struct run *r, const struct plan_input *in);
/* R25: mailboxes that are known in part, at the end of the run. */
void report_parts(struct run *r);
void report_plan(struct run *r, const struct plan_input *in, const struct plan *plan);

/* records.c */
/* Stores a record as it stands by what was seen. */
int records_put(struct run *r, struct run_box *b, struct arena *a, struct record *rec, struct err *e);
/* What is known of a side is void (R7): its halves are forgotten, what was agreed stays with the others. */
int records_forget_side(struct run *r, struct run_box *b, enum side s, struct err *e);

/* presence.c */
enum { MISSING_RUNS = 1 };	/* a bare NO says little: it counts in the run after so many */
/* An enum mailbox_state, *why (unless NULL) says why it is AWAY; -2 with *e: no session. above: box_side.above. */
int presence_ask(struct run *r, enum side s, const char *full, const char *above, struct err *why, struct err *e);
/* R6: 1 the store denies that the mailbox of rec has that name, or refuses without a reason in a second run; 0 it has it; -1 the first such
 * refusal, which is counted; -2 with *e. */
int presence_denied(struct run *r, struct box_record *rec, enum side s, const char *full, struct err *e);

/* week.c: deletions carried over in the last seven days (R21 guards). */
void week_sum(const struct box_side *bs, int64_t now, struct plan_box_side *out);
void week_note(struct run_box *b, const struct op *op);	/* op was carried out */
int week_keep(struct run *r, struct err *e);		/* what was noted goes into the base; what is allowed is not counted */

/* culprits.c */
/* A message was found to end sessions. Its record, which is changed, is kept. */
int culprit_note(struct run *r, struct isolate_item item, uint32_t box, struct record *rec, enum side lost, const char *why,
    struct err *e);
int culprits_tell(struct run *r, struct err *e);	/* no job is under way */
/* How a person finds the message of rec on side s. may_ask: its store is asked; no job is under way. */
struct message_words culprit_words(struct run *r, const struct run_box *b, const struct record *rec, enum side s, bool may_ask);

/* waiting.c */
/* The error says that the store takes nothing for the moment, whatever the message. */
bool waiting_is_such(const struct err *why);
void waiting_stop(struct run *r, uint32_t box, enum side s, const struct err *why);
bool waiting_is_stopped(const struct run *r, uint32_t box, enum side s);
/* Record id of that mailbox (index) is not copied to side s in this run. */
void waiting_add(struct run *r, uint32_t box, enum side s, uint64_t id, const struct err *why);
void waiting_add_stopped(struct run *r, uint32_t box, enum side s, uint64_t id);
const char *waiting_digits(struct arena *a, uint64_t n);	/* 2,691: as a person writes it */
int waiting_tell(struct run *r, struct err *e);		/* no job is under way */

/* left_out.c */
/* The message of record `id`, in that mailbox (index) of side s, was asked for and did not come. */
void left_out_note(struct run *r, uint32_t box, enum side s, uint64_t id);
int left_out_count(struct run *r, struct err *e);	/* at the end: those that are listed still */

/* refused.c */
void refused_note(struct run *r, const struct record *rec, enum side s, const struct err *why);
/* At the end of the run: counts them, and sets aside what was refused often enough. */
int refused_count(struct run *r, struct err *e);
/* A dry run: what is set aside, and so not in the plan. */
int refused_tell(struct run *r, struct err *e);

#endif
