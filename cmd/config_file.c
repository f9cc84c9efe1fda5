#include "cmd/config_file.h"

#include <pwd.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "state/base/mem.h"

/* A directory of the XDG specification, without a final "/"; the caller frees it. */
static char *
xdg_dir(const char *variable, const char *home, const char *standard)
{
	if (variable != NULL && variable[0] == '/')
		return mem_strdup(variable);
	return mem_printf("%s/%s", home, standard);
}

/* A link that leads nowhere is there: opening it will say what is wrong. */
static bool
exists(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0;
}

int
config_file_find(const char *option, const char *xdg_config_home, const char *home,
    struct config_file *file, struct err *e)
{
	char *dir = xdg_dir(xdg_config_home, home, ".config");
	char *places[CONFIG_PLACES] = { mem_printf("%s/mailtwin/mbsyncrc", dir),
		mem_printf("%s/isyncrc", dir), mem_printf("%s/.mbsyncrc", home) };
	int rc = -1;

	*file = (struct config_file){ .used = option != NULL ? mem_strdup(option) : NULL };
	for (size_t i = 0; i < CONFIG_PLACES; i++) {
		if (!exists(places[i]) || (option != NULL && strcmp(option, places[i]) == 0))
			continue;
		if (file->used == NULL)
			file->used = mem_strdup(places[i]);
		else
			file->shadowed[file->n_shadowed++] = mem_strdup(places[i]);
	}
	if (file->used == NULL) {
		err_class(e, ERR_RUN, ERR_USAGE, ERR_NEVER, "there is no configuration: neither %s nor %s nor "
		    "%s exists; `mailtwin init ADDRESS` makes one", places[0], places[1], places[2]);
		goto done;
	}
	rc = 0;
done:
	for (size_t i = 0; i < CONFIG_PLACES; i++)
		free(places[i]);
	free(dir);
	return rc;
}

void
config_file_release(struct config_file *file)
{
	free(file->used);
	for (size_t i = 0; i < file->n_shadowed; i++)
		free(file->shadowed[i]);
	*file = (struct config_file){ .used = NULL };
}

char *
config_home(void)
{
	const char *home = getenv("HOME");
	struct passwd *pw;

	if (home != NULL && home[0] != '\0')
		return mem_strdup(home);
	pw = getpwuid(getuid());
	return mem_strdup(pw != NULL && pw->pw_dir != NULL ? pw->pw_dir : "/");
}

char *
config_state_dir(const char *xdg_state_home, const char *home)
{
	char *dir = xdg_dir(xdg_state_home, home, ".local/state");
	char *state = mem_printf("%s/mailtwin/", dir);

	free(dir);
	return state;
}
