#include "sync/maildir/root_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "state/base/mem.h"
#include "sync/maildir/disk.h"
#include "sync/maildir/marker.h"

struct root_lock {
	struct root_lock *next;
	dev_t dev;
	ino_t ino;
	int fd;
	unsigned users;
};

enum { LOOKS = 40, LOOK_EVERY = 5 };	/* milliseconds; a process that was killed may take a moment to end */

static pthread_mutex_t all_lock = PTHREAD_MUTEX_INITIALIZER;
static struct root_lock *all;		/* with all_lock held */

static int
open_mark(const char *path)
{
	/* Over NFS an exclusive lock wants a file that may be written. */
	int fd = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK);

	return fd < 0 && (errno == EACCES || errno == EPERM || errno == EROFS) ? open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) : fd;
}

static struct root_lock *
find(const struct stat *st)
{
	struct root_lock *l;

	for (l = all; l != NULL; l = l->next)
		if (l->dev == st->st_dev && l->ino == st->st_ino)
			return l;
	return NULL;
}

static int
lock_soon(int fd)
{
	int rc = flock(fd, LOCK_EX | LOCK_NB), i;

	for (i = 0; i < LOOKS && rc < 0 && errno == EWOULDBLOCK; i++) {
		poll(NULL, 0, LOOK_EVERY);
		rc = flock(fd, LOCK_EX | LOCK_NB);
	}
	return rc;
}

/* 1: *lock_r has it; 0: the mark was replaced meanwhile; -1 with *e. Takes fd. */
static int
take(const char *root, const char *path, int fd, struct root_lock **lock_r, struct err *e)
{
	struct stat st, now;
	struct root_lock *l;

	if (fstat(fd, &st) < 0) {
		disk_err(e, ERR_STORE, errno, "%s cannot be looked at", path);
		close(fd);
		return -1;
	}
	l = find(&st);
	if (l != NULL) {
		close(fd);
		l->users++;
		*lock_r = l;
		return 1;
	}
	if (lock_soon(fd) < 0 && errno == EWOULDBLOCK) {
		close(fd);
		return err_class(e, ERR_STORE, ERR_TEMPORARY, ERR_LATER, "another mailtwin is at work in the Maildir %s, with another "
		    "state or configuration: nothing is done there; try again later", root);
	}
	if (stat(path, &now) < 0 || now.st_dev != st.st_dev || now.st_ino != st.st_ino) {
		close(fd);
		return 0;
	}
	l = mem_alloc(sizeof *l);
	*l = (struct root_lock){ .next = all, .dev = st.st_dev, .ino = st.st_ino, .fd = fd, .users = 1 };
	all = l;
	*lock_r = l;
	return 1;
}

int
root_lock_take(const char *root, struct root_lock **lock_r, struct err *e)
{
	enum { TRIES = 5 };
	char *path = mem_printf("%s/%s", root, MARKER_FILE);
	int fd, i, rc = 0;

	*lock_r = NULL;
	pthread_mutex_lock(&all_lock);
	for (i = 0; i < TRIES && rc == 0; i++) {
		fd = open_mark(path);
		if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
			break;
		rc = fd < 0 ? disk_err(e, ERR_STORE, errno, "%s cannot be opened", path) : take(root, path, fd, lock_r, e);
	}
	pthread_mutex_unlock(&all_lock);
	free(path);
	return rc < 0 ? -1 : 0;
}

void
root_lock_drop(struct root_lock **lock)
{
	struct root_lock *l = *lock, **at;

	*lock = NULL;
	if (l == NULL)
		return;
	pthread_mutex_lock(&all_lock);
	if (--l->users == 0) {
		for (at = &all; *at != l; at = &(*at)->next)
			continue;
		*at = l->next;
		close(l->fd);
		free(l);
	}
	pthread_mutex_unlock(&all_lock);
}
