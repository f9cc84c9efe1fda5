/* What apply.c (when) and settle.c (what it means for the base) share. Private to sync/apply. */
#ifndef SYNC_APPLY_APPLY_INSIDE_H
#define SYNC_APPLY_APPLY_INSIDE_H

#include "sync/apply/jobs.h"

enum op_status { OP_WAIT, OP_RUNNING, OP_DONE, OP_FAILED,
	OP_UNKNOWN			/* it may have happened; not asked for again by this plan */
};

struct applying {
	struct env *env;
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
struct run_box *apply_box(const struct applying *x, uint32_t plan_box);
uint32_t apply_to_box(const struct applying *x, const struct op *op);
/* What is suspected when a session ends in which operation i is under way. */
struct isolate_item apply_suspect(const struct applying *x, uint32_t i);
/* Keeps a record, or forgets it where neither side has it any more. */
int settle_put(struct applying *x, const struct run_box *box, struct record *rec, struct err *e);
int settle_log(struct applying *x, const struct batch *b, size_t n, const char *verb, struct err *e);

/* settle.c */
void settle_fill(struct applying *x, struct batch *b, uint32_t op);	/* adds an operation to a batch */
int settle_intents(struct applying *x, struct batch *b, struct err *e);
int settle(struct applying *x, struct batch *b, struct err *e);
int settle_state_only(struct applying *x, uint32_t op, struct err *e);

/* settle_boxes.c */
/* Before a mailbox is made again. */
int settle_revive(struct applying *x, const struct batch *b, struct err *e);
int settle_leaving(struct applying *x, const struct batch *b, struct err *e);
/* A mailbox was made, renamed or removed, or not. */
int settle_box(struct applying *x, struct batch *b, struct err *e);

#endif
