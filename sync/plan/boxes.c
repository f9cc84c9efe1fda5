/* Mailboxes: created (P7), removed, missed, forgotten (P8). */
#include "sync/plan/build.h"
#include "sync/plan/merge.h"
#include "state/base/hint.h"

#include <string.h>

static bool
is_readonly(const struct build *b, uint32_t box, enum side t)
{
	return b->in->policy.read_only[t] || b->in->boxes.at[box].side[t].is_readonly;
}

static bool
is_inbox(const struct build *b, uint32_t box)
{
	return strcmp(build_name(b, box), "INBOX") == 0;
}

static const char *
side_capital(enum side side)
{
	return side == FAR ? "Far" : "Near";
}

/* False, with a note: the store cannot hold it. */
static bool
create_box(struct build *b, uint32_t box, enum side t, enum reason reason)
{
	struct box_view *v = &b->boxes[box];
	const char *why = b->in->boxes.at[box].side[t].refuses;

	if (why != NULL) {
		build_note(b, NOTE_ERROR, box, arena_printf(&b->plan->arena,
		    "mailbox %s cannot be created on %s: %s", build_name(b, box), side_name(t), why));
		return false;
	}
	v->create[t] = build_op(b, OP_CREATE_BOX, t, reason, box, NONE, NONE);
	v->is_there[t] = v->can_write[t] = v->is_open = true;
	return true;
}

void
build_cannot_create(struct build *b, uint32_t box, enum side t, uint32_t other)
{
	struct box_view *v = &b->boxes[box];

	if (b->boxes[other].is_leaving[t])
		build_note(b, NOTE_LATER, box, arena_printf(&b->plan->arena, "mailbox %s is not created on %s yet: what has this name "
		    "there is to be removed first; waiting for the next run", build_name(b, box), side_name(t)));
	else
		build_note(b, NOTE_ERROR, box, arena_printf(&b->plan->arena, "mailbox %s cannot be created on %s: what has this name "
		    "there is the twin of %s, and is not renamed", build_name(b, box), side_name(t), build_name(b, other)));
	b->ops.at[v->create[t]].is_void = true;
	v->create[t] = NONE;
	v->is_there[t] = v->can_write[t] = v->is_open = v->is_new[t] = v->is_revived[t] = false;
}

/* P7: on the other side only, and never seen on t. */
static void
plan_new_box(struct build *b, uint32_t box, enum side t)
{
	const struct policy *policy = &b->in->policy;

	if (is_readonly(b, box, t))
		return;
	if (!policy->create[t] && !is_inbox(b, box)) {
		if (policy->sync[t] != 0)
			build_note(b, NOTE_ERROR, box, arena_printf(&b->plan->arena,
			    "mailbox %s does not exist on %s; \"Create %s\" or \"Create Both\" would create it there",
			    build_name(b, box), side_name(t), side_capital(t)));
		return;
	}
	if (create_box(b, box, t, REASON_BOX_NEW))
		b->boxes[box].is_new[t] = true;
}

/* P8: known on both sides, and missing for sure on s. */
static void
plan_gone_box(struct build *b, uint32_t box, enum side s)
{
	enum side t = side_other(s);
	const char *name = build_name(b, box);
	struct arena *a = &b->plan->arena;
	const char *restore = hint_option(a, &b->in->hint, "--restore", name);

	if (b->in->boxes.at[box].side[s].restore && !is_readonly(b, box, s)) {
		create_box(b, box, s, REASON_RESTORE);
	} else if (b->in->boxes.at[box].side[s].allow_delete && (is_inbox(b, box) || !b->in->policy.remove[t]) &&
	    (is_inbox(b, box) || b->in->policy.create[s]) && !is_readonly(b, box, s) && !is_readonly(b, box, t) &&
	    (b->in->policy.sync[t] & SYNC_GONE) && (b->in->policy.sync[s] & SYNC_NEW)) {
		/* What is in it may go, the mailbox itself not: it is made again, empty. */
		b->boxes[box].is_revived[s] = create_box(b, box, s, REASON_REVIVED);
	} else if (is_inbox(b, box)) {
		build_note(b, NOTE_ERROR, box, arena_printf(a, "INBOX is missing on %s and is never removed from %s; "
		    "%s would create it again on %s", side_name(s), side_name(t), restore, side_name(s)));
	} else if (is_readonly(b, box, t)) {
		build_note(b, NOTE_WARNING, box, arena_printf(a, "mailbox \"%s\" is missing on %s, and %s is read-only; "
		    "%s would create it again on %s", name, side_name(s), side_name(t), restore, side_name(s)));
	} else if (b->in->policy.remove[t]) {
		b->boxes[box].is_leaving[t] = true;
	} else {
		build_note(b, NOTE_ERROR, box, arena_printf(a, "mailbox \"%s\" is missing on %s; \"Remove %s\" or "
		    "\"Remove Both\" would remove it from %s, %s would create it again on %s",
		    name, side_name(s), side_capital(t), side_name(t), restore, side_name(s)));
	}
}

