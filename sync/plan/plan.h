/* From what is known of both sides to a list of operations: a pure function, no I/O, no clock.
 *
 * Use: fill a struct plan_input (plan_input_* helpers), plan_make(), then read plan.ops in order,
 * plan_explain() to tell a person.
 *
 * The input holds only what is not settled (record_is_settled); a box of a million settled messages
 * contributes nothing but its counts. Three things come in although they may be settled: all records of a mailbox that
 * is missing for sure on one side (nothing is removed with it that is not known, and --restore copies all
 * of it); FAILED and SKIPPED records where Sync has OLD or retry_failed is set; the records that links name.
 *
 * Rules, by target side t and source side s = the other (cited by tests/plan):
 *   P1  new on s only: copied to t if sync[t] has NEW; not if \Deleted while either side expunges: then marked
 *       SKIPPED. SKIPPED and FAILED are copied only with OLD (FAILED also with retry_failed).
 *   P2  linked twins (LINK_TWIN): paired, never copied; flags three-way against `agreed` of either record,
 *       else united, \Deleted only if on both.
 *   P3  flags: a flag changed on one side since `agreed` goes to the other, within both masks (R14 masks), if sync[t] has
 *       FLAGS. Flags cannot conflict. Of a placeholder: P21.
 *   P4  gone from s, here on t, sync[t] has GONE: \Deleted on t and the record marked ORPHAN; with
 *       expunge[t] it is expunged. Deletion beats a flag change (noted as a conflict). Without GONE: left pending.
 *   P5  gone from both: the record is dropped. An orphan or unpaired record that is gone: dropped.
 *   P6  \Deleted on t and expunge[t]: expunged, once what the other side must learn of it is done.
 *       With expunge_solo[t]: only what has no twin on s; a pair stays, \Deleted.
 *       Where the other side learns it and expunges as well, it is expunged there without a separate flag change.
 *       What remains on one side afterwards, \Deleted, is an orphan. Of what is expired the last half goes likewise.
 *   P7  a mailbox on s only and never seen on t: created on t with create[t]; else an error names Create.
 *   P8  a mailbox known on s that is missing for sure: removed from t with remove[t] if every message there is known and
 *       unchanged. Where one is new or changed, and create[s] allows it, the mailbox is made again on s for those, and
 *       the others count as gone from s one by one; the same with allow_delete where the mailbox itself may not go (no remove[t],
 *       INBOX); else an error says what to do. Missing on both: forgotten. Missing, not for sure: nothing
 *       is planned for it.
 *   P9  read_only: nothing is planned against that side (a mailbox that is readonly: the same, for it).
 *   P10 a guard (R21 guards) holds deletions back: op.is_held, with a note; restore[s] makes what is gone from s be copied
 *       back to s instead; allow_delete lets it go.
 *   P15 the oldest messages of a mailbox that vanished on s, where its server may show the newest only (window.h): held back, as long as
 *       nobody says how it is; beyond the window: remembered as such (OP_BEYOND), neither deleted nor copied back. What is
 *       beyond s and deleted on t is remembered, too, so that it is not copied back to t once it is shown again. What may be beyond s is
 *       not copied to it. A mailbox whose window is full is removed from s only where that is allowed: what is beyond would go along.
 *   P11 LINK_MOVED: moved on s from box A to box B: the twin on t is moved A -> B, flags carried; not copied, not deleted.
 *       Deleted or moved elsewhere on t at the same time: the message survives where it was moved to, far wins.
 *   P16 LINK_SHARED: flags that were changed on any of those that share a message are changed on it and on all of them.
 *   P12 LINK_CLONED: a copy made on s of a message t has as well: cloned on t, no body over the wire. Not of what is
 *       marked \Deleted on t: copied, as any new message.
 *   P14 a mailbox that is on both sides, under another name on t than the channel's (side[t].name): renamed on t with
 *       create[t], with all that lies below it; its messages stay under its record. No deletion, so no guard counts it.
 *       Where the name is taken by one that stays, nothing is planned. Both renamed: the engine took far's name
 *       (is_contested), and the plan says so.
 *   P13 nothing depends on the order of the input; ops come out phase by phase, in the order of boxes and records
 *       (mailboxes are removed from the last to the first, so that what lies deeper goes first).
 *   P17 an expunge on t is kept (op.trash): in t's own trash, where its store has one, unless that takes only what s never had and s had it; in
 *       that of s, where t has none and s wants what is new on t (remote_new). Not what expired, nor what is in the trash itself,
 *       on either side. It is a deletion to the guards all the same.
 *   P18 expiry (expire.h): on the side of policy.limit a mailbox keeps its newest messages, by their order on the other side, and what is
 *       important. What is older is not copied there, and what is there is marked \Deleted, with expunge[t] expunged, once the other side
 *       has learnt what was changed on it. It is EXPIRED before that (OP_EXPIRE), so that nothing of it is a deletion: it is never carried
 *       over, and no guard counts it. Flags of it travel, but for that \Deleted. What becomes important again stays, or, with OLD, comes
 *       back. A limit that is raised or taken away brings nothing back.
 *   P19 a source (source[s]) is written to by expunges alone: nothing is copied there, not by --restore either, and no flag changes. What is
 *       gone from it was deleted by nobody that counts: its twin stays, and the record is KEPT, so that what is shown again is known. Not
 *       while it shows nothing at all: then all may come back, under other keys even. What is gone from t goes from a source with expunge.
 *   P20 a source that leaves nothing (source[s].leave), or nothing older than so many days: what the other side shows, or showed and is
 *       gone from there, is expunged; the twin is KEPT. No guard counts that: nobody deleted anything.
 *   P21 what is larger than max_size[t] is copied to t as a placeholder, which stands for it there. \Flagged crosses between the two in neither
 *       direction, \Seen to the placeholder only; that it is unread again crosses in both. What has a placeholder for its twin is neither fetched
 *       from a source (P20) nor let go (P18); a placeholder is never a source of copies, and kept in no trash. \Flagged, it is replaced by the
 *       message, with the flags that has, if sync[t] has UPGRADE; with OLD also one whose message is within the limit by now. It
 *       becomes a record of its own for that (OP_UPGRADE, REPLACED), so that its pair has no twin and is copied; and goes, \Deleted or with
 *       expunge[t] expunged, once it has one. No guard counts that. With a mailbox that may have been renamed to where the channel does not
 *       look, the messages behind its placeholders are not removed (P8): it is made again for them, but for allow_delete.
 *
 * Invariants of a plan are those of tests/planner/check.h.
 */
