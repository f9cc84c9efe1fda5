/* Bodies and identities of messages: one FETCH for a set of UIDs, the next asked for before the last has
 * been drained, in the next mailbox as well; a literal goes from the stream to the sink through one buffer.
 *
 * Must hold: a body that came before its UID is refused and fetched again alone, where it can be no other's. One that broke off ends
 * `failed`, and so does what cannot be the message: NIL, nothing, a part, a second body or a second UID in one line, and what is larger by
 * far than was listed.
 */
#include "sync/store/imap_inside.h"

#include "sync/message/digest.h"

enum {
	HEADER_USUAL = 2000,		/* octets of a header */
	PER_COMMAND = 40,		/* messages of one FETCH */
	AHEAD = 120,			/* messages asked for at once, about */
	REFUSED_MOST = 5,		/* commands in a row by a server that has no time: then it is asked no more */
	REFUSED_BULK = 2,
};

struct fetched { uint32_t uid; uint64_t listed; size_t index; bool is_done, is_gone, is_refused; };

/* What is fetched from one mailbox. */
struct fetch_work {
	struct imap_conn *c;
	const char *box;
	uint64_t epoch;			/* the mailbox must be of; 0 = any */
	unsigned ticket;		/* of the SELECT the FETCHes are behind */
	int status;			/* -1 with failure: it could not be read */
	struct err failure;
	struct fetched *sorted;		/* by UID */
	size_t n;
	const char *section;		/* "" or "HEADER" */
	struct fetched *alone;		/* the one message of a FETCH of its own; NULL = several */
	/* what is being received */
	struct fetched *current;
	const char *refusal;		/* why it is not the message; NULL = nothing speaks against it */
	/* either: bodies to a sink */
	struct fetch_end *end;
	/* or: identities */
	struct identify_item *items;
	struct digest *digest;
	struct digest *loose;		/* NULL = not wanted */
	bool wants_full;
	unsigned refused;		/* commands in a row, for the moment */
	bool is_set_bad;		/* a set was answered by BAD */
	struct err answer;
};

/* Of all that goes to one sink. */
struct fetch_end {
	const struct body_sink *sink;
	bool has_failed;		/* it gave up: nothing more is wanted */
	struct err err;
};

static bool
has_ended(const struct fetch_work *w)
{
	return w->end != NULL && w->end->has_failed;
}

static struct fetched *
find(const struct fetch_work *w, uint32_t uid)
{
	size_t i = imap_uid_search(w->sorted, w->n, sizeof *w->sorted, offsetof(struct fetched, uid), uid);

	return i < w->n && w->sorted[i].uid == uid ? &w->sorted[i] : NULL;
}

/* The SELECT in front of the FETCH has given its UIDVALIDITY by the time a body comes. */
static bool
is_ours(const struct fetch_work *w)
{
	const struct imap_box *box = imap_select_box(w->c->s, w->ticket);

	return box != NULL && (w->epoch == 0 || box->uidvalidity == w->epoch);
}

/* Sizes of some servers are wrong, by all their line ends or by more, and those of some always 0. */
static bool
is_far_larger(uint64_t size, uint64_t listed)
{
	enum { TIMES = 8, MORE = 16 << 20 };

	return listed != 0 && size > MORE && size - MORE > TIMES * listed;
}

static const char *
find_refusal(const struct fetch_work *w, const struct imap_fetch *f, const struct imap_body *body)
{
	if (f->n_bodies > 0)
		return "two texts in one line";
	if (body->is_part)
		return "a part of its text";
	if (body->size == 0)
		return "no text";
	return w->items == NULL && is_far_larger(body->size, w->current->listed) ? "far more than it had listed" : NULL;
}

