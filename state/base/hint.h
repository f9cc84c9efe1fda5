/* What a person may type next, in a message: a command that works when it is pasted. */
#ifndef STATE_BASE_HINT_H
#define STATE_BASE_HINT_H

#include "state/base/mem.h"

struct hint {
	const char *command;		/* as typed, "mailtwin -c FILE"; NULL = the option alone is named (tests of the planner) */
	const char *channel;
};

/* "mailtwin --restore 'Sent Items' mail"; word NULL = the option takes none. In the arena. */
const char *hint_option(struct arena *a, const struct hint *h, const char *option, const char *word);

#endif
