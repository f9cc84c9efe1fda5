/* What the chapters of a run share: settings, state, workers, mailboxes, and what the run reports. Private to sync/. Stands below
 * boxes/, observe/, match/ and apply/, and knows none of them.
 *
 *   run.c       small functions for all of them; records.c stores records; presence.c asks whether a mailbox is there
 *   pool.c      workers and their sessions
 *   isolate.c   finds the one message at which sessions end; culprits.c remembers and names it
 *   waiting.c   what waits for another run, reported once for each reason; refused.c: refused again and again; left_out.c: listed, and
 *               not given
 *   acts.c      what is done to single messages, for people who asked for it
 *   week.c      deletions of seven days (R21 guards)
 *   report.c    counts, notes, errors
 */
#ifndef SYNC_ENV_RUN_H
#define SYNC_ENV_RUN_H

#include "state/base/hint.h"
#include "state/base/id_set.h"
#include "state/state.h"
#include "sync/plan/plan.h"
#include "sync/channel.h"
#include "sync/env/isolate.h"
#include "sync/env/pool.h"

/* How far the base has what a side shows of a mailbox. What worsens it counts until a delta is folded; FAILED stays for the run. */
enum sight {
	SIGHT_CURRENT,			/* as it was read last */
	SIGHT_WRITTEN,			/* but not what this run has written to it since: read again at the end */
	SIGHT_WANTED,			/* its changes are to be asked for */
	SIGHT_WANTED_IN_FULL,		/* and all that is there, whatever the cursor says */
	SIGHT_FAILED,			/* it could not be read, or is held: nothing is concluded from it, and nothing planned against it */
};

struct run_side {
	const char *on;			/* the mailbox's name in this store */
	const char *shown;		/* what the channel would call it there; NULL = as `on` */
	struct mailbox *listed;		/* NULL = not listed, or a container only */
	bool is_lost_with_store;	/* the store is another one, and does not have it, or has it empty: held (replaced.c) */
	bool is_gone;			/* known, and missing for sure (R6 gone if denied) */
	const char *away;		/* known, and damaged or out of sight, for this reason; NULL = not so */
	enum sight sight;
	bool is_readonly;
	bool is_part;			/* a part of what is known is away: nothing is made where that may come back */
	struct err *stopped;		/* why nothing more is copied to it in this run; NULL = it is */
	bool was_read;			/* a delta was folded in this run */
	bool is_unsure;			/* its last list was not complete: more may be there than the base knows */
	const char *unproved;		/* that list proved nothing: what is missing (R25 a witness); NULL = nothing, or not said */
	struct delta *closing;		/* kept: read behind all that was written; NULL = none */
	uint32_t uidnext;		/* of the last delta, or learnt (match/uidnext.c); 0 = not known */
	uint64_t deleted;		/* messages deleted on the other side because they were gone from this one, not kept in the base yet */
	uint64_t first_new;		/* the id its first new record would have */
	uint64_t before, vanished;	/* messages before the delta that is being folded, and how many of them it shows to be gone */
	uint32_t ignored;		/* of box_side.doubted: since this run */
	struct flags untold;		/* flags it has refused in this run, to be reported; kw NULL = none */
	struct flags taken;		/* flags it shows that it had refused; kw NULL = none */
};

static inline void
sight_worsen(struct run_side *rs, enum sight to)
{
	if (rs->sight < to)
		rs->sight = to;
}

/* Nothing of it is there: not even as a mailbox of that name made since. */
static inline bool
side_is_gone(const struct run_side *rs)
{
	return rs->is_gone && rs->listed == NULL;
}

static inline bool
sight_has_failed(const struct run_side *rs)
{
	return rs->sight == SIGHT_FAILED;
}

static inline bool
sight_is_wanted(const struct run_side *rs)
{
	return rs->sight == SIGHT_WANTED || rs->sight == SIGHT_WANTED_IN_FULL;
}

/* A message that a store refused in this run and did not say why. */
struct run_refused { uint32_t box; uint64_t id; enum side side; const char *text; };

/* A message at which sessions end, to be reported. */
struct run_culprit {
	struct isolate_item item;
	uint32_t box;			/* index of env.boxes */
	enum side lost;
	uint64_t id;			/* its record */
	const char *why;		/* the last words of the session */
};

/* A message that was asked for alone, and not given. */
struct run_left_out { uint32_t box; enum side side; uint64_t id; };

/* What is done in a mailbox for one reason: how often. */
struct run_acts {
	const char *box;
	enum op_kind kind;
	enum side side;
	enum reason reason;
	bool is_held, is_deletion, is_told;
	uint64_t n;
};

