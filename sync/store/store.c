#include "sync/store/store.h"
#include "sync/imap/utf7.h"

void
listing_release(struct listing *l)
{
	vec_release(&l->boxes);
	vec_release(&l->refused);
	arena_release(&l->arena);
}

static int
cmp_name(const void *a, const void *b)
{
	const struct mailbox *x = a, *y = b;

	return strcmp(x->name, y->name);
}

void
listing_sort(struct listing *l)
{
	if (l->boxes.n > 1)
		qsort(l->boxes.at, l->boxes.n, sizeof l->boxes.at[0], cmp_name);
}

struct mailbox *
listing_find(const struct listing *l, const char *name)
{
	struct mailbox want = { .name = name };

	if (l->boxes.n == 0)
		return NULL;
	return bsearch(&want, l->boxes.at, l->boxes.n, sizeof l->boxes.at[0], cmp_name);
}

struct mailbox *
listing_selectable(const struct listing *l, const char *name)
{
	struct mailbox *m = listing_find(l, name);

	return m != NULL && !(m->attrs & MAILBOX_NOSELECT) ? m : NULL;
}

void
delta_init(struct delta *d, const char *box, const struct cursor *since)
{
	*d = (struct delta){ .box = box };
	if (since != NULL) {
		d->has_since = true;
		d->since = *since;
	}
}

void
delta_release(struct delta *d)
{
	vec_release(&d->entries);
	vec_release(&d->vanished);
	vec_release(&d->gone);
	vec_release(&d->present);
	arena_release(&d->arena);
}

int
store_change_each(struct session *c, struct box_changes *boxes, size_t n, struct arena *a, store_change_flags *flags,
    store_expunge *expunge, struct err *e)
{
	struct box_changes *b;
	size_t i;
	int status;

	for (i = 0; i < n; i++) {
		b = &boxes[i];
		status = b->n_flags > 0 ? flags(c, b->box, b->epoch, b->flags, b->n_flags, a, e) : 0;
		if (status == 0 && b->n_expunges > 0)
			status = expunge(c, b, a, e);
		if (store_part_ended(status, &b->status, &b->err, e) < 0)
			return -1;
	}
	return 0;
}

int
store_identify_each(struct session *c, struct fetch_part *parts, size_t n, struct identify_item *items, unsigned want,
    store_identify *identify, struct err *e)
{
	size_t i;
	int status;

	for (i = 0; i < n; i++) {
		status = identify(c, parts[i].box, parts[i].epoch, items + parts[i].first, parts[i].n, want, e);
		if (store_part_ended(status, &parts[i].status, &parts[i].err, e) < 0)
			return -1;
	}
	return 0;
}

int
store_identify_one(struct session *c, const char *box, uint64_t epoch, struct identify_item *items, size_t n,
    unsigned want, struct err *e)
{
	struct fetch_part part = { .box = box, .epoch = epoch, .n = n };

	if (c->store->ops->identify(c, &part, 1, items, want, e) < 0)
		return -1;
	if (part.status < 0)
		*e = part.err;
	return part.status;
}

int
store_part_ended(int status, int *status_r, struct err *err_r, const struct err *e)
{
	*status_r = 0;
	if (status == 0 || e->scope >= ERR_STORE)
		return status;
	*status_r = -1;
	*err_r = *e;
	return 0;
}

void
store_rest(struct session *c)
{
	struct store *s = c->store;
	struct err ignored;

	if (s->ops->rest(c, &ignored) < 0) {
		s->ops->session_close(c);
		return;
	}
	c->next = s->resting;
	s->resting = c;
}

struct session *
store_wake(struct store *s)
{
	struct session *c = s->resting;

	if (c == NULL)
		return NULL;
	s->resting = c->next;
	c->next = NULL;
	c->is_rested = true;
	return c;
}

void
store_send_home(struct store *s)
{
	struct session *c;

	while ((c = store_wake(s)) != NULL)
		s->ops->session_close(c);
}

static int
cmp_first(const void *x, const void *y)
{
	const struct uid_range *a = x, *b = y;

	return (a->first > b->first) - (a->first < b->first);
}

size_t
delta_join_gone(struct delta *d)
{
	struct uid_range *r = d->gone.at;
	size_t i, n = 0;

	if (d->gone.n == 0)
		return 0;
	qsort(r, d->gone.n, sizeof *r, cmp_first);
	for (i = 1; i < d->gone.n; i++) {
		if (r[i].first > r[n].last && r[i].first - r[n].last > 1)
			r[++n] = r[i];
		else if (r[i].last > r[n].last)
			r[n].last = r[i].last;
	}
	d->gone.n = n + 1;
	return d->gone.n;
}

int
store_name_plain(struct buf *out, const char *name)
{
	return utf7_decode(out, name, strlen(name));
}
