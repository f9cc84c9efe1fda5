#include "sync/maildir/dotlock.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "state/base/mem.h"
#include "state/base/step.h"
#include "sync/maildir/disk.h"

enum { HOST_SIZE = 256, OWNER_SIZE = 512, TRIES = 200, OLD = 120 };

static void
host_name(char host[HOST_SIZE])
{
	if (gethostname(host, HOST_SIZE) < 0)
		host[0] = '\0';
	host[HOST_SIZE - 1] = '\0';
}

/* "123:mail.example.org": a process of this host that is no more. */
static bool
is_owner_dead(int dir_fd, const char *lock)
{
	char text[OWNER_SIZE], host[HOST_SIZE], *end;
	int fd = openat(dir_fd, lock, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	ssize_t n;
	long pid;

	if (fd < 0)
		return false;
	n = read(fd, text, sizeof text - 1);
	close(fd);
	if (n <= 0)
		return false;
	text[n] = '\0';
	pid = strtol(text, &end, 10);
	host_name(host);
	end[strcspn(end, "\n")] = '\0';
	return pid > 0 && *end == ':' && host[0] != '\0' && strcmp(end + 1, host) == 0 &&
	    kill((pid_t)pid, 0) < 0 && errno == ESRCH;
}

static bool
is_left_behind(int dir_fd, const char *lock)
{
	struct stat st;

	if (fstatat(dir_fd, lock, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return false;
	return disk_clock() / 1000000000 - (int64_t)st.st_mtim.tv_sec > OLD || is_owner_dead(dir_fd, lock);
}

static int
make(int dir_fd, const char *lock)
{
	char host[HOST_SIZE];
	int fd = openat(dir_fd, lock, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600), sys;

	if (fd < 0)
		return -1;
	host_name(host);
	if (dprintf(fd, "%ld:%s", (long)getpid(), host) > 0) {
		close(fd);
		return 0;
	}
	sys = errno;
	close(fd);
	unlinkat(dir_fd, lock, 0);
	errno = sys;
	return -1;
}

int
dotlock_take(int dir_fd, const char *name, const char *shown, struct err *e)
{
	const struct timespec wait = { .tv_nsec = 50000000 };
	struct arena a = { 0 };
	const char *lock = arena_printf(&a, "%s.lock", name);
	const char *path = arena_printf(&a, "%s/%s", shown, lock);
	int i, rc = -1;

	if (step(STEP_CREATE, path, e) < 0)
		goto done;
	for (i = 0; (rc = make(dir_fd, lock)) < 0 && errno == EEXIST && i < TRIES; i++) {
		if (is_left_behind(dir_fd, lock)) {
			if (disk_unlink(dir_fd, lock, path, e) < 0)
				goto done;
		} else
			nanosleep(&wait, NULL);
	}
	if (rc < 0 && errno == EEXIST)
		err_class(e, ERR_BOX, ERR_FAILED, ERR_LATER, "%s is held by another program", path);
	else if (rc < 0)
		disk_err(e, ERR_BOX, errno, "%s cannot be made", path);
done:
	arena_release(&a);
	return rc;
}

void
dotlock_drop(int dir_fd, const char *name, const char *shown)
{
	struct arena a = { 0 };
	const char *lock = arena_printf(&a, "%s.lock", name);
	struct err ignored;

	if (!step_is_dead())
		(void)disk_unlink(dir_fd, lock, arena_printf(&a, "%s/%s", shown, lock), &ignored);
	arena_release(&a);
}
