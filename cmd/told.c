#include "cmd/told.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "state/base/buf.h"
#include "state/base/hash.h"
#include "state/state.h"

enum { LINES_MOST = 100 };

struct said { long long when; unsigned long long hash; };

/* The lines of the file, the newest last, but that of `hash`; when that was said, 0 = never. */
static int64_t
read_lines(const char *path, uint64_t hash, struct said lines[static LINES_MOST], size_t *n_r)
{
	FILE *f = fopen(path, "re");
	int64_t found = 0;
	size_t n = 0;

	while (f != NULL && n < LINES_MOST && fscanf(f, "%lld %llx", &lines[n].when, &lines[n].hash) == 2)
		if (lines[n].hash == hash)
			found = lines[n].when;
		else
			n++;
	if (f != NULL)
		fclose(f);
	*n_r = n;
	return found;
}

static void
write_lines(const char *path, const struct buf *lines)
{
	char *next = mem_printf("%s.%ld", path, (long)getpid());
	const int fd = open(next, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd >= 0) {
		if (write(fd, lines->data, lines->len) != (ssize_t)lines->len || rename(next, path) != 0)
			(void)unlink(next);
		close(fd);
	}
	free(next);
}

bool
told_lately(const char *directory, const char *text, int64_t seconds, bool keeps)
{
	const uint64_t hash = hash_add(HASH_BEGIN, text, strlen(text));
	char *path = mem_printf("%stold", directory);
	const int64_t now = time(NULL);
	struct said said[LINES_MOST];
	struct buf lines = { 0 };
	struct err unused;
	size_t n;
	const int64_t when = read_lines(path, hash, said, &n);
	const bool was_told = when > now - seconds && when <= now;

	if (!was_told && keeps && state_make_directories(path, &unused) == 0) {
		/* What was said longest ago makes room. */
		for (size_t i = n == LINES_MOST; i < n; i++)
			buf_printf(&lines, "%lld %016llx\n", said[i].when, said[i].hash);
		buf_printf(&lines, "%lld %016llx\n", (long long)now, (unsigned long long)hash);
		write_lines(path, &lines);
	}
	buf_release(&lines);
	free(path);
	return was_told;
}
