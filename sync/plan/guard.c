/* The guards (P10, R21 guards): deletions that look like a mistake wait for a person.
 *
 * Counted, per mailbox and target side, are operations that delete or mark \Deleted there because of the other side. What a person moved is
 * not counted. They are held back when
 *   the other side shows nothing at all where the base knows GUARD_FLOOR messages or more; or
 *   there are more of them than MaxDelete allows, in the mailbox or over the channel; or
 *   there are more of them with those of the last seven days. Where MaxDelete is a share, or the default, this counts only if the mailbox
 *   has lost so much: mail that comes and is deleted week by week is no trickle; or
 *   they were held back by the last run: mail that arrives meanwhile must not make them look few.
 * Messages that a server perhaps does not show any more (windows.c) are held one by one and not counted.
 * A held mailbox holds the moves in and out of it on that side as well; everything else goes on.
 */
#include "sync/plan/build.h"

#include <stdlib.h>

#include "state/base/buf.h"
#include "state/base/hint.h"
#include "state/base/shell_word.h"

enum hold { HOLD_NOT, HOLD_EMPTY, HOLD_MANY, HOLD_WEEK, HOLD_CHANNEL };

struct tally {
	uint64_t deletions;		/* on this side, because of the other one */
	bool removes;			/* the mailbox itself */
	enum hold hold;
};

struct guards {
	struct build *b;
	struct tally (*boxes)[SIDES];	/* by target side */
};

static bool
exceeds(const struct max_delete *max, uint64_t deletions, uint64_t known)
{
	switch (max->kind) {
	case MAX_DELETE_DEFAULT:
		return deletions > GUARD_MOST || (deletions >= GUARD_FLOOR && 2 * deletions > known);
	case MAX_DELETE_COUNT:
		return deletions > max->n;
	case MAX_DELETE_PERCENT:
		return deletions >= GUARD_FLOOR && (double)deletions * 100 > (double)known * (double)max->n;
	case MAX_DELETE_NONE:
		break;
	}
	return false;
}

/* What a side showed in the last seven days, and shows now. */
struct week { uint64_t deleted, shown; };

static bool
has_lost(const struct week *w, uint64_t left, double percent)
{
	return w->shown > left && (double)(w->shown - left) * 100 > (double)w->shown * percent;
}

/* The same over seven days. */
static bool
exceeds_week(const struct max_delete *max, const struct week *w, uint64_t deletions, uint64_t known)
{
	uint64_t total = deletions + w->deleted, left = known > deletions ? known - deletions : 0;

	if (w->deleted == 0 || deletions == 0)
		return false;
	switch (max->kind) {
	case MAX_DELETE_DEFAULT:
		return exceeds(max, total, known + w->deleted) &&
		    (has_lost(w, left, 50) || (w->shown > left && w->shown - left > GUARD_MOST));
	case MAX_DELETE_COUNT:
		return total > max->n;
	case MAX_DELETE_PERCENT:
		return exceeds(max, total, known + w->deleted) && has_lost(w, left, (double)max->n);
	case MAX_DELETE_NONE:
		break;
	}
	return false;
}

/* What was held stays so while the limit is a share of the mailbox, which new mail changes; a limit by count
 * that is raised has been decided upon. */
static bool
stays_held(const struct max_delete *max, const struct plan_box_side *side, uint64_t deletions)
{
	bool is_share = max->kind == MAX_DELETE_DEFAULT || max->kind == MAX_DELETE_PERCENT;

	return side->was_held && (is_share || 2 * deletions > side->known);
}

static bool
is_empty(uint64_t known, uint64_t explained, uint64_t here)
{
	return here == 0 && known >= GUARD_FLOOR && known - (explained < known ? explained : known) >= GUARD_FLOOR;
}

static uint64_t
box_here(const struct guards *g, uint32_t box, enum side s)
{
	const struct plan_box_side *side = &g->b->in->boxes.at[box].side[s];

	return side->exists ? side->here : 0;
}

