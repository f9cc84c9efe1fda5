/* What becomes of a Maildir without anybody removing anything: a disk that is not mounted, a link to nowhere, a directory that is
 * missing, something else in the place of a file. It may come back in any run, and is there when all is settled. Nothing may be
 * removed for it: to the oracle nothing has happened.
 *
 * Only messages that the program knows are hidden: of others, while a twin turns up on the other side, no program could know.
 */
#include "tests/sim/store_ram.h"

void
damage_set(struct ram *r, int box, enum ram_damage damage)
{
	struct ram_box *b = &r->box[box];
	size_t i;

	if (b->damage == damage)
		return;
	b->damage = damage;
	b->modseq++;
	for (i = 0; i < b->messages.n; i++)
		b->messages.at[i].is_away = damage == RAM_NEW_AWAY && b->messages.at[i].is_new && b->messages.at[i].was_listed;
	sim_trace(r->sim, "  %s: %s is %s", r->store.name, sim_box_name[box], damage == RAM_WHOLE ? "whole again" :
	    damage == RAM_BOX_AWAY ? "out of sight" : "without its new");
}

static void
set_replaced(struct ram *r, int box, size_t at, bool is_replaced)
{
	struct ram_message *m = &r->box[box].messages.at[at];

	if (m->is_replaced == is_replaced)
		return;
	m->is_replaced = is_replaced;
	m->modseq = ++r->box[box].modseq;
	sim_trace(r->sim, "  %s %s: %s is a %s", r->store.name, sim_box_name[box], ram_text(r, m), is_replaced ? "pipe" : "file again");
}

void
damage_act(struct sim *s)
{
	struct ram *r = s->ram[sim_draw(s, SIDES)];
	int box = (int)sim_draw(s, SIM_BOXES);
	struct ram_box *b = &r->box[box];
	size_t at;

	if (r->kind != RAM_MAILDIR || !b->exists)
		return;
	sim_disturb(s, ORACLE_DISTURBED);
	switch (sim_draw(s, 3)) {
	case 0:
		/* Renamed as well, with placeholders in it, it is gone to any program, and so are they. */
		if (s->is_sized && b->in_list != b->epoch)
			break;
		damage_set(r, box, b->damage == RAM_BOX_AWAY ? RAM_WHOLE : RAM_BOX_AWAY);
		break;
	case 1:
		damage_set(r, box, b->damage == RAM_NEW_AWAY ? RAM_WHOLE : RAM_NEW_AWAY);
		break;
	default:
		at = b->messages.n > 0 ? sim_draw(s, b->messages.n) : 0;
		if (b->messages.n > 0 && b->messages.at[at].was_listed)
			set_replaced(r, box, at, sim_chance(s, 80));
		break;
	}
}

void
damage_mend(struct sim *s)
{
	size_t i;
	int side, box;

	for (side = 0; side < SIDES; side++)
		for (box = 0; box < SIM_BOXES; box++) {
			damage_set(s->ram[side], box, RAM_WHOLE);
			for (i = 0; i < s->ram[side]->box[box].messages.n; i++)
				set_replaced(s->ram[side], box, i, false);
		}
}
