#include "sync/maildir/folders.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "state/base/outside.h"
#include "state/base/buf.h"
#include "sync/maildir/disk.h"
#include "sync/maildir/folder_state.h"

/* A directory on the way down, so that a symbolic link back to one of them ends the walk. */
struct above {
	const struct above *up;
	struct stamp dir;
};

struct walk {
	const struct layout *l;
	struct folders *f;
	struct stamp inbox, root;	/* ino 0 = not there, or not to be passed over */
};

/* A directory entry that may be a mailbox, or hold some. */
struct entry {
	const char *name;		/* of the mailbox that it would be */
	const char *path;
	const char *above;		/* identities of what it lies in */
	int fd;
	struct stamp dir;
};

void
folders_release(struct folders *f)
{
	vec_release(&f->at);
	vec_release(&f->refused);
	arena_release(&f->arena);
}

static void
refuse(struct walk *w, const char *name, const char *why)
{
	struct folders *f = w->f;

	vec_push(&f->refused, (struct folder_refused){ arena_strdup(&f->arena, name), arena_strdup(&f->arena, why) });
}

static void
refuse_unread(struct walk *w, const char *name, const char *path, int sys)
{
	struct err e;

	disk_err(&e, ERR_BOX, sys, "%s cannot be read", path);
	refuse(w, name, e.text);
	w->f->is_complete = false;
}

static bool
is_same_dir(const struct stamp *a, const struct stamp *b)
{
	return a->ino != 0 && a->ino == b->ino && a->dev == b->dev;
}

static void
add(struct walk *w, const struct entry *en, bool is_box, const struct stamps *stamps)
{
	struct folder *box = vec_add(&w->f->at);

	box->name = arena_strdup(&w->f->arena, en->name);
	box->path = arena_strdup(&w->f->arena, en->path);
	box->above = arena_strdup(&w->f->arena, en->above);
	box->is_box = is_box;
	if (stamps != NULL)
		box->stamps = *stamps;
}

/* Gives a mailbox its canonical name, and adds it; or says why it is none of this store's. */
static void
add_named(struct walk *w, const struct entry *en, const struct stamps *stamps)
{
	struct entry named = *en;
	struct buf name = { 0 };
	const char *why = layout_name_in(w->l, en->name, &name);
	struct err e;

	named.name = buf_str(&name);
	if (why != NULL)
		refuse(w, en->name, why);
	else if (names_check(en->name, strlen(en->name), w->l->kind, &e) < 0 || 
	    (w->l->flatten != NULL && names_check(named.name, name.len, NAMES_IMAP, &e) < 0))
		refuse(w, en->name, e.text);
	else if (w->l->flatten != NULL && w->l->map_inbox != NULL && strcmp(named.name, w->l->map_inbox) == 0)
		refuse(w, en->name, "this directory is ignored: MapInbox gives its name to INBOX");
	else
		add(w, &named, true, stamps);
	buf_release(&name);
}

/* Adds an entry if it is a mailbox that may have this name. Returns whether it has a cur/. */
static bool
add_if_box(struct walk *w, const struct entry *en, const char *why_not)
{
	struct stamps stamps;
	int sys;

	if (stamp_take_both(en->fd, &stamps) < 0) {
		sys = errno;
		if (sys == ENOENT || sys == ENOTDIR)
			return false;
		refuse_unread(w, en->name, en->path, sys);
	} else if (why_not != NULL)
		refuse(w, en->name, why_not);
	else
		add_named(w, en, &stamps);
	return true;
}

static bool
may_be_dir(const struct dirent *de)
{
	if (strcmp(de->d_name, ".") == 0 || strcmp(de->d_name, "..") == 0)
		return false;
#ifdef DT_DIR
	return de->d_type == DT_DIR || de->d_type == DT_LNK || de->d_type == DT_UNKNOWN;
#else
	return true;
#endif
}

/* Opens a directory entry. False: nothing to look at. */
static bool
open_entry(struct walk *w, int dir_fd, const char *file, const struct above *up, struct entry *en)
{
	const struct above *above;

	en->fd = disk_opendir(dir_fd, file);
	if (en->fd < 0) {
		if (errno != ENOENT && errno != ENOTDIR && errno != ELOOP)
			refuse_unread(w, en->name, en->path, errno);
		return false;
	}
	if (stamp_take(en->fd, NULL, &en->dir) < 0) {
		refuse_unread(w, en->name, en->path, errno);
		goto no;
	}
	/* INBOX and Path are walked for themselves, wherever they are. */
	if (is_same_dir(&en->dir, &w->inbox) || is_same_dir(&en->dir, &w->root))
		goto no;
	for (above = up; above != NULL; above = above->up)
		if (is_same_dir(&above->dir, &en->dir)) {
			refuse(w, en->name, "its directory is a link to one that it lies in");
			goto no;
		}
	return true;
no:
	close(en->fd);
	return false;
}

typedef int (*visitor)(struct walk *w, int dir_fd, const char *file, const struct entry *dir, const struct above *up);

