#include "cmd/program.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "state/base/mem.h"

bool
program_is_there(const char *name)
{
	const char *path = getenv("PATH"), *end;
	bool is_there = false;
	char *full;

	if (strchr(name, '/') != NULL)
		return access(name, X_OK) == 0;
	for (; path != NULL && *path != '\0' && !is_there; path = *end == ':' ? end + 1 : end) {
		end = path + strcspn(path, ":");
		full = mem_printf("%.*s/%s", (int)(end - path), path, name);
		is_there = access(full, X_OK) == 0;
		free(full);
	}
	return is_there;
}
