/* Deletions carried over in the last seven days, mailbox by mailbox, so that a trickle of them adds up (R21 guards; plan/guard.c). */
#include "sync/env/env.h"

static uint32_t
day_of(int64_t now)
{
	return now > 0 ? (uint32_t)(now / (24 * 3600)) : 1;
}

/* Days that are not over yet count as well: the clock was set back. */
static bool
is_of_week(const struct box_day *d, uint32_t today)
{
	return d->day != 0 && d->day + BOX_DAYS > today;
}

void
week_sum(const struct box_side *bs, int64_t now, struct plan_box_side *out)
{
	uint32_t today = day_of(now), first = UINT32_MAX;
	int i;

	out->week_deleted = out->week_shown = 0;
	for (i = 0; i < BOX_DAYS; i++) {
		if (!is_of_week(&bs->week[i], today))
			continue;
		out->week_deleted += bs->week[i].deleted;
		if (bs->week[i].day < first) {
			first = bs->week[i].day;
			out->week_shown = bs->week[i].shown;
		}
	}
}

void
week_note(struct run_box *b, const struct op *op)
{
	if (!b->allow_delete)
		b->side[side_other(op->side)].deleted += op->weight;
}

static void
add_day(struct box_side *bs, uint32_t today, uint64_t deleted)
{
	struct box_day *at = &bs->week[0];
	int i;

	for (i = 0; i < BOX_DAYS; i++)
		if (!is_of_week(&bs->week[i], today))
			bs->week[i] = (struct box_day){ .day = 0 };
	for (i = 0; i < BOX_DAYS; i++) {
		if (bs->week[i].day == today) {
			at = &bs->week[i];
			break;
		}
		if (bs->week[i].day < at->day)
			at = &bs->week[i];
	}
	if (at->day != today)
		*at = (struct box_day){ .day = today, .shown = bs->here + deleted };
	at->deleted = deleted > UINT32_MAX - at->deleted ? UINT32_MAX : at->deleted + (uint32_t)deleted;
}

int
week_keep(struct env *env, struct err *e)
{
	struct run_box *b;
	bool is_changed;
	size_t i;
	int s, k;

	for (i = 0; i < env->boxes.n; i++) {
		b = &env->boxes.at[i];
		is_changed = false;
		for (s = 0; s < SIDES; s++) {
			for (k = 0; k < BOX_DAYS && b->allow_delete; k++) {
				is_changed |= b->rec.side[s].week[k].day != 0;
				b->rec.side[s].week[k].day = 0;
			}
			if (b->side[s].deleted == 0)
				continue;
			add_day(&b->rec.side[s], day_of(env->set->now), b->side[s].deleted);
			b->side[s].deleted = 0;
			is_changed = true;
		}
		if (is_changed && b->rec.id != 0 && box_put(env->state, &b->rec, e) < 0)
			return -1;
	}
	return 0;
}
