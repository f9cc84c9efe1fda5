/* SEARCH in several mailboxes, in one flight: EXAMINE and UID SEARCH of each, one behind the other, without waiting; or one ESEARCH of all
 * (RFC 7377) where that is offered. A server that cuts answers short is asked in pages (imap_pages.c), which wait for their EXAMINE.
 *
 * Must hold: nothing is changed: mailboxes are EXAMINEd. What a server finds is kept as ranges, and believed within its UIDNEXT and up to
 * the number of its messages.
 */
#include "sync/store/imap_inside.h"

struct search_work {
	struct imap_conn *c;
	struct search_part *part;
	struct imap_query keys;
	unsigned ticket;
	bool is_selected, has_failed;
	struct imap_uidset found;
	struct imap_pages pages;
	uint32_t uidnext;		/* 0 = not said */
	uint64_t messages;		/* at the EXAMINE */
	bool knows_messages;
};

static void
fail(struct search_work *w, const struct imap_result *r, bool is_refused)
{
	if (w->has_failed)
		return;
	w->has_failed = true;
	w->part->is_refused = is_refused;
	w->part->status = imap_result_err(w->c->s, r, ERR_BOX, w->part->box, &w->part->err);
}

static void
on_selected(void *ctx, const struct imap_result *r)
{
	struct search_work *w = ctx;
	const struct imap_box *box = imap_select_box(w->c->s, w->ticket);

	if (r->status != IMAP_OK || box == NULL) {
		fail(w, r, false);
		return;
	}
	w->is_selected = true;
	w->part->epoch = box->uidvalidity;
	w->uidnext = box->uidnext;
	w->messages = imap_box_messages(box);
	w->knows_messages = true;
}

/* A set may name more UIDs than there are atoms: it is kept as it is written, as long as that may be kept. */
static void
on_search(void *ctx, const struct imap_search *s)
{
	struct search_work *w = ctx;
	struct err why;

	if (w->has_failed)
		return;
	if (!imap_keep(w->c, s->all.n * sizeof s->all.at[0] + 1, ERR_BOX, w->part->box, &why)) {
		w->has_failed = true;
		w->part->err = why;
		w->part->status = -1;
		return;
	}
	imap_uidset_append(&w->found, &s->all);
}

static void
on_searched(void *ctx, const struct imap_result *r)
{
	struct search_work *w = ctx;

	if (r->status != IMAP_OK)
		fail(w, r, w->is_selected && (r->status == IMAP_NO || r->status == IMAP_BAD));
}

static void
put_keys(struct imap_command *cmd, void *ctx)
{
	struct search_work *w = ctx;

	imap_query_put(cmd, &w->keys);
}

static const struct imap_events selected_events = { .done = on_selected };
static const struct imap_events search_events = { .search = on_search, .done = on_searched };

/* CHARSET is said where it is needed alone: many servers know none but US-ASCII; with UTF8=ACCEPT it may not be said (RFC 6855). */
static const char *
charset_of(const struct imap_conn *c, const struct query *q)
{
	return query_is_ascii(q) || imap_session_is_utf8(c->s) ? NULL : "UTF-8";
}

static void
begin_work(struct search_work *w, struct imap_conn *c, struct search_part *part, const struct search_how *how)
{
	*w = (struct search_work){ .c = c, .part = part, .keys = { .query = part->query, .is_fuzzy = how->is_fuzzy && !how->is_exact,
		.now = how->now } };
	part->status = 0;
	part->is_refused = part->is_part = false;
	part->epoch = 0;
	imap_pages_init(&w->pages, c, &search_events, w);
	w->pages.charset = charset_of(c, part->query);
	w->pages.put_keys = put_keys;
}

static void
end_work(struct search_work *w)
{
	imap_pages_release(&w->pages);
	imap_uidset_release(&w->found);
}