#ifndef SYNC_PLAN_PLAN_H
#define SYNC_PLAN_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "state/base/hint.h"
#include "state/base/mem.h"
#include "state/base/vec.h"
#include "state/model/record.h"
#include "sync/plan/policy.h"

/* ---- input ---- */

struct plan_shown { uint64_t last, most, suspected, held; struct key judged; };

struct plan_box_side {
	bool exists;			/* listed now, and can hold messages */
	const char *name;		/* what it is called there now; NULL = as the channel calls it, or nothing to put right */
	bool was_known;			/* the base has seen it on this side */
	bool is_gone;			/* was known, and is missing for sure (R6 gone if denied) */
	bool may_be_renamed;		/* is_gone, and the store lists mailboxes that the channel does not mean: it may be one of them by now */
	bool is_readable;		/* its delta arrived; false: nothing is concluded from or planned against this side */
	bool is_readonly;
	bool is_trash;			/* it is the trash of this side's store (P17) */
	uint64_t known;			/* records with this half HERE or GONE before this run's plan: the guard's 100 % */
	uint64_t here;			/* messages there now, as far as the base knows */
	struct flag_mask mask;
	const char *refuses;		/* why the store cannot hold a mailbox of this name; NULL = it can */
	uint64_t deleted;		/* deletions that this side shows and that this run has carried over already */
	bool allow_delete;		/* --allow-delete: deletions that this side shows may be carried over */
	bool was_held;			/* the last run held back deletions that this side shows (op_is_guarded), and nobody has
					 * decided since: new mail must not lift a guard */
	bool restore;			/* --restore: what is gone from this side is copied back to it */
	struct key oldest;		/* the lowest key shown there, where keys are UIDs; KEY_NONE = not known, or not wanted: nothing has
					 * vanished */
	struct plan_shown shown;	/* see window.h */
	uint64_t week_deleted;		/* deletions that it showed in the last seven days, carried over without being allowed */
	uint64_t week_shown;		/* messages there before the first of them */
};

/* P18: what is ordered before `from`, or arrived before policy.limit.before, is beyond the limit of the mailbox. */
struct plan_limit {
	bool is_set;			/* false: all its messages are within */
	bool is_by_uid;			/* the order is that of the UIDs on the other side; else of the records */
	uint64_t from;
};

