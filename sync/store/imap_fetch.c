/* Bodies and identities of messages: one FETCH for a set of UIDs, the next asked for before the last has
 * been drained; a literal goes from the stream to the sink through one buffer.
 *
 * Must hold: a body whose UID did not come before it is refused and fetched again alone, where it can be
 * no other's; one that broke off ends `failed`.
 */
#include "sync/store/imap_inside.h"

#include "sync/message/digest.h"

enum {
	PER_COMMAND = 40,		/* messages of one FETCH */
	AHEAD = 3,			/* FETCHes unanswered at once */
};

struct fetched { uint32_t uid; size_t index; bool is_done; };

struct fetch_work {
	struct imap_conn *c;
	const char *box;
	uint64_t epoch;			/* the mailbox must be of; 0 = any */
	unsigned ticket;		/* of the SELECT the FETCHes are behind; 0 = it was selected before */
	bool is_other;			/* it is another mailbox: nothing of it is taken */
	struct fetched *sorted;		/* by UID */
	size_t n;
	const char *section;		/* "" or "HEADER" */
	struct fetched *alone;		/* the one message of a FETCH of its own; NULL = several */
	/* what is being received */
	struct fetched *current;
	bool has_failed;		/* the sink gave up: nothing more is wanted */
	struct err err;
	/* either: bodies to a sink */
	const struct body_sink *sink;
	/* or: identities */
	struct identify_item *items;
	struct digest *digest;
	bool wants_full;
	bool is_answered_badly;
	struct err answer;
};

static struct fetched *
find(const struct fetch_work *w, uint32_t uid)
{
	size_t low = 0, high = w->n, mid;

	while (low < high) {
		mid = low + (high - low) / 2;
		if (w->sorted[mid].uid < uid)
			low = mid + 1;
		else
			high = mid;
	}
	return low < w->n && w->sorted[low].uid == uid ? &w->sorted[low] : NULL;
}

/* The SELECT in front of the FETCH has told its UIDVALIDITY by the time a body comes. */
static bool
is_ours(struct fetch_work *w)
{
	const struct imap_box *box = w->ticket != 0 ? imap_select_box(w->c->s, w->ticket) : imap_session_box(w->c->s);

	if (box != NULL && w->epoch != 0 && box->uidvalidity != w->epoch)
		w->is_other = true;
	return box != NULL && !w->is_other;
}

static int
on_body_begin(void *ctx, const struct imap_fetch *f, const struct imap_body *body)
{
	struct fetch_work *w = ctx;
	struct body_head head = { .form = BODY_WIRE, .size = body->size, .wire_size = body->size };

	w->current = NULL;
	if (w->has_failed || body->is_nil || !is_ours(w) || strcmp(body->section, w->section) != 0)
		return -1;
	w->current = f->uid != 0 ? find(w, f->uid) : w->alone;
	if (w->current == NULL || w->current->is_done) {
		w->current = NULL;
		return -1;
	}
	if (w->items != NULL) {
		digest_start(w->digest, w->wants_full ? DIGEST_MESSAGE : DIGEST_HEADER);
		return 0;
	}
	head.index = w->current->index;
	head.date = f->has & IMAP_FETCH_DATE ? f->date : 0;
	if (w->sink->begin(w->sink->ctx, &head, &w->err) < 0) {
		w->has_failed = true;
		return -1;
	}
	return 0;
}

static int
on_body_data(void *ctx, const void *p, size_t len)
{
	struct fetch_work *w = ctx;

	if (w->has_failed || w->current == NULL)
		return -1;
	if (w->items != NULL) {
		digest_feed(w->digest, p, len);
		return 0;
	}
	if (w->sink->data(w->sink->ctx, p, len, &w->err) < 0) {
		w->has_failed = true;
		return -1;
	}
	return 0;
}

static void
end_identity(struct fetch_work *w, const struct imap_fetch *f, bool is_whole)
{
	struct identify_item *item = &w->items[w->current->index];
	uint64_t size = f->has & IMAP_FETCH_SIZE ? f->size : DIGEST_SIZE_UNKNOWN;

	if (!is_whole)
		return;
	item->status = w->wants_full ? digest_end(w->digest, &item->ident, &item->err) :
	    digest_end_header(w->digest, size, &item->ident, &item->err);
	w->current->is_done = true;
}

static void
end_body(struct fetch_work *w, bool is_whole)
{
	struct err broken;

	if (w->has_failed)
		return;
	if (!is_whole)
		err_set(&broken, ERR_MESSAGE, "%s: a message of %s broke off while it was being fetched",
		    w->c->st->store.name, w->box);
	if (w->sink->end(w->sink->ctx, w->current->index, is_whole ? NULL : &broken, &w->err) < 0)
		w->has_failed = true;
	w->current->is_done = true;
}

static void
on_fetch(void *ctx, const struct imap_fetch *f)
{
	struct fetch_work *w = ctx;
	bool is_whole = false;
	int i;

	for (i = 0; i < f->n_bodies; i++)
		if (strcmp(f->body[i].section, w->section) == 0)
			is_whole |= f->body[i].is_whole;
	if (w->current != NULL && w->items != NULL)
		end_identity(w, f, is_whole);
	else if (w->current != NULL)
		end_body(w, is_whole);
	w->current = NULL;
}

static void
on_done(void *ctx, const struct imap_result *result)
{
	struct fetch_work *w = ctx;

	if (result->status == IMAP_OK || w->is_answered_badly)
		return;
	w->is_answered_badly = true;
	imap_result_err(w->c->s, result, ERR_MESSAGE, w->box, &w->answer);
}

static const struct imap_events fetch_events = { .fetch = on_fetch, .body_begin = on_body_begin,
	.body_data = on_body_data, .done = on_done };

