/* Messages from one store to the other: fetched, digested and delivered in one pass, through one buffer.
 *
 * Must hold: finish() of the delivery is called whatever happened, so that what did arrive is durable and
 * known; a body that broke off is nowhere.
 */
#include "sync/run/jobs.h"

#include "sync/message/digest.h"

struct tee {
	struct batch *b;
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
	t->b->size[head->index] = head->size;
	t->b->deliver[head->index].date = t->b->keeps_date ? head->date : 0;
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

	if (failed == NULL && digest_end(t->digest, &t->b->ident[index], e) < 0)
		return -1;
	if (t->delivery->sink.end(t->delivery->sink.ctx, index, failed, e) < 0) {
		t->has_sink_failed = true;
		return -1;
	}
	return 0;
}

int
copy_run(struct job *j, struct session *session[SIDES], struct err *e)
{
	struct batch *b = (struct batch *)j;
	struct session *to = session[b->side], *from = session[side_other(b->side)];
	struct tee t = { .b = b };
	struct body_sink sink = { tee_begin, tee_data, tee_end, &t };
	struct err first;
	int status;

	j->err_side = b->side;
	t.digest = digest_new(e);
	if (t.digest == NULL)
		return -1;
	status = to->store->ops->deliver(to, b->on, b->epoch, b->deliver, b->n, &b->arena, &t.delivery, e);
	if (status == 0) {
		status = from->store->ops->fetch(from, b->from_on, b->from_epoch, b->fetch, b->n, &sink, e);
		if (status < 0 && !t.has_sink_failed && !t.is_cancelled)
			j->err_side = side_other(b->side);
		if (t.delivery->finish(t.delivery, status < 0 ? &first : e) < 0 && status == 0) {
			status = -1;
			j->err_side = b->side;
		}
	}
	digest_free(&t.digest);
	return status;
}
