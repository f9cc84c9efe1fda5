/* The story of a run, on one page; each chapter is a folder (sync/README.md).
 *
 *   open the state -> list both sides, find renames -> take over what mbsync knew -> fetch deltas and record them -> match: intents, twins, moves, copies -> plan
 *     -> if it deletes (R13 second look): ask whether anything moved meanwhile; read that again, and plan anew
 *     -> apply
 *     -> if messages wait for the copy of an equal one: read again what moved, plan anew, apply that
 *     -> read again what was written, so that the base ends knowing what is there
 *     -> if a server gave false keys for it: pair that by what it is
 *
 * A dry run ends with the plan: it reads with EXAMINE and works on a copy of the state.
 */
#include "sync/apply/apply.h"

#include "state/base/log.h"
#include "sync/handover/handover.h"

/* One look at the base: what is to be done. */
struct view {
	struct arena arena;
	struct matching matching;
	struct plan_input in;
	struct plan plan;
	size_t waiting;			/* messages for the next look: copies.c */
};

static void
view_release(struct view *v)
{
	plan_release(&v->plan);
	plan_input_release(&v->in);
	matching_release(&v->matching);
	arena_release(&v->arena);
}

static void
tell_notes(struct env *env, const struct plan *p)
{
	size_t i;

	for (i = 0; i < p->notes.n; i++)
		report_note(env, p->notes.at[i].level, p->notes.at[i].box == UINT32_MAX ? NULL :
		    env->boxes.at[p->notes.at[i].box].name, arena_strdup(&env->arena, p->notes.at[i].text));
	if (!env->match_state->is_further)
		env->report->held = env->boxes_state->held;
	for (i = 0; i < p->ops.n; i++)
		env->report->held += p->ops.at[i].is_held && !op_is_state_only(p->ops.at[i].kind);
}

/* A guard stays up until somebody decides, whatever arrives meanwhile. */
static int
remember_held(struct env *env, const struct plan *p, struct err *e)
{
	bool (*held)[SIDES] = mem_alloc((env->boxes.n + 1) * sizeof *held);
	struct run_box *b;
	size_t i;
	int s, status = 0;

	for (i = 0; i < p->ops.n; i++)
		if (op_is_guarded(&p->ops.at[i]))
			held[p->ops.at[i].box][side_other(p->ops.at[i].side)] = true;
	for (i = 0; i < env->boxes.n && status == 0; i++) {
		b = &env->boxes.at[i];
		if (b->rec.id == 0 || (b->rec.side[FAR].was_held == held[i][FAR] &&
		    b->rec.side[NEAR].was_held == held[i][NEAR]))
			continue;
		for (s = 0; s < SIDES; s++)
			b->rec.side[s].was_held = held[i][s];
		status = box_put(env->state, &b->rec, e);
	}
	free(held);
	return status;
}

static int
look(struct env *env, struct view *v, bool may_wait, struct err *e)
{
	const char *fault;

	*v = (struct view){ 0 };
	if (match(env, may_wait, &v->matching, &v->arena, &v->waiting, e) < 0)
		return -1;
	matching_end(&v->matching, &v->in);
	plan_make(&v->in, &v->plan);
	log_line(LOG_RUN, "plan: %zu operations for %zu messages not settled", v->plan.ops.n, v->in.messages.n);
	fault = plan_checked != NULL && v->in.messages.n <= 2000 ? plan_checked(&v->in, &v->plan, &v->arena) : NULL;
	if (fault != NULL)
		return err_class(e, ERR_STORE, ERR_FAILED, ERR_NEVER, "channel %s: this plan breaks a rule and is not "
		    "carried out, please report it: %s", env->set->name, fault);
	tell_notes(env, &v->plan);
	report_readonly(env, &v->in);
	return remember_held(env, &v->plan, e) < 0 || window_remember(env, &v->plan, e) < 0 ? -1 : 0;
}

/* What a second look is still needed for: deletions once a run (R13); copies between two accounts each time, for others may be sending
 * the same. A slice that is unmoved starts the count anew, unless nothing was sent since one was moved, and all began again: of what
 * cannot be sent that would have no end. */
