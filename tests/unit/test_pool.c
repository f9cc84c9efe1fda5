/* sync/env/pool: workers, their sessions and who gets which, among stores that refuse, break and take their time. Under
 * ThreadSanitizer (make tsan) it also shows that what they share is shared with care. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "state/base/mem.h"
#include "sync/env/pool.h"

enum { JOBS = 400, WIDTH = 6 };

struct peer {
	struct store store;
	atomic_int open, most, opened;
	int limit;			/* sessions it lets in; 0 = all */
	bool is_ended;			/* sessions that rested have ended */
	int asked;			/* ... were asked whether they have */
	int breaks_once;		/* requests at which the line turns out to be dead */
};

struct talk {
	struct session session;
	atomic_int users;		/* a session belongs to one worker */
};

static void
pause_ns(long ns)
{
	struct timespec t = { .tv_nsec = ns };

	nanosleep(&t, NULL);
}

static struct session *
open_session(struct store *s, struct err *e)
{
	struct peer *p = (struct peer *)s;
	struct talk *t;
	int n = atomic_fetch_add(&p->open, 1) + 1, most = atomic_load(&p->most);

	pause_ns(200000);
	if (p->limit != 0 && n > p->limit) {
		atomic_fetch_sub(&p->open, 1);
		err_class(e, ERR_STORE, ERR_TEMPORARY, ERR_LATER, "no more of you");
		return NULL;
	}
	while (n > most && !atomic_compare_exchange_weak(&p->most, &most, n))
		;
	atomic_fetch_add(&p->opened, 1);
	t = mem_alloc(sizeof *t);
	t->session.store = s;
	return &t->session;
}

static void
close_session(struct session *c)
{
	atomic_fetch_sub(&((struct peer *)c->store)->open, 1);
	free(c);
}

static int
rest_session(struct session *c, struct err *e)
{
	(void)c;
	(void)e;
	return 0;
}

static const struct store_ops remote = { .kind = "peer", .session_open = open_session, .session_close = close_session,
	.rest = rest_session };
static const struct store_ops local = { .kind = "disk", .is_local = true, .session_open = open_session,
	.session_close = close_session };

struct work { struct job job; unsigned number; bool breaks; bool is_run; };

static int
run_work(struct job *j, struct session *session[SIDES], struct err *e)
{
	struct work *w = (struct work *)j;
	int s;

	for (s = 0; s < SIDES; s++)
		if (j->needs[s])
			assert_int_equal(atomic_fetch_add(&((struct talk *)session[s])->users, 1), 0);
	pause_ns((long)(w->number * 7919 % 5) * 20000);
	w->is_run = true;
	for (s = 0; s < SIDES; s++)
		if (j->needs[s])
			atomic_fetch_sub(&((struct talk *)session[s])->users, 1);
	if (!w->breaks)
		return 0;
	w->breaks = false;
	return err_set(e, ERR_STORE, "the line broke");
}

/* All of it, with sessions that break now and then (every = 0: never). */
static void
work_through(struct peer *far, struct peer *near, unsigned every, bool is_inline)
{
	struct pool_settings set = { .store = { [FAR] = &far->store, [NEAR] = &near->store }, .is_inline = is_inline };
	struct pool *p;
	struct work *w = mem_alloc(JOBS * sizeof *w);
	struct job *done;
	unsigned i, n = 0;

	store_init(&far->store, &remote);
	store_init(&near->store, &local);
	p = pool_new(&set);
	for (i = 0; i < JOBS; i++) {
		w[i] = (struct work){ .job = { .run = run_work, .turns = i % 7 }, .number = i, .breaks = every != 0 && i % every == 0 };
		w[i].job.needs[FAR] = i % 3 != 0;
		w[i].job.needs[NEAR] = i % 3 != 1;
		pool_submit(p, &w[i].job);
	}
	for (; (done = pool_wait(p)) != NULL; n++)
		assert_true(((struct work *)done)->is_run);
	assert_int_equal(n, JOBS);
	pool_leave(p, FAR);
	pool_free(&p);
	assert_int_equal(far->open, 0);
	assert_int_equal(near->open, 0);
	free(w);
}

/* Of a chain of jobs that share one connection, each with a rest that waits until the connection serves the next one. */
enum { CHAIN = 60 };
struct link_of { struct job job; atomic_int *begun, *handed_on; int number; bool is_done; };

