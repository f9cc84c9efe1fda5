/* Messages from one store to the other: fetched, digested and delivered in one pass, through one buffer.
 *
 * A store may take several messages at one stroke, or refuse them so. What was refused with others is fetched and
 * sent once more, each by itself, so that one message a server does not want keeps no other back.
 *
 * Must hold: finish() of the delivery is called whatever happened, so that what did arrive is durable and
 * known; a body that broke off is nowhere.
 */
#include "sync/run/jobs.h"

#include "sync/message/digest.h"

struct tee {
	struct batch *b;
	const size_t *at;		/* places in the batch of what is asked for now */
	struct deliver_item *items;	/* its deliveries */
	struct delivery *delivery;
	struct digest *digest;
	bool is_cancelled;
	bool has_sink_failed;		/* the error came from the receiving side */
};

static int
tee_begin(void *ctx, const struct body_head *head, struct err *e)
{
	struct tee *t = ctx;

	if (t->b->cancel != NULL && *t->b->cancel) {
		t->is_cancelled = true;
		return err_class(e, ERR_RUN, ERR_CANCELLED, ERR_LATER, "stopped on request");
	}
	digest_start(t->digest, DIGEST_MESSAGE);
	t->b->size[t->at[head->index]] = head->size;
	t->items[head->index].date = t->b->keeps_date ? head->date : 0;
	if (t->delivery->sink.begin(t->delivery->sink.ctx, head, e) < 0) {
		t->has_sink_failed = true;
		return -1;
	}
	return 0;
}

static int
tee_data(void *ctx, const void *p, size_t len, struct err *e)
{
	struct tee *t = ctx;

	digest_feed(t->digest, p, len);
	if (t->delivery->sink.data(t->delivery->sink.ctx, p, len, e) < 0) {
		t->has_sink_failed = true;
		return -1;
	}
	return 0;
}

static int
tee_end(void *ctx, size_t index, const struct err *failed, struct err *e)
{
	struct tee *t = ctx;

	if (failed == NULL && digest_end(t->digest, &t->b->ident[t->at[index]], e) < 0)
		return -1;
	if (t->delivery->sink.end(t->delivery->sink.ctx, index, failed, e) < 0) {
		t->has_sink_failed = true;
		return -1;
	}
	return 0;
}

/* Copies those n of the batch that stand at t->at. */
static int
copy_these(struct tee *t, size_t n, struct session *from, struct session *to, struct err *e)
{
	struct body_sink sink = { tee_begin, tee_data, tee_end, t };
	struct batch *b = t->b;
	struct fetch_item *fetch = mem_alloc((n + 1) * sizeof *fetch);
	struct err first;
	int status;
	size_t i;

	t->items = mem_alloc((n + 1) * sizeof *t->items);
	for (i = 0; i < n; i++) {
		fetch[i] = b->fetch[t->at[i]];
		t->items[i] = b->deliver[t->at[i]];
	}
	b->job.err_side = b->side;
	status = to->store->ops->deliver(to, b->on, b->epoch, t->items, n, &b->arena, &t->delivery, e);
	if (status == 0) {
		status = from->store->ops->fetch(from, b->from_on, b->from_epoch, fetch, n, &sink, e);
		if (status < 0 && !t->has_sink_failed && !t->is_cancelled)
			b->job.err_side = side_other(b->side);
		if (t->delivery->finish(t->delivery, status < 0 ? &first : e) < 0 && status == 0) {
			status = -1;
			b->job.err_side = b->side;
		}
	}
	for (i = 0; i < n; i++) {
		/* Whose source was lost is as if not tried: it gets another turn. */
		if (status < 0 && b->job.err_side != b->side && t->items[i].outcome == OUTCOME_FAILED &&
		    t->items[i].err.retry != ERR_NEVER)
			t->items[i].err = (struct err){ 0 };
		b->deliver[t->at[i]] = t->items[i];
	}
	free(t->items);
	free(fetch);
	return status;
}

/* Of the n at `at`, those refused together with others, to the front. Returns how many; each is as if not tried yet. */
static size_t
refused_together(struct batch *b, size_t *at, size_t n)
{
	size_t i, k = 0;

	for (i = 0; i < n; i++) {
		struct deliver_item *item = &b->deliver[at[i]];

		if (item->outcome != OUTCOME_FAILED || !item->goes_alone)
			continue;
		item->err = (struct err){ 0 };
		at[k++] = at[i];
	}
	return k;
}

/* What stopped the batch is told by it: nothing is wrong with the messages whose turn had not come. */
static void
excuse_rest(struct batch *b)
{
	size_t i;

	for (i = 0; i < b->n; i++)
		if (b->size[i] == 0 && b->deliver[i].outcome == OUTCOME_FAILED)
			b->deliver[i].err.class = ERR_CANCELLED;
}

int
copy_run(struct job *j, struct session *session[SIDES], struct err *e)
{
	struct batch *b = (struct batch *)j;
	struct session *to = session[b->side], *from = session[side_other(b->side)];
	size_t *at = mem_alloc((b->n + 1) * sizeof *at), n, i;
	struct tee t = { .b = b, .at = at };
	int status = -1;

	j->err_side = b->side;
	t.digest = digest_new(e);
	if (t.digest == NULL)
		goto done;
	for (i = 0; i < b->n; i++)
		at[i] = i;
	status = copy_these(&t, b->n, from, to, e);
	n = refused_together(b, at, b->n);
	if (status == 0 && n > 0)
		status = copy_these(&t, n, from, to, e);
	if (status < 0)
		excuse_rest(b);
done:
	digest_free(&t.digest);
	free(at);
	return status;
}
