/* Histories with a MaxSize (P21): one side has placeholders of what is large. The oracle tells messages by number, and knows of one form of each;
 * so it is not asked here, but what must hold of the two forms is looked at by itself:
 *
 *   O14 where there is a placeholder, there is the message, unless a person deleted one of them; no placeholder is on the other side; what
 *       nobody deleted is there, on each side where the program has put it or a placeholder; and at a settlement on both sides, with nothing
 *       flagged left to be replaced.
 *
 * What is not demanded: of a mailbox that the channel does not mean; where mailboxes were renamed, at settlements; and with a base that came back
 * from before what it has whole on both sides was a placeholder on one, for then that looks deleted there.
 */
#include <stdio.h>

#include "tests/sim/store_ram.h"

enum { LIMIT = 1500 };

/* In one of seven; nothing else of them is drawn otherwise, but that they have neither trash nor windows. */
void
sizes_draw(struct sim *s)
{
	int i;

	if (s->seed % 7 != 4 || s->unsettled != NULL || s->once != NULL)
		return;
	s->is_sized = true;
	s->small = s->seed / 7 % 2 == 0 ? NEAR : FAR;
	for (i = 0; i < SIDES; i++) {
		s->trash[i].name = NULL;
		s->ram[i]->window = 0;
	}
	sim_trace(s, "what is larger than %d octets is a placeholder on %s", LIMIT, side_name(s->small));
}

void
sizes_policy(struct sim *s)
{
	if (s->is_sized)
		s->policy.max_size[s->small] = LIMIT;
}

static bool
is_placeholder(const struct ram_message *m)
{
	return m->form & FORM_PLACEHOLDER;
}

struct seen { int whole[SIDES], placeholders[SIDES], asked; };

static struct seen
look(const struct sim *s, const struct content *c)
{
	struct seen seen = { .asked = 0 };
	const struct ram_message *m;
	int side, b;
	size_t i;

	for (side = 0; side < SIDES; side++)
		for (b = 0; b < SIM_BOXES; b++)
			for (i = 0; i < s->ram[side]->box[b].messages.n && s->ram[side]->box[b].exists; i++) {
				m = &s->ram[side]->box[b].messages.at[i];
				if (m->c != c)
					continue;
				*(is_placeholder(m) ? &seen.placeholders[side] : &seen.whole[side]) += 1;
				seen.asked += is_placeholder(m) && (m->flags & FLAG_FLAGGED) && s->is_selected[b];
			}
	return seen;
}

bool
sizes_are_kept(const struct sim *s, bool is_settled, char *why, size_t why_size)
{
	const struct content *c;
	struct seen seen;
	int i, whole, any;

	/* Of two names for one mailbox nobody can say what is where. */
	is_settled = is_settled && !oracle_has_renames(s->oracle);

	for (i = 0; i < s->contents && s->is_sized; i++) {
		c = s->content[i];
		seen = look(s, c);
		whole = seen.whole[FAR] + seen.whole[NEAR];
		any = whole + seen.placeholders[FAR] + seen.placeholders[NEAR];
		*why = '\0';
		if (s->is_old)
			continue;
		if (!c->is_deleted && !c->is_stray && seen.placeholders[side_other(s->small)] > 0)
			snprintf(why, why_size, "O14: a placeholder of %d is on %s", i, side_name(side_other(s->small)));
		else if (!c->is_deleted && !c->is_away && any > 0 && whole == 0)
			snprintf(why, why_size, "O14: only a placeholder is left of %d", i);
		else if (!c->is_deleted && !c->is_away && c->is_put && any == 0)
			snprintf(why, why_size, "O14: %d is lost", i);
		else if (is_settled && !c->is_deleted && !c->is_away && c->is_put && (seen.whole[side_other(s->small)] == 0 ||
		    seen.whole[s->small] + seen.placeholders[s->small] == 0))
			snprintf(why, why_size, "O14: %d is on one side alone", i);
		/* One is left alone beside the message that a person put there, or that has replaced it while a store only said that it went; or
		 * beside another, where nothing was known any more when its message was moved. */
		else if (is_settled && !c->is_deleted && !c->is_away && seen.asked > 0 && !(c->is_several && (seen.whole[s->small] > 0 ||
		    (s->worst >= ORACLE_LOST && seen.placeholders[s->small] > 1))))
			snprintf(why, why_size, "O14: a placeholder of %d is flagged still", i);
		else if (is_settled && !c->is_deleted && !c->is_away && !c->is_several && (seen.whole[side_other(s->small)] > 1 ||
		    seen.whole[s->small] + seen.placeholders[s->small] > 1))
			snprintf(why, why_size, "O14: %d is there more than once", i);
		if (*why != '\0')
			return false;
	}
	return true;
}

/* Some form of it is on this side, and is to stay there. */
static bool
is_there_besides(const struct ram *r, const struct ram_message *m)
{
	const struct ram_message *other;
	size_t i;
	int b;

	for (b = 0; b < SIM_BOXES; b++)
		for (i = 0; i < r->box[b].messages.n && r->box[b].exists; i++) {
			other = &r->box[b].messages.at[i];
			if (other != m && other->c == m->c && !other->is_counted)
				return true;
		}
	return false;
}

/* What a person took from where it was and put elsewhere, or back, may be another to the program: then its placeholder goes as one of what was deleted. */
void
sizes_removes(const struct ram *r, const struct ram_message *m)
{
	const struct content *c = m->c;

	if (!r->sim->is_sized || r->sim->is_old || !is_placeholder(m) || c->is_deleted || c->is_away || c->is_taken || is_there_besides(r, m))
		return;
	sim_fail(r->sim, "O14: the placeholder of %d goes from %s, and its message is not there", c->serial, side_name(r->side));
}

bool
sizes_is_replaced(const struct ram *r, int box, const struct ram_message *m)
{
	const struct ram_box *b = &r->box[box];
	size_t i;

	for (i = 0; i < b->messages.n && is_placeholder(m); i++)
		if (b->messages.at[i].c == m->c && !is_placeholder(&b->messages.at[i]))
			return true;
	return false;
}
