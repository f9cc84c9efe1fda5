/* Questions about a range of UIDs, asked in pages where a server may cut an answer short (RFC 9738 MESSAGELIMIT, RFC 9394
 * PARTIAL, RFC 9586 UIDONLY), and asked further where it did (R25 a witness).
 *
 *   imap_pages_ask() -> imap_settle() -> while imap_pages_rest(): imap_pages_ask_rest() -> imap_settle() -> imap_pages_release()
 *
 * A page is a range of UIDs that holds about as many messages as one command may be about: the mailbox has so many, below
 * UIDNEXT. All pages leave in one flight. What of a page was cut off is a smaller range, and asked for in the next flight.
 *
 * Must hold:
 *   1. Each range that was asked for ends in one of three ways: answered whole, asked for again and smaller, or `is_part`.
 *   2. A range gets smaller each time, so that it comes to an end.
 */
#include "sync/store/imap_inside.h"

enum {
	USUAL = 1000,			/* messages of a page where the server names no number */
	PAGES_MOST = 4096,		/* in a flight */
	ASKED_MOST = 65536,		/* commands for one question: a server that cuts all of them ends our patience */
	REST_PAGES = 32,		/* into which a rest is cut, as dense as what was shown of its page; and one more */
};

struct imap_page {
	struct imap_pages *p;
	uint32_t first, last;		/* last IMAP_UID_MAX = "*" */
	uint32_t low, high;		/* of what was shown; 0 = nothing */
};

uint32_t
imap_page_size(struct imap_conn *c)
{
	const struct imap_caps *caps = imap_session_caps(c->s);
	uint32_t size = imap_command_limit(c);

	if (size == 0 && (imap_caps_has(caps, IMAP_CAP_PARTIAL) || imap_caps_has(caps, IMAP_CAP_UIDONLY)))
		return USUAL;
	return size;
}

uint32_t
imap_command_limit(struct imap_conn *c)
{
	const struct imap_caps *caps = imap_session_caps(c->s);
	uint64_t limit = imap_caps_has(caps, IMAP_CAP_MESSAGELIMIT) ? caps->message_limit : 0;

	pthread_mutex_lock(&c->st->lock);
	if (c->st->shown_limit != 0 && (limit == 0 || c->st->shown_limit < limit))
		limit = c->st->shown_limit;
	pthread_mutex_unlock(&c->st->lock);
	return limit > UINT32_MAX ? 0 : (uint32_t)limit;
}

size_t
imap_at_most(struct imap_conn *c, size_t n)
{
	uint32_t limit = imap_command_limit(c);

	return limit != 0 && n > limit ? limit : n;
}

size_t
imap_save_at_most(struct imap_conn *c, size_t n)
{
	const struct imap_caps *caps = imap_session_caps(c->s);

	n = imap_at_most(c, n);
	return imap_caps_has(caps, IMAP_CAP_SAVELIMIT) && caps->save_limit != 0 && n > caps->save_limit ?
	    (size_t)caps->save_limit : n;
}

bool
imap_is_cut(struct imap_conn *c, const struct imap_result *r)
{
	if (r->code->kind == IMAP_CODE_MESSAGELIMIT && (r->status == IMAP_OK || r->status == IMAP_NO)) {
		imap_learn_limit(c, r->code->number);
		return true;
	}
	/* Of messages that are named, those expunged meanwhile are no part. */
	return r->status == IMAP_OK && imap_code_is_part(r->code) && r->code->kind != IMAP_CODE_EXPUNGEISSUED;
}

void
imap_learn_limit(struct imap_conn *c, uint64_t limit)
{
	if (limit == 0 || limit > UINT32_MAX)
		return;
	pthread_mutex_lock(&c->st->lock);
	if (c->st->shown_limit == 0 || limit < c->st->shown_limit)
		c->st->shown_limit = (uint32_t)limit;
	pthread_mutex_unlock(&c->st->lock);
}

/* ---- answers ---- */

static void
saw(struct imap_page *g, uint32_t uid)
{
	if (uid == 0 || uid < g->first || uid > g->last)
		return;
	if (g->low == 0 || uid < g->low)
		g->low = uid;
	if (uid > g->high)
		g->high = uid;
}

static void
on_fetch(void *ctx, const struct imap_fetch *f)
{
	struct imap_page *g = ctx;

	saw(g, f->uid);
	g->p->ev->fetch(g->p->ctx, f);
}

static void
on_search(void *ctx, const struct imap_search *search)
{
	struct imap_page *g = ctx;
	size_t i;

	for (i = 0; i < search->all.n; i++) {
		saw(g, search->all.at[i].first);
		saw(g, search->all.at[i].last);
	}
	g->p->ev->search(g->p->ctx, search);
}

static void
add_rest(struct imap_pages *p, uint32_t first, uint32_t last)
{
	if (first != 0 && first <= last)
		vec_push(&p->rest, (struct uid_range){ first, last });
}

/* The server ended in the middle, going down from the highest (RFC 9738), or up if it must, and perhaps says where. */
static void
cut(struct imap_page *g, uint32_t at)
{
	struct imap_pages *p = g->p;
	uint32_t width, top, i;

	if (at < g->first || at > g->last)
		at = 0;
	if (at == 0 && g->low == 0) {
		p->is_part = true;	/* nothing was shown, and it does not say how far it came */
		return;
	}
	if (at != 0 && g->high != 0 && at >= g->high && g->low < at) {
		add_rest(p, at < UINT32_MAX ? at + 1 : 0, g->last);
		return;
	}
	if (at == 0 || (g->low != 0 && at > g->low)) {
		at = g->low;
		add_rest(p, g->high < UINT32_MAX ? g->high + 1 : 0, g->last);
	}
	/* What lies below is about as dense as what was shown. */
	width = g->high > at ? g->high - at + 1 : 1;
	top = at - 1;
	for (i = 0; i < REST_PAGES && top >= g->first && top - g->first >= width; i++, top -= width)
		add_rest(p, top - width + 1, top);
	add_rest(p, g->first, top);
}

