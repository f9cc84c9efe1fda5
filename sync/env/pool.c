#include "sync/env/pool.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "state/base/mem.h"

enum { WORKERS_MOST = 32 };

struct worker {
	struct pool *pool;
	int index;
	pthread_t thread;
	bool is_started;
	const struct job *job;		/* pool.lock; that it runs, NULL = none */
	bool is_idle;			/* waits for work: its sessions may be looked at, and taken, with the lock held */
	bool is_opening[SIDES];		/* pool.lock; it runs a job and had no session there */
	struct session *session[SIDES];	/* written with pool.lock held; what it points to is this worker's alone while it runs */
};

struct pool {
	struct pool_settings set;
	struct worker worker[WORKERS_MOST];
	pthread_mutex_t lock;		/* everything below */
	pthread_cond_t work, done;
	struct job *queue, **queue_end;
	struct job *finished, **finished_end;
	size_t queued, running, ready;
	int width[SIDES];		/* sessions that may be open on each side */
	bool is_refused[SIDES];		/* the store refused one more: those there are go round */
	int started;
	bool is_ending;
	void (*tick)(void *ctx);	/* the coordinator's alone; NULL = none */
	void *tick_ctx;
};

static int
clamp_width(const struct store *s)
{
	int n = s != NULL ? s->max_sessions : 1;

	return n < 1 ? 1 : n > WORKERS_MOST ? WORKERS_MOST : n;
}

struct pool *
pool_new(const struct pool_settings *set)
{
	struct pool *p = mem_alloc(sizeof *p);
	pthread_condattr_t steady;
	int i, s;

	p->set = *set;
	p->queue_end = &p->queue;
	p->finished_end = &p->finished;
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->work, NULL);
	pthread_condattr_init(&steady);
	pthread_condattr_setclock(&steady, CLOCK_MONOTONIC);
	pthread_cond_init(&p->done, &steady);
	pthread_condattr_destroy(&steady);
	for (s = 0; s < SIDES; s++)
		p->width[s] = set->is_inline ? 1 : clamp_width(set->store[s]);
	for (i = 0; i < WORKERS_MOST; i++) {
		p->worker[i].pool = p;
		p->worker[i].index = i;
	}
	return p;
}

/* With the lock held: sessions there are on a side, or are being opened. */
static int
count_sessions(const struct pool *p, enum side s)
{
	int i, n = 0;

	for (i = 0; i < WORKERS_MOST; i++)
		n += p->worker[i].session[s] != NULL || p->worker[i].is_opening[s];
	return n;
}

/* With the lock held: a worker that has a session it does not use, or NULL. */
static const struct worker *
idle_holder(const struct pool *p, enum side s)
{
	int i;

	for (i = 0; i < p->started; i++)
		if (p->worker[i].is_idle && p->worker[i].session[s] != NULL)
			return &p->worker[i];
	return NULL;
}

enum { DIAL_TURNS = 5 };

/* With the lock held: connections there are on a side are at work, but not for so long that dialling another were faster. */
static bool
is_sooner_served(const struct pool *p, enum side s, const struct job *j)
{
	unsigned ahead = 0, busy = 0;
	const struct job *q;
	int i;

	for (i = 0; i < p->started; i++)
		if (p->worker[i].session[s] != NULL && p->worker[i].job != NULL && p->worker[i].job->needs[s]) {
			busy++;
			ahead += p->worker[i].job->turns;
		}
	for (q = p->queue; q != j; q = q->next)
		ahead += q->needs[s] ? q->turns : 0;
	return ahead < DIAL_TURNS * busy;
}

static bool
is_eligible(const struct pool *p, const struct worker *w, const struct job *j)
{
	int s;

	for (s = 0; s < SIDES; s++) {
		if (!j->needs[s] || w->session[s] != NULL)
			continue;
		if (w->index >= p->width[s] || (!p->set.store[s]->ops->is_local && is_sooner_served(p, (enum side)s, j)))
			return false;
		/* No more than there are, and all of those are at work. */
		if (p->is_refused[s] && count_sessions(p, (enum side)s) > 0 && idle_holder(p, (enum side)s) == NULL)
			return false;
	}
	return true;
}

