/* The story of a sync, on one page; each chapter is a folder (sync/README.md).
 *
 *   list both sides, find renames -> take over what mbsync knew -> fetch deltas and record them
 *     -> match: intents, twins, moves, copies -> plan (look.c)
 *     -> if it deletes (R13 second look): ask whether anything moved meanwhile; read that again, and plan anew
 *     -> apply
 *     -> if messages wait for the copy of an equal one: read again what moved, plan anew, apply that
 *     -> read again what was written, so that the base ends knowing what is there
 *     -> if a server gave false keys for it: pair that by what it is
 *
 * A dry run ends with the plan: it reads with EXAMINE and works on a copy of the state.
 *
 * Where only what has news was looked at, and deletions follow from it, it begins again with all mailboxes. So it does where a message is to be
 * deleted after its placeholder.
 */
#include "sync/channel_end.h"
#include "sync/chapters.h"
#include "sync/handover/handover.h"
#include "sync/look.h"

static bool
is_any(void *ctx, uint32_t op)
{
	(void)ctx, (void)op;
	return true;
}

/* Plans and carries out, slice by slice. *waiting_r: messages wait for the copy of an equal one. */
static int
carry_out(struct env *env, bool is_second, size_t *waiting_r, struct err *e)
{
	struct look v = { 0 };
	struct second_look done = { .has_deletions = is_second, .copies = is_second ? LOOKS_MOST : 0 };
	bool is_moved;
	int status;

	match_anew(env);
	for (;;) {
		is_moved = false;
		status = look_make(env, &v, !is_second && !env->set->is_dry, e);
		env->apply_state->lists_again |= v.lists_again;
		if (status == 0 && v.wants_all) {
			env->news = NULL;
			look_release(&v);
			return 0;
		}
		if (status == 0 && env->set->is_dry) {
			report_plan(env, &v.in, &v.plan);
			acts_tell(env, &v.in, &v.plan, is_any, NULL, NULL);
		} else if (status == 0)
			status = look_again(env, &v.plan, &done, &is_moved, e);
		if (status == 0 && !env->set->is_dry && !is_moved) {
			*waiting_r += v.waiting;
			if (uploads_identify(env, &v.matching, &v.plan, e) < 0 || uidnext_learn(env, &v.in, &v.plan, e) < 0 ||
			    apply(env, &v.matching, &v.in, &v.plan, e) < 0 || week_keep(env, e) < 0)
				status = -1;
			env->apply_state->has_upgraded |= !is_second && v.plan.awaits_placeholder && v.plan.ops.n != 0;
		}
		look_release(&v);
		if (status < 0 || (!is_moved && (!env->match_state->has_more || env->apply_state->is_over_limit)))
			return status;
		if (is_moved)
			match_anew(env);
		else
			match_further(env);
	}
}

/* What was under way when sessions ended is looked for (R11), once the server has taken in what was on its way. */
static int
await_outcomes(struct env *env, struct err *e)
{
	env->apply_state->looks_again = false;
	return wait_after_crash(env, e) < 0 ? -1 : recover_begin(env, e);
}

/* What came from a source that does not keep all, and has been seen on the other side by now, may go from there (P20). */
static bool
has_fetched(const struct env *env)
{
	bool has = false;
	int s;

	for (s = 0; s < SIDES; s++)
		has |= env->set->store[s]->ops->is_source && env->set->policy.source[s].leave.kind == LEAVE_NONE &&
		    env->report->side[side_other((enum side)s)].added > 0;
	return has;
}

/* What was written has been read. What came without its key is paired, so that a flag changed there later is a change;
 * and what lacks flags that it was to have gets them. */
static int
fill_up(struct env *env, struct err *e)
{
	static const bool none[SIDES] = { false, false };
	size_t waiting = 0;

	if (carry_out(env, false, &waiting, e) < 0)
		return -1;
	return closings_record(env, e) < 0 || boxes_refresh(env, none, e) < 0 || fetch_changes(env, e) < 0 || recover(env, e) < 0 ? -1 : 0;
}

