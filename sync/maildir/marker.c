#include "sync/maildir/marker.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "state/base/mem.h"
#include "state/base/step.h"
#include "sync/maildir/disk.h"
#include "sync/maildir/filename.h"

enum { ID_LEN = MARKER_SIZE - 1 };

/* 1: read; 0: none, or damaged; -1: errno. */
static int
read_mark(int dir_fd, char id_r[MARKER_SIZE])
{
	char b[MARKER_SIZE + 1];
	int fd = openat(dir_fd, MARKER_FILE, O_RDONLY | O_CLOEXEC | O_NONBLOCK), i;
	ssize_t n;

	id_r[0] = '\0';
	if (fd < 0)
		return errno == ENOENT ? 0 : -1;
	n = read(fd, b, sizeof b);
	close(fd);
	if (n != MARKER_SIZE || b[ID_LEN] != '\n')
		return 0;
	for (i = 0; i < ID_LEN; i++)
		if (!isxdigit((unsigned char)b[i]))
			return 0;
	memcpy(id_r, b, ID_LEN);
	id_r[ID_LEN] = '\0';
	return 1;
}

static int
fill_random(char id[MARKER_SIZE])
{
	unsigned char random[ID_LEN / 2];
	size_t i;

	if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random)
		return -1;
	for (i = 0; i < sizeof random; i++)
		snprintf(id + 2 * i, 3, "%02x", random[i]);
	return 0;
}

/* Writes a fresh mark beside and renames it: over a damaged one as well, of which nothing is worth
 * keeping. Of two runs at once the second finds the mark of the first (*id_r is that), and is kept out by its lock (root_lock.h). */
static int
make_mark(int dir_fd, const char *root, bool fsync, char id_r[MARKER_SIZE], struct err *e)
{
	struct arena a = { 0 };
	const char *tmp = arena_printf(&a, "%s.%s", MARKER_FILE, filename_unique(&a, ':'));
	const char *shown = arena_printf(&a, "%s/%s", root, tmp);
	char theirs[MARKER_SIZE];
	bool is_made = false;
	int fd = -1, rc = -1;

	if (fill_random(id_r) < 0) {
		err_sys(e, ERR_STORE, errno, "no random numbers for %s/%s", root, MARKER_FILE);
		goto done;
	}
	if (step(STEP_CREATE, shown, e) < 0)
		goto done;
	fd = openat(dir_fd, tmp, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
	is_made = fd >= 0;
	if (fd < 0 || dprintf(fd, "%s\n", id_r) != MARKER_SIZE) {
		disk_err(e, ERR_STORE, errno, "%s cannot be written", shown);
		goto done;
	}
	if (fsync && disk_sync(fd, true, shown, e) < 0)
		goto done;
	if (step(STEP_RENAME, arena_printf(&a, "%s\n%s/%s", shown, root, MARKER_FILE), e) < 0)
		goto done;
	if (disk_rename_noreplace(dir_fd, tmp, dir_fd, MARKER_FILE) < 0) {
		if (errno == EEXIST && read_mark(dir_fd, theirs) == 1) {
			memcpy(id_r, theirs, MARKER_SIZE);
			rc = 1;
			goto done;
		}
		if (renameat(dir_fd, tmp, dir_fd, MARKER_FILE) < 0) {
			disk_err(e, ERR_STORE, errno, "%s cannot be renamed", shown);
			goto done;
		}
	}
	is_made = false;
	rc = fsync && disk_sync(dir_fd, false, root, e) < 0 ? -1 : 1;
done:
	if (fd >= 0)
		close(fd);
	if (is_made && !step_is_dead())
		unlinkat(dir_fd, tmp, 0);
	arena_release(&a);
	return rc;
}

int
marker_get(const char *root, bool may_create, bool fsync, char id_r[MARKER_SIZE], struct err *e)
{
	int fd = disk_opendir(AT_FDCWD, root), rc;

	id_r[0] = '\0';
	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0)
		return disk_err(e, ERR_STORE, errno, "%s cannot be opened", root);
	rc = read_mark(fd, id_r);
	if (rc < 0)
		disk_err(e, ERR_STORE, errno, "%s/%s cannot be read", root, MARKER_FILE);
	else if (rc == 0 && may_create)
		rc = make_mark(fd, root, fsync, id_r, e);
	if (rc < 0)
		err_widen(e, ERR_STORE);
	close(fd);
	return rc;
}
