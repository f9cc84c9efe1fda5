/* What a store in RAM keeps of what goes with a message, and how it says so.
 *
 *   drops      flags of a delivery or a copy are not kept, though a change of flags is
 *   refuses    flags that it says it keeps, and does not: a delivery with them is refused (NO), or they are silently
 *              left off, or its adapter knows that they cannot be said at all (unfit)
 *   dates      a delivery with a date is refused
 *
 * None of it holds mail back, and no flag goes off on the side that has it: such stores are as calm as others.
 */
#include "tests/sim/store_ram_acts.h"

void
ram_draw_keeping(struct ram *r)
{
	static const uint32_t drops[] = { SIM_FLAGS_ALL & ~(uint32_t)FLAG_DELETED, FLAG_SEEN | FLAG_FORWARDED, SIM_KW_ALL,
		FLAG_FLAGGED | 1 << SIM_KW_SHIFT };
	static const uint32_t refuses[] = { SIM_KW_ALL, 1 << SIM_KW_SHIFT, 2 << SIM_KW_SHIFT, FLAG_FORWARDED,
		FLAG_FORWARDED | 5 << SIM_KW_SHIFT };
	struct sim *s = r->sim;

	if (r->kind == RAM_MAILDIR)
		return;
	if (sim_chance(s, 25))
		r->drops = drops[sim_draw(s, sizeof drops / sizeof drops[0])];
	if (sim_chance(s, 25)) {
		r->refuses = refuses[sim_draw(s, sizeof refuses / sizeof refuses[0])] & r->keeps;
		r->refusal = (enum ram_refusal)sim_draw(s, RAM_REFUSALS);
	}
	/* Kept by nobody's hand, but flags that are no keywords: those are only dropped without a word. */
	if (r->refuses == 0 && sim_chance(s, 6)) {
		r->refuses = FLAG_FLAGGED & r->keeps;
		r->refusal = RAM_SAYS_NOTHING;
	}
	r->refuses_dates = sim_chance(s, 10);
	r->keeps &= ~r->refuses;
}

uint32_t
ram_told(const struct ram *r)
{
	return r->keeps | r->refuses;
}

uint32_t
ram_kept(const struct ram *r, uint32_t flags)
{
	return flags & ~r->drops & r->keeps;
}

/* As sync/store/imap_deliver.c does it. */
static bool
go_again(struct ram *r, struct deliver_item *item)
{
	enum deliver_how was = item->how;

	if (item->how == DELIVER_TOGETHER && r->has_uidplus)
		item->how = DELIVER_ALONE;
	else if (r->kind == RAM_MAILDIR)
		return false;
	else if (item->how < DELIVER_BARE && (*item->flags.kw != '\0' || (item->flags.sys & FLAG_FORWARDED)))
		item->how = DELIVER_BARE;
	else if (item->date != 0)
		item->how = DELIVER_UNDATED;
	return item->how != was;
}

void
ram_leave_off(struct ram *r, struct deliver_item *item)
{
	if (r->refusal == RAM_UNFIT) {
		item->unkept = sim_flags(sim_bits(item->flags) & r->refuses, r->spells_lower);
		item->flags = sim_flags(sim_bits(item->flags) & ~r->refuses, r->spells_lower);
	}
}

void
ram_undress(struct deliver_item *item)
{
	if (item->how >= DELIVER_BARE)
		item->flags = (struct flags){ item->flags.sys & ~(uint32_t)FLAG_FORWARDED, "" };
	if (item->how == DELIVER_UNDATED)
		item->date = 0;
}

bool
ram_refuses_dress(const struct ram *r, const struct deliver_item *item)
{
	return (r->refusal == RAM_SAYS_NO && (sim_bits(item->flags) & r->refuses) != 0) || (r->refuses_dates && item->date != 0);
}

void
ram_may_go_again(struct ram *r, struct deliver_item *item)
{
	item->goes_again = item->err.retry != ERR_NEVER && go_again(r, item);
}
