#include "state/base/id_set.h"

static int
cmp(const void *x, const void *y)
{
	uint64_t a = *(const uint64_t *)x, b = *(const uint64_t *)y;

	return (a > b) - (a < b);
}

void
id_set_sort(struct id_set *s)
{
	if (s->v.n > 1)
		qsort(s->v.at, s->v.n, sizeof s->v.at[0], cmp);
}

bool
id_set_has(const struct id_set *s, uint64_t id)
{
	return s->v.n > 0 && bsearch(&id, s->v.at, s->v.n, sizeof id, cmp) != NULL;
}
