/* What the files of sync/run share while one channel is synchronised. Private to this folder.
 *
 * Who does what, in the order of the story (channel.c):
 *   boxes.c    list both sides, know which mailboxes moved
 *   pairing.c  which go with which, and with which record of the base (R8, R12)
 *   missing.c  which are gone, which are others under the same name (R6, R7)
 *   renames.c  find what was renamed (R12): places.c searches, evidence.c looks into mailboxes
 *   presence.c asks a store whether a mailbox is there
 *   gather.c   ask for the deltas of those that moved
 *   fold.c     fold a delta into the base (R1, R2, R4)
 *   kept.c     what of its flags a store kept, and what it does not take (R14)
 *   recover.c  look into unfinished intents (R11, R19); unfinished.c: which messages wait for one
 *   twins.c    find who is whose twin before anything is copied (R10)
 *   confirm_keys.c  whether a server told the right keys for what was copied to it
 *   rekeyed.c  find what got another key in its own mailbox (R9)
 *   moves.c    find what a person moved (R9)
 *   astray.c   find what is filed differently on the two sides, where no base tells who moved it (R10)
 *   clones.c   find what a person copied (P12)
 *   identify.c what both stand on: learning identities, as cheaply as can be
 *   prepare.c  the planner's input out of the base
 *   exec.c     carry the plan out: batches, intents, settlement (R15, R16); settle.c, settle_boxes.c: what it means for the base;
 *              exec_op.c: what all kinds of operations share
 *   jobs.c     what workers do: one function per kind of batch
 *   isolate.c  find the one message at which sessions end; culprits.c: remember and name it
 *   left_out.c messages that are listed, and left out when they are asked for; unread.c: those that wait as one cannot be read
 *   waiting.c  what waits for another run, told once for each reason
 *   refused.c  messages that a server refuses again and again without a reason
 *   copy.c     one message from one store to the other, its digest taken on the way
 *   report.c   counts, notes, errors
 */
#ifndef SYNC_RUN_RUN_H
#define SYNC_RUN_RUN_H

#include "state/base/id_set.h"
#include "state/state.h"
#include "sync/plan/plan.h"
#include "sync/run/channel.h"
#include "sync/run/isolate.h"
#include "sync/run/pool.h"

/* Epochs that no store gives: of a mailbox known from another store, or that is another one now; of one that is being made again (P8). */
#define EPOCH_FOREIGN UINT64_MAX
#define EPOCH_REVIVED (UINT64_MAX - 1)

struct run_side {
	const char *on;			/* the mailbox's name in this store */
	const char *shown;		/* what the channel would call it there; NULL = as `on` */
	struct mailbox *listed;		/* NULL = not listed, or a container only */
	bool is_lost_with_store;	/* ... for the store is another one, which has it not, or has it empty: held (replaced.c) */
	bool is_gone;			/* known, and missing for sure (R6) */
	const char *away;		/* known, and damaged or out of sight, for this reason; NULL = not so */
	bool wants_delta;
	bool has_failed;		/* its delta could not be had: nothing is concluded from it */
	bool is_readonly;
	bool is_part;			/* of what is known, some is away: nothing is made where that may come back */
	struct err *stopped;		/* why nothing more is copied to it in this run; NULL = it is */
	bool was_read;			/* a delta was folded in this run */
	bool is_unsure;			/* its last list was not complete: more may be there than the base knows */
	const char *unproved;		/* that list proved nothing: what is missing (R25); NULL = nothing, or not said */
	bool was_written;		/* since its last delta, folded or kept */
	struct delta *closing;		/* kept: read behind all that was written; NULL = none */
	bool is_forced;			/* list in full whatever the cursor says */
	uint32_t uidnext;		/* of the last delta; 0 = not known */
	uint64_t deleted;		/* messages deleted on the other side because they were gone from this one, not kept in the base yet */
	uint64_t before, vanished;	/* messages before the delta that is being folded, and how many of them it shows to be gone */
	uint32_t ignored;		/* of box_side.doubted: since this run */
	struct flags untold;		/* flags it has refused in this run; kw NULL = none */
	struct flags taken;		/* flags it shows that it had refused; kw NULL = none */
};

