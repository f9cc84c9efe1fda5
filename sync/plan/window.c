#include "sync/plan/window.h"

/* Windows are set by people: 1000, 2500, 10000; small ones 10, 25. */
static bool
is_round(uint64_t n)
{
	return n % (n <= 100 ? 5 : n <= 1000 ? 50 : 100) == 0;
}

/* The same number shown in spite of what came and went is that of a window; of another number there is none. */
static bool
is_refuted(const struct window_facts *f)
{
	uint64_t margin = 2 + f->suspected / 50;

	return f->vanished == f->held && (f->here >= f->suspected + margin || f->here + margin <= f->suspected);
}

uint64_t
window_full(uint64_t n)
{
	return n - n / 100;
}

enum window_verdict
window_judge(const struct window_facts *f)
{
	if (f->set.kind == WINDOW_SIZE)
		return f->here >= window_full(f->set.n) ? WINDOW_BEYOND : WINDOW_DELETED;
	if (f->vanished == 0 || f->set.kind == WINDOW_NO)
		return WINDOW_DELETED;
	if (f->suspected != 0)
		return is_refuted(f) ? WINDOW_DELETED : WINDOW_SUSPECTED;
	if (f->here < WINDOW_FLOOR)
		return WINDOW_DELETED;
	if (f->here == f->last || f->here == f->most || (f->here > f->most && f->most != 0 && is_round(f->here)))
		return WINDOW_SUSPECTED;
	return WINDOW_DELETED;
}