static void
count(struct guards *g)
{
	size_t i;

	for (i = 0; i < g->b->ops.n; i++) {
		const struct build_op *op = &g->b->ops.at[i];
		struct tally *t = &g->boxes[op->op.box][op->op.side];

		if (!op->is_counted)
			continue;
		t->deletions += op->weight;
		t->removes |= op->op.kind == OP_REMOVE_BOX;
	}
}

static void
judge_boxes(struct guards *g, enum side t)
{
	enum side s = side_other(t);
	uint32_t i;

	for (i = 0; i < g->b->in->boxes.n; i++) {
		const struct plan_box_side *side = &g->b->in->boxes.at[i].side[s];
		struct tally *tally = &g->boxes[i][t];

		if (side->allow_delete || (tally->deletions == 0 && !tally->removes))
			continue;
		if (is_empty(side->known, g->b->boxes[i].explained[s], box_here(g, i, s)))
			tally->hold = HOLD_EMPTY;
		else if (stays_held(&g->b->in->policy.max_delete, side, tally->deletions) ||
		    exceeds(&g->b->in->policy.max_delete, tally->deletions + side->deleted, side->known + side->deleted))
			tally->hold = HOLD_MANY;
		else if (exceeds_week(&g->b->in->policy.max_delete, &(struct week){ side->week_deleted, side->week_shown },
		    tally->deletions, side->known))
			tally->hold = HOLD_WEEK;
	}
}

static void
judge_channel(struct guards *g, enum side t)
{
	uint64_t deletions = 0, known = 0, explained = 0, here = 0, deleted = 0;
	enum side s = side_other(t);
	struct week week = { 0, 0 };
	bool is_wiped, is_week, has_more = false;
	struct buf names = { 0 };
	uint32_t i;

	for (i = 0; i < g->b->in->boxes.n; i++) {
		const struct plan_box_side *side = &g->b->in->boxes.at[i].side[s];

		/* A mailbox that is missing on both sides is forgotten, not deleted. */
		if (side->allow_delete || (!side->exists && !g->b->in->boxes.at[i].side[t].exists))
			continue;
		deletions += g->boxes[i][t].deletions;
		known += side->known;
		deleted += side->deleted;
		explained += g->b->boxes[i].explained[s];
		here += box_here(g, i, s);
		week.deleted += side->week_deleted;
		week.shown += side->week_deleted != 0 ? side->week_shown : side->known;
	}
	is_wiped = is_empty(known, explained, here);
	is_week = !is_wiped && !exceeds(&g->b->in->policy.max_delete, deletions + deleted, known + deleted);
	if (deletions == 0 || (is_week && !exceeds_week(&g->b->in->policy.max_delete, &week, deletions, known)))
		return;
	for (i = 0; i < g->b->in->boxes.n; i++) {
		struct tally *tally = &g->boxes[i][t];

		if (tally->deletions == 0 || g->b->in->boxes.at[i].side[s].allow_delete)
			continue;
		buf_printf(&names, "%s%s", names.len != 0 ? ", " : "", shell_word(&g->b->plan->arena, build_name(g->b, i)));
		if (tally->hold == HOLD_NOT) {
			tally->hold = HOLD_CHANNEL;
			has_more = true;
		}
	}
	if (has_more)
		build_note(g->b, NOTE_ERROR, NONE, arena_printf(&g->b->plan->arena,
		    "%llu of the %llu messages known on %s are deleted there%s, over several mailboxes%s; this is not carried "
		    "over to %s. For each of them, %s carries it over, %s copies the messages "
		    "back to %s: %s", (unsigned long long)deletions, (unsigned long long)known, side_name(s),
		    is_wiped ? ", and nothing is left" : "", !is_week ? "" : arena_printf(&g->b->plan->arena,
		    ", after %llu in the last seven days", (unsigned long long)week.deleted), side_name(t),
		    hint_option(&g->b->plan->arena, &g->b->in->hint, "--allow-delete", "BOX"),
		    hint_option(&g->b->plan->arena, &g->b->in->hint, "--restore", "BOX"), side_name(s), buf_str(&names)));
	buf_release(&names);
}

