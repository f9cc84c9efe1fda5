/* Batches: what a worker does in one go, and what came of it. Private to sync/apply.
 *
 * A batch holds operations of one kind on one side: copies, or changes (FLAGS and EXPUNGE), of one or several mailboxes,
 * so that adapters can pipeline them; or moves, of one mailbox and one destination; or what is done to one mailbox.
 * The coordinator fills the requests, a worker fills the answers, the coordinator settles (apply.c).
 *
 * Batches may share a job, and so a flight: all that can be sent without waiting leaves before the first answer is waited for.
 */
#ifndef SYNC_APPLY_JOBS_H
#define SYNC_APPLY_JOBS_H

#include <stdatomic.h>

#include "sync/env/pool.h"
#include "sync/apply/apply.h"

enum { BATCH_PARTS = 32 };

/* Of one mailbox: the batch's operations from first on, n of them. */
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

struct copying;			/* copy.c */

struct batch {
	struct job job;			/* of this one, and those along */
	struct batch *along;		/* the next that shares the job; NULL = none */
	struct fetch_job *closing[SIDES];	/* of the first: what all of them write to is read again in the same flight; or NULL */
	bool needs[SIDES];
	/* begin sends what need not wait, NULL = nothing; end does the rest. Both fill answers; -1: the batch as a whole
	 * could not be done, or not to its end. end follows a begin that failed as well. */
	int (*begin)(struct batch *b, struct session *session[SIDES], struct err *e);
	int (*end)(struct batch *b, struct session *session[SIDES], struct err *e);
	bool has_begun;
	bool is_retried;		/* the store asked for patience, and all that it did not take has another turn */
	bool reads_later;		/* answer: what was read in the flight is not enough, or of before the last it wrote */
	/* answer */
	int status;			/* -1 with err */
	enum side err_side;
	struct err err;
	enum op_kind kind;		/* OP_FLAGS stands for EXPUNGE as well */
	enum side side;			/* the side acted on */
	struct batch_part part[BATCH_PARTS];
	size_t n_parts;
	uint32_t to;			/* MOVE, CLONE: destination, index into env.boxes */
	const char *to_on;
	uint64_t to_epoch;
	size_t n;
	uint32_t *op;			/* n indexes of plan.ops */
	bool *is_expunge;		/* FLAGS: n; which kind of change */
	size_t *at;			/* FLAGS: n; where in `flags` or `expunge` it stands */
	struct intent *intent;		/* n; id 0 = none */
	/* requests and answers, by kind; n of each */
	struct fetch_item *fetch;	/* COPY */
	struct deliver_item *deliver;	/* COPY */
	bool copy_arrival_date;		/* COPY: arrival dates travel */
	struct ident *ident;		/* COPY: of what was carried */
	uint64_t *size;			/* COPY: octets carried */
	uint64_t *wire_size;		/* COPY: the same as IMAP carries them; MOVE, CLONE: as listed. 0 = not known */
	bool *is_alike;			/* COPY, MOVE, CLONE: only their order says which of these it is */
	struct flag_item *flags;	/* FLAGS: n_flags */
	struct expunge_item *expunge;	/* EXPUNGE: n_expunge */
	size_t n_flags, n_expunge;
	struct box_changes *changes;	/* FLAGS: n_parts, while they are under way */
	struct changing *changing;
	struct copying *copying;	/* COPY, while under way */
	struct move_item *move;		/* MOVE, CLONE */
	enum outcome outcome;		/* RENAME_BOX, CREATE_BOX, REMOVE_BOX */
	unsigned role;
	struct cursor cursor;		/* REMOVE_BOX: as the mailbox was read */
	bool is_there;			/* answer: CREATE_BOX: it exists, and was not listed; REMOVE_BOX: it has changed */
	const atomic_int *cancel;
	struct arena arena;		/* requests and answers */
};

static inline bool
is_box_op(enum op_kind kind)
{
	return kind == OP_RENAME_BOX || kind == OP_CREATE_BOX || kind == OP_REMOVE_BOX;
}

/* room: for operations */
struct batch *batch_new(enum op_kind kind, enum side side, size_t room);
void batch_free(struct batch **b);
/* b shares the job of `with`: behind those along with it. */
void batch_join(struct batch *with, struct batch *b);
/* Answers of batches whose job was not run, for want of a session. */
void batch_take_answers(struct batch *b);

/* copy.c: OP_COPY. */
int copy_begin(struct batch *b, struct session *session[SIDES], struct err *e);
int copy_end(struct batch *b, struct session *session[SIDES], struct err *e);

#endif
