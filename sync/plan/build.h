/* A plan in the making: what the files of the planner share. Nothing outside sync/plan includes this.
 *
 * Use, by plan_make(): build_begin, build_boxes (boxes.c), build_moved (moves.c), build_revivals (boxes.c), build_renames
 * (renames.c), build_links (moves.c), build_windows (windows.c), build_messages (plan.c), build_removals (boxes.c), build_trash (trash.c), build_guards (guard.c), build_end.
 *
 * Invariants:
 *   1. Operations are added in any order; build_end() puts them in the order of P13. A dependency goes from an
 *      operation to one of an earlier phase, or to one of the same phase and message that was added before.
 *   2. A message whose view is_taken has been planned for; no later step plans for it.
 */
#ifndef SYNC_PLAN_BUILD_H
#define SYNC_PLAN_BUILD_H

#include "sync/plan/plan.h"

#define NONE UINT32_MAX

/* What a mailbox allows in this run. */
struct box_view {
	bool is_open;			/* its messages are planned for: both sides are readable or being created */
	bool is_there[SIDES];		/* can be read from, or is being created */
	bool can_write[SIDES];
	bool is_gone[SIDES];		/* missing for sure: nothing is HERE */
	bool is_new[SIDES];		/* created for the first time: what records say of this side is void */
	bool is_leaving[SIDES];		/* to be removed from this side, if nothing there speaks against it (P8) */
	enum window_verdict window[SIDES];	/* of the oldest that vanished there */
	bool is_revived[SIDES];		/* removed there, and made again for what is new or changed on the other side (P8) */
	uint32_t create[SIDES];		/* OP_CREATE_BOX, or NONE */
	uint32_t removal;		/* OP_REMOVE_BOX, or NONE */
	/* Messages that are known on that side and missing for a reason: moved elsewhere, or gone from both sides. */
	uint64_t explained[SIDES];
	uint64_t carried[SIDES];	/* messages this plan moves out of it on that side */
	uint64_t unknown;		/* messages that speak against its removal */
	uint64_t conflicts;		/* flag changes that lose against a deletion */
	uint64_t survivals[SIDES];	/* messages moved into it on that side, and deleted on the other */
	uint64_t contests;		/* messages moved out of it on near that far had moved elsewhere */
};

struct message_view {
	uint32_t rank;			/* position in the order of boxes and records */
	uint32_t clones;		/* OP_CLONEs that read it: a chain through build_op.next, or NONE */
	uint32_t moved_to[SIDES];	/* the message of a LINK_MOVED that it is `a` of, or NONE */
	uint32_t sharers, next_sharer;	/* of LINK_SHARED: those that share its message, a chain by rank; NONE */
	bool is_taken;
	bool is_moved;			/* lives on elsewhere: its deletion does not count (R21 guards) */
	bool is_oldest[SIDES];		/* vanished there, and is older than all that is shown (P15) */
	bool is_carried;		/* an OP_MOVE takes it out of its mailbox */
};

struct build_op {
	struct op op;
	uint32_t next;
	bool is_counted;		/* a deletion because of the other side (R21) */
	bool is_void;			/* not to be after all; nothing depends on it */
	uint64_t weight;		/* messages it deletes there */
};

struct build_edge { uint32_t op, dep; };

struct build {
	const struct plan_input *in;
	struct plan *plan;
	struct arena scratch;		/* flags that no operation keeps */
	struct box_view *boxes;
	struct message_view *messages;
	uint32_t *order;		/* messages by rank */
	VEC(struct build_op) ops;
	VEC(struct build_edge) edges;
};

/* ---- build.c ---- */
void build_begin(struct build *b, const struct plan_input *in, struct plan *plan);
void build_end(struct build *b);
/* Returns the new operation's number. */
uint32_t build_op(struct build *b, enum op_kind kind, enum side side, enum reason reason, uint32_t box,
    uint32_t msg, uint32_t other);
