/* Asks for the delta of every mailbox that wants one, and has the answers recorded (record_changes.c).
 *
 * A job asks for several mailboxes, so that an adapter can pipeline them. Jobs are spread over the workers that a store allows, and both
 * stores work at the same time. What a full list did not show goes back to the store in a second job, to be confirmed, before it counts
 * as gone (R4 stable scans).
 */
#include "sync/observe/observe.h"

#include "state/base/log.h"

enum { BOXES_PER_JOB = 64 };

enum gather_kind { GATHER_DELTA, GATHER_CONFIRM };

struct fetch_job {
	struct job job;
	enum gather_kind kind;
	enum side side;
	bool is_readonly;
	size_t n;
	uint32_t *index;		/* of env.boxes */
	struct delta *delta;
	struct run_look *look;		/* NULL = not wanted */
	struct reading *reading;	/* under way, in the flight of what was written */
	int status;			/* of that */
	/* GATHER_CONFIRM: of delta[0] */
	struct changes_missing missing;
	bool *gone;
};

static int
run_delta(struct job *j, struct session *session[SIDES], struct err *e)
{
	struct fetch_job *g = (struct fetch_job *)j;
	struct session *c = session[g->side];
	struct delta_look ask;
	int status;

	if (g->look == NULL)
		return c->store->ops->delta(c, g->delta, g->n, g->is_readonly, NULL, e);
	ask = (struct delta_look){ .boxes = g->look->boxes.at, .n = g->look->boxes.n };
	status = c->store->ops->delta(c, g->delta, g->n, g->is_readonly, &ask, e);
	g->look->is_answered = ask.is_answered && status == 0;
	return status;
}

static int
run_confirm(struct job *j, struct session *session[SIDES], struct err *e)
{
	struct fetch_job *g = (struct fetch_job *)j;
	struct session *c = session[g->side];

	return c->store->ops->confirm_gone(c, g->delta[0].box, g->missing.keys.at, g->missing.keys.n, g->gone, e);
}

static void
free_job(struct fetch_job *g)
{
	size_t i;

	for (i = 0; i < g->n; i++)
		delta_release(&g->delta[i]);
	vec_release(&g->missing.keys);
	arena_release(&g->missing.arena);
	free(g->gone);
	free(g->index);
	free(g->delta);
	free(g);
}

static struct fetch_job *
new_job(enum gather_kind kind, enum side side, size_t room)
{
	struct fetch_job *g = mem_alloc(sizeof *g);

	g->kind = kind;
	g->side = side;
	g->job.run = kind == GATHER_DELTA ? run_delta : run_confirm;
	g->job.needs[side] = true;
	g->index = mem_alloc((room + 1) * sizeof *g->index);
	g->delta = mem_alloc((room + 1) * sizeof *g->delta);
	return g;
}

/* False: it is to be listed in full. */
static bool
has_since(const struct run_box *b, enum side s)
{
	return b->side[s].sight != SIGHT_WANTED_IN_FULL && b->rec.id != 0 && b->rec.side[s].is_known && b->rec.side[s].cursor.epoch != 0;
}

static void
add_question(struct fetch_job *g, const struct env *env, uint32_t index, atomic_ullong *heard)
{
	const struct run_box *b = &env->boxes.at[index];
	const struct box_side *bs = &b->rec.side[g->side];

	delta_init(&g->delta[g->n], b->side[g->side].on, has_since(b, g->side) ? &bs->cursor : NULL);
	if (b->rec.id != 0 && bs->is_known)
		g->delta[g->n].before = bs->cursor;
	g->delta[g->n].wants_dates = limit_needs_dates(&env->set->policy.limit, g->side);
	g->delta[g->n].is_decided = b->allow_delete || b->restore;
	g->delta[g->n].known = bs->here;
	g->delta[g->n].heard = heard;
	if (b->side[g->side].listed->has_cursor)
		g->delta[g->n].listed = b->side[g->side].listed->cursor;
	g->job.turns += has_since(b, g->side) ? 0 : 1;
	g->index[g->n++] = index;
}

/* What the base holds at this moment, against which a list of flags may be held while it streams by. Of the flight that
 * follows what is written the base is not known yet. */
static void
add_digest(struct fetch_job *g, struct env *env, const struct run_box *b)
{
	struct delta *d = &g->delta[g->n - 1];
	struct arena a = { 0 };
	struct box_record now;
	struct err unseen;

	/* Not before it was listed in full once: that is more than no change. */
	if (d->has_since && !d->since.is_steady && b->rec.side[g->side].listed != 0 && box_get(env->state, &a, b->rec.id, &now, &unseen) > 0) {
		d->has_digest = now.side[g->side].has_digest;
		d->digest = now.side[g->side].digest;
		d->known = now.side[g->side].here;
	}
	arena_release(&a);
}