/* With the lock held, before w runs j: where the store allows no more sessions an idle worker's changes hands. */
static void
take_sessions(struct pool *p, struct worker *w, const struct job *j)
{
	const struct worker *from;
	int s;

	for (s = 0; s < SIDES; s++) {
		if (!j->needs[s] || w->session[s] != NULL)
			continue;
		from = p->is_refused[s] ? idle_holder(p, (enum side)s) : NULL;
		if (from != NULL) {
			w->session[s] = from->session[s];
			p->worker[from->index].session[s] = NULL;
		}
		w->is_opening[s] = w->session[s] == NULL;
	}
}

/* What it would have to open for the job, counted in turns of a talk: a directory costs none, a connection several. */
static int
lacks(const struct worker *w, const struct job *j)
{
	int s, cost = 0;

	for (s = 0; s < SIDES; s++)
		if (j->needs[s] && w->session[s] == NULL)
			cost += w->pool->set.store[s]->ops->is_local ? 1 : DIAL_TURNS;
	return cost;
}

/* With the lock held: another worker that has nothing to do is better provided. Nobody dials for a job that somebody idle
 * has the connection for. */
static bool
has_better(const struct pool *p, const struct worker *w, const struct job *j)
{
	const struct worker *o;
	int i;

	for (i = 0; i < p->started; i++) {
		o = &p->worker[i];
		if (o != w && o->is_idle && is_eligible(p, o, j) && lacks(o, j) < lacks(w, j))
			return true;
	}
	return false;
}

/* The other workers count the sessions there are, and look who has one: the field changes with the lock held. */
static void
set_session(struct worker *w, enum side s, struct session *session)
{
	pthread_mutex_lock(&w->pool->lock);
	w->session[s] = session;
	pthread_mutex_unlock(&w->pool->lock);
}

/* It counts until it is closed, as it does to the server. */
static void
close_session(struct worker *w, enum side s)
{
	if (w->session[s] == NULL)
		return;
	w->session[s]->store->ops->session_close(w->session[s]);
	set_session(w, s, NULL);
}

/* Opens what the job needs. 0, or -1 with the job's error filled. */
static int
open_sessions(struct worker *w, struct job *j)
{
	struct session *session;
	struct store *store;
	int s;

	for (s = 0; s < SIDES; s++) {
		if (!j->needs[s] || w->session[s] != NULL)
			continue;
		store = w->pool->set.store[s];
		session = store->ops->session_open(store, &j->err);
		if (session == NULL) {
			j->err_side = (enum side)s;
			j->is_unopened = true;
			return -1;
		}
		set_session(w, (enum side)s, session);
	}
	return 0;
}

/* Sessions that are of an earlier sync may have ended since. *may_be_lost_r: one that was not asked. */
static void
wake_sessions(struct worker *w, const struct job *j, bool *may_be_lost_r)
{
	struct session *c;
	struct err ignored;
	int s;

	*may_be_lost_r = false;
	for (s = 0; s < SIDES; s++) {
		c = w->session[s];
		if (!j->needs[s] || c == NULL || !c->is_rested)
			continue;
		c->is_rested = false;
		if (c->store->ops->wake(c, !j->is_repeatable, &ignored) < 0)
			close_session(w, (enum side)s);
		else
			*may_be_lost_r |= j->is_repeatable;
	}
}

