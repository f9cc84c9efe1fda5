#include "sync/chapters.h"

/* What the servers showed of themselves is kept for the next opening (R24). */
int
chapters_remember(struct env *env, struct err *e)
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

int
chapters_recall(struct env *env, struct err *e)
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

struct env *
chapters_begin(struct chapters *c, const struct channel *set, const struct run_events *ev, struct channel_report *report)
{
	*c = (struct chapters){ .env = { .set = set, .ev = ev, .report = report,
		.boxes_state = &c->boxes, .observe_state = &c->observe, .match_state = &c->match, .apply_state = &c->apply } };
	return &c->env;
}

void
chapters_end(struct env *env)
{
	int s;

	if (env->pool != NULL)
		pool_calm(env->pool);
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
	vec_release(&env->boxes_state->encoded);
	isolate_release(&env->isolate);
	vec_release(&env->culprits);
	vec_release(&env->match_state->deletions);
	vec_release(&env->match_state->trashed);
	vec_release(&env->match_state->placeholders_gone.v);
	vec_release(&env->match_state->gone_when_listed.v);
	vec_release(&env->waiting);
	vec_release(&env->left_out);
	vec_release(&env->match_state->unread);
	vec_release(&env->match_state->unclaimed);
	free(env->notes_seen);
	arena_release(&env->arena);
}

int
chapters_open(struct env *env, const struct state_place *at, struct err *e)
{
	const struct pool_settings ps = { .store = { env->set->store[FAR], env->set->store[NEAR] } };

	if (state_open(at, &env->state, e) < 0 || state_begin(env->state, e) < 0)
		return -1;
	env->pool = pool_new(&ps);
	return 0;
}

void
chapters_close(struct env *env)
{
	if (env->state != NULL)
		state_abort(env->state);
	pool_free(&env->pool);
	chapters_end(env);
	report_release(env->report);
	state_close(&env->state);
}
