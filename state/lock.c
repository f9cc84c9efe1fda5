#include "state/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "state/base/mem.h"

/* What stands in a lock file: "PID SECONDS" while it is held, LEFT and the holder's note afterwards. */
#define LEFT "left "

static int
set_lock(int fd, short type)
{
	struct flock fl = { .l_type = type, .l_whence = SEEK_SET };

#ifdef F_OFD_SETLK
	if (fcntl(fd, F_OFD_SETLK, &fl) == 0)
		return 0;
	if (errno != EINVAL)
		return -1;
	fl = (struct flock){ .l_type = type, .l_whence = SEEK_SET };
#endif
	return fcntl(fd, F_SETLK, &fl);
}

static void
read_text(int fd, char *text, size_t size)
{
	ssize_t n = pread(fd, text, size - 1, 0);

	text[n > 0 ? n : 0] = '\0';
	text[strcspn(text, "\n")] = '\0';
}

/* Best effort: the text is for people and for a shortcut, the lock itself is the kernel's. */
static void
write_text(int fd, const char *text)
{
	size_t len = strlen(text);

	if (ftruncate(fd, 0) != 0)
		return;
	if (pwrite(fd, text, len, 0) != (ssize_t)len && ftruncate(fd, 0) != 0)
		return;
}

static char *
age_text(long long seconds)
{
	if (seconds < 120)
		return mem_printf("%lld seconds", seconds > 0 ? seconds : 0);
	if (seconds < 2 * 3600)
		return mem_printf("%lld minutes", seconds / 60);
	if (seconds < 48 * 3600)
		return mem_printf("%lld hours", seconds / 3600);
	return mem_printf("%lld days", seconds / 86400);
}

static int
fail_held(const char *text, const char *what, struct err *e)
{
	char *end, *age;
	long pid = strtol(text, &end, 10);
	long long since = *end == ' ' ? strtoll(end, NULL, 10) : 0;

	/* A dry run holds it shared and leaves no name; what stands there is then an earlier holder's. */
	if (pid <= 0 || since <= 0 || (kill((pid_t)pid, 0) != 0 && errno == ESRCH))
		return err_class(e, ERR_RUN, ERR_TEMPORARY, ERR_LATER,
		    "%s is in use by another run (which only looks)", what);
	age = age_text((long long)time(NULL) - since);
	err_class(e, ERR_RUN, ERR_TEMPORARY, ERR_LATER, "%s is in use by process %ld, for %s now", what, pid, age);
	free(age);
	return -1;
}

int
lock_take(const char *path, const char *what, bool is_shared, struct lock *lock_r, struct err *e)
{
	char text[LOCK_NOTE_SIZE];
	int fd, saved;

	*lock_r = LOCK_NONE;
	lock_r->is_shared = is_shared;
	fd = open(path, (is_shared ? O_RDONLY : O_RDWR | O_CREAT) | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0 && is_shared && errno == ENOENT)
		return 0;
	if (fd < 0)
		return err_sys(e, ERR_STORE, errno, "%s: cannot open the lock file", path);
	if (set_lock(fd, is_shared ? F_RDLCK : F_WRLCK) != 0) {
		saved = errno;
		read_text(fd, text, sizeof text);
		close(fd);
		if (saved == EAGAIN || saved == EACCES)
			return fail_held(text, what, e);
		return err_sys(e, ERR_STORE, saved, "%s: cannot lock", path);
	}
	read_text(fd, text, sizeof text);
	if (strncmp(text, LEFT, strlen(LEFT)) == 0)
		memcpy(lock_r->left, text + strlen(LEFT), strlen(text + strlen(LEFT)) + 1);
	if (!is_shared) {
		snprintf(text, sizeof text, "%ld %lld\n", (long)getpid(), (long long)time(NULL));
		write_text(fd, text);
	}
	lock_r->fd = fd;
	return 0;
}

void
lock_leave(struct lock *lock, const char *note)
{
	char text[LOCK_NOTE_SIZE];

	if (lock->fd < 0 || lock->is_shared)
		return;
	if (note == NULL || strlen(note) + sizeof LEFT >= sizeof text)
		note = "";
	snprintf(text, sizeof text, LEFT "%s\n", note);
	write_text(lock->fd, text);
}

void
lock_drop(struct lock *lock)
{
	if (lock->fd >= 0)
		close(lock->fd);
	*lock = LOCK_NONE;
}
