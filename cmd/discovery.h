/* Asks the network which servers an address has, by mailtwin-discover, a program of its own (cmd/discover/). */
#ifndef CMD_DISCOVERY_H
#define CMD_DISCOVERY_H

#include "cmd/discover/offer.h"
#include "state/base/err.h"
#include "state/base/mem.h"

struct discovery {
	struct offers offers;
	VEC(const char *) exchangers;	/* hosts to which the domain's mail goes, the first one first; in the arena */
	VEC(const char *) notes;	/* what did not come, and why; in the arena, as a stranger wrote it */
	struct arena arena;
};

/* *d_r is zeroed by this. -1: the program is not there, or broke off; what it said before that stands. */
int discovery_ask(const char *address, struct discovery *d_r, struct err *e);
void discovery_release(struct discovery *d);

#endif