/* What was found, within the mailbox. */
static void
conclude(struct search_work *w)
{
	enum { COME_SINCE = 1000 };
	struct search_part *p = w->part;
	uint64_t n = 0, end = w->uidnext != 0 ? w->uidnext : (uint64_t)UINT32_MAX + 1;
	struct imap_uidset *set = &w->found;
	struct err why;

	if (w->has_failed)
		return;
	p->is_part = w->pages.is_part;
	imap_uidset_normalise(set);
	for (size_t i = 0; i < set->n; i++)
		if (set->at[i].first < end)
			n += (set->at[i].last < end ? set->at[i].last : end - 1) - set->at[i].first + 1;
	/* Without UIDNEXT what came meanwhile is among them. */
	if (w->knows_messages && n > w->messages + (w->uidnext != 0 ? 0 : COME_SINCE))
		p->status = err_class(&p->err, ERR_BOX, ERR_FAILED, ERR_LATER, "%s: in mailbox %s the server finds %llu messages, and it has %llu",
		    w->c->st->store.name, p->box, (unsigned long long)n, (unsigned long long)w->messages);
	else if (!imap_keep(w->c, (size_t)(n > SIZE_MAX / 256 ? SIZE_MAX / 2 : n * 128), ERR_BOX, p->box, &why)) {
		p->err = why;
		p->status = -1;
	}
	for (size_t i = 0; i < set->n && p->status == 0; i++)
		for (uint64_t uid = set->at[i].first; uid <= set->at[i].last && uid < end; uid++)
			vec_push(&p->uids, (uint32_t)uid);
}

/* The EXAMINE of one, and its SEARCH. Only a server that has a limit is waited for. */
static int
ask(struct search_work *w, struct err *e)
{
	const uint32_t size = imap_page_size(w->c);
	struct err why;

	if (imap_examine_ahead(w->c, w->part->box, &selected_events, w, &w->ticket, &why) < 0) {
		w->has_failed = true;
		return store_part_ended(-1, &w->part->status, &w->part->err, &why) < 0 ? (*e = why, -1) : 0;
	}
	if (size == 0)
		return imap_pages_ask(&w->pages, 1, 0, 0, 0, e);
	if (imap_settle(w->c, e) < 0)
		return -1;
	return w->is_selected ? imap_pages_ask(&w->pages, 1, size, (uint32_t)w->messages, w->uidnext, e) : 0;
}

/* What a server that had not said so cut off. */
static int
ask_rest(struct search_work *w, struct err *e)
{
	if (w->has_failed || !imap_pages_rest(&w->pages))
		return 0;
	if (imap_examine_ahead(w->c, w->part->box, &selected_events, w, &w->ticket, e) < 0)
		return -1;
	while (imap_pages_rest(&w->pages) && !w->has_failed)
		if (imap_pages_ask_rest(&w->pages, e) < 0 || imap_settle(w->c, e) < 0)
			return -1;
	return 0;
}

/* ---- all at once ---- */

struct multi { struct search_work *works; size_t n; bool has_failed; };

static void
on_multi_search(void *ctx, const struct imap_search *s)
{
	struct multi *m = ctx;
	struct buf wire = { 0 };
	struct err why;

	for (size_t i = 0; i < m->n && s->mailbox != NULL && s->is_uid; i++) {
		struct search_work *w = &m->works[i];
		struct buf name = { 0 };

		if (imap_name_out(w->c->st, w->part->box, &name, &why) == 0 &&
		    imap_name_to_wire(&wire, buf_str(&name), name.len, imap_session_is_utf8(w->c->s)) == 0 &&
		    imap_wire_equal(buf_str(&wire), wire.len, s->mailbox, s->mailbox_len)) {
			w->part->epoch = s->uidvalidity;
			on_search(w, s);
		}
		buf_release(&name);
		buf_clear(&wire);
	}
	buf_release(&wire);
}

static void
on_multi_done(void *ctx, const struct imap_result *r)
{
	struct multi *m = ctx;

	m->has_failed |= r->status != IMAP_OK || imap_code_is_part(r->code);
}

static const struct imap_events multi_events = { .search = on_multi_search, .done = on_multi_done };