static void
tell(struct guards *g, uint32_t box, enum side t)
{
	const struct tally *tally = &g->boxes[box][t];
	enum side s = side_other(t);
	const struct plan_box_side *side = &g->b->in->boxes.at[box].side[s];
	const char *name = build_name(g->b, box), *what = "";
	struct arena *a = &g->b->plan->arena;

	if (tally->hold != HOLD_EMPTY && tally->hold != HOLD_MANY && tally->hold != HOLD_WEEK)
		return;
	if (!side->exists)
		what = arena_printf(a, "mailbox \"%s\", with %llu messages known, is missing on %s", name,
		    (unsigned long long)side->known, side_name(s));
	else if (tally->hold == HOLD_EMPTY)
		what = arena_printf(a, "%s shows no message on %s, where %llu are known", name, side_name(s),
		    (unsigned long long)side->known);
	else if (tally->hold == HOLD_WEEK)
		what = arena_printf(a, "%llu of the %llu messages known in %s are deleted on %s, after %llu in the last seven days",
		    (unsigned long long)tally->deletions, (unsigned long long)side->known, name, side_name(s),
		    (unsigned long long)side->week_deleted);
	else
		what = arena_printf(a, "%llu of the %llu messages known in %s are deleted on %s",
		    (unsigned long long)tally->deletions, (unsigned long long)side->known, name, side_name(s));
	build_note(g->b, NOTE_ERROR, box, arena_printf(a, "%s; this is not carried over to %s. %s carries it over, %s copies the messages back "
	    "to %s", what, side_name(t), hint_option(a, &g->b->in->hint, "--allow-delete", name),
	    hint_option(a, &g->b->in->hint, "--restore", name), side_name(s)));
}

/* A flag change that carries a deletion beside others is split: only the deletion waits. Returns the number of the
 * operation that does not, or NONE. */
static uint32_t
hold_op(struct build *b, uint32_t at)
{
	struct op op = b->ops.at[at].op;
	uint32_t rest;

	b->ops.at[at].op.is_held = true;
	if (op.kind != OP_FLAGS)
		return NONE;
	op.add.sys &= ~(uint32_t)FLAG_DELETED;
	if (flags_is_none(op.add) && flags_is_none(op.remove))
		return NONE;
	rest = build_op(b, OP_FLAGS, op.side, REASON_FLAGS, op.box, op.msg, op.other);
	b->ops.at[rest].op.add = op.add;
	b->ops.at[rest].op.remove = op.remove;
	b->ops.at[at].op.add = (struct flags){ FLAG_DELETED, "" };
	b->ops.at[at].op.remove = FLAGS_NONE;
	return rest;
}

static bool
is_held(const struct guards *g, uint32_t box, enum side t)
{
	return g->boxes[box][t].hold != HOLD_NOT;
}

static void
hold(struct guards *g)
{
	struct build *b = g->b;
	uint32_t i, n = (uint32_t)b->ops.n, *rest = mem_realloc(NULL, n, sizeof *rest);
	size_t edges = b->edges.n, k;

	for (i = 0; i < n; i++) {
		struct op op = b->ops.at[i].op;

		rest[i] = NONE;
		if (op.is_window || (b->ops.at[i].is_counted && is_held(g, op.box, op.side)))
			rest[i] = hold_op(b, i);
		else if (op.kind == OP_MOVE && (is_held(g, op.box, op.side) ||
		    is_held(g, b->in->messages.at[op.other].box, op.side)))
			b->ops.at[i].op.is_held = true;
	}
	for (k = 0; k < edges; k++)
		if (rest[b->edges.at[k].op] != NONE)
			build_dep(b, rest[b->edges.at[k].op], b->edges.at[k].dep);
	free(rest);
}

void
build_guards(struct build *b)
{
	struct guards g = { .b = b, .boxes = mem_alloc(b->in->boxes.n * sizeof *g.boxes) };
	uint32_t i;
	enum side t;

	count(&g);
	for (t = FAR; t <= NEAR; t++)
		judge_boxes(&g, t);
	for (i = 0; i < b->in->boxes.n; i++)
		for (t = FAR; t <= NEAR; t++)
			tell(&g, i, t);
	for (t = FAR; t <= NEAR; t++)
		judge_channel(&g, t);
	hold(&g);
	free(g.boxes);
}
