/* What operations ask of a store, and what their outcomes mean for the base.
 *
 * Must hold:
 *   1. A record changes only by what a store has shown (DONE); UNKNOWN changes nothing and keeps the intent.
 *   2. A key that another record holds already is an alias (R11 recovery): never paired twice, never deleted through.
 *   3. Every destructive act is logged: what, where, why, when.
 */
#include "sync/apply/apply_inside.h"

#include <stdlib.h>

#include "state/base/log.h"
#include "sync/plan/merge.h"

static uint64_t
epoch_of(const struct run_box *box, enum side s)
{
	return box->rec.side[s].is_known ? box->rec.side[s].cursor.epoch : 0;
}

/* What concerns the batch as a whole, out of its first operation. */
static void
fill_batch(struct applying *x, struct batch *b, const struct op *op)
{
	const struct run_box *box = apply_box(x, op->box), *to = apply_box(x, apply_to_box(x, op));
	enum side from = side_other(op->side);

	b->to = apply_to_box(x, op);
	if (op->kind == OP_RENAME_BOX) {
		b->to_on = arena_printf(&b->arena, "%s%s", x->env->set->box[op->side], op->to);
		return;
	}
	b->to_on = to->side[op->side].on;
	b->to_epoch = epoch_of(to, op->side);
	b->copy_arrival_date = x->env->set->copy_arrival_date;
	b->cancel = x->env->set->cancel;
	b->cursor = box->rec.side[op->side].cursor;
	if (op->kind == OP_CREATE_BOX)
		b->role = box->roles | (box->side[from].listed != NULL ? box->side[from].listed->attrs : 0);
}

/* As listed; or, where the list does not say, as identified. */
static uint64_t
body_size(const struct record *rec, const struct record_half *half)
{
	return half->size != 0 ? half->size : rec->ident.has & IDENT_SIZE ? rec->ident.size : 0;
}

/* The part of the batch that op i goes into; made where its mailbox has none. */
static struct batch_part *
fill_part(struct applying *x, struct batch *b, const struct op *op)
{
	const struct run_box *box = apply_box(x, op->box);
	struct batch_part *p = b->n_parts > 0 ? &b->part[b->n_parts - 1] : NULL;
	enum side from = side_other(op->side);

	if (p != NULL && p->box == op->box)
		return p;
	p = &b->part[b->n_parts++];
	*p = (struct batch_part){ .box = op->box, .on = box->side[op->side].on, .from_on = box->side[from].on,
		.epoch = epoch_of(box, op->side), .from_epoch = box->rec.side[from].cursor.epoch,
		.seen = box->rec.side[op->side].cursor, .first = b->n, .err_side = op->side };
	if (op->kind == OP_RENAME_BOX)
		p->on = arena_printf(&b->arena, "%s%s", x->env->set->box[op->side], op->from);
	return p;
}

void
settle_fill(struct applying *x, struct batch *b, uint32_t i)
{
	const struct op *op = &x->plan->ops.at[i];
	const struct record *rec = op->msg != UINT32_MAX ? x->live[op->msg] : NULL;
	struct store *store = x->env->set->store[op->side];
	const struct record_half *here = rec != NULL ? &rec->half[op->side] : NULL;
	const struct record_half *there = rec != NULL ? &rec->half[side_other(op->side)] : NULL;
	size_t n;

	if (b->n == 0)
		fill_batch(x, b, op);
	fill_part(x, b, op)->n++;
	n = b->n++;
	b->op[n] = i;
	b->intent[n].id = 0;
	switch (op->kind) {
	case OP_COPY:
		b->fetch[n] = (struct fetch_item){ there->key, there->hint, body_size(rec, there) };
		b->deliver[n] = (struct deliver_item){ .flags = flags_keep(&b->arena, there->flags,
		    &apply_box(x, op->box)->rec.side[op->side].mask),
			.name = store->ops->choose_name(store, &b->arena), .size = body_size(rec, there), .hint = "" };
		if (!apply_box(x, op->box)->rec.side[op->side].is_known)
			b->deliver[n].flags = there->flags;
		break;
	case OP_FLAGS:
		b->at[n] = b->n_flags;
		b->flags[b->n_flags++] = (struct flag_item){ .key = here->key, .hint = here->hint,
			.server_id = here->server_id, .add = op->add, .remove = op->remove, .flags = here->flags, .new_hint = here->hint };
		break;
	case OP_EXPUNGE:
		b->is_expunge[n] = true;
		b->at[n] = b->n_expunge;
		b->expunge[b->n_expunge++] = (struct expunge_item){ .key = here->key, .hint = here->hint,
			.server_id = here->server_id, .expect = here->flags, .size = here->size, .date = here->date, .ident = rec->ident };
		break;
	case OP_MOVE:
	case OP_CLONE:
		b->move[n] = (struct move_item){ .key = here->key, .hint = here->hint,
			.name = store->ops->choose_name(store, &b->arena), .new_hint = "" };
		break;
	default:
		break;
	}
}