/* A message that a store refused in this run and did not say why. */
struct run_refused { uint32_t box; uint64_t id; enum side side; const char *text; };

/* A deletion this run carried over, or meant to. */
struct run_deletion { uint32_t box; enum side side; uint64_t id; };

/* A message at which sessions end, to be told. */
struct run_culprit {
	struct isolate_item item;
	uint32_t box;			/* index of run.boxes */
	enum side lost;
	uint64_t id;			/* its record */
	const char *why;		/* the last words of the session */
};

/* Asked for alone, and left out. */
struct run_left_out { uint32_t box; enum side side; uint64_t id; };

/* Waits, for it or what may be its twin cannot be read. */
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

/* A look at the base takes messages in slices, so that memory follows the slice and not the mailbox, wherever no
 * message's fate can hang on another's: nothing has vanished, and what is new is so on one side of its mailbox. */
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

/* How the mailboxes of a side stood when the last deltas had been read (R13), where the store told. */
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
	bool is_split;			/* a rename was refused: its mailboxes are to be paired by their names */
	struct run_progress progress;
	uint64_t *told;			/* sentences reported already: a table of their hashes, 0 = free */
	size_t told_n, told_room;
	const char *replaced[SIDES];	/* words on a store that is another one than in the last run; NULL = it is the same */
	uint64_t held;			/* messages held back for mailboxes that nothing is planned for */
	bool is_blank[SIDES];		/* the base knows nothing of this side, or all it knows is to be paired anew (R7) */
	struct isolate isolate;		/* what sessions were lost at */
	VEC(struct run_culprit) culprits;	/* not told yet */
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
	unsigned guess_rounds;		/* looks that ended with guesses (astray.c) */
	bool has_doubts;		/* keys that a server told seem false: another look is wanted */
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
/* The same as a guess: should no move explain it, it is taken back (astray.c). */
struct record_half run_half_guessed(void);
const struct flag_mask *run_masks(const struct run_box *b, struct flag_mask masks[SIDES]);
/* What a record says that its mailbox is to be called on a side, and what it is called now; without the channel's prefix. */
const char *name_on(const struct box_record *rec, enum side s);
const char *name_now(const struct box_record *rec, enum side s);

/* records.c */
/* Stores a record as it stands by what was seen. */
int records_put(struct run *r, struct run_box *b, struct arena *a, struct record *rec, struct err *e);
/* What is known of a side is void (R7): its halves are forgotten, what was agreed stays with the others. */
int records_forget_side(struct run *r, struct run_box *b, enum side s, struct err *e);

/* presence.c */
enum { MISSING_RUNS = 1 };	/* a bare NO says little: it counts in the run after so many */
/* An enum mailbox_state, *why (unless NULL) says why it is AWAY; -2 with *e: no session. above: box_side.above. */
int presence_ask(struct run *r, enum side s, const char *full, const char *above, struct err *why, struct err *e);
/* R6: 1 the store denies that the mailbox of rec has that name, or shrugs in a second run; 0 it has it; -1 a first shrug, which is
 * counted; -2 with *e. */
int presence_denied(struct run *r, struct box_record *rec, enum side s, const char *full, struct err *e);

/* unfinished.c */
/* An intent whose outcome is a message somewhere. */
bool unfinished_is_copy(const struct intent *in);
/* The records that wait for the outcome of a copy or move of theirs, sorted. The caller releases it. */
int unfinished_records(struct run *r, struct id_set *out, struct err *e);

/* set_aside.c: nothing will be planned for this message in this run. */
void set_aside(struct plan_input *in, uint32_t index, struct arena *a);

/* boxes.c */
int boxes_list(struct run *r, struct err *e);
/* Marks boxes that were written to as wanting a delta, and of the sides in `looks` those whose cursors, asked for again, moved
 * since they were read. */
int boxes_refresh(struct run *r, const bool looks[SIDES], struct err *e);

