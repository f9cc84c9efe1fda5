/* Lets a program of an unpacked package tree find its own files: a preloaded library that puts
 * $TREE before each path beginning with /usr/lib/dovecot, and before /usr/bin/doveconf. Dovecot loads
 * its TLS module from the first and runs the second to read its configuration; no setting changes
 * either path.
 *
 * Used by servers.py alone, through LD_PRELOAD. Every other path is left as it is.
 */
#include <dirent.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char modules[] = "/usr/lib/dovecot";
static const char doveconf[] = "/usr/bin/doveconf";

/* The path inside the tree, in `room`, or `path` itself. */
static const char *
in_tree(const char *path, char room[static 4096])
{
	const char *tree = getenv("TREE");

	if (path == NULL || tree == NULL)
		return path;
	if (strncmp(path, modules, sizeof(modules) - 1) != 0 && strcmp(path, doveconf) != 0)
		return path;
	if (snprintf(room, 4096, "%s%s", tree, path) >= 4096)
		return path;
	return room;
}

static void *
next(const char *name)
{
	void *f = dlsym(RTLD_NEXT, name);

	if (f == NULL)
		abort();
	return f;
}

DIR *
opendir(const char *path)
{
	DIR *(*f)(const char *) = (DIR *(*)(const char *))next("opendir");
	char room[4096];

	return f(in_tree(path, room));
}

void *
dlopen(const char *path, int mode)
{
	void *(*f)(const char *, int) = (void *(*)(const char *, int))next("dlopen");
	char room[4096];

	return f(in_tree(path, room), mode);
}

int
access(const char *path, int mode)
{
	int (*f)(const char *, int) = (int (*)(const char *, int))next("access");
	char room[4096];

	return f(in_tree(path, room), mode);
}

int
execv(const char *path, char *const argv[])
{
	int (*f)(const char *, char *const[]) = (int (*)(const char *, char *const[]))next("execv");
	char room[4096];

	return f(in_tree(path, room), argv);
}
