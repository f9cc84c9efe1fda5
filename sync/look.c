#include "sync/look.h"

#include <stdlib.h>

#include "state/base/log.h"

void
look_release(struct look *v)
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

/* Held ones as well: whether they are too many is judged once it is known what was moved. */
static bool
has_deletions(const struct plan *p)
{
	size_t i;

	for (i = 0; i < p->ops.n; i++)
		if (op_is_deletion(&p->ops.at[i]))
			return true;
	return false;
}

/* A pair that is gone from both sides may have been moved, on each to another mailbox: nothing else tells that the two are one mail (P11). */
static bool
forgets_pairs(const struct plan_input *in, const struct plan *p)
{
	const struct op *op;
	size_t i;

	for (i = 0; i < p->ops.n; i++) {
		op = &p->ops.at[i];
		if (op->kind == OP_DROP && record_is_pair(in->messages.at[op->msg].rec))
			return true;
	}
	return false;
}

static bool
needs_all(const struct env *env, const struct look *v)
{
	return env->news != NULL && (has_deletions(&v->plan) || forgets_pairs(&v->in, &v->plan));
}

/* ---- deletions that follow a placeholder's going (P21) ---- */

/* What a plan deletes on a side: single messages, and all of a mailbox. */
static bool *
deleted_by(const struct plan_input *in, const struct plan *p)
{
	bool *is_removed = mem_alloc((in->boxes.n + 1) * SIDES), *is = mem_alloc((in->messages.n + 1) * SIDES);
	const struct op *op;
	size_t i;
	int t;

	for (i = 0; i < p->ops.n; i++) {
		op = &p->ops.at[i];
		if (op->kind == OP_REMOVE_BOX)
			is_removed[op->box * SIDES + op->side] = true;
		else if (op_is_deletion(op))
			is[op->msg * SIDES + op->side] = true;
	}
	for (i = 0; i < in->messages.n; i++)
		for (t = 0; t < SIDES; t++)
			is[i * SIDES + (size_t)t] |= is_removed[in->messages.at[i].box * SIDES + (size_t)t];
	free(is_removed);
	return is;
}

/* Of what has a placeholder the message is nowhere else. So it follows that only once the mailboxes have been listed, and looked at, since the
 * placeholder was seen to be gone: it may have been moved to one that was looked at before, or was not there yet. Until then it is set
 * aside, and the run begins again with the list. True: some were. */
static bool
hold_for_placeholders(struct env *env, struct look *v)
{
	bool *is_deleted = deleted_by(&v->in, &v->plan), is_any = false;
	struct id_set gone = { { 0 } }, listed = { { 0 } };
	struct match_state *m = env->match_state;
	const struct record *rec;
	size_t i;
	int t;

	for (i = 0; i < v->in.messages.n; i++)
		for (t = 0; t < SIDES; t++) {
			rec = v->in.messages.at[i].rec;
			if (!is_deleted[i * SIDES + (size_t)t] || rec->half[t].presence != PRESENCE_HERE ||
			    !record_is_placeholder(rec, side_other((enum side)t)))
				continue;
			vec_push(&gone.v, rec->id);
			if (id_set_has(&m->gone_when_listed, rec->id)) {
				vec_push(&listed.v, rec->id);
				continue;
			}
			is_any = true;
			set_aside(&v->matching, (uint32_t)i, &v->arena);
		}
	id_set_sort(&gone);
	id_set_sort(&listed);
	vec_release(&m->placeholders_gone.v);
	vec_release(&m->gone_when_listed.v);
	m->placeholders_gone = gone;
	m->gone_when_listed = listed;
	free(is_deleted);
	return is_any;
}

void
look_listed(struct env *env)
{
	struct match_state *m = env->match_state;

	vec_release(&m->gone_when_listed.v);
	m->gone_when_listed = m->placeholders_gone;
	m->placeholders_gone = (struct id_set){ { 0 } };
}

static void
plan_look(struct look *v)
{
	plan_release(&v->plan);
	plan_input_release(&v->in);
	v->plan = (struct plan){ 0 };
	v->in = (struct plan_input){ 0 };
	matching_end(&v->matching, &v->in);
	plan_make(&v->in, &v->plan);
}

int
look_make(struct env *env, struct look *v, bool may_wait, struct err *e)
{
	const char *fault;

	*v = (struct look){ 0 };
	if (match(env, may_wait, &v->matching, &v->arena, &v->waiting, e) < 0)
		return -1;
	plan_look(v);
	if (!env->set->is_dry && !needs_all(env, v) && hold_for_placeholders(env, v)) {
		v->lists_again = true;
		plan_look(v);
	}
	log_line(LOG_RUN, "plan: %zu operations for %zu messages not settled", v->plan.ops.n, v->in.messages.n);
	fault = plan_checked != NULL && v->in.messages.n <= 2000 ? plan_checked(&v->in, &v->plan, &v->arena) : NULL;
	if (fault != NULL)
		return err_class(e, ERR_STORE, ERR_FAILED, ERR_NEVER, "channel %s: this plan breaks a rule and is not "
		    "carried out, please report it: %s", env->set->name, fault);
	v->wants_all = needs_all(env, v);
	if (v->wants_all)
		return 0;
	tell_notes(env, &v->plan);
	report_readonly(env, &v->in);
	return remember_held(env, &v->plan, e) < 0 || window_remember(env, &v->plan, e) < 0 ? -1 : 0;
}

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

int
look_again(struct env *env, const struct plan *p, struct second_look *done, bool *is_moved_r, struct err *e)
{
	bool looks[SIDES] = { false, false }, any_deletion = false, has_copies = false;
	const struct op *op;
	size_t i;

	for (i = 0; i < p->ops.n; i++) {
		op = &p->ops.at[i];
		if (!op->is_held && op_is_deletion(op) && !done->has_deletions)
			looks[side_other(op->side)] = any_deletion = true;
		if (!op->is_held && op->kind == OP_COPY && done->copies < LOOKS_MOST && is_between_accounts(env))
			looks[op->side] = has_copies = true;
	}
	if (!looks[FAR] && !looks[NEAR])
		return 0;
	done->has_deletions |= any_deletion;
	done->copies += has_copies;
	if (boxes_refresh(env, looks, e) < 0)
		return -1;
	*is_moved_r = fetch_is_wanted(env);
	count_look(env, *is_moved_r, done);
	return fetch_changes(env, e);
}
