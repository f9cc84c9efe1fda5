/* A server that says OK to a question for changes and leaves something out: messages that are new, UIDs that vanished, or UIDs that
 * are there (SEARCH). The number of messages tells, and a full list follows, or nothing has vanished (R2, R25). A change of flags that is
 * left out shows in no number: nobody could know of it. */
#include "tests/sim/store_ram.h"

/* Of a mailbox whose messages are counted (CONDSTORE): one that came and is left out makes up for one that went. */
static bool
is_made_up_for(const struct ram *r, const struct delta *d)
{
	const struct ram_box *b = &r->box[sim_box(d->box)];
	uint64_t since[RAM_CURSOR_WORDS], added = 0;
	size_t i;

	memcpy(since, d->since.data, sizeof since);
	for (i = 0; i < b->messages.n; i++)
		added += b->messages.at[i].uid >= since[1] && !b->messages.at[i].is_hidden;
	return r->kind == RAM_CONDSTORE && d->known + added == ram_shown_count(b) + 1;
}

enum ram_short
ram_draw_short(struct ram *r, const struct delta *d)
{
	static const char *const words[] = { "", "a new message", "what vanished", "UIDs that are there", "a change of flags" };
	enum ram_short what;

	if (!sim_happens(r->sim, r->sim->trouble.partial))
		return RAM_SHORT_OF_NOTHING;
	what = (enum ram_short)(1 + sim_draw(r->sim, RAM_SHORTS - 1));
	if (what == RAM_SHORT_OF_NEW && is_made_up_for(r, d))
		return RAM_SHORT_OF_NOTHING;
	sim_disturb(r->sim, ORACLE_DISTURBED);
	sim_trace(r->sim, "%s: the changes of %s leave out %s, perhaps", r->store.name, d->box, words[what]);
	return what;
}

bool
ram_leaves_out(struct ram *r, int box, enum ram_short what, enum ram_short kind, const struct ram_message *m)
{
	if (what != kind || !sim_chance(r->sim, 60))
		return false;
	/* What the program put there itself it counts already. */
	if (kind == RAM_SHORT_OF_NEW && m->is_ours)
		return false;
	/* Nor what came between the numbers and the list of an earlier look: that was shown, and what is left out is a change. */
	if (kind == RAM_SHORT_OF_FLAGS || (kind == RAM_SHORT_OF_NEW && (m->is_shown || m->was_shown))) {
		oracle_lied(r->sim->oracle, box, m->c->serial);
		/* It comes out when that message is changed or copied. */
		r->sim->has_lied = true;
	}
	return true;
}
