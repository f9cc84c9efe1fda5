/* Mailboxes made, made again (P8), renamed (R12 folder renames) and removed (R13 second look). */
#include "sync/apply/apply_inside.h"

#include <strings.h>

#include "state/model/name.h"

/* ---- the worker ---- */

/* A mailbox that came to be since the list was made may hold mail that nobody has read: it is not taken for new. */
static int
create(struct batch *b, struct session *session[SIDES], struct err *e)
{
	struct session *c = session[b->side];
	enum mailbox_state there = c->store->ops->mailbox_state(c, b->part[0].on, NULL, e);

	if (there == MAILBOX_NOT_KNOWN && e->scope >= ERR_STORE)
		return -1;
	if (there == MAILBOX_THERE) {
		b->is_there = true;
		b->outcome = OUTCOME_FAILED;
		return 0;
	}
	return c->store->ops->create_mailbox(c, b->part[0].on, b->role, &b->outcome, e);
}

/* A mailbox goes with all that is in it: only as it was when it was read (R13). Cursors that do not stand still tell
 * as much as they can. */
static int
remove_one(struct batch *b, struct session *session[SIDES], struct err *e)
{
	struct session *c = session[b->side];
	struct mailbox now = { .name = b->part[0].on, .id = "" };

	removed_read(b, c);
	if (c->store->ops->cursors(c, &now, 1, e) < 0)
		return -1;
	now.cursor.is_steady = b->cursor.is_steady = true;
	if (!now.has_cursor || !cursor_stands(&b->cursor, &now.cursor)) {
		b->is_there = true;
		b->outcome = OUTCOME_FAILED;
		return 0;
	}
	return c->store->ops->remove_mailbox(c, b->part[0].on, &b->outcome, e);
}

static int
rename_one(struct batch *b, struct session *session[SIDES], struct err *e)
{
	struct session *c = session[b->side];

	return c->store->ops->rename_mailbox(c, b->part[0].on, b->to_on, &b->outcome, e);
}

static int
end(struct batch *b, struct session *session[SIDES], struct err *e)
{
	return b->kind == OP_RENAME_BOX ? rename_one(b, session, e) : b->kind == OP_CREATE_BOX ? create(b, session, e) :
	    remove_one(b, session, e);
}

/* ---- the coordinator: before ---- */

static void
fill(struct applying *x, struct batch *b, struct task *t)
{
	const struct run_box *box = apply_box(x, t->op->box);
	const struct mailbox *there = box->side[side_other(b->side)].listed;

	if (t->op->kind == OP_RENAME_BOX) {
		b->part[0].on = arena_printf(&b->arena, "%s%s", x->env->set->box[b->side], t->op->from);
		b->to_on = arena_printf(&b->arena, "%s%s", x->env->set->box[b->side], t->op->to);
	}
	b->cursor = box->rec.side[b->side].cursor;
	b->role = t->op->kind == OP_CREATE_BOX ? box->roles | (there != NULL ? there->attrs : 0) : 0;
}

/* What is set aside in this look has that mark in the planner's input alone: the base keeps its own. */
static int
put_unmarked(struct applying *x, const struct run_box *box, struct record *rec, enum side s, struct err *e)
{
	struct arena a = { 0 };
	struct record own;
	int got;

	if (rec->mark != MARK_TOMBSTONE)
		return apply_put(x, box, rec, e);
	got = message_get(x->env->state, &a, box->rec.id, rec->id, &own, e);
	if (got > 0) {
		own.half[s] = rec->half[s];
		got = apply_put(x, box, &own, e);
	}
	arena_release(&a);
	return got < 0 ? -1 : 0;
}

/* P8: a mailbox that was removed is about to be made again for what is new or changed on the other side. From here on the
 * rest has gone one by one, and what is copied back is new there: should the run end behind the creation, the next one must
 * not take the mailbox for another one whose mail is all to be copied back. */
static int
revive(struct applying *x, const struct batch *b, struct err *e)
{
	struct run_box *box = &x->env->boxes.at[b->part[0].box];
	bool *is_back = mem_alloc(x->in->messages.n + 1);
	struct record *rec;
	uint32_t i;
	int status = 0;

	for (i = 0; i < x->plan->ops.n; i++)
		if (x->plan->ops.at[i].reason == REASON_REVIVED && x->plan->ops.at[i].kind == OP_COPY)
			is_back[x->plan->ops.at[i].msg] = true;
	for (i = 0; i < x->in->messages.n && status == 0; i++) {
		rec = apply_record(x, i);
		/* A guess is no more than that, and has no key that the new mailbox could give anew. */
		if (x->in->messages.at[i].box != b->part[0].box || rec->half[b->side].presence == PRESENCE_NEVER ||
		    rec->half[b->side].basis == BASIS_GUESSED)
			continue;
		rec->half[b->side] = is_back[i] ? RECORD_HALF_NEVER : half_gone_unkeyed();
		rec->has_agreed &= !is_back[i];
		/* What was being let go from the other side (P18) is all there is: a mark of that would keep it from being copied. */
		if (is_back[i] && rec->mark == MARK_EXPIRED)
			rec->mark = MARK_NEW;
		status = put_unmarked(x, box, rec, b->side, e);
	}
	free(is_back);
	box->rec.side[b->side].cursor = (struct cursor){ 0 };
	box->rec.side[b->side].listed = 0;
	box->rec.side[b->side].identity = IDENTITY_REVIVED;
	return status < 0 ? -1 : box_put(x->env->state, &box->rec, e);
}

