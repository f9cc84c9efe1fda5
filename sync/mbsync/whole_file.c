#include "sync/mbsync/whole_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <unistd.h>

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
