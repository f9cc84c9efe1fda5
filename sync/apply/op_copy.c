/* Copy: messages from one store to the other, fetched, digested and delivered in one pass, through one buffer.
 *
 * A batch may go into several mailboxes. All its messages are fetched in one request. Each mailbox has a delivery of its own that stays open
 * until the last body has come, so that the answers of one are not waited for before the next is sent.
 *
 * A store may take several messages in one command, and refuse them all. A message that was refused so is fetched and sent once more by
 * itself, then without what it may have been refused for (`enum deliver_how`). So a message that a server does not want keeps no other
 * back, and no keyword keeps its message.
 *
 * What is too large is carried as a placeholder (P21): its header is collected, and what stands for it is delivered in its place (as_placeholder.c).
 * Where nothing can stand for it, it goes in another pass, whole.
 *
 * Where the receiving store makes durable what it has without a session, that is the batch's rest: the next one is fetched meanwhile.
 *
 * Must hold: finish() of each delivery is called whatever happened, so that what arrived is durable and known; a body that broke off is
 * nowhere. What goes wrong with one mailbox keeps no other from its messages.
 */
#include "sync/apply/as_placeholder.h"

#include "sync/message/digest.h"
#include "sync/plan/merge.h"

/* Of one mailbox, in one pass: items first..first + n of the pass. */
struct stretch {
	struct batch_part *p;
	size_t first, n;
	struct delivery *delivery;	/* NULL = none could be opened */
};

struct copying {
	struct batch *b;
	size_t *at;			/* places in the batch of what is asked for in this pass, ascending */
	size_t n;
	struct deliver_item *items;	/* its deliveries */
	struct fetch_item *fetch;
	struct stretch stretch[BATCH_PARTS];
	size_t n_stretches;
	struct stretch *now;		/* whose body is coming */
	struct task *counted;		/* of that body, whose size nobody knew; NULL = it was known */
	struct digest *digest;
	struct as_placeholder *placeholder;
	bool is_cancelled;
	bool has_sink_failed;		/* the error came from the receiving side */
	bool has_begun;			/* the first pass is under way */
};

static void
part_failed(struct batch_part *p, enum side s, const struct err *why)
{
	if (p->status < 0)
		return;
	p->status = -1;
	p->err_side = s;
	p->err = *why;
}

/* The receiving side gave up: on this mailbox alone, whose bodies go nowhere from now on, or altogether. */
static int
sink_failed(struct copying *t, const struct err *why, struct err *e)
{
	if (why->scope < ERR_STORE) {
		part_failed(t->now->p, t->b->side, why);
		return 0;
	}
	t->has_sink_failed = true;
	*e = *why;
	return -1;
}

static const struct body_sink *
sink_now(const struct copying *t)
{
	return t->now->p->status < 0 ? NULL : &t->now->delivery->sink;
}

static int
flush(struct copying *t, struct stretch *c, struct err *e)
{
	struct err why;

	if (c == NULL || c->p->status < 0 || c->delivery->flush == NULL || c->delivery->flush(c->delivery, &why) == 0)
		return 0;
	t->now = c;
	return sink_failed(t, &why, e);
}

/* The mailbox that item `index` of the pass goes into. One that is left sends what it has collected. */
static int
turn_to(struct copying *t, size_t index, struct err *e)
{
	struct stretch *c = t->stretch;

	while (index >= c->first + c->n)
		c++;
	if (c != t->now && flush(t, t->now, e) < 0)
		return -1;
	t->now = c;
	return 0;
}

/* By the size that was listed; by that of the body, where none was or the store is local. */
static bool
takes_placeholder(struct copying *t, const struct body_head *head)
{
	struct task *task = &t->b->task[t->at[head->index]];

	if (task->size_most != 0 && head->size != BODY_SIZE_UNKNOWN &&
	    (head->form == BODY_FILE || t->fetch[head->index].size == 0))
		task->is_placeholder = head->size > task->size_most;
	return task->is_placeholder;
}

