#include "sync/net/throttle.h"

#include <pthread.h>
#include <stdlib.h>

#include "state/base/mem.h"
#include "sync/net/clock.h"

/* The bucket holds what flows in BURST_MS; a taker waits until a QUANTUM_MS' worth is there, so that
 * a slow line is not woken for single bytes. */
enum { BURST_MS = 250, QUANTUM_MS = 50 };

struct throttle {
	pthread_mutex_t lock;		/* for the rest */
	double rate;			/* bytes per ms */
	double tokens, full;
	long long filled;		/* when tokens was right */
};

struct throttle *
throttle_new(uint64_t rate)
{
	struct throttle *t = mem_alloc(sizeof *t);

	pthread_mutex_init(&t->lock, NULL);
	t->rate = (double)rate / 1000;
	t->full = t->rate * BURST_MS < 1 ? 1 : t->rate * BURST_MS;
	t->tokens = t->full;
	t->filled = clock_now();
	return t;
}

void
throttle_free(struct throttle **t)
{
	if (*t != NULL)
		pthread_mutex_destroy(&(*t)->lock);
	free(*t);
	*t = NULL;
}

size_t
throttle_take(struct throttle *t, size_t want, long long *until_r)
{
	double need = t->rate * QUANTUM_MS < 1 ? 1 : t->rate * QUANTUM_MS;
	long long now = clock_now();
	size_t n = 0;

	if ((double)want < need)
		need = (double)want;
	pthread_mutex_lock(&t->lock);
	t->tokens += (double)(now - t->filled) * t->rate;
	if (t->tokens > t->full)
		t->tokens = t->full;
	t->filled = now;
	if (t->tokens >= need)
		n = (double)want < t->tokens ? want : (size_t)t->tokens;
	else
		*until_r = now + 1 + (long long)((need - t->tokens) / t->rate);
	t->tokens -= (double)n;
	pthread_mutex_unlock(&t->lock);
	return n;
}

void
throttle_give(struct throttle *t, size_t unused)
{
	pthread_mutex_lock(&t->lock);
	t->tokens += (double)unused;
	pthread_mutex_unlock(&t->lock);
}