static void
plan_box(struct build *b, uint32_t box)
{
	const struct plan_box_side *side = b->in->boxes.at[box].side;
	struct box_view *v = &b->boxes[box];
	bool is_absent[SIDES];		/* known not to be there */
	enum side s;

	for (s = FAR; s <= NEAR; s++) {
		v->is_gone[s] = !side[s].exists && side[s].is_gone;
		v->is_there[s] = side[s].exists && side[s].is_readable;
		v->can_write[s] = v->is_there[s] && !is_readonly(b, box, s);
		is_absent[s] = !side[s].exists && (side[s].is_gone || !side[s].was_known);
	}
	v->is_open = v->is_there[FAR] && v->is_there[NEAR];
	if (is_absent[FAR] && is_absent[NEAR]) {
		if (v->is_gone[FAR] || v->is_gone[NEAR])
			build_op(b, OP_DROP_BOX, FAR, REASON_GONE_BOTH, box, NONE, NONE);
		return;
	}
	for (s = FAR; s <= NEAR; s++) {
		enum side t = side_other(s);

		if (!v->is_there[s] || !is_absent[t])
			continue;
		if (v->is_gone[t] && side[s].was_known)
			plan_gone_box(b, box, t);
		else
			plan_new_box(b, box, t);
	}
}

void
build_boxes(struct build *b)
{
	uint32_t i;

	for (i = 0; i < b->in->boxes.n; i++)
		plan_box(b, i);
}

/* ---- removals ---- */

/* Would the removal of the mailbox from t take something that nobody decided to delete? */
static bool
speaks_against(struct build *b, uint32_t msg, enum side t)
{
	const struct record *r = build_record(b, msg);
	const struct record_half *half = &r->half[t];
	struct flag_mask mask[SIDES];

	if (half->presence != PRESENCE_HERE)
		return false;
	if (b->messages[msg].is_carried)
		return false;
	if (!record_is_pair(r))
		return r->mark == MARK_NEW || r->mark == MARK_FAILED ||
		    (r->mark != MARK_TOMBSTONE && !(half->flags.sys & FLAG_DELETED));
	/* Moved as well: it lives on where it was moved to, and nobody wants this one. */
	if (half->flags.sys & FLAG_DELETED)
		return false;
	if (b->messages[msg].is_moved && b->messages[msg].clones == NONE)
		return true;
	if (r->mark == MARK_EXPIRED || build_may_be_renamed(b, msg, side_other(t)))
		return true;
	build_mask(b, b->in->messages.at[msg].box, mask);
	return merge_is_changed(&b->scratch, merge_base(&b->scratch, r), half->flags, mask) ||
	    (r->has_agreed && (r->agreed.sys & FLAG_DELETED));
}

/* Moved out of the mailbox on the other side, and to follow. */
static bool
is_to_follow(const struct build *b, uint32_t msg, enum side t)
{
	return b->messages[msg].is_moved && b->boxes[b->in->messages.at[msg].box].can_write[t] &&
	    (b->in->policy.sync[t] & SYNC_GONE);
}

/* Removed on s, while on t there is something nobody decided to delete: the mailbox is made again on s for
 * that, where it may be; the rest goes as if it had been deleted one by one (P8). Decided before the moves, which
 * need to know where they can go. */