static int
body_begin(void *ctx, const struct body_head *head, struct err *e)
{
	struct copying *t = ctx;
	struct body_head own = *head;
	const struct body_sink *sink;
	struct err why;

	if (t->b->cancel != NULL && *t->b->cancel) {
		t->is_cancelled = true;
		return err_class(e, ERR_RUN, ERR_CANCELLED, ERR_LATER, "stopped on request");
	}
	if (takes_placeholder(t, head)) {
		as_placeholder_begin(t->placeholder, head, t->fetch[head->index].size);
		return 0;
	}
	digest_start(t->digest, DIGEST_MESSAGE);
	t->b->task[t->at[head->index]].size = head->size == BODY_SIZE_UNKNOWN ? 0 : head->size;
	t->b->task[t->at[head->index]].wire_size = head->wire_size == BODY_SIZE_UNKNOWN ? 0 : head->wire_size;
	t->counted = head->size == BODY_SIZE_UNKNOWN ? &t->b->task[t->at[head->index]] : NULL;
	t->items[head->index].date = t->b->copy_arrival_date ? head->date : 0;
	if (turn_to(t, head->index, e) < 0)
		return -1;
	own.index -= t->now->first;
	sink = sink_now(t);
	return sink != NULL && sink->begin(sink->ctx, &own, &why) < 0 ? sink_failed(t, &why, e) : 0;
}

/* Shown while it is carried; what it costs is an addition. */
static void
count_octets(struct batch *b, size_t len)
{
	b->arrived_bytes += len;
	atomic_fetch_add_explicit(&b->arriving->bytes, len, memory_order_relaxed);
}

static void
count_message(struct batch *b, struct task *t)
{
	if (t->has_arrived)
		return;
	t->has_arrived = true;
	b->arrived++;
	atomic_fetch_add_explicit(&b->arriving->messages, 1, memory_order_relaxed);
}

static int
body_data(void *ctx, const void *p, size_t len, struct err *e)
{
	struct copying *t = ctx;
	const struct body_sink *sink;
	struct err why;

	if (as_placeholder_data(t->placeholder, p, len))
		return 0;
	sink = sink_now(t);
	count_octets(t->b, len);
	digest_feed(t->digest, p, len);
	if (t->counted != NULL)
		t->counted->wire_size = t->counted->size += len;
	return sink != NULL && sink->data(sink->ctx, p, len, &why) < 0 ? sink_failed(t, &why, e) : 0;
}

/* In place of the body that has come. */
static int
deliver_placeholder(struct copying *t, size_t index, struct err *e)
{
	struct task *task = &t->b->task[t->at[index]];
	struct body_head head = { .index = index };
	const struct body_sink *sink;
	struct buf text = { 0 };
	struct err why;
	int status = 0, got;

	if (turn_to(t, index, e) < 0)
		return -1;
	got = as_placeholder_end(t->placeholder, t->digest, (t->items[index].flags.sys & FLAG_FLAGGED) != 0, &text, &head, &task->ident, e);
	sink = sink_now(t);
	if (got == 0) {
		task->must_be_whole = true;
		task->is_placeholder = false;
	} else if (got > 0 && sink != NULL) {
		task->size = text.len;
		task->wire_size = head.wire_size;
		t->items[index].date = t->b->copy_arrival_date ? head.date : 0;
		t->items[index].flags.sys &= ~(uint32_t)FLAG_FLAGGED;
		head.index -= t->now->first;
		if (sink->begin(sink->ctx, &head, &why) < 0 || sink->data(sink->ctx, text.data, text.len, &why) < 0 ||
		    sink->end(sink->ctx, head.index, NULL, &why) < 0)
			status = sink_failed(t, &why, e);
	}
	buf_release(&text);
	return got < 0 ? -1 : status;
}

/* It has the form of a placeholder, as only the whole of it shows, and nobody has looked whose it is (match/placeholders.c). */
static bool
is_found_out(const struct task *t)
{
	return (t->ident.has & IDENT_PLACEHOLDER) && !(t->rec->ident.has & IDENT_PLACEHOLDER);
}

static int
body_end(void *ctx, size_t index, const struct err *failed, struct err *e)
{
	struct copying *t = ctx;
	const struct body_sink *sink;
	struct err why, found;

	if (as_placeholder_is_under_way(t->placeholder) && failed == NULL)
		return deliver_placeholder(t, index, e);
	as_placeholder_stop(t->placeholder);
	if (failed == NULL && digest_end(t->digest, &t->b->task[t->at[index]].ident, e) < 0)
		return -1;
	if (failed == NULL && is_found_out(&t->b->task[t->at[index]])) {
		err_class(&found, ERR_MESSAGE, ERR_FAILED, ERR_NOW, "it may stand for a message that is known");
		failed = &found;
	}
	if (failed == NULL)
		count_message(t->b, &t->b->task[t->at[index]]);
	if (turn_to(t, index, e) < 0)
		return -1;
	sink = sink_now(t);
	return sink != NULL && sink->end(sink->ctx, index - t->now->first, failed, &why) < 0 ? sink_failed(t, &why, e) : 0;
}

