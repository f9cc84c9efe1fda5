/* Histories with a limit (P18): one side keeps so many messages of each mailbox, or none that is older than so many days, and never does
 * the other lose one for that. */
#include <stdio.h>

#include "tests/sim/store_ram.h"

enum { DAYS = 8 };

/* In one of seven; nothing else of them is drawn otherwise, but that they have neither trash nor windows. */
void
limit_draw(struct sim *s)
{
	uint64_t n = s->seed / 7;
	int i;

	if (s->seed % 7 != 2 || s->unsettled != NULL || s->once != NULL)
		return;
	s->limit = (struct limit){ .max = 1 + n / 4 % 5, .side = n % 2 == 0 ? NEAR : FAR,
		.unread = n / 2 % 2 == 0 ? EXPIRE_UNREAD_YES : EXPIRE_UNREAD_NO };
	/* What came before the last ten days' absence of everybody is too old. */
	if (n / 20 % 2 == 1)
		s->limit.days = DAYS;
	if (n / 20 % 4 == 3)
		s->limit.max = 0;
	for (i = 0; i < SIDES; i++) {
		s->trash[i].name = NULL;
		s->ram[i]->window = 0;
	}
	oracle_limited(s->oracle, s->limit.side);
	sim_trace(s, "at most %d messages of a mailbox, %u days old, on %s%s", (int)s->limit.max, s->limit.days, side_name(s->limit.side),
	    s->limit.unread == EXPIRE_UNREAD_NO ? ", and those that are unread" : "");
}

void
limit_vary(struct sim *s)
{
	if (s->limit.max != 0 && sim_chance(s, 30))
		s->policy.limit.max = sim_draw(s, 7);
	if (s->limit.days != 0 && sim_chance(s, 30))
		s->policy.limit.days = sim_draw(s, 2) * 30;
	if (sim_chance(s, 10))
		s->policy.limit.unread = EXPIRE_UNREAD_UNSET;
}

static bool
is_important(const struct sim *s, const struct ram_message *m)
{
	return (m->flags & FLAG_FLAGGED) || (s->limit.unread == EXPIRE_UNREAD_NO && (s->common & FLAG_SEEN) && !(m->flags & FLAG_SEEN));
}

static size_t
count(const struct ram_box *box, size_t n, const struct content *c)
{
	size_t i, k = 0;

	for (i = 0; i < n; i++)
		k += box->messages.at[i].c == c;
	return k;
}

/* What the other side refuses has none, whatever equal one a person has put there. */
static bool
has_twin(const struct sim *s, int box, size_t at)
{
	const struct ram_box *here = &s->ram[s->limit.side]->box[box], *there = &s->ram[side_other(s->limit.side)]->box[box];
	const struct content *c = here->messages.at[at].c;

	return there->exists && !c->is_refused[side_other(s->limit.side)] && count(here, at, c) < count(there, there->messages.n, c);
}

/* Or its twin, which may keep more flags. */
static bool
is_any_important(const struct sim *s, const struct content *c)
{
	const struct ram_box *box;
	size_t i;
	int side, b;

	for (side = 0; side < SIDES; side++)
		for (b = 0; b < SIM_BOXES; b++) {
			box = &s->ram[side]->box[b];
			for (i = 0; i < box->messages.n && box->exists; i++)
				if (box->messages.at[i].c == c && is_important(s, &box->messages.at[i]))
					return true;
		}
	return c->is_taken_back;
}

/* Each that is equal to it on the other side. */
static bool
is_too_old(const struct sim *s, int box, const struct content *c)
{
	const struct ram_box *there = &s->ram[side_other(s->limit.side)]->box[box];
	size_t i;

	for (i = 0; i < there->messages.n; i++)
		if (there->messages.at[i].c == c && there->messages.at[i].date >= s->now - (int64_t)s->limit.days * 24 * 3600)
			return false;
	return s->limit.days != 0;
}

bool
limit_is_kept(const struct sim *s, char *why, size_t why_size)
{
	const struct ram_box *box;
	uint64_t here, old;
	size_t i;
	int b;

	for (b = 0; b < SIM_BOXES && limit_is_on(&s->limit); b++) {
		box = &s->ram[s->limit.side]->box[b];
		here = old = 0;
		for (i = 0; i < box->messages.n && box->exists && s->is_selected[b]; i++)
			if (has_twin(s, b, i) && !is_any_important(s, box->messages.at[i].c)) {
				here++;
				old += is_too_old(s, b, box->messages.at[i].c);
			}
		if ((s->limit.max != 0 && here > s->limit.max) || old != 0) {
			snprintf(why, why_size, "O13: box %d has %d messages on %s, %d of them too old, and its limit is %d", b, (int)here,
			    side_name(s->limit.side), (int)old, (int)s->limit.max);
			return false;
		}
	}
	return true;
}