/* One ESEARCH for as many as fit its line; *took_r of them. */
static int
send_multi(struct imap_conn *c, struct multi *m, size_t *took_r, struct err *e)
{
	const char *charset = charset_of(c, m->works[0].keys.query);
	struct imap_command cmd;
	struct buf name = { 0 };
	int status = 0;
	size_t i;

	imap_begin(c, &cmd, IMAP_ANY);
	cmd.is_esearch = true;
	imap_put(&cmd, "ESEARCH IN (mailboxes (");
	for (i = 0; i < m->n && status == 0 && cmd.text.len < IMAP_COMMAND_MAX / 2; i++) {
		buf_clear(&name);
		imap_put(&cmd, i > 0 ? " " : "");
		status = imap_name_out(c->st, m->works[i].part->box, &name, e);
		if (status == 0)
			status = imap_put_mailbox(&cmd, buf_str(&name), e);
	}
	free(cmd.box);
	cmd.box = NULL;			/* no STATUS is this command's */
	imap_put(&cmd, ")) RETURN (ALL) ");
	if (charset != NULL)
		imap_putf(&cmd, "CHARSET %s ", charset);
	imap_query_put(&cmd, &m->works[0].keys);
	m->n = *took_r = i;
	if (status == 0)
		status = imap_send(c->s, &cmd, &multi_events, m, NULL, e);
	imap_command_release(&cmd);
	buf_release(&name);
	return status;
}

/* Whether one command can ask for all: nothing but the mailbox differs, and the answer is not cut. */
static bool
may_multi(struct imap_conn *c, const struct search_part *parts, size_t n)
{
	for (size_t i = 1; i < n; i++)
		if (parts[i].query != parts[0].query)
			return false;
	return n > 1 && imap_caps_has(imap_session_caps(c->s), IMAP_CAP_MULTISEARCH) && imap_page_size(c) == 0;
}

/* is_done_r: all were asked and answered. Else they are asked one by one. */
static int
search_multi(struct imap_conn *c, struct search_work *w, size_t n, bool *is_done_r, struct err *e)
{
	struct multi *m = mem_alloc((n + 1) * sizeof *m);
	size_t at, took, sent = 0;
	int status = 0;

	*is_done_r = true;
	for (at = 0; at < n && status == 0; at += took) {
		m[sent] = (struct multi){ .works = w + at, .n = n - at };
		status = send_multi(c, &m[sent], &took, e);
		sent += status == 0;
	}
	if (imap_session_is_alive(c->s)) {
		*is_done_r = status == 0;
		status = imap_settle(c, e);
	}
	for (size_t i = 0; i < sent; i++)
		*is_done_r &= !m[i].has_failed;
	for (size_t i = 0; i < n && status == 0 && *is_done_r; i++) {
		w[i].uidnext = w[i].part->uidnext;
		w[i].messages = w[i].part->messages;
		w[i].knows_messages = w[i].part->uidnext != 0;
	}
	free(m);
	return status < 0 ? err_widen(e, ERR_STORE) : 0;
}

static int
search_each(struct imap_conn *c, struct search_work *w, size_t n, struct err *e)
{
	for (size_t i = 0; i < n; i++)
		if (ask(&w[i], e) < 0)
			return err_widen(e, ERR_STORE);
	if (imap_settle(c, e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (ask_rest(&w[i], e) < 0)
			return err_widen(e, ERR_STORE);
	return 0;
}

int
imap_search(struct session *session, struct search_part *parts, size_t n, struct search_how *how, struct err *e)
{
	struct imap_conn *c = imap_conn_of(session);
	struct search_work *w = mem_alloc((n + 1) * sizeof *w);
	bool is_done = false;
	int status = 0;

	imap_keep_begin(c);
	how->is_exact = how->is_fuzzy && !imap_caps_has(imap_session_caps(c->s), IMAP_CAP_SEARCH_FUZZY);
	for (size_t i = 0; i < n; i++)
		begin_work(&w[i], c, &parts[i], how);
	for (size_t i = 0; i < n; i++)
		if (imap_query_check(c, parts[i].query, &parts[i].err) < 0) {
			for (size_t k = 0; k < n; k++) {
				parts[k].status = -1;
				parts[k].err = parts[i].err;
				parts[k].is_refused = true;
			}
			goto done;
		}
	if (may_multi(c, parts, n))
		status = search_multi(c, w, n, &is_done, e);
	for (size_t i = 0; i < n && status == 0 && !is_done; i++) {
		end_work(&w[i]);
		begin_work(&w[i], c, &parts[i], how);
	}
	if (status == 0 && !is_done)
		status = search_each(c, w, n, e);
	for (size_t i = 0; i < n && status == 0; i++)
		conclude(&w[i]);
done:
	/* Nobody may be told of what is freed now. */
	if (status < 0 && imap_session_is_alive(c->s))
		(void)imap_settle(c, &(struct err){ 0 });
	for (size_t i = 0; i < n; i++)
		end_work(&w[i]);
	free(w);
	return status;
}