/* One for each mailbox of the pass. */
static void
plan_stretches(struct copying *t)
{
	struct batch_part *p = t->b->part;
	struct stretch *c = NULL;
	size_t i;

	t->n_stretches = 0;
	t->now = NULL;
	for (i = 0; i < t->n; i++) {
		t->fetch[i] = t->b->fetch[t->at[i]];
		t->items[i] = t->b->deliver[t->at[i]];
		while (t->at[i] >= p->first + p->n)
			p++;
		if (c == NULL || c->p != p) {
			c = &t->stretch[t->n_stretches++];
			*c = (struct stretch){ .p = p, .first = i };
		}
		c->n++;
	}
}

static int
open_deliveries(struct copying *t, struct session *to, struct err *e)
{
	struct stretch *c;
	struct err why;

	for (c = t->stretch; c < t->stretch + t->n_stretches; c++) {
		if (c->p->status < 0 || to->store->ops->deliver(to, c->p->on, c->p->epoch, t->items + c->first, c->n,
		    &t->b->arena, &c->delivery, &why) == 0)
			continue;
		c->delivery = NULL;
		if (why.scope >= ERR_STORE) {
			*e = why;
			return -1;
		}
		part_failed(c->p, t->b->side, &why);
	}
	return 0;
}

/* Of all mailboxes that can take it. */
static int
fetch_all(struct copying *t, struct session *from, struct err *e)
{
	const struct body_sink sink = { body_begin, body_data, body_end, t };
	struct fetch_part ask[BATCH_PARTS];
	struct stretch *c, *asked[BATCH_PARTS];
	size_t i, n = 0;
	int status;

	for (c = t->stretch; c < t->stretch + t->n_stretches; c++) {
		if (c->p->status < 0)
			continue;
		ask[n] = (struct fetch_part){ .box = c->p->from_on, .epoch = c->p->from_epoch, .first = c->first, .n = c->n };
		asked[n++] = c;
	}
	status = n > 0 ? from->store->ops->fetch(from, ask, n, t->fetch, &sink, e) : 0;
	for (i = 0; i < n; i++)
		if (ask[i].status < 0)
			part_failed(asked[i]->p, side_other(t->b->side), &ask[i].err);
	if (status < 0 && !t->has_sink_failed && !t->is_cancelled)
		t->b->err_side = side_other(t->b->side);
	return status == 0 ? flush(t, t->now, e) : -1;
}

/* Asks for those n of the batch that stand at t->at, and gives them to the other store, whose answers are not waited for. */
static int
carry(struct copying *t, struct session *from, struct session *to, struct err *e)
{
	plan_stretches(t);
	t->b->err_side = t->b->side;
	return open_deliveries(t, to, e) < 0 ? -1 : fetch_all(t, from, e);
}

/* The answers. status and *e: of carry(). */
static int
settle_these(struct copying *t, int status, struct err *e)
{
	struct stretch *c;
	struct err why;
	size_t i;

	for (c = t->stretch; c < t->stretch + t->n_stretches; c++) {
		if (c->delivery == NULL || c->delivery->finish(c->delivery, &why) == 0)
			continue;
		if (why.scope < ERR_STORE) {
			part_failed(c->p, t->b->side, &why);
		} else if (status == 0) {
			status = -1;
			*e = why;
			t->b->err_side = t->b->side;
		}
	}
	for (i = 0; i < t->n; i++) {
		/* Whose source was lost is as if not tried: it gets another turn. */
		if (status < 0 && t->b->err_side != t->b->side && t->items[i].outcome == OUTCOME_FAILED &&
		    t->items[i].err.retry != ERR_NEVER)
			t->items[i].err = (struct err){ 0 };
		t->b->deliver[t->at[i]] = t->items[i];
	}
	return status;
}