/* ---- intents ---- */

static enum intent_kind
intent_kind_of(enum op_kind kind)
{
	return kind == OP_COPY ? INTENT_DELIVER : kind == OP_MOVE ? INTENT_MOVE :
	    kind == OP_CLONE ? INTENT_CLONE : INTENT_EXPUNGE;
}

static struct intent
make_intent(const struct applying *x, const struct batch *b, size_t n)
{
	const struct op *op = &x->plan->ops.at[b->op[n]];
	const struct run_box *box = apply_box(x, op->box), *to = apply_box(x, apply_to_box(x, op));
	const struct record *rec = x->live[op->msg];
	bool moves = b->kind == OP_MOVE || b->kind == OP_CLONE;
	struct intent in = { .kind = intent_kind_of(op->kind), .side = b->side, .box = box->rec.id,
		.to_box = to->rec.id, .record = moves ? x->live[op->other]->id : rec->id,
		.key = rec->half[b->side].key, .epoch = epoch_of(to, b->side),
		.uidnext = to->side[b->side].uidnext, .ident = rec->ident, .when = x->env->set->now };

	if (b->kind == OP_COPY)
		in.key = b->deliver[n].name;
	else if (moves && b->move[n].name.len > 0)
		in.key = b->move[n].name;
	if (moves)
		in.server_id = rec->half[b->side].server_id;
	return in;
}

/* A message set aside once (FAILED, SKIPPED) that gets a twin after all waits for it from here on: a record
 * that is not looked at would not find it after a crash. */
static int
await_twin(struct applying *x, struct batch *b, size_t n, struct err *e)
{
	const struct op *op = &x->plan->ops.at[b->op[n]];
	bool moves = b->kind == OP_MOVE || b->kind == OP_CLONE;
	struct record *rec = x->live[moves ? op->other : op->msg];

	bool is_back = b->kind == OP_COPY && rec->half[b->side].presence == PRESENCE_GONE;

	if (op->kind == OP_EXPUNGE || (rec->mark == MARK_NEW && !is_back))
		return 0;
	rec->mark = MARK_NEW;
	rec->why = "";
	/* What is copied back has no twin until it arrives: the one that went is not looked for. */
	if (is_back) {
		rec->half[b->side] = RECORD_HALF_NEVER;
		rec->has_agreed = false;
	}
	return settle_put(x, apply_box(x, moves ? apply_to_box(x, op) : op->box), rec, e);
}

/* Should it be gone after a crash, nobody but us took it away. */
static int
begin_removal(struct applying *x, struct batch *b, size_t n, struct err *e)
{
	const struct op *op = &x->plan->ops.at[b->op[n]];
	struct record *rec = x->live[op->msg];

	enum half_basis basis = op->kind == OP_MOVE ? BASIS_MOVING : BASIS_OURS;
	bool is_marked = op->kind == OP_FLAGS && (op->add.sys & FLAG_DELETED) && rec->half[side_other(b->side)].presence == PRESENCE_GONE;

	if (op->kind != OP_EXPUNGE && op->kind != OP_MOVE && !is_marked)
		return 0;
	rec->half[b->side].basis = basis;
	/* What went from the other side has been taken for deleted: it is not back either. */
	if (rec->half[side_other(b->side)].presence == PRESENCE_GONE)
		rec->half[side_other(b->side)].basis = basis;
	return settle_put(x, apply_box(x, op->box), rec, e);
}

