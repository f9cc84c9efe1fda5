#include "sync/plan/explain.h"

#include <stdlib.h>

static const char *const kind_words[OP_KINDS] = {
	[OP_RENAME_BOX] = "rename", [OP_CREATE_BOX] = "create", [OP_BEYOND] = "beyond", [OP_PAIR] = "pair", [OP_EXPIRE] = "expire", [OP_UPGRADE] = "upgrade", [OP_COPY] = "copy", [OP_CLONE] = "clone", [OP_MOVE] = "move",
	[OP_FLAGS] = "flags", [OP_EXPUNGE] = "expunge", [OP_REMOVE_BOX] = "remove", [OP_MARK] = "mark",
	[OP_DROP] = "drop", [OP_DROP_BOX] = "forget",
};

static const char *const reason_words[] = {
	[REASON_NEW] = "new", [REASON_RETRY] = "retry", [REASON_RESTORE] = "restore", [REASON_EQUAL] = "equal",
	[REASON_FLAGS] = "flags", [REASON_GONE] = "gone", [REASON_DELETED_HERE] = "deleted-here",
	[REASON_DELETED_THERE] = "deleted-there", [REASON_MOVED] = "moved", [REASON_COPIED] = "copied",
	[REASON_BOX_NEW] = "box-new", [REASON_BOX_GONE] = "box-gone", [REASON_GONE_BOTH] = "gone-both",
	[REASON_IS_DELETED] = "is-deleted", [REASON_ORPHANED] = "orphaned",
	[REASON_RENAMED] = "renamed", [REASON_REVIVED] = "revived", [REASON_WINDOW] = "window",
	[REASON_EXPIRED] = "expired", [REASON_IMPORTANT] = "important",
	[REASON_FETCHED] = "fetched", [REASON_UPGRADE] = "upgrade", [REASON_REPLACED] = "replaced",
};

static const char *const trash_words[] = { [TRASH_NONE] = "", [TRASH_OWN] = " to-trash", [TRASH_OTHER] = " to-other-trash" };

static const char *const mark_words[] = {
	[MARK_NEW] = "new", [MARK_ORPHAN] = "orphan", [MARK_SKIPPED] = "skipped", [MARK_FAILED] = "failed",
	[MARK_EXPIRED] = "expired", [MARK_TOMBSTONE] = "tombstone", [MARK_KEPT] = "kept", [MARK_REPLACED] = "replaced",
};

const char *
reason_text(struct arena *a, enum reason reason, enum side side, const struct explain_names *names)
{
	const char *here = names->side[side], *there = names->side[side_other(side)];

	switch (reason) {
	case REASON_NEW: return arena_printf(a, "new on %s", there);
	case REASON_RETRY: return "set aside earlier, asked for again";
	case REASON_RESTORE: return arena_printf(a, "deleted on %s, asked back by --restore", here);
	case REASON_EQUAL: return "the same mail on both sides";
	case REASON_FLAGS: return arena_printf(a, "changed on %s", there);
	case REASON_GONE: return arena_printf(a, "gone from %s", there);
	case REASON_DELETED_HERE: return arena_printf(a, "marked \\Deleted on %s", here);
	case REASON_DELETED_THERE: return arena_printf(a, "marked \\Deleted on %s", there);
	case REASON_MOVED: return arena_printf(a, "moved on %s", there);
	case REASON_COPIED: return arena_printf(a, "copied on %s", there);
	case REASON_BOX_NEW: return arena_printf(a, "mailbox is new on %s", there);
	case REASON_BOX_GONE: return arena_printf(a, "mailbox was removed on %s", there);
	case REASON_GONE_BOTH: return "gone from both sides";
	case REASON_IS_DELETED: return "\\Deleted, and a side expunges: not worth a copy";
	case REASON_ORPHANED: return "its twin was deleted";
	case REASON_RENAMED: return arena_printf(a, "renamed on %s", there);
	case REASON_WINDOW: return arena_printf(a, "not shown by %s, which shows the newest messages only", here);
	case REASON_EXPIRED: return arena_printf(a, "one of the oldest on %s, beyond MaxMessages or MaxAge", there);
	case REASON_IMPORTANT: return "beyond MaxMessages or MaxAge, but flagged or unread since";
	case REASON_FETCHED: return arena_printf(a, "%s has it, and it is not to be left on %s", there, here);
	case REASON_UPGRADE: return "asked for in place of its placeholder";
	case REASON_REPLACED: return arena_printf(a, "a placeholder, and its message is on %s now", here);
	case REASON_REVIVED: return arena_printf(a, "removed on %s, but new or changed on %s", here, there);
	}
	return "";
}