/* Of what the pass asked for, those that may go otherwise, for another pass. Each is as if not tried yet. */
static size_t
keep_for_another_pass(struct copying *t)
{
	struct deliver_item *item;
	bool is_whole;
	size_t i, k = 0;

	for (i = 0; i < t->n; i++) {
		item = &t->b->deliver[t->at[i]];
		/* Once. */
		is_whole = t->b->task[t->at[i]].must_be_whole && t->b->task[t->at[i]].size_most != 0;
		if (item->outcome != OUTCOME_FAILED || (!item->goes_again && !is_whole))
			continue;
		t->b->task[t->at[i]].size_most = 0;
		t->b->fetch[t->at[i]].is_header_enough = t->b->task[t->at[i]].is_placeholder && t->b->fetch[t->at[i]].is_header_enough;
		item->goes_again = false;
		item->err = (struct err){ 0 };
		t->at[k++] = t->at[i];
	}
	return t->n = k;
}

/* What stopped the batch, or a mailbox of it, is reported by that: nothing is wrong with the messages whose turn had not come. */
static void
excuse_rest(struct batch *b, int status)
{
	const struct batch_part *p;
	size_t i, k;

	for (i = 0; i < b->n_parts; i++) {
		p = &b->part[i];
		for (k = p->first; k < p->first + p->n; k++)
			if ((status < 0 || p->status < 0) && b->task[k].size == 0 && b->deliver[k].outcome == OUTCOME_FAILED)
				b->deliver[k].err.class = ERR_CANCELLED;
	}
}

static struct copying *
copying_new(struct batch *b, struct err *e)
{
	struct copying *t = mem_alloc(sizeof *t);
	size_t i;

	*t = (struct copying){ .b = b, .n = b->n, .digest = digest_new(e), .placeholder = as_placeholder_new() };
	t->at = mem_alloc((b->n + 1) * sizeof *t->at);
	t->items = mem_alloc((b->n + 1) * sizeof *t->items);
	t->fetch = mem_alloc((b->n + 1) * sizeof *t->fetch);
	for (i = 0; i < b->n; i++)
		t->at[i] = i;
	return t;
}

static void
copying_free(struct copying *t)
{
	digest_free(&t->digest);
	as_placeholder_free(&t->placeholder);
	free(t->at);
	free(t->items);
	free(t->fetch);
	free(t);
}

/* ---- the worker ---- */

/* From a local store: its bodies are there at once, and the answers to their delivery may come while others are waited for. */
static int
begin(struct batch *b, struct session *session[SIDES], struct err *e)
{
	struct session *to = session[b->side], *from = session[side_other(b->side)];
	struct copying *t = copying_new(b, e);

	b->copying = t;
	if (t->digest == NULL)
		return -1;
	t->has_begun = from->store->ops->is_local;
	return t->has_begun ? carry(t, from, to, e) : 0;
}

/* All that is left is finish() of deliveries that need no session: no message goes another way, in another pass. */
static bool
is_apart(const struct copying *t)
{
	const struct stretch *c;
	size_t i;

	for (c = t->stretch; c < t->stretch + t->n_stretches; c++)
		if (c->delivery == NULL || !c->delivery->is_apart)
			return false;
	for (i = 0; i < t->n; i++)
		if (t->b->task[t->at[i]].must_be_whole)
			return false;
	return true;
}

static int
rest(struct batch *b, struct err *e)
{
	struct copying *t = b->copying;
	int status = settle_these(t, 0, e);

	excuse_rest(b, status);
	copying_free(t);
	b->copying = NULL;
	return status;
}

static int
end(struct batch *b, struct session *session[SIDES], struct err *e)
{
	struct session *to = session[b->side], *from = session[side_other(b->side)];
	struct copying *t = b->copying;
	int status = b->status;

	if (t->digest != NULL) {
		if (!t->has_begun)
			status = carry(t, from, to, e);
		b->has_rest = b->may_rest && status == 0 && is_apart(t);
		if (b->has_rest)
			return 0;
		status = settle_these(t, status, e);
		while (status == 0 && keep_for_another_pass(t) > 0) {
			b->reads_later = true;
			status = settle_these(t, carry(t, from, to, e), e);
		}
	}
	excuse_rest(b, status);
	copying_free(t);
	b->copying = NULL;
	return status;
}

/* ---- the coordinator ---- */