/* What could not be done with messages. */
enum waiting_work { WAITING_COPY, WAITING_CHANGE, WAITING_EXPUNGE, WAITING_MOVE };

/* Messages that wait for another run, or were refused, for one reason. */
struct run_waiting {
	enum waiting_work work;
	enum side side;			/* they are for, or are changed on */
	enum err_class class;
	const char *why;
	uint64_t n;
	uint32_t first;			/* the mailbox of the first */
	bool is_of_many;		/* mailboxes */
	uint32_t box[3];		/* of the first: indexes of env.boxes */
	uint64_t id[3];			/* their records */
};

struct run_box {
	const char *name;		/* within the channel: what people see */
	struct box_record rec;		/* id 0 = not in the base yet */
	struct run_side side[SIDES];
	unsigned roles;			/* enum mailbox_attr: what the channel pairs it by; a mailbox made for it gets them */
	bool is_excluded;		/* refused or held whole: reported once, nothing is done */
	bool allow_delete, restore;
	bool is_beyond_unsaid;		/* more unread messages are beyond its limit than a run lets go without being told */
	uint64_t sliced_to, slice_end;	/* records up to these had their turn in earlier slices, have it in this one */
};

/* How the mailboxes of a side stood when the last deltas had been read (R13 second look), where the store said so. */
struct run_look {
	bool is_answered;
	VEC(struct mailbox) boxes;
	VEC(uint32_t) index;		/* of env.boxes */
};

/* What is under way and counts already in what progress lines show: workers add, the coordinator takes away what it settles. */
struct run_arriving { atomic_ullong heard, messages, bytes; };

struct env {
	const struct channel *set;
	const struct channel_names *news;	/* mailboxes to be looked at, and no others; NULL = all that the channel has */
	const struct run_events *ev;
	struct channel_report *report;
	struct state *state;
	struct pool *pool;
	struct arena arena;		/* lives as long as the run */
	VEC(struct run_box) boxes;
	struct run_progress progress;	/* as planned and settled */
	uint64_t ahead;			/* messages that later slices are about to plan */
	struct run_arriving arriving;
	uint64_t *notes_seen;		/* sentences reported already: a table of their hashes, 0 = free */
	size_t notes_seen_n, notes_seen_room;
	struct isolate isolate;		/* what sessions were lost at */
	VEC(struct run_culprit) culprits;	/* not reported yet */
	size_t culprits_told;
	VEC(struct run_left_out) left_out;
	uint64_t passed;		/* messages that mbsync passed over, and that are recorded as such in this run */
	VEC(struct run_waiting) waiting;
	VEC(struct run_acts) acts;
	struct { bool is_stopped; unsigned boxes; struct err why; } stop[SIDES];	/* nothing more is copied to that side in this run */
	bool is_ending;			/* no session is asked any more */
	struct run_look look[SIDES];
	VEC(struct run_refused) refused;
	/* What each chapter knows, in its own header; those before it cannot look in. */
	struct boxes_state *boxes_state;
	struct observe_state *observe_state;
	struct match_state *match_state;
	struct apply_state *apply_state;
};

/* words.c */
struct hint env_hint(const struct env *env);
/* hint_option(), in the run's arena. */
const char *env_hint_option(struct env *env, const char *option, const char *word);
bool env_is_cancelled(const struct env *env);
/* -1 with ERR_CANCELLED once the person asked to stop. */
int env_check_cancel(const struct env *env, struct err *e);
/* Whether all mailboxes of the channel are in env.boxes. */
bool env_sees_all(const struct env *env);
struct run_box *env_box_by_id(struct env *env, uint32_t id);
/* Gone, under a key that nobody knows or that is another message's by now. */
struct record_half half_gone_unkeyed(void);
/* The same as a guess: should no move explain it, it is taken back (elsewhere.c). */
struct record_half half_guessed(void);
const struct flag_mask *box_masks(const struct run_box *b, struct flag_mask masks[SIDES]);
/* What the mailbox of a record is to be called on a side, and what it is called now; without the channel's prefix. */
const char *name_on(const struct box_record *rec, enum side s);
const char *name_now(const struct box_record *rec, enum side s);

/* report.c */
/* What a mailbox is called where it is reported: behind a prefix that is a mailbox a name is empty, or begins with '/'. Arena or the name. */
const char *report_box_name(struct env *env, const char *box);
void report_note(struct env *env, enum note_level level, const char *box, const char *text);
/* R14 masks: a keyword that one side cannot keep; once per mailbox, as the base remembers. */
void report_unkept(struct env *env, struct run_box *b, const struct record *rec);
void report_err(struct env *env, const char *box, const struct err *e);
void report_removed(struct channel_report *rep, enum side s, const char *box, uint64_t messages);
void report_progress(void *env);	/* a struct env, as pool_on_wait() has it */
/* Mailboxes the store does not let us write to, while something waits for them. */
void report_readonly(struct env *env, const struct plan_input *in);
/* Patterns that select no mailbox of either side. */
void report_nothing(struct env *env);
/* R26: what mbsync passed over and its Full would copy. */
void report_passed(struct env *env);
/* R25: mailboxes that are known in part, at the end of the run. */
void report_parts(struct env *env);
void report_plan(struct env *env, const struct plan_input *in, const struct plan *plan);

