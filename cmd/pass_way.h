/* How a password comes to PassCmd on this machine: a key ring, pass, a helper for tokens; whichever is there. */
#ifndef CMD_PASS_WAY_H
#define CMD_PASS_WAY_H

#include "cmd/discover/offer.h"
#include "state/base/mem.h"

struct pass_way {
	const char *command;		/* for PassCmd; NULL = there is none, and it is asked for in each run */
	const char *before;		/* a command that puts it there, once; NULL = nothing is to be done */
	const char *words;		/* "the key ring (secret-tool)" */
};

/* name: of the account's sections, letters and digits and '-'. All in the arena. */
struct pass_way pass_way_find(const struct offer *in, const char *name, struct arena *a);

#endif