/* Too much for one command, says the server, and has done nothing: halves, down to single UIDs. */
static void
halve(struct imap_page *g)
{
	struct imap_pages *p = g->p;
	const struct imap_box *box = imap_session_box(p->c->s);
	uint32_t last = g->last, mid;

	if (last == IMAP_UID_MAX && box != NULL && box->uidnext > g->first + 1)
		last = box->uidnext - 1;
	if (last == g->first) {
		p->is_part = true;
		return;
	}
	mid = g->first + (last - g->first) / 2;
	add_rest(p, g->first, mid);
	add_rest(p, mid + 1, last == g->last ? last : g->last);
}

static void
on_done(void *ctx, const struct imap_result *r)
{
	struct imap_page *g = ctx;
	struct imap_pages *p = g->p;

	if (r->code->kind == IMAP_CODE_MESSAGELIMIT)
		imap_learn_limit(p->c, r->code->number);
	if (r->status == IMAP_OK && r->code->kind == IMAP_CODE_MESSAGELIMIT)
		cut(g, r->code->last_uid);
	else if (r->status == IMAP_OK && imap_code_is_part(r->code))
		p->is_part = true;
	else if (r->status == IMAP_NO && r->code->kind == IMAP_CODE_MESSAGELIMIT) {
		halve(g);
		return;
	}
	p->ev->done(p->ctx, r);
}

static const struct imap_events fetch_events = { .fetch = on_fetch, .done = on_done };
static const struct imap_events search_events = { .search = on_search, .done = on_done };

/* ---- questions ---- */

void
imap_pages_init(struct imap_pages *p, struct imap_conn *c, const struct imap_events *ev, void *ctx)
{
	*p = (struct imap_pages){ .c = c, .ev = ev, .ctx = ctx, .is_search = ev->search != NULL };
}

void
imap_pages_release(struct imap_pages *p)
{
	size_t i;

	for (i = 0; i < p->sent.n; i++)
		free(p->sent.at[i]);
	vec_release(&p->sent);
	vec_release(&p->rest);
	buf_release(&p->tail);
}

static int
send_page(struct imap_pages *p, uint32_t first, uint32_t last, struct err *e)
{
	const bool is_all = first == 1 && last == IMAP_UID_MAX;
	struct imap_page *g;
	struct imap_command cmd;
	int status;

	if (++p->asked > ASKED_MOST) {
		p->is_part = true;
		return 0;
	}
	g = mem_alloc(sizeof *g);
	*g = (struct imap_page){ .p = p, .first = first, .last = last };
	vec_push(&p->sent, g);
	imap_begin(p->c, &cmd, IMAP_READ);
	if (p->is_search)
		imap_put_search(&cmd);
	else
		imap_put(&cmd, "UID FETCH ");
	if (p->charset != NULL)
		imap_putf(&cmd, "CHARSET %s ", p->charset);
	if (p->is_search && !is_all)
		imap_put(&cmd, "UID ");
	if (p->is_search && is_all)
		imap_put(&cmd, p->tail.len == 0 && p->put_keys == NULL ? "ALL" : "");
	else if (last == IMAP_UID_MAX)
		imap_put_uids_from(&cmd, first);
	else
		imap_put_uid_range(&cmd, first, last);
	/* Of all: the key alone. */
	if (p->put_keys == NULL) {
		imap_put(&cmd, buf_str(&p->tail) + (p->is_search && is_all && p->tail.len > 0));
	} else {
		imap_put(&cmd, is_all ? "" : " ");
		p->put_keys(&cmd, p->ctx);
	}
	status = imap_send(p->c->s, &cmd, p->is_search ? &search_events : &fetch_events, g, NULL, e);
	imap_command_release(&cmd);
	return status < 0 ? -1 : imap_drain_to(p->c, 500, e);
}

int
imap_pages_ask(struct imap_pages *p, uint32_t first, uint32_t size, uint32_t exists, uint32_t uidnext, struct err *e)
{
	uint64_t span = uidnext > first ? uidnext - first : 0, pages, width, at = first;

	if (size != 0 && exists > size && span > size) {
		/* Twice as many pages as it takes where messages lie evenly: most of them are not cut then. */
		pages = 2 * (uint64_t)exists / size + 1;
		if (pages > PAGES_MOST)
			pages = PAGES_MOST;
		width = span / pages + 1;
		if (width < size)
			width = size;
		for (; at + width < uidnext; at += width)
			if (send_page(p, (uint32_t)at, (uint32_t)(at + width - 1), e) < 0)
				return -1;
	}
	return send_page(p, (uint32_t)at, IMAP_UID_MAX, e);
}

bool
imap_pages_rest(const struct imap_pages *p)
{
	return p->rest.n > 0;
}

int
imap_pages_ask_rest(struct imap_pages *p, struct err *e)
{
	struct uid_range *rest = p->rest.at;
	size_t i, n = p->rest.n;
	int status = 0;

	/* Those sent are answered: their pages are of no use any more. */
	for (i = 0; i < p->sent.n; i++)
		free(p->sent.at[i]);
	p->sent.n = 0;
	p->rest.at = NULL;
	p->rest.n = p->rest.room = 0;
	for (i = 0; i < n && status == 0; i++)
		status = send_page(p, rest[i].first, rest[i].last, e);
	free(rest);
	return status;
}
