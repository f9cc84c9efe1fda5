/* What is expunged and kept in the trash (P17), as the base tells of it: an intent says that it is being put there, or is there, until it is
 * expunged. So it is put there once, whatever breaks off: what is known to be there is only expunged, and what may be is looked for
 * first (trash_look.c). match/recover.c hands over what earlier runs left. */
#include "sync/apply/apply_inside.h"

/* What is known of an earlier attempt, or NULL. */
static struct run_trashed *
find_trashed(const struct applying *x, const struct task *t)
{
	struct match_state *m = x->env->match_state;
	size_t i;

	for (i = 0; i < m->trashed.n; i++)
		if (m->trashed.at[i].record == t->rec->id && m->trashed.at[i].box == t->rec->box && m->trashed.at[i].side == t->op->side)
			return &m->trashed.at[i];
	return NULL;
}

void
trash_fill(const struct applying *x, struct batch *b, struct task *t)
{
	const struct run_trashed *earlier = find_trashed(x, t);
	bool is_sure = earlier != NULL && earlier->is_sure;
	enum side other = side_other(b->side);

	t->expunge->is_trashed = t->op->trash == TRASH_OWN && !is_sure;
	t->expunge->may_be_trashed = earlier != NULL && !is_sure;
	t->goes_over = t->op->trash == TRASH_OTHER && !is_sure;
	/* Others of the batch may have none. */
	if (t->op->trash != TRASH_NONE)
		b->trash = x->env->set->policy.trash[t->op->trash == TRASH_OTHER ? other : b->side].name;
	if (!t->goes_over)
		return;
	b->is_trash_over = b->needs[other] = b->job.needs[other] = true;
	b->copy_arrival_date = x->env->set->copy_arrival_date;
}

static bool
is_on_its_way(const struct task *t)
{
	return t->expunge->is_trashed || t->goes_over;
}

void
trash_intend(const struct applying *x, struct task *t)
{
	const struct run_trashed *earlier = find_trashed(x, t);

	if (t->op->trash == TRASH_NONE && earlier == NULL)
		return;
	t->intent.id = earlier != NULL ? earlier->intent : 0;
	t->intent.trash = is_on_its_way(t) ? INTENT_TO_TRASH : INTENT_IN_TRASH;
	t->intent.trash_name = x->env->set->policy.trash[t->op->trash == TRASH_OTHER ? side_other(t->op->side) : t->op->side].name;
	/* A file loses its mark in the act that moves it. */
	t->intent.was_deleted = t->expunge->is_trashed && !x->env->set->store[t->op->side]->ops->is_local &&
	    (t->expunge->expect.sys & FLAG_DELETED);
}

int
trash_withdraw(struct applying *x, const struct task *t, struct err *e)
{
	const struct run_trashed *earlier = t->op->remove.sys & FLAG_DELETED ? find_trashed(x, t) : NULL;

	return earlier != NULL ? intent_delete(x->env->state, earlier->intent, e) : 0;
}

int
trash_failed(struct applying *x, struct task *t, struct err *e)
{
	struct run_trashed *earlier;

	if (t->intent.id == 0)
		return 0;
	if (t->expunge == NULL || t->intent.trash == INTENT_NO_TRASH || (t->intent.trash == INTENT_TO_TRASH &&
	    !t->expunge->was_trashed && !t->expunge->may_be_trashed))
		return intent_delete(x->env->state, t->intent.id, e);
	if (t->expunge->was_trashed) {
		t->intent.trash = INTENT_IN_TRASH;
		t->intent.was_deleted = false;
	}
	earlier = find_trashed(x, t);
	if (earlier == NULL)
		vec_push(&x->env->match_state->trashed, (struct run_trashed){ t->rec->box, t->op->side, t->rec->id, t->intent.id,
		    t->expunge->was_trashed });
	else
		earlier->is_sure |= t->expunge->was_trashed;
	return intent_put(x->env->state, &t->intent, e);
}
