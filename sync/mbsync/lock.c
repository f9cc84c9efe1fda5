#include "sync/mbsync/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "state/base/mem.h"

static int
busy(const char *path, long pid, struct err *e)
{
	char who[32] = "";

	if (pid > 0)
		snprintf(who, sizeof who, " (process %ld)", pid);
	return err_class(e, ERR_STORE, ERR_TEMPORARY, ERR_LATER, "mbsync is at work here%s: it holds %s", who, path);
}

/* Whether another process holds it. */
static int
check(int fd, const char *path, struct err *e)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	if (fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK)
		return busy(path, (long)lock.l_pid, e);
	return 0;
}

int
mbsync_lock_take(const char *state, bool is_dry, struct mbsync_lock *lock_r, struct err *e)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int rc = -1;

	*lock_r = MBSYNC_UNLOCKED;
	lock_r->path = mem_printf("%s.lock", state);
	lock_r->fd = open(lock_r->path, (is_dry ? O_RDONLY : O_WRONLY | O_CREAT) | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0666);
	if (lock_r->fd < 0) {
		/* Where nothing can be written mbsync cannot be at work either. */
		rc = errno == EROFS || (is_dry && errno == ENOENT) ? 0 : err_sys(e, ERR_STORE, errno, "cannot lock mbsync's state: %s",
		    lock_r->path);
	} else if (is_dry) {
		rc = check(lock_r->fd, lock_r->path, e);
		close(lock_r->fd);
		lock_r->fd = -1;
	} else if (fcntl(lock_r->fd, F_SETLK, &lock) < 0) {
		rc = errno != EACCES && errno != EAGAIN ? err_sys(e, ERR_STORE, errno, "cannot lock mbsync's state: %s", lock_r->path) :
		    check(lock_r->fd, lock_r->path, e) < 0 ? -1 : busy(lock_r->path, 0, e);
		close(lock_r->fd);
		lock_r->fd = -1;
	} else {
		rc = 0;
	}
	if (rc < 0)
		mbsync_lock_release(lock_r);
	return rc;
}

void
mbsync_lock_release(struct mbsync_lock *lock)
{
	if (lock->fd >= 0) {
		unlink(lock->path);
		close(lock->fd);
	}
	free(lock->path);
	*lock = MBSYNC_UNLOCKED;
}