static void
add_changes(struct buf *out, const struct op *op)
{
	struct arena a = { 0 };

	if (!flags_is_none(op->add))
		buf_printf(out, " +%s", flags_text(&a, op->add));
	if (!flags_is_none(op->remove))
		buf_printf(out, " -%s", flags_text(&a, op->remove));
	arena_release(&a);
}

void
op_explain(const struct plan_input *in, const struct op *op, struct buf *out)
{
	buf_printf(out, "%s %s %s", kind_words[op->kind], side_name(op->side), in->boxes.at[op->box].name);
	if (op->kind == OP_RENAME_BOX)
		buf_printf(out, ": %s -> %s", op->from, op->to);
	if (op->msg != UINT32_MAX)
		buf_printf(out, " #%llu", (unsigned long long)in->messages.at[op->msg].rec->id);
	if (op->kind == OP_PAIR)
		buf_printf(out, " #%llu", (unsigned long long)in->messages.at[op->other].rec->id);
	else if (op->other != UINT32_MAX)
		buf_printf(out, " -> %s #%llu", in->boxes.at[in->messages.at[op->other].box].name,
		    (unsigned long long)in->messages.at[op->other].rec->id);
	add_changes(out, op);
	if (op->kind == OP_MARK)
		buf_printf(out, " %s", mark_words[op->mark]);
	buf_adds(out, op->is_placeholder ? " as-placeholder" : "");
	buf_adds(out, trash_words[op->trash]);
	buf_printf(out, " (%s)%s%s", reason_words[op->reason], op->is_conflict ? " conflict" : "",
	    op->is_held ? " held" : "");
}

/* ---- for people: equal operations of a mailbox as one line ---- */

struct group { const struct op *op; uint64_t n; };

struct explain {
	const struct plan_input *in;
	const struct plan *plan;
	const struct explain_names *names;
	bool is_verbose;
	struct buf *out;
	uint32_t *ops;			/* the plan's, mailbox by mailbox, in the plan's order within each */
	uint32_t *first;		/* of each mailbox in ops, and one past the last */
	VEC(struct group) groups;
};

static uint32_t
other_box(const struct explain *x, const struct op *op)
{
	return op->kind == OP_MOVE || op->kind == OP_CLONE ? x->in->messages.at[op->other].box : op->box;
}

static bool
is_equal(const struct explain *x, const struct op *a, const struct op *b)
{
	return a->kind != OP_RENAME_BOX && a->kind == b->kind && a->side == b->side && a->reason == b->reason && a->mark == b->mark && a->trash == b->trash && a->is_placeholder == b->is_placeholder &&
	    a->is_held == b->is_held && other_box(x, a) == other_box(x, b) && flags_equal(a->add, b->add) &&
	    flags_equal(a->remove, b->remove);
}

static void
sort_by_box(struct explain *x)
{
	size_t i, n = x->plan->ops.n, boxes = x->in->boxes.n;
	uint32_t *next = mem_alloc((boxes + 1) * sizeof *next);

	x->ops = mem_alloc(n * sizeof *x->ops);
	x->first = mem_alloc((boxes + 1) * sizeof *x->first);
	for (i = 0; i < n; i++)
		x->first[x->plan->ops.at[i].box + 1]++;
	for (i = 0; i < boxes; i++)
		x->first[i + 1] += x->first[i];
	for (i = 0; i <= boxes; i++)
		next[i] = x->first[i];
	for (i = 0; i < n; i++)
		x->ops[next[x->plan->ops.at[i].box]++] = (uint32_t)i;
	free(next);
}

static void
group_ops(struct explain *x, uint32_t box)
{
	const struct op *op;
	size_t i, k;

	x->groups.n = 0;
	for (i = x->first[box]; i < x->first[box + 1]; i++) {
		op = &x->plan->ops.at[x->ops[i]];
		if (op_is_state_only(op->kind) && !x->is_verbose)
			continue;
		for (k = x->groups.n; k > 0 && !is_equal(x, x->groups.at[k - 1].op, op); k--)
			;
		if (k > 0)
			x->groups.at[k - 1].n++;
		else
			vec_push(&x->groups, (struct group){ op, 1 });
	}
}