/* Adds the mailboxes of a side that are read and not written to. */
void boxes_to_look_at(const struct run *r, enum side s, struct run_look *look);
/* Cursors of some mailboxes of a side as they are now; boxes[i].name is the store's. */
int boxes_cursors(struct run *r, enum side s, struct mailbox *boxes, size_t n, struct err *e);

/* pairing.c */
/* Fills run.base, run.is_blank and run.boxes: pairs what is listed, and adds what only the base knows. */
/* Whether the patterns mean this mailbox of side s, by that name. */
bool pairing_selects(const struct run *r, enum side s, const char *full);
int pairing_make(struct run *r, struct err *e);
/* R12: by what each mailbox is known again under another name. */
int pairing_keep_identities(struct run *r, struct err *e);
/* Keeps only what was named on the command line; a name that does not exist is said. */
void pairing_keep_named(struct run *r);

/* missing.c */
/* R7: another store than last time. */
int missing_check_fingerprint(struct run *r, enum side s, struct err *e);
/* Which mailboxes that the base knows are gone, or are others (R6, R7). */
int missing_check(struct run *r, struct err *e);

/* renames.c */
/* Puts right the names in r->base, and keeps them. */
int renames_find(struct run *r, struct err *e);
/* What is known of the mailbox on side s went elsewhere with it, and is moved message by message (R9). */
int renames_vanished(struct run *r, const struct box_record *rec, enum side s, struct err *e);
/* The two mailboxes of rec go by their names from here on; rec stays with that of side s. */
int renames_apart(struct run *r, struct box_record *rec, enum side s, struct err *e);
/* Where not all is listed, and so nothing was looked for: m is perhaps one that is known and is not where it was. */
bool renames_may_be(struct run *r, enum side s, const struct mailbox *m);
/* The record whose mailbox this is on side s; NULL = nobody's. */
const struct box_record *renames_owner(const struct run *r, enum side s, const char *full);
/* The full name under which a listed mailbox is paired: what it will be called once all renames are carried out. */
const char *renames_shown(struct run *r, enum side s, const char *full);

/* gather.c: every delta that is wanted, folded and committed. -1 only when the run cannot go on. */
bool gather_is_wanted(const struct run *r);
int gather(struct run *r, struct err *e);

/* fold.c */
struct fold_missing {
	VEC(struct key) keys;
	struct arena arena;
	bool is_held;			/* not gone, as a part of the mailbox is away: the cursor stays */
	size_t replaced;		/* messages whose place something else has, such as */
	const char *replaced_name, *replaced_by;
};
/* Folds all but the vanished of a full list, which go into `missing` to be confirmed. */
int fold_delta(struct run *r, struct run_box *b, enum side s, struct delta *d, struct fold_missing *missing,
    struct err *e);
/* Ends it: those of `missing` that are gone (gone[i]), and the cursor if is_certain. */
int fold_finish(struct run *r, struct run_box *b, enum side s, const struct delta *d,
    const struct fold_missing *missing, const bool *gone, bool is_certain, struct err *e);

/* The deltas of mailboxes that a job is about to write to, asked for in the flight that writes, and kept for the end of the run: until
 * then the base stands still. is_written: by index of run.boxes. NULL where that cannot be. Errors are nobody's: the end of the run looks. */
struct gather_job *gather_closing_new(struct run *r, enum side s, const bool *is_written);
void gather_closing_begin(struct gather_job *g, struct session *c);	/* by the worker */
void gather_closing_end(struct gather_job *g, struct session *c);
void gather_closing_keep(struct run *r, struct gather_job **g);	/* once what was written is settled; takes it */
void gather_closing_free(struct gather_job **g);
/* The end: folds those behind which nothing was written. Else, in between: they are of no use, and their mailboxes are read again. */
int gather_closings_fold(struct run *r, struct err *e);
void gather_closings_drop(struct run *r);

/* quiet.c: after a crash, until the server has taken in what was on its way. Before gather. */
int quiet_wait(struct run *r, struct err *e);

/* uploads.c: what is about to be sent from a local store is identified, for its intent. */
int uploads_identify(struct run *r, const struct plan_input *in, const struct plan *plan, struct err *e);
/* The message that an intent without a key brought about, though its source is gone. 1 found, 0 not there. */
int uploads_find(struct run *r, const struct intent *in, struct run_box *home, struct arena *a,
    struct record *found_r, struct err *e);

