#include "sync/maildir/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#ifdef __linux__
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/statfs.h>
#endif

#include "state/base/shell_word.h"
#include "state/base/outside.h"
#include "state/base/mem.h"
#include "state/base/step.h"

enum { DISK_COPY_SIZE = 64 * 1024 };

int
disk_err(struct err *e, enum err_scope scope, int sys, const char *fmt, ...)
{
	char text[ERR_TEXT_SIZE];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	switch (sys) {
	case ENOSPC:
	case EDQUOT:
	case EROFS:
	case EIO:
	case ESTALE:
	case ENODEV:
	case ENOTCONN:
	case EMFILE:
	case ENFILE:
		if (scope < ERR_STORE)
			scope = ERR_STORE;
		break;
	default:
		break;
	}
	err_sys(e, scope, sys, "%s", text);
	if (sys == ENOSPC || sys == EDQUOT)
		e->class = ERR_TEMPORARY;
	return -1;
}

int
disk_err_missing(struct err *e, enum err_scope scope, int sys, const char *what, const char *path)
{
	const char *gap = *what != '\0' ? " " : "";
	struct arena a = { 0 };

	if (sys != ENOENT)
		return disk_err(e, scope, sys, "%s%s%s cannot be read", what, gap, path);
	err_class(e, scope, ERR_FAILED, ERR_LATER, "%s%s%s does not exist. If nothing is to be mounted there:  mkdir -p %s", what, gap, path,
	    shell_word(&a, path));
	e->sys = sys;
	arena_release(&a);
	return -1;
}

/* The kinds that are known to stamp directories late, coarsely, or by another machine's clock. The
 * numbers are those of statfs(2); not all of them have a name in the headers of every system. */
bool
disk_type_has_true_times(unsigned long type)
{
	static const unsigned long odd[] = {
		0x6969,		/* NFS */
		0x517B,		/* SMB */
		0xFF534D42,	/* CIFS */
		0xFE534D42,	/* SMB2 */
		0x65735546,	/* FUSE: sshfs, mergerfs, ntfs-3g ... */
		0x4d44,		/* FAT: two seconds, no ctime */
		0x2011BAB0,	/* exFAT */
		0x01021997,	/* 9P */
		0x6A656A63,	/* virtiofs, by its older number */
		0x00C36400,	/* Ceph */
		0x5346414F,	/* AFS */
		0x6B414653,	/* kAFS */
		0x73757245,	/* Coda */
		0x564C,		/* NCP */
		0x7461636F,	/* OCFS2 */
		0x01161970,	/* GFS2 */
		0x0BD00BD0,	/* Lustre */
		0x19830326,	/* BeeGFS */
		0x47504653,	/* GPFS */
		0x786F4256,	/* VirtualBox shared folders */
		0xBACBACBC,	/* VMware shared folders */
		0x7C7C6673,	/* Parallels shared folders */
		0x4244,		/* HFS: one second */
		0x482B,		/* HFS+ */
		0x72B6,		/* JFFS2: one second */
		0x9660,		/* ISO 9660 */
	};
	size_t i;

	for (i = 0; i < sizeof odd / sizeof odd[0]; i++)
		if ((type & 0xFFFFFFFFul) == odd[i])
			return false;
	return true;
}

bool
disk_has_true_times(int fd)
{
#ifdef __linux__
	struct statfs st;

	return fstatfs(fd, &st) == 0 && disk_type_has_true_times((unsigned long)st.f_type);
#else
	(void)fd;
	return false;
#endif
}

int64_t
disk_clock(void)
{
	struct timespec ts;

#ifdef CLOCK_REALTIME_COARSE
	/* The kernel stamps files with this one; CLOCK_REALTIME runs up to a tick ahead of it. */
	clock_gettime(CLOCK_REALTIME_COARSE, &ts);
#else
	clock_gettime(CLOCK_REALTIME, &ts);
#endif
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

int
disk_rename_noreplace(int from_fd, const char *from, int to_fd, const char *to)
{
	struct stat st;

#ifdef RENAME_NOREPLACE
	if (renameat2(from_fd, from, to_fd, to, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno != EINVAL && errno != ENOSYS && errno != ENOTSUP)
		return -1;
#endif
	if (linkat(from_fd, from, to_fd, to, 0) == 0)
		return unlinkat(from_fd, from, 0);
	if (errno != EPERM && errno != ENOTSUP && errno != ENOSYS)
		return -1;
	if (fstatat(to_fd, to, &st, AT_SYMLINK_NOFOLLOW) == 0) {
		errno = EEXIST;
		return -1;
	}
	return renameat(from_fd, from, to_fd, to);
}

int
disk_sync(int fd, bool is_data_enough, const char *shown, struct err *e)
{
	if (step(STEP_FSYNC, shown, e) < 0)
		return -1;
	/* Some network file systems know no fsync of a directory: nothing more can be done there. */
	if ((is_data_enough ? fdatasync(fd) : fsync(fd)) == 0 || errno == EINVAL || errno == EROFS)
		return 0;
	return disk_err(e, ERR_BOX, errno, "%s cannot be made durable", shown);
}

int
disk_opendir(int at_fd, const char *path)
{
	int fd = openat(at_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 && errno == EACCES)
		outside_met(at_fd, path);
	return fd;
}

int
disk_passdir(int at_fd, const char *path)
{
#ifdef O_PATH
	return openat(at_fd, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
#else
	return openat(at_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
#endif
}

int
disk_sync_path(const char *path, struct err *e)
{
	int fd = disk_opendir(AT_FDCWD, path);
	int rc;

	if (fd < 0)
		return disk_err(e, ERR_BOX, errno, "%s cannot be opened", path);
	rc = disk_sync(fd, false, path, e);
	close(fd);
	return rc;
}

int
disk_mkdir(const char *path, struct err *e)
{
	struct stat st;

	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		return 0;
	if (step(STEP_MKDIR, path, e) < 0)
		return -1;
	if (mkdir(path, 0700) == 0)
		return 1;
	if (errno == EEXIST && stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		return 0;
	return disk_err(e, ERR_BOX, errno, "the directory %s cannot be made", path);
}

int
disk_unlink(int dir_fd, const char *name, const char *shown, struct err *e)
{
	if (step(STEP_UNLINK, shown, e) < 0)
		return -1;
	if (unlinkat(dir_fd, name, 0) == 0)
		return 1;
	if (errno == ENOENT)
		return 0;
	return disk_err(e, ERR_MESSAGE, errno, "%s cannot be removed", shown);
}

static int
write_all(int fd, const char *p, size_t len)
{
	ssize_t n;

	while (len > 0) {
		n = write(fd, p, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

int
disk_copy(int from_fd, int to_fd)
{
	char *b;
	ssize_t n;
	int rc = -1;

#ifdef FICLONE
	if (ioctl(to_fd, FICLONE, from_fd) == 0)
		return 0;
#endif
	b = mem_alloc(DISK_COPY_SIZE);
	for (;;) {
		n = read(from_fd, b, DISK_COPY_SIZE);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		if (write_all(to_fd, b, (size_t)n) < 0)
			goto done;
	}
	rc = n < 0 ? -1 : 0;
done:
	free(b);
	return rc;
}

char *
disk_parent(const char *path)
{
	size_t len = strlen(path);
	char *p;

	while (len > 1 && path[len - 1] == '/')
		len--;
	while (len > 0 && path[len - 1] != '/')
		len--;
	while (len > 1 && path[len - 1] == '/')
		len--;
	if (len == 0)
		return mem_strdup(".");
	p = mem_alloc(len + 1);
	memcpy(p, path, len);
	return p;
}
