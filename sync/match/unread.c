/* Messages that are not copied in this run because one of them cannot be read, and may be the twin of the others (R10 adoption).
 *
 * A store that refuses to show a message refuses it in each round of the run, and what was held for that may find its twin in a later one. So
 * they are collected, and reported at the end, each once: work that is not done is never left out in silence.
 */
#include "sync/match/search.h"

void
unread_note(struct env *env, const struct matching *in, uint32_t id, const struct search_unread *unread, enum side s)
{
	const struct match_message *m = &in->messages.at[id];
	enum side from = m->rec->half[FAR].presence == PRESENCE_HERE ? FAR : NEAR, to = side_other(from);
	bool is_itself = id == unread->id;

	if ((is_itself && unread->why == NULL) || !(in->policy.sync[to] & SYNC_NEW) || in->policy.read_only[to] ||
	    sight_has_failed(&env->boxes.at[m->box].side[s]))
		return;
	vec_push(&env->match_state->unread, (struct run_unread){ m->box, from, m->rec->id, unread->class, is_itself ? unread->why :
		arena_printf(&env->arena, "it may be one that %s does not let us read%s%s", env->set->store[s]->name,
		unread->why != NULL ? ": " : "", unread->why != NULL ? unread->why : "") });
}

static int
cmp_message(const void *x, const void *y)
{
	const struct run_unread *a = x, *b = y;

	if (a->box != b->box)
		return a->box < b->box ? -1 : 1;
	return (a->id > b->id) - (a->id < b->id);
}

int
unread_count(struct env *env, struct err *e)
{
	const struct run_unread *m;
	struct arena a = { 0 };
	struct record rec;
	struct err why;
	size_t i;
	int got = 0;

	if (env->match_state->unread.n > 1)
		qsort(env->match_state->unread.at, env->match_state->unread.n, sizeof env->match_state->unread.at[0], cmp_message);
	for (i = 0; i < env->match_state->unread.n && got >= 0; i++) {
		m = &env->match_state->unread.at[i];
		if (i > 0 && cmp_message(m - 1, m) == 0)
			continue;
		got = message_get(env->state, &a, env->boxes.at[m->box].rec.id, m->id, &rec, e);
		if (got != 1 || record_is_pair(&rec) || rec.half[m->side].presence != PRESENCE_HERE || rec.mark != MARK_NEW)
			continue;
		err_class(&why, ERR_MESSAGE, m->class, ERR_LATER, "%s", m->why);
		waiting_add(env, m->box, side_other(m->side), rec.id, &why);
	}
	arena_release(&a);
	env->match_state->unread.n = 0;
	return got < 0 ? -1 : 0;
}
