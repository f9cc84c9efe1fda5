/* What a tree of Maildirs shows of itself to a person: whether it is there and may be written, and what of its file system may become
 * trouble. Nothing is written to find out. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#ifdef __linux__
#include <sys/vfs.h>
#endif

#include "state/base/shell_word.h"
#include "sync/maildir/disk.h"
#include "sync/maildir/folders.h"
#include "sync/store/maildir_parts.h"

struct checking {
	const struct maildir_store *s;
	const char *where;
	const struct findings *out;
	struct arena *a;
};

/* ---- the directory ---- */

static int
fail(const struct checking *k, const char *what, const char *remedy, const char *path, const char *why)
{
	struct err e;

	err_set(&e, ERR_STORE, "%s %s", path, why);
	finding_fail(k->out, what, k->where, remedy, &e);
	return -1;
}

static int
check_there(const struct checking *k, const char *root)
{
	struct stat st;

	if (stat(root, &st) == 0 && S_ISDIR(st.st_mode)) {
		finding_ok(k->out, "directory", k->where, "%s", root);
		return 0;
	}
	/* Without Path a run makes Inbox. */
	if (errno == ENOENT && !layout_has_path(&k->s->layout)) {
		finding_ok(k->out, "directory", k->where, "%s is not there yet: the first run makes it", root);
		return -1;
	}
	if (errno == ENOENT)
		return fail(k, "directory", arena_printf(k->a, "mkdir -p %s", shell_word(k->a, root)), root, "is not there");
	return fail(k, "directory", NULL, root, stat(root, &st) == 0 ? "is no directory" : strerror(errno));
}

static int
check_modes(const struct checking *k, const char *root)
{
	const int wanted = R_OK | X_OK | (k->s->base.read_only ? 0 : W_OK);
	struct stat st;

	if (faccessat(AT_FDCWD, root, wanted, AT_EACCESS) < 0)
		return fail(k, "permissions", arena_printf(k->a, "chmod u+rwx %s", shell_word(k->a, root)), root, arena_printf(k->a, "cannot be %s (%s)",
		    k->s->base.read_only ? "read" : "written", strerror(errno)));
	if (stat(root, &st) < 0)
		return fail(k, "permissions", NULL, root, strerror(errno));
	if (st.st_mode & (S_IWGRP | S_IWOTH))
		finding_warn(k->out, "permissions", k->where, arena_printf(k->a, "chmod go-w %s", shell_word(k->a, root)), "%s can be written by others (mode %04o)", root,
		    (unsigned)(st.st_mode & 07777));
	else if (st.st_uid != geteuid())
		finding_warn(k->out, "permissions", k->where, NULL, "%s belongs to another user (%lu)", root, (unsigned long)st.st_uid);
	else
		finding_ok(k->out, "permissions", k->where, "%s can be %s, by its owner alone", root, k->s->base.read_only ? "read" : "read and written");
	return 0;
}

/* ---- its file system ---- */

#ifdef __linux__
/* Those that fold, replace or drop letters of names, by statfs(2). */
static const char *
changes_names(const char *root)
{
	static const struct { unsigned long type; const char *name; } types[] = {
		{ 0x4d44, "FAT" }, { 0x2011bab0, "exFAT" }, { 0x5346544e, "NTFS" }, { 0x7366746e, "NTFS" },
		{ 0x517b, "SMB" }, { 0xff534d42, "CIFS" }, { 0xfe534d42, "SMB" }, { 0x4244, "HFS" }, { 0x482b, "HFS+" },
	};
	struct statfs fs;

	if (statfs(root, &fs) < 0)
		return NULL;
	for (size_t i = 0; i < sizeof types / sizeof *types; i++)
		if ((unsigned long)fs.f_type == types[i].type)
			return types[i].name;
	return NULL;
}
#else
static const char *
changes_names(const char *root)
{
	(void)root;
	return NULL;
}
#endif

