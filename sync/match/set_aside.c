/* Sets a message of the planner's input aside: nothing is planned for it in this run. */
#include "sync/match/match_inside.h"

void
set_aside(struct matching *in, uint32_t index, struct arena *a)
{
	struct record *copy = arena_alloc(a, sizeof *copy);
	struct plan_box *box = &in->boxes.at[in->messages.at[index].box];
	int s;

	*copy = *in->messages.at[index].rec;
	copy->mark = MARK_TOMBSTONE;
	in->messages.at[index].rec = copy;
	/* Nor is its mailbox removed because the other side's is gone. */
	for (s = 0; s < SIDES; s++)
		if (!box->side[s].exists) {
			box->side[s].is_gone = false;
			box->side[s].was_known = true;
		}
}
