#include "state/lock.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "state/base/mem.h"

enum { LOCK_TEXT_SIZE = 160 };

enum { ENDS_WITHIN = 5000, LOOK_EVERY = 5 };	/* milliseconds that a killed run's holder gets */

static pid_t owner;

void
lock_set_owner(pid_t pid)
{
	owner = pid;
}

/* fcntl() with a lock of the open file where there is one, else of the process. */
static int
lock_call(int fd, int ofd_call, int call, struct flock *fl)
{
	struct flock asked = *fl;

	if (ofd_call >= 0 && fcntl(fd, ofd_call, fl) == 0)
		return 0;
	if (ofd_call >= 0 && errno != EINVAL)
		return -1;
	*fl = asked;
	return fcntl(fd, call, fl);
}

#ifdef F_OFD_SETLK
enum { OFD_SET = F_OFD_SETLK, OFD_GET = F_OFD_GETLK };
#else
enum { OFD_SET = -1, OFD_GET = -1 };
#endif

static int
set_lock(int fd, short type)
{
	struct flock fl = { .l_type = type, .l_whence = SEEK_SET };

	return lock_call(fd, OFD_SET, F_SETLK, &fl);
}

/* Whether somebody writes under it: a dry run holds it to read. */
static bool
is_held_to_write(int fd)
{
	struct flock fl = { .l_type = F_RDLCK, .l_whence = SEEK_SET };

	return lock_call(fd, OFD_GET, F_GETLK, &fl) == 0 && fl.l_type == F_WRLCK;
}

static void
read_text(int fd, char *text, size_t size)
{
	ssize_t n = pread(fd, text, size - 1, 0);

	text[n > 0 ? n : 0] = '\0';
	text[strcspn(text, "\n")] = '\0';
}

static int64_t
time_of(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 ? st.st_mtime : 0;
}

/* The DONE of a lock file's line. */
static int64_t
done_of(const char *text)
{
	long long pid, since, done = 0;

	if (sscanf(text, "left %lld", &done) != 1 && sscanf(text, "%lld %lld %lld", &pid, &since, &done) != 3)
		return 0;
	return done > 0 ? done : 0;
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

/* Whether the process that a lock file names is there. */
static bool
is_alive(const char *text)
{
	const long pid = strtol(text, NULL, 10);

	return pid > 0 && (kill((pid_t)pid, 0) == 0 || errno != ESRCH);
}

/* 0 once the lock is ours. A holder whose run is gone was killed with it, and ends as soon as the system lets it. */
static int
take_over(int fd, short type)
{
	char text[LOCK_TEXT_SIZE];
	int waited;

	for (waited = 0; set_lock(fd, type) != 0; waited += LOOK_EVERY) {
		if (errno != EAGAIN && errno != EACCES)
			return -1;
		read_text(fd, text, sizeof text);
		if (waited >= ENDS_WITHIN || !isdigit((unsigned char)text[0]) || is_alive(text) || !is_held_to_write(fd)) {
			errno = EAGAIN;
			return -1;
		}
		poll(NULL, 0, LOOK_EVERY);
	}
	return 0;
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
	if (pid <= 0 || since <= 0 || !is_alive(text))
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
	char text[LOCK_TEXT_SIZE];
	int fd, saved;

	*lock_r = LOCK_NONE;
	lock_r->is_shared = is_shared;
	fd = open(path, (is_shared ? O_RDONLY : O_RDWR | O_CREAT) | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0 && is_shared && errno == ENOENT)
		return 0;
	if (fd < 0)
		return err_sys(e, ERR_STORE, errno, "%s: cannot open the lock file", path);
	if (take_over(fd, is_shared ? F_RDLCK : F_WRLCK) != 0) {
		saved = errno;
		read_text(fd, text, sizeof text);
		close(fd);
		if (saved == EAGAIN || saved == EACCES)
			return fail_held(text, what, e);
		return err_sys(e, ERR_STORE, saved, "%s: cannot lock", path);
	}
	if (!is_shared) {
		lock_r->touched = time_of(fd);
		read_text(fd, text, sizeof text);
		if (*text == '\0')
			lock_r->touched = 0;
		lock_r->done = done_of(text);
		snprintf(text, sizeof text, "%ld %lld %lld\n", (long)(owner != 0 ? owner : getpid()), (long long)time(NULL),
		    (long long)lock_r->done);
		write_text(fd, text);
	}
	lock_r->fd = fd;
	return 0;
}

void
lock_leave(struct lock *lock)
{
	char text[LOCK_TEXT_SIZE];

	snprintf(text, sizeof text, "left %lld\n", (long long)lock->done);
	if (lock->fd >= 0 && !lock->is_shared)
		write_text(lock->fd, text);
}

void
lock_drop(struct lock *lock)
{
	if (lock->fd >= 0)
		close(lock->fd);
	*lock = LOCK_NONE;
}

void
lock_look(const char *path, struct lock_seen *seen_r)
{
	const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	char text[LOCK_TEXT_SIZE];
	long long since = 0;

	*seen_r = (struct lock_seen){ .is_there = fd >= 0 };
	if (fd < 0)
		return;
	read_text(fd, text, sizeof text);
	seen_r->touched = *text != '\0' ? time_of(fd) : 0;
	seen_r->done = done_of(text);
	if (sscanf(text, "%ld %lld", &seen_r->pid, &since) == 2) {
		seen_r->begun = since;
		seen_r->is_held = is_held_to_write(fd);
	} else {
		seen_r->pid = 0;
	}
	close(fd);
}