static void
check_names(const struct checking *k, const char *root)
{
	const char *type = changes_names(root);

	if (type != NULL)
		finding_warn(k->out, "names", k->where, "keep it on another one; or, where the first run says that names come back changed, write another "
		    "InfoDelimiter in its MaildirStore", "the file system of %s is %s, which may change file names, and flags are letters of them", root, type);
	if (maildir_is_folding(k->s))
		finding_warn(k->out, "names", k->where, NULL, "the file system of %s ignores the case of letters: mailboxes whose names differ by that alone "
		    "cannot both be there", root);
	else if (type == NULL)
		finding_ok(k->out, "names", k->where, "the file system keeps names apart by the case of letters");
}

static void
check_space(const struct checking *k, const char *root)
{
	enum { FEW_FILES = 10000 };
	static const unsigned long long little = 200ULL * 1000 * 1000;
	struct statvfs fs;
	unsigned long long left;

	if (statvfs(root, &fs) < 0)
		return;
	left = (unsigned long long)fs.f_bavail * fs.f_frsize;
	if (left < little)
		finding_warn(k->out, "space", k->where, "make room there", "%llu MB are left on the disk of %s", left / 1000000, root);
	else
		finding_ok(k->out, "space", k->where, "%llu MB are left on the disk of %s", left / 1000000, root);
	if (fs.f_files != 0 && fs.f_favail < FEW_FILES)
		finding_warn(k->out, "space", k->where, "remove files there", "%llu files more, and the disk of %s can hold no other",
		    (unsigned long long)fs.f_favail, root);
}

/* ---- its mailboxes ---- */

static void
check_clock(const struct checking *k)
{
	static const int64_t second = 1000000000;
	struct folders f;
	const char *worst = NULL;
	int64_t ahead = 0;		/* nanoseconds */
	struct err e;

	if (folders_find(&k->s->layout, &f, &e) == 0) {
		for (size_t i = 0; i < f.at.n; i++) {
			if (f.at.at[i].is_box && stamp_ahead(&f.at.at[i].stamps) > ahead) {
				ahead = stamp_ahead(&f.at.at[i].stamps);
				worst = arena_strdup(k->a, f.at.at[i].name);
			}
		}
	}
	folders_release(&f);
	if (worst != NULL)
		finding_warn(k->out, "clock", k->where, "set the clock (timedatectl); or, if it is right: touch the directories cur and new of that mailbox",
		    "mailbox %s was changed %lld seconds from now: the clock is behind, and its list cannot be complete", worst,
		    (long long)(ahead / second));
	else
		finding_ok(k->out, "clock", k->where, "no mailbox is ahead of it");
}

static int
check_mailboxes(const struct checking *k, struct store *s, struct listing *l)
{
	struct session *session;
	struct err e;
	int rc = -1;

	session = s->ops->session_open(s, &e);
	if (session != NULL)
		rc = s->ops->list(session, l, &e);
	s->ops->session_close(session);
	if (rc < 0) {
		finding_fail(k->out, "mailboxes", k->where, NULL, &e);
		return -1;
	}
	finding_ok(k->out, "mailboxes", k->where, "%zu", l->boxes.n);
	for (size_t i = 0; i < l->refused.n; i++)
		finding_warn(k->out, "mailboxes", k->where, NULL, "%s: %s", l->refused.at[i].name != NULL ? l->refused.at[i].name : "a name",
		    l->refused.at[i].why);
	return 0;
}

int
maildir_check(struct store *store, struct listing *l_r, const struct findings *out)
{
	struct arena a = { 0 };
	struct checking k = { .s = (struct maildir_store *)store, .out = out, .a = &a };
	const char *root = layout_root(&k.s->layout, &a);
	int rc = -1;

	*l_r = (struct listing){ 0 };
	k.where = arena_printf(&a, "store %s", store->name);
	if (check_there(&k, root) == 0 && check_modes(&k, root) == 0) {
		check_names(&k, root);
		check_space(&k, root);
		check_clock(&k);
		rc = check_mailboxes(&k, store, l_r);
	}
	arena_release(&a);
	return rc;
}