static size_t
count_wanted(const struct env *env, enum side s)
{
	size_t i, n = 0;

	for (i = 0; i < env->boxes.n; i++)
		n += sight_is_wanted(&env->boxes.at[i].side[s]);
	return n;
}

/* How many mailboxes a job gets: all workers have some, none too many; but changes are few, and of many mailboxes one
 * flight over one connection, where the list of all there is keeps one busy. */
static size_t
find_share(struct env *env, enum side s, size_t want)
{
	enum { FULL_WEIGHT = 32 };
	const bool needs[SIDES] = { s == FAR, s == NEAR };
	size_t i, full = 0, share, jobs = (size_t)pool_width(env->pool, needs);
	const struct run_box *b;

	for (i = 0; i < env->boxes.n; i++) {
		b = &env->boxes.at[i];
		full += sight_is_wanted(&b->side[s]) && !has_since(b, s);
	}
	share = (want + full * FULL_WEIGHT) / BOXES_PER_JOB + 1;
	if (!env->set->store[s]->ops->is_local && share < jobs)
		jobs = share;
	share = (want + jobs - 1) / jobs;
	return share > BOXES_PER_JOB ? BOXES_PER_JOB : share;
}

/* R13 second look: one request for all that is wanted may ask for the cursors of the others as well, at its end. Mailboxes that are
 * read for the first time are no others. */
static void
look_along(struct env *env, struct fetch_job *g, bool is_only)
{
	struct run_look *look = &env->look[g->side];
	size_t i;

	if (!is_only || env->set->is_dry || env->set->store[g->side]->ops->is_local)
		return;
	for (i = 0; i < g->n; i++)
		if (!g->delta[i].has_since)
			return;
	look->boxes.n = look->index.n = 0;
	boxes_to_look_at(env, g->side, look);
	g->look = look;
}

static struct isolate_item
item_of(enum side s, size_t index)
{
	return (struct isolate_item){ WORK_DELTA, s, index };
}

/* How many mailboxes may share a job with this one, of those lost with it. */
static size_t
find_most(const struct env *env, enum side s, size_t index, size_t per, uint32_t *group_r)
{
	size_t most = isolate_most(&env->isolate, item_of(s, index), group_r);

	return most != 0 && most < per ? most : per;
}

static void
submit_side(struct env *env, enum side s)
{
	size_t i, want = count_wanted(env, s), left = want, per = find_share(env, s, want);
	struct fetch_job *g = NULL;
	uint32_t group = UINT32_MAX, other;

	env->look[s].is_answered = false;
	for (i = 0; i < env->boxes.n; i++) {
		if (!sight_is_wanted(&env->boxes.at[i].side[s]))
			continue;
		(void)find_most(env, s, i, per, &other);
		if (g != NULL && other != group) {
			pool_submit(env->pool, &g->job);
			g = NULL;
		}
		if (g == NULL)
			g = new_job(GATHER_DELTA, s, per);
		group = other;
		g->is_readonly = env->set->is_dry;
		add_question(g, env, (uint32_t)i, &env->arriving.heard);
		add_digest(g, env, &env->boxes.at[i]);
		left--;
		if (g->n < find_most(env, s, i, per, &group) && left > 0)
			continue;
		look_along(env, g, g->n == want);
		pool_submit(env->pool, &g->job);
		g = NULL;
	}
}

/* A mailbox that could not be read is read in the next run, even if its cursor stands: that does not show a change which was answered with
 * OK and not made (R16). */
static int
box_failed(struct env *env, struct run_box *b, enum side s, const struct err *why, struct err *e)
{
	struct err named = *why;
	struct cursor *cursor = &b->rec.side[s].cursor;

	sight_worsen(&b->side[s], SIGHT_FAILED);
	report_err(env, b->name, &named);
	if (!b->is_excluded)
		env->report->failed++;
	if (b->rec.id == 0 || !cursor->is_steady)
		return 0;
	cursor->is_steady = false;
	return box_put(env->state, &b->rec, e);
}

