/* What both ways to search have in common: which side is which, a hit in words, notes, the order. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sync/channel_search_inside.h"
#include "sync/message/decode.h"

/* The sides are known by what their stores can do. */
int
search_server(const struct channel *set)
{
	for (int s = 0; s < SIDES; s++)
		if (set->store[s] != NULL && set->store[s]->can & STORE_SEARCH)
			return s;
	return -1;
}

int
search_disk(const struct channel *set)
{
	for (int s = SIDES - 1; s >= 0; s--)
		if (set->store[s] != NULL && set->store[s]->ops->is_local && set->store[s]->can & STORE_HEADERS)
			return s;
	return -1;
}

void
search_result_release(struct search_result *r)
{
	vec_release(&r->hits);
	vec_release(&r->notes);
	arena_release(&r->arena);
}

void
search_note(struct search_result *r, const char *box, bool is_error, enum err_class class, const char *fmt, ...)
{
	struct search_note note = { .class = class, .is_error = is_error, .box = box != NULL ? arena_strdup(&r->arena, box) : NULL };
	char text[ERR_TEXT_SIZE];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	note.text = arena_strdup(&r->arena, text);
	vec_push(&r->notes, note);
}

/* ---- words of a message ---- */

void
search_fill(struct search_result *r, struct search_hit *hit, const struct message_header *h)
{
	hit->from = decode_field(&r->arena, h->text, h->len, "From", DECODE_FIELD_MOST);
	hit->subject = decode_field(&r->arena, h->text, h->len, "Subject", DECODE_FIELD_MOST);
	hit->message_id = decode_field(&r->arena, h->text, h->len, "Message-ID", DECODE_FIELD_MOST);
	hit->size = h->size;
	hit->date = decode_sent(h->text, h->len, h->date);
	if (h->path != NULL)
		hit->path = arena_strdup(&r->arena, h->path);
}

static int
cmp_newest(const void *x, const void *y)
{
	const struct search_hit *a = x, *b = y;
	int order;

	if (a->date != b->date)
		return a->date < b->date ? 1 : -1;
	order = strcmp(a->box, b->box);
	if (order != 0 || a->uid != b->uid)
		return order != 0 ? order : a->uid < b->uid ? 1 : -1;
	return a->path != NULL && b->path != NULL ? strcmp(a->path, b->path) : 0;
}

void
search_sort(struct search_result *r, size_t limit)
{
	r->found = r->hits.n;
	if (r->hits.n > 1)
		qsort(r->hits.at, r->hits.n, sizeof *r->hits.at, cmp_newest);
	if (limit != 0 && r->hits.n > limit)
		r->hits.n = limit;
}
