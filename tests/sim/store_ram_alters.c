/* Stores that alter the messages they take, whoever brings them: raw octets in the header are replaced (Cyrus), bare CRs and
 * blanks at the end of header lines are dropped, lines of an mbox are added or taken out. A message is what it is all the same:
 * after a lost state both forms of it are paired, and it is not there twice. */
#include "tests/sim/store_ram.h"

void
ram_draw_alters(struct ram *r)
{
	static const unsigned adds[] = { FORM_ASCII, FORM_NO_CR, FORM_TRIMMED, FORM_STATUS, FORM_ASCII | FORM_NO_CR,
		FORM_ASCII | FORM_NO_CR | FORM_TRIMMED | FORM_STATUS };
	struct sim *s = r->sim;

	if (r->kind == RAM_MAILDIR || !sim_chance(s, 25))
		return;
	if (sim_chance(s, 80))
		r->alters = adds[sim_draw(s, sizeof adds / sizeof adds[0])];
	else
		r->takes_out = FORM_STATUS;
	s->has_features = true;
	sim_trace(s, "  %s alters what it takes (%x), takes out %x", r->store.name, r->alters, r->takes_out);
}

unsigned
ram_altered(const struct ram *r, unsigned form)
{
	return (form | r->alters) & ~r->takes_out;
}
