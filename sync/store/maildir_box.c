/* A mailbox of a Maildir as its other parts see it: opened, and where it stands. */
#include <ctype.h>
#include <string.h>
#include <sys/stat.h>

#include "sync/store/maildir_parts.h"

int
maildir_open_box(struct session *c, const char *box, uint64_t epoch, struct mdir *m, struct err *e)
{
	struct maildir_store *s = maildir_store_of(c);
	struct arena a = { 0 };
	char *path = layout_path(&s->layout, &a, box, e);
	int rc = -1;

	*m = MDIR_CLOSED;
	if (path != NULL)
		rc = mdir_open(m, &s->mdir, box, path, epoch, e);
	arena_release(&a);
	return rc;
}

const char *
maildir_directory(struct store *store, const char *box, struct arena *a)
{
	struct maildir_store *s = (struct maildir_store *)store;
	struct err unseen;

	return layout_path(&s->layout, a, box, &unseen);
}

int
maildir_check_write(const struct maildir_store *s, struct err *e)
{
	if (maildir_may_write(s))
		return 0;
	return err_class(e, ERR_STORE, ERR_FAILED, ERR_NEVER, "store %s is not to be written", s->base.name);
}

void
maildir_cursor(const struct maildir_store *s, const struct stamps *stamps, bool is_steady, struct cursor *c_r)
{
	stamp_cursor(stamps, is_steady, c_r);
	if (s->mdir.keywords)
		c_r->data[c_r->len++] = 'k';
}

const char *
maildir_id(struct arena *a, const struct stamps *stamps)
{
	return stamps->cur.btime == 0 ? "" : arena_printf(a, "dir:%llu:%lld", (unsigned long long)stamps->cur.ino,
	    (long long)stamps->cur.btime);
}

/* A file system that ignores case shows a file under another spelling as well. Nothing is written to
 * find out: a directory that is there anyway is asked for in capitals. */
static bool
is_folding_at(const char *dir)
{
	struct arena a = { 0 };
	struct stat here, other;
	char *path = arena_printf(&a, "%s/cur", dir), *p;
	bool is_folding;

	if (stat(path, &here) < 0)
		path = arena_strdup(&a, dir);
	is_folding = stat(path, &here) == 0;
	for (p = strrchr(path, '/'); p != NULL && *p != '\0'; p++)
		*p = (char)(islower((unsigned char)*p) ? toupper((unsigned char)*p) : tolower((unsigned char)*p));
	is_folding = is_folding && stat(path, &other) == 0 && here.st_ino == other.st_ino &&
	    here.st_dev == other.st_dev;
	arena_release(&a);
	return is_folding;
}

bool
maildir_is_folding(const struct maildir_store *s)
{
	return s->base.is_folding || is_folding_at(s->layout.inbox);
}
