/* Histories with a store that keeps equal mail once in a mailbox (Gmail): what is put or copied to where its equal is becomes that one, and
 * an APPENDUID or COPYUID names it. The other side goes on having as many as people make.
 *
 * The oracle counts. Here it hears of the first of equal messages that comes to be in a mailbox of a side, and of the last that goes: whether
 * any is there must be the same on both sides. How many there are is looked at here, at settlements, over all mailboxes of the other side:
 *   never more than people made; and where nobody removed or marked any, as many. Not so where something went wrong while the one message got
 *   another UID: as with any other store, it may have been seen to come and to go, and an equal one to be its twin.
 */
#include "tests/sim/store_ram_acts.h"

void
once_draw(struct sim *s)
{
	struct ram *r = s->ram[FAR]->kind != RAM_MAILDIR ? s->ram[FAR] : s->ram[NEAR];
	int i;

	if (s->seed % 11 != 5 || r->kind == RAM_MAILDIR || s->unsettled != NULL)
		return;
	s->once = r;
	for (i = 0; i < SIDES; i++) {
		/* What is out of sight, told falsely or altered may be equal as well; and sizes are right (content.c). */
		s->ram[i]->window = 0;
		s->ram[i]->tells = RAM_TELLS_TRULY;
		s->ram[i]->alters = s->ram[i]->takes_out = 0;
	}
	sim_trace(s, "%s keeps equal messages once", r->store.name);
}

static struct ram_message *
find(const struct ram *r, int box, const struct content *c)
{
	size_t i;

	for (i = 0; i < r->box[box].messages.n; i++)
		if (r->box[box].messages.at[i].c == c)
			return &r->box[box].messages.at[i];
	return NULL;
}

struct ram_message *
once_equal(struct ram *r, int box, const struct content *c)
{
	struct ram_message *m = r == r->sim->once && box < SIM_BOXES ? find(r, box, c) : NULL;

	if (m != NULL) {
		oracle_shared(r->sim->oracle, box, c->serial);
		sim_trace(r->sim, "  %s %s: it is %s, which is there", r->store.name, sim_box_name[box], ram_text(r, m));
	}
	return m;
}

bool
once_is_first(const struct ram *r, int box, const struct content *c)
{
	if (r->sim->once == NULL || box >= SIM_BOXES || find(r, box, c) == NULL)
		return true;
	oracle_shared(r->sim->oracle, box, c->serial);
	return false;
}

bool
once_is_last(const struct ram *r, int box, size_t at)
{
	const struct ram_box *b = &r->box[box];
	size_t i;

	if (r->sim->once == NULL)
		return true;
	for (i = 0; i < b->messages.n; i++)
		if (i != at && b->messages.at[i].c == b->messages.at[at].c)
			return false;
	return true;
}

bool
once_is_last_unmarked(const struct ram *r, int box, size_t at)
{
	const struct ram_box *b = &r->box[box];
	size_t i;

	for (i = 0; i < b->messages.n && r->sim->once != NULL; i++)
		if (i != at && !b->messages.at[i].is_counted && b->messages.at[i].c == b->messages.at[at].c)
			return false;
	return true;
}

uint32_t
once_flags(const struct ram *r, int box, size_t at)
{
	const struct ram_box *b = &r->box[box];
	uint32_t flags = b->messages.at[at].flags, common = r->sim->common;
	size_t i;

	for (i = 0; i < b->messages.n && r->sim->once != NULL; i++)
		if (b->messages.at[i].c == b->messages.at[at].c && ((b->messages.at[i].flags ^ flags) & common) != 0)
			return ~flags;
	return flags;
}

bool
once_is_repeated(const struct ram *r, int box, size_t at)
{
	return r->sim->once != NULL && find(r, box, r->box[box].messages.at[at].c) != &r->box[box].messages.at[at];
}

void
once_taken(const struct ram *r, const struct content *c)
{
	r->sim->is_taken[c->serial] = true;
}

void
once_put(const struct ram *r, const struct content *c, uint32_t flags)
{
	if (flags & FLAG_DELETED)
		once_taken(r, c);
	r->sim->made[c->serial]++;
	r->sim->least[c->serial] += r != r->sim->once;
}

void
once_unnamed(struct ram *r, int box, const struct content *c, bool may_stay)
{
	const struct ram_box *b = &r->sim->ram[side_other(r->side)]->box[box];
	size_t i, n = 0;

	for (i = 0; i < b->messages.n && r == r->sim->once && may_stay; i++)
		n += b->messages.at[i].c == c;
	if (n > 1)
		oracle_shared(r->sim->oracle, box, c->serial);
}

void
once_restricted(struct sim *s)
{
	struct ram *r = s->once;
	size_t i;
	int b;

	for (b = 0; r != NULL && b < SIM_BOXES && !s->policy.expunge[r->side]; b++)
		for (i = 0; i < r->box[b].messages.n; i++)
			if (r->box[b].messages.at[i].flags & FLAG_DELETED)
				once_unnamed(r, b, r->box[b].messages.at[i].c, true);
}

void
once_doubted(struct sim *s)
{
	s->worst = ORACLE_OLD;
}

static int
count(const struct ram *r, int serial)
{
	int b, n = 0;
	size_t i;

	for (b = 0; b < SIM_BOXES; b++)
		for (i = 0; i < r->box[b].messages.n && r->box[b].exists; i++)
			n += r->box[b].messages.at[i].c->serial == serial;
	return n;
}

void
once_settled(struct sim *s)
{
	int i, n, kept;

	if (s->once == NULL || s->failure[0] != '\0')
		return;
	for (i = 0; i < s->contents; i++) {
		n = count(s->ram[side_other(s->once->side)], s->content[i]->serial);
		kept = count(s->once, s->content[i]->serial);
		if (n > s->made[i] && s->worst < ORACLE_LOST)
			sim_fail(s, "message %d is there %d times on the side that counts, people made %d", i, n, s->made[i]);
		if (n < s->least[i] && !s->is_taken[i] && !(s->is_rekeyed[i] && s->worst >= ORACLE_DISTURBED) && s->worst < ORACLE_LOST)
			sim_fail(s, "message %d is there %d times on the side that counts, people made %d there and removed none", i, n, s->least[i]);
		/* What the other side has refused until now may come there by a copy of an equal one. */
		s->made[i] = n > kept ? n : kept;
		s->least[i] = n;
		s->is_taken[i] = s->is_rekeyed[i] = false;
	}
	s->worst = ORACLE_CALM;
}