static void
make(struct batch *b, size_t room)
{
	b->fetch = mem_alloc(room * sizeof *b->fetch);
	b->deliver = mem_alloc(room * sizeof *b->deliver);
	b->needs[side_other(b->side)] = true;
}

uint64_t
copy_size(const struct record *rec, const struct record_half *half)
{
	return half->size != 0 ? half->size : rec->ident.has & IDENT_SIZE ? rec->ident.size : 0;
}

static void
fill(struct applying *x, struct batch *b, struct task *t)
{
	struct store *store = x->env->set->store[b->side];
	const struct record_half *there = &t->rec->half[side_other(b->side)];
	const struct box_side *to = &apply_box(x, t->op->box)->rec.side[b->side];
	size_t n = (size_t)(t - b->task);

	b->copy_arrival_date = x->env->set->copy_arrival_date;
	b->cancel = x->env->set->cancel;
	b->arriving = &x->env->arriving;
	t->fetch = &b->fetch[n];
	t->deliver = &b->deliver[n];
	t->is_placeholder = plan_is_too_large(&x->in->policy, t->rec, b->side);
	t->size_most = t->rec->placeholder == PLACEHOLDER_NO_MORE ? 0 : x->in->policy.max_size[b->side];
	*t->fetch = (struct fetch_item){ there->key, there->hint, copy_size(t->rec, there), t->is_placeholder && there->size != 0 };
	*t->deliver = (struct deliver_item){ .flags = flags_keep(&b->arena, there->flags, &to->mask),
		.name = store->ops->choose_name(store, &b->arena), .size = copy_size(t->rec, there), .hint = "" };
	if (!to->is_known)
		t->deliver->flags = there->flags;
}

static int
prepare(struct applying *x, struct batch *b, struct err *e)
{
	struct task *t;

	for (t = b->task; t < b->task + b->n; t++) {
		/* What is copied back has no twin until it arrives: the one that went is not looked for. Nor is what was let go (P18). */
		if (intent_await_twin(x, apply_box(x, t->op->box), t->rec, b->side,
		    t->rec->half[b->side].presence == PRESENCE_GONE || t->rec->mark == MARK_EXPIRED, e) < 0)
			return -1;
		t->intent = intent_begin(x, t, INTENT_DELIVER);
		t->intent.key = t->deliver->name;
		if (t->is_placeholder)
			t->intent.ident = ident_of_placeholder(&t->rec->ident);
		if (intent_put(x->env->state, &t->intent, e) < 0)
			return -1;
	}
	return 0;
}

/* What the store did not take of what went with a message. */
static int
learn_unkept(struct applying *x, const struct task *t, struct run_box *box, struct err *e)
{
	const struct deliver_item *d = t->deliver;
	enum side s = t->op->side;
	struct flags lacks;

	if (kept_learn(x->env, box, s, d->unkept, e) < 0)
		return -1;
	if (d->how >= DELIVER_AT_EPOCH)
		kept_undated(x->env, box, s);
	/* Sent without keywords, for it was refused with them: which of them is to blame shows when they are set. */
	lacks = flags_minus(&x->arena, flags_keep(&x->arena, t->rec->half[side_other(s)].flags, &box->rec.side[s].mask), d->flags);
	x->env->observe_state->is_short |= d->how >= DELIVER_BARE && !flags_is_none(lacks);
	return 0;
}

static void
count(struct applying *x, const struct task *t, enum alias alias)
{
	x->env->report->bytes += t->size;
	x->env->progress.bytes_done += t->size;
	x->env->report->side[t->op->side].added += alias != ALIAS_EQUAL;
}

