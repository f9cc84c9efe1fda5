/* What is known of servers that show the newest messages only (sync/plan/window.h): how many were shown, and how that was judged. */
#include "sync/observe/observe.h"

/* Only where keys are UIDs is it known which message is older. */
static bool
is_judged(const struct env *env, enum side s)
{
	return env->set->store[s]->ops->has_uid_keys;
}

static int
put_shown(struct env *env, struct run_box *b, enum side s, const struct box_shown *shown, struct err *e)
{
	struct box_shown *was = &b->rec.side[s].shown;

	if (was->last == shown->last && was->most == shown->most && was->suspected == shown->suspected &&
	    was->held == shown->held && was->judged == shown->judged)
		return 0;
	*was = *shown;
	return box_put(env->state, &b->rec, e);
}

int
window_shown(struct env *env, struct run_box *b, enum side s, struct err *e)
{
	struct box_shown shown = b->rec.side[s].shown;
	bool is_new = shown.last == 0;

	if (!is_judged(env, s))
		return 0;
	/* Until what vanished is judged the number from before is what it is held against. */
	if (b->side[s].vanished == 0 || is_new)
		shown.last = b->side[s].vanished == 0 ? b->rec.side[s].here : b->side[s].before;
	if (shown.last > shown.most)
		shown.most = shown.last;
	return put_shown(env, b, s, &shown, e);
}

int
window_oldest(struct env *env, const struct run_box *b, enum side s, struct arena *a, struct key *oldest_r, struct err *e)
{
	struct message_scan *scan = NULL;
	struct message_seen seen;
	int got;

	*oldest_r = KEY_NONE;
	if (!is_judged(env, s))
		return 0;
	if (message_scan_begin(env->state, b->rec.id, s, &scan, e) < 0)
		return -1;
	while ((got = message_scan_next(scan, &seen, e)) > 0 && seen.presence != PRESENCE_HERE)
		;
	if (got > 0)
		*oldest_r = key_dup(a, seen.key);
	message_scan_end(&scan);
	return got < 0 ? -1 : 0;
}

static const struct plan_vanished *
find_vanished(const struct plan *p, uint32_t box, enum side s)
{
	size_t i;

	for (i = 0; i < p->vanished.n; i++)
		if (p->vanished.at[i].box == box && p->vanished.at[i].side == s)
			return &p->vanished.at[i];
	return NULL;
}

static int
remember_side(struct env *env, uint32_t index, enum side s, const struct plan_vanished *v, struct err *e)
{
	struct run_box *b = &env->boxes.at[index];
	struct box_shown shown = b->rec.side[s].shown;

	shown.suspected = shown.held = 0;
	shown.judged = v != NULL ? key_uid(v->judged) : 0;
	if (v != NULL && v->verdict == WINDOW_SUSPECTED) {
		shown.suspected = b->rec.side[s].here;
		shown.held = v->n;
	} else {
		/* What was listed with what had vanished counts once that is judged, or explained otherwise. */
		if (b->side[s].was_read || v == NULL)
			shown.last = b->rec.side[s].here;
		if (shown.last > shown.most)
			shown.most = shown.last;
	}
	return put_shown(env, b, s, &shown, e);
}

int
window_remember(struct env *env, const struct plan *p, struct err *e)
{
	uint32_t i;
	int s;

	/* In slices nothing has vanished. */
	for (i = 0; i < env->boxes.n && env->observe_state->slicing != SLICING_YES; i++)
		for (s = 0; s < SIDES; s++) {
			const struct run_box *b = &env->boxes.at[i];

			/* What this run could not read stays as it was judged. */
			if (is_judged(env, (enum side)s) && b->rec.id != 0 && !b->is_excluded && !sight_has_failed(&b->side[FAR]) &&
			    !sight_has_failed(&b->side[NEAR]) && b->side[FAR].listed != NULL && b->side[NEAR].listed != NULL &&
			    remember_side(env, i, (enum side)s, find_vanished(p, i, (enum side)s), e) < 0)
				return -1;
		}
	return 0;
}

/* ---- the keyword ---- */

static int
bring_back(struct env *env, const struct box_record *box, enum side s, struct err *e)
{
	const struct flag_mask masks[SIDES] = { box->side[FAR].mask, box->side[NEAR].mask };
	struct arena a = { 0 };
	struct record rec;
	uint64_t after = 0;
	int got;

	while ((got = message_next(env->state, &a, box->id, after, &rec, e)) > 0) {
		after = rec.id;
		if (rec.half[s].presence == PRESENCE_BEYOND) {
			rec.half[s].presence = PRESENCE_GONE;
			if (message_put(env->state, &rec, masks, e) < 0) {
				got = -1;
				break;
			}
		}
		if (after % 256 == 0)
			arena_release(&a);
	}
	arena_release(&a);
	return got;
}

int
window_check_setting(struct env *env, enum side s, struct err *e)
{
	static const char *const names[SIDES] = { "window.far", "window.near" };
	const char *was = NULL, *is = env->set->policy.window[s].kind == WINDOW_NO ? "no" : NULL;
	struct box_record *all;
	size_t n, i;

	if (memory_get(env->state, &env->arena, names[s], &was, e) < 0)
		return -1;
	if ((was != NULL) == (is != NULL))
		return 0;
	if (is != NULL) {
		if (box_all(env->state, &env->arena, &all, &n, e) < 0)
			return -1;
		for (i = 0; i < n; i++)
			if (bring_back(env, &all[i], s, e) < 0)
				return -1;
	}
	return memory_put(env->state, names[s], is, e);
}