static int
run_link_rest(struct job *j, struct session *session[SIDES], struct err *e)
{
	struct link_of *l = (struct link_of *)j;
	int i;

	(void)e;
	if (session[FAR] == NULL) {
		atomic_fetch_add(l->handed_on, 1);
		for (i = 0; i < 100000 && atomic_load(l->begun) <= l->number; i++)
			pause_ns(100000);
		assert_true(atomic_load(l->begun) > l->number);
	}
	l->is_done = true;
	return 0;
}

static int
run_link(struct job *j, struct session *session[SIDES], struct err *e)
{
	struct link_of *l = (struct link_of *)j;

	(void)e;
	assert_int_equal(atomic_fetch_add(&((struct talk *)session[FAR])->users, 1), 0);
	atomic_fetch_add(l->begun, 1);
	pause_ns(1000000);
	atomic_fetch_sub(&((struct talk *)session[FAR])->users, 1);
	j->rest = run_link_rest;
	return 0;
}

static void
the_rest_of_a_job_leaves_the_connection_to_the_next(void **unused)
{
	struct peer far = { 0 }, near = { 0 };
	struct pool_settings set = { .store = { [FAR] = &far.store, [NEAR] = &near.store } };
	struct pool *p;
	struct link_of link[CHAIN];
	atomic_int begun = 0, handed_on = 0;
	struct job *done;
	int i, n = 0;

	(void)unused;
	store_init(&far.store, &remote);
	store_init(&near.store, &local);
	far.store.max_sessions = 1;
	near.store.max_sessions = 4;
	p = pool_new(&set);
	for (i = 0; i < CHAIN; i++) {
		link[i] = (struct link_of){ .job = { .run = run_link, .needs = { true, true } }, .begun = &begun, .handed_on = &handed_on, .number = i + 1 };
		pool_submit(p, &link[i].job);
	}
	/* What is dropped is what has not begun: all rests come to their end. */
	for (; (done = pool_wait(p)) != NULL; n++) {
		assert_true(((struct link_of *)done)->is_done || done->is_unopened);
		if (n == CHAIN / 2)
			pool_drop(p);
		if (n > CHAIN / 2)
			atomic_fetch_add(&begun, CHAIN);
	}
	assert_int_equal(n, CHAIN);
	assert_true(handed_on > CHAIN / 4);
	assert_int_equal(far.opened, 1);
	pool_free(&p);
}

static int
wake_session(struct session *c, bool asks, struct err *e)
{
	struct peer *p = (struct peer *)c->store;

	p->asked += asks;
	return p->is_ended ? err_set(e, ERR_STORE, "ended meanwhile") : 0;
}

static struct session *last_used;

static int
run_one(struct job *j, struct session *session[SIDES], struct err *e)
{
	struct peer *p = (struct peer *)session[FAR]->store;

	(void)j;
	last_used = session[FAR];
	if (p->breaks_once == 0)
		return 0;
	p->breaks_once--;
	return err_set(e, ERR_STORE, "the line was dead");
}

/* One job in a sync of its own; returns how it ended. */
static int
run_sync(struct pool *p, bool is_repeatable)
{
	struct job j = { .run = run_one, .is_repeatable = is_repeatable, .needs = { [FAR] = true } };
	struct err e;
	int status;

	pool_wake(p);
	status = pool_run(p, &j, &e);
	pool_rest(p);
	return status;
}

