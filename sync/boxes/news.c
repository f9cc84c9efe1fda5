/* Mailboxes that a caller says have news (sync/channel.h): they alone are looked at, as long as each of them is the pair that it was.
 *
 * Must hold: nothing is concluded from what was not looked at. What is new, missing or another one now may have been renamed (R12 folder
 * renames), and what is gone from a mailbox may have been moved to one that nobody named (R9 moves): then all is looked at. So it is while what
 * became of an earlier write is not known (R11 recovery): what arrived may have been moved on by now.
 */
#include "sync/boxes/boxes.h"

bool
news_has(const struct env *env, const char *box)
{
	size_t i;

	for (i = 0; i < env->news->n; i++)
		if (strcmp(env->news->at[i], box) == 0)
			return true;
	return false;
}

/* Both sides know it, by their names, and nothing is to be paired anew. */
static bool
is_plain_pair(const struct box_record *rec)
{
	int s;

	for (s = 0; s < SIDES; s++)
		if (!rec->side[s].is_known || rec->side[s].identity != IDENTITY_KEPT || rec->side[s].is_blank || rec->side[s].is_apart ||
		    *rec->side[s].now != '\0')
			return false;
	return rec->id != 0;
}

int
news_are_known(const struct env *env, const struct box_record *all, size_t n, struct err *e)
{
	struct arena a = { 0 };
	struct intent in;
	size_t i, known = 0;
	int got = intent_next(env->state, &a, 0, &in, e);

	arena_release(&a);
	if (got != 0)
		return got < 0 ? -1 : 0;
	for (i = 0; i < n; i++)
		if (news_has(env, all[i].name)) {
			if (!is_plain_pair(&all[i]))
				return 0;
			known++;
		}
	return known == env->news->n;
}

/* It is there on both sides, and none of them says that it is another mailbox. */
static bool
is_there_still(const struct run_box *b)
{
	const struct mailbox *m;
	int s;

	for (s = 0; s < SIDES; s++) {
		m = b->side[s].listed;
		if (m == NULL || m->is_assumed || (*m->id != '\0' && *b->rec.side[s].mailbox_id != '\0' &&
		    strcmp(m->id, b->rec.side[s].mailbox_id) != 0) || (m->has_cursor && m->cursor.epoch != b->rec.side[s].cursor.epoch))
			return false;
	}
	return !b->is_excluded && is_plain_pair(&b->rec);
}

bool
news_keep(struct env *env)
{
	size_t i, n = 0;

	for (i = 0; i < env->boxes.n; i++)
		if (news_has(env, env->boxes.at[i].name)) {
			if (!is_there_still(&env->boxes.at[i]))
				return false;
			env->boxes.at[n++] = env->boxes.at[i];
		}
	env->boxes.n = n;
	return n == env->news->n;
}