int
settle_intents(struct applying *x, struct batch *b, struct err *e)
{
	size_t i;

	if (b->kind == OP_CREATE_BOX && x->plan->ops.at[b->op[0]].reason == REASON_REVIVED)
		return settle_revive(x, b, e);
	if (b->kind == OP_RENAME_BOX) {
		b->intent[0] = (struct intent){ .kind = INTENT_RENAME, .side = b->side, .box = x->env->boxes.at[b->part[0].box].rec.id,
			.server_id = x->plan->ops.at[b->op[0]].to, .when = x->env->set->now };
		return intent_put(x->env->state, &b->intent[0], e);
	}
	if (b->kind == OP_REMOVE_BOX)
		return settle_leaving(x, b, e);
	if (is_box_op(b->kind))
		return 0;
	for (i = 0; i < b->n; i++) {
		if (begin_removal(x, b, i, e) < 0)
			return -1;
		if (x->plan->ops.at[b->op[i]].kind == OP_FLAGS)
			continue;
		if (await_twin(x, b, i, e) < 0 || (b->kind == OP_MOVE &&
		    elsewhere_settle(x->env, b->part[0].box, x->live[x->plan->ops.at[b->op[i]].msg], b->side, e) < 0))
			return -1;
		b->intent[i] = make_intent(x, b, i);
		if (intent_put(x->env->state, &b->intent[i], e) < 0)
			return -1;
	}
	return 0;
}

/* The store took it but did not say under what key: the next delta shows it, and until then, for ten
 * minutes, it is not sent again (R11). */
static int
keep_intent(struct applying *x, struct batch *b, size_t n, const struct ident *ident, struct err *e)
{
	b->intent[n].tries++;
	if (ident->has != 0)
		b->intent[n].ident = *ident;
	return intent_put(x->env->state, &b->intent[n], e);
}

/* ---- outcomes ---- */

/* A message that could not be done: said once, and set aside if it never will be. */
static int
message_failed(struct applying *x, struct batch *b, uint32_t i, const struct err *why, struct err *e)
{
	const struct op *op = &x->plan->ops.at[i];
	struct run_box *box = apply_box(x, op->box);
	struct record *rec = x->live[op->msg];
	bool is_untried;

	x->status[i] = OP_FAILED;
	is_untried = why->text[0] == '\0' || why->class == ERR_CANCELLED;
	if (b->kind == OP_COPY && (is_untried ? b->is_retried || waiting_is_stopped(x->env, op->box, b->side) :
	    b->is_retried && waiting_is_such(why)))
		x->status[i] = OP_RUNNING;	/* apply.c decides on its next turn */
	if (is_untried || x->status[i] == OP_RUNNING)
		return 0;
	box->side[b->side].was_written = true;
	if (b->kind == OP_COPY)
		box->side[side_other(b->side)].was_written = true;
	if (why->retry == ERR_NOW) {
		/* It changed under us: the closing delta tells. */
		if (b->kind == OP_COPY)
			left_out_note(x->env, op->box, side_other(b->side), rec->id);
		return 0;
	}
	if (b->kind == OP_COPY && waiting_is_such(why)) {
		waiting_add(x->env, op->box, b->side, rec->id, why);
		return 0;
	}
	x->env->report->failed++;
	if (b->kind != OP_COPY) {
		report_err(x->env, box->name, why);
		return 0;
	}
	waiting_add(x->env, op->box, b->side, rec->id, why);
	if (why->retry != ERR_NEVER)
		return 0;
	rec->mark = MARK_FAILED;
	rec->why = arena_strdup(&x->arena, why->text);
	return settle_put(x, box, rec, e);
}