static int
synchronise(struct env *env, struct err *e)
{
	static const bool both[SIDES] = { true, true }, none[SIDES] = { false, false };
	const struct channel_names *news = env->news;
	size_t waiting = 0;
	int status = carry_out(env, false, &waiting, e);

	if (status == 0 && env->news != news)
		return 0;
	if (status == 0 && env->set->is_dry && !env->set->policy.retry_failed)
		status = refused_tell(env, e);
	if (status == 0 && env->set->is_dry && (shared_tell(env, e) < 0 || recover_count(env, e) < 0 || unread_count(env, e) < 0 || waiting_tell(env, e) < 0))
		status = -1;
	if (status < 0 || env->set->is_dry)
		return status;
	/* What a move left behind for others' sake may go now. isolate.h bounds how often sessions are lost. */
	while (waiting > 0 || env->apply_state->has_left || env->apply_state->looks_again || env->apply_state->has_upgraded) {
		waiting = 0;
		env->apply_state->has_upgraded = false;
		env->apply_state->has_left = false;
		closings_drop(env);
		if ((env->apply_state->looks_again && await_outcomes(env, e) < 0) || boxes_refresh(env, both, e) < 0 || fetch_changes(env, e) < 0 ||
		    carry_out(env, true, &waiting, e) < 0)
			return -1;
		/* Each placeholder once: it is told of, replaced, removed. */
		if (!env->apply_state->looks_again && !env->apply_state->has_upgraded)
			break;
	}
	/* Lists may be long, and what slices of the plan took is of other sizes. */
	if (env->match_state->is_further)
		mem_trim();
	/* What has found its twin by now needs no intent any more. */
	if (closings_record(env, e) < 0 || boxes_refresh(env, none, e) < 0 || fetch_changes(env, e) < 0 || recover(env, e) < 0 ||
	    recover_count(env, e) < 0 || left_out_count(env, e) < 0 || unread_count(env, e) < 0 || culprits_tell(env, e) < 0 || waiting_tell(env, e) < 0)
		return -1;
	/* What was told falsely is paired with what it is before anybody builds on it. */
	if ((env->observe_state->is_short || env->observe_state->has_doubts || has_fetched(env)) && fill_up(env, e) < 0)
		return -1;
	return refused_count(env, e);
}

/* From the list of mailboxes on. Once more where a rename was refused, for then they are paired otherwise; and where all are to be looked at
 * after all. */
static int
run_all(struct env *env, struct err *e)
{
	enum { TURNS = 4 };
	const struct channel_names *news = env->news;
	int turn, s, status;

	for (turn = 0; turn == 0 || ((env->apply_state->lists_again || env->news != news) && turn < TURNS); turn++) {
		if (env->news != news && asks_set(env, e) < 0)
			return -1;
		env->apply_state->lists_again = false;
		env->apply_state->lost_box = (struct err){ 0 };
		look_listed(env);
		env->boxes.n = env->boxes_state->contested.n = 0;
		for (s = 0; s < SIDES; s++)
			listing_release(&env->boxes_state->listing[s]);
		memset(env->boxes_state->listing, 0, sizeof env->boxes_state->listing);
		if (boxes_list(env, e) < 0 || (env->set->purpose != CHANNEL_EXPORT && handover_take(env, e) < 0) || boxes_judge(env, e) < 0)
			return -1;
		news = env->news;
		if (env->set->purpose == CHANNEL_IMPORT)
			return 0;
		if (env->set->purpose == CHANNEL_EXPORT)
			return fetch_changes(env, e) < 0 ? -1 : handover_give(env, e);
		if (kept_retry(env, e) < 0 || wait_after_crash(env, e) < 0 || fetch_changes(env, e) < 0)
			return -1;
		replaced_tell(env);
		status = synchronise(env, e);
		kept_tell(env);
		if (status < 0)
			return -1;
	}
	if (env->apply_state->lists_again && *env->apply_state->lost_box.text != '\0')
		report_err(env, NULL, &env->apply_state->lost_box);
	report_parts(env);
	report_passed(env);
	report_nothing(env);
	return 0;
}

