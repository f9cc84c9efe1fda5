#include "sync/look.h"

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

int
look_make(struct env *env, struct look *v, bool may_wait, struct err *e)
{
	const char *fault;

	*v = (struct look){ 0 };
	if (match(env, may_wait, &v->matching, &v->arena, &v->waiting, e) < 0)
		return -1;
	matching_end(&v->matching, &v->in);
	plan_make(&v->in, &v->plan);
	log_line(LOG_RUN, "plan: %zu operations for %zu messages not settled", v->plan.ops.n, v->in.messages.n);
	fault = plan_checked != NULL && v->in.messages.n <= 2000 ? plan_checked(&v->in, &v->plan, &v->arena) : NULL;
	if (fault != NULL)
		return err_class(e, ERR_STORE, ERR_FAILED, ERR_NEVER, "channel %s: this plan breaks a rule and is not "
		    "carried out, please report it: %s", env->set->name, fault);
	v->wants_all = env->news != NULL && has_deletions(&v->plan);
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
