/* R21 guards, for a side that was replaced, restored or rebuilt. Messages that had a twin there and have none after all pairing
 * (R10 adoption) are copied back. If that is much of the mailbox, it may be the wrong disk or the wrong account, and a person is asked.
 * Deletions are guarded by sync/plan/guard.c.
 */
#include "sync/match/match_inside.h"


struct lost { uint64_t n[SIDES]; };	/* by the side that lost the twin */

static bool
is_lost(const struct match_message *m, enum side *side_r)
{
	const struct record *rec = m->rec;
	int s;

	if (!rec->has_agreed || rec->mark != MARK_NEW)
		return false;
	for (s = 0; s < SIDES; s++)
		if (record_is_single(rec, side_other((enum side)s))) {
			*side_r = (enum side)s;
			return true;
		}
	return false;
}

/* --allow-delete: as if they had been seen to vanish. */
static void
present_as_gone(struct matching *in, uint32_t i, enum side s, struct arena *a)
{
	struct record *copy = arena_alloc(a, sizeof *copy);

	*copy = *in->messages.at[i].rec;
	copy->half[s] = half_gone_unkeyed();
	in->messages.at[i].rec = copy;
}

void
guard_lost(struct env *env, struct matching *in, struct arena *a)
{
	struct lost *lost = mem_alloc(in->boxes.n * sizeof *lost + 1);
	bool *is_linked = matching_linked(in, 0);
	const struct run_box *b;
	enum side s = FAR;
	uint64_t n;
	uint32_t i;

	for (i = 0; i < in->messages.n; i++)
		if (!is_linked[i] && is_lost(&in->messages.at[i], &s))
			lost[in->messages.at[i].box].n[s]++;
	for (i = 0; i < in->messages.n; i++) {
		b = &env->boxes.at[in->messages.at[i].box];
		if (is_linked[i] || !is_lost(&in->messages.at[i], &s))
			continue;
		n = lost[in->messages.at[i].box].n[s];
		if (n < GUARD_FLOOR || 2 * n <= b->rec.side[side_other(s)].here || b->restore)
			continue;
		if (b->allow_delete) {
			present_as_gone(in, i, s, a);
			continue;
		}
		set_aside(in, i, a);
		report_note(env, NOTE_ERROR, b->name, arena_printf(&env->arena,
			    "held: %llu messages had twins on the %s side before it was replaced or rebuilt, and "
			    "have none there now; %s copies them back, %s carries "
			    "their absence over", (unsigned long long)n, side_name(s), env_hint_option(env, "--restore", b->name), env_hint_option(env, "--allow-delete", b->name)));
	}
	free(lost);
	free(is_linked);
}
