#include "sync/maildir/mdir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "state/base/step.h"
#include "sync/maildir/disk.h"
#include "sync/maildir/filename.h"

#define OLD_TMP (INT64_C(36) * 3600 * 1000000000)

static void
close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void
mdir_close(struct mdir *m)
{
	close_fd(&m->fd);
	close_fd(&m->cur_fd);
	close_fd(&m->new_fd);
	close_fd(&m->tmp_fd);
	free(m->name);
	free(m->path);
	scan_release(&m->scans[0]);
	scan_release(&m->scans[1]);
	*m = MDIR_CLOSED;
}

static int
open_missing(struct mdir *m, int sys, struct err *e)
{
	char *above = mem_strdup(m->path), *slash = strrchr(above, '/');
	int rc = 0;

	if (slash != NULL && slash != above)
		*slash = '\0';
	if (sys == ENOENT && access(above, F_OK) < 0 && errno == ENOENT) {
		disk_err_missing(e, ERR_BOX, sys, "", above);
		rc = err_context(e, "mailbox %s", m->name);
	}
	free(above);
	if (rc < 0)
		return rc;
	if (sys == ENOENT || sys == ENOTDIR)
		return err_sys(e, ERR_BOX, sys, "there is no mailbox %s at %s", m->name, m->path);
	return disk_err(e, ERR_BOX, sys, "mailbox %s at %s cannot be opened", m->name, m->path);
}

int
mdir_open(struct mdir *m, const struct mdir_settings *set, const char *name, const char *path,
    uint64_t epoch, struct err *e)
{
	struct stamp cur;
	int rc = -1;

	*m = MDIR_CLOSED;
	m->set = set;
	m->name = mem_strdup(name);
	m->path = mem_strdup(path);
	m->fd = disk_opendir(AT_FDCWD, path);
	if (m->fd >= 0)
		m->cur_fd = disk_opendir(m->fd, "cur");
	if (m->cur_fd < 0) {
		open_missing(m, errno, e);
		goto done;
	}
	m->new_fd = disk_opendir(m->fd, "new");
	if (m->new_fd < 0 && errno != ENOENT) {
		open_missing(m, errno, e);
		goto done;
	}
	m->tmp_fd = disk_opendir(m->fd, "tmp");		/* only writers need it: mdir_prepare() complains */
	if (stamp_take(m->cur_fd, NULL, &cur) < 0) {
		open_missing(m, errno, e);
		goto done;
	}
	m->epoch = cur.ino;
	m->dev = cur.dev;
	if (epoch != 0 && epoch != m->epoch) {
		err_class(e, ERR_BOX, ERR_FAILED, ERR_NOW, "mailbox %s at %s is not the one that was read: its "
		    "directory was replaced", name, path);
		goto done;
	}
	rc = 0;
done:
	if (rc < 0)
		mdir_close(m);
	return rc;
}

const char *
mdir_shown(struct mdir *m, struct arena *a, const char *sub, const char *name)
{
	return arena_printf(a, "%s/%s/%s", m->path, sub, name);
}

static int
make_sub(struct mdir *m, const char *sub, int *fd, struct err *e)
{
	struct arena a = { 0 };
	int made, rc = -1;

	if (*fd >= 0)
		return 0;
	made = disk_mkdir(arena_printf(&a, "%s/%s", m->path, sub), e);
	if (made < 0)
		goto done;
	*fd = disk_opendir(m->fd, sub);
	if (*fd < 0) {
		disk_err(e, ERR_BOX, errno, "%s/%s cannot be opened", m->path, sub);
		goto done;
	}
	rc = made && m->set->fsync ? disk_sync(m->fd, false, m->path, e) : 0;
done:
	arena_release(&a);
	return rc;
}

int
mdir_make_tmp(const struct mdir *m, const char *name)
{
	const int flags = O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC;
	int fd = openat(m->tmp_fd, name, flags, 0600);

	if (fd < 0 && errno == EEXIST && unlinkat(m->tmp_fd, name, 0) == 0)
		fd = openat(m->tmp_fd, name, flags, 0600);
	return fd;
}

bool
mdir_is_old_tmp(int tmp_fd, const char *name)
{
	struct stat st;

	/* ctime: mtime may already be the arrival date, long ago, of a file being delivered. */
	return fstatat(tmp_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    disk_clock() - (int64_t)st.st_ctim.tv_sec * 1000000000 > OLD_TMP;
}

/* Failing to clean is no reason to stop: only a death at a step is passed on. */
int
mdir_clean(struct mdir *m, struct err *e)
{
	struct arena a = { 0 };
	struct dirent *de;
	int fd = disk_opendir(m->fd, "tmp");
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;

	if (dir == NULL) {
		close_fd(&fd);
		return 0;
	}
	while ((de = readdir(dir)) != NULL && !step_is_dead()) {
		if (filename_is_our_tmp(de->d_name) && mdir_is_old_tmp(fd, de->d_name))
			disk_unlink(fd, de->d_name, mdir_shown(m, &a, "tmp", de->d_name), e);
	}
	closedir(dir);
	arena_release(&a);
	return step_is_dead() ? -1 : 0;
}

int
mdir_prepare(struct mdir *m, struct err *e)
{
	if (make_sub(m, "tmp", &m->tmp_fd, e) < 0 || make_sub(m, "new", &m->new_fd, e) < 0)
		return -1;
	watch_begin(m->set->watch, m);
	return 0;
}

void
mdir_touched(struct mdir *m, bool is_new, const char *name, enum watch_act act)
{
	if (is_new)
		m->is_new_touched = true;
	else
		m->is_cur_touched = true;
	watch_act(m->set->watch, m, is_new, name, act);
}

int
mdir_sync(struct mdir *m, struct err *e)
{
	struct arena a = { 0 };
	int rc = 0;

	if (m->set->fsync && m->is_cur_touched)
		rc = disk_sync(m->cur_fd, false, arena_printf(&a, "%s/cur", m->path), e);
	if (rc == 0 && m->set->fsync && m->is_new_touched)
		rc = disk_sync(m->new_fd, false, arena_printf(&a, "%s/new", m->path), e);
	if (rc == 0)
		m->is_cur_touched = m->is_new_touched = false;
	arena_release(&a);
	return rc;
}

static int
make_scans(struct mdir *m, int want, struct err *e)
{
	/* A message is not where it was last listed. */
	watch_doubt(m->set->watch, m);
	for (; m->scans_made < want; m->scans_made++)
		if (scan_make(&m->scans[m->scans_made], m, false, e) < 0) {
			scan_release(&m->scans[m->scans_made]);
			m->scans[m->scans_made] = (struct scan){ 0 };
			return -1;
		}
	return 0;
}

const struct scan_entry *
mdir_find(struct mdir *m, struct key key, struct err *e)
{
	const struct scan_entry *entry = NULL;

	if (make_scans(m, 1, e) < 0)
		return NULL;
	entry = scan_find(&m->scans[0], key);
	if (entry == NULL)
		err_class(e, ERR_MESSAGE, ERR_FAILED, ERR_NOW, "%s is not in %s any more",
		    arena_strndup(&m->scans[0].arena, key.data, key.len), m->path);
	return entry;
}

int
mdir_is_gone(struct mdir *m, struct key key, struct err *e)
{
	int i;

	if (make_scans(m, 2, e) < 0)
		return -1;
	for (i = 0; i < 2; i++)
		if (!m->scans[i].is_stable || scan_find(&m->scans[i], key) != NULL ||
		    scan_has_base(&m->scans[i], key, m->set->info_delimiter) || scan_is_replaced(&m->scans[i], key))
			return 0;
	return 1;
}
