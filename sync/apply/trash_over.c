/* What is expunged in a store without a trash goes into that of the other side (TrashRemoteNew): it is sent there like a new message, but for
 * \\Deleted, and expunged once the other store says that it has it.
 *
 * Must hold: nothing is expunged of which that is not known (R16 three outcomes).
 */
#include "sync/apply/batch.h"

#include "state/model/flags.h"

/* Of one mailbox, in one pass. */
struct over {
	struct batch *b;
	struct task **task;
	struct deliver_item *items;
	struct fetch_item *fetch;
	size_t n;
	struct delivery *delivery;
};

static int
on_begin(void *ctx, const struct body_head *head, struct err *e)
{
	struct over *o = ctx;

	o->items[head->index].date = o->b->copy_arrival_date ? head->date : 0;
	return o->delivery->sink.begin(o->delivery->sink.ctx, head, e);
}

static int
on_data(void *ctx, const void *p, size_t len, struct err *e)
{
	struct over *o = ctx;

	return o->delivery->sink.data(o->delivery->sink.ctx, p, len, e);
}

static int
on_end(void *ctx, size_t index, const struct err *failed, struct err *e)
{
	struct over *o = ctx;

	return o->delivery->sink.end(o->delivery->sink.ctx, index, failed, e);
}

static int
make_trash(struct session *to, const char *name, struct err *e)
{
	enum mailbox_state is = to->store->ops->mailbox_state(to, name, NULL, e);
	enum outcome made;

	if (is == MAILBOX_ABSENT)
		return to->store->ops->create_mailbox(to, name, 0, &made, e);
	/* Half made, by an earlier run or another worker; where it cannot be made, the delivery tells. */
	if (is != MAILBOX_THERE)
		(void)to->store->ops->create_mailbox(to, name, 0, &made, e);
	return 0;
}

/* All of them, from one session to the other. The answers are in o->items. */
static int
carry(struct over *o, const struct batch_part *p, struct session *from, struct session *to, struct err *e)
{
	const struct body_sink sink = { on_begin, on_data, on_end, o };
	struct fetch_part part = { .box = p->on, .epoch = p->epoch, .n = o->n };
	struct err why;
	int status;

	o->b->err_side = side_other(o->b->side);
	if (make_trash(to, o->b->trash, e) < 0 ||
	    to->store->ops->deliver(to, o->b->trash, 0, o->items, o->n, &o->b->arena, &o->delivery, e) < 0)
		return -1;
	status = from->store->ops->fetch(from, &part, 1, o->fetch, &sink, e);
	if (status == 0 && part.status < 0) {
		*e = part.err;
		status = -1;
	}
	if (status < 0)
		o->b->err_side = o->b->side;
	if (o->delivery->finish(o->delivery, &why) < 0 && status == 0) {
		o->b->err_side = side_other(o->b->side);
		*e = why;
		status = -1;
	}
	return status;
}

/* What was refused for what goes with it, and may go otherwise. */
static size_t
keep_for_another_pass(struct over *o)
{
	size_t i, k = 0;

	for (i = 0; i < o->n; i++) {
		if (o->items[i].outcome != OUTCOME_FAILED || !o->items[i].goes_again)
			continue;
		o->items[k] = o->items[i];
		o->items[k].goes_again = false;
		o->items[k].err = (struct err){ 0 };
		o->fetch[k] = o->fetch[i];
		o->task[k++] = o->task[i];
	}
	return o->n = k;
}

/* What that means for their expunging. *why: of what was not tried. */
static void
judge(struct over *o, const struct session *to, const struct err *why)
{
	struct expunge_item *item;
	size_t i;

	for (i = 0; i < o->n; i++) {
		item = o->task[i]->expunge;
		item->was_trashed = o->items[i].outcome == OUTCOME_DONE;
		if (item->was_trashed) {
			o->task[i]->goes_over = false;
			continue;
		}
		item->may_be_trashed = o->items[i].outcome == OUTCOME_UNKNOWN;
		item->err = o->items[i].err.text[0] != '\0' ? o->items[i].err : *why;
		item->err.scope = ERR_MESSAGE;
		item->err.class = ERR_FAILED;
		item->err.wait_ms = 0;
		if (item->err.retry != ERR_NOW || item->may_be_trashed)
			err_context(&item->err, "not expunged, for it cannot be kept in %s on %s", o->b->trash, to->store->name);
	}
}

static void
fill(struct over *o, struct task *t, struct session *to)
{
	struct flags flags = t->expunge->expect;

	flags.sys &= ~(uint32_t)FLAG_DELETED;
	o->task[o->n] = t;
	o->fetch[o->n] = (struct fetch_item){ t->expunge->key, t->expunge->hint, t->expunge->size, false };
	o->items[o->n++] = (struct deliver_item){ .flags = flags, .name = to->store->ops->choose_name(to->store, &o->b->arena),
		.size = t->expunge->size, .hint = "" };
}

static int
over_of_part(struct batch *b, const struct batch_part *p, struct session *from, struct session *to, struct err *e)
{
	struct over o = { .b = b };
	struct err why = { 0 };
	size_t i;
	int status = 0;

	o.task = mem_alloc((p->n + 1) * sizeof(struct task *));
	o.items = mem_alloc((p->n + 1) * sizeof *o.items);
	o.fetch = mem_alloc((p->n + 1) * sizeof *o.fetch);
	for (i = p->first; i < p->first + p->n; i++)
		if (b->task[i].expunge != NULL && b->task[i].goes_over)
			fill(&o, &b->task[i], to);
	while (o.n > 0 && status == 0) {
		status = carry(&o, p, from, to, &why);
		judge(&o, to, &why);
		if (keep_for_another_pass(&o) > 0)
			for (i = 0; i < o.n; i++)
				o.task[i]->expunge->err = (struct err){ 0 };
	}
	free(o.task);
	free(o.items);
	free(o.fetch);
	if (status < 0 && why.scope >= ERR_STORE) {
		*e = why;
		return -1;
	}
	return 0;
}

int
trash_over(struct batch *b, struct session *session[SIDES], struct err *e)
{
	const struct batch_part *p;

	for (p = b->part; p < b->part + b->n_parts; p++)
		if (over_of_part(b, p, session[b->side], session[side_other(b->side)], e) < 0)
			return -1;
	b->err_side = b->side;
	return 0;
}
