#include "sync/maildir/folderops.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "state/base/step.h"
#include "state/base/vec.h"
#include "sync/maildir/disk.h"
#include "sync/maildir/filename.h"
#include "sync/maildir/folder_state.h"
#include "sync/maildir/stamp.h"

/* mkdir, and the directory above made durable. */
static int
make_dir(const struct mdir_settings *set, const char *path, struct err *e)
{
	int made = disk_mkdir(path, e), rc = 0;
	char *parent;

	if (made != 1 || !set->fsync)
		return made;
	parent = disk_parent(path);
	rc = disk_sync_path(parent, e);
	free(parent);
	return rc < 0 ? -1 : 1;
}

/* Invariant 3: a directory that was "there" must be listed by the very name it was asked for by. */
static int
check_spelling(const char *path, struct err *e)
{
	const char *last = strrchr(path, '/') + 1, *other = NULL;
	char *parent = disk_parent(path);
	DIR *dir = opendir(parent);
	struct dirent *de;
	bool is_there = false;

	if (dir == NULL) {
		free(parent);
		return disk_err(e, ERR_BOX, errno, "the directory above %s cannot be read", path);
	}
	while (!is_there && (de = readdir(dir)) != NULL) {
		is_there = strcmp(de->d_name, last) == 0;
		if (strcasecmp(de->d_name, last) == 0)
			other = "another one whose name differs in letter case only";
	}
	closedir(dir);
	free(parent);
	if (is_there)
		return 0;
	return err_class(e, ERR_BOX, ERR_FAILED, ERR_NEVER, "%s cannot be made: the file system takes it for %s",
	    path, other != NULL ? other : "another directory");
}

/* Makes the missing directories from root (which must be there) down to path. */
static int
make_path(const struct mdir_settings *set, const char *root, char *path, struct err *e)
{
	char *slash = path + strlen(root);
	int made;

	for (;;) {
		slash = strchr(slash + 1, '/');
		if (slash != NULL)
			*slash = '\0';
		made = make_dir(set, path, e);
		if (made < 0 || (made == 0 && check_spelling(path, e) < 0))
			return -1;
		if (slash == NULL)
			return 0;
		*slash = '/';
	}
}

/* The directory that must be there before `path` may be made: what people mount or make themselves. */
static char *
base_of(const struct layout *l, struct arena *a, const char *name)
{
	char *parent, *base;

	if (!layout_is_in_inbox(l, name))
		return layout_root(l, a);
	parent = disk_parent(l->inbox);
	base = arena_strdup(a, parent);
	free(parent);
	return base;
}

int
folderops_create(const struct layout *l, const struct mdir_settings *set, const char *name, struct err *e)
{
	static const char *const subs[] = { "tmp", "new", "cur" };	/* invariant 1 */
	struct arena a = { 0 };
	char *path = layout_path(l, &a, name, e), *base;
	struct stat st;
	size_t i;
	int rc = -1;

	if (path == NULL)
		goto done;
	base = base_of(l, &a, name);
	if (stat(base, &st) < 0) {
		disk_err_missing(e, ERR_STORE, errno, "", base);
		goto done;
	}
	if (strcmp(base, "/") == 0)
		base = arena_strdup(&a, "");
	if (make_path(set, base, path, e) < 0)
		goto done;
	for (i = 0; i < sizeof subs / sizeof subs[0]; i++)
		if (make_dir(set, arena_printf(&a, "%s/%s", path, subs[i]), e) < 0)
			goto done;
	rc = 0;
done:
	arena_release(&a);
	return rc;
}

/* Removes from tmp/ what is ours or older than 36 hours; what remains is somebody's delivery. */
static int
empty_tmp(struct mdir *m, struct err *e)
{
	struct arena a = { 0 };
	int fd = disk_opendir(m->fd, "tmp"), rc = 0;
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *de;

	if (dir == NULL) {
		if (fd >= 0)
			close(fd);
		return 0;
	}
	while (rc >= 0 && (de = readdir(dir)) != NULL)
		if (filename_is_our_tmp(de->d_name) || mdir_is_old_tmp(fd, de->d_name))
			rc = disk_unlink(fd, de->d_name, mdir_shown(m, &a, "tmp", de->d_name), e);
	closedir(dir);
	arena_release(&a);
	return rc < 0 ? -1 : 0;
}

static int
remove_dir(int at_fd, const char *sub, const char *shown, struct err *e)
{
	if (step(STEP_UNLINK, shown, e) < 0)
		return -1;
	if (unlinkat(at_fd, sub, AT_REMOVEDIR) == 0 || errno == ENOENT)
		return 0;
	if (errno == ENOTEMPTY || errno == EEXIST)
		return err_class(e, ERR_BOX, ERR_FAILED, ERR_NOW, "%s is kept: something came into it meanwhile",
		    shown);
	return disk_err(e, ERR_BOX, errno, "%s cannot be removed", shown);
}

