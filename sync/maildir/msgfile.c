#include "sync/maildir/msgfile.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "state/base/outside.h"
#include "state/base/buf.h"
#include "state/base/step.h"
#include "state/model/flags.h"
#include "sync/maildir/disk.h"
#include "sync/maildir/filename.h"

/* Where a message is believed to be. */
struct place {
	const char *name;
	bool is_new, is_held;
};

/* First attempt: by hint; second: by listing. 0, or -1 when it is not there. */
static int
locate(struct mdir *m, struct key key, const char *hint, int attempt, struct arena *a, struct place *p,
    struct err *e)
{
	const struct scan_entry *entry;
	char dir = (char)tolower((unsigned char)hint[0]);

	/* It shares its base with another: what becomes of one changes the key of the other. */
	if (memchr(key.data, ',', key.len) != NULL || memchr(key.data, m->set->info_delimiter, key.len) != NULL)
		watch_doubt(m->set->watch, m);
	if (attempt == 0 && (dir == 'n' || dir == 'c')) {
		p->name = arena_printf(a, "%.*s%s", (int)key.len, key.data, hint + 1);
		p->is_new = dir == 'n';
		p->is_held = dir != hint[0];
		return 0;
	}
	entry = mdir_find(m, key, e);
	if (entry == NULL)
		return -1;
	*p = (struct place){ entry->key.data, entry->is_new, entry->is_held };
	return 0;
}

enum { ATTEMPTS = 2 };

static int
lost(const struct mdir *m, const struct place *p, struct err *e)
{
	return err_class(e, ERR_MESSAGE, ERR_FAILED, ERR_NOW, "%s/%s/%s is being renamed by somebody else",
	    m->path, mdir_sub(p->is_new), p->name);
}

static int
held(const struct mdir *m, const struct place *p, struct err *e)
{
	return err_set(e, ERR_MESSAGE, "%s/%s/%s is left alone: it shares its unique name with another file, or is no "
	    "regular file", m->path, mdir_sub(p->is_new), p->name);
}

