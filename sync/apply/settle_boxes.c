/* What operations on mailboxes mean for the base: made, made again (P8), renamed (R12 folder renames), removed. */
#include "sync/apply/apply_inside.h"

#include <strings.h>

#include "state/model/name.h"

/* P8: a mailbox that was removed is about to be made again for what is new or changed on the other side. From here on the
 * rest has gone one by one, and what is copied back is new there: should the run end behind the creation, the next one must
 * not take the mailbox for another one whose mail is all to be copied back. */
int
settle_revive(struct applying *x, const struct batch *b, struct err *e)
{
	struct run_box *box = &x->env->boxes.at[b->part[0].box];
	bool *is_back = mem_alloc(x->in->messages.n + 1);
	struct record_half *half;
	size_t i;
	int status = 0;

	for (i = 0; i < x->plan->ops.n; i++)
		if (x->plan->ops.at[i].reason == REASON_REVIVED && x->plan->ops.at[i].kind == OP_COPY)
			is_back[x->plan->ops.at[i].msg] = true;
	for (i = 0; i < x->in->messages.n && status == 0; i++) {
		half = &x->live[i]->half[b->side];
		if (x->in->messages.at[i].box != b->part[0].box || half->presence == PRESENCE_NEVER)
			continue;
		*half = is_back[i] ? RECORD_HALF_NEVER : half_gone_unkeyed();
		x->live[i]->has_agreed &= !is_back[i];
		status = settle_put(x, box, x->live[i], e);
	}
	free(is_back);
	box->rec.side[b->side].cursor = (struct cursor){ 0 };
	box->rec.side[b->side].identity = IDENTITY_REVIVED;
	return status < 0 ? -1 : box_put(x->env->state, &box->rec, e);
}

/* A mailbox of a local store is about to be removed: a directory that is left of it, should the run end in between, is nobody's
 * mail out of sight. */
int
settle_leaving(struct applying *x, const struct batch *b, struct err *e)
{
	struct run_box *box = &x->env->boxes.at[b->part[0].box];

	if (!x->env->set->store[b->side]->ops->is_local || box->rec.side[b->side].is_leaving)
		return 0;
	box->rec.side[b->side].is_leaving = true;
	return box_put(x->env->state, &box->rec, e);
}

/* A mailbox made again is another one: keys of the old (UIDs that will be given anew) mean nothing in it. */
static int
box_created(struct applying *x, struct batch *b, struct err *e)
{
	struct run_box *box = &x->env->boxes.at[b->part[0].box];
	struct run_side *rs = &box->side[b->side];
	bool is_revived = x->plan->ops.at[b->op[0]].reason == REASON_REVIVED;
	uint32_t i;

	rs->was_written = true;
	rs->is_gone = false;
	rs->listed = arena_alloc(&x->env->arena, sizeof *rs->listed);
	rs->listed->name = b->part[0].on;
	rs->listed->id = "";
	/* The directories above it may have been made with it. */
	box->rec.side[b->side].above = "";
	box->rec.side[b->side].is_leaving = false;
	if (box->rec.id == 0 || !box->rec.side[b->side].is_known)
		return 0;
	for (i = 0; i < x->in->messages.n && !is_revived; i++)
		if (x->in->messages.at[i].box == b->part[0].box)
			x->live[i]->half[b->side] = RECORD_HALF_NEVER;
	box->rec.side[b->side].is_known = false;
	box->rec.side[b->side].cursor = (struct cursor){ 0 };
	box->rec.side[b->side].identity = IDENTITY_KEPT;
	box->rec.side[b->side].mailbox_id = "";
	box->rec.side[b->side].is_apart = false;
	if (!is_revived && records_forget_side(x->env, box, b->side, e) < 0)
		return -1;
	return box_put(x->env->state, &box->rec, e);
}

/* ---- renames (R12) ---- */

/* A mailbox of the run, or one below it, that has the name `from` on this side. */
static bool
goes_along(const struct run_box *b, enum side s, const char *from)
{
	return name_is_at_or_below(b->side[s].on, from);
}

/* What is on one side alone is called what it is called there. */
static int
keep_name(struct env *env, struct run_box *b, enum side s, struct err *e)
{
	const char *name = b->side[s].on + strlen(env->set->box[s]);

	if (b->rec.id == 0)
		return 0;
	if (b->side[side_other(s)].listed == NULL && strcmp(name_on(&b->rec, FAR), name_on(&b->rec, NEAR)) == 0)
		b->rec.name = name;
	b->rec.side[s].now = strcmp(name, name_on(&b->rec, s)) != 0 ? name : "";
	return box_put(env->state, &b->rec, e);
}

static int
renamed(struct applying *x, const struct batch *b, struct err *e)
{
	struct env *env = x->env;
	struct run_box *box;
	size_t i, len = strlen(b->part[0].on);

	for (i = 0; i < env->boxes.n; i++) {
		box = &env->boxes.at[i];
		if (box->side[b->side].listed == NULL || !goes_along(box, b->side, b->part[0].on))
			continue;
		box->side[b->side].on = arena_printf(&env->arena, "%s%s", b->to_on, box->side[b->side].on + len);
		box->side[b->side].was_written = true;
		if (keep_name(env, box, b->side, e) < 0)
			return -1;
	}
	box = &env->boxes.at[b->part[0].box];
	report_note(env, NOTE_INFO, box->name, arena_printf(&env->arena, "renamed from %s to %s on %s, as on %s", b->part[0].on, b->to_on,
	    side_name(b->side), side_name(side_other(b->side))));
	return intent_delete(env->state, b->intent[0].id, e);
}

/* Refused for good: from here on its two mailboxes go by their names, one missing and one new, whose messages are moved.
 * So do those that would have got, or given up, a name that is part of this. */
