/* Batches: what a worker does in one go, and what came of it. Private to sync/apply.
 *
 * A batch holds tasks of one operation (copy, change, move or box) on one side: copies, or changes (FLAGS and EXPUNGE), of one or several
 * mailboxes, so that adapters can pipeline them; or moves, of one mailbox and one destination; or what is done to one mailbox.
 * The coordinator fills the requests, a worker fills the answers, the coordinator settles (apply.c).
 *
 * Batches may share a job, and so a flight: all that can be sent without waiting leaves before the first answer is waited for.
 */
#ifndef SYNC_APPLY_BATCH_H
#define SYNC_APPLY_BATCH_H

#include <stdatomic.h>

#include "sync/env/pool.h"
#include "sync/apply/apply.h"

enum { BATCH_PARTS = 32 };

struct applying;
struct batch;

/* Of one mailbox: the batch's tasks from first on, n of them. */
struct batch_part {
	uint32_t box;			/* index into env.boxes */
	const char *on, *from_on;	/* names in the stores: acted on, source of bodies */
	uint64_t epoch, from_epoch;	/* 0 = any */
	struct cursor seen;		/* of the mailbox acted on, as it was read */
	size_t first, n;
	/* answer */
	int status;			/* -1 with err: nothing more could be done with this mailbox */
	enum side err_side;		/* in which store */
	struct err err;
};

/* One operation of the plan, from its turn to its outcome. */
struct task {
	uint32_t i;			/* of plan.ops */
	const struct op *op;		/* the same */
	struct record *rec, *other;	/* of op->msg and op->other, as they are now; NULL = none */
	struct intent intent;		/* id 0 = none */
	/* What the store is asked, and answers: that of its operation. */
	struct fetch_item *fetch;	/* copy */
	struct deliver_item *deliver;	/* copy */
	struct flag_item *flags;	/* change: one of these two */
	struct expunge_item *expunge;
	bool goes_over;			/* change, EXPUNGE: into the trash of the other side, before */
	struct move_item *move;		/* move */
	/* What was carried. */
	bool is_placeholder;		/* copy: what stands for it is carried (P21) */
	bool must_be_whole;		/* copy: nothing can stand for it */
	uint64_t size_most;		/* copy: the limit that it is under; 0 = none */
	struct ident ident;		/* copy: of the message */
	uint64_t size;			/* copy: octets; 0 = nothing yet */
	uint64_t wire_size;		/* copy: the same as IMAP carries them; move: as listed. 0 = not known */
	bool has_arrived;		/* copy: it counts as carried, though it is not settled yet */
	bool is_alike;			/* copy, move: only their order says which of these it is */
};

/* How one kind of operation is done, told in one file: op_copy.c, op_change.c, op_move.c, op_box.c. */
struct operation {
	/* The coordinator: requests for `room` tasks; that of one, which is batch->task[n - 1]; what the base has to know before. */
	void (*make)(struct batch *b, size_t room);
	void (*fill)(struct applying *x, struct batch *b, struct task *t);
	int (*prepare)(struct applying *x, struct batch *b, struct err *e);
	/* The worker: begin sends what need not wait, NULL = nothing; end does the rest. Both fill answers; -1: the batch as a whole
	 * could not be done, or not to its end. end follows a begin that failed as well. */
	int (*begin)(struct batch *b, struct session *session[SIDES], struct err *e);
	int (*end)(struct batch *b, struct session *session[SIDES], struct err *e);
	/* What `end` leaves where it sets has_rest: it needs no session. NULL = it never does. */
	int (*rest)(struct batch *b, struct err *e);
	/* The coordinator: what came of all of it. */
	int (*settle)(struct applying *x, struct batch *b, struct err *e);
	/* ... and, for settle_tasks() (outcome.c), of one message: what the store answered; what that means for the base. */
	enum outcome (*outcome)(const struct task *t, const struct err **why_r);
	int (*done)(struct applying *x, struct batch *b, struct task *t, struct err *e);
	int (*failed)(struct applying *x, struct batch *b, struct task *t, const struct err *why, struct err *e);
};
/* trash_look.c: takes is_trashed, or goes_over, off those that an earlier attempt has put into the trash. -1: it cannot tell.
 * trash_over.c: puts those that go over there; what could not be has an error and is not expunged. -1: nothing more can be done; b->err_side. */
