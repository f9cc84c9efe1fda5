/* Histories of a store whose user has not said whether it shows all of its mail (no keyword Window): much mail in INBOX, and either a
 * window that is as large as what has ever been shown, so that the oldest drop out of sight as new ones come; or none, and people who delete the oldest as one comes. To the program the two look alike: what it suspects is held and told, and waits for a
 * person's word, which comes at a settlement. Nothing may be deleted for the former. */
#include "tests/sim/store_ram.h"

void
unsettled_draw(struct sim *s)
{
	struct ram *r = s->ram[sim_draw(s, SIDES)];

	if (r->kind == RAM_MAILDIR || !sim_chance(s, 6))
		return;
	s->unsettled = r;
	s->ram[FAR]->window = s->ram[NEAR]->window = 0;
	/* What is held, and what is told falsely, may be equal. */
	s->ram[FAR]->tells = s->ram[NEAR]->tells = RAM_TELLS_TRULY;
	r->slides = sim_chance(s, 60);
	sim_trace(s, "%s: nobody has said whether it shows all, and it %s", r->store.name, r->slides ? "does not" : "does");
}

void
unsettled_begin(struct sim *s)
{
	int i, k, n = 10 + (int)sim_draw(s, 4);
	struct content *c;
	uint32_t flags[SIDES];

	if (s->unsettled == NULL)
		return;
	for (i = 0; i < n && (c = content_new(s, -1)) != NULL; i++) {
		for (k = 0; k < SIDES; k++)
			flags[k] = ram_put(s->ram[k], 0, c, FLAG_SEEN, 0)->flags;
		oracle_put_both(s->oracle, 0, c->serial, flags);
	}
	if (s->unsettled->slides)
		s->unsettled->window = s->unsettled->box[0].messages.n;
}

bool
unsettled_oldest(struct sim *s, const struct ram *r)
{
	return s->unsettled == r && !r->slides && r->box[0].messages.n > 0 && sim_chance(s, 40);
}

void
unsettled_settled(struct sim *s)
{
	struct ram *r = s->unsettled;

	if (r == NULL || !r->slides)
		return;
	r->is_lifted = false;
	/* All was shown, and is known. */
	if (r->box[0].messages.n > r->window)
		r->window = r->box[0].messages.n;
}

void
unsettled_taken(struct sim *s, const struct ram *r, int box, const struct content *c)
{
	const struct ram_box *b;
	size_t i;

	if (s->unsettled == NULL || s->unsettled == r || box != 0)
		return;
	b = &s->unsettled->box[0];
	for (i = 0; i < b->messages.n; i++)
		if (b->messages.at[i].is_hidden && b->messages.at[i].c == c)
			oracle_out_of_sight(s->oracle, 0, c->serial);
}