struct plan_box {
	uint32_t id;			/* of the box record; 0 = not paired before */
	const char *name;
	bool is_contested;		/* renamed on both sides, to two names: `name` is far's */
	struct plan_box_side side[SIDES];
	struct plan_limit limit;
};

struct plan_message {
	const struct record *rec;
	uint32_t box;			/* index into boxes */
};

enum link_kind { LINK_TWIN, LINK_MOVED, LINK_CLONED, LINK_SHARED };

/* A fact that pair/ found: two records are one mail.
 *   LINK_TWIN    a: far half only, b: near half only, same box; left: the pair gone from both sides that they are, if any
 *   LINK_MOVED   on `side`: a is a pair whose half vanished there; b, in another box, is new there
 *   LINK_CLONED  on `side`: a is a pair here on both sides; b, in any box, is new there
 *   LINK_SHARED  on `side` equal messages are kept once: what a has there is b's as well, which is here on the other side alone */
struct plan_link {
	enum link_kind kind;
	enum side side;			/* of MOVED and CLONED: where a person did it */
	uint32_t a, b;			/* indexes into messages */
	uint32_t left;			/* of TWIN: the same, or UINT32_MAX */
};

struct plan_input {
	struct policy policy;
	struct hint hint;		/* for notes */
	VEC(struct plan_box) boxes;	/* INBOX first, then by name */
	VEC(struct plan_message) messages;
	/* A message is `b` of at most one link and then in no other. `a` of a LINK_MOVED may be in two, one for each side:
	 * moved on both sides. `a` of a LINK_CLONED or LINK_SHARED may be in several. `left` is in no other link. */
	VEC(struct plan_link) links;
};
void plan_input_release(struct plan_input *in);	/* the arrays; records are the caller's */

/* ---- output ---- */

enum op_kind {				/* in the order of phases */
	OP_RENAME_BOX,			/* side: box is renamed from `from` to `to`, with all below it */
	OP_CREATE_BOX,			/* box on side */
	OP_BEYOND,			/* msg's half on side is there, and its server does not show it (window.h); state only */
	OP_PAIR,			/* msg (far half) and other (near half) become one record, msg's; state only */
	OP_EXPIRE,			/* msg is beyond the limit of side, and goes from there next if it is there; state only */
	OP_UPGRADE,			/* msg's half on side, a placeholder, becomes a record of its own; state only */
	OP_COPY,			/* msg's message is copied to side; its mark is MARK_NEW then */
	OP_CLONE,			/* side: a copy of msg's message is made in other's box for other */
	OP_MOVE,			/* side: msg's message is moved to other's box, and pairs with other */
	/* The record joined by PAIR, CLONE or MOVE gets merge_base_*() (merge.h) as `agreed`. Operations that follow name
	 * it (PAIR: msg; CLONE and MOVE: other), depend on that one, and act on the half it gave. */
	OP_FLAGS,			/* side: add, remove on msg's message */
	OP_EXPUNGE,			/* side: msg's message is removed for good */
	OP_REMOVE_BOX,			/* side: box with all that is in it */
	OP_MARK,			/* msg gets `mark`; state only */
	OP_DROP,			/* msg's record is forgotten; state only */
	OP_DROP_BOX,			/* box is forgotten; state only */
	OP_KINDS
};

/* Why, as data; reason_text() says it in words with the right side filled in. */
enum reason {
	REASON_NEW,			/* new on the other side */
	REASON_RETRY,			/* refused or skipped earlier, asked for again */
	REASON_RESTORE,			/* gone from this side, --restore */
	REASON_EQUAL,			/* the same mail on both sides */
	REASON_FLAGS,			/* changed on the other side */
	REASON_GONE,			/* gone from the other side */
	REASON_DELETED_HERE,		/* marked \Deleted on this side */
	REASON_DELETED_THERE,		/* marked \Deleted on the other side */
	REASON_MOVED,			/* moved on the other side */
	REASON_COPIED,			/* copied on the other side */
	REASON_BOX_NEW,			/* mailbox is new on the other side */
	REASON_BOX_GONE,		/* mailbox was removed on the other side */
	REASON_GONE_BOTH,
	REASON_IS_DELETED,		/* \Deleted, and a side expunges: not worth a copy */
	REASON_ORPHANED,		/* its twin was deleted */
	REASON_RENAMED,			/* mailbox was renamed on the other side */
	REASON_WINDOW,			/* its server shows the newest messages only */
	REASON_REVIVED,			/* its mailbox was removed here, and it is new or changed on the other side */
	REASON_EXPIRED,			/* one of the oldest, beyond the limit of this side */
	REASON_IMPORTANT,		/* it was beyond the limit, and is important by now */
	REASON_FETCHED,			/* the other side has it, and nothing is left here */
	REASON_UPGRADE,			/* asked for in place of its placeholder */
	REASON_REPLACED,		/* a placeholder, and the message is here by now */
};