/* A question on what a list did not show, in a job of its own that takes the delta over. */
static void
submit_confirm(struct env *env, struct fetch_job *from, size_t i, struct changes_missing *missing)
{
	struct fetch_job *g = new_job(GATHER_CONFIRM, from->side, 1);

	g->delta[0] = from->delta[i];
	from->delta[i] = (struct delta){ 0 };
	g->index[0] = from->index[i];
	g->n = 1;
	g->missing = *missing;
	g->gone = mem_alloc(missing->keys.n * sizeof *g->gone);
	pool_submit(env->pool, &g->job);
}

static int
fold_one(struct env *env, struct fetch_job *g, size_t i, struct err *e)
{
	struct run_box *b = &env->boxes.at[g->index[i]];
	struct changes_missing missing = { 0 };
	struct delta *d = &g->delta[i];
	int status;

	if (d->status < 0)
		return box_failed(env, b, g->side, &d->err, e);
	log_line(LOG_RUN, "%s %s: %s, %zu entries, %zu vanished%s", side_name(g->side), d->box,
	    d->kind == DELTA_FULL ? "full list" : "changes", d->entries.n, d->vanished.n,
	    d->is_complete ? "" : ", not complete");
	status = changes_record(env, b, g->side, d, &missing, e);
	if (status == 0 && sight_has_failed(&b->side[g->side])) {
		/* Held by the guard against changed stores: said there. */
	} else if (status == 0 && missing.keys.n > 0 && (env->set->store[g->side]->can & STORE_CONFIRM_GONE)) {
		submit_confirm(env, g, i, &missing);
		return 0;
	} else if (status == 0) {
		status = changes_finish(env, b, g->side, d, &missing, NULL, true, e);
	}
	vec_release(&missing.keys);
	arena_release(&missing.arena);
	return status;
}

static int
fold_confirmed(struct env *env, struct fetch_job *g, struct err *e)
{
	struct run_box *b = &env->boxes.at[g->index[0]];
	bool is_certain = true;
	size_t i;

	if (g->job.status < 0) {
		report_err(env, b->name, &g->job.err);
		memset(g->gone, 0, g->missing.keys.n * sizeof *g->gone);
	}
	for (i = 0; i < g->missing.keys.n; i++)
		is_certain &= g->gone[i];
	return changes_finish(env, b, g->side, &g->delta[0], &g->missing, g->gone, is_certain, e);
}

static bool
is_unanswered(const struct fetch_job *g, size_t i)
{
	return g->job.status < 0 && g->delta[i].status == 0 && g->delta[i].cursor.epoch == 0;
}

/* A session died: what it had answered still counts, the rest is asked for once more over another; a mailbox at which sessions
 * die is left out of this run; and the run ends where no session can be had at all. */
static int
session_lost(struct env *env, struct fetch_job *g, struct err *e)
{
	VEC(struct isolate_item) lost = { 0 };
	struct isolate *x = &env->isolate;
	bool goes_on;
	size_t i;
	int status = 0;

	for (i = 0; i < g->n && !g->job.is_unopened; i++)
		if (is_unanswered(g, i))
			vec_push(&lost, item_of(g->side, g->index[i]));
	goes_on = !g->job.is_unopened && isolate_lost(x, g->side, lost.at, lost.n, &g->job.err) && g->job.err.retry != ERR_NEVER;
	if (!goes_on) {
		*e = g->job.err;
		status = err_widen(e, ERR_STORE);
	}
	for (i = 0; i < lost.n && status == 0; i++) {
		/* All others are wanted still. */
		if (isolate_is_culprit(x, lost.at[i]))
			status = box_failed(env, &env->boxes.at[lost.at[i].id], g->side, &g->job.err, e);
	}
	if (status == 0)
		log_line(LOG_RUN, "lost with %zu mailboxes, will be tried again: %s", lost.n, g->job.err.text);
	vec_release(&lost);
	return status;
}

static int
fold_job(struct env *env, struct fetch_job *g, struct err *e)
{
	size_t i;

	if (g->kind == GATHER_CONFIRM)
		return fold_confirmed(env, g, e);
	if (g->job.status < 0 && session_lost(env, g, e) < 0)
		return -1;
	for (i = 0; i < g->n; i++) {
		if (is_unanswered(g, i))
			continue;
		isolate_done(&env->isolate, item_of(g->side, g->index[i]));
		if (fold_one(env, g, i, e) < 0)
			return -1;
		delta_release(&g->delta[i]);
	}
	return 0;
}

/* ---- in the flight of what was written ---- */