static void
explain_group(struct explain *x, const struct group *g)
{
	const struct op *op = g->op;
	struct buf *out = x->out;
	struct arena a = { 0 };
	unsigned long long n = g->n;

	buf_adds(out, "  ");
	if (op->kind == OP_PAIR || op->kind == OP_BEYOND || op->kind == OP_EXPIRE || op->kind == OP_UPGRADE || op->kind == OP_DROP || op->kind == OP_DROP_BOX)
		buf_adds(out, "state: ");
	else
		buf_printf(out, "%s: ", x->names->side[op->side]);
	switch (op->kind) {
	case OP_RENAME_BOX: buf_printf(out, "rename mailbox %s to %s", op->from, op->to); break;
	case OP_CREATE_BOX: buf_adds(out, "create mailbox"); break;
	case OP_REMOVE_BOX: buf_adds(out, "remove mailbox"); break;
	case OP_DROP_BOX: buf_adds(out, "forget mailbox"); break;
	case OP_PAIR: buf_printf(out, "pair %llu", n); break;
	case OP_BEYOND: buf_printf(out, "keep %llu", n); break;
	case OP_EXPIRE: buf_printf(out, "let %llu go", n); break;
	case OP_UPGRADE: buf_printf(out, "set %llu aside", n); break;
	case OP_COPY: buf_printf(out, "copy %llu%s", n, op->is_placeholder ? n == 1 ? " as a placeholder" : " as placeholders" : ""); break;
	case OP_EXPUNGE:
		buf_printf(out, "expunge %llu", n);
		if (op->trash != TRASH_NONE)
			buf_printf(out, ", kept in %s%s", x->in->policy.trash[op->trash == TRASH_OWN ? op->side : side_other(op->side)].name,
			    op->trash == TRASH_OTHER ? arena_printf(&a, " on %s", x->names->side[side_other(op->side)]) : "");
		break;
	case OP_DROP: buf_printf(out, "forget %llu", n); break;
	case OP_CLONE:
	case OP_MOVE:
		buf_printf(out, "%s %llu to %s", op->kind == OP_MOVE ? "move" : "copy", n,
		    x->in->boxes.at[other_box(x, op)].name);
		break;
	case OP_FLAGS:
		buf_printf(out, "flags of %llu:", n);
		add_changes(out, op);
		break;
	case OP_MARK: buf_printf(out, "mark %llu as %s", n, mark_words[op->mark]); break;
	case OP_KINDS: break;
	}
	buf_printf(out, " (%s)%s\n", reason_text(&a, op->reason, op->side, x->names),
	    op->is_held ? "; held back" : "");
	arena_release(&a);
}

static void
explain_notes(struct explain *x, uint32_t box)
{
	static const char *const level[] = { [NOTE_INFO] = "note", [NOTE_WARNING] = "warning", [NOTE_LATER] = "waits",
	    [NOTE_ERROR] = "error" };
	size_t i;

	for (i = 0; i < x->plan->notes.n; i++)
		if (x->plan->notes.at[i].box == box)
			buf_printf(x->out, "%s%s: %s\n", box == UINT32_MAX ? "" : "  ",
			    level[x->plan->notes.at[i].level], x->plan->notes.at[i].text);
}

void
plan_explain(const struct plan_input *in, const struct plan *p, const struct explain_names *names,
    bool is_verbose, struct buf *out)
{
	struct explain x = { .in = in, .plan = p, .names = names, .is_verbose = is_verbose, .out = out };
	bool *has_note = mem_alloc(in->boxes.n * sizeof *has_note);
	uint32_t box;
	size_t i;

	sort_by_box(&x);
	for (i = 0; i < p->notes.n; i++)
		if (p->notes.at[i].box != UINT32_MAX)
			has_note[p->notes.at[i].box] = true;
	for (box = 0; box < in->boxes.n; box++) {
		group_ops(&x, box);
		if (x.groups.n == 0 && !has_note[box])
			continue;
		buf_printf(out, "%s%s\n", names->prefix != NULL ? names->prefix : "", in->boxes.at[box].name);
		for (i = 0; i < x.groups.n; i++)
			explain_group(&x, &x.groups.at[i]);
		if (has_note[box])
			explain_notes(&x, box);
	}
	explain_notes(&x, UINT32_MAX);
	vec_release(&x.groups);
	free(x.ops);
	free(x.first);
	free(has_note);
}
