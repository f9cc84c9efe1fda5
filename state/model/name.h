/* Names of mailboxes as all layers know them: levels apart by '/'. */
#ifndef STATE_MODEL_NAME_H
#define STATE_MODEL_NAME_H

#include <stdbool.h>

bool name_is_below(const char *name, const char *above);	/* at any depth; not the same */
bool name_is_at_or_below(const char *name, const char *top);

#endif