static void
run_once(struct worker *w, struct job *j)
{
	struct session *session[SIDES] = { NULL, NULL };
	int s;

	j->is_unopened = false;
	j->rest = NULL;
	j->status = open_sessions(w, j);
	if (j->status == 0) {
		for (s = 0; s < SIDES; s++)
			if (j->needs[s])
				session[s] = w->session[s];
		j->status = j->run(j, session, &j->err);
	}
	/* A session that died says so once; whoever needs one next opens it anew. */
	if (j->status < 0 && !j->is_unopened && j->err.scope >= ERR_STORE)
		for (s = 0; s < SIDES; s++)
			if (j->needs[s])
				close_session(w, (enum side)s);
}

static void
run_job(struct worker *w, struct job *j)
{
	bool may_be_lost;

	wake_sessions(w, j, &may_be_lost);
	run_once(w, j);
	if (may_be_lost && j->status < 0 && !j->is_unopened && j->err.scope >= ERR_STORE)
		run_once(w, j);
}

static void
run_rest(struct worker *w, struct job *j)
{
	if (j->status < 0 || j->rest == NULL)
		return;
	j->run = j->rest;
	run_once(w, j);
}

/* With the lock held: takes the first job this worker may run. */
static struct job *
take_job(struct pool *p, struct worker *w)
{
	struct job **at, *j;

	for (at = &p->queue; (j = *at) != NULL; at = &j->next) {
		if (!is_eligible(p, w, j) || has_better(p, w, j))
			continue;
		*at = j->next;
		if (p->queue_end == &j->next)
			p->queue_end = at;
		j->next = NULL;
		p->queued--;
		/* Somebody may have left the next one to this worker. */
		w->is_idle = false;
		if (p->queued > 0)
			pthread_cond_broadcast(&p->work);
		return j;
	}
	return NULL;
}

static void
queue_job(struct pool *p, struct job *j)
{
	j->next = NULL;
	*p->queue_end = j;
	p->queue_end = &j->next;
	p->queued++;
}

static bool
needs_none(const struct job *j)
{
	return !j->needs[FAR] && !j->needs[NEAR];
}

/* With the lock held: a job waits for a connection that w has, and a thread has nothing to do, not even the rest of another job. */
static bool
is_worth_handing_on(const struct pool *p, const struct worker *w)
{
	const struct job *q;
	size_t idle = 0, rests = 0;
	bool is_wanted = false;
	int i, s;

	for (q = p->queue; q != NULL; q = q->next) {
		rests += needs_none(q);
		for (s = 0; s < SIDES; s++)
			is_wanted |= q->needs[s] && w->session[s] != NULL && !p->set.store[s]->ops->is_local;
	}
	for (i = 0; i < p->started; i++)
		idle += p->worker[i].is_idle;
	return is_wanted && idle > rests;
}

/* With the lock held. False: w is to do the rest of the job itself. */
static bool
hand_on(struct pool *p, struct worker *w, struct job *j)
{
	if (j->status < 0 || j->rest == NULL || !is_worth_handing_on(p, w))
		return false;
	w->is_opening[FAR] = w->is_opening[NEAR] = false;
	j->run = j->rest;
	j->needs[FAR] = j->needs[NEAR] = false;
	queue_job(p, j);
	pthread_cond_broadcast(&p->work);
	return true;
}

/* With the lock held. A refusal of a further session leaves the work to those there are. */
static void
finish_job(struct pool *p, struct worker *w, struct job *j)
{
	w->is_opening[FAR] = w->is_opening[NEAR] = false;
	if (j->status < 0 && j->is_unopened && count_sessions(p, j->err_side) > 0) {
		p->is_refused[j->err_side] = true;
		queue_job(p, j);
		pthread_cond_broadcast(&p->work);
		return;
	}
	*p->finished_end = j;
	p->finished_end = &j->next;
	p->ready++;
	pthread_cond_signal(&p->done);
}