/* Files that mail programs keep beside cur/, worth nothing without it. */
static bool
is_index(const char *name)
{
	static const char *const known[] = { ".uidvalidity", ".isyncuidmap.db", ".mbsyncstate", ".mbsyncstate.new",
		".mbsyncstate.journal", ".mbsyncstate.lock", "maildirfolder", "maildirsize", "subscriptions",
		".customflags", "cache" };
	size_t i;

	for (i = 0; i < sizeof known / sizeof known[0]; i++)
		if (strcmp(name, known[i]) == 0)
			return true;
	return strncmp(name, "dovecot", 7) == 0 || strncmp(name, "courierimap", 11) == 0;
}

/* The mailbox's own directory, unless others keep something there; it is no mailbox any more anyway. */
static int
remove_rest(struct mdir *m, const char *parent, struct err *e)
{
	struct arena a = { 0 };
	int fd = disk_opendir(m->fd, "."), rc = 0;
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *de;
	size_t others = 0;

	if (dir == NULL) {
		if (fd >= 0)
			close(fd);
		return 0;
	}
	while ((de = readdir(dir)) != NULL)
		others += strcmp(de->d_name, ".") != 0 && strcmp(de->d_name, "..") != 0 && !is_index(de->d_name);
	rewinddir(dir);
	while (others == 0 && rc >= 0 && (de = readdir(dir)) != NULL)
		if (is_index(de->d_name))
			rc = disk_unlink(fd, de->d_name, arena_printf(&a, "%s/%s", m->path, de->d_name), e);
	closedir(dir);
	if (others == 0 && rc >= 0) {
		rc = step(STEP_UNLINK, m->path, e);
		if (rc == 0)
			rmdir(m->path);
	}
	if (rc >= 0 && m->set->fsync)
		rc = disk_sync_path(others == 0 ? parent : m->path, e);
	arena_release(&a);
	return rc < 0 ? -1 : 0;
}

static int
remove_messages(struct mdir *m, const struct scan *s, bool *is_begun_r, struct err *e)
{
	struct arena a = { 0 };
	size_t i;
	int rc = 0;

	for (i = 0; i < s->entries.n && rc >= 0; i++) {
		const struct scan_entry *entry = &s->entries.at[i];
		const char *sub = mdir_sub(entry->is_new);

		*is_begun_r = true;
		rc = disk_unlink(mdir_sub_fd(m, entry->is_new), entry->key.data, mdir_shown(m, &a, sub, entry->key.data), e);
	}
	arena_release(&a);
	return rc < 0 ? -1 : 0;
}

/* What is no message was never counted by anybody, so nobody meant to remove it. */
static int
check_odd(const struct mdir *m, const struct scan *s, struct err *e)
{
	const struct scan_odd *odd = s->odd.at;

	if (s->odd.n == 0)
		return 0;
	return err_set(e, ERR_BOX, "mailbox %s is kept: %s/%s/%s is no message that is synchronised (it %s)", m->name,
	    m->path, mdir_sub(odd->is_new), odd->name, odd->why);
}

/* It cannot be opened: one that is gone is fine, and of one that was removed but for its own directory that is removed. */
static int
remove_again(const struct layout *l, const struct mdir_settings *set, const char *name, char *path, struct err *e)
{
	static const char *const subs[] = { "cur", "new", "tmp" };
	struct mdir m = MDIR_CLOSED;
	struct stat st;
	char *parent;
	size_t i;
	int rc = -1;

	if (folder_state(l, name, NULL, e) == FOLDER_ABSENT)
		return 0;
	m.fd = disk_opendir(AT_FDCWD, path);
	for (i = 0; m.fd >= 0 && i < sizeof subs / sizeof subs[0]; i++)
		if (fstatat(m.fd, subs[i], &st, AT_SYMLINK_NOFOLLOW) == 0)
			goto done;
	if (m.fd < 0)
		return -1;
	m.set = set;
	m.path = path;
	parent = disk_parent(path);
	rc = remove_rest(&m, parent, e);
	free(parent);
done:
	close(m.fd);
	return rc;
}

int
folderops_remove(const struct layout *l, const struct mdir_settings *set, const char *name, bool *is_begun_r,
    struct err *e)
{
	struct mdir m = MDIR_CLOSED;
	struct scan s = { 0 };
	struct arena a = { 0 };
	char *path = layout_path(l, &a, name, e), *parent = NULL;
	int rc = -1;