/* dep = NONE: nothing. */
void build_dep(struct build *b, uint32_t op, uint32_t dep);
/* Whatever reads msg on this side must be done first. */
void build_dep_readers(struct build *b, uint32_t op, uint32_t msg, enum side side);
void build_count(struct build *b, uint32_t op, uint64_t weight);
/* text: in the plan's arena. */
void build_note(struct build *b, enum note_level level, uint32_t box, const char *text);
/* What the record says, seen with what became of its mailbox. */
enum presence build_presence(const struct build *b, uint32_t msg, enum side side);
/* record_is_single(), as its mailbox is now. */
bool build_is_single(const struct build *b, uint32_t msg, enum side side);
const struct record *build_record(const struct build *b, uint32_t msg);
const char *build_name(const struct build *b, uint32_t box);
void build_mask(const struct build *b, uint32_t box, struct flag_mask mask_r[SIDES]);
/* May be copied to t: by its mark and what Sync allows. */
bool build_may_copy(const struct build *b, uint32_t msg, enum side t);
uint32_t build_mark(struct build *b, uint32_t msg, enum side side, enum reason reason, enum record_mark mark);
void build_copy(struct build *b, uint32_t msg, enum side t, enum reason reason);
/* \Deleted where a side expunges: not worth a copy (P1). */
bool build_is_waste(const struct build *b, uint32_t msg, enum side s);

/* ---- boxes.c ---- */
void build_boxes(struct build *b);
/* The mailbox is not created on t after all, as `other` has its name there: before anything depends on that. */
void build_cannot_create(struct build *b, uint32_t box, enum side t, uint32_t other);
void build_revivals(struct build *b);
void build_removals(struct build *b);

/* ---- renames.c ---- */
void build_renames(struct build *b);

/* ---- moves.c ---- */
void build_moved(struct build *b);	/* which messages were moved, and to where: before all that asks */
void build_links(struct build *b);

/* ---- pairs.c ---- */
/* A pair as it is, or as it will be once operation `after` is done. */
struct pair_view {
	uint32_t msg;			/* its record */
	uint32_t after;			/* or NONE */
	struct flags shown[SIDES];
	struct flags base;
	enum record_placeholder placeholder;
	enum side fresh;		/* with is_cloned: the side whose flags come with the copy itself (NEW) */
	bool is_cloned;
	bool is_leaving;		/* P18: `leaving` is expunged by the caller: its flags do not matter any more */
	enum side leaving;
};
/* The last half goes, and the record with it. Returns the OP_EXPUNGE. */
uint32_t build_expunge_last(struct build *b, uint32_t msg, enum side t, enum reason reason);

/* The changes of flags that it planned; NONE. */
struct pair_ops { uint32_t flags[SIDES]; };
struct pair_ops build_pair(struct build *b, const struct pair_view *v);

/* The pair as its record has it. */
struct pair_view build_view(struct build *b, uint32_t msg);

/* ---- expire.c ---- */
/* It is beyond the limit of its mailbox, and may go from there, or stay away. */
bool build_is_beyond(const struct build *b, uint32_t msg);
/* It is beyond the limit of its mailbox: it is planned to go, or not to come. False: it is not, and nothing is planned. */
bool build_expiry(struct build *b, uint32_t msg);
/* Of what is marked EXPIRED and here on one side or both: what it is to be planned for as; if it is not planned already. */
enum expired {
	EXPIRED_PLANNED,
	EXPIRED_IS_PAIR,
	EXPIRED_IS_GONE,		/* from the side that has no limit */
	EXPIRED_IS_LAST,		/* only its \Deleted is of interest */
};
enum expired build_expired(struct build *b, uint32_t msg, enum side *limited_r);

/* ---- upgrade.c ---- */
/* A placeholder that is to be replaced by its message: planned as that. */
bool build_upgrade(struct build *b, uint32_t msg);
/* ... and that has been. */
void build_replaced(struct build *b, uint32_t msg);
/* What is new where its placeholder was, and not read, may be that. */
bool build_may_be_shown(const struct build *b, uint32_t msg);
/* A placeholder that is gone from s, and may be elsewhere there: moved to where its message may not follow, in a mailbox that was not seen, or
 * one that was not read. Its message is all there is, and is not deleted for that. */
bool build_may_be_filed(const struct build *b, uint32_t msg, enum side s);
/* A placeholder on s that went with its mailbox, which may have been renamed to where the channel does not look. */
bool build_may_be_renamed(const struct build *b, uint32_t msg, enum side s);
/* What there is on the side that t would get it from is the message itself. */
bool build_has_source(const struct build *b, uint32_t msg, enum side t);

/* ---- windows.c ---- */
void build_windows(struct build *b);

/* ---- trash.c ---- */
void build_trash(struct build *b);	/* once all operations are there */

/* ---- guard.c ---- */
void build_guards(struct build *b);

#endif
