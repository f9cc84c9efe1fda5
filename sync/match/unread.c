/* Messages for which nothing is done in this run because one of them cannot be read, and may be the twin of the others (R10 adoption), or a message
 * that went, under another key or moved (R9 moves): then its twin is not deleted, which may be the last that can be read.
 *
 * A store that refuses to show a message refuses it in each round of the run, and what was held for that may find its twin in a later one. So
 * they are collected, and reported at the end, each once: work that is not done is never left out in silence.
 */
#include "sync/match/search.h"

#include <stdlib.h>

void
unread_note(struct env *env, const struct matching *in, uint32_t id, const struct match_unread *unread, enum side s)
{
	const struct match_message *m = &in->messages.at[id];
	enum side from = record_side(m->rec), to = side_other(from);
	bool is_itself = id == unread->id;

	if ((is_itself && unread->why == NULL) || !(in->policy.sync[to] & SYNC_NEW) || in->policy.read_only[to] ||
	    sight_has_failed(&env->boxes.at[m->box].side[s]))
		return;
	vec_push(&env->match_state->unread, (struct run_unread){ m->box, from, m->rec->id, unread->class, is_itself ? unread->why :
		arena_printf(&env->arena, "it may be one that %s does not let us read%s%s", env->set->store[s]->name,
		unread->why != NULL ? ": " : "", unread->why != NULL ? unread->why : "") });
}

/* Is to be deleted on the other side for that; not what the program has begun to remove or move itself, nor a guess, which deletes nothing. */
static bool
has_gone(const struct env *env, const struct match_message *m, enum side s)
{
	enum half_basis basis = m->rec->half[s].basis;

	return moves_has_vanished(env, m, s) && basis != BASIS_OURS && basis != BASIS_MOVING && basis != BASIS_GUESSED;
}

/* One store counts equal messages alike. Where it tells no size (files) nothing is held: one file that cannot be read would hold every deletion. */
static bool
may_be_it(const struct record *gone, const struct record *came, enum side s)
{
	uint64_t was = gone->half[s].size, is = came->half[s].size;

	if (was == 0 || is == 0)
		return false;
	return was == is || (record_is_placeholder(gone, s) && is <= was + STAMPS_MOST && was <= is + STAMPS_MOST);
}

static void
hold_gone(struct env *env, struct matching *in, uint32_t id, enum side s, const struct match_unread *unread, struct arena *a)
{
	const struct match_message *m = &in->messages.at[id];
	enum side t = side_other(s);

	if ((in->policy.sync[t] & SYNC_GONE) && !in->policy.read_only[t] && m->rec->half[t].presence == PRESENCE_HERE)
		vec_push(&env->match_state->unread, (struct run_unread){ m->box, s, m->rec->id, unread->class,
			arena_printf(&env->arena, "it has gone from %s, unless it is what cannot be read there%s%s", env->set->store[s]->name,
			unread->why != NULL ? ": " : "", unread->why != NULL ? unread->why : "") });
	set_aside(in, id, a);
}

/* With all that may be one with it on side s. */
static void
hold_with(struct env *env, struct matching *in, const struct match_unread *unread, enum side s, const bool *is_linked, struct arena *a)
{
	const struct record *rec = in->messages.at[unread->id].rec, *other;
	bool is_new = record_is_single(rec, s), is_held = false;
	uint32_t i;

	/* What has gone from both sides has no twin to be kept for. */
	if (!is_new && (!has_gone(env, &in->messages.at[unread->id], s) || rec->half[side_other(s)].presence != PRESENCE_HERE))
		return;
	for (i = 0; i < in->messages.n; i++) {
		other = in->messages.at[i].rec;
		if (i == unread->id || is_linked[i] || !(is_new ? has_gone(env, &in->messages.at[i], s) && may_be_it(other, rec, s) :
		    record_is_single(other, s) && record_may_pair(other) && may_be_it(rec, other, s)))
			continue;
		is_held = true;
		if (is_new) {
			hold_gone(env, in, i, s, unread, a);
		} else {
			unread_note(env, in, i, unread, s);
			set_aside(in, i, a);
		}
	}
	if (is_held && is_new) {
		unread_note(env, in, unread->id, unread, s);
		set_aside(in, unread->id, a);
	} else if (is_held) {
		hold_gone(env, in, unread->id, s, unread, a);
	}
}

void
unread_hold_moved(struct env *env, struct matching *in, struct arena *a)
{
	bool *is_linked = matching_spoken_for(in);
	size_t i;
	int s;

	for (i = 0; i < in->unread_moved.n; i++)
		for (s = 0; s < SIDES && !is_linked[in->unread_moved.at[i].id]; s++)
			hold_with(env, in, &in->unread_moved.at[i], (enum side)s, is_linked, a);
	free(is_linked);
}

static int
cmp_message(const void *x, const void *y)
{
	const struct run_unread *a = x, *b = y;

	if (a->box != b->box)
		return a->box < b->box ? -1 : 1;
	return (a->id > b->id) - (a->id < b->id);
}

/* New on that side; or gone from there, and its twin is to follow. */
static bool
waits(const struct record *rec, enum side s)
{
	if (record_is_pair(rec))
		return rec->mark == MARK_NEW && rec->half[s].presence != PRESENCE_HERE && rec->half[side_other(s)].presence == PRESENCE_HERE;
	return rec->mark == MARK_NEW && rec->half[s].presence == PRESENCE_HERE;
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
		if (got != 1 || !waits(&rec, m->side))
			continue;
		err_class(&why, ERR_MESSAGE, m->class, ERR_LATER, "%s", m->why);
		waiting_add_work(env, record_is_pair(&rec) ? WAITING_EXPUNGE : WAITING_COPY, m->box, side_other(m->side), rec.id, &why);
	}
	arena_release(&a);
	env->match_state->unread.n = 0;
	return got < 0 ? -1 : 0;
}
