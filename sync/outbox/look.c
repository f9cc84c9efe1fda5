/* Whether a message whose outcome is not known is in Sent: many servers file there what is sent by them, and a run brings that here.
 *
 * So do many mail programs, whatever becomes of the message. A copy proves that it was sent if it has been through the server, or can have come
 * from nowhere else:
 *   - it has more lines Received than the message in the outbox, or its Message-ID was given by us as the message was sent;
 *   - and no other transaction has sent that message already, whose copy it may be.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sync/maildir/msgfile.h"
#include "sync/message/header.h"
#include "sync/outbox/inside.h"

enum { HEADER_READ = 64 * 1024, OLDER = 2 * 24 * 3600 };

static bool
is_proof(struct mdir *sent, const struct scan_entry *entry, const char *message_id, size_t least_received, int64_t since)
{
	char *header = mem_alloc(HEADER_READ), found[sizeof ((struct outbox_mail *)0)->message_id];
	struct arena a = { 0 };
	struct stat st;
	struct err unseen;
	struct key key = entry->key;
	bool is = false;
	ssize_t n = 0;
	int fd = msgfile_open(sent, key, scan_hint(&a, entry), &st, &unseen);

	if (fd >= 0 && (int64_t)st.st_mtime >= since - OLDER)
		n = read(fd, header, HEADER_READ);
	if (fd >= 0)
		close(fd);
	arena_release(&a);
	if (n > 0)
		is = header_get(header, (size_t)n, "Message-ID", found, sizeof found) && strcmp(found, message_id) == 0 &&
		    header_count(header, (size_t)n, "Received") >= least_received;
	free(header);
	return is;
}

int
outbox_find_sent(struct outbox_open *x, const struct outbox_mail *mail, const struct outbox_record *rec, struct err *e)
{
	const bool is_id_ours = mail->message_id[0] == '\0';
	const char *message_id = is_id_ours ? rec->message_id : mail->message_id;
	const size_t least = is_id_ours ? 0 : header_count(buf_str(&mail->header), mail->header.len, "Received") + 1;
	const char *path = layout_path(&x->layout, &x->arena, x->o->sent, e);
	struct mdir sent = MDIR_CLOSED;
	struct scan scan = { 0 };
	int found = 0;

	if (path == NULL)
		return -1;
	/* There may be no such mailbox yet. */
	if (*message_id == '\0' || outbox_has_any_got(rec) || mdir_open(&sent, &x->settings, x->o->sent, path, 0, e) < 0)
		return 0;
	if (scan_make(&scan, &sent, false, e) == 0)
		for (size_t i = 0; i < scan.entries.n && !found; i++)
			found = is_proof(&sent, &scan.entries.at[i], message_id, least, rec->first);
	scan_release(&scan);
	mdir_close(&sent);
	return found;
}
