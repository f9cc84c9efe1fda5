/* Bodies and identities of messages: RETR, one behind the other where the server has PIPELINING, and TOP where a header is enough; a text
 * goes from the stream to the sink through one buffer.
 *
 * Must hold: a text that broke off, is empty, or is larger by far than was listed ends `failed`, and nothing of it remains.
 */
#include "sync/store/pop3_inside.h"

#include "sync/message/digest.h"

#define TEXT_MOST (UINT64_C(1) << 30)	/* octets of one message */

/* One that is asked for. */
struct wanted { size_t index; uint64_t listed; };

struct fetch_work {
	struct pop3_conn *c;
	struct wanted *wanted;		/* in the order of `numbers` */
	uint32_t *numbers;
	size_t n;
	size_t now;			/* whose text is coming */
	uint64_t got;			/* octets of it, so far */
	bool is_too_large;
	/* either: bodies to a sink */
	const struct body_sink *sink;
	bool has_failed;		/* it gave up: nothing more is wanted */
	struct err err;
	/* or: identities */
	struct identify_item *items;
	struct digest *digest, *loose;	/* loose NULL: not wanted */
	bool wants_full;
};

/* Sizes of some servers are wrong, by all their line ends or by more. */
static bool
is_far_larger(uint64_t size, uint64_t listed)
{
	enum { TIMES = 8, MORE = 16 << 20 };

	return size > TEXT_MOST || (listed != 0 && size > MORE && size - MORE > TIMES * listed);
}

static int
on_begin(void *ctx, size_t i)
{
	struct fetch_work *w = ctx;
	struct body_head head = { .index = w->wanted[i].index, .form = BODY_WIRE, .size = BODY_SIZE_UNKNOWN,
		.wire_size = BODY_SIZE_UNKNOWN };

	w->now = i;
	w->got = 0;
	w->is_too_large = false;
	if (w->items != NULL) {
		digest_start(w->digest, w->wants_full ? DIGEST_MESSAGE : DIGEST_HEADER);
		if (w->loose != NULL)
			digest_start(w->loose, DIGEST_LOOSE);
		return 0;
	}
	w->has_failed = w->has_failed || w->sink->begin(w->sink->ctx, &head, &w->err) < 0;
	return w->has_failed ? -1 : 0;
}

static int
on_data(void *ctx, const void *data, size_t len)
{
	struct fetch_work *w = ctx;

	w->got += len;
	if (is_far_larger(w->got, w->wanted[w->now].listed)) {
		w->is_too_large = true;
		return -1;
	}
	if (w->items != NULL) {
		digest_feed(w->digest, data, len);
		if (w->loose != NULL)
			digest_feed(w->loose, data, len);
		return 0;
	}
	w->has_failed = w->sink->data(w->sink->ctx, data, len, &w->err) < 0;
	return w->has_failed ? -1 : 0;
}

static int
left(const struct fetch_work *w, const char *what, struct err *e)
{
	return err_class(e, ERR_MESSAGE, ERR_FAILED, ERR_LATER, "%s: a message is left where it is: the server sends %s",
	    w->c->st->store.name, what);
}

static int
end_identity(struct fetch_work *w, const struct wanted *m, const struct pop3_reply *refusal)
{
	struct identify_item *item = &w->items[m->index];

	if (refusal != NULL)
		item->status = pop3_refused(w->c->s, refusal, ERR_MESSAGE, "a message", &item->err);
	else if (w->got == 0)
		item->status = left(w, "no text", &item->err);
	else if (w->is_too_large)
		item->status = left(w, "far more than it had listed", &item->err);
	else
		item->status = w->wants_full ? digest_end(w->digest, &item->ident, &item->err) :
		    digest_end_header(w->digest, m->listed != 0 ? m->listed : DIGEST_SIZE_UNKNOWN, &item->ident, &item->err);
	if (item->status == 0 && w->loose != NULL)
		item->status = digest_end_loose(w->loose, item->loose, &item->err);
	return 0;
}

static int
end_body(struct fetch_work *w, const struct wanted *m, const struct pop3_reply *refusal, bool is_whole)
{
	struct err broken;
	const struct err *failed = &broken;

	if (w->has_failed)
		return -1;
	if (refusal != NULL)
		pop3_refused(w->c->s, refusal, ERR_MESSAGE, "a message", &broken);
	else if (w->is_too_large || !is_whole)
		left(w, "far more than it had listed", &broken);
	else if (w->got == 0)
		left(w, "no text", &broken);
	else
		failed = NULL;
	w->has_failed = w->sink->end(w->sink->ctx, m->index, failed, &w->err) < 0;
	return w->has_failed ? -1 : 0;
}

