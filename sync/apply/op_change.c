/* Change: flags set and taken off, and messages removed for good, in one visit to their mailbox; flags first.
 *
 * Must hold: every expunge is logged: what, where, why, when. What bears a UID that was given to another message is never deleted (R13).
 */
#include "sync/apply/apply_inside.h"

/* ---- the worker ---- */

/* The flags of a mailbox stand together in b->flags, and what is expunged there in b->expunge. */
static void
make_changes(struct batch *b)
{
	struct flag_item *flags = b->flags;
	struct expunge_item *expunges = b->expunge;
	struct box_changes *at;
	size_t i, k;

	b->changes = mem_alloc((b->n_parts + 1) * sizeof *b->changes);
	for (i = 0; i < b->n_parts; i++) {
		at = &b->changes[i];
		*at = (struct box_changes){ .box = b->part[i].on, .epoch = b->part[i].epoch, .seen = b->part[i].seen,
			.flags = flags, .expunges = expunges };
		for (k = b->part[i].first; k < b->part[i].first + b->part[i].n; k++) {
			*(b->task[k].expunge != NULL ? &at->n_expunges : &at->n_flags) += 1;
			if (b->task[k].expunge != NULL && b->task[k].expunge->is_trashed)
				at->trash = b->trash;
		}
		flags += at->n_flags;
		expunges += at->n_expunges;
	}
}

static int
begin(struct batch *b, struct session *session[SIDES], struct err *e)
{
	struct session *c = session[b->side];

	if (trash_look(b, session, e) < 0 || (b->is_trash_over && trash_over(b, session, e) < 0))
		return -1;
	make_changes(b);
	return !(c->store->can & STORE_CHANGE_BEGIN) ? 0 :
	    c->store->ops->change_begin(c, b->changes, b->n_parts, &b->arena, &b->changing, e);
}

static int
end(struct batch *b, struct session *session[SIDES], struct err *e)
{
	struct session *c = session[b->side];
	size_t i;
	int status;

	if (b->changes == NULL) {
		*e = b->err;
		return -1;
	}
	status = b->changing != NULL ? c->store->ops->change_end(&b->changing, e) :
	    c->store->ops->change(c, b->changes, b->n_parts, &b->arena, e);

	for (i = 0; i < b->n_parts; i++) {
		b->part[i].status = b->changes[i].status;
		b->part[i].err = b->changes[i].err;
		b->reads_later |= b->changes[i].is_late;
	}
	return status;
}

/* ---- the coordinator ---- */

static void
make(struct batch *b, size_t room)
{
	b->flags = mem_alloc(room * sizeof *b->flags);
	b->expunge = mem_alloc(room * sizeof *b->expunge);
}

static void
fill(struct applying *x, struct batch *b, struct task *t)
{
	const struct op *op = t->op;
	const struct record_half *here = &t->rec->half[b->side];

	if (op->kind == OP_FLAGS) {
		t->flags = &b->flags[b->n_flags++];
		*t->flags = (struct flag_item){ .key = here->key, .hint = here->hint,
			.server_id = here->server_id, .add = op->add, .remove = op->remove, .flags = here->flags, .new_hint = here->hint };
	} else {
		t->expunge = &b->expunge[b->n_expunge++];
		*t->expunge = (struct expunge_item){ .key = here->key, .hint = here->hint,
			.server_id = here->server_id, .expect = here->flags, .size = here->size, .date = here->date, .ident = record_ident(t->rec, b->side) };
		trash_fill(x, b, t);
	}
}

/* It is marked \Deleted for being gone from the other side. */
static bool
is_marked_for_the_other(const struct task *t)
{
	return t->flags != NULL && (t->op->add.sys & FLAG_DELETED) && t->rec->half[side_other(t->op->side)].presence == PRESENCE_GONE;
}

static int
prepare(struct applying *x, struct batch *b, struct err *e)
{
	struct task *t;

	for (t = b->task; t < b->task + b->n; t++) {
		if ((t->expunge != NULL || is_marked_for_the_other(t)) && intent_begin_removal(x, t, BASIS_OURS, e) < 0)
			return -1;
		if (t->expunge == NULL)
			continue;
		t->intent = intent_begin(x, t, INTENT_EXPUNGE);
		trash_intend(x, t);
		if (intent_put(x->env->state, &t->intent, e) < 0)
			return -1;
	}
	return 0;
}

/* Is one that a guard counts (R21 guards). */
static bool
is_carried_deletion(const struct op *op)
{
	return op_is_deletion(op) && (op->reason == REASON_GONE || op->reason == REASON_DELETED_THERE);
}

static enum outcome
outcome(const struct task *t, const struct err **why_r)
{
	*why_r = t->flags != NULL ? &t->flags->err : &t->expunge->err;
	return t->flags != NULL ? t->flags->outcome : t->expunge->outcome;
}