/* Shows each entry of a directory that may be one to `visit`. Returns whether any was a mailbox or had
 * one below it. */
static int
each_entry(struct walk *w, const struct entry *dir, const struct above *up, visitor visit)
{
	int fd = disk_opendir(dir->fd, "."), found = 0, sys;
	DIR *stream = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *de;

	while (stream != NULL) {
		errno = 0;
		de = readdir(stream);
		if (de == NULL)
			break;
#ifdef DT_LNK
		if (de->d_type == DT_LNK)
			outside_met(fd, de->d_name);
#endif
		if (may_be_dir(de))
			found |= visit(w, fd, de->d_name, dir, up);
	}
	sys = errno;
	if (stream != NULL)
		closedir(stream);
	else if (fd >= 0)
		close(fd);
	if (stream == NULL || sys != 0)
		refuse_unread(w, dir->name[0] != '\0' ? dir->name : dir->path, dir->path, sys);
	return found;
}

static const char *
path_of(struct arena *a, const char *dir, const char *file)
{
	return arena_printf(a, "%s/%s", strcmp(dir, "/") == 0 ? "" : dir, file);
}

/* ".top.sub" is top/sub, "..sub" is INBOX/sub. */
static int
visit_maildirpp(struct walk *w, int dir_fd, const char *file, const struct entry *dir, const struct above *up)
{
	struct arena a = { 0 };
	struct entry en = { .fd = -1 };
	const char *why = NULL;
	char *name;
	int found = 0;

	if (file[0] != '.')
		return 0;
	name = arena_printf(&a, "%s%s", file[1] == '.' ? "INBOX" : "", file + 1);
	for (en.name = name; *name != '\0'; name++)
		if (*name == '.')
			*name = '/';
	en.path = path_of(&a, dir->path, file);
	en.above = folder_identities(&a, dir->above, &dir->dir);
	if (open_entry(w, dir_fd, file, up, &en)) {
		if (file[1] != '.' && names_is_inbox_or_below(en.name))
			why = "this directory is ignored: INBOX is the Maildir itself, and folders below it begin "
			    "with two dots";
		found = add_if_box(w, &en, why);
		close(en.fd);
	}
	arena_release(&a);
	return found;
}

/* The part of a mailbox name that an entry of Verbatim or Legacy stands for; NULL = none. */
static const char *
part_of_name(const struct walk *w, const char *file, bool is_top)
{
	const char *prefix = is_top ? layout_prefix(w->l) : "";
	size_t len = strlen(prefix);

	if (strcmp(file, "cur") == 0 || strcmp(file, "new") == 0 || strcmp(file, "tmp") == 0 ||
	    strncmp(file, prefix, len) != 0 || file[len] == '\0')
		return NULL;
	file += len;
	if (w->l->kind != NAMES_LEGACY)
		return file;
	if (is_top)
		return file[0] == '.' ? NULL : file;
	return file[0] == '.' && file[1] != '\0' ? file + 1 : NULL;
}

/* Why a directory that is a mailbox by its looks is none of this store's. */
static const char *
place_fault(const struct walk *w, const char *name, bool is_top)
{
	if (is_top && names_is_inbox_or_below(name))
		return "this directory is ignored: INBOX is where Inbox says";
	if (w->l->map_inbox != NULL && strcmp(name, w->l->map_inbox) == 0)
		return "this directory is ignored: MapInbox gives its name to INBOX";
	if (w->l->kind == NAMES_UNSET && w->l->flatten == NULL && !is_top)
		return "it is a subfolder, and its store does not say how it keeps them (SubFolders)";
	return NULL;
}

static int
visit_tree(struct walk *w, int dir_fd, const char *file, const struct entry *dir, const struct above *up)
{
	struct arena a = { 0 };
	struct entry en = { .fd = -1 };
	bool is_top = dir->name[0] == '\0', is_box, found = false;
	const char *part = part_of_name(w, file, is_top), *why;
	struct err e;

	if (part == NULL)
		return 0;
	en.path = path_of(&a, dir->path, file);
	en.name = is_top ? part : arena_printf(&a, "%s/%s", dir->name, part);
	en.above = folder_identities(&a, dir->above, &dir->dir);
	if (open_entry(w, dir_fd, file, up, &en)) {
		why = place_fault(w, en.name, is_top);
		is_box = add_if_box(w, &en, why);
		if (why == NULL)
			found = each_entry(w, &en, &(struct above){ up, en.dir }, visit_tree);
		if (found && !is_box && w->l->flatten == NULL && names_check(en.name, strlen(en.name), w->l->kind, &e) == 0)
			add(w, &en, false, NULL);
		found = (found || is_box) && why == NULL;
		close(en.fd);
	}
	arena_release(&a);
	return found;
}

static int
cmp_names(const void *a, const void *b)
{
	const struct folder *x = a, *y = b;

	return names_compare(x->name, y->name);
}