static int
on_body_begin(void *ctx, const struct imap_fetch *f, const struct imap_body *body)
{
	struct fetch_work *w = ctx;
	struct body_head head = { .form = BODY_WIRE, .size = body->size, .wire_size = body->size };

	if (f->n_bodies == 0)
		w->current = NULL;
	if (has_ended(w) || !is_ours(w) || strcmp(body->section, w->section) != 0)
		return -1;
	if (w->current == NULL)
		w->current = f->uid != 0 ? find(w, f->uid) : w->alone;
	if (w->current == NULL || w->current->is_done) {
		w->current = NULL;
		return -1;
	}
	w->refusal = find_refusal(w, f, body);
	if (w->refusal != NULL)
		return 1;
	if (w->items != NULL) {
		digest_start(w->digest, w->wants_full ? DIGEST_MESSAGE : DIGEST_HEADER);
		if (w->loose != NULL)
			digest_start(w->loose, DIGEST_LOOSE);
		return 0;
	}
	head.index = w->current->index;
	head.date = f->has & IMAP_FETCH_DATE ? f->date : 0;
	w->end->has_failed = w->end->sink->begin(w->end->sink->ctx, &head, &w->end->err) < 0;
	return w->end->has_failed ? -1 : 0;
}

static int
on_body_data(void *ctx, const void *p, size_t len)
{
	struct fetch_work *w = ctx;

	if (has_ended(w) || w->current == NULL)
		return -1;
	if (w->items != NULL) {
		digest_feed(w->digest, p, len);
		if (w->loose != NULL)
			digest_feed(w->loose, p, len);
		return 0;
	}
	w->end->has_failed = w->end->sink->data(w->end->sink->ctx, p, len, &w->end->err) < 0;
	return w->end->has_failed ? -1 : 0;
}

static int
refuse(const struct fetch_work *w, struct err *e)
{
	return err_class(e, ERR_MESSAGE, ERR_FAILED, ERR_LATER, "%s: message %u of %s is left where it is: the server sends %s",
	    w->c->st->store.name, w->current->uid, w->box, w->refusal);
}

static void
end_identity(struct fetch_work *w, const struct imap_fetch *f, bool is_whole)
{
	struct identify_item *item = &w->items[w->current->index];
	uint64_t size = f->has & IMAP_FETCH_SIZE ? f->size : DIGEST_SIZE_UNKNOWN;

	if (w->refusal != NULL) {
		item->status = refuse(w, &item->err);
		w->current->is_done = true;
		return;
	}
	if (!is_whole)
		return;
	item->status = w->wants_full ? digest_end(w->digest, &item->ident, &item->err) :
	    digest_end_header(w->digest, size, &item->ident, &item->err);
	if (item->status == 0 && w->loose != NULL)
		item->status = digest_end_loose(w->loose, item->loose, &item->err);
	w->current->is_done = true;
	w->refused = 0;
}

static void
end_body(struct fetch_work *w, bool is_whole)
{
	struct err broken;

	if (has_ended(w))
		return;
	if (w->refusal != NULL)
		refuse(w, &broken);
	else if (!is_whole)
		err_set(&broken, ERR_MESSAGE, "%s: a message of %s broke off while it was being fetched",
		    w->c->st->store.name, w->box);
	w->end->has_failed = w->end->sink->end(w->end->sink->ctx, w->current->index,
	    is_whole && w->refusal == NULL ? NULL : &broken,
	    &w->end->err) < 0;
	w->current->is_done = true;
	w->refused = 0;
}

static void
on_fetch(void *ctx, const struct imap_fetch *f)
{
	struct fetch_work *w = ctx;
	bool is_whole = false, is_nil = false;
	int i;

	for (i = 0; i < f->n_bodies; i++) {
		if (strcmp(f->body[i].section, w->section) != 0)
			continue;
		is_whole |= f->body[i].is_whole;
		is_nil |= f->body[i].is_nil;
	}
	if (w->current == NULL && is_nil && !has_ended(w) && is_ours(w)) {
		w->current = f->uid != 0 ? find(w, f->uid) : w->alone;
		if (w->current != NULL && w->current->is_done)
			w->current = NULL;
		w->refusal = "NIL in place of its text";
	}
	if (w->current != NULL && (f->is_contradictory || (f->uid != 0 && f->uid != w->current->uid)))
		w->refusal = "two UIDs in one line";
	if (w->current != NULL && w->items != NULL)
		end_identity(w, f, is_whole);
	else if (w->current != NULL)
		end_body(w, is_whole);
	w->current = NULL;
	w->refusal = NULL;
}

