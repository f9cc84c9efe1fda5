/* What apply.c (when) and settle.c (what it means for the base) share. Private to sync/apply. */
#ifndef SYNC_APPLY_APPLY_INSIDE_H
#define SYNC_APPLY_APPLY_INSIDE_H

#include "sync/apply/jobs.h"

enum op_status { OP_WAIT, OP_RUNNING, OP_DONE, OP_FAILED,
	OP_UNKNOWN			/* it may have happened; not asked for again by this plan */
};

struct exec {
	struct run *run;
	const struct plan_input *in;
	const struct plan *plan;
	enum op_status *status;		/* per operation */
	bool *is_second;		/* per operation: expunged once without success, and again after the others */
	struct record **live;		/* per message: its record now (pairs share one) */
	struct arena arena;		/* of what `live` came to say */
	uint32_t *left;			/* per mailbox: operations on stores that have not come to an end */
	bool is_store_lost;
	struct err store_err;
};

/* op.c */
/* The run's box behind an index of the plan's boxes, and where a move goes. */
struct run_box *exec_box(const struct exec *x, uint32_t plan_box);
uint32_t exec_to_box(const struct exec *x, const struct op *op);
/* What is suspected when a session ends in which operation i is under way. */
struct isolate_item exec_item(const struct exec *x, uint32_t i);
/* Keeps a record, or forgets it where neither side has it any more. */
int settle_put(struct exec *x, const struct run_box *box, struct record *rec, struct err *e);
int settle_log(struct exec *x, const struct batch *b, size_t n, const char *verb, struct err *e);

/* settle.c */
void settle_fill(struct exec *x, struct batch *b, uint32_t op);	/* adds an operation to a batch */
int settle_intents(struct exec *x, struct batch *b, struct err *e);
int settle(struct exec *x, struct batch *b, struct err *e);
int settle_state_only(struct exec *x, uint32_t op, struct err *e);

/* settle_boxes.c */
/* Before a mailbox is made again. */
int settle_revive(struct exec *x, const struct batch *b, struct err *e);
int settle_leaving(struct exec *x, const struct batch *b, struct err *e);
/* A mailbox was made, renamed or removed, or not. */
int settle_box(struct exec *x, struct batch *b, struct err *e);

#endif