static void
sessions_rest_and_wake(void **state)
{
	struct peer far = { .store = { .max_sessions = WIDTH } }, near = { .store = { .max_sessions = WIDTH } };
	struct store_ops ops = remote;
	struct pool_settings set = { .store = { [FAR] = &far.store, [NEAR] = &near.store } };
	struct pool *one, *two;
	struct session *first;

	(void)state;
	ops.wake = wake_session;
	store_init(&far.store, &ops);
	store_init(&near.store, &local);
	one = pool_new(&set);
	two = pool_new(&set);
	assert_int_equal(run_sync(one, true), 0);
	first = last_used;
	/* The same serves both, and is asked first where the job cannot be begun again. */
	assert_int_equal(run_sync(two, true), 0);
	assert_ptr_equal(last_used, first);
	assert_int_equal(far.asked, 0);
	assert_int_equal(run_sync(one, false), 0);
	assert_ptr_equal(last_used, first);
	assert_int_equal(far.asked, 1);
	assert_int_equal(far.opened, 1);
	/* It has ended: another one is opened. */
	far.is_ended = true;
	assert_int_equal(run_sync(one, true), 0);
	assert_int_equal(far.opened, 2);
	far.is_ended = false;
	/* It turns out to be dead: what can be begun again is, once; a session that is new is believed. */
	far.breaks_once = 1;
	assert_int_equal(run_sync(two, true), 0);
	assert_int_equal(far.opened, 3);
	far.breaks_once = 2;
	assert_int_equal(run_sync(two, true), -1);
	assert_int_equal(far.opened, 4);
	assert_int_equal(far.open, 0);
	assert_int_equal(run_sync(two, true), 0);
	far.breaks_once = 1;
	assert_int_equal(run_sync(one, false), -1);
	assert_int_equal(run_sync(one, false), 0);
	pool_free(&one);
	pool_free(&two);
	assert_int_equal(far.open, 1);
	store_send_home(&far.store);
	assert_int_equal(far.open, 0);
}

/* In many syncs, with many workers, and sessions that break: never more than allowed, and none is lost. */
static void
many_syncs(void **state)
{
	struct peer far = { .store = { .max_sessions = WIDTH } }, near = { .store = { .max_sessions = WIDTH } };
	struct pool_settings set = { .store = { [FAR] = &far.store, [NEAR] = &near.store } };
	struct work w[40];
	struct pool *p;
	unsigned i, n;

	(void)state;
	store_init(&far.store, &remote);
	store_init(&near.store, &local);
	p = pool_new(&set);
	for (n = 0; n < 30; n++) {
		pool_wake(p);
		assert_int_equal(near.open, 0);
		for (i = 0; i < sizeof w / sizeof w[0]; i++) {
			w[i] = (struct work){ .job = { .run = run_work, .turns = 9 }, .number = i, .breaks = i == n };
			w[i].job.needs[FAR] = i % 3 != 0;
			w[i].job.needs[NEAR] = i % 3 != 1;
			pool_submit(p, &w[i].job);
		}
		/* What broke off does not wait for those that are under way. */
		if (n % 7 == 6)
			pool_calm(p);
		else
			while (pool_wait(p) != NULL)
				;
		pool_rest(p);
	}
	pool_free(&p);
	store_send_home(&far.store);
	assert_in_range(far.most, 1, WIDTH);
	assert_in_range(far.opened, far.most, far.most + 30);
	assert_int_equal(far.open, 0);
	assert_int_equal(near.open, 0);
}

static void
no_more_sessions_than_allowed(void **state)
{
	struct peer far = { .store = { .max_sessions = WIDTH } };
	struct peer near = { .store = { .max_sessions = WIDTH } };

	(void)state;
	work_through(&far, &near, 0, false);
	assert_in_range(far.most, 1, WIDTH);
	assert_int_equal(far.opened, far.most);
}

static void
sessions_that_break_are_opened_anew(void **state)
{
	struct peer far = { .store = { .max_sessions = WIDTH } };
	struct peer near = { .store = { .max_sessions = WIDTH } };

	(void)state;
	work_through(&far, &near, 7, false);
	assert_in_range(far.most, 1, WIDTH);
	assert_true(far.opened > far.most);
}

static void
refused_sessions_leave_the_work_to_those_there_are(void **state)
{
	struct peer far = { .store = { .max_sessions = WIDTH }, .limit = 2 };
	struct peer near = { .store = { .max_sessions = WIDTH } };

	(void)state;
	work_through(&far, &near, 0, false);
	assert_in_range(far.most, 1, 2);
}

static void
without_threads(void **state)
{
	struct peer far = { .store = { .max_sessions = WIDTH } };
	struct peer near = { .store = { .max_sessions = WIDTH } };

	(void)state;
	work_through(&far, &near, 7, true);
	assert_int_equal(far.most, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_more_sessions_than_allowed),
		cmocka_unit_test(the_rest_of_a_job_leaves_the_connection_to_the_next),
		cmocka_unit_test(sessions_that_break_are_opened_anew),
		cmocka_unit_test(refused_sessions_leave_the_work_to_those_there_are),
		cmocka_unit_test(without_threads),
		cmocka_unit_test(sessions_rest_and_wake),
		cmocka_unit_test(many_syncs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