int trash_look(struct batch *b, struct session *session[SIDES], struct err *e);
int trash_over(struct batch *b, struct session *session[SIDES], struct err *e);

void removed_free(struct batch *b);	/* removed.c */

extern const struct operation op_copy, op_change, op_move, op_box;

struct copying;			/* op_copy.c */
struct as_placeholder;		/* as_placeholder.c: its header, and what stands for it */

struct batch {
	struct job job;			/* of this one, and those along */
	struct batch *along;		/* the next that shares the job; NULL = none */
	struct fetch_job *closing[SIDES];	/* of the first: what all of them write to is read again in the same flight; or NULL */
	const struct operation *how;
	enum op_kind kind;		/* OP_FLAGS stands for EXPUNGE as well */
	enum side side;			/* the side acted on */
	bool needs[SIDES];
	bool has_begun;
	bool may_rest, has_rest;	/* `end` may leave what needs no session to `rest`; it did */
	bool is_retried;		/* the store asked for patience, and all that it did not take has another turn */
	bool reads_later;		/* answer: what was read in the flight is not enough, or of before the last it wrote */
	/* answer */
	int status;			/* -1 with err */
	enum side err_side;
	struct err err;
	struct batch_part part[BATCH_PARTS];
	size_t n_parts;
	struct task *task;		/* n */
	size_t n;
	/* The requests of its tasks, in rows as stores take them. */
	struct fetch_item *fetch;
	struct deliver_item *deliver;
	struct flag_item *flags;
	struct expunge_item *expunge;
	struct move_item *move;
	size_t n_flags, n_expunge;
	/* copy */
	bool copy_arrival_date;		/* arrival dates travel */
	const atomic_int *cancel;
	struct run_arriving *arriving;	/* the run's, to which this batch has added so much: settled, it is taken away */
	uint64_t arrived, arrived_bytes;
	struct copying *copying;	/* while under way */
	/* change, while under way */
	struct box_changes *changes;	/* n_parts */
	struct changing *changing;
	const char *trash;		/* the mailbox that those of `expunge` go to first that are is_trashed; NULL = none */
	bool is_trash_over;		/* it is one of the other side: for tasks that go over */
	/* move: the destination. box, RENAME_BOX: the new name */
	uint32_t to;			/* index into env.boxes */
	const char *to_on;
	uint64_t to_epoch;
	/* box */
	enum outcome outcome;
	unsigned role;			/* CREATE_BOX */
	struct cursor cursor;		/* REMOVE_BOX: as the mailbox was read */
	struct removed *removed;	/* REMOVE_BOX: what is in it; NULL = not known */
	bool is_there;			/* answer: CREATE_BOX: it exists, and was not listed; REMOVE_BOX: it has changed */
	struct arena arena;		/* requests and answers */
};

/* FLAGS and EXPUNGE are done in one visit to their mailbox. */
static inline enum op_kind
batch_kind(enum op_kind kind)
{
	return kind == OP_EXPUNGE ? OP_FLAGS : kind;
}

static inline bool
is_box_op(enum op_kind kind)
{
	return kind == OP_RENAME_BOX || kind == OP_CREATE_BOX || kind == OP_REMOVE_BOX;
}

/* room: for tasks */
struct batch *batch_new(const struct operation *how, enum op_kind kind, enum side side, size_t room);
void batch_free_all(struct batch *first);	/* it, and those along */
/* b shares the job of `with`: behind those along with it. */
void batch_join(struct batch *with, struct batch *b);
/* Answers of batches whose job was not run, for want of a session. */
void batch_take_answers(struct batch *b);
bool batch_has_lost_store(const struct batch *b);

#endif
