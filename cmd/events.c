#include "cmd/events.h"

#include <string.h>

/* A frame: the number of octets behind these eight, the kind, and the fields. */
struct head { uint32_t len, kind; };

#define NO_TEXT UINT32_MAX

/* Where the head of the frame that was begun last stands is found by walking: buffers hold few frames. */
static size_t
last_frame(const struct buf *b)
{
	struct head head;
	size_t at = 0;

	for (;;) {
		memcpy(&head, b->data + at, sizeof head);
		if (head.len == NO_TEXT)
			return at;
		at += sizeof head + head.len;
	}
}

void
event_begin(struct buf *b, enum event_kind kind)
{
	const struct head head = { NO_TEXT, (uint32_t)kind };

	buf_add(b, &head, sizeof head);
}

void
event_end(struct buf *b)
{
	const size_t at = last_frame(b);
	const uint32_t len = (uint32_t)(b->len - at - sizeof(struct head));

	memcpy(b->data + at, &len, sizeof len);
}

void
event_number(struct buf *b, uint64_t n)
{
	buf_add(b, &n, sizeof n);
}

void
event_text(struct buf *b, const char *text)
{
	const uint32_t len = text != NULL ? (uint32_t)strlen(text) : NO_TEXT;

	buf_add(b, &len, sizeof len);
	if (text != NULL)
		buf_add(b, text, len + 1);
}

void
event_err(struct buf *b, const struct err *e)
{
	event_number(b, (uint64_t)e->scope);
	event_number(b, (uint64_t)e->retry);
	event_number(b, (uint64_t)e->class);
	event_text(b, e->text);
}

void
event_counts(struct buf *b, const struct side_counts *n)
{
	event_number(b, n->added);
	event_number(b, n->flagged);
	event_number(b, n->trashed);
	event_number(b, n->expunged);
	event_number(b, n->moved);
	event_number(b, n->cloned);
	event_number(b, n->kept);
	event_number(b, n->unmarked);
}

static void
put_numbers(struct buf *b, const struct channel_report *r)
{
	for (int s = 0; s < SIDES; s++) {
		event_counts(b, &r->side[s]);
		event_number(b, r->is_changed[s]);
	}
	event_number(b, r->paired);
	event_number(b, r->boxes);
	event_number(b, r->failed);
	event_number(b, r->held);
	event_number(b, r->refused);
	event_number(b, r->bytes);
	event_number(b, r->sent);
	event_number(b, r->hit_max_transfer);
	event_number(b, r->is_lasting);
}

void
event_report(struct buf *b, const struct channel_report *r)
{
	put_numbers(b, r);
	event_number(b, r->removed.n);
	for (size_t i = 0; i < r->removed.n; i++) {
		event_number(b, (uint64_t)r->removed.at[i].side);
		event_text(b, r->removed.at[i].box);
		event_number(b, r->removed.at[i].messages);
	}
	event_number(b, r->errors.n);
	for (size_t i = 0; i < r->errors.n; i++) {
		event_number(b, (uint64_t)r->errors.at[i].class);
		event_text(b, r->errors.at[i].box);
		event_text(b, r->errors.at[i].text);
	}
	event_text(b, buf_str(&r->plan_text));
}

/* ---- reading ---- */

int
event_next(const char *p, size_t len, struct event *ev_r, size_t *used_r)
{
	struct head head;

	if (len < sizeof head)
		return 0;
	memcpy(&head, p, sizeof head);
	if (head.len > EVENT_MOST || head.kind < EVENT_BEGIN || head.kind > EVENT_HOOK)
		return -1;
	if (len - sizeof head < head.len)
		return 0;
	*ev_r = (struct event){ .kind = (enum event_kind)head.kind, .at = p + sizeof head, .end = p + sizeof head + head.len };
	*used_r = sizeof head + head.len;
	return 1;
}