struct fetch_job *
closing_new(struct env *env, enum side s, const bool *is_written)
{
	struct fetch_job *g;
	size_t i, n = 0;

	if (!(env->set->store[s]->can & STORE_DELTA_BEGIN))
		return NULL;
	for (i = 0; i < env->boxes.n; i++) {
		if (is_written[i] && (!has_since(&env->boxes.at[i], s) || env->boxes.at[i].side[s].listed == NULL))
			return NULL;
		n += is_written[i];
	}
	if (n == 0)
		return NULL;
	g = new_job(GATHER_DELTA, s, n);
	for (i = 0; i < env->boxes.n; i++)
		if (is_written[i])
			add_question(g, env, (uint32_t)i, NULL);
	g->status = -1;
	return g;
}

void
closing_begin(struct fetch_job *g, struct session *c)
{
	struct err unseen;

	g->status = c->store->ops->delta_begin(c, g->delta, g->n, &g->reading, &unseen);
}

void
closing_end(struct fetch_job *g, struct session *c)
{
	struct err unseen;

	if (g->reading != NULL && c->store->ops->delta_end(&g->reading, &unseen) < 0)
		g->status = -1;
}

void
closing_free(struct fetch_job **g)
{
	if (*g != NULL)
		free_job(*g);
	*g = NULL;
}

void
closing_keep(struct env *env, struct fetch_job **g)
{
	struct run_side *rs;
	size_t i;

	for (i = 0; i < (*g)->n && (*g)->status == 0; i++) {
		rs = &env->boxes.at[(*g)->index[i]].side[(*g)->side];
		if ((*g)->delta[i].status < 0)
			continue;
		if (rs->sight == SIGHT_WRITTEN)
			rs->sight = SIGHT_CURRENT;
		rs->closing = &(*g)->delta[i];
	}
	vec_push(&env->observe_state->closings, *g);
	*g = NULL;
}

int
closings_record(struct env *env, struct err *e)
{
	struct fetch_job *g;
	struct run_side *rs;
	size_t i, k;

	for (i = 0; i < env->observe_state->closings.n; i++) {
		g = env->observe_state->closings.at[i];
		for (k = 0; k < g->n; k++) {
			rs = &env->boxes.at[g->index[k]].side[g->side];
			if (rs->closing == &g->delta[k] && rs->sight == SIGHT_CURRENT && fold_one(env, g, k, e) < 0)
				return -1;
			if (rs->closing == &g->delta[k])
				rs->closing = NULL;
		}
	}
	closings_drop(env);
	return 0;
}

void
closings_drop(struct env *env)
{
	struct run_side *rs;
	size_t i, k;

	for (i = 0; i < env->observe_state->closings.n; i++) {
		for (k = 0; k < env->observe_state->closings.at[i]->n; k++) {
			rs = &env->boxes.at[env->observe_state->closings.at[i]->index[k]].side[env->observe_state->closings.at[i]->side];
			if (rs->closing != NULL)
				sight_worsen(rs, SIGHT_WRITTEN);
			rs->closing = NULL;
		}
		free_job(env->observe_state->closings.at[i]);
	}
	env->observe_state->closings.n = 0;
}

bool
fetch_is_wanted(const struct env *env)
{
	return count_wanted(env, FAR) + count_wanted(env, NEAR) > 0;
}

/* Mailboxes of which either side is wanted. */
static void
count_unread(struct env *env)
{
	size_t i, n = 0;

	for (i = 0; i < env->boxes.n; i++)
		n += sight_is_wanted(&env->boxes.at[i].side[FAR]) || sight_is_wanted(&env->boxes.at[i].side[NEAR]);
	env->progress.boxes_unread = n;
	report_progress(env);
}

static int
gather_once(struct env *env, struct err *e)
{
	struct job *j;
	int s, status = 0;

	count_unread(env);
	for (s = 0; s < SIDES; s++)
		submit_side(env, (enum side)s);
	while ((j = pool_wait(env->pool)) != NULL) {
		if (status == 0)
			status = env_check_cancel(env, e);
		if (status == 0 && (status = fold_job(env, (struct fetch_job *)j, e)) < 0)
			pool_drop(env->pool);
		free_job((struct fetch_job *)j);
		count_unread(env);
	}
	return status;
}

int
fetch_changes(struct env *env, struct err *e)
{
	enum { TURNS = 3 };		/* changes, then a full list where they did not add up, once more for luck */
	unsigned turn;

	for (turn = 0; turn < TURNS + env->isolate.side[FAR].all + env->isolate.side[NEAR].all && fetch_is_wanted(env); turn++)
		if (gather_once(env, e) < 0)
			return -1;
	return state_commit(env->state, e) < 0 || state_begin(env->state, e) < 0 ? -1 : 0;
}