	*is_begun_r = false;
	if (path == NULL)
		goto done;
	if (layout_is_inbox(l, name)) {
		err_class(e, ERR_BOX, ERR_FAILED, ERR_NEVER, "INBOX is never removed");
		goto done;
	}
	if (mdir_open(&m, set, name, path, 0, e) < 0) {
		rc = remove_again(l, set, name, path, e);
		goto done;
	}
	parent = disk_parent(path);
	/* tmp/ first: without it nobody starts another delivery, and one under way stops us before anything
	 * is lost. */
	if (empty_tmp(&m, e) < 0 || remove_dir(m.fd, "tmp", arena_printf(&a, "%s/tmp", path), e) < 0 ||
	    scan_make(&s, &m, false, e) < 0 || check_odd(&m, &s, e) < 0 ||
	    remove_messages(&m, &s, is_begun_r, e) < 0 ||
	    remove_dir(m.fd, "new", arena_printf(&a, "%s/new", path), e) < 0 ||
	    remove_dir(m.fd, "cur", arena_printf(&a, "%s/cur", path), e) < 0)
		goto done;
	*is_begun_r = true;
	rc = remove_rest(&m, parent, e);
done:
	scan_release(&s);
	mdir_close(&m);
	arena_release(&a);
	free(parent);
	return rc;
}

static int
rename_dir(const struct mdir_settings *set, const char *from, const char *to, struct err *e)
{
	char *what = mem_printf("%s\n%s", from, to), *from_parent = disk_parent(from), *to_parent = disk_parent(to);
	int rc = -1;

	if (step(STEP_RENAME, what, e) < 0)
		goto done;
	if (disk_rename_noreplace(AT_FDCWD, from, AT_FDCWD, to) < 0) {
		disk_err(e, ERR_BOX, errno, "%s cannot be renamed to %s", from, to);
		goto done;
	}
	rc = 0;
	if (set->fsync && disk_sync_path(to_parent, e) < 0)
		rc = -1;
	if (rc == 0 && set->fsync && strcmp(from_parent, to_parent) != 0)
		rc = disk_sync_path(from_parent, e);
done:
	free(what);
	free(from_parent);
	free(to_parent);
	return rc;
}

/* A Maildir++ keeps the folders below beside it: ".a.b" with ".a"; and so does a store with Flatten. */
static int
rename_below(const struct layout *l, const struct mdir_settings *set, const char *from, const char *to,
    bool *is_begun_r, struct err *e)
{
	const char *prefix = strrchr(from, '/') + 1, *parted = l->flatten != NULL ? l->flatten : ".";
	char *parent = disk_parent(from);
	size_t i, len = strlen(prefix);
	VEC(char *) below = { 0 };
	DIR *dir = opendir(parent);
	struct dirent *de;
	char *old, *new;
	int rc = 0;

	if (dir == NULL) {
		rc = disk_err(e, ERR_BOX, errno, "%s cannot be read", parent);
		goto done;
	}
	while ((de = readdir(dir)) != NULL)
		if (strncmp(de->d_name, prefix, len) == 0 && strncmp(de->d_name + len, parted, strlen(parted)) == 0)
			vec_push(&below, mem_strdup(de->d_name));
	closedir(dir);
	for (i = 0; i < below.n && rc == 0; i++) {
		old = mem_printf("%s/%s", parent, below.at[i]);
		new = mem_printf("%s%s", to, below.at[i] + len);
		rc = rename_dir(set, old, new, e);
		*is_begun_r = true;
		free(old);
		free(new);
	}
	for (i = 0; i < below.n; i++)
		free(below.at[i]);
	vec_release(&below);
done:
	free(parent);
	return rc;
}

int
folderops_rename(const struct layout *l, const struct mdir_settings *set, const char *from, const char *to,
    bool *is_begun_r, struct err *e)
{
	struct arena a = { 0 };
	char *old = layout_path(l, &a, from, e), *new = NULL, *parent = NULL, *base;
	struct stat st;
	int rc = -1;

	*is_begun_r = false;
	if (old != NULL)
		new = layout_path(l, &a, to, e);
	if (new == NULL)
		goto done;
	if (layout_is_inbox(l, from) || layout_is_inbox(l, to)) {
		err_class(e, ERR_BOX, ERR_FAILED, ERR_NEVER, "INBOX is never renamed");
		goto done;
	}
	parent = disk_parent(new);
	base = base_of(l, &a, to);
	if (stat(base, &st) < 0) {
		disk_err_missing(e, ERR_STORE, errno, "", base);
		goto done;
	}
	if (strlen(parent) > strlen(base) && make_path(set, base, parent, e) < 0)
		goto done;
	if (rename_dir(set, old, new, e) < 0)
		goto done;
	*is_begun_r = true;
	rc = l->kind == NAMES_MAILDIRPP || l->flatten != NULL ? rename_below(l, set, old, new, is_begun_r, e) : 0;
done:
	free(parent);
	arena_release(&a);
	return rc;
}
