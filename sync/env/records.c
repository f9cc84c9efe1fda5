/* Stores records in the base as they were seen. */
#include "sync/env/env.h"

/* Agreement follows sight: what both sides show alike is agreed (model/record.h). */
int
records_put(struct env *env, struct run_box *b, struct arena *a, struct record *rec, struct err *e)
{
	struct flag_mask masks[SIDES];

	box_masks(b, masks);
	if (record_is_pair(rec) && rec->half[FAR].presence == PRESENCE_HERE &&
	    rec->half[NEAR].presence == PRESENCE_HERE)
		record_agree(a, rec, masks);
	report_unkept(env, b, rec);
	return message_put(env->state, rec, masks, e);
}

/* R7: the side's keys mean nothing any more. Its halves are forgotten; what was agreed stays with the
 * other half, for the three-way merge once the twin is found again. */
int
records_forget_side(struct env *env, struct run_box *b, enum side s, struct err *e)
{
	struct arena a = { 0 };
	struct record rec;
	uint64_t after = 0;
	int got;

	while ((got = message_next(env->state, &a, b->rec.id, after, &rec, e)) > 0) {
		after = rec.id;
		if (rec.half[s].presence != PRESENCE_NEVER) {
			/* What was not shown is not copied back: its like is not shown in the new mailbox either. */
			if (rec.half[s].presence == PRESENCE_BEYOND)
				rec.mark = MARK_SKIPPED;
			/* It may be there still, marked: it is paired anew as any other, and let go again if it is beyond the limit (P18). */
			if (rec.mark == MARK_EXPIRED)
				record_begin_anew(&rec);
			rec.half[s] = RECORD_HALF_NEVER;
			if (rec.half[side_other(s)].presence == PRESENCE_GONE)
				rec.half[side_other(s)] = RECORD_HALF_NEVER;
			if (records_put(env, b, &a, &rec, e) < 0) {
				got = -1;
				break;
			}
		}
		arena_release(&a);
	}
	arena_release(&a);
	return got;
}