static void
on_done(void *ctx, const struct imap_result *result)
{
	struct fetch_work *w = ctx;

	struct err why;

	if (result->status == IMAP_OK)
		return;
	imap_result_err(w->c->s, result, ERR_MESSAGE, w->box, &why);
	if (why.class == ERR_TEMPORARY)
		w->refused = why.wait_ms != 0 ? REFUSED_MOST : w->refused + 1;
	/* Of a command for several nobody knows whom it is about. */
	if (w->alone != NULL)
		w->alone->is_refused = true;
	w->answer = why;
	w->is_set_bad |= result->status == IMAP_BAD;
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
		imap_putf(&cmd, " (UID INTERNALDATE BODY.PEEK[%s])", w->section);
	else
		imap_putf(&cmd, " (UID RFC822.SIZE BODY.PEEK[%s])", w->section);
	if (imap_send(w->c->s, &cmd, &fetch_events, w, NULL, e) < 0)
		took = 0;
	imap_command_release(&cmd);
	return took;
}

/* Asks for all that is not done yet, `per` messages a FETCH, with at most `ahead` commands unanswered. */
static int
fetch_rest(struct fetch_work *w, size_t per, unsigned ahead, struct err *e)
{
	uint32_t *uids = mem_alloc((w->n + 1) * sizeof *uids);
	size_t n = 0, at, took, i;
	int status = 0;

	for (i = 0; i < w->n; i++)
		if (!w->sorted[i].is_done)
			uids[n++] = w->sorted[i].uid;
	for (at = 0; at < n && status == 0 && !has_ended(w) && w->refused < (per == 1 ? REFUSED_MOST : REFUSED_BULK); at += took) {
		w->alone = per == 1 ? find(w, uids[at]) : NULL;
		took = send_fetch(w, uids + at, n - at < per ? n - at : per, e);
		status = took == 0 ? -1 : imap_drain_to(w->c, ahead, e);
	}
	free(uids);
	return status < 0 ? err_widen(e, ERR_STORE) : 0;
}

static int
cmp_uid(const void *x, const void *y)
{
	const struct fetched *a = x, *b = y;

	return (a->uid > b->uid) - (a->uid < b->uid);
}

/* How many commands, SELECTs among them, ask for AHEAD messages; behind what is under way already. */
static unsigned
find_ahead(const struct fetch_work *w, size_t n)
{
	size_t i, commands = 0, messages = 1;
	unsigned ahead;

	for (i = 0; i < n; i++) {
		commands += 2 + w[i].n / PER_COMMAND;
		messages += w[i].n;
	}
	ahead = (unsigned)(AHEAD * commands / messages);
	return (ahead < 2 ? 2 : ahead) + (n > 0 ? imap_unanswered(w[0].c->s) : 0);
}

/* What one mailbox alone is to blame for stays with it. -1: the session is dead. */
static int
part_failed(struct fetch_work *w, const struct err *why, struct err *e)
{
	*e = *why;
	if (!imap_session_is_alive(w->c->s))
		err_widen(e, ERR_STORE);
	return store_part_ended(-1, &w->status, &w->failure, e);
}

/* Those that BAD was the answer to, because they are gone. */
static int
find_gone(struct fetch_work *w, struct err *e)
{
	struct imap_verify show;
	struct arena a = { 0 };
	struct imap_verified *s;
	size_t i;
	int status;

	imap_verify_begin(&show, w->c, &a, w->n);
	for (i = 0; i < w->n; i++)
		if (!w->sorted[i].is_done)
			imap_verify_add(&show, w->sorted[i].uid);
	status = imap_narrow(&show, " (UID FLAGS)", e);
	for (i = 0; i < w->n && status == 0; i++)
		if ((s = imap_verify_find(&show, w->sorted[i].uid)) != NULL)
			w->sorted[i].is_gone = s->has_vanished;
	imap_verify_end(&show);
	arena_release(&a);
	return status;
}