/* The key of one that is gone names another message by now. */
static int
give_up_key(struct applying *x, const struct run_box *box, enum side s, struct record *gone, struct err *e)
{
	size_t i;

	gone->half[s] = half_gone_unkeyed();
	for (i = 0; i < x->in->messages.n; i++)
		if (x->live[i]->id == gone->id && x->live[i]->box == gone->box)
			x->live[i]->half[s] = gone->half[s];
	return settle_put(x, box, gone, e);
}

enum alias {
	ALIAS_NONE,
	ALIAS_EQUAL,			/* the server keeps equal messages once */
	ALIAS_FALSE,			/* it told the key of another message, or one older than what it took */
};

/* Whether `key` on this side of the box already belongs to another record. ident: of what was sent. */
static int
find_alias(struct applying *x, const struct run_box *box, enum side s, struct key key, const struct record *rec, enum alias *alias_r,
    struct err *e)
{
	struct arena a = { 0 };
	struct record other;
	int got = message_find(x->env->state, &a, box->rec.id, s, key, &other, e), status = got < 0 ? -1 : 0;

	*alias_r = ALIAS_NONE;
	if (got == 1 && other.id != rec->id && other.half[s].presence == PRESENCE_HERE)
		*alias_r = ident_compare(&other.ident, &rec->ident) == IDENT_SAME ? ALIAS_EQUAL : ALIAS_FALSE;
	else if (x->env->set->store[s]->ops->has_uid_keys && key_uid(key) < box->side[s].uidnext)
		*alias_r = ALIAS_FALSE;
	else if (got == 1 && other.id != rec->id)
		status = give_up_key(x, box, s, &other, e);
	arena_release(&a);
	return status;
}

/* A key that the store gave to what was sent to it: believed once a list shows a message of that size under it. */
static void
take_key(struct applying *x, struct batch *b, size_t n, struct record_half *h, struct key key, const char *hint)
{
	h->presence = PRESENCE_HERE;
	h->key = key_dup(&x->arena, key);
	h->hint = arena_strdup(&x->arena, hint);
	h->basis = BASIS_LISTED;
	h->size = 0;
	if (!x->env->set->store[b->side]->ops->has_uid_keys)
		return;
	h->size = b->wire_size[n];
	h->basis = b->is_alike[n] && *h->server_id == '\0' ? BASIS_DOUBTED : BASIS_TOLD;
	x->env->observe_state->has_doubts |= h->basis == BASIS_DOUBTED;
}

/* What the store did not take of what went with a message. */
static int
learn_unkept(struct applying *x, struct batch *b, size_t n, struct run_box *box, struct err *e)
{
	const struct op *op = &x->plan->ops.at[b->op[n]];
	const struct deliver_item *d = &b->deliver[n];
	struct flags lacks;

	if (kept_learn(x->env, box, b->side, d->unkept, e) < 0)
		return -1;
	if (d->how >= DELIVER_AT_EPOCH)
		kept_undated(x->env, box, b->side);
	/* Sent without keywords, for it was refused with them: which of them is to blame shows when they are set. */
	lacks = flags_minus(&x->arena, flags_keep(&x->arena, x->live[op->msg]->half[side_other(b->side)].flags,
	    &box->rec.side[b->side].mask), d->flags);
	x->env->observe_state->is_short |= d->how >= DELIVER_BARE && !flags_is_none(lacks);
	return 0;
}