/* The run broke off: what it has found is told all the same. */
static void
tell_rest(struct env *env)
{
	struct err unseen;

	env->is_ending = true;
	if ((env->culprits.n == 0 && env->waiting.n == 0) || state_begin(env->state, &unseen) < 0)
		return;
	if (culprits_tell(env, &unseen) == 0)
		(void)waiting_tell(env, &unseen);
	state_abort(env->state);
}

static int
check_windows(struct env *env, struct err *e)
{
	return window_check_setting(env, FAR, e) < 0 || window_check_setting(env, NEAR, e) < 0 ? -1 : 0;
}

struct open_channel {
	const struct channel *set;
	struct state *state;
	struct pool *pool;
};

int
channel_open(const struct channel *set, struct open_channel **c_r, struct err *e)
{
	const struct pool_settings ps = { .store = { set->store[FAR], set->store[NEAR] }, .is_inline = set->is_inline,
		.pick = set->pick, .pick_ctx = set->pick_ctx };
	struct open_channel *c = mem_alloc(sizeof *c);
	int s;

	c->set = set;
	c->state = set->open_state;
	if (c->state == NULL && state_open(&set->state, &c->state, e) < 0) {
		free(c);
		return -1;
	}
	c->pool = pool_new(&ps);
	for (s = 0; s < SIDES; s++)
		set->store[s]->channels++;
	*c_r = c;
	return 0;
}

/* One sync, on what is open. */
static int
sync_once(struct open_channel *c, const struct channel *set, const struct channel_names *news, const struct run_events *ev,
    struct channel_report *report_r, struct err *e)
{
	struct chapters run;
	struct env *env = chapters_begin(&run, set, ev, report_r);
	int status;

	*report_r = (struct channel_report){ 0 };
	env->state = c->state;
	env->pool = c->pool;
	pool_on_wait(env->pool, ev != NULL && ev->progress != NULL ? report_progress : NULL, env);
	/* A channel of one mailbox looks at that anyway. */
	env->news = set->patterns.n > 0 ? news : NULL;
	status = state_begin(env->state, e);
	if (status == 0) {
		if (recover_begin(env, e) < 0 || chapters_recall(env, e) < 0 || asks_set(env, e) < 0 || check_windows(env, e) < 0 ||
		    run_all(env, e) < 0 || chapters_remember(env, e) < 0)
			status = -1;
		state_abort(env->state);
		if (status < 0)
			tell_rest(env);
	}
	if (status < 0)
		report_err(env, NULL, e);
	channel_end_keep(env, status, e);
	acts_end(env);
	chapters_end(env);
	pool_on_wait(c->pool, NULL, NULL);
	return status;
}

int
channel_sync(struct open_channel *c, int64_t now, const struct channel_names *news, const struct run_events *ev,
    struct channel_report *report_r, struct err *e)
{
	struct channel set = *c->set;
	int status;

	set.now = now;
	pool_wake(c->pool);
	status = sync_once(c, &set, news, ev, report_r, e);
	pool_rest(c->pool);
	return status;
}

void
channel_close(struct open_channel **c_p)
{
	struct open_channel *c = *c_p;
	struct store *store;
	int s;

	if (c == NULL)
		return;
	*c_p = NULL;
	pool_free(&c->pool);
	for (s = 0; s < SIDES; s++) {
		store = c->set->store[s];
		if (--store->channels == 0)
			store_send_home(store);
	}
	if (c->set->open_state == NULL)
		state_close(&c->state);
	free(c);
}

int
channel_run(const struct channel *set, const struct run_events *ev, struct channel_report *report_r,
    struct err *e)
{
	struct open_channel *c;
	int status;

	*report_r = (struct channel_report){ 0 };
	if (channel_open(set, &c, e) < 0) {
		channel_end_failed(set, e, report_r);
		return -1;
	}
	status = sync_once(c, set, NULL, ev, report_r, e);
	channel_close(&c);
	return status;
}
