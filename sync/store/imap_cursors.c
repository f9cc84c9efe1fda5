/* Cursors of mailboxes that are listed already, asked for anew. */
#include "sync/store/imap_inside.h"

static void
on_cursor(void *ctx, const struct imap_status_data *s)
{
	imap_status_cursor(ctx, s);
}

/* One LIST-STATUS for many, where it asks about no others that are left out. What it does not show has no cursor, and is read. */
int
imap_cursors_queue(struct imap_conn *c, struct cursors_work *w, struct mailbox *boxes, size_t n, struct err *e)
{
	enum { FEW = 20 };
	static const struct imap_events events = { .status = on_cursor };
	size_t i;

	*w = (struct cursors_work){ .boxes = boxes, .n = n, .list = { .c = c } };
	for (i = 0; i < n; i++)
		boxes[i].has_cursor = false;
	if (n > FEW && imap_caps_has(imap_session_caps(c->s), IMAP_CAP_LIST_STATUS) && !c->st->store.asks.leaves_out) {
		w->list.out = &w->listing;
		return imap_list_queue(c, c->s, &w->list, e);
	}
	for (i = 0; i < n; i++)
		if (imap_drain_to(c, 200, e) < 0 || imap_status_ask(c, boxes[i].name, &events, &boxes[i], e) < 0)
			return -1;
	return 0;
}

int
imap_cursors_end(struct cursors_work *w, int status, struct err *e)
{
	const struct mailbox *m;
	size_t i;

	if (w->list.has_failed && status == 0) {
		*e = w->list.err;
		status = -1;
	}
	listing_sort(&w->listing);
	for (i = 0; i < w->n && status == 0 && w->list.out != NULL; i++) {
		m = listing_find(&w->listing, w->boxes[i].name);
		w->boxes[i].has_cursor = m != NULL && m->has_cursor;
		if (w->boxes[i].has_cursor)
			w->boxes[i].cursor = m->cursor;
	}
	imap_list_end(&w->list);
	listing_release(&w->listing);
	return status;
}

int
imap_cursors(struct session *session, struct mailbox *boxes, size_t n, struct err *e)
{
	struct imap_conn *c = imap_conn_of(session);
	struct cursors_work w;
	int status = imap_cursors_queue(c, &w, boxes, n, e);

	if (status == 0)
		status = imap_settle(c, e);
	return imap_cursors_end(&w, status, e);
}