static int
copied(struct applying *x, struct batch *b, size_t n, struct err *e)
{
	const struct op *op = &x->plan->ops.at[b->op[n]];
	struct run_box *box = apply_box(x, op->box);
	struct record *rec = x->live[op->msg];
	struct deliver_item *d = &b->deliver[n];
	struct record_half *h = &rec->half[b->side];
	enum alias alias = ALIAS_NONE;

	if (learn_unkept(x, b, n, box, e) < 0)
		return -1;

	x->env->report->bytes += b->size[n];
	x->env->progress.bytes_done += b->size[n];
	rec->ident = b->ident[n];
	if (d->key.len > 0 && find_alias(x, box, b->side, d->key, rec, &alias, e) < 0)
		return -1;
	if (alias == ALIAS_FALSE)
		d->key = KEY_NONE;
	x->env->report->side[b->side].added += alias != ALIAS_EQUAL;
	/* What the twin was given is agreed, as far as it is shown to have kept it; and nothing else is, whatever was before. */
	if (rec->has_agreed)
		rec->agreed = flags_intersect(&x->arena, rec->agreed, d->flags);
	else if (d->key.len == 0)
		rec->agreed = flags_dup(&x->arena, d->flags);
	if (d->key.len == 0) {
		rec->has_agreed = true;
		h->is_sent = !d->is_shown;
	}
	if (d->key.len == 0) {
		b->reads_later = x->env->observe_state->is_short = true;
		return settle_put(x, box, rec, e) < 0 ? -1 : keep_intent(x, b, n, &rec->ident, e);
	}
	if (alias == ALIAS_EQUAL) {
		shared_mark(rec, b->side, BASIS_SHARED_TOLD);
		x->env->observe_state->is_short = true;
	} else {
		take_key(x, b, n, h, d->key, d->hint);
		h->flags = flags_dup(&x->arena, d->flags);
		h->is_sent = !d->is_shown;
		h->date = d->date;
		rec->mark = MARK_NEW;
		rec->why = "";
		rec->refusals = 0;
	}
	if (settle_put(x, box, rec, e) < 0)
		return -1;
	return intent_delete(x->env->state, b->intent[n].id, e);
}

static int
flagged(struct applying *x, struct batch *b, size_t n, struct err *e)
{
	const struct op *op = &x->plan->ops.at[b->op[n]];
	struct record *rec = x->live[op->msg];
	struct record_half *h = &rec->half[b->side];
	const struct flag_item *item = &b->flags[b->at[n]];

	if (kept_changed(x->env, apply_box(x, op->box), b->side, item, e) < 0)
		return -1;
	if (op->add.sys & FLAG_DELETED)
		x->env->report->side[b->side].trashed++;
	else
		x->env->report->side[b->side].flagged++;
	week_note(apply_box(x, op->box), op);
	/* It is seen for the first time: what it lacks, and was not taken off just now, it never kept. */
	if (h->is_sent)
		kept_seen(x->env, apply_box(x, op->box), b->side, &x->arena, rec, flags_union(&x->arena, item->flags, op->remove));
	h->flags = flags_dup(&x->arena, item->flags);
	h->hint = arena_strdup(&x->arena, item->new_hint);
	return settle_put(x, apply_box(x, op->box), rec, e);
}

static int
expunged(struct applying *x, struct batch *b, size_t n, struct err *e)
{
	const struct op *op = &x->plan->ops.at[b->op[n]];
	struct record *rec = x->live[op->msg];

	if (settle_log(x, b, n, "expunged", e) < 0)
		return -1;
	x->env->report->side[b->side].expunged++;
	week_note(apply_box(x, op->box), op);
	rec->half[b->side].presence = PRESENCE_GONE;
	if (settle_put(x, apply_box(x, op->box), rec, e) < 0)
		return -1;
	return intent_delete(x->env->state, b->intent[n].id, e);
}

/* R13: the UID was given to another message: the one meant is gone, and what bears its UID now is new. */
static int
is_another(struct applying *x, struct batch *b, size_t n, struct err *e)
{
	const struct op *op = &x->plan->ops.at[b->op[n]];
	struct run_box *box = apply_box(x, op->box);
	struct record *rec = x->live[op->msg];

	x->status[b->op[n]] = OP_FAILED;
	box->side[b->side].was_written = box->side[b->side].is_forced = true;
	report_note(x->env, NOTE_WARNING, box->name, arena_printf(&x->env->arena,
	    "%s names another message by the UID of one that was to be deleted: it is kept, and taken for new",
	    x->env->set->store[b->side]->name));
	rec->half[b->side] = RECORD_HALF_NEVER;
	return settle_put(x, box, rec, e);
}

