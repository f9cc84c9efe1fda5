#include "state/model/name.h"

#include <string.h>

bool
name_is_below(const char *name, const char *above)
{
	size_t len = strlen(above);

	return strncmp(name, above, len) == 0 && name[len] == '/';
}

bool
name_is_at_or_below(const char *name, const char *top)
{
	return strcmp(name, top) == 0 || name_is_below(name, top);
}