void
build_revivals(struct build *b)
{
	uint32_t i, box;
	enum side s;

	for (i = 0; i < b->in->messages.n; i++) {
		box = b->in->messages.at[i].box;
		for (s = FAR; s <= NEAR; s++) {
			struct box_view *v = &b->boxes[box];

			if (!v->is_leaving[side_other(s)] || is_to_follow(b, i, side_other(s)) || !speaks_against(b, i, side_other(s)) ||
			    !b->in->policy.create[s] || is_readonly(b, box, s) ||
			    !(b->in->policy.sync[s] & SYNC_NEW) || b->in->boxes.at[box].side[s].refuses != NULL)
				continue;
			v->is_leaving[side_other(s)] = false;
			v->is_revived[s] = create_box(b, box, s, REASON_REVIVED);
		}
	}
}

/* What a window does not show would go with it, unseen and uncounted (P15). */
static bool
hides_mail(const struct build *b, uint32_t box, enum side t)
{
	const struct window *w = &b->in->policy.window[t];

	return w->kind == WINDOW_SIZE && b->in->boxes.at[box].side[t].here >= window_full(w->n) &&
	    !b->in->boxes.at[box].side[side_other(t)].allow_delete;
}

/* Decided once the moves out of the mailbox are known. */
static void
plan_removal(struct build *b, uint32_t box, enum side t)
{
	struct box_view *v = &b->boxes[box];
	uint64_t here = b->in->boxes.at[box].side[t].here;
	enum side s = side_other(t);
	uint32_t drop;

	if (v->unknown != 0) {
		build_note(b, NOTE_ERROR, box, arena_printf(&b->plan->arena, "mailbox \"%s\" was removed on %s, but %llu %s "
		    "on %s are new, changed or waiting; it is not removed there; %s would create it again on %s",
		    build_name(b, box), side_name(s), (unsigned long long)v->unknown,
		    v->unknown == 1 ? "message" : "messages", side_name(t),
		    hint_option(&b->plan->arena, &b->in->hint, "--restore", build_name(b, box)), side_name(s)));
		return;
	}
	if (hides_mail(b, box, t)) {
		build_note(b, NOTE_ERROR, box, arena_printf(&b->plan->arena, "mailbox \"%s\" was removed on %s, but %s shows its newest messages "
		    "only, and what it does not show would go with it; it is not removed there. %s removes it, %s would create it again on %s",
		    build_name(b, box), side_name(s), side_name(t), hint_option(&b->plan->arena, &b->in->hint, "--allow-delete", build_name(b, box)),
		    hint_option(&b->plan->arena, &b->in->hint, "--restore", build_name(b, box)), side_name(s)));
		return;
	}
	v->removal = build_op(b, OP_REMOVE_BOX, t, REASON_BOX_GONE, box, NONE, NONE);
	build_count(b, v->removal, here > v->carried[t] ? here - v->carried[t] : 0);
	drop = build_op(b, OP_DROP_BOX, FAR, REASON_BOX_GONE, box, NONE, NONE);
	build_dep(b, drop, v->removal);
}

void
build_removals(struct build *b)
{
	uint32_t i, box, n;
	enum side t;

	for (i = 0; i < b->in->messages.n; i++) {
		box = b->in->messages.at[i].box;
		for (t = FAR; t <= NEAR; t++)
			if (b->boxes[box].is_leaving[t] && speaks_against(b, i, t))
				b->boxes[box].unknown++;
	}
	n = (uint32_t)b->ops.n;
	for (box = 0; box < b->in->boxes.n; box++)
		for (t = FAR; t <= NEAR; t++)
			if (b->boxes[box].is_leaving[t])
				plan_removal(b, box, t);
	/* What leaves or is read from the mailbox comes first. */
	for (i = 0; i < n; i++) {
		const struct op *op = &b->ops.at[i].op;
		const struct box_view *v = &b->boxes[op->box];

		if ((op->kind == OP_MOVE || op->kind == OP_CLONE) && v->removal != NONE && v->is_leaving[op->side])
			build_dep(b, v->removal, i);
	}
}
