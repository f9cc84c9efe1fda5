#include "cmd/found.h"

static void
put_hit(struct buf *b, const struct search_hit *h)
{
	event_begin(b, EVENT_HIT);
	event_text(b, h->box);
	event_number(b, h->uid);
	event_number(b, h->uidvalidity);
	event_text(b, h->path);
	event_text(b, h->missing);
	event_text(b, h->remedy);
	event_number(b, (uint64_t)h->date);
	event_number(b, h->size);
	event_text(b, h->from);
	event_text(b, h->subject);
	event_text(b, h->message_id);
	event_end(b);
}

static void
put_note(struct buf *b, const struct search_note *n)
{
	event_begin(b, EVENT_SEARCH_NOTE);
	event_number(b, (uint64_t)n->class);
	event_number(b, n->is_error);
	event_text(b, n->box);
	event_text(b, n->text);
	event_end(b);
}

static void
send(struct link *parent, struct buf *b)
{
	link_send(parent, b);
	buf_clear(b);
}

void
found_send(struct link *parent, const struct search_result *r, int rc, const struct err *e)
{
	struct buf b = { 0 };

	for (size_t i = 0; i < r->notes.n; i++) {
		put_note(&b, &r->notes.at[i]);
		send(parent, &b);
	}
	for (size_t i = 0; i < r->hits.n && rc == 0; i++) {
		put_hit(&b, &r->hits.at[i]);
		send(parent, &b);
	}
	event_begin(&b, EVENT_SEARCHED);
	event_number(&b, rc == 0);
	if (rc == 0) {
		event_number(&b, r->found);
		event_number(&b, r->is_here);
	} else {
		event_err(&b, e);
	}
	event_end(&b);
	send(parent, &b);
	buf_release(&b);
}

static void
read_hit(struct event *ev, struct search_hit *h)
{
	h->box = event_get_words(ev);
	h->uid = (uint32_t)event_get_number(ev);
	h->uidvalidity = event_get_number(ev);
	h->path = event_get_text(ev);
	h->missing = event_get_text(ev);
	h->remedy = event_get_text(ev);
	h->date = (int64_t)event_get_number(ev);
	h->size = event_get_number(ev);
	h->from = event_get_words(ev);
	h->subject = event_get_words(ev);
	h->message_id = event_get_words(ev);
}

void
found_read(struct event *ev, struct found_event *told_r)
{
	uint64_t class;

	*told_r = (struct found_event){ .kind = FOUND_FAILED };
	if (ev->kind == EVENT_HIT) {
		told_r->kind = FOUND_HIT;
		read_hit(ev, &told_r->hit);
	} else if (ev->kind == EVENT_SEARCH_NOTE) {
		told_r->kind = FOUND_NOTE;
		class = event_get_number(ev);
		ev->is_bad |= class > ERR_CANCELLED;
		told_r->note.class = ev->is_bad ? ERR_FAILED : (enum err_class)class;
		told_r->note.is_error = event_get_number(ev) != 0;
		told_r->note.box = event_get_text(ev);
		told_r->note.text = event_get_words(ev);
	} else if (ev->kind == EVENT_SEARCHED && event_get_number(ev) != 0) {
		told_r->kind = FOUND_END;
		told_r->found = event_get_number(ev);
		told_r->is_here = event_get_number(ev) != 0;
	} else {
		event_get_err(ev, &told_r->err);
	}
}
