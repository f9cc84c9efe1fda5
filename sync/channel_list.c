/* Which mailboxes a channel has, by name: listed and paired, and nothing else. */
#include "sync/chapters.h"

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
	struct state_place none = { .channel = set->name, .is_dry = true };
	struct channel_box *out;
	size_t i;
	int s, status;

	status = chapters_open(env, &none, e);
	if (status == 0) {
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
	chapters_close(env);
	return status;
}
