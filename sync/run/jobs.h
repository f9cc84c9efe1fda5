/* Batches: what a worker does in one go, and what came of it. Private to sync/run.
 *
 * A batch holds operations of one kind on one side: copies, or changes (FLAGS and EXPUNGE), of one or several mailboxes,
 * so that adapters can pipeline them; or moves, of one mailbox and one destination; or what is done to one mailbox.
 * The coordinator fills the requests, a worker fills the answers, the coordinator settles (exec.c).
 */
#ifndef SYNC_RUN_JOBS_H
#define SYNC_RUN_JOBS_H

#include "sync/run/pool.h"
#include "sync/run/run.h"

enum { BATCH_PARTS = 32 };

/* Of one mailbox: the batch's operations from first on, n of them. */
struct batch_part {
	uint32_t box;			/* index into run.boxes */
	const char *on, *from_on;	/* names in the stores: acted on, source of bodies */
	uint64_t epoch, from_epoch;	/* 0 = any */
	size_t first, n;
	/* answer */
	int status;			/* -1 with err: nothing more could be done with this mailbox */
	enum side err_side;		/* in which store */
	struct err err;
};

struct batch {
	struct job job;
	enum op_kind kind;		/* OP_FLAGS stands for EXPUNGE as well */
	enum side side;			/* the side acted on */
	struct batch_part part[BATCH_PARTS];
	size_t n_parts;
	uint32_t to;			/* MOVE, CLONE: destination, index into run.boxes */
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
	bool keeps_date;		/* COPY: arrival dates travel */
	struct ident *ident;		/* COPY: of what was carried */
	uint64_t *size;			/* COPY: octets carried */
	struct flag_item *flags;	/* FLAGS: n_flags */
	struct expunge_item *expunge;	/* EXPUNGE: n_expunge */
	size_t n_flags, n_expunge;
	struct move_item *move;		/* MOVE, CLONE */
	enum outcome outcome;		/* RENAME_BOX, CREATE_BOX, REMOVE_BOX */
	unsigned role;
	bool is_container;		/* CREATE_BOX: listed already, as one that holds no mail */
	struct cursor cursor;		/* REMOVE_BOX: as the mailbox was read */
	bool is_there;			/* answer: CREATE_BOX: it exists, and was not listed; REMOVE_BOX: it has changed */
	const volatile sig_atomic_t *cancel;
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

/* copy.c: the job of OP_COPY. */
int copy_run(struct job *j, struct session *session[SIDES], struct err *e);

#endif
