/* What the files of apply/ share. Only the coordinator sees struct applying; workers see batch.h alone. */
#ifndef SYNC_APPLY_APPLY_INSIDE_H
#define SYNC_APPLY_APPLY_INSIDE_H

#include "sync/apply/batch.h"

enum op_status { OP_WAIT, OP_RUNNING, OP_DONE, OP_FAILED,
	OP_UNKNOWN			/* it may have happened; not asked for again by this plan */
};

struct applying {
	struct env *env;
	struct matching *matching;	/* the records as they are now; pairs share one */
	const struct plan_input *in;
	const struct plan *plan;
	enum op_status *status;		/* per operation */
	struct message_words *gone;	/* per operation: of what was expunged, what the store saw of it; place NULL = nothing. NULL: not asked for */
	bool *is_second;		/* per operation: expunged once without success, and again after the others */
	struct arena arena;		/* of what records came to say */
	uint32_t *left;			/* per mailbox: operations on stores that have not come to an end */
	bool is_store_lost;
	struct err store_err;
};

/* common.c */
/* The run's box behind an index of the plan's boxes; where a move goes; the record of an index of the plan's messages. */
struct run_box *apply_box(const struct applying *x, uint32_t plan_box);
uint32_t apply_to_box(const struct applying *x, const struct op *op);
struct record *apply_record(const struct applying *x, uint32_t msg);
uint64_t apply_epoch(const struct run_box *box, enum side s);	/* 0 = not known there yet */
/* What is suspected when a session ends in which operation i is under way. */
struct isolate_item apply_suspect(const struct applying *x, uint32_t i);
/* Keeps a record, or forgets it where neither side has it any more. */
int apply_put(struct applying *x, const struct run_box *box, struct record *rec, struct err *e);
int apply_log(struct applying *x, const struct task *t, const char *verb, struct err *e);
int apply_log_words(struct applying *x, const struct op *op, const char *what, const struct message_words *words, struct err *e);	/* NULL = none */
/* removed.c: what goes with a mailbox. */
int removed_fill(struct applying *x, struct batch *b, struct err *e);
void removed_read(struct batch *b, struct session *session);
int removed_log(struct applying *x, const struct batch *b, struct err *e);
/* What both messages of an operation were moved from, or NULL. */
const struct merge_left *apply_left_by_both(struct applying *x, const struct op *op, struct merge_left *left_r);

/* intents.c */
/* What is about to be done to a task's message, as an intent; the caller fills in what is its own, and keeps it. */
struct intent intent_begin(const struct applying *x, const struct task *t, enum intent_kind kind);
/* The store took it but did not say under what key: the next delta shows it, and until then, for ten minutes, it is not sent again
 * (R11 recovery). ident: of what was sent. */
int intent_keep(struct applying *x, struct task *t, const struct ident *ident, struct err *e);
/* A record that is to get a twin waits for it from here on, also one that was set aside once (FAILED, SKIPPED). */
int intent_await_twin(struct applying *x, const struct run_box *box, struct record *rec, enum side s, bool is_back, struct err *e);
/* Should it be gone after a crash, nobody but us took it away. */
int intent_begin_removal(struct applying *x, const struct task *t, enum half_basis basis, struct err *e);

/* trash.c: what is expunged and kept in the trash (P17). Its request and its intent; the intent of what was not expunged, which stays if it
 * is in the trash, or may be; \Deleted was taken off: it is not to be expunged any more. */
void trash_fill(const struct applying *x, struct batch *b, struct task *t);
void trash_intend(const struct applying *x, struct task *t);
int trash_failed(struct applying *x, struct task *t, struct err *e);
int trash_withdraw(struct applying *x, const struct task *t, struct err *e);

/* given_keys.c: keys that a store gave to what was sent to it (R16 three outcomes). */
enum alias {
	ALIAS_NONE,
	ALIAS_EQUAL,			/* the server keeps equal messages once */
	ALIAS_FALSE,			/* it told the key of another message, or one older than what it took */
};
/* Whether `key` on this side of the box already belongs to another record. */
int given_alias(struct applying *x, const struct run_box *box, enum side s, struct key key, const struct record *rec, enum alias *alias_r,
    struct err *e);
/* ALIAS_EQUAL: the message that bears this key is this one as well. Planned to be expunged, it stays. */
void given_shared(struct applying *x, struct record *rec, enum side s, struct key key);
/* Believed once a list shows a message of that size under it. */
void given_take(struct applying *x, const struct task *t, struct record_half *h, struct key key, const char *hint);
/* Messages of one size whose keys were given together, perhaps in a false order. key_of: KEY_NONE = the store did not say. */
void given_mark_alike(struct batch *b, struct key (*key_of)(const struct task *t));

/* op_state.c: what is done to the base alone. */
int state_only(struct applying *x, uint32_t op, struct err *e);

/* op_box.c: a mailbox that is in the way, before and after a group of operations. */
int boxes_before_removal(struct applying *x, struct err *e);
int boxes_after_creation(struct applying *x, struct err *e);
void boxes_leave(struct applying *x);

/* op_copy.c: octets of a message on that side, as listed; or, where the list does not say, as identified. 0 = not known. */
uint64_t copy_size(const struct record *rec, const struct record_half *half);

/* outcome.c */
int settle_tasks(struct applying *x, struct batch *b, struct err *e);
int task_failed(struct applying *x, struct batch *b, struct task *t, const struct err *why, struct err *e);

/* losses.c: what a batch as a whole ran into. */
bool loss_is_given_up(const struct applying *x, enum side s);
void loss_of_parts(struct applying *x, struct batch *b);
int loss_of_sessions(struct applying *x, struct batch *first, struct err *e);
/* What did not get to the store before it was lost waits for another turn. */
void loss_give_turns(struct applying *x, const struct batch *first);

/* batching.c */
/* It stands behind all others: it has ended sessions, or one of few that may have. */
bool batching_is_last(const struct applying *x, uint32_t i);
bool batching_is_possible(const struct applying *x, uint32_t i);
void batching_sort(struct applying *x, uint32_t *ready, size_t n);
/* The next batch of the ready operations, from *at on. */
struct batch *batching_next(struct applying *x, const uint32_t *ready, size_t n, size_t *at);

/* flight.c: a few batches that are all there is to do become one. */
void flight_share(const struct applying *x, struct batch **b, size_t *n);

#endif
