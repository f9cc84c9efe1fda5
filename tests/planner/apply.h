/* A plan carried out in memory, on records alone: what the base would hold if every operation had gone well.
 *
 * Use: applied_begin, applied_op for each operation in an order its dependencies allow, applied_next for the input that
 * a following plan would see, applied_end. plan_check() uses it for C1 and C5; tests stop it at any operation.
 * It decides nothing and shares nothing with the planner but merge.h's bases.
 */
#ifndef TESTS_PLANNER_APPLY_H
#define TESTS_PLANNER_APPLY_H

#include "sync/plan/plan.h"

struct applied {
	struct arena arena;
	const struct plan_input *in;	/* borrowed */
	struct plan_box *boxes;		/* as they are now; of the counts, dropped records leave `known` */
	struct record *records;		/* by message of the input, as they are now */
	bool *is_dropped;
	uint32_t *home;			/* the message whose record holds this one's mail now: itself, or the one joined */
};

void applied_begin(struct applied *w, const struct plan_input *in);
/* One that is held is only remembered (was_held). */
void applied_op(struct applied *w, const struct op *op);
/* Its records are w's: valid until applied_end. The caller releases next_r. */
void applied_next(struct applied *w, struct plan_input *next_r);
void applied_end(struct applied *w);

#endif
