#include "sync/store/store.h"

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
