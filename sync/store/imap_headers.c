/* Headers of messages, as far as people name messages by them: EXAMINE and UID FETCH of each mailbox, in one flight. */
#include "sync/store/imap_inside.h"

enum { PER_COMMAND = 200 };

struct header_work {
	struct imap_conn *c;
	struct fetch_part *part;
	const struct fetch_item *items;
	const struct header_sink *sink;
	struct wanted { uint32_t uid; size_t index; bool was_given; } *sorted;
	unsigned ticket;
	bool is_selected;
	struct buf text;		/* of the line that is being read */
};

static void
on_selected(void *ctx, const struct imap_result *r)
{
	struct header_work *w = ctx;
	const struct imap_box *box = imap_select_box(w->c->s, w->ticket);

	w->is_selected = r->status == IMAP_OK && box != NULL && (w->part->epoch == 0 || w->part->epoch == box->uidvalidity);
	if (w->is_selected)
		return;
	if (r->status != IMAP_OK)
		w->part->status = imap_result_err(w->c->s, r, ERR_BOX, w->part->box, &w->part->err);
	else
		w->part->status = err_class(&w->part->err, ERR_BOX, ERR_FAILED, ERR_NOW, "%s: mailbox %s was rebuilt meanwhile (UIDVALIDITY "
		    "changed)", w->c->st->store.name, w->part->box);
}

static int
on_body_begin(void *ctx, const struct imap_fetch *f, const struct imap_body *body)
{
	struct header_work *w = ctx;

	if (f->n_bodies == 0)
		buf_clear(&w->text);
	return w->is_selected && f->n_bodies == 0 && !body->is_nil && strncmp(body->section, "HEADER", 6) == 0 ? 0 : -1;
}

static int
on_body_data(void *ctx, const void *p, size_t len)
{
	struct header_work *w = ctx;
	const size_t room = STORE_HEADER_MOST - w->text.len;

	buf_add(&w->text, p, len < room ? len : room);
	return 0;
}

static void
on_fetch(void *ctx, const struct imap_fetch *f)
{
	struct header_work *w = ctx;
	struct message_header h = { .text = buf_str(&w->text), .len = w->text.len };
	const size_t i = imap_uid_search(w->sorted, w->part->n, sizeof *w->sorted, offsetof(struct wanted, uid), f->uid);

	if (!w->is_selected || f->n_bodies == 0 || f->is_contradictory || i == w->part->n || w->sorted[i].uid != f->uid ||
	    w->sorted[i].was_given)
		return;
	w->sorted[i].was_given = true;
	h.index = w->sorted[i].index;
	h.size = f->has & IMAP_FETCH_SIZE ? f->size : 0;
	h.date = f->has & IMAP_FETCH_DATE ? f->date : 0;
	w->sink->got(w->sink->ctx, &h);
	buf_clear(&w->text);
}

static void
on_done(void *ctx, const struct imap_result *r)
{
	struct header_work *w = ctx;

	if (r->status != IMAP_OK && w->part->status == 0)
		w->part->status = imap_result_err(w->c->s, r, ERR_BOX, w->part->box, &w->part->err);
}

static const struct imap_events selected_events = { .done = on_selected };
static const struct imap_events fetch_events = { .fetch = on_fetch, .body_begin = on_body_begin, .body_data = on_body_data,
	.done = on_done };

static int
cmp_uid(const void *x, const void *y)
{
	const struct wanted *a = x, *b = y;

	return (a->uid > b->uid) - (a->uid < b->uid);
}

static int
ask(struct header_work *w, struct err *e)
{
	const size_t n = w->part->n, most = imap_at_most(w->c, PER_COMMAND);
	uint32_t *uids = mem_alloc((n + 1) * sizeof *uids);
	struct imap_command cmd;
	size_t at = 0;
	int status = 0;

	for (size_t i = 0; i < n; i++)
		uids[i] = w->sorted[i].uid;
	while (at < n && status == 0) {
		imap_begin(w->c, &cmd, IMAP_READ);
		imap_put(&cmd, "UID FETCH ");
		at += imap_put_uids(&cmd, uids + at, n - at < most ? n - at : most, 128);
		imap_put(&cmd, " (UID RFC822.SIZE INTERNALDATE BODY.PEEK[HEADER.FIELDS (DATE FROM TO SUBJECT MESSAGE-ID)])");
		status = imap_send(w->c->s, &cmd, &fetch_events, w, NULL, e);
		imap_command_release(&cmd);
	}
	free(uids);
	return status;
}

int
imap_headers(struct session *session, struct fetch_part *parts, size_t n, const struct fetch_item *items, const struct header_sink *sink,
    struct err *e)
{
	struct imap_conn *c = imap_conn_of(session);
	struct header_work *w = mem_alloc((n + 1) * sizeof *w);
	struct err why;
	int status = 0;

	for (size_t i = 0; i < n && status == 0; i++) {
		w[i] = (struct header_work){ .c = c, .part = &parts[i], .items = items, .sink = sink,
			.sorted = mem_alloc((parts[i].n + 1) * sizeof *w[i].sorted) };
		parts[i].status = 0;
		for (size_t k = 0; k < parts[i].n; k++)
			w[i].sorted[k] = (struct wanted){ .uid = key_uid(items[parts[i].first + k].key), .index = parts[i].first + k };
		qsort(w[i].sorted, parts[i].n, sizeof *w[i].sorted, cmp_uid);
		if (imap_examine_ahead(c, parts[i].box, &selected_events, &w[i], &w[i].ticket, &why) < 0) {
			status = store_part_ended(-1, &parts[i].status, &parts[i].err, &why);
			*e = why;
		} else {
			status = ask(&w[i], e);
		}
	}
	if (imap_session_is_alive(c->s) && imap_settle(c, status < 0 ? &why : e) < 0)
		status = -1;
	for (size_t i = 0; i < n; i++) {
		free(w[i].sorted);
		buf_release(&w[i].text);
	}
	free(w);
	return status < 0 ? err_widen(e, ERR_STORE) : 0;
}