/* A mailbox of a local store is about to be removed: a directory that is left of it, should the run end in between, is nobody's
 * mail out of sight. */
static int
leaving(struct applying *x, const struct batch *b, struct err *e)
{
	struct run_box *box = &x->env->boxes.at[b->part[0].box];

	if (!x->env->set->store[b->side]->ops->is_local || box->rec.side[b->side].is_leaving)
		return 0;
	box->rec.side[b->side].is_leaving = true;
	return box_put(x->env->state, &box->rec, e);
}

static int
prepare(struct applying *x, struct batch *b, struct err *e)
{
	struct task *t = &b->task[0];

	switch (b->kind) {
	case OP_RENAME_BOX:
		t->intent = (struct intent){ .kind = INTENT_RENAME, .side = b->side, .box = apply_box(x, t->op->box)->rec.id,
			.server_id = t->op->to, .when = x->env->set->now };
		return intent_put(x->env->state, &t->intent, e);
	case OP_CREATE_BOX:
		return t->op->reason == REASON_REVIVED ? revive(x, b, e) : 0;
	default:
		return removed_fill(x, b, e) < 0 ? -1 : leaving(x, b, e);
	}
}

/* ---- the coordinator: after ---- */

/* A mailbox made again is another one: keys of the old (UIDs that will be given anew) mean nothing in it. */
static int
box_created(struct applying *x, struct batch *b, struct err *e)
{
	struct run_box *box = &x->env->boxes.at[b->part[0].box];
	struct run_side *rs = &box->side[b->side];
	bool is_revived = b->task[0].op->reason == REASON_REVIVED;
	uint32_t i;

	sight_worsen(rs, SIGHT_WRITTEN);
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
			apply_record(x, i)->half[b->side] = RECORD_HALF_NEVER;
	box->rec.side[b->side].is_known = false;
	box->rec.side[b->side].listed = 0;
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
		sight_worsen(&box->side[b->side], SIGHT_WRITTEN);
		if (keep_name(env, box, b->side, e) < 0)
			return -1;
	}
	box = &env->boxes.at[b->part[0].box];
	report_note(env, NOTE_INFO, box->name, arena_printf(&env->arena, "renamed from %s to %s on %s, as on %s", b->part[0].on, b->to_on,
	    side_name(b->side), side_name(side_other(b->side))));
	return intent_delete(env->state, b->task[0].intent.id, e);
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
	sight_worsen(&box->side[FAR], SIGHT_FAILED);
	sight_worsen(&box->side[NEAR], SIGHT_FAILED);
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
			sight_worsen(&env->boxes.at[i].side[s], SIGHT_FAILED);
}

