/* The story of a run, on one page; each chapter is a folder (sync/README.md).
 *
 *   open the state -> list both sides, find renames -> fetch deltas and record them -> match: intents, twins, moves, copies -> plan
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

/* One look at the base: what is to be done. */
struct view {
	struct arena arena;
	struct plan_input in;
	struct plan plan;
	size_t waiting;			/* messages for the next look: copies.c */
};

static void
view_release(struct view *v)
{
	plan_release(&v->plan);
	plan_input_release(&v->in);
	arena_release(&v->arena);
}

static void
tell_notes(struct run *r, const struct plan *p)
{
	size_t i;

	for (i = 0; i < p->notes.n; i++)
		report_note(r, p->notes.at[i].level, p->notes.at[i].box == UINT32_MAX ? NULL :
		    r->boxes.at[p->notes.at[i].box].name, arena_strdup(&r->arena, p->notes.at[i].text));
	if (!r->is_further)
		r->report->held = r->held;
	for (i = 0; i < p->ops.n; i++)
		r->report->held += p->ops.at[i].is_held && !op_is_state_only(p->ops.at[i].kind);
}

/* A guard stays up until somebody decides, whatever arrives meanwhile. */
static int
remember_held(struct run *r, const struct plan *p, struct err *e)
{
	bool (*held)[SIDES] = mem_alloc((r->boxes.n + 1) * sizeof *held);
	struct run_box *b;
	size_t i;
	int s, status = 0;

	for (i = 0; i < p->ops.n; i++)
		if (op_is_guarded(&p->ops.at[i]))
			held[p->ops.at[i].box][side_other(p->ops.at[i].side)] = true;
	for (i = 0; i < r->boxes.n && status == 0; i++) {
		b = &r->boxes.at[i];
		if (b->rec.id == 0 || (b->rec.side[FAR].was_held == held[i][FAR] &&
		    b->rec.side[NEAR].was_held == held[i][NEAR]))
			continue;
		for (s = 0; s < SIDES; s++)
			b->rec.side[s].was_held = held[i][s];
		status = box_put(r->state, &b->rec, e);
	}
	free(held);
	return status;
}

/* The base as the planner wants it, and which of its messages are one mail. */
static int
find_equals(struct run *r, struct view *v, bool may_wait, struct err *e)
{
	bool is_anew = true;

	while (is_anew) {
		view_release(v);
		*v = (struct view){ 0 };
		if (prepare(r, &v->in, &v->arena, e) < 0 || confirm_keys(r, &v->in, &is_anew, e) < 0 ||
		    (!is_anew && (moves_supply(r, &v->in, e) < 0 || rekeyed_find(r, &v->in, &is_anew, e) < 0)))
			return -1;
		if (is_anew)
			continue;
		if (twins_find(r, &v->in, e) < 0 || moves_find(r, &v->in, e) < 0 ||
		    astray_review(r, &v->in, &is_anew, e) < 0 ||
		    (!is_anew && astray_find(r, &v->in, &is_anew, &v->waiting, e) < 0))
			return -1;
	}
	return clones_find(r, &v->in, &v->arena, may_wait, &v->waiting, e) < 0 ? -1 : shared_link(r, &v->in, &v->arena, e);
}