/* One FETCH of uids[0..n). Returns how many of them it took; 0 = error. */
static size_t
send_fetch(struct fetch_work *w, const uint32_t *uids, size_t n, struct err *e)
{
	struct imap_command cmd;
	size_t took;

	imap_begin(w->c, &cmd, IMAP_READ);
	imap_put(&cmd, "UID FETCH ");
	took = imap_put_uids(&cmd, uids, n, 64);
	if (w->items == NULL)
		imap_put(&cmd, " (UID INTERNALDATE BODY.PEEK[])");
	else
		imap_putf(&cmd, " (UID RFC822.SIZE BODY.PEEK[%s])", w->section);
	if (imap_send(w->c->s, &cmd, &fetch_events, w, NULL, e) < 0)
		took = 0;
	imap_command_release(&cmd);
	return took;
}

/* All that is not done yet; per: messages of one FETCH. */
static int
fetch_rest(struct fetch_work *w, size_t per, struct err *e)
{
	uint32_t *uids = mem_alloc((w->n + 1) * sizeof *uids);
	size_t n = 0, at, took, i;
	int status = 0;

	for (i = 0; i < w->n; i++)
		if (!w->sorted[i].is_done)
			uids[n++] = w->sorted[i].uid;
	for (at = 0; at < n && status == 0 && !w->has_failed; at += took) {
		w->alone = per == 1 ? find(w, uids[at]) : NULL;
		took = send_fetch(w, uids + at, n - at < per ? n - at : per, e);
		if (took == 0)
			status = -1;
		else
			status = imap_drain_to(w->c, per == 1 ? 0 : AHEAD - 1, e);
	}
	if (status == 0)
		status = imap_settle(w->c, e);
	free(uids);
	return status;
}

static int
cmp_uid(const void *x, const void *y)
{
	const struct fetched *a = x, *b = y;

	return (a->uid > b->uid) - (a->uid < b->uid);
}

/* Fetches in bulk, behind a SELECT that is not waited for (R17 allows reading so), then what is left alone. */
static int
run(struct fetch_work *w, uint64_t epoch, struct err *e)
{
	size_t i, left = 0;

	w->epoch = epoch;
	qsort(w->sorted, w->n, sizeof *w->sorted, cmp_uid);
	if (imap_enter_ahead(w->c, w->box, &w->ticket, e) < 0)
		return -1;
	if (fetch_rest(w, PER_COMMAND, e) < 0)
		return err_widen(e, ERR_STORE);
	if (imap_entered(w->c, w->box, w->ticket, e) < 0)
		return -1;
	if (!is_ours(w) || w->is_other)
		return err_class(e, ERR_BOX, ERR_FAILED, ERR_NOW, "%s: mailbox %s was rebuilt while it was being read "
		    "(UIDVALIDITY changed)", w->c->st->store.name, w->box);
	for (i = 0; i < w->n; i++)
		left += !w->sorted[i].is_done;
	if (left > 0 && !w->has_failed && fetch_rest(w, 1, e) < 0)
		return err_widen(e, ERR_STORE);
	return 0;
}

static void
missing(const struct fetch_work *w, struct err *e)
{
	/* A server's NO names the trouble; silence means that it is gone. */
	if (w->is_answered_badly)
		*e = w->answer;
	else
		err_class(e, ERR_MESSAGE, ERR_FAILED, ERR_NOW, "%s: a message of %s is gone", w->c->st->store.name,
		    w->box);
}

int
imap_fetch(struct session *session, const char *box, uint64_t epoch, const struct fetch_item *items, size_t n,
    const struct body_sink *sink, struct err *e)
{
	struct fetch_work w = { .c = imap_conn_of(session), .box = box, .n = n, .section = "", .sink = sink };
	uint64_t octets = 0;
	struct err gone;
	size_t i;
	int status;

	w.sorted = mem_alloc((n + 1) * sizeof *w.sorted);
	for (i = 0; i < n; i++) {
		w.sorted[i] = (struct fetched){ .uid = key_uid(items[i].key), .index = i };
		octets += imap_likely_size(items[i].size);
	}
	status = imap_expect_octets(w.c, octets, e);
	if (status == 0)
		status = run(&w, epoch, e);
	if (status == 0 && w.has_failed) {
		*e = w.err;
		status = -1;
	}
	for (i = 0; i < n && status == 0; i++) {
		if (w.sorted[i].is_done)
			continue;
		missing(&w, &gone);
		status = sink->end(sink->ctx, w.sorted[i].index, &gone, e);
	}
	free(w.sorted);
	return status;
}

int
imap_identify(struct session *session, const char *box, uint64_t epoch, struct identify_item *items, size_t n,
    unsigned want, struct err *e)
{
	struct fetch_work w = { .c = imap_conn_of(session), .box = box, .n = n, .items = items,
		.wants_full = (want & IDENT_FULL) != 0 };
	enum { HEADER = 2000 };		/* octets of a usual one */
	uint64_t octets = 0;
	size_t i;
	int status;

	w.section = w.wants_full ? "" : "HEADER";
	w.digest = digest_new(e);
	if (w.digest == NULL)
		return -1;
	w.sorted = mem_alloc((n + 1) * sizeof *w.sorted);
	for (i = 0; i < n; i++) {
		w.sorted[i] = (struct fetched){ .uid = key_uid(items[i].key), .index = i };
		items[i].status = -1;
		octets += w.wants_full ? imap_likely_size(items[i].size) : HEADER;
	}
	status = imap_expect_octets(w.c, octets, e);
	if (status == 0)
		status = run(&w, epoch, e);
	for (i = 0; i < n && status == 0; i++)
		if (!w.sorted[i].is_done)
			missing(&w, &items[w.sorted[i].index].err);
	free(w.sorted);
	digest_free(&w.digest);
	return status;
}