static int
rename_failed(struct applying *x, struct batch *b, struct err *e)
{
	struct env *env = x->env;
	struct run_box *box = &env->boxes.at[b->part[0].box];

	x->status[b->task[0].i] = OP_FAILED;
	if (b->outcome == OUTCOME_UNKNOWN) {
		/* The next run looks what they are called. */
		leave_alone(env, b->side, b->part[0].on);
		return 0;
	}
	if (intent_delete(env->state, b->task[0].intent.id, e) < 0)
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
	if (apply_log(x, &b->task[0], arena_printf(&env->arena, "removed the mailbox with %llu %s", n, n == 1 ? "message" : "messages"), e) < 0)
		return -1;
	if (removed_log(x, b, e) < 0)
		return -1;
	box->side[b->side].listed = NULL;
	box->side[b->side].is_gone = true;
	box->side[b->side].sight = SIGHT_CURRENT;
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

/* The next run decides anew what is to become of it. */
static void
tell_changed(struct env *env, const struct run_box *box, enum side s)
{
	report_note(env, NOTE_LATER, box->name, arena_printf(&env->arena, "changed on the %s side while it was to be removed; waiting for the next run",
	    side_name(s)));
}

static int
settle(struct applying *x, struct batch *b, struct err *e)
{
	struct run_box *box = &x->env->boxes.at[b->part[0].box];
	uint32_t i = b->task[0].i;

	note_unsettled(x->env, b);
	if (b->kind == OP_RENAME_BOX && b->outcome != OUTCOME_DONE)
		return rename_failed(x, b, e);
	if (b->outcome != OUTCOME_DONE || (b->status < 0 && b->kind != OP_RENAME_BOX)) {
		x->status[i] = OP_FAILED;
		/* What was planned for this mailbox on that side cannot be carried out. */
		if (b->kind == OP_CREATE_BOX)
			sight_worsen(&box->side[b->side], SIGHT_FAILED);
		/* Each server has one: what is not listed as INBOX is listed under another name. */
		if (b->is_there && b->kind == OP_CREATE_BOX && strcmp(b->part[0].on, "INBOX") == 0)
			report_note(x->env, NOTE_ERROR, box->name, arena_printf(&x->env->arena, "cannot be created on the %s side: the INBOX of %s "
			    "has another name here (MapInbox); this line in the channel leaves it out: Patterns * \"!INBOX\"",
			    side_name(b->side), x->env->set->store[b->side]->name));
		else if (b->is_there && b->kind == OP_CREATE_BOX)
			report_note(x->env, NOTE_LATER, box->name, arena_printf(&x->env->arena,
			    "came to be on the %s side since its mailboxes were listed; waiting for the next run", side_name(b->side)));
		else if (b->is_there)
			tell_changed(x->env, box, b->side);
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

/* ---- between groups of operations ---- */

/* R17: mailboxes made just now are read, empty as they are, so that what goes into them goes into these and no others that
 * may come to bear their names. */
int
boxes_after_creation(struct applying *x, struct err *e)
{
	const struct op *op;
	bool any = false;
	uint32_t i;

	for (i = 0; i < x->plan->ops.n; i++) {
		op = &x->plan->ops.at[i];
		if (op->kind != OP_CREATE_BOX || x->status[i] != OP_DONE)
			continue;
		sight_worsen(&apply_box(x, op->box)->side[op->side], SIGHT_WANTED);
		any = true;
	}
	return any ? fetch_changes(x->env, e) : 0;
}

/* Whether a mailbox that was read again holds something that the plan did not know, or knew otherwise. -1 error. */
static int
holds_more(struct applying *x, const struct op *op, struct err *e)
{
	const struct plan_message *m = x->in->messages.at, *end = m + x->in->messages.n;
	struct arena a = { 0 };
	struct record rec;
	uint64_t after = 0;
	int got, more = 0;

	while (!more && (got = message_next(x->env->state, &a, apply_box(x, op->box)->rec.id, after, &rec, e)) != 0) {
		if (got < 0)
			break;
		after = rec.id;
		/* Both are in the order of their ids. */
		while (m < end && (m->box != op->box || m->rec->id < rec.id))
			m++;
		if (rec.half[op->side].presence == PRESENCE_HERE)
			more = m == end || m->rec->id != rec.id || !flags_equal(m->rec->half[op->side].flags, rec.half[op->side].flags);
	}
	arena_release(&a);
	return got < 0 ? -1 : more;
}

/* R13: what was moved out of a mailbox has changed it. It is read again before it is removed. */
int
boxes_before_removal(struct applying *x, struct err *e)
{
	const struct op *op;
	struct run_side *rs;
	bool any = false;
	uint32_t i;
	int got;

	for (i = 0; i < x->plan->ops.n; i++) {
		op = &x->plan->ops.at[i];
		rs = &apply_box(x, op->box)->side[op->side];
		if (op->kind == OP_REMOVE_BOX && x->status[i] == OP_WAIT && (rs->sight == SIGHT_WRITTEN || sight_is_wanted(rs))) {
			sight_worsen(rs, SIGHT_WANTED);
			any = true;
		}
	}
	if (!any)
		return 0;
	if (fetch_changes(x->env, e) < 0)
		return -1;
	for (i = 0; i < x->plan->ops.n; i++) {
		op = &x->plan->ops.at[i];
		if (op->kind != OP_REMOVE_BOX || x->status[i] != OP_WAIT)
			continue;
		if ((got = holds_more(x, op, e)) < 0)
			return -1;
		if (got == 0)
			continue;
		x->status[i] = OP_FAILED;
		tell_changed(x->env, apply_box(x, op->box), op->side);
	}
	return 0;
}

/* Mailboxes are renamed under nobody's feet: a session that has one open goes on calling it by its old name, or is thrown
 * out by the server. */
void
boxes_leave(struct applying *x)
{
	bool any[SIDES] = { false, false };
	uint32_t i;
	int s;

	for (i = 0; i < x->plan->ops.n; i++)
		any[x->plan->ops.at[i].side] |= x->plan->ops.at[i].kind == OP_RENAME_BOX && x->status[i] == OP_WAIT;
	for (s = 0; s < SIDES; s++)
		if (any[s])
			pool_leave(x->env->pool, (enum side)s);
}

const struct operation op_box = { .fill = fill, .prepare = prepare, .end = end, .settle = settle };
