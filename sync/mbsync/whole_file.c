#include "sync/mbsync/whole_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "state/base/mem.h"
#include "state/base/step.h"

static int
read_all(int fd, const char *path, uint64_t most, struct buf *out, struct err *e)
{
	enum { PIECE = 65536 };
	ssize_t n;

	do {
		buf_reserve(out, PIECE);
		n = read(fd, out->data + out->len, PIECE);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(e, ERR_BOX, errno, "cannot read %s", path);
		out->len += (size_t)n;
		out->data[out->len] = '\0';
		if (out->len > most)
			return err_class(e, ERR_BOX, ERR_FAILED, ERR_NEVER, "%s is too long to be mbsync's", path);
	} while (n != 0);
	return 1;
}

int
whole_file_read(const char *path, uint64_t most, struct buf *out, struct err *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY), got;
	struct stat st;

	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return 0;
	if (fd < 0)
		return err_sys(e, ERR_BOX, errno, "cannot open %s", path);
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		got = err_class(e, ERR_BOX, ERR_FAILED, ERR_NEVER, "%s is no regular file", path);
	else
		got = read_all(fd, path, most, out, e);
	close(fd);
	return got;
}

static int
write_all(int fd, const struct buf *text)
{
	size_t at = 0;
	ssize_t n;

	while (at < text->len) {
		n = write(fd, text->data + at, text->len - at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		at += (size_t)n;
	}
	return 0;
}

/* Makes the name durable. */
static int
sync_directory(const char *path, struct err *e)
{
	char *directory = mem_strdup(path), *slash = strrchr(directory, '/');
	int fd, rc = 0;

	if (slash != NULL)
		slash[slash == directory] = '\0';
	if (step(STEP_FSYNC, directory, e) < 0) {
		rc = -1;
	} else {
		fd = open(slash != NULL ? directory : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0 || fsync(fd) < 0)
			rc = err_sys(e, ERR_BOX, errno, "cannot make %s durable", path);
		if (fd >= 0)
			close(fd);
	}
	free(directory);
	return rc;
}

int
whole_file_write(const char *path, const struct buf *text, bool is_durable, struct err *e)
{
	char *beside = mem_printf("%s.mailtwin", path), *shown = mem_printf("%s\n%s", beside, path);
	int fd = -1, rc = -1;

	if (step(STEP_CREATE, beside, e) < 0)
		goto done;
	fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || write_all(fd, text) < 0 || (is_durable && fdatasync(fd) < 0))
		err_sys(e, ERR_BOX, errno, "cannot write %s", beside);
	else if (step(STEP_RENAME, shown, e) == 0)
		rc = rename(beside, path) < 0 ? err_sys(e, ERR_BOX, errno, "cannot replace %s", path) : 0;
	if (rc < 0 && !step_is_dead())
		unlink(beside);
done:
	if (fd >= 0)
		close(fd);
	if (rc == 0 && is_durable)
		rc = sync_directory(path, e);
	free(shown);
	free(beside);
	return rc;
}

int
whole_file_rename(const char *from, const char *to, struct err *e)
{
	char *shown = mem_printf("%s\n%s", from, to);
	int rc = step(STEP_RENAME, shown, e);

	if (rc == 0 && rename(from, to) < 0)
		rc = err_sys(e, ERR_BOX, errno, "cannot rename %s to %s", from, to);
	free(shown);
	return rc;
}