/* What both messages of an operation were moved from, or NULL. */
static const struct merge_left *
left_by_both(struct applying *x, const struct op *op, struct merge_left *left_r)
{
	if (op->left == UINT32_MAX)
		return NULL;
	left_r->rec = x->live[op->left];
	box_masks(apply_box(x, x->in->messages.at[op->left].box), left_r->mask);
	return left_r;
}

/* MOVE: `msg` leaves its box on this side and becomes the twin of `other`. CLONE: a copy of it does. */
static int
moved(struct applying *x, struct batch *b, size_t n, struct err *e)
{
	const struct op *op = &x->plan->ops.at[b->op[n]];
	struct record *from = x->live[op->msg], *to = x->live[op->other];
	struct run_box *from_box = apply_box(x, op->box), *to_box = &x->env->boxes.at[b->to];
	struct move_item *m = &b->move[n];
	struct record_half *h = &to->half[b->side];
	struct flag_mask masks[SIDES];
	struct merge_left both;
	enum alias alias = ALIAS_NONE;

	if (b->kind == OP_MOVE)
		x->env->report->side[b->side].moved++;
	else
		x->env->report->side[b->side].cloned++;
	to_box->side[b->side].was_written = true;
	if (from->ident.has > to->ident.has)
		to->ident = from->ident;
	to->agreed = b->kind == OP_MOVE ? merge_base_moved(&x->arena, from, to, left_by_both(x, op, &both), b->side,
	    &box_masks(from_box, masks)[b->side]) : merge_base_cloned(from, b->side);
	to->has_agreed = true;
	if (m->new_key.len > 0 && find_alias(x, to_box, b->side, m->new_key, to, &alias, e) < 0)
		return -1;
	/* Of what is told twice, or of another, the next delta tells the truth. */
	if (alias != ALIAS_NONE)
		m->new_key = KEY_NONE;
	if (m->new_key.len > 0) {
		*h = from->half[b->side];
		take_key(x, b, n, h, m->new_key, m->new_hint);
		h->is_sent = !m->is_shown;
		/* The store copied what flags there were by then, and nobody marked the copy: a \Deleted on it is taken
		 * back. The next delta tells whether there is one. */
		if (b->kind == OP_CLONE) {
			h->flags.sys |= FLAG_DELETED;
			to->agreed.sys |= FLAG_DELETED;
		}
	} else if (h->presence == PRESENCE_NEVER) {
		x->env->observe_state->is_short = true;
		/* What was taken off before the move is a change still, and not what the store did not keep. */
		h->is_sent = !m->is_shown && flags_is_none(flags_minus(&x->arena, to->agreed, from->half[b->side].flags));
	}
	if (settle_put(x, to_box, to, e) < 0)
		return -1;
	x->env->apply_state->has_left |= m->is_left;
	if (b->kind == OP_MOVE) {
		from->half[b->side].presence = PRESENCE_GONE;
		if (settle_put(x, from_box, from, e) < 0)
			return -1;
	}
	return m->new_key.len > 0 ? intent_delete(x->env->state, b->intent[n].id, e) :
	    keep_intent(x, b, n, &to->ident, e);
}

static enum outcome
outcome_of(const struct applying *x, const struct batch *b, size_t n, const struct err **why)
{
	switch (x->plan->ops.at[b->op[n]].kind) {
	case OP_COPY:
		*why = &b->deliver[n].err;
		return b->deliver[n].outcome;
	case OP_FLAGS:
		*why = &b->flags[b->at[n]].err;
		return b->flags[b->at[n]].outcome;
	case OP_EXPUNGE:
		*why = &b->expunge[b->at[n]].err;
		return b->expunge[b->at[n]].outcome;
	default:
		*why = &b->move[n].err;
		return b->move[n].outcome;
	}
}