/* A body that did not come with the others is asked for alone. */
static int
fetch_left(struct fetch_work *w, struct err *e)
{
	struct err why;
	size_t i, left = 0;

	for (i = 0; i < w->n; i++)
		left += !w->sorted[i].is_done;
	if (left == 0 || w->status < 0 || has_ended(w))
		return 0;
	if (imap_enter_ahead(w->c, w->box, &w->ticket, &why) < 0 ||
	    imap_entered(w->c, w->box, w->ticket, w->epoch, &why) < 0)
		return part_failed(w, &why, e);
	if (w->refused < REFUSED_MOST)
		w->refused = 0;
	if (fetch_rest(w, 1, 0, e) < 0)
		return -1;
	if (w->refused >= REFUSED_MOST) {
		w->status = -1;
		w->failure = w->answer;
		w->failure.scope = ERR_BOX;
		return 0;
	}
	if (!w->is_set_bad)
		return 0;
	if (imap_settle(w->c, e) < 0)
		return -1;
	return find_gone(w, &why) < 0 ? part_failed(w, &why, e) : 0;
}

/* Fetches in bulk, behind SELECTs that are not waited for (R17 allows reading so), then one by one what that did not bring. */
static int
run(struct fetch_work *w, size_t n, struct err *e)
{
	unsigned ahead = find_ahead(w, n);
	struct err why;
	size_t i;

	for (i = 0; i < n; i++) {
		qsort(w[i].sorted, w[i].n, sizeof *w[i].sorted, cmp_uid);
		if (imap_enter_ahead(w[i].c, w[i].box, &w[i].ticket, &why) < 0) {
			if (part_failed(&w[i], &why, e) < 0)
				return -1;
		} else if (fetch_rest(&w[i], imap_at_most(w[i].c, PER_COMMAND), ahead, e) < 0) {
			return -1;
		}
	}
	if (n > 0 && imap_settle(w[0].c, e) < 0)
		return -1;
	for (i = 0; i < n; i++)
		if (w[i].status == 0 && imap_entered(w[i].c, w[i].box, w[i].ticket, w[i].epoch, &why) < 0 &&
		    part_failed(&w[i], &why, e) < 0)
			return -1;
	for (i = 0; i < n; i++)
		if (fetch_left(&w[i], e) < 0)
			return -1;
	return 0;
}

static void
missing(const struct fetch_work *w, const struct fetched *m, struct err *e)
{
	/* A server's NO names the trouble; silence means that it is gone, or left out. */
	if (m->is_refused && !m->is_gone)
		*e = w->answer;
	else
		err_class(e, ERR_MESSAGE, ERR_FAILED, ERR_NOW, "%s: a message of %s (UID %u) is gone", w->c->st->store.name,
		    w->box, m->uid);
}

/* Those of a mailbox of which all is wanted, or the header alone. Returns the octets that will come, about. */
static uint64_t
prepare_part(struct fetch_work *w, const struct fetch_part *p, const struct fetch_item *items, bool is_header)
{
	uint64_t octets = 0;
	size_t i;

	w->box = p->box;
	w->epoch = p->epoch;
	w->n = 0;
	w->section = is_header ? "HEADER" : "";
	w->sorted = mem_alloc((p->n + 1) * sizeof *w->sorted);
	for (i = p->first; i < p->first + p->n; i++) {
		if (items[i].is_header_enough != is_header)
			continue;
		w->sorted[w->n++] = (struct fetched){ .uid = key_uid(items[i].key), .index = i, .listed = items[i].size };
		octets += is_header ? HEADER_USUAL : imap_likely_size(items[i].size);
	}
	return octets;
}