static void *
worker_main(void *arg)
{
	struct worker *w = arg;
	struct pool *p = w->pool;
	struct job *j;
	bool was_busy = false, is_handed_on;

	pthread_mutex_lock(&p->lock);
	for (;;) {
		j = take_job(p, w);
		if (j == NULL) {
			if (p->is_ending)
				break;
			w->is_idle = true;
			/* What it held until now may be what another waits for. */
			if (was_busy && p->queued > 0)
				pthread_cond_broadcast(&p->work);
			was_busy = false;
			pthread_cond_wait(&p->work, &p->lock);
			w->is_idle = false;
			continue;
		}
		p->running++;
		w->job = j;
		take_sessions(p, w, j);
		pthread_mutex_unlock(&p->lock);
		run_job(w, j);
		pthread_mutex_lock(&p->lock);
		is_handed_on = hand_on(p, w, j);
		if (!is_handed_on) {
			pthread_mutex_unlock(&p->lock);
			run_rest(w, j);
			pthread_mutex_lock(&p->lock);
		}
		p->running--;
		w->job = NULL;
		was_busy = true;
		if (!is_handed_on)
			finish_job(p, w, j);
	}
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

int
pool_width(struct pool *p, const bool needs[SIDES])
{
	int n = WORKERS_MOST, s;

	pthread_mutex_lock(&p->lock);
	for (s = 0; s < SIDES; s++)
		if (needs[s] && p->is_refused[s] && count_sessions(p, (enum side)s) < n)
			n = count_sessions(p, (enum side)s);
		else if (needs[s] && p->width[s] < n)
			n = p->width[s];
	pthread_mutex_unlock(&p->lock);
	return n < 1 ? 1 : n;
}

static size_t
pending(struct pool *p)
{
	size_t n;

	pthread_mutex_lock(&p->lock);
	n = p->queued + p->running + p->ready;
	pthread_mutex_unlock(&p->lock);
	return n;
}

/* With the lock held: one more thread when there is more to do than threads to do it. */
static void
start_worker(struct pool *p)
{
	struct worker *w = &p->worker[p->started];

	if (p->started >= WORKERS_MOST || (p->started >= p->width[FAR] && p->started >= p->width[NEAR]))
		return;
	if (pthread_create(&w->thread, NULL, worker_main, w) != 0) {
		/* No thread is to be had: whoever waits does the work. */
		p->set.is_inline |= p->started == 0;
		return;
	}
	w->is_started = true;
	p->started++;
}

void
pool_submit(struct pool *p, struct job *j)
{
	pthread_mutex_lock(&p->lock);
	queue_job(p, j);
	if (!p->set.is_inline && p->queued + p->running > (size_t)p->started)
		start_worker(p);
	pthread_cond_broadcast(&p->work);
	pthread_mutex_unlock(&p->lock);
}

/* Inline: runs one waiting job, chosen by pick. The lock is held, and let go for the job as a worker does. */
static void
run_inline(struct pool *p)
{
	uint64_t skip = p->set.pick != NULL && p->queued > 1 ? p->set.pick(p->set.pick_ctx, p->queued) : 0;
	struct job **at = &p->queue, *j;

	while (skip-- > 0)
		at = &(*at)->next;
	j = *at;
	*at = j->next;
	if (p->queue_end == &j->next)
		p->queue_end = at;
	j->next = NULL;
	p->queued--;
	pthread_mutex_unlock(&p->lock);
	run_job(&p->worker[0], j);
	run_rest(&p->worker[0], j);
	pthread_mutex_lock(&p->lock);
	finish_job(p, &p->worker[0], j);
}

void
pool_on_wait(struct pool *p, void (*tick)(void *ctx), void *ctx)
{
	p->tick = tick;
	p->tick_ctx = ctx;
}

enum { TICK_MS = 200 };

/* With the lock held, which is let go meanwhile: until a job is done, or it is time for a tick. */
static void
wait_done(struct pool *p)
{
	struct timespec until;

	if (p->tick == NULL) {
		pthread_cond_wait(&p->done, &p->lock);
		return;
	}
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += TICK_MS * 1000000L;
	until.tv_sec += until.tv_nsec / 1000000000L;
	until.tv_nsec %= 1000000000L;
	if (pthread_cond_timedwait(&p->done, &p->lock, &until) == 0)
		return;
	pthread_mutex_unlock(&p->lock);
	p->tick(p->tick_ctx);
	pthread_mutex_lock(&p->lock);
}

struct job *
pool_wait(struct pool *p)
{
	struct job *j = NULL;

	pthread_mutex_lock(&p->lock);
	if (p->set.is_inline && p->ready == 0 && p->queued > 0)
		run_inline(p);
	while (p->ready == 0 && p->queued + p->running > 0)
		wait_done(p);
	if (p->ready > 0) {
		j = p->finished;
		p->finished = j->next;
		if (p->finished == NULL)
			p->finished_end = &p->finished;
		j->next = NULL;
		p->ready--;
	}
	pthread_mutex_unlock(&p->lock);
	return j;
}

void
pool_drop(struct pool *p)
{
	struct job **at = &p->queue, *j;

	pthread_mutex_lock(&p->lock);
	while ((j = *at) != NULL) {
		if (needs_none(j)) {
			at = &j->next;
			continue;
		}
		*at = j->next;
		p->queued--;
		j->status = err_class(&j->err, ERR_STORE, ERR_CANCELLED, ERR_LATER, "not tried");
		j->is_unopened = true;
		j->next = NULL;
		*p->finished_end = j;
		p->finished_end = &j->next;
		p->ready++;
	}
	p->queue_end = at;
	pthread_mutex_unlock(&p->lock);
}

void
pool_calm(struct pool *p)
{
	pool_drop(p);
	while (pool_wait(p) != NULL)
		;
}

void
pool_leave(struct pool *p, enum side s)
{
	struct session *c;
	struct err ignored;
	int i;

	assert(pending(p) == 0);
	for (i = 0; i < WORKERS_MOST; i++) {
		c = p->worker[i].session[s];
		if (c != NULL && c->store->ops->leave(c, &ignored) < 0)
			close_session(&p->worker[i], s);
	}
}

void
pool_rest(struct pool *p)
{
	struct session *c;
	int i, s;

	assert(pending(p) == 0);
	for (i = WORKERS_MOST - 1; i >= 0; i--)
		for (s = 0; s < SIDES; s++) {
			c = p->worker[i].session[s];
			set_session(&p->worker[i], (enum side)s, NULL);
			if (c != NULL)
				store_rest(c);
		}
}

void
pool_wake(struct pool *p)
{
	int i, s;

	assert(pending(p) == 0);
	for (s = 0; s < SIDES; s++) {
		pthread_mutex_lock(&p->lock);
		p->is_refused[s] = false;
		pthread_mutex_unlock(&p->lock);
		for (i = 0; i < p->width[s] && p->set.store[s] != NULL && p->set.store[s]->resting != NULL; i++)
			set_session(&p->worker[i], (enum side)s, store_wake(p->set.store[s]));
	}
}

int
pool_run(struct pool *p, struct job *j, struct err *e)
{
	struct job *done;

	assert(pending(p) == 0);
	pool_submit(p, j);
	done = pool_wait(p);
	assert(done == j);
	if (done->status < 0)
		*e = done->err;
	return done->status;
}

void
pool_free(struct pool **pool)
{
	struct pool *p = *pool;
	int i, s;

	if (p == NULL)
		return;
	pthread_mutex_lock(&p->lock);
	p->is_ending = true;
	pthread_cond_broadcast(&p->work);
	pthread_mutex_unlock(&p->lock);
	for (i = 0; i < WORKERS_MOST; i++) {
		if (p->worker[i].is_started)
			pthread_join(p->worker[i].thread, NULL);
		for (s = 0; s < SIDES; s++)
			close_session(&p->worker[i], (enum side)s);
	}
	pthread_mutex_destroy(&p->lock);
	pthread_cond_destroy(&p->work);
	pthread_cond_destroy(&p->done);
	free(p);
	*pool = NULL;
}