/* Its record is about to be kept. */
static void
clear_trouble(struct record *rec)
{
	if (rec->trouble == TROUBLE_NONE)
		return;
	rec->trouble = TROUBLE_NONE;
	rec->troubled = 0;
	if (rec->mark == MARK_NEW)
		rec->why = "";
}

static int
settle_done(struct applying *x, struct batch *b, size_t n, struct err *e)
{
	const struct op *op = &x->plan->ops.at[b->op[n]];

	x->env->report->is_changed[b->side] = true;
	apply_box(x, op->box)->side[b->side].was_written = true;
	x->status[b->op[n]] = OP_DONE;
	isolate_done(&x->env->isolate, apply_suspect(x, b->op[n]));
	clear_trouble(x->live[op->msg]);
	switch (op->kind) {
	case OP_COPY:
		return copied(x, b, n, e);
	case OP_FLAGS:
		return flagged(x, b, n, e);
	case OP_EXPUNGE:
		return expunged(x, b, n, e);
	default:
		return moved(x, b, n, e);
	}
}

/* Not everything that was to be expunged may go yet (no UIDPLUS): once more, after the others. */
static bool
has_second_turn(struct applying *x, const struct batch *b, size_t n)
{
	uint32_t i = b->op[n];

	if (x->plan->ops.at[i].kind != OP_EXPUNGE || !b->expunge[b->at[n]].may_come || x->is_second[i])
		return false;
	x->is_second[i] = true;
	x->status[i] = OP_WAIT;
	return true;
}

/* One that a guard counts (R21). */
static bool
is_carried_deletion(const struct op *op)
{
	return op->msg != UINT32_MAX && op_is_deletion(op) &&
	    (op->reason == REASON_GONE || op->reason == REASON_DELETED_THERE);
}

static int
settle_one(struct applying *x, struct batch *b, const struct batch_part *p, size_t n, struct err *e)
{
	const struct op *op = &x->plan->ops.at[b->op[n]];
	const struct err *why;
	enum outcome outcome = outcome_of(x, b, n, &why);

	if (outcome != OUTCOME_FAILED && is_carried_deletion(op))
		vec_push(&x->env->match_state->deletions, (struct run_deletion){ apply_box(x, op->box)->rec.id, op->side, x->live[op->msg]->id });
	switch (outcome) {
	case OUTCOME_DONE:
		return settle_done(x, b, n, e);
	case OUTCOME_UNKNOWN:
		/* It may have happened: the intent stays, the closing delta looks. */
		b->reads_later = true;
		apply_box(x, op->box)->side[b->side].was_written = true;
		apply_box(x, apply_to_box(x, op))->side[b->side].was_written = true;
		x->status[b->op[n]] = OP_UNKNOWN;
		return 0;
	default:
		if (b->intent[n].id != 0 && intent_delete(x->env->state, b->intent[n].id, e) < 0)
			return -1;
		/* Not tried for want of a session, or of its mailbox: collect() decides whether it gets another turn. */
		if (why->text[0] == '\0' && (b->status < 0 || p->status < 0))
			return 0;
		if (op->kind == OP_EXPUNGE && b->expunge[b->at[n]].is_another)
			return is_another(x, b, n, e);
		if (b->kind == OP_COPY && b->deliver[n].is_unexplained)
			refused_note(x->env, x->live[op->msg], b->side, why);
		return has_second_turn(x, b, n) ? 0 : message_failed(x, b, b->op[n], why, e);
	}
}

struct sized { uint64_t size; size_t n; };

static int
cmp_sized(const void *x, const void *y)
{
	const struct sized *a = x, *b = y;

	if (a->size != b->size)
		return a->size < b->size ? -1 : 1;
	return (a->n > b->n) - (a->n < b->n);
}