static bool
has_header_only(const struct fetch_part *p, const struct fetch_item *items)
{
	size_t i;

	for (i = p->first; i < p->first + p->n; i++)
		if (items[i].is_header_enough)
			return true;
	return false;
}

/* Those that never came. */
static int
end_part(struct fetch_work *w, struct err *e)
{
	struct err gone;
	size_t i;

	for (i = 0; i < w->n && w->status == 0; i++) {
		if (w->sorted[i].is_done)
			continue;
		missing(w, &w->sorted[i], &gone);
		if (w->end->sink->end(w->end->sink->ctx, w->sorted[i].index, &gone, e) < 0)
			return -1;
	}
	return 0;
}

int
imap_fetch(struct session *session, struct fetch_part *parts, size_t n, const struct fetch_item *items,
    const struct body_sink *sink, struct err *e)
{
	struct fetch_work *w = mem_alloc((2 * n + 1) * sizeof *w);
	size_t *part = mem_alloc((2 * n + 1) * sizeof *part);
	struct fetch_end end = { .sink = sink };
	uint64_t octets = 0;
	size_t i, m = 0;
	int status, header;

	for (i = 0; i < n; i++) {
		parts[i].status = 0;
		for (header = 0; header <= has_header_only(&parts[i], items); header++) {
			w[m].c = imap_conn_of(session);
			w[m].end = &end;
			part[m] = i;
			octets += prepare_part(&w[m++], &parts[i], items, header != 0);
		}
	}
	status = imap_expect_octets(imap_conn_of(session), octets, e);
	if (status == 0)
		status = run(w, m, e);
	if (end.has_failed) {
		*e = end.err;
		status = -1;
	}
	for (i = 0; i < m; i++) {
		if (w[i].status < 0 && parts[part[i]].status == 0) {
			parts[part[i]].status = w[i].status;
			parts[part[i]].err = w[i].failure;
		}
		if (status == 0)
			status = end_part(&w[i], e);
		free(w[i].sorted);
	}
	free(w);
	free(part);
	return status;
}

int
imap_identify(struct session *session, struct fetch_part *parts, size_t n, struct identify_item *items, unsigned want,
    struct err *e)
{
	struct fetch_work *w = mem_alloc((n + 1) * sizeof *w);
	struct digest *digest = digest_new(e), *loose = want & IDENT_LOOSE && digest != NULL ? digest_new(e) : NULL;
	uint64_t octets = 0;
	size_t i, k;
	int status = digest == NULL || (want & IDENT_LOOSE && loose == NULL) ? -1 : 0;

	for (i = 0; i < n; i++) {
		w[i] = (struct fetch_work){ .c = imap_conn_of(session), .box = parts[i].box, .epoch = parts[i].epoch, .n = parts[i].n,
			.items = items, .digest = digest, .loose = loose, .wants_full = (want & IDENT_FULL) != 0,
			.section = want & IDENT_FULL ? "" : "HEADER" };
		w[i].sorted = mem_alloc((parts[i].n + 1) * sizeof *w[i].sorted);
		for (k = 0; k < parts[i].n; k++) {
			struct identify_item *item = &items[parts[i].first + k];

			w[i].sorted[k] = (struct fetched){ .uid = key_uid(item->key), .index = parts[i].first + k };
			item->status = -1;
			octets += w[i].wants_full ? imap_likely_size(item->size) : HEADER_USUAL;
		}
	}
	if (status == 0)
		status = imap_expect_octets(imap_conn_of(session), octets, e);
	if (status == 0)
		status = run(w, n, e);
	for (i = 0; i < n; i++) {
		parts[i].status = w[i].status;
		parts[i].err = w[i].failure;
		for (k = 0; k < w[i].n && status == 0 && w[i].status == 0; k++)
			if (!w[i].sorted[k].is_done)
				missing(&w[i], &w[i].sorted[k], &items[w[i].sorted[k].index].err);
		free(w[i].sorted);
	}
	free(w);
	digest_free(&digest);
	digest_free(&loose);
	return status;
}