static int
on_end(void *ctx, size_t i, const struct pop3_reply *refusal, bool is_whole)
{
	struct fetch_work *w = ctx;

	return w->items != NULL ? end_identity(w, &w->wanted[i], refusal) : end_body(w, &w->wanted[i], refusal, is_whole);
}

static int
run(struct fetch_work *w, bool is_header, struct err *e)
{
	const struct pop3_text_sink sink = { on_begin, on_data, on_end, w };
	int status = w->n == 0 ? 0 : pop3_texts(w->c->s, w->numbers, w->n, is_header, &sink, e);

	if (!w->has_failed)
		return status;
	/* What is under way cannot be called back. */
	pop3_session_close(&w->c->s);
	*e = w->err;
	return -1;
}

static void
gone(const struct fetch_work *w, struct err *e)
{
	err_class(e, ERR_MESSAGE, ERR_FAILED, ERR_NOW, "%s: a message is gone", w->c->st->store.name);
}

static void
work_begin(struct fetch_work *w, struct session *session, size_t n)
{
	*w = (struct fetch_work){ .c = pop3_conn_of(session) };
	w->wanted = mem_alloc((n + 1) * sizeof *w->wanted);
	w->numbers = mem_alloc((n + 1) * sizeof *w->numbers);
}

static void
work_end(struct fetch_work *w)
{
	free(w->wanted);
	free(w->numbers);
	digest_free(&w->digest);
	digest_free(&w->loose);
}

/* listed: its size, as the engine knows it; a session that has listed UIDs alone does not. False: it is not there any more. */
static bool
add(struct fetch_work *w, struct key key, uint64_t listed, size_t index)
{
	const struct pop3_message *m = pop3_find(w->c->st, key);

	if (m == NULL)
		return false;
	w->wanted[w->n] = (struct wanted){ index, m->size != 0 ? m->size : listed };
	w->numbers[w->n++] = m->number;
	return true;
}

static size_t
count(struct fetch_part *parts, size_t n)
{
	size_t i, total = 0;

	for (i = 0; i < n; i++) {
		parts[i].status = 0;
		total += parts[i].n;
	}
	return total;
}

int
pop3_fetch(struct session *session, struct fetch_part *parts, size_t n, const struct fetch_item *items, const struct body_sink *sink,
    struct err *e)
{
	struct fetch_work w;
	struct err missing;
	size_t i, k;
	int status, header;

	work_begin(&w, session, count(parts, n));
	w.sink = sink;
	status = pop3_number(w.c, e);
	gone(&w, &missing);
	/* Whole ones first, then those of which a header is enough, by TOP where there is that. */
	for (header = 0; header <= 1 && status == 0; header++) {
		w.n = 0;
		for (i = 0; i < n && status == 0; i++)
			for (k = parts[i].first; k < parts[i].first + parts[i].n && status == 0; k++)
				if (items[k].is_header_enough == (header != 0) && !add(&w, items[k].key, items[k].size, k))
					status = sink->end(sink->ctx, k, &missing, e);
		if (status == 0 && w.n > 0)
			status = run(&w, header != 0 && pop3_caps_may(pop3_session_caps(w.c->s), POP3_CAP_TOP), e);
	}
	work_end(&w);
	return status;
}

int
pop3_identify(struct session *session, struct fetch_part *parts, size_t n, struct identify_item *items, unsigned want, struct err *e)
{
	struct fetch_work w;
	size_t i, k;
	int status;

	work_begin(&w, session, count(parts, n));
	w.items = items;
	w.digest = digest_new(e);
	status = w.digest == NULL || (want & IDENT_LOOSE && (w.loose = digest_new(e)) == NULL) ? -1 : pop3_number(w.c, e);
	w.wants_full = (want & (IDENT_FULL | IDENT_LOOSE)) || (status == 0 && !pop3_caps_may(pop3_session_caps(w.c->s), POP3_CAP_TOP));
	for (i = 0; i < n; i++)
		for (k = parts[i].first; k < parts[i].first + parts[i].n; k++) {
			items[k].status = -1;
			gone(&w, &items[k].err);
			if (status == 0)
				(void)add(&w, items[k].key, items[k].size, k);
		}
	if (status == 0)
		status = run(&w, !w.wants_full, e);
	work_end(&w);
	return status;
}