/* Messages of one size whose keys were given together, perhaps in a false order. Of more than FEW the first and the last are compared. */
static void
mark_alike(struct applying *x, struct batch *b)
{
	enum { FEW = 8 };
	struct sized *v = mem_alloc((b->n + 1) * sizeof *v);
	const struct record *rec;
	size_t i, k, end, m = 0;

	for (i = 0; i < b->n; i++) {
		if (b->kind != OP_COPY) {
			rec = x->live[x->plan->ops.at[b->op[i]].msg];
			b->wire_size[i] = rec->half[b->side].size;
		}
		if ((b->kind == OP_COPY ? b->deliver[i].key : b->move[i].new_key).len > 0 && b->wire_size[i] != 0)
			v[m++] = (struct sized){ b->wire_size[i], i };
	}
	if (m > 1)
		qsort(v, m, sizeof *v, cmp_sized);
	for (i = 0; i < m; i = end) {
		for (end = i + 1; end < m && v[end].size == v[i].size; end++)
			;
		for (k = i; k < end && end - i > 1; k++)
			b->is_alike[v[k].n] = end - i <= FEW || k == i || k == end - 1;
	}
	free(v);
}

int
settle(struct applying *x, struct batch *b, struct err *e)
{
	struct env *env = x->env;
	const struct batch_part *p;
	size_t i, n;

	if (is_box_op(b->kind))
		return settle_box(x, b, e);
	if ((b->kind == OP_COPY || b->kind == OP_MOVE || b->kind == OP_CLONE) && env->set->store[b->side]->ops->has_uid_keys)
		mark_alike(x, b);
	for (i = 0; i < b->n_parts; i++) {
		p = &b->part[i];
		for (n = p->first; n < p->first + p->n; n++)
			if (settle_one(x, b, p, n, e) < 0)
				return -1;
	}
	if (b->kind == OP_COPY && env->set->max_transfer != 0 && env->report->bytes >= env->set->max_transfer)
		env->apply_state->is_over_limit = env->report->hit_max_transfer = true;
	return 0;
}

/* ---- operations on the state alone ---- */

/* Two records found to be one mail become one. What the planner assumed as agreed is written down, so
 * that a run that ends here is followed by one that plans the same. */
static int
pair(struct applying *x, const struct op *op, struct err *e)
{
	struct record *a = x->live[op->msg], *b = x->live[op->other];
	struct merge_left both;

	a->agreed = merge_base_twin(&x->arena, a, b, left_by_both(x, op, &both));
	a->has_agreed = true;
	a->half[NEAR] = b->half[NEAR];
	if (b->ident.has > a->ident.has)
		a->ident = b->ident;
	a->mark = MARK_NEW;
	a->why = "";
	if (message_delete(x->env->state, b->box, b->id, e) < 0)
		return -1;
	if (settle_put(x, apply_box(x, op->box), a, e) < 0)
		return -1;
	x->env->report->paired++;
	x->live[op->other] = a;
	return 0;
}

static int
mark(struct applying *x, const struct op *op, struct err *e)
{
	struct record *rec = x->live[op->msg];
	int s;

	rec->mark = op->mark;
	if (op->mark == MARK_ORPHAN)
		for (s = 0; s < SIDES; s++)
			if (rec->half[s].presence == PRESENCE_GONE)
				rec->half[s] = RECORD_HALF_NEVER;
	return settle_put(x, apply_box(x, op->box), rec, e);
}

int
settle_state_only(struct applying *x, uint32_t i, struct err *e)
{
	const struct op *op = &x->plan->ops.at[i];
	struct run_box *box = apply_box(x, op->box);

	switch (op->kind) {
	case OP_PAIR:
		return pair(x, op, e);
	case OP_BEYOND:
		x->live[op->msg]->half[op->side].presence = PRESENCE_BEYOND;
		return settle_put(x, box, x->live[op->msg], e);
	case OP_MARK:
		return mark(x, op, e);
	case OP_DROP:
		return message_delete(x->env->state, x->live[op->msg]->box, x->live[op->msg]->id, e);
	default:
		if (box->rec.id != 0 && box_delete(x->env->state, box->rec.id, e) < 0)
			return -1;
		box->rec.id = 0;
		return 0;
	}
}