static int
split(struct applying *x, struct run_box *box, enum side s, struct err *e)
{
	struct env *env = x->env;
	const char *actual = box->side[s].on + strlen(env->set->box[s]), *name = box->rec.name;
	size_t i;

	if (box->rec.id == 0 || strcmp(actual, name) == 0)
		return 0;
	/* Copied now, mail would be where its twin is not to be. */
	box->side[FAR].has_failed = box->side[NEAR].has_failed = true;
	if (renames_apart(env, &box->rec, s, e) < 0)
		return -1;
	for (i = 0; i < env->boxes.n; i++) {
		struct run_box *o = &env->boxes.at[i];
		const char *there = o->side[s].on + strlen(env->set->box[s]);

		if (o != box && o->side[s].listed != NULL && (strcmp(there, name) == 0 || strcmp(o->rec.name, actual) == 0) &&
		    split(x, o, s, e) < 0)
			return -1;
	}
	return 0;
}

/* Names that differ in letter case alone are perhaps one to the server: the twins keep their two spellings. */
static bool
is_spelling(const char *a, const char *b)
{
	return strcasecmp(a, b) == 0;
}

/* Nothing more that was planned for what is there now is carried out there. */
static void
leave_alone(struct env *env, enum side s, const char *on)
{
	size_t i;

	for (i = 0; i < env->boxes.n; i++)
		if (goes_along(&env->boxes.at[i], s, on))
			env->boxes.at[i].side[s].has_failed = true;
}

static int
rename_failed(struct applying *x, struct batch *b, struct err *e)
{
	struct env *env = x->env;
	struct run_box *box = &env->boxes.at[b->part[0].box];

	x->status[b->op[0]] = OP_FAILED;
	if (b->outcome == OUTCOME_UNKNOWN) {
		/* The next run looks what they are called. */
		leave_alone(env, b->side, b->part[0].on);
		return 0;
	}
	if (intent_delete(env->state, b->intent[0].id, e) < 0)
		return -1;
	if (b->status == 0 || b->err.scope >= ERR_STORE)
		return 0;
	if (is_spelling(b->part[0].on, b->to_on))
		return 0;
	report_note(env, NOTE_INFO, box->name, arena_printf(&env->arena, "cannot be renamed from %s to %s on %s (%s): what is in it "
	    "is moved message by message", b->part[0].on, b->to_on, side_name(b->side), b->err.text));
	env->apply_state->lists_again = true;
	leave_alone(env, b->side, b->part[0].on);
	return split(x, box, b->side, e);
}

/* With all that was in it, as far as that was known. */
static int
box_removed(struct applying *x, const struct batch *b, struct err *e)
{
	struct env *env = x->env;
	struct run_box *box = &env->boxes.at[b->part[0].box];
	unsigned long long n;

	if (box->rec.id != 0 && box_get(env->state, &env->arena, box->rec.id, &box->rec, e) < 0)
		return -1;
	n = box->rec.side[b->side].here;
	report_removed(env->report, b->side, box->name, n);
	report_note(env, NOTE_INFO, box->name, arena_printf(&env->arena, "removed on %s with %llu %s, as on %s", side_name(b->side), n,
	    n == 1 ? "message" : "messages", side_name(side_other(b->side))));
	if (settle_log(x, b, 0, arena_printf(&env->arena, "removed the mailbox with %llu %s", n, n == 1 ? "message" : "messages"), e) < 0)
		return -1;
	box->side[b->side].listed = NULL;
	box->side[b->side].was_written = false;
	return 0;
}

/* Nobody knows what became of it, or the session ended at it: a list will tell. */
static void
note_unsettled(struct env *env, const struct batch *b)
{
	bool is_lost = b->status < 0 && b->err.scope >= ERR_STORE;

	if (b->outcome == OUTCOME_DONE || (b->status < 0 && b->err.class == ERR_CANCELLED) ||
	    (!is_lost && b->outcome != OUTCOME_UNKNOWN))
		return;
	env->apply_state->lists_again = true;
	if (b->status < 0)
		env->apply_state->lost_box = b->err;
	else
		err_class(&env->apply_state->lost_box, ERR_BOX, ERR_TEMPORARY, ERR_LATER, "%s did not say what became of mailbox %s",
		    env->set->store[b->side]->name, b->part[0].on);
}

int
settle_box(struct applying *x, struct batch *b, struct err *e)
{
	struct run_box *box = &x->env->boxes.at[b->part[0].box];
	uint32_t i = b->op[0];

	note_unsettled(x->env, b);
	if (b->kind == OP_RENAME_BOX && b->outcome != OUTCOME_DONE)
		return rename_failed(x, b, e);
	if (b->outcome != OUTCOME_DONE || (b->status < 0 && b->kind != OP_RENAME_BOX)) {
		x->status[i] = OP_FAILED;
		/* What was planned for this mailbox on that side cannot be carried out. */
		if (b->kind == OP_CREATE_BOX)
			box->side[b->side].has_failed = true;
		if (b->is_there)
			report_note(x->env, NOTE_WARNING, box->name, arena_printf(&x->env->arena, b->kind == OP_CREATE_BOX ?
			    "came to be on the %s side since its mailboxes were listed; waiting for the next run" :
			    "changed on the %s side while it was to be removed; waiting for the next run",
			    side_name(b->side)));
		return 0;
	}
	x->status[i] = OP_DONE;
	x->env->report->is_changed[b->side] = true;
	if (b->kind == OP_RENAME_BOX)
		return renamed(x, b, e);
	if (b->kind == OP_CREATE_BOX)
		return box_created(x, b, e);
	return box_removed(x, b, e);
}
