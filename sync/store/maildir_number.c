/* UIDs in the names of files, as mbsync has them. */
#include <stdlib.h>

#include "sync/maildir/msgfile.h"
#include "sync/mbsync/uid_scheme.h"
#include "sync/mbsync/whole_file.h"
#include "sync/store/maildir_parts.h"

static int
write_scheme(const struct maildir_store *s, const struct mdir *m, uint32_t validity, uint32_t highest, struct err *e)
{
	char *path = mem_printf("%s/" MBSYNC_UIDVALIDITY, m->path);
	struct buf text = { 0 };
	int rc;

	buf_printf(&text, "%u\n%u\n", validity, highest);
	rc = whole_file_write(path, &text, s->mdir.fsync, e);
	buf_release(&text);
	free(path);
	return rc;
}

/* The highest UID first: a file that has a higher one makes mbsync give up. */
int
maildir_number(struct session *c, const char *box, uint32_t validity, uint32_t highest, const struct number_item *items, size_t n,
    struct err *e)
{
	const struct maildir_store *s = maildir_store_of(c);
	struct mdir m = MDIR_CLOSED;
	struct err unseen;
	size_t i;
	int rc = -1;

	if (maildir_check_write(s, e) < 0 || maildir_open_box(c, box, 0, &m, e) < 0)
		return -1;
	if (mdir_prepare(&m, e) < 0 || write_scheme(s, &m, validity, highest, e) < 0)
		goto done;
	for (i = 0; i < n; i++)
		if (msgfile_set_uid(&m, items[i].key, items[i].hint, items[i].uid, e) < 0)
			goto done;
	rc = 0;
done:
	if (mdir_sync(&m, rc == 0 ? e : &unseen) < 0)
		rc = -1;
	mdir_close(&m);
	return rc;
}
