/* Messages that a store lists and does not give, or does not show when they are to be expunged: it is asked for one of them alone, says OK, and
 * nothing comes.
 *
 * Most of these were expunged a moment before, and the delta at the end of the run says so. One that is listed still waits for the next run.
 * If that run does not get it either, it is an error that names the message, in each run until it comes or goes.
 */
#include "sync/env/env.h"

void
left_out_note(struct env *env, uint32_t box, enum side s, uint64_t id)
{
	/* It is read again at the end. */
	sight_worsen(&env->boxes.at[box].side[s], SIGHT_WRITTEN);
	vec_push(&env->left_out, (struct run_left_out){ box, s, id });
}

/* Still to be copied to the other side, or to go for being gone from there. */
static bool
is_wanted(const struct record *rec, enum side s)
{
	return rec->half[s].presence == PRESENCE_HERE && rec->mark == MARK_NEW &&
	    (!record_is_pair(rec) || rec->half[side_other(s)].presence == PRESENCE_GONE);
}

static int
judge(struct env *env, const struct run_left_out *m, struct record *rec, struct err *e)
{
	struct run_box *b = &env->boxes.at[m->box];
	const char *store = env->set->store[m->side]->name;
	bool is_first = rec->trouble != TROUBLE_LEFT_OUT;
	struct flag_mask masks[SIDES];
	struct message_words words;
	struct err told;

	if (is_first) {
		err_class(&told, ERR_MESSAGE, ERR_TEMPORARY, ERR_LATER, "%s lists it in %s, and leaves it out when it is asked for", store,
		    b->name);
		waiting_add(env, m->box, side_other(m->side), rec->id, &told);
	} else {
		words = culprit_words(env, b, rec, m->side, true);
		err_class(&told, ERR_MESSAGE, ERR_FAILED, ERR_LATER, "a message (%s) is listed by %s, and left out whenever it is asked for; "
		    "it is asked for again in each run", store_words_text(&env->arena, &words), store);
		report_err(env, b->name, &told);
		env->report->failed++;
	}
	rec->troubled = is_first ? 1 : rec->troubled + (rec->troubled < 255);
	rec->trouble = TROUBLE_LEFT_OUT;
	return message_put(env->state, rec, box_masks(b, masks), e);
}

int
left_out_count(struct env *env, struct err *e)
{
	const struct run_left_out *m;
	struct arena a = { 0 };
	struct record rec;
	size_t i, k;
	int got = 0;

	for (i = 0; i < env->left_out.n && got >= 0; i++) {
		m = &env->left_out.at[i];
		for (k = 0; k < i && (env->left_out.at[k].id != m->id || env->left_out.at[k].box != m->box); k++)
			;
		if (k < i)
			continue;
		got = message_get(env->state, &a, env->boxes.at[m->box].rec.id, m->id, &rec, e);
		if (got == 1 && is_wanted(&rec, m->side) && !sight_has_failed(&env->boxes.at[m->box].side[m->side]))
			got = judge(env, m, &rec, e);
	}
	arena_release(&a);
	env->left_out.n = 0;
	return got < 0 ? -1 : 0;
}