static int
done(struct applying *x, struct batch *b, struct task *t, struct err *e)
{
	struct run_box *box = apply_box(x, t->op->box);
	struct record *rec = t->rec;
	struct deliver_item *d = t->deliver;
	struct record_half *h = &rec->half[b->side], *from = &rec->half[side_other(b->side)];
	enum alias alias = ALIAS_NONE;
	struct ident ident;

	if (learn_unkept(x, t, box, e) < 0)
		return -1;
	x->env->apply_state->has_upgraded |= rec->placeholder == PLACEHOLDER_NO_MORE;
	rec->placeholder = !t->is_placeholder ? PLACEHOLDER_NONE : placeholder_on(b->side);
	if (!t->is_placeholder || !(rec->ident.has & IDENT_HEADER))
		rec->ident = t->ident;
	ident = record_ident(rec, b->side);
	if (d->key.len > 0 && given_alias(x, box, b->side, d->key, rec, &alias, e) < 0)
		return -1;
	if (alias == ALIAS_FALSE)
		d->key = KEY_NONE;
	count(x, t, alias);
	/* It was read just now: an expunge of it that broke off, and is not wanted any more, has not been. */
	if (from->basis == BASIS_OURS)
		from->basis = BASIS_LISTED;
	/* What the twin was given is agreed, as far as it is shown to have kept it; and nothing else is, whatever was before. */
	if (rec->has_agreed)
		rec->agreed = flags_intersect(&x->arena, rec->agreed, d->flags);
	else if (d->key.len == 0)
		rec->agreed = flags_dup(&x->arena, d->flags);
	if (d->key.len == 0) {
		rec->has_agreed = true;
		h->is_sent = !d->is_shown;
		b->reads_later = x->env->observe_state->is_short = true;
		return apply_put(x, box, rec, e) < 0 ? -1 : intent_keep(x, t, &ident, e);
	}
	if (alias == ALIAS_EQUAL) {
		given_shared(x, rec, b->side, d->key);
	} else {
		given_take(x, t, h, d->key, d->hint);
		h->flags = flags_dup(&x->arena, d->flags);
		h->is_sent = !d->is_shown;
		h->date = d->date;
		rec->mark = MARK_NEW;
		rec->why = "";
		rec->refusals = 0;
	}
	if (apply_put(x, box, rec, e) < 0)
		return -1;
	return intent_delete(x->env->state, t->intent.id, e);
}

/* Said once, and set aside if it never will be. What was not tried, or is to be tried again, has another turn (loss_of_sessions()). */
static int
failed(struct applying *x, struct batch *b, struct task *t, const struct err *why, struct err *e)
{
	const struct op *op = t->op;
	struct run_box *box = apply_box(x, op->box);
	bool is_untried = why->text[0] == '\0' || why->class == ERR_CANCELLED;

	if (t->deliver->is_unexplained)
		refused_note(x->env, t->rec, b->side, why);
	if (is_untried ? b->is_retried || waiting_is_stopped(x->env, op->box, b->side) : b->is_retried && waiting_is_such(why)) {
		x->status[t->i] = OP_RUNNING;
		return 0;
	}
	x->status[t->i] = OP_FAILED;
	if (is_untried)
		return 0;
	if (is_found_out(t)) {
		t->rec->ident = t->ident;
		x->env->apply_state->has_upgraded = true;
		return apply_put(x, box, t->rec, e) < 0 ? -1 : intent_delete(x->env->state, t->intent.id, e);
	}
	sight_worsen(&box->side[FAR], SIGHT_WRITTEN);
	sight_worsen(&box->side[NEAR], SIGHT_WRITTEN);
	if (why->retry == ERR_NOW) {
		/* It changed under us: the closing delta tells. */
		left_out_note(x->env, op->box, side_other(b->side), t->rec->id);
		return 0;
	}
	waiting_add(x->env, op->box, b->side, t->rec->id, why);
	if (waiting_is_such(why))
		return 0;
	x->env->report->failed++;
	if (why->retry != ERR_NEVER)
		return 0;
	t->rec->mark = MARK_FAILED;
	t->rec->why = arena_strdup(&x->arena, why->text);
	return apply_put(x, box, t->rec, e);
}

static enum outcome
outcome(const struct task *t, const struct err **why_r)
{
	*why_r = &t->deliver->err;
	return t->deliver->outcome;
}

static struct key
key_given(const struct task *t)
{
	return t->deliver->key;
}

static int
settle(struct applying *x, struct batch *b, struct err *e)
{
	if (x->env->set->store[b->side]->ops->has_uid_keys)
		given_mark_alike(b, key_given);
	if (settle_tasks(x, b, e) < 0)
		return -1;
	if (x->env->set->max_transfer != 0 && x->env->report->bytes >= x->env->set->max_transfer)
		x->env->apply_state->is_over_limit = x->env->report->hit_max_transfer = true;
	return 0;
}

const struct operation op_copy = { .make = make, .fill = fill, .prepare = prepare, .begin = begin, .end = end, .rest = rest,
	.settle = settle, .outcome = outcome, .done = done, .failed = failed };