/* acts.c */
/* Those operations of the plan for which is_one() holds were carried out, or would be: no job is under way. words_of: what is known of one
 * whose message is gone; NULL, or its answer is: it is looked for. */
void acts_tell(struct env *env, const struct plan_input *in, const struct plan *plan, bool (*is_one)(void *ctx, uint32_t op),
    const struct message_words *(*words_of)(void *ctx, uint32_t op), void *ctx);
void acts_end(struct env *env);		/* of the run: the mailboxes that were changed */

/* records.c */
/* Stores a record as it stands by what was seen. */
int records_put(struct env *env, struct run_box *b, struct arena *a, struct record *rec, struct err *e);
/* What is known of a side is void (R7): its halves are forgotten, what was agreed stays with the others. */
int records_forget_side(struct env *env, struct run_box *b, enum side s, struct err *e);

/* presence.c */
enum { MISSING_RUNS = 1 };	/* a bare NO says little: it counts in the run after so many */
/* An enum mailbox_state, *why (unless NULL) says why it is AWAY; -2 with *e: no session. above: box_side.above. */
int presence_ask(struct env *env, enum side s, const char *full, const char *above, struct err *why, struct err *e);
/* R6: 1 the store denies that the mailbox of rec has that name, or refuses without a reason in a second run; 0 it has it; -1 the first such
 * refusal, which is counted; -2 with *e. */
int presence_denied(struct env *env, struct box_record *rec, enum side s, const char *full, struct err *e);

/* week.c: deletions carried over in the last seven days (R21 guards). */
void week_sum(const struct box_side *bs, int64_t now, struct plan_box_side *out);
void week_note(struct run_box *b, const struct op *op);	/* op was carried out */
int week_keep(struct env *env, struct err *e);		/* what was noted goes into the base; what is allowed is not counted */

/* culprits.c */
/* A message was found to end sessions. Its record, which is changed, is kept. */
int culprit_note(struct env *env, struct isolate_item item, uint32_t box, struct record *rec, enum side lost, const char *why,
    struct err *e);
int culprits_tell(struct env *env, struct err *e);	/* no job is under way */
/* How a person finds the message of rec on side s. may_ask: its store is asked; no job is under way. */
struct message_words culprit_words(struct env *env, const struct run_box *b, const struct record *rec, enum side s, bool may_ask);

/* waiting.c */
/* The error says that the store takes nothing for the moment, whatever the message. */
bool waiting_is_such(const struct err *why);
void waiting_stop(struct env *env, uint32_t box, enum side s, const struct err *why);
bool waiting_is_stopped(const struct env *env, uint32_t box, enum side s);
/* Record id of that mailbox (index) is not copied to side s in this run. */
void waiting_add(struct env *env, uint32_t box, enum side s, uint64_t id, const struct err *why);
/* The same of what was to be done with it on that side. */
void waiting_add_work(struct env *env, enum waiting_work work, uint32_t box, enum side s, uint64_t id, const struct err *why);
void waiting_add_stopped(struct env *env, uint32_t box, enum side s, uint64_t id);
const char *waiting_digits(struct arena *a, uint64_t n);	/* 2,691: as a person writes it */
int waiting_tell(struct env *env, struct err *e);		/* no job is under way */

/* left_out.c */
/* The message of record `id`, in that mailbox (index) of side s, was asked for and did not come. */
void left_out_note(struct env *env, uint32_t box, enum side s, uint64_t id);
int left_out_count(struct env *env, struct err *e);	/* at the end: those that are listed still */

/* refused.c */
enum { REFUSED_RUNS = 3 };
/* One run more in which it was not to be had on the other side for reasons of its own. True: that makes REFUSED_RUNS, and it is set aside with
 * that reason (borrowed). */
bool refused_once_more(struct record *rec, const char *why);
void refused_note(struct env *env, const struct record *rec, enum side s, const struct err *why);
/* At the end of the run: counts them, and sets aside what was refused often enough. */
int refused_count(struct env *env, struct err *e);
/* A dry run: what is set aside, and so not in the plan. */
int refused_tell(struct env *env, struct err *e);

#endif