/* recover.c */
int recover_begin(struct run *r, struct err *e);	/* before anything: which intents are of earlier runs */
int recover(struct run *r, struct err *e);		/* after gather: settles the intents whose outcome shows */
/* After twins_find: messages whose write may still show up are set aside; other intents end. */
int recover_hold(struct run *r, struct plan_input *in, struct arena *a, struct err *e);
/* At the end: what was sent and is not known to have arrived waits. */
int recover_count(struct run *r, struct err *e);

/* twins.c */
int twins_find(struct run *r, struct plan_input *in, struct err *e);

/* moves.c */
/* Before twins_find: identities that a server's own ids tell. */
int moves_supply(struct run *r, struct plan_input *in, struct err *e);
int moves_find(struct run *r, struct plan_input *in, struct err *e);

/* confirm_keys.c: of keys that a server told and that are doubted, before anything else. *has_changed_r: as below. */
int confirm_keys(struct run *r, struct plan_input *in, bool *has_changed_r, struct err *e);

/* rekeyed.c, before twins_find. *has_changed_r: the base was put right, and the input must be made anew. */
int rekeyed_find(struct run *r, struct plan_input *in, bool *has_changed_r, struct err *e);

/* astray.c, after moves_find. *has_changed_r: as above, left alone if not. *waiting_r: messages for the next look are added. */
int astray_review(struct run *r, struct plan_input *in, bool *has_changed_r, struct err *e);
int astray_find(struct run *r, struct plan_input *in, bool *has_changed_r, size_t *waiting_r, struct err *e);
/* rec is about to be moved on side t. box: of the run. */
int astray_settle(struct run *r, uint32_t box, struct record *rec, enum side t, struct err *e);

/* clones.c: copies of what both sides have. may_wait: equal messages that no pair is known for may wait for one of
 * them to be copied in this run; *waiting_r of them are set aside. */
int clones_find(struct run *r, struct plan_input *in, struct arena *a, bool may_wait, size_t *waiting_r,
    struct err *e);

/* prepare.c: in->messages point at records in the arena. Starts over a look: the next prepare() begins with the first
 * slice. */
void prepare_anew(struct run *r);
void prepare_further(struct run *r);	/* ... with the slice after the last one */
int prepare(struct run *r, struct plan_input *in, struct arena *a, struct err *e);

/* replaced.c: another store than last time has not what was known; told once for all mailboxes. */
void replaced_hold(struct run *r, struct run_box *b, enum side s);
bool replaced_is_held(const struct run *r, enum side s);
void replaced_tell(struct run *r);

/* window.c: what is known of how many messages a side shows (R21, sync/plan/window.h). */
/* The keyword Window says no now: what was beyond is deleted. */
int window_check_setting(struct run *r, enum side s, struct err *e);
int window_shown(struct run *r, struct run_box *b, enum side s, struct err *e);	/* a delta was folded */
/* The oldest message of a mailbox that is shown on a side, where messages of it have vanished. */
int window_oldest(struct run *r, const struct run_box *b, enum side s, struct arena *a, struct key *oldest_r, struct err *e);
int window_remember(struct run *r, const struct plan *p, struct err *e);	/* what the plan judged */

/* week.c: deletions carried over in the last seven days (R21). */
void week_sum(const struct box_side *bs, int64_t now, struct plan_box_side *out);
void week_note(struct run_box *b, const struct op *op);	/* op was carried out */
int week_keep(struct run *r, struct err *e);		/* what was noted goes into the base; what is allowed is not counted */

/* guard.c: a side that lost the twins of much of what it had (R21), after twins_find. */
void guard_lost(struct run *r, struct plan_input *in, struct arena *a);

/* exec.c: runs what of the plan is not held. Settles and commits. */
int exec(struct run *r, const struct plan_input *in, const struct plan *plan, struct err *e);

/* culprits.c */
/* A message was found to end sessions. Its record, which is changed, is kept. */
int culprit_note(struct run *r, struct isolate_item item, uint32_t box, struct record *rec, enum side lost, const char *why,
    struct err *e);