struct second_look {
	bool has_deletions;
	int copies;
	bool was_moved;
	uint64_t sent;			/* by then */
};
enum { LOOKS_MOST = 8 };		/* in a row, where somebody writes all the time */

static void
count_look(const struct env *env, bool is_moved, struct second_look *done)
{
	uint64_t sent = env->report->side[FAR].added + env->report->side[NEAR].added;

	if (is_moved) {
		done->was_moved = true;
		done->sent = sent;
	} else if (!done->was_moved || done->sent != sent) {
		done->was_moved = false;
		done->copies = 0;
	}
}

static bool
is_between_accounts(const struct env *env)
{
	return env->set->store[FAR]->ops->has_uid_keys && env->set->store[NEAR]->ops->has_uid_keys;
}

/* Before anything is deleted for being gone from the other side, that side's mailboxes are looked at again, and those that moved since
 * they were read are read again: what was moved there meanwhile is not gone (R13). Likewise the side that something is sent to, where
 * nothing keeps another program from sending the same. *is_moved_r: it showed something, and the plan is to be made anew. */
static int
look_again(struct env *env, const struct plan *p, struct second_look *done, bool *is_moved_r, struct err *e)
{
	bool looks[SIDES] = { false, false }, has_deletions = false, has_copies = false;
	const struct op *op;
	size_t i;

	for (i = 0; i < p->ops.n; i++) {
		op = &p->ops.at[i];
		if (!op->is_held && op_is_deletion(op) && !done->has_deletions)
			looks[side_other(op->side)] = has_deletions = true;
		if (!op->is_held && op->kind == OP_COPY && done->copies < LOOKS_MOST && is_between_accounts(env))
			looks[op->side] = has_copies = true;
	}
	if (!looks[FAR] && !looks[NEAR])
		return 0;
	done->has_deletions |= has_deletions;
	done->copies += has_copies;
	if (boxes_refresh(env, looks, e) < 0)
		return -1;
	*is_moved_r = fetch_is_wanted(env);
	count_look(env, *is_moved_r, done);
	return fetch_changes(env, e);
}

