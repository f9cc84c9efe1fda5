/* A server with MESSAGELIMIT (RFC 9738): of what one command asks for it does the first N, and says so. Its adapter says the rest again,
 * people being about meanwhile; in runs with trouble the server does no more of it: then that is told, and stays to be done. */
#include "tests/sim/store_ram_acts.h"

void
ram_draw_limit(struct ram *r)
{
	if (r->kind == RAM_MAILDIR || !sim_chance(r->sim, 15))
		return;
	r->limit = 1 + sim_draw(r->sim, 3);
	sim_trace(r->sim, "  %s does %zu of what it is asked", r->store.name, r->limit);
}

bool
ram_is_cut(struct ram_session *c, size_t asked)
{
	struct ram *r = (struct ram *)c->session.store;

	if (r->limit == 0 || asked == 0 || asked % r->limit != 0)
		return false;
	ram_meanwhile(c, "before the rest is said again");
	if (!sim_happens(r->sim, 3 * r->sim->trouble.item))
		return false;
	sim_disturb(r->sim, ORACLE_DISTURBED);
	sim_trace(r->sim, "  %s: does a part, and no more when asked again", r->store.name);
	return true;
}

void
ram_cut(struct ram *r, enum err_scope scope, struct err *why)
{
	err_class(why, scope, ERR_FAILED, ERR_LATER, "%s: the server did a part of what it was asked to (MESSAGELIMIT), and no more when "
	    "asked again", r->store.name);
}
