#include "sync/maildir/folder_state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sync/maildir/disk.h"

const char *
folder_identities(struct arena *a, const char *above, const struct stamp *dir)
{
	return arena_printf(a, "%s%s%llu:%lld", above, *above != '\0' ? "/" : "", (unsigned long long)dir->ino,
	    (long long)dir->btime);
}

/* Where the way to a mailbox begins: what must be there before anything in it can be missing. */
static char *
top_of(const struct layout *l, struct arena *a, const char *name)
{
	char *parent, *top;

	if (!layout_is_in_inbox(l, name))
		return layout_root(l, a);
	parent = disk_parent(l->inbox);
	top = arena_strdup(a, parent);
	free(parent);
	return top;
}

static enum folder_state
away(struct err *e, const char *path, const char *what)
{
	err_class(e, ERR_BOX, ERR_FAILED, ERR_LATER, "%s %s", path, what);
	return FOLDER_AWAY;
}

static enum folder_state
not_known(struct err *e, enum err_scope scope, const char *path)
{
	disk_err(e, scope, errno, "%s cannot be looked at", path);
	return FOLDER_NOT_KNOWN;
}

/* A name is missing from the directory with these identities. */
static enum folder_state
missing(struct err *e, const char *path, const char *now, const char *was)
{
	size_t len = strlen(now);

	if (was == NULL || *was == '\0' || (strncmp(now, was, len) == 0 && (was[len] == '\0' || was[len] == '/')))
		return FOLDER_ABSENT;
	return away(e, path, "is not there, and the directory it was in is another one now, or is not mounted");
}

/* There is something of that name, which cannot be entered (errno). */
static enum folder_state
not_entered(struct err *e, const char *path)
{
	if (errno == ENOENT || errno == ELOOP)
		return away(e, path, "is a link to nowhere");
	if (errno == ENOTDIR)
		return away(e, path, "is no directory now");
	return not_known(e, ERR_BOX, path);
}

static enum folder_state
look_inside(struct err *e, const char *path)
{
	struct stamps stamps;
	int fd = disk_opendir(AT_FDCWD, path), rc, sys;

	if (fd < 0)
		return not_entered(e, path);
	rc = stamp_take_both(fd, &stamps);
	sys = errno;
	close(fd);
	errno = sys;
	if (rc == 0)
		return FOLDER_THERE;
	if (errno == ENOENT)
		return away(e, path, "is a directory without cur now");
	if (errno == ENOTDIR || errno == ELOOP)
		return away(e, path, "has something else than directories as cur and new now");
	return not_known(e, ERR_BOX, path);
}

/* From `top`, with which path begins, down. */
static enum folder_state
go_down(struct arena *a, const char *path, size_t top, const char *was, struct err *e)
{
	const char *now = "", *here = arena_strndup(a, path, top), *slash = path + top;
	struct stamp dir;
	struct stat st;

	if (stamp_take(AT_FDCWD, *here != '\0' ? here : "/", &dir) < 0)
		return not_known(e, ERR_STORE, here);
	for (;;) {
		now = folder_identities(a, now, &dir);
		slash = strchr(slash + 1, '/');
		here = slash != NULL ? arena_strndup(a, path, (size_t)(slash - path)) : path;
		if (lstat(here, &st) < 0)
			return errno == ENOENT ? missing(e, here, now, was) : not_known(e, ERR_BOX, here);
		if (slash == NULL)
			return look_inside(e, path);
		if (stamp_take(AT_FDCWD, here, &dir) < 0)
			return not_entered(e, here);
	}
}

enum folder_state
folder_state(const struct layout *l, const char *name, const char *above, struct err *e)
{
	struct arena a = { 0 };
	char *path = layout_path(l, &a, name, e), *top;
	enum folder_state state = FOLDER_NOT_KNOWN;

	if (path != NULL) {
		top = top_of(l, &a, name);
		state = go_down(&a, path, strcmp(top, "/") == 0 ? 0 : strlen(top), above, e);
	}
	arena_release(&a);
	return state;
}