/* Plans and carries out, slice by slice. *waiting_r: messages wait for the copy of an equal one. */
static int
carry_out(struct env *env, bool is_second, size_t *waiting_r, struct err *e)
{
	struct view v = { 0 };
	struct second_look done = { .has_deletions = is_second, .copies = is_second ? LOOKS_MOST : 0 };
	bool is_moved;
	int status;

	match_anew(env);
	for (;;) {
		is_moved = false;
		status = look(env, &v, !is_second && !env->set->is_dry, e);
		if (status == 0 && env->set->is_dry)
			report_plan(env, &v.in, &v.plan);
		else if (status == 0)
			status = look_again(env, &v.plan, &done, &is_moved, e);
		if (status == 0 && !env->set->is_dry && !is_moved) {
			*waiting_r += v.waiting;
			if (uploads_identify(env, &v.matching, &v.plan, e) < 0 || uidnext_learn(env, &v.in, &v.plan, e) < 0 ||
			    apply(env, &v.matching, &v.in, &v.plan, e) < 0 || week_keep(env, e) < 0)
				status = -1;
		}
		view_release(&v);
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
	size_t waiting = 0;
	int status = carry_out(env, false, &waiting, e);

	if (status == 0 && env->set->is_dry && !env->set->policy.retry_failed)
		status = refused_tell(env, e);
	if (status == 0 && env->set->is_dry && (shared_tell(env, e) < 0 || unread_count(env, e) < 0 || waiting_tell(env, e) < 0))
		status = -1;
	if (status < 0 || env->set->is_dry)
		return status;
	/* What a move left behind for others' sake may go now. isolate.h bounds how often sessions are lost. */
	while (waiting > 0 || env->apply_state->has_left || env->apply_state->looks_again) {
		waiting = 0;
		env->apply_state->has_left = false;
		closings_drop(env);
		if ((env->apply_state->looks_again && await_outcomes(env, e) < 0) || boxes_refresh(env, both, e) < 0 || fetch_changes(env, e) < 0 ||
		    carry_out(env, true, &waiting, e) < 0)
			return -1;
		if (!env->apply_state->looks_again)
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
	if ((env->observe_state->is_short || env->observe_state->has_doubts) && fill_up(env, e) < 0)
		return -1;
	return refused_count(env, e);
}

/* What the servers showed of themselves is kept for the next opening (R24). */
static int
remember_stores(struct env *env, struct err *e)
{
	static const char *const names[SIDES] = { "server.far", "server.near" };
	const struct store *store;
	const char *was, *is;
	int s;

	for (s = 0; s < SIDES; s++) {
		store = env->set->store[s];
		is = store->ops->memory_save(env->set->store[s], &env->arena);
		was = NULL;
		if (memory_get(env->state, &env->arena, names[s], &was, e) < 0)
			return -1;
		if (is != NULL && (was == NULL || strcmp(was, is) != 0) &&
		    memory_put(env->state, names[s], is, e) < 0)
			return -1;
	}
	return state_commit(env->state, e) < 0 || state_begin(env->state, e) < 0 ? -1 : 0;
}

static int
check_windows(struct env *env, struct err *e)
{
	return window_check_setting(env, FAR, e) < 0 || window_check_setting(env, NEAR, e) < 0 ? -1 : 0;
}

static int
recall_stores(struct env *env, struct err *e)
{
	static const char *const names[SIDES] = { "server.far", "server.near" };
	const char *memory;
	int s;

	for (s = 0; s < SIDES; s++) {
		env->set->store[s]->is_dry = env->set->is_dry;
		memory = NULL;
		if (memory_get(env->state, &env->arena, names[s], &memory, e) < 0)
			return -1;
		if (memory != NULL)
			env->set->store[s]->ops->memory_load(env->set->store[s], memory);
	}
	return 0;
}

/* What one run stands on. */
struct chapters {
	struct env env;
	struct boxes_state boxes;
	struct observe_state observe;
	struct match_state match;
	struct apply_state apply;
};

static struct env *
chapters_begin(struct chapters *c, const struct channel *set, const struct run_events *ev, struct channel_report *report)
{
	*c = (struct chapters){ .env = { .set = set, .ev = ev, .report = report, .state = set->open_state,
		.boxes_state = &c->boxes, .observe_state = &c->observe, .match_state = &c->match, .apply_state = &c->apply } };
	return &c->env;
}

static void
chapters_end(struct env *env)
{
	int s;

	pool_free(&env->pool);
	asks_forget(env);
	for (s = 0; s < SIDES; s++) {
		listing_release(&env->boxes_state->listing[s]);
		vec_release(&env->look[s].boxes);
		vec_release(&env->look[s].index);
	}
	closings_drop(env);
	vec_release(&env->observe_state->closings);
	vec_release(&env->boxes);
	vec_release(&env->refused);
	vec_release(&env->boxes_state->contested);
	isolate_release(&env->isolate);
	vec_release(&env->culprits);
	vec_release(&env->match_state->deletions);
	vec_release(&env->match_state->trashed);
	vec_release(&env->waiting);
	vec_release(&env->left_out);
	vec_release(&env->match_state->unread);
	free(env->notes_seen);
	arena_release(&env->arena);
}

/* From the list of mailboxes on. Once more where a rename was refused: then they are paired otherwise. */
static int
run_all(struct env *env, struct err *e)
{
	enum { TURNS = 4 };
	int turn, s, status;

	for (turn = 0; turn == 0 || (env->apply_state->lists_again && turn < TURNS); turn++) {
		env->apply_state->lists_again = false;
		env->apply_state->lost_box = (struct err){ 0 };
		env->boxes.n = env->boxes_state->contested.n = 0;
		for (s = 0; s < SIDES; s++)
			listing_release(&env->boxes_state->listing[s]);
		memset(env->boxes_state->listing, 0, sizeof env->boxes_state->listing);
		if (boxes_list(env, e) < 0 || (env->set->purpose != CHANNEL_EXPORT && handover_take(env, e) < 0) || boxes_judge(env, e) < 0)
			return -1;
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

int
channel_run(const struct channel *set, const struct run_events *ev, struct channel_report *report_r,
    struct err *e)
{
	struct chapters run;
	struct env *env = chapters_begin(&run, set, ev, report_r);
	struct pool_settings ps = { .store = { set->store[FAR], set->store[NEAR] }, .is_inline = set->is_inline,
		.pick = set->pick, .pick_ctx = set->pick_ctx };
	int status;

	*report_r = (struct channel_report){ 0 };
	if (env->state == NULL && state_open(&set->state, &env->state, e) < 0)
		return -1;
	status = state_begin(env->state, e);
	if (status == 0) {
		env->pool = pool_new(&ps);
		if (recover_begin(env, e) < 0 || recall_stores(env, e) < 0 || asks_set(env, e) < 0 || check_windows(env, e) < 0 ||
		    run_all(env, e) < 0 || remember_stores(env, e) < 0)
			status = -1;
		state_abort(env->state);
		if (status < 0)
			tell_rest(env);
	}
	if (status < 0)
		report_err(env, NULL, e);
	chapters_end(env);
	if (set->open_state == NULL)
		state_close(&env->state);
	return status;
}

/* What was refused for good, as the state has it: a list of mailboxes names it too. */
static int
tell_refused(struct env *env, struct err *e)
{
	struct state_place place = env->set->state;
	struct box_record rec;
	size_t i;
	int status, got;

	state_close(&env->state);
	place.is_dry = true;
	if (state_open(&place, &env->state, e) < 0 || (status = state_begin(env->state, e)) < 0)
		return -1;
	for (i = 0; i < env->boxes.n && status == 0; i++) {
		got = box_find(env->state, &env->arena, env->boxes.at[i].name, &rec, e);
		if (got < 0)
			status = -1;
		else if (got > 0)
			env->boxes.at[i].rec = rec;
	}
	if (status == 0)
		status = refused_tell(env, e);
	state_abort(env->state);
	return status;
}

int
channel_list(const struct channel *set, const struct run_events *ev, struct arena *a, struct channel_box **boxes_r, size_t *n_r,
    struct err *e)
{
	struct channel_report report = { 0 };
	struct chapters run;
	struct env *env = chapters_begin(&run, set, NULL, &report);
	struct err untold;
	struct pool_settings ps = { .store = { set->store[FAR], set->store[NEAR] } };
	struct state_place none = { .channel = set->name, .is_dry = true };
	struct channel_box *out;
	size_t i;
	int s, status;

	if (state_open(&none, &env->state, e) < 0)
		return -1;
	status = state_begin(env->state, e);
	if (status == 0) {
		env->pool = pool_new(&ps);
		for (s = 0; s < SIDES; s++)
			set->store[s]->is_dry = true;
		status = asks_set(env, e) < 0 || boxes_list(env, e) < 0 ? -1 : boxes_judge(env, e);
		state_abort(env->state);
	}
	if (status == 0) {
		out = arena_alloc(a, (env->boxes.n + 1) * sizeof *out);
		for (i = 0; i < env->boxes.n; i++)
			out[i] = (struct channel_box){ arena_strdup(a, env->boxes.at[i].name),
				arena_strdup(a, env->boxes.at[i].side[FAR].on), arena_strdup(a, env->boxes.at[i].side[NEAR].on),
				{ env->boxes.at[i].side[FAR].listed != NULL, env->boxes.at[i].side[NEAR].listed != NULL } };
		*boxes_r = out;
		*n_r = env->boxes.n;
		env->ev = ev;
		if (ev != NULL && tell_refused(env, &untold) < 0)
			report_note(env, NOTE_WARNING, NULL, arena_strdup(&env->arena, untold.text));
	}
	chapters_end(env);
	report_release(&report);
	state_close(&env->state);
	return status;
}