/* Of OP_EXPUNGE: where a copy of the message is before it goes (P17). */
enum op_trash {
	TRASH_NONE,
	TRASH_OWN,			/* in the trash of the store that it goes from */
	TRASH_OTHER,			/* in that of the other side */
};

struct op {
	enum op_kind kind;
	enum side side;			/* the side acted on */
	enum reason reason;
	uint32_t box;			/* index into boxes: where it acts; for MOVE and CLONE the box left */
	uint32_t msg, other;		/* indexes into messages; UINT32_MAX = none */
	uint32_t left;			/* PAIR, MOVE: the message that both were moved from, each on its side; UINT32_MAX = none */
	struct flags add, remove;	/* OP_FLAGS; for COPY, CLONE, MOVE: unused. Keywords live as long as the plan
					 * and the input's records */
	enum record_mark mark;		/* OP_MARK */
	enum op_trash trash;		/* OP_EXPUNGE */
	const char *from, *to;		/* OP_RENAME_BOX; of the input, or the plan's arena */
	bool is_placeholder;		/* OP_COPY: what stands for it is (P21), as far as its size is known */
	bool is_conflict;		/* the other side's change lost; a note says which */
	bool is_held;			/* by a guard: not carried out */
	uint64_t weight;		/* messages that it deletes because of the other side, for MaxDelete; 0 = not counted */
	bool is_window;			/* ... that of windows: the message is perhaps not shown any more, not deleted */
	uint32_t dep_at, dep_n;		/* plan.deps.at[dep_at .. +dep_n): ops that must be DONE first (R15 dependencies) */
};

enum note_level {
	NOTE_INFO,
	NOTE_WARNING,
	NOTE_LATER,		/* work waits for the next run: the run exits 75 */
	NOTE_ERROR		/* the run exits 1 */
};
struct plan_note {
	enum note_level level;
	uint32_t box;			/* UINT32_MAX = the channel */
	const char *text;
};

/* The oldest of a mailbox that vanished on a side, and how that was judged. */
struct plan_vanished {
	uint32_t box;
	enum side side;
	uint64_t n;			/* not judged before; 0 = all were */
	enum window_verdict verdict;	/* on these */
	struct key judged;		/* what vanished below it is deleted, now and later; KEY_NONE = nothing */
};

struct plan {
	struct arena arena;
	VEC(struct op) ops;
	VEC(uint32_t) deps;
	VEC(struct plan_note) notes;
	VEC(struct plan_vanished) vanished;
	bool awaits_placeholder;	/* P21: what is done now may show that one is gone, and was filed nowhere */
};

/* P21: too large for side t, as far as its size is known. Not what was asked for in spite of its size. */
bool plan_is_too_large(const struct policy *p, const struct record *r, enum side t);
/* P21: one half is a placeholder, and the message is wanted in its place. */
bool plan_is_asked_for(const struct policy *p, const struct record *r);
/* P20: a pair whose half on a source may go from there. */
bool plan_is_fetched(const struct policy *p, const struct record *r, enum side *source_r);
void plan_make(const struct plan_input *in, struct plan *plan_r);	/* plan_r: zeroed */
void plan_release(struct plan *p);
/* Tests only: what is wrong with a plan, in words (arena), or NULL; such a plan is not carried out. NULL in what is installed. */
extern const char *(*plan_checked)(const struct plan_input *in, const struct plan *p, struct arena *a);

/* With this mark, may be copied to t: by what Sync allows. */
bool plan_may_copy(const struct policy *policy, enum record_mark mark, enum side t);

bool op_is_state_only(enum op_kind kind);
bool op_is_deletion(const struct op *op);	/* EXPUNGE, REMOVE_BOX, and FLAGS that add \Deleted */
/* A held operation for which the mailbox's was_held is to be set, on the other side, until a run holds nothing there. */
bool op_is_guarded(const struct op *op);

#endif