static bool
is_there(const struct mdir *m, const struct place *p)
{
	struct stat st;

	return fstatat(mdir_sub_fd(m, p->is_new), p->name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

int
msgfile_open(struct mdir *m, struct key key, const char *hint, struct stat *st_r, struct err *e)
{
	struct arena a = { 0 };
	const char *path;
	const int fd = msgfile_open_named(m, key, hint, &a, &path, st_r, e);

	arena_release(&a);
	return fd;
}

int
msgfile_open_named(struct mdir *m, struct key key, const char *hint, struct arena *a, const char **path_r, struct stat *st_r,
    struct err *e)
{
	struct place p;
	int i, fd = -1;

	for (i = 0; i < ATTEMPTS && fd < 0; i++) {
		if (locate(m, key, hint, i, a, &p, e) < 0)
			return -1;
		/* O_NONBLOCK: what was a file may have become a pipe. */
		fd = openat(mdir_sub_fd(m, p.is_new), p.name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
		if (fd < 0 && errno == EACCES)
			outside_met(mdir_sub_fd(m, p.is_new), ".");
		if (fd < 0 && errno != ENOENT) {
			disk_err(e, ERR_MESSAGE, errno, "%s/%s/%s cannot be read", m->path, mdir_sub(p.is_new),
			    p.name);
			return -1;
		}
	}
	if (fd < 0)
		return lost(m, &p, e);
	if (fstat(fd, st_r) < 0 || !S_ISREG(st_r->st_mode)) {
		err_set(e, ERR_MESSAGE, "%s/%s/%s is not a regular file", m->path, mdir_sub(p.is_new), p.name);
		close(fd);
		return -1;
	}
	*path_r = mdir_shown(m, a, mdir_sub(p.is_new), p.name);
	return fd;
}

/* Announced rename. 1: done; 0: the old name is gone; -1: error. */
static int
rename_file(struct mdir *from, bool is_new, const char *name, struct mdir *to, bool is_to_new,
    const char *to_name, struct arena *a, struct err *e)
{
	const char *shown = mdir_shown(from, a, mdir_sub(is_new), name);
	const char *to_shown = mdir_shown(to, a, mdir_sub(is_to_new), to_name);

	if (step(STEP_RENAME, arena_printf(a, "%s\n%s", shown, to_shown), e) < 0)
		return -1;
	if (disk_rename_noreplace(mdir_sub_fd(from, is_new), name, mdir_sub_fd(to, is_to_new), to_name) == 0) {
		mdir_touched(from, is_new, name, WATCH_GONE);
		mdir_touched(to, is_to_new, to_name, WATCH_MADE);
		return 1;
	}
	if (errno == ENOENT)
		return 0;
	return disk_err(e, ERR_MESSAGE, errno, "%s cannot be renamed to %s", shown, to_shown);
}

static const char *
hint_of(struct arena *a, bool is_new, const char *name, size_t key_len)
{
	return arena_printf(a, "%c%s", is_new ? 'n' : 'c', name + key_len);
}

int
msgfile_change_flags(struct mdir *m, struct key key, const char *hint, uint32_t add, uint32_t drop,
    struct arena *a, uint32_t *flags_r, const char **hint_r, struct err *e)
{
	struct buf name = { 0 };
	struct filename f;
	struct place p;
	uint32_t flags;
	int i, done = 0, rc = -1;

	for (i = 0; i < ATTEMPTS && !done; i++) {
		if (locate(m, key, hint, i, a, &p, e) < 0)
			goto done;
		if (p.is_held) {
			held(m, &p, e);
			goto done;
		}
		filename_parse(p.name, m->set->info_delimiter, &f);
		flags = (f.flags | add) & ~drop;
		filename_with_flags(&name, p.name, m->set->info_delimiter, flags);
		if (flags == f.flags)
			done = is_there(m, &p);
		else if ((done = rename_file(m, p.is_new, p.name, m, false, buf_str(&name), a, e)) < 0)
			goto done;
		else
			p.is_new = p.is_new && !done;
	}
	if (!done) {
		lost(m, &p, e);
		goto done;
	}
	*flags_r = flags;
	*hint_r = hint_of(a, p.is_new, buf_str(&name), key.len);
	rc = 0;
done:
	buf_release(&name);
	return rc;
}

int
msgfile_set_uid(struct mdir *m, struct key key, const char *hint, uint32_t uid, struct err *e)
{
	struct arena a = { 0 };
	struct buf name = { 0 };
	struct place p;
	int i, done = 0, rc = -1;

	for (i = 0; i < ATTEMPTS && !done; i++) {
		if (locate(m, key, hint, i, &a, &p, e) < 0)
			goto done;
		if (p.is_held) {
			held(m, &p, e);
			goto done;
		}
		filename_with_uid(&name, p.name, m->set->info_delimiter, uid);
		if ((done = rename_file(m, p.is_new, p.name, m, p.is_new, buf_str(&name), &a, e)) < 0)
			goto done;
	}
	rc = done ? 0 : lost(m, &p, e);
done:
	buf_release(&name);
	arena_release(&a);
	return rc;
}

int
msgfile_remove(struct mdir *m, struct key key, const char *hint, uint32_t expect, uint32_t known,
    struct err *e)
{
	struct arena a = { 0 };
	struct filename f;
	struct place p;
	int i, gone, done = 0, rc = -1;

	for (i = 0; i < ATTEMPTS && !done; i++) {
		if (locate(m, key, hint, i, &a, &p, e) < 0) {
			if (e->scope != ERR_MESSAGE || e->retry != ERR_NOW)
				goto done;
			gone = mdir_is_gone(m, key, e);
			if (gone < 0)
				goto done;
			rc = gone ? 0 : lost(m, &(struct place){ .name = arena_strndup(&a, key.data, key.len) }, e);
			goto done;
		}
		if (p.is_held) {
			held(m, &p, e);
			goto done;
		}
		filename_parse(p.name, m->set->info_delimiter, &f);
		if ((f.flags & known) == expect) {
			done = disk_unlink(mdir_sub_fd(m, p.is_new), p.name,
			    mdir_shown(m, &a, mdir_sub(p.is_new), p.name), e);
			if (done < 0)
				goto done;
		} else if (is_there(m, &p)) {
			err_class(e, ERR_MESSAGE, ERR_FAILED, ERR_NOW, "%s/%s/%s is kept: its flags changed "
			    "meanwhile", m->path, mdir_sub(p.is_new), p.name);
			goto done;
		}
	}
	if (!done) {
		lost(m, &p, e);
		goto done;
	}
	mdir_touched(m, p.is_new, p.name, WATCH_GONE);
	rc = 0;
done:
	arena_release(&a);
	return rc;
}

/* Makes a true copy (a hard link would change with the original) in to's tmp/, with the original's
 * arrival time, and puts it in its place. 1: done; 0: the old name is gone; -1: error. */
static int
copy_file(struct mdir *from, const struct place *p, struct mdir *to, const char *base, const char *to_name,
    struct arena *a, struct err *e)
{
	const char *tmp = arena_printf(a, "%s%s", base, FILENAME_TMP_SUFFIX);
	const char *shown = mdir_shown(to, a, "tmp", tmp);
	const char *to_shown = mdir_shown(to, a, mdir_sub(p->is_new), to_name);
	struct stat st;
	bool is_made = false;
	int in, out = -1, rc = -1;

	in = openat(mdir_sub_fd(from, p->is_new), p->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (in < 0 && errno == ENOENT)
		return 0;
	if (in < 0 || fstat(in, &st) < 0 || !S_ISREG(st.st_mode)) {
		disk_err(e, ERR_MESSAGE, errno, "%s/%s/%s cannot be read", from->path, mdir_sub(p->is_new), p->name);
		goto done;
	}
	if (step(STEP_CREATE, shown, e) < 0)
		goto done;
	out = mdir_make_tmp(to, tmp);
	is_made = out >= 0;
	if (out < 0 || disk_copy(in, out) < 0 ||
	    futimens(out, (const struct timespec[]){ { .tv_nsec = UTIME_OMIT }, st.st_mtim }) < 0) {
		disk_err(e, ERR_MESSAGE, errno, "%s cannot be written", shown);
		goto done;
	}
	if (to->set->fsync && disk_sync(out, false, shown, e) < 0)
		goto done;
	if (step(STEP_RENAME, arena_printf(a, "%s\n%s", shown, to_shown), e) < 0)
		goto done;
	if (disk_rename_noreplace(to->tmp_fd, tmp, mdir_sub_fd(to, p->is_new), to_name) < 0) {
		disk_err(e, ERR_MESSAGE, errno, "%s cannot be renamed to %s", shown, to_shown);
		goto done;
	}
	is_made = false;
	mdir_touched(to, p->is_new, to_name, WATCH_MADE);
	rc = 1;
done:
	if (in >= 0)
		close(in);
	if (out >= 0 && close(out) < 0 && rc > 0)
		rc = disk_err(e, ERR_MESSAGE, errno, "%s cannot be written", to_shown);
	if (is_made && !step_is_dead())
		unlinkat(to->tmp_fd, tmp, 0);
	return rc;
}

/* The mailboxes are on two file systems: copies, makes that durable, and removes the original. */
static int
move_by_copy(struct mdir *m, const struct place *p, struct mdir *to, const char *base, const char *name,
    struct arena *a, struct err *e)
{
	int done = copy_file(m, p, to, base, name, a, e);

	if (done <= 0)
		return done;
	if (mdir_sync(to, e) < 0)
		return -1;
	done = disk_unlink(mdir_sub_fd(m, p->is_new), p->name, mdir_shown(m, a, mdir_sub(p->is_new), p->name), e);
	if (done == 1)
		mdir_touched(m, p->is_new, p->name, WATCH_GONE);
	if (done == 0) {
		/* Renamed meanwhile, that is changed: the original wins, the copy goes again. */
		if (disk_unlink(mdir_sub_fd(to, p->is_new), name, mdir_shown(to, a, mdir_sub(p->is_new), name), e) < 0)
			return -1;
		mdir_touched(to, p->is_new, name, WATCH_GONE);
	}
	return done;
}

/* The name it gets where it goes. */
static void
name_there(struct buf *out, const char *base, const char *old, const struct msgfile_letters *letters, uint32_t off, char info_delimiter)
{
	struct buf same = { 0 };
	struct filename f;
	uint32_t flags;
	int i;

	filename_with_base(&same, base, old, info_delimiter);
	filename_parse(buf_str(&same), info_delimiter, &f);
	flags = f.flags & FLAG_ALL;
	for (i = 0; i < FILENAME_LETTERS; i++)
		if (f.flags & FILENAME_LETTER(i))
			flags |= letters->to[i];
	filename_with_flags(out, buf_str(&same), info_delimiter, flags & ~off);
	buf_release(&same);
}

/* R20: it is what was decided upon. */
static int
check_flags(const struct mdir *m, const struct place *p, uint32_t expect, uint32_t known, struct err *e)
{
	struct filename f;

	filename_parse(p->name, m->set->info_delimiter, &f);
	if ((f.flags & known) == expect || !is_there(m, p))
		return 0;
	return err_class(e, ERR_MESSAGE, ERR_FAILED, ERR_NOW, "%s/%s/%s is kept: its flags changed meanwhile", m->path,
	    mdir_sub(p->is_new), p->name);
}

/* trash: or NULL. */
static int
carry(struct mdir *m, struct key key, const char *hint, struct mdir *to, const char *to_base, const struct msgfile_letters *letters,
    const struct msgfile_trash *trash, bool is_copy, struct arena *a, const char **hint_r, struct err *e)
{
	struct buf name = { 0 };
	struct place p;
	int i, done = 0, rc = -1;

	for (i = 0; i < ATTEMPTS && !done; i++) {
		if (locate(m, key, hint, i, a, &p, e) < 0)
			goto done;
		if (p.is_held && !is_copy) {
			held(m, &p, e);
			goto done;
		}
		if (trash != NULL && check_flags(m, &p, trash->expect, trash->known, e) < 0)
			goto done;
		name_there(&name, to_base, p.name, letters, trash != NULL ? trash->off : 0, m->set->info_delimiter);
		if (is_copy)
			done = copy_file(m, &p, to, to_base, buf_str(&name), a, e);
		else {
			done = rename_file(m, p.is_new, p.name, to, p.is_new, buf_str(&name), a, e);
			if (done < 0 && e->sys == EXDEV)
				done = move_by_copy(m, &p, to, to_base, buf_str(&name), a, e);
		}
		if (done < 0)
			goto done;
	}
	if (!done) {
		lost(m, &p, e);
		goto done;
	}
	*hint_r = hint_of(a, p.is_new, buf_str(&name), strlen(to_base));
	rc = 0;
done:
	buf_release(&name);
	return rc;
}

int
msgfile_move(struct mdir *m, struct key key, const char *hint, struct mdir *to, const char *to_base,
    const struct msgfile_letters *letters, bool is_copy, struct arena *a, const char **hint_r, struct err *e)
{
	return carry(m, key, hint, to, to_base, letters, NULL, is_copy, a, hint_r, e);
}

int
msgfile_trash(struct mdir *m, struct key key, const char *hint, struct mdir *to, const char *to_base,
    const struct msgfile_letters *letters, const struct msgfile_trash *how, struct err *e)
{
	struct arena a = { 0 };
	const char *ignored;
	struct err why;
	int rc = carry(m, key, hint, to, to_base, letters, how, false, &a, &ignored, e);

	if (rc < 0 && e->scope == ERR_MESSAGE && e->retry == ERR_NOW && mdir_is_gone(m, key, &why) == 1)
		rc = 0;
	arena_release(&a);
	return rc;
}
