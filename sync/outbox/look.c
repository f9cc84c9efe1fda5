/* Whether a message whose outcome is not known is in Sent: many servers file there what is sent by them, and a run brings that here. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sync/maildir/msgfile.h"
#include "sync/message/header.h"
#include "sync/outbox/inside.h"

enum { HEADER_READ = 64 * 1024, OLDER = 2 * 24 * 3600 };

static int
has_message_id(struct mdir *sent, const struct scan_entry *entry, const char *message_id, int64_t since)
{
	char *header = mem_alloc(HEADER_READ), found[256];
	struct arena a = { 0 };
	struct stat st;
	struct err unseen;
	struct key key = entry->key;
	ssize_t n = 0;
	int fd = msgfile_open(sent, key, scan_hint(&a, entry), &st, &unseen);

	if (fd >= 0 && (int64_t)st.st_mtime >= since - OLDER)
		n = read(fd, header, HEADER_READ);
	if (fd >= 0)
		close(fd);
	arena_release(&a);
	found[0] = '\0';
	if (n > 0)
		(void)header_get(header, (size_t)n, "Message-ID", found, sizeof found);
	free(header);
	return strcmp(found, message_id) == 0;
}

int
outbox_find_sent(struct outbox_open *x, const char *message_id, int64_t since, struct err *e)
{
	const char *path = layout_path(&x->layout, &x->arena, x->o->sent, e);
	struct mdir sent = MDIR_CLOSED;
	struct scan scan = { 0 };
	int found = 0;

	if (path == NULL)
		return -1;
	/* There may be no such mailbox yet. */
	if (*message_id == '\0' || mdir_open(&sent, &x->settings, x->o->sent, path, 0, e) < 0)
		return 0;
	if (scan_make(&scan, &sent, false, e) == 0)
		for (size_t i = 0; i < scan.entries.n && !found; i++)
			found = has_message_id(&sent, &scan.entries.at[i], message_id, since);
	scan_release(&scan);
	mdir_close(&sent);
	return found;
}
