/* What goes with a mailbox, for the log: what was removed is found there by its subject.
 *
 * Headers are read before it goes, of at most so many messages. What cannot be read then keeps no mailbox: its count is told in any case.
 */
#include "sync/apply/apply_inside.h"

#include <stdlib.h>

#include "state/base/log.h"

enum { NAMED_MOST = 10000 };

struct removed {
	VEC(struct fetch_item) items;
	struct message_words *words;	/* of each */
	struct fetch_part part;
	struct arena arena;
};

/* The coordinator: what is known to be in it. */
int
removed_fill(struct applying *x, struct batch *b, struct err *e)
{
	const struct run_box *box = apply_box(x, b->part[0].box);
	const struct store *store = x->env->set->store[b->side];
	struct removed *r = arena_alloc(&b->arena, sizeof *r);
	struct record rec;
	uint64_t after = 0;
	int got = 0;

	if (!(store->can & STORE_HEADERS))
		return 0;
	*r = (struct removed){ .part = { .box = b->part[0].on } };
	while (r->items.n < NAMED_MOST && (got = message_next(x->env->state, &r->arena, box->rec.id, after, &rec, e)) > 0) {
		after = rec.id;
		if (rec.half[b->side].presence == PRESENCE_HERE && rec.half[b->side].key.len > 0)
			vec_push(&r->items, (struct fetch_item){ .key = rec.half[b->side].key, .hint = rec.half[b->side].hint, .is_header_enough = true });
	}
	r->part.n = r->items.n;
	r->words = mem_alloc((r->items.n + 1) * sizeof *r->words);
	b->removed = r;
	return got < 0 ? -1 : 0;
}

static void
got_header(void *ctx, const struct message_header *h)
{
	struct removed *r = ctx;

	store_words_read(&r->arena, h->text, h->len, &r->words[h->index]);
}

/* The worker. */
void
removed_read(struct batch *b, struct session *session)
{
	struct removed *r = b->removed;
	const struct header_sink sink = { got_header, r };
	struct err why;

	if (r == NULL || r->items.n == 0)
		return;
	if (session->store->ops->headers(session, &r->part, 1, r->items.at, &sink, &why) < 0)
		log_line(LOG_RUN, "%s: what goes with it cannot be named: %s", r->part.box, why.text);
	else if (r->part.status < 0)
		log_line(LOG_RUN, "%s: what goes with it cannot be named: %s", r->part.box, r->part.err.text);
}

/* The coordinator, once it has gone. */
int
removed_log(struct applying *x, const struct batch *b, struct err *e)
{
	const struct removed *r = b->removed;
	const struct message_words *w;
	size_t i;

	for (i = 0; r != NULL && i < r->items.n; i++) {
		w = &r->words[i];
		if (apply_log_words(x, b->task[0].op, arena_printf(&x->arena, "removed with its mailbox: %s",
		    key_text(&x->arena, r->items.at[i].key, x->env->set->store[b->side]->ops->has_uid_keys)), w, e) < 0)
			return -1;
	}
	return 0;
}

void
removed_free(struct batch *b)
{
	if (b->removed == NULL)
		return;
	vec_release(&b->removed->items);
	free(b->removed->words);
	arena_release(&b->removed->arena);
	b->removed = NULL;
}
