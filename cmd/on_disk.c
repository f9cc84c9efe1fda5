#include "cmd/on_disk.h"

#include "sync/message/decode.h"

const char *
on_disk_box(const struct channel *channel, const struct box_record *b, enum side s, struct arena *a)
{
	const char *prefix = channel->box[s];
	const struct box_side *bs = &b->side[s];

	if (channel->patterns.n == 0)
		return *prefix != '\0' ? prefix : "INBOX";
	return arena_printf(a, "%s%s", prefix, *bs->now != '\0' ? bs->now : *bs->on != '\0' ? bs->on : b->name);
}

struct reading { struct arena *a; struct on_disk *m; };

static void
on_header(void *ctx, const struct message_header *h)
{
	struct reading *r = ctx;

	r->m->path = arena_strdup(r->a, h->path);
	r->m->from = decode_field(r->a, h->text, h->len, "From", ON_DISK_WORDS_MOST);
	r->m->subject = decode_field(r->a, h->text, h->len, "Subject", ON_DISK_WORDS_MOST);
	r->m->message_id = decode_field(r->a, h->text, h->len, "Message-ID", ON_DISK_WORDS_MOST);
	r->m->date = decode_sent(h->text, h->len, h->date);
}

void
on_disk_read(const struct channel *channel, const struct box_record *b, enum side s, struct key key, const char *hint, struct arena *a,
    struct on_disk *m_r)
{
	struct store *store = channel->store[s];
	struct fetch_item item = { .key = key, .hint = hint };
	struct fetch_part part = { .box = on_disk_box(channel, b, s, a), .n = 1 };
	struct reading r = { a, m_r };
	const struct header_sink sink = { on_header, &r };
	struct session *session;
	struct err unused;

	*m_r = (struct on_disk){ .from = "", .subject = "", .message_id = "" };
	store->is_dry = true;
	session = store->ops->session_open(store, &unused);
	if (session == NULL)
		return;
	(void)store->ops->headers(session, &part, 1, &item, &sink, &unused);
	store->ops->session_close(session);
}