static int
look(struct run *r, struct view *v, bool may_wait, struct err *e)
{
	const char *fault;

	*v = (struct view){ 0 };
	if (recover(r, e) < 0 || find_equals(r, v, may_wait, e) < 0 || recover_hold(r, &v->in, &v->arena, e) < 0)
		return -1;
	search_close_failed(r, &v->in);
	guard_lost(r, &v->in, &v->arena);
	plan_make(&v->in, &v->plan);
	log_line(LOG_RUN, "plan: %zu operations for %zu messages not settled", v->plan.ops.n, v->in.messages.n);
	fault = plan_checked != NULL && v->in.messages.n <= 2000 ? plan_checked(&v->in, &v->plan, &v->arena) : NULL;
	if (fault != NULL)
		return err_class(e, ERR_STORE, ERR_FAILED, ERR_NEVER, "channel %s: this plan breaks a rule and is not "
		    "carried out, please report it: %s", r->set->name, fault);
	tell_notes(r, &v->plan);
	report_readonly(r, &v->in);
	return remember_held(r, &v->plan, e) < 0 || window_remember(r, &v->plan, e) < 0 ? -1 : 0;
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
count_look(const struct run *r, bool is_moved, struct second_look *done)
{
	uint64_t sent = r->report->side[FAR].added + r->report->side[NEAR].added;

	if (is_moved) {
		done->was_moved = true;
		done->sent = sent;
	} else if (!done->was_moved || done->sent != sent) {
		done->was_moved = false;
		done->copies = 0;
	}
}

static bool
is_between_accounts(const struct run *r)
{
	return r->set->store[FAR]->ops->has_uid_keys && r->set->store[NEAR]->ops->has_uid_keys;
}

/* Before anything is deleted for being gone from the other side, that side's mailboxes are looked at again, and those that moved since
 * they were read are read again: what was moved there meanwhile is not gone (R13). Likewise the side that something is sent to, where
 * nothing keeps another program from sending the same. *is_moved_r: it showed something, and the plan is to be made anew. */
static int
look_again(struct run *r, const struct plan *p, struct second_look *done, bool *is_moved_r, struct err *e)
{
	bool looks[SIDES] = { false, false }, has_deletions = false, has_copies = false;
	const struct op *op;
	size_t i;

	for (i = 0; i < p->ops.n; i++) {
		op = &p->ops.at[i];
		if (!op->is_held && op_is_deletion(op) && !done->has_deletions)
			looks[side_other(op->side)] = has_deletions = true;
		if (!op->is_held && op->kind == OP_COPY && done->copies < LOOKS_MOST && is_between_accounts(r))
			looks[op->side] = has_copies = true;
	}
	if (!looks[FAR] && !looks[NEAR])
		return 0;
	done->has_deletions |= has_deletions;
	done->copies += has_copies;
	if (boxes_refresh(r, looks, e) < 0)
		return -1;
	*is_moved_r = gather_is_wanted(r);
	count_look(r, *is_moved_r, done);
	return gather(r, e);
}

/* Plans and carries out, slice by slice. *waiting_r: messages wait for the copy of an equal one. */
static int
carry_out(struct run *r, bool is_second, size_t *waiting_r, struct err *e)
{
	struct view v = { 0 };
	struct second_look done = { .has_deletions = is_second, .copies = is_second ? LOOKS_MOST : 0 };
	bool is_moved;
	int status;

	prepare_anew(r);
	for (;;) {
		is_moved = false;
		status = look(r, &v, !is_second && !r->set->is_dry, e);
		if (status == 0 && r->set->is_dry)
			report_plan(r, &v.in, &v.plan);
		else if (status == 0)
			status = look_again(r, &v.plan, &done, &is_moved, e);
		if (status == 0 && !r->set->is_dry && !is_moved) {
			*waiting_r += v.waiting;
			if (uploads_identify(r, &v.in, &v.plan, e) < 0 || uidnext_learn(r, &v.in, &v.plan, e) < 0 ||
			    exec(r, &v.in, &v.plan, e) < 0 || week_keep(r, e) < 0)
				status = -1;
		}
		view_release(&v);
		if (status < 0 || (!is_moved && (!r->has_more || r->is_over_limit)))
			return status;
		if (is_moved)
			prepare_anew(r);
		else
			prepare_further(r);
	}
}

/* What was under way when sessions ended is looked for (R11), once the server has taken in what was on its way. */
static int
await_outcomes(struct run *r, struct err *e)
{
	r->looks_again = false;
	return quiet_wait(r, e) < 0 ? -1 : recover_begin(r, e);
}

/* What was written has been read. What came without its key is paired, so that a flag changed there later is a change;
 * and what lacks flags that it was to have gets them. */
static int
fill_up(struct run *r, struct err *e)
{
	static const bool none[SIDES] = { false, false };
	size_t waiting = 0;

	if (carry_out(r, false, &waiting, e) < 0)
		return -1;
	return gather_closings_fold(r, e) < 0 || boxes_refresh(r, none, e) < 0 || gather(r, e) < 0 || recover(r, e) < 0 ? -1 : 0;
}

static int
synchronise(struct run *r, struct err *e)
{
	static const bool both[SIDES] = { true, true }, none[SIDES] = { false, false };
	size_t waiting = 0;
	int status = carry_out(r, false, &waiting, e);

	if (status == 0 && r->set->is_dry && !r->set->policy.retry_failed)
		status = refused_tell(r, e);
	if (status == 0 && r->set->is_dry && (shared_tell(r, e) < 0 || unread_count(r, e) < 0 || waiting_tell(r, e) < 0))
		status = -1;
	if (status < 0 || r->set->is_dry)
		return status;
	/* What a move left behind for others' sake may go now. isolate.h bounds how often sessions are lost. */
	while (waiting > 0 || r->has_left || r->looks_again) {
		waiting = 0;
		r->has_left = false;
		gather_closings_drop(r);
		if ((r->looks_again && await_outcomes(r, e) < 0) || boxes_refresh(r, both, e) < 0 || gather(r, e) < 0 ||
		    carry_out(r, true, &waiting, e) < 0)
			return -1;
		if (!r->looks_again)
			break;
	}
	/* Lists may be long, and what slices of the plan took is of other sizes. */
	if (r->is_further)
		mem_trim();
	/* What has found its twin by now needs no intent any more. */
	if (gather_closings_fold(r, e) < 0 || boxes_refresh(r, none, e) < 0 || gather(r, e) < 0 || recover(r, e) < 0 ||
	    recover_count(r, e) < 0 || left_out_count(r, e) < 0 || unread_count(r, e) < 0 || culprits_tell(r, e) < 0 || waiting_tell(r, e) < 0)
		return -1;
	/* What was told falsely is paired with what it is before anybody builds on it. */
	if ((r->is_short || r->has_doubts) && fill_up(r, e) < 0)
		return -1;
	return refused_count(r, e);
}

/* What the servers showed of themselves is kept for the next opening (R24). */
static int
remember_stores(struct run *r, struct err *e)
{
	static const char *const names[SIDES] = { "server.far", "server.near" };
	const struct store *store;
	const char *was, *is;
	int s;

	for (s = 0; s < SIDES; s++) {
		store = r->set->store[s];
		is = store->ops->memory_save(r->set->store[s], &r->arena);
		was = NULL;
		if (memory_get(r->state, &r->arena, names[s], &was, e) < 0)
			return -1;
		if (is != NULL && (was == NULL || strcmp(was, is) != 0) &&
		    memory_put(r->state, names[s], is, e) < 0)
			return -1;
	}
	return state_commit(r->state, e) < 0 || state_begin(r->state, e) < 0 ? -1 : 0;
}

static int
check_windows(struct run *r, struct err *e)
{
	return window_check_setting(r, FAR, e) < 0 || window_check_setting(r, NEAR, e) < 0 ? -1 : 0;
}

static int
recall_stores(struct run *r, struct err *e)
{
	static const char *const names[SIDES] = { "server.far", "server.near" };
	const char *memory;
	int s;

	for (s = 0; s < SIDES; s++) {
		r->set->store[s]->is_dry = r->set->is_dry;
		memory = NULL;
		if (memory_get(r->state, &r->arena, names[s], &memory, e) < 0)
			return -1;
		if (memory != NULL)
			r->set->store[s]->ops->memory_load(r->set->store[s], memory);
	}
	return 0;
}

static void
run_release(struct run *r)
{
	int s;

	pool_free(&r->pool);
	asks_forget(r);
	for (s = 0; s < SIDES; s++) {
		listing_release(&r->listing[s]);
		vec_release(&r->look[s].boxes);
		vec_release(&r->look[s].index);
	}
	gather_closings_drop(r);
	vec_release(&r->closings);
	vec_release(&r->boxes);
	vec_release(&r->refused);
	vec_release(&r->contested);
	isolate_release(&r->isolate);
	vec_release(&r->culprits);
	vec_release(&r->deletions);
	vec_release(&r->waiting);
	vec_release(&r->left_out);
	vec_release(&r->unread);
	free(r->told);
	arena_release(&r->arena);
}

/* From the list of mailboxes on. Once more where a rename was refused: then they are paired otherwise. */
static int
run_all(struct run *r, struct err *e)
{
	enum { TURNS = 4 };
	int turn, s, status;

	for (turn = 0; turn == 0 || (r->lists_again && turn < TURNS); turn++) {
		r->lists_again = false;
		r->lost_box = (struct err){ 0 };
		r->boxes.n = r->contested.n = 0;
		for (s = 0; s < SIDES; s++)
			listing_release(&r->listing[s]);
		memset(r->listing, 0, sizeof r->listing);
		if (boxes_list(r, e) < 0 || kept_retry(r, e) < 0 || quiet_wait(r, e) < 0 || gather(r, e) < 0)
			return -1;
		replaced_tell(r);
		status = synchronise(r, e);
		kept_tell(r);
		if (status < 0)
			return -1;
	}
	if (r->lists_again && *r->lost_box.text != '\0')
		report_err(r, NULL, &r->lost_box);
	report_parts(r);
	return 0;
}

/* The run broke off: what it has found is told all the same. */
static void
tell_rest(struct run *r)
{
	struct err unseen;

	r->is_ending = true;
	if ((r->culprits.n == 0 && r->waiting.n == 0) || state_begin(r->state, &unseen) < 0)
		return;
	if (culprits_tell(r, &unseen) == 0)
		(void)waiting_tell(r, &unseen);
	state_abort(r->state);
}

int
channel_run(const struct channel *set, const struct run_events *ev, struct channel_report *report_r,
    struct err *e)
{
	struct run r = { .set = set, .ev = ev, .report = report_r, .state = set->open_state };
	struct pool_settings ps = { .store = { set->store[FAR], set->store[NEAR] }, .is_inline = set->is_inline,
		.pick = set->pick, .pick_ctx = set->pick_ctx };
	int status;

	*report_r = (struct channel_report){ 0 };
	if (r.state == NULL && state_open(&set->state, &r.state, e) < 0)
		return -1;
	status = state_begin(r.state, e);
	if (status == 0) {
		r.pool = pool_new(&ps);
		if (recover_begin(&r, e) < 0 || recall_stores(&r, e) < 0 || asks_set(&r, e) < 0 || check_windows(&r, e) < 0 || run_all(&r, e) < 0 ||
		    remember_stores(&r, e) < 0)
			status = -1;
		state_abort(r.state);
		if (status < 0)
			tell_rest(&r);
	}
	if (status < 0)
		report_err(&r, NULL, e);
	run_release(&r);
	if (set->open_state == NULL)
		state_close(&r.state);
	return status;
}

/* What was refused for good, as the state has it: a list of mailboxes names it too. */
static int
tell_refused(struct run *r, struct err *e)
{
	struct state_place place = r->set->state;
	struct box_record rec;
	size_t i;
	int status, got;

	state_close(&r->state);
	place.is_dry = true;
	if (state_open(&place, &r->state, e) < 0 || (status = state_begin(r->state, e)) < 0)
		return -1;
	for (i = 0; i < r->boxes.n && status == 0; i++) {
		got = box_find(r->state, &r->arena, r->boxes.at[i].name, &rec, e);
		if (got < 0)
			status = -1;
		else if (got > 0)
			r->boxes.at[i].rec = rec;
	}
	if (status == 0)
		status = refused_tell(r, e);
	state_abort(r->state);
	return status;
}

int
channel_list(const struct channel *set, const struct run_events *ev, struct arena *a, struct channel_box **boxes_r, size_t *n_r,
    struct err *e)
{
	struct channel_report report = { 0 };
	struct run r = { .set = set, .report = &report };
	struct err untold;
	struct pool_settings ps = { .store = { set->store[FAR], set->store[NEAR] } };
	struct state_place none = { .channel = set->name, .is_dry = true };
	struct channel_box *out;
	size_t i;
	int s, status;

	if (state_open(&none, &r.state, e) < 0)
		return -1;
	status = state_begin(r.state, e);
	if (status == 0) {
		r.pool = pool_new(&ps);
		for (s = 0; s < SIDES; s++)
			set->store[s]->is_dry = true;
		status = asks_set(&r, e) < 0 ? -1 : boxes_list(&r, e);
		state_abort(r.state);
	}
	if (status == 0) {
		out = arena_alloc(a, (r.boxes.n + 1) * sizeof *out);
		for (i = 0; i < r.boxes.n; i++)
			out[i] = (struct channel_box){ arena_strdup(a, r.boxes.at[i].name),
				arena_strdup(a, r.boxes.at[i].side[FAR].on), arena_strdup(a, r.boxes.at[i].side[NEAR].on),
				{ r.boxes.at[i].side[FAR].listed != NULL, r.boxes.at[i].side[NEAR].listed != NULL } };
		*boxes_r = out;
		*n_r = r.boxes.n;
		r.ev = ev;
		if (ev != NULL && tell_refused(&r, &untold) < 0)
			report_note(&r, NOTE_WARNING, NULL, arena_strdup(&r.arena, untold.text));
	}
	run_release(&r);
	report_release(&report);
	state_close(&r.state);
	return status;
}
