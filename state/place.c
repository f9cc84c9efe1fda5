#include "state/place.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/vfs.h>
#endif

#include "state/base/mem.h"

const char *
place_network_name(unsigned long magic)
{
	static const struct { unsigned long magic; const char *name; } known[] = {
		{ 0x6969, "NFS" }, { 0x517B, "SMB" }, { 0xFF534D42, "CIFS" }, { 0xFE534D42, "SMB2" },
		{ 0x65735546, "FUSE" }, { 0x01021997, "9p" }, { 0x5346414F, "AFS" }, { 0x6B414653, "AFS" },
		{ 0x564C, "NCP" }, { 0x73757245, "Coda" }, { 0x00C36400, "Ceph" }, { 0x0BD00BD0, "Lustre" },
		{ 0x47504653, "GPFS" }, { 0x19830326, "BeeGFS" }, { 0x20030528, "OrangeFS" },
		{ 0x786F4256, "VirtualBox shared folders" }, { 0xBACBACBC, "VMware shared folders" },
	};
	size_t i;

	for (i = 0; i < sizeof known / sizeof known[0]; i++)
		if (known[i].magic == (magic & 0xFFFFFFFF))
			return known[i].name;
	return NULL;
}

/* NULL = local, or not known. */
static const char *
network_name_of(const char *dir)
{
#ifdef __linux__
	struct statfs fs;

	if (statfs(dir, &fs) == 0)
		return place_network_name((unsigned long)fs.f_type);
#endif
	(void)dir;
	return NULL;
}

/* The nearest directory at or above what `path` lies in that exists. The caller frees. */
static char *
nearest_directory(const char *path)
{
	char *dir = mem_strdup(path), *slash;
	struct stat st;

	while ((slash = strrchr(dir, '/')) != NULL) {
		slash[slash == dir] = '\0';
		if (stat(dir, &st) == 0 || strcmp(dir, "/") == 0)
			return dir;
	}
	free(dir);
	return mem_strdup(".");
}

static bool
is_local(const char *path)
{
	char *dir = nearest_directory(path);
	bool is = network_name_of(dir) == NULL && access(dir, W_OK) == 0;

	free(dir);
	return is;
}

int
place_refuse(const char *dir, const char *name, struct err *e)
{
	const char *home = getenv("HOME");
	char *state = mem_printf("%s/.local/state/mailtwin/", home != NULL ? home : "");
	char *var = mem_printf("/var/tmp/mailtwin-%lu/", (unsigned long)getuid());
	const char *instead = home != NULL && is_local(state) ? "~/.local/state/mailtwin/" : var;

	err_class(e, ERR_STORE, ERR_USAGE, ERR_NEVER, "%s is on a network file system (%s), where the state of "
	    "a channel would not be safe; put it on a local disk, with this line in the configuration: "
	    "SyncState %s", dir, name, instead);
	free(state);
	free(var);
	return -1;
}

int
place_check(const char *path, struct err *e)
{
	char *dir = nearest_directory(path);
	const char *name = network_name_of(dir);
	int result = name != NULL ? place_refuse(dir, name, e) : 0;

	free(dir);
	return result;
}

/* What holds for the directory and for each file: it is ours, and no one else may do there what `others` are. */
static int
check_owner(const char *path, mode_t others, const char *remedy, struct err *e)
{
	struct stat st;

	if (stat(path, &st) != 0)
		return 0;
	if (st.st_uid != geteuid())
		return err_class(e, ERR_STORE, ERR_FAILED, ERR_NEVER, "%s belongs to another user (%lu), who could change what "
		    "is known of the mail: give it to this user, or put the state elsewhere with SyncState", path,
		    (unsigned long)st.st_uid);
	if ((st.st_mode & others) != 0)
		return err_class(e, ERR_STORE, ERR_FAILED, ERR_NEVER, "%s is open to other users (mode %03o), and holds what is "
		    "known of the mail:  chmod %s %s", path, (unsigned)st.st_mode & 0777, remedy, path);
	return 0;
}

int
place_check_owner(const char *path, struct err *e)
{
	static const char *const ends[] = { ".mdb", ".lock" };
	const char *slash = strrchr(path, '/');
	char *dir = slash == NULL ? mem_strdup(".") : slash == path ? mem_strdup("/") : mem_printf("%.*s", (int)(slash - path), path);
	int result = check_owner(dir, S_IWGRP | S_IWOTH, "go-w", e);
	size_t i;

	for (i = 0; i < sizeof ends / sizeof ends[0] && result == 0; i++) {
		char *file = mem_printf("%s%s", path, ends[i]);

		result = check_owner(file, S_IRWXG | S_IRWXO, "600", e);
		free(file);
	}
	free(dir);
	return result;
}