int culprits_tell(struct run *r, struct err *e);	/* no job is under way */
/* How a person finds the message of rec on side s. may_ask: its store is asked; no job is under way. */
struct message_words culprit_words(struct run *r, const struct run_box *b, const struct record *rec, enum side s, bool may_ask);

/* kept.c: flags and keywords that stores do not keep (R14) */
/* Before the half takes over what the store shows of the message: flags that it was to have, flags that were refused. */
void kept_seen(struct run *r, struct run_box *b, enum side s, struct arena *a, struct record *rec, struct flags shown);
int kept_take_back(struct run *r, struct run_box *b, enum side s, struct err *e);	/* once all of a delta was seen */
/* What a store did not take of what it was given; remembered. unkept.kw NULL = nothing. */
int kept_learn(struct run *r, struct run_box *b, enum side s, struct flags unkept, struct err *e);
/* The same of a change of flags, which shows them by now. What it ignored is an error once, and learnt in the run after. */
int kept_changed(struct run *r, struct run_box *b, enum side s, const struct flag_item *item, struct err *e);
void kept_tell(struct run *r);	/* at the end of the run, each mailbox once */
void kept_undated(struct run *r, struct run_box *b, enum side s);	/* nor the date of a message */
int kept_retry(struct run *r, struct err *e);	/* with --retry-failed: nothing counts as refused */
/* What side s can keep has changed: every record's being settled is judged again. */
int kept_judge_again(struct run *r, struct run_box *b, enum side s, const struct flag_mask *was, struct err *e);

/* waiting.c */
/* A store that takes nothing for the moment, whatever it is. */
bool waiting_is_such(const struct err *why);
void waiting_stop(struct run *r, uint32_t box, enum side s, const struct err *why);
bool waiting_is_stopped(const struct run *r, uint32_t box, enum side s);
/* Record id of that mailbox (index) is not copied to side s in this run. */
void waiting_add(struct run *r, uint32_t box, enum side s, uint64_t id, const struct err *why);
void waiting_add_stopped(struct run *r, uint32_t box, enum side s, uint64_t id);
int waiting_tell(struct run *r, struct err *e);		/* no job is under way */

/* left_out.c */
/* The message of record id, in that mailbox (index) of side s, was asked for and did not come. */
void left_out_note(struct run *r, uint32_t box, enum side s, uint64_t id);
int left_out_count(struct run *r, struct err *e);	/* at the end: those that are listed still */

/* unread.c: those that found no twin by another way are told, with what waits */
int unread_count(struct run *r, struct err *e);

/* refused.c */
void refused_note(struct run *r, const struct record *rec, enum side s, const struct err *why);
/* At the end of the run: counts them, and sets aside what was refused often enough. */
int refused_count(struct run *r, struct err *e);
/* A dry run: what is set aside, and so not in the plan. */
int refused_tell(struct run *r, struct err *e);

/* shared.c: the store on side s keeps equal messages once (BASIS_SHARED) */
void shared_mark(struct record *rec, enum side s);
/* After twins_find: 1 = what was sent is kept as the message of another, and marked so; 0 = not known; -1. */
int shared_find(struct run *r, const struct plan_input *input, const struct intent *in, struct arena *a, struct err *e);
int shared_tell(struct run *r, struct err *e);		/* a dry run: who shares with whom */

/* report.c */
void report_note(struct run *r, enum note_level level, const char *box, const char *text);
/* R14: a keyword that one side cannot keep; once per mailbox, as the base remembers. */
void report_unkept(struct run *r, struct run_box *b, const struct record *rec);
void report_err(struct run *r, const char *box, const struct err *e);
void report_removed(struct channel_report *rep, enum side s, const char *box, uint64_t messages);
void report_progress(struct run *r);
/* Mailboxes the store does not let us write to, while something waits for them. */
void report_readonly(struct run *r, const struct plan_input *in);
/* R25: mailboxes that are known in part, at the end of the run. */
void report_parts(struct run *r);
void report_plan(struct run *r, const struct plan_input *in, const struct plan *plan);

#endif
