/* Whether the trash has a message already: asked where an earlier attempt to put it there broke off, of a store that moves by copying, and
 * nowhere else. The trash is listed, and what is in it of the size of such a message is compared with it. An equal message that was put there before counts as well. */
#include "sync/apply/batch.h"

static bool
is_asked(const struct task *t)
{
	return t->expunge != NULL && t->expunge->may_be_trashed && (t->expunge->is_trashed || t->goes_over);
}

/* The headers of what is asked for, in its own mailbox. */
static int
identify_asked(const struct batch_part *p, struct task **asked, size_t n, struct session *c, struct identify_item *own,
    struct err *e)
{
	struct fetch_part part = { .box = p->on, .epoch = p->epoch, .n = n };
	size_t i;

	for (i = 0; i < n; i++)
		own[i] = (struct identify_item){ .key = asked[i]->expunge->key, .hint = asked[i]->expunge->hint,
			.size = asked[i]->expunge->size };
	return c->store->ops->identify(c, &part, 1, own, IDENT_SIZE | IDENT_HEADER, e);
}

/* Those in the trash that may be one of them. */
static int
identify_trash(const struct batch *b, const struct delta *d, const struct identify_item *own, size_t n_own, struct session *c, struct identify_item *there,
    size_t *n_r, struct err *e)
{
	struct fetch_part part = { .box = b->trash, .epoch = 0 };
	const struct delta_entry *entry;
	size_t i, k;

	*n_r = 0;
	for (i = 0; i < d->entries.n; i++) {
		entry = &d->entries.at[i];
		/* Two stores may count differently. */
		for (k = 0; k < n_own && !b->is_trash_over && entry->size != 0 && own[k].size != 0 && own[k].size != entry->size; k++)
			;
		if (k < n_own)
			there[(*n_r)++] = (struct identify_item){ .key = entry->key, .hint = entry->hint, .size = entry->size };
	}
	part.n = *n_r;
	return *n_r > 0 ? c->store->ops->identify(c, &part, 1, there, IDENT_SIZE | IDENT_HEADER, e) : 0;
}

/* Each of those in the trash stands for one. */
static void
compare(struct task **asked, const struct identify_item *own, size_t n, struct identify_item *there, size_t n_there)
{
	size_t i, k;

	for (i = 0; i < n; i++)
		for (k = 0; k < n_there && own[i].status == 0; k++)
			if (there[k].status == 0 && ident_compare(&own[i].ident, &there[k].ident) == IDENT_SAME) {
				there[k].status = -1;
				asked[i]->expunge->is_trashed = asked[i]->goes_over = false;
				asked[i]->expunge->was_trashed = true;
				break;
			}
}

/* What is asked for in one mailbox. */
static int
look_for(struct batch *b, const struct batch_part *p, struct task **asked, size_t n, struct session *c, struct session *holder,
    struct err *e)
{
	struct delta d = { .box = b->trash };
	struct identify_item *own = mem_alloc((n + 1) * sizeof *own), *there = NULL;
	size_t n_there = 0;
	int status = holder->store->ops->delta(holder, &d, 1, true, NULL, e);

	if (status < 0 || d.status < 0)
		goto done;		/* with no trash there is nothing in it */
	there = mem_alloc((d.entries.n + 1) * sizeof *there);
	status = identify_asked(p, asked, n, c, own, e);
	if (status == 0)
		status = identify_trash(b, &d, own, n, holder, there, &n_there, e);
	if (status == 0)
		compare(asked, own, n, there, n_there);
done:
	delta_release(&d);
	free(own);
	free(there);
	return status;
}

int
trash_look(struct batch *b, struct session *session[SIDES], struct err *e)
{
	struct session *c = session[b->side], *holder = session[b->is_trash_over ? side_other(b->side) : b->side];
	struct task **asked = mem_alloc((b->n + 1) * sizeof(struct task *));
	const struct batch_part *p;
	size_t i, n;
	int status = 0;

	for (p = b->part; p < b->part + b->n_parts && status == 0; p++) {
		for (i = p->first, n = 0; i < p->first + p->n; i++)
			if (is_asked(&b->task[i]))
				asked[n++] = &b->task[i];
		/* With a move in one act, what is here is not there. */
		if (n > 0 && (b->is_trash_over || !c->store->ops->moves_at_once(c)))
			status = look_for(b, p, asked, n, c, holder, e);
	}
	free(asked);
	return status;
}
