#include "sync/apply/as_placeholder.h"

#include <stdlib.h>

#include "sync/message/lineends.h"
#include "sync/message/placeholder.h"

struct as_placeholder {
	bool is_under_way;
	struct body_head head;		/* of the body */
	uint64_t listed;
	struct buf header;		/* the beginning of it, and a little more than may be a header */
};

struct as_placeholder *
as_placeholder_new(void)
{
	return mem_alloc(sizeof(struct as_placeholder));
}

void
as_placeholder_free(struct as_placeholder **p)
{
	if (*p == NULL)
		return;
	buf_release(&(*p)->header);
	free(*p);
	*p = NULL;
}

void
as_placeholder_begin(struct as_placeholder *p, const struct body_head *head, uint64_t listed)
{
	p->is_under_way = true;
	p->head = *head;
	p->listed = head->form == BODY_FILE || listed == 0 ? head->size : listed;
	buf_clear(&p->header);
}

bool
as_placeholder_data(struct as_placeholder *p, const void *data, size_t len)
{
	size_t room = PLACEHOLDER_HEADER_MOST + 2 - p->header.len;

	if (p->is_under_way)
		buf_add(&p->header, data, len < room ? len : room);
	return p->is_under_way;
}

bool
as_placeholder_is_under_way(const struct as_placeholder *p)
{
	return p->is_under_way;
}

void
as_placeholder_stop(struct as_placeholder *p)
{
	p->is_under_way = false;
}

/* Where it is read again it is known for what it is. */
static int
is_known_again(struct digest *digest, const struct buf *text, const struct ident *message, struct err *e)
{
	const struct ident want = ident_of_placeholder(message);
	struct ident is;

	digest_start(digest, DIGEST_MESSAGE);
	digest_feed(digest, text->data, text->len);
	if (digest_end(digest, &is, e) < 0)
		return -1;
	return (is.has & IDENT_PLACEHOLDER) && ident_compare(&is, &want) == IDENT_SAME;
}

int
as_placeholder_end(struct as_placeholder *p, struct digest *digest, bool is_flagged, struct buf *text_r, struct body_head *head_r,
    struct ident *ident_r, struct err *e)
{
	struct lineends_out count = { 0 };
	uint64_t wire = p->head.form == BODY_FILE ? p->head.wire_size : p->listed;

	p->is_under_way = false;
	digest_start(digest, DIGEST_HEADER);
	digest_feed(digest, buf_str(&p->header), p->header.len);
	if (digest_end_header(digest, wire != BODY_SIZE_UNKNOWN ? wire : DIGEST_SIZE_UNKNOWN, ident_r, e) < 0)
		return -1;
	if (!placeholder_make(text_r, buf_str(&p->header), p->header.len, p->listed, is_flagged))
		return 0;
	lineends_count(&count, text_r->data, text_r->len);
	*head_r = (struct body_head){ .index = head_r->index, .form = p->head.form, .size = text_r->len, .wire_size = count.size,
		.date = p->head.date };
	return is_known_again(digest, text_r, ident_r, e);
}
