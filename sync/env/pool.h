/* Workers and their jobs: the coordinator submits, workers run, the coordinator collects.
 *
 * Each worker owns at most one session per side, opened when its first job needs it. The coordinator
 * is the only one to touch the state; a job carries all it needs and all it found.
 *
 * Use: pool_new -> pool_wake -> pool_submit / pool_wait ... -> pool_rest -> pool_wake ... -> pool_free (waits for running jobs, closes
 * sessions).
 *
 * Invariants:
 *   1. A job is run by one worker at a time; between submit and wait it belongs to the pool.
 *   2. Worker i uses side s only while i < the number of sessions that store allows. Once one more than there are was
 *      refused, those there are go round: a worker takes over the session of an idle one.
 *   3. What is left of a job that needs its sessions no more (`rest`) goes to a thread that has nothing to do where another job waits for
 *      them; else the worker itself does it at once. It is never dropped.
 *   4. Inline pools (no threads) run a job inside pool_wait, chosen by `pick`.
 */
#ifndef SYNC_ENV_POOL_H
#define SYNC_ENV_POOL_H

#include <stdbool.h>
#include <stdint.h>

#include "state/base/err.h"
#include "state/model/side.h"
#include "sync/store/store.h"

struct job {
	/* Runs on a worker. session[s] is NULL for sides not asked for. Fills its own results; returns -1 with *e when
	 * the job as a whole could not be done. A dead session (ERR_STORE) is closed by the pool after. */
	int (*run)(struct job *j, struct session *session[SIDES], struct err *e);
	bool needs[SIDES];
	/* Set by `run` where it returns 0: what is to be done yet, by whatever thread and without sessions, such as waiting for a disk. It is
	 * called as `run` is, and is not to use the sessions it may get. NULL = nothing. */
	int (*rest)(struct job *j, struct session *session[SIDES], struct err *e);
	/* It may be begun again where the session ends at which it was begun: nobody asks such a session first whether it still is there. */
	bool is_repeatable;
	/* What it costs, about, in turns of a talk: nobody dials for a job that gets a session sooner by waiting. */
	unsigned turns;
	/* results */
	int status;
	struct err err;
	enum side err_side;		/* with ERR_STORE from opening a session: whose */
	bool is_unopened;		/* a session could not be opened: the job did nothing */
	/* the pool's */
	struct job *next;
};

struct pool;

struct pool_settings {
	struct store *store[SIDES];
	bool is_inline;
	uint64_t (*pick)(void *ctx, uint64_t n);
	void *pick_ctx;
};

struct pool *pool_new(const struct pool_settings *set);
void pool_free(struct pool **pool);
void pool_submit(struct pool *p, struct job *j);
/* The next finished job; NULL when none is left. */
struct job *pool_wait(struct pool *p);
/* While pool_wait() waits, `tick` is called a few times a second, in the caller's thread. NULL = not. */
void pool_on_wait(struct pool *p, void (*tick)(void *ctx), void *ctx);
/* What is waiting is not run any more: it comes back from pool_wait, not done (ERR_CANCELLED). */
void pool_drop(struct pool *p);
/* What waits is not run any more, what runs is waited for: nobody waits for their results. */
void pool_calm(struct pool *p);
/* Nothing is under way: every session of that side leaves what mailbox it has open. */
void pool_leave(struct pool *p, enum side s);
/* Nothing is under way, and a sync has ended: the sessions are their stores' (store_rest()) until the next one begins, be it another
 * channel's. pool_wake() takes what is there. */
void pool_rest(struct pool *p);
void pool_wake(struct pool *p);
/* How many jobs that need these sides can run at once. */
int pool_width(struct pool *p, const bool needs[SIDES]);

/* Submits one job and waits for it; for the few things done one at a time. Returns j->status, *e = j->err. */
int pool_run(struct pool *p, struct job *j, struct err *e);

#endif