/* Boxes by inode, equal ones by name; containers last. */
static int
cmp_inodes(const void *a, const void *b)
{
	const struct folder *x = a, *y = b;
	const struct stamp *s = &x->stamps.cur, *t = &y->stamps.cur;

	if (s->ino != t->ino)
		return s->ino < t->ino ? 1 : -1;
	if (s->dev != t->dev)
		return s->dev < t->dev ? 1 : -1;
	return cmp_names(a, b);
}

/* Invariant 2. */
static void
refuse_doubles(struct walk *w)
{
	struct folders *f = w->f;
	struct arena a = { 0 };
	size_t i, n = 0;

	if (f->at.n == 0)
		return;
	qsort(f->at.at, f->at.n, sizeof f->at.at[0], cmp_inodes);
	for (i = 0; i < f->at.n; i++) {
		if (n > 0 && is_same_dir(&f->at.at[i].stamps.cur, &f->at.at[n - 1].stamps.cur)) {
			refuse(w, f->at.at[i].name, arena_printf(&a, "it is the same directory as %s",
			    f->at.at[n - 1].name));
			continue;
		}
		f->at.at[n++] = f->at.at[i];
	}
	f->at.n = n;
	qsort(f->at.at, f->at.n, sizeof f->at.at[0], cmp_names);
	arena_release(&a);
}

static int
cmp_refused(const void *a, const void *b)
{
	const struct folder_refused *x = a, *y = b;

	return strcmp(x->name, y->name);
}

/* INBOX, and what is below it. */
static int
find_inbox(struct walk *w, struct err *e)
{
	struct entry inbox = { .name = "INBOX", .path = w->l->inbox, .above = "" };
	struct stamps stamps;
	struct stamp parent;
	char *dir = disk_parent(w->l->inbox);

	if (stamp_take(AT_FDCWD, dir, &parent) == 0)
		inbox.above = folder_identities(&w->f->arena, "", &parent);
	free(dir);
	inbox.fd = disk_opendir(AT_FDCWD, w->l->inbox);
	if (inbox.fd < 0)
		return errno == ENOENT ? 0 :
		    disk_err(e, ERR_STORE, errno, "Inbox %s cannot be read", w->l->inbox);
	if (stamp_take_both(inbox.fd, &stamps) == 0)
		add(w, &inbox, true, &stamps);
	else if (errno != ENOENT && errno != ENOTDIR)
		refuse_unread(w, "INBOX", w->l->inbox, errno);
	if (stamp_take(inbox.fd, NULL, &w->inbox) < 0)
		refuse_unread(w, "INBOX", w->l->inbox, errno);
	inbox.dir = w->inbox;
	if (w->inbox.ino == 0) {
		/* Said above. */
	} else if (w->l->kind == NAMES_MAILDIRPP) {
		inbox.name = "";
		each_entry(w, &inbox, NULL, visit_maildirpp);
	} else if (!is_same_dir(&w->inbox, &w->root))
		each_entry(w, &inbox, &(struct above){ NULL, w->inbox }, visit_tree);
	close(inbox.fd);
	return 0;
}

/* The directories that Path lies in, up to "/", and Path itself. A store would be found below itself again: a link to one of
 * them may also show the other side's store, which would grow with every run. One that cannot be opened ends
 * them. */
static const struct above *
find_above(struct folders *f, int fd)
{
	struct stamp dir;
	struct above *all = NULL, *one;
	int at = disk_passdir(fd, "."), next;

	while (at >= 0 && stamp_take(at, NULL, &dir) == 0 && (all == NULL || !is_same_dir(&dir, &all->dir))) {
		one = arena_alloc(&f->arena, sizeof *one);
		*one = (struct above){ all, dir };
		all = one;
		next = disk_passdir(at, "..");
		close(at);
		at = next;
	}
	if (at >= 0)
		close(at);
	return all;
}

int
folders_find(const struct layout *l, struct folders *f, struct err *e)
{
	struct walk w = { .l = l, .f = f };
	struct entry root = { .name = "", .above = "", .fd = -1 };
	int rc = -1;

	memset(f, 0, sizeof *f);
	f->is_complete = true;
	if (layout_has_path(l)) {
		root.path = layout_root(l, &f->arena);
		root.fd = disk_opendir(AT_FDCWD, root.path);
		if (root.fd < 0 || stamp_take(root.fd, NULL, &root.dir) < 0) {
			disk_err_missing(e, ERR_STORE, errno, "Path", root.path);
			goto done;
		}
		/* Of a directory that is shared by a prefix, other parts may be below INBOX. */
		if (layout_prefix(l)[0] == '\0')
			w.root = root.dir;
	}
	if (find_inbox(&w, e) < 0)
		goto done;
	if (root.fd >= 0)
		each_entry(&w, &root, find_above(f, root.fd), visit_tree);
	refuse_doubles(&w);
	if (f->refused.n > 1)
		qsort(f->refused.at, f->refused.n, sizeof f->refused.at[0], cmp_refused);
	rc = 0;
done:
	if (root.fd >= 0)
		close(root.fd);
	return rc;
}
