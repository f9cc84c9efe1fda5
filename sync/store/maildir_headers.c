/* Headers of messages that are files: no more of each is read than its first piece, unless the header goes on. */
#include "sync/store/maildir_parts.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "sync/maildir/msgfile.h"

enum { PIECE = 4096 };

/* Where the header ends in p[0..len); 0 = not yet. `from`: what was looked at before. */
static size_t
header_end(const char *p, size_t len, size_t from)
{
	const char *lf = p + (from > 0 ? from - 1 : 0);

	if (len > 0 && (p[0] == '\n' || (len > 1 && p[0] == '\r' && p[1] == '\n')))
		return 1;
	while ((lf = memchr(lf, '\n', (size_t)(p + len - lf))) != NULL) {
		const char *next = lf + 1;

		if (next < p + len && *next == '\r')
			next++;
		if (next < p + len && *next == '\n')
			return (size_t)(lf + 1 - p);
		lf++;
	}
	return 0;
}

/* Into text[0..STORE_HEADER_MOST). Octets of the header, or as many as there is room for. */
static size_t
read_header(int fd, char *text)
{
	size_t len = 0, end, room;
	ssize_t n;

	for (;;) {
		room = len == 0 ? PIECE : STORE_HEADER_MOST - len;
		n = room > 0 ? pread(fd, text + len, room, (off_t)len) : 0;
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return len;
		/* An empty line may lie across two pieces. */
		end = header_end(text, len + (size_t)n, len > 1 ? len - 1 : 0);
		len += (size_t)n;
		if (end != 0)
			return end;
	}
}

static void
read_part(struct mdir *m, const struct fetch_part *p, const struct fetch_item *items, char *text, const struct header_sink *sink)
{
	struct message_header h;
	struct arena a = { 0 };
	struct stat st;
	struct err gone;
	const char *path;
	int fd;

	for (size_t i = p->first; i < p->first + p->n; i++) {
		fd = msgfile_open_named(m, items[i].key, items[i].hint, &a, &path, &st, &gone);
		if (fd >= 0) {
			h = (struct message_header){ .index = i, .path = path, .text = text, .len = read_header(fd, text),
				.size = (uint64_t)st.st_size, .date = st.st_mtim.tv_sec };
			close(fd);
			sink->got(sink->ctx, &h);
		}
		arena_release(&a);
	}
}

int
maildir_headers(struct session *c, struct fetch_part *parts, size_t n, const struct fetch_item *items, const struct header_sink *sink,
    struct err *e)
{
	char *text = mem_alloc(STORE_HEADER_MOST);
	struct mdir m = MDIR_CLOSED;
	int rc = 0;

	for (size_t i = 0; i < n && rc == 0; i++) {
		rc = store_part_ended(maildir_open_box(c, parts[i].box, parts[i].epoch, &m, e), &parts[i].status, &parts[i].err, e);
		if (rc == 0 && parts[i].status == 0)
			read_part(&m, &parts[i], items, text, sink);
		mdir_close(&m);
	}
	free(text);
	return rc;
}
