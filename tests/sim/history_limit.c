/* Histories with a limit (P18): one side keeps so many messages of each mailbox, and never does the other lose one for that. */
#include <stdio.h>

#include "tests/sim/store_ram.h"

/* In one of seven; nothing else of them is drawn otherwise, but that they have neither trash nor windows. */
void
limit_draw(struct sim *s)
{
	uint64_t n = s->seed / 7;
	int i;

	if (s->seed % 7 != 2 || s->unsettled != NULL || s->once != NULL)
		return;
	s->limit = (struct limit){ 1 + n / 4 % 5, n % 2 == 0 ? NEAR : FAR, n / 2 % 2 == 0 ? EXPIRE_UNREAD_YES : EXPIRE_UNREAD_NO };
	for (i = 0; i < SIDES; i++) {
		s->trash[i].name = NULL;
		s->ram[i]->window = 0;
	}
	oracle_limited(s->oracle, s->limit.side);
	sim_trace(s, "at most %d messages of a mailbox on %s%s", (int)s->limit.max, side_name(s->limit.side),
	    s->limit.unread == EXPIRE_UNREAD_NO ? ", and those that are unread" : "");
}

void
limit_vary(struct sim *s)
{
	if (sim_chance(s, 30))
		s->policy.limit.max = sim_draw(s, 7);
	if (sim_chance(s, 10))
		s->policy.limit.unread = EXPIRE_UNREAD_UNSET;
}

static bool
is_important(const struct sim *s, const struct ram_message *m)
{
	return (m->flags & FLAG_FLAGGED) || (s->limit.unread == EXPIRE_UNREAD_NO && (s->common & FLAG_SEEN) && !(m->flags & FLAG_SEEN));
}

/* Or its twin, which may keep more flags. And what the other side refuses, so that there is none, stays. */
static bool
is_any_important(const struct sim *s, const struct content *c)
{
	bool has[SIDES] = { false, false };
	const struct ram_box *box;
	size_t i;
	int side, b;

	for (side = 0; side < SIDES; side++)
		for (b = 0; b < SIM_BOXES; b++) {
			box = &s->ram[side]->box[b];
			for (i = 0; i < box->messages.n && box->exists; i++) {
				has[side] |= box->messages.at[i].c == c;
				if (box->messages.at[i].c == c && is_important(s, &box->messages.at[i]))
					return true;
			}
		}
	return !has[FAR] || !has[NEAR] || c->is_taken_back;
}

bool
limit_is_kept(const struct sim *s, char *why, size_t why_size)
{
	const struct ram_box *box;
	uint64_t here;
	size_t i;
	int b;

	for (b = 0; b < SIM_BOXES && s->limit.max != 0; b++) {
		box = &s->ram[s->limit.side]->box[b];
		here = 0;
		for (i = 0; i < box->messages.n && box->exists && s->is_selected[b]; i++)
			here += !is_any_important(s, box->messages.at[i].c);
		if (here > s->limit.max) {
			snprintf(why, why_size, "O13: box %d has %d messages on %s, and its limit is %d", b, (int)here, side_name(s->limit.side),
			    (int)s->limit.max);
			return false;
		}
	}
	return true;
}
