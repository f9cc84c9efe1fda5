#include "sync/channel_check.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "state/base/mem.h"
#include "state/base/shell_word.h"
#include "state/dump.h"

/* The directory of a path, or the nearest one above it that is there. */
static char *
directory_of(struct arena *a, const char *path)
{
	char *at = arena_strdup(a, path), *slash;
	struct stat st;

	do {
		slash = strrchr(at, '/');
		if (slash == NULL)
			return arena_strdup(a, ".");
		slash[slash == at] = '\0';
	} while (stat(at, &st) < 0 && strcmp(at, "/") != 0);
	return at;
}

/* -1: no run can write there. */
static int
check_directory(const char *path, const char *where, struct arena *a, const struct findings *out)
{
	static const unsigned long long little = 50ULL * 1000 * 1000;
	const char *directory = directory_of(a, path);
	struct statvfs fs;
	struct err e;

	if (faccessat(AT_FDCWD, directory, R_OK | W_OK | X_OK, AT_EACCESS) < 0) {
		err_sys(&e, ERR_STORE, errno, "%s cannot be written", directory);
		finding_fail(out, "state", where, arena_printf(a, "chmod u+rwx %s; or, if it is another's: chown", shell_word(a, directory)), &e);
		return -1;
	}
	if (statvfs(directory, &fs) == 0 && (unsigned long long)fs.f_bavail * fs.f_frsize < little)
		finding_warn(out, "space", where, "make room there", "%llu MB are left on the disk of %s, where the state is",
		    (unsigned long long)fs.f_bavail * fs.f_frsize / 1000000, directory);
	return 0;
}

/* All of it is read, as a dump reads it: who owns it and who else may write there is looked at when it is opened. */
static int
read_all(const struct state_place *place, struct err *e)
{
	struct state *state = NULL;
	FILE *nowhere;
	int rc;

	if (state_open(place, &state, e) < 0)
		return -1;
	nowhere = fopen("/dev/null", "we");
	rc = nowhere != NULL ? state_dump(state, nowhere, e) : err_sys(e, ERR_RUN, errno, "/dev/null");
	if (nowhere != NULL)
		fclose(nowhere);
	state_close(&state);
	return rc;
}

static void
check_file(const struct channel *set, const char *where, struct arena *a, const struct findings *out)
{
	const char *file = arena_printf(a, "%s.mdb", set->state.path);
	struct state_place place = set->state;
	struct stat st;
	struct err e;

	place.is_dry = true;
	if (read_all(&place, &e) < 0)
		finding_fail(out, "state", where, e.class == ERR_TEMPORARY ? "ask again when that run has ended" : NULL, &e);
	else if (stat(file, &st) < 0)
		finding_ok(out, "state", where, "there is none yet: the first run pairs what is equal on both sides");
	else
		finding_ok(out, "state", where, "%s, %lld kB, whole", file, (long long)st.st_size / 1000);
}

void
channel_check(const struct channel *set, const struct findings *out)
{
	struct arena a = { 0 };
	const char *where = arena_printf(&a, "channel %s", set->name);

	if (set->state.path != NULL && check_directory(set->state.path, where, &a, out) == 0)
		check_file(set, where, &a, out);
	arena_release(&a);
}
