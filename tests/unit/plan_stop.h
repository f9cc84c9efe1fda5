/* For the planner's tests: a plan as text, and the end of a run that is cut short at an operation and begun anew. */
#ifndef TESTS_UNIT_PLAN_STOP_H
#define TESTS_UNIT_PLAN_STOP_H

#include "state/base/buf.h"
#include "tests/planner/apply.h"
#include "sync/plan/explain.h"

static char *
plan_text(const struct plan_input *in, const struct plan *p)
{
	struct buf out = { 0 };
	size_t i;

	for (i = 0; i < p->ops.n; i++) {
		op_explain(in, &p->ops.at[i], &out);
		buf_addc(&out, '\n');
	}
	for (i = 0; i < p->notes.n; i++)
		buf_printf(&out, "! %s\n", p->notes.at[i].text);
	return buf_take(&out);
}

/* What a person would see on both sides. */
static char *
store_text(const struct plan_input *in, const struct applied *w)
{
	struct buf out = { 0 };
	struct arena a = { 0 };
	size_t i;
	enum side s;

	for (i = 0; i < in->boxes.n; i++)
		buf_printf(&out, "%s %d %d\n", w->boxes[i].name, w->boxes[i].side[FAR].exists, w->boxes[i].side[NEAR].exists);
	for (i = 0; i < in->messages.n; i++)
		for (s = FAR; s <= NEAR; s++)
			if (!w->is_dropped[i] && w->records[i].half[s].presence == PRESENCE_HERE)
				buf_printf(&out, "%s #%llu %s\n", side_name(s), (unsigned long long)w->records[i].id,
				    flags_text(&a, w->records[i].half[s].flags));
	arena_release(&a);
	return buf_take(&out);
}

/* A mailbox made again for what is new or changed in it (P8), and nothing more, is another mailbox: nothing counts as gone
 * from it any more, so that of a plan cut short after that more survives than of the whole. */
static bool
has_revival(const struct plan *p)
{
	size_t i;

	for (i = 0; i < p->ops.n; i++)
		if (p->ops.at[i].reason == REASON_REVIVED)
			return true;
	return false;
}

/* Carries out the first `stop` operations, plans anew and carries that out. */
static char *
stopped_text(const struct plan_input *in, const struct plan *p, size_t stop)
{
	struct applied w, again;
	struct plan_input next;
	struct plan q = { 0 };
	char *text;
	size_t i;

	applied_begin(&w, in);
	for (i = 0; i < stop; i++)
		applied_op(&w, &p->ops.at[i]);
	applied_next(&w, &next);
	plan_make(&next, &q);
	applied_begin(&again, &next);
	for (i = 0; i < q.ops.n; i++)
		applied_op(&again, &q.ops.at[i]);
	text = store_text(&next, &again);
	applied_end(&again);
	plan_release(&q);
	plan_input_release(&next);
	applied_end(&w);
	return text;
}

#endif