static const char *
take(struct event *ev, size_t len)
{
	const char *at = ev->at;

	if (ev->is_bad || (size_t)(ev->end - at) < len) {
		ev->is_bad = true;
		return NULL;
	}
	ev->at += len;
	return at;
}

uint64_t
event_get_number(struct event *ev)
{
	const char *at = take(ev, sizeof(uint64_t));
	uint64_t n = 0;

	if (at != NULL)
		memcpy(&n, at, sizeof n);
	return n;
}

/* A number that must be below `end`. */
static unsigned
get_below(struct event *ev, unsigned end)
{
	const uint64_t n = event_get_number(ev);

	if (n < end)
		return (unsigned)n;
	ev->is_bad = true;
	return 0;
}

const char *
event_get_text(struct event *ev)
{
	const char *at = take(ev, sizeof(uint32_t)), *text;
	uint32_t len = NO_TEXT;

	if (at != NULL)
		memcpy(&len, at, sizeof len);
	if (len == NO_TEXT)
		return NULL;
	text = take(ev, (size_t)len + 1);
	if (text != NULL && (text[len] != '\0' || strlen(text) != len)) {
		ev->is_bad = true;
		return NULL;
	}
	return text;
}

const char *
event_get_words(struct event *ev)
{
	const char *text = event_get_text(ev);

	ev->is_bad |= text == NULL;
	return text != NULL ? text : "";
}

void
event_get_err(struct event *ev, struct err *e)
{
	const enum err_scope scope = (enum err_scope)get_below(ev, ERR_RUN + 1);
	const enum err_retry retry = (enum err_retry)get_below(ev, ERR_NOW + 1);
	const enum err_class class = (enum err_class)get_below(ev, ERR_CANCELLED + 1);

	err_class(e, scope, class, retry, "%s", event_get_words(ev));
}

void
event_get_counts(struct event *ev, struct side_counts *n)
{
	n->added = event_get_number(ev);
	n->flagged = event_get_number(ev);
	n->trashed = event_get_number(ev);
	n->expunged = event_get_number(ev);
	n->moved = event_get_number(ev);
	n->cloned = event_get_number(ev);
	n->kept = event_get_number(ev);
	n->unmarked = event_get_number(ev);
}

static void
get_numbers(struct event *ev, struct channel_report *r)
{
	for (int s = 0; s < SIDES; s++) {
		event_get_counts(ev, &r->side[s]);
		r->is_changed[s] = get_below(ev, 2);
	}
	r->paired = event_get_number(ev);
	r->boxes = event_get_number(ev);
	r->failed = event_get_number(ev);
	r->held = event_get_number(ev);
	r->refused = event_get_number(ev);
	r->bytes = event_get_number(ev);
	r->sent = event_get_number(ev);
	r->hit_max_transfer = get_below(ev, 2);
	r->is_lasting = get_below(ev, 2);
}

void
event_get_report(struct event *ev, struct channel_report *r)
{
	struct report_removed removed;
	struct report_error error;
	const char *box;
	uint64_t n;

	*r = (struct channel_report){ 0 };
	get_numbers(ev, r);
	for (n = event_get_number(ev); n > 0 && !ev->is_bad; n--) {
		removed.side = (enum side)get_below(ev, SIDES);
		removed.box = arena_strdup(&r->arena, event_get_words(ev));
		removed.messages = event_get_number(ev);
		vec_push(&r->removed, removed);
	}
	for (n = event_get_number(ev); n > 0 && !ev->is_bad; n--) {
		error.class = (enum err_class)get_below(ev, ERR_CANCELLED + 1);
		box = event_get_text(ev);
		error.box = box != NULL ? arena_strdup(&r->arena, box) : NULL;
		error.text = arena_strdup(&r->arena, event_get_words(ev));
		vec_push(&r->errors, error);
	}
	buf_adds(&r->plan_text, event_get_words(ev));
}

bool
event_is_whole(const struct event *ev)
{
	return !ev->is_bad && ev->at == ev->end;
}