static int
flagged(struct applying *x, struct task *t, struct err *e)
{
	const struct op *op = t->op;
	struct run_box *box = apply_box(x, op->box);
	struct record_half *h = &t->rec->half[op->side];
	const struct flag_item *item = t->flags;

	if (kept_changed(x->env, box, op->side, item, e) < 0)
		return -1;
	if (trash_withdraw(x, t, e) < 0)
		return -1;
	if (op->add.sys & FLAG_DELETED)
		x->env->report->side[op->side].trashed++;
	else
		x->env->report->side[op->side].flagged++;
	week_note(box, op);
	/* It is seen for the first time: what it lacks, and was not taken off just now, it never kept. */
	if (h->is_sent)
		kept_seen(x->env, box, op->side, &x->arena, t->rec, flags_union(&x->arena, item->flags, op->remove));
	/* It stays after all: what becomes of it now was not begun by us. */
	if ((op->remove.sys & FLAG_DELETED) && h->basis == BASIS_OURS && t->rec->mark != MARK_EXPIRED)
		h->basis = BASIS_LISTED;
	h->flags = flags_dup(&x->arena, item->flags);
	h->hint = arena_strdup(&x->arena, item->new_hint);
	/* What was changed on its placeholder is told by now, and that may be replaced (P21). */
	x->env->apply_state->has_upgraded |= plan_is_asked_for(&x->in->policy, t->rec);
	return apply_put(x, box, t->rec, e);
}

/* What it was, beyond its batch. */
static void
keep_words(struct applying *x, const struct task *t)
{
	const struct message_words *w = &t->expunge->words;
	struct arena *a = &x->env->arena;

	x->gone[t->i] = (struct message_words){ .date = w->date,
		.place = key_text(a, t->rec->half[t->op->side].key, x->env->set->store[t->op->side]->ops->has_uid_keys),
		.subject = arena_strdup(a, w->subject != NULL ? w->subject : ""), .from = arena_strdup(a, w->from != NULL ? w->from : "") };
}

static int
expunged(struct applying *x, struct task *t, struct err *e)
{
	struct run_box *box = apply_box(x, t->op->box);

	if (apply_log(x, t, t->op->trash == TRASH_NONE ? "expunged" : "expunged, and kept in the trash,", e) < 0)
		return -1;
	if (x->gone != NULL)
		keep_words(x, t);
	x->env->report->side[t->op->side].expunged++;
	x->env->report->side[t->op->side].kept += t->op->trash != TRASH_NONE;
	x->env->report->side[t->op->side].unmarked += !(t->rec->half[t->op->side].flags.sys & FLAG_DELETED);
	week_note(box, t->op);
	t->rec->half[t->op->side].presence = PRESENCE_GONE;
	if (apply_put(x, box, t->rec, e) < 0)
		return -1;
	return intent_delete(x->env->state, t->intent.id, e);
}

static int
done(struct applying *x, struct batch *b, struct task *t, struct err *e)
{
	(void)b;
	return t->flags != NULL ? flagged(x, t, e) : expunged(x, t, e);
}

/* R13: the UID was given to another message: the one meant is gone, and what bears its UID now is new. */
static int
is_another(struct applying *x, struct task *t, struct err *e)
{
	struct run_box *box = apply_box(x, t->op->box);
	enum side s = t->op->side;

	x->status[t->i] = OP_FAILED;
	sight_worsen(&box->side[s], SIGHT_WANTED_IN_FULL);
	report_note(x->env, NOTE_WARNING, box->name, arena_printf(&x->env->arena,
	    "%s names another message by the UID of one that was to be deleted: it is kept, and taken for new",
	    x->env->set->store[s]->name));
	t->rec->half[s] = RECORD_HALF_NEVER;
	return apply_put(x, box, t->rec, e);
}

/* Not everything that was to be expunged may go yet (no UIDPLUS): once more, after the others. */
static bool
has_second_turn(struct applying *x, const struct task *t)
{
	if (t->expunge == NULL || !t->expunge->may_come || x->is_second[t->i])
		return false;
	x->is_second[t->i] = true;
	x->status[t->i] = OP_WAIT;
	return true;
}

static int
failed(struct applying *x, struct batch *b, struct task *t, const struct err *why, struct err *e)
{
	if (t->expunge != NULL && t->expunge->is_another)
		return is_another(x, t, e);
	if (t->expunge != NULL && t->expunge->is_left_out)
		left_out_note(x->env, t->op->box, t->op->side, t->rec->id);
	return has_second_turn(x, t) ? 0 : task_failed(x, b, t, why, e);
}

/* What this run has deleted, or may have, counts in its later looks. */
static int
settle(struct applying *x, struct batch *b, struct err *e)
{
	const struct err *why;
	const struct task *t;

	for (t = b->task; t < b->task + b->n; t++)
		if (outcome(t, &why) != OUTCOME_FAILED && is_carried_deletion(t->op))
			vec_push(&x->env->match_state->deletions,
			    (struct run_deletion){ apply_box(x, t->op->box)->rec.id, t->op->side, t->rec->id });
	return settle_tasks(x, b, e);
}

const struct operation op_change = { .make = make, .fill = fill, .prepare = prepare, .begin = begin, .end = end, .settle = settle,
	.outcome = outcome, .done = done, .failed = failed };
