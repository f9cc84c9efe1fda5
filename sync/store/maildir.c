#include "sync/store/maildir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sync/maildir/disk.h"
#include "sync/maildir/folder_state.h"
#include "sync/maildir/folderops.h"
#include "sync/maildir/folders.h"
#include "sync/maildir/layout.h"
#include "sync/maildir/marker.h"
#include "sync/maildir/mdir.h"
#include "sync/maildir/names_kept.h"
#include "sync/maildir/stamp.h"
#include "sync/store/maildir_parts.h"

enum { MAX_SESSIONS = 8 };

/* ---- the store and its sessions ---- */

static void
maildir_free(struct store *s)
{
	struct maildir_store *m = (struct maildir_store *)s;

	if (m == NULL)
		return;
	watch_free(&m->mdir.watch);
	root_lock_drop(&m->lock);
	pthread_mutex_destroy(&m->mutex);
	arena_release(&m->arena);
	free(m);
}

/* Whoever writes is alone in the Maildir. */
static int
take_lock(struct maildir_store *s, struct err *e)
{
	struct arena a = { 0 };
	int rc = 0;

	pthread_mutex_lock(&s->mutex);
	if (maildir_may_write(s) && s->lock == NULL)
		rc = root_lock_take(layout_root(&s->layout, &a), &s->lock, e);
	pthread_mutex_unlock(&s->mutex);
	arena_release(&a);
	return rc;
}

static struct session *
maildir_session_open(struct store *store, struct err *e)
{
	struct maildir_store *s = (struct maildir_store *)store;
	struct maildir_session *c;

	if (take_lock(s, e) < 0)
		return NULL;
	pthread_mutex_lock(&s->mutex);
	s->sessions++;
	pthread_mutex_unlock(&s->mutex);
	c = mem_alloc(sizeof *c);
	c->base.store = store;
	return &c->base;
}

static void
maildir_session_close(struct session *session)
{
	struct maildir_session *c = (struct maildir_session *)session;

	struct maildir_store *s;

	if (c == NULL)
		return;
	s = maildir_store_of(session);
	pthread_mutex_lock(&s->mutex);
	if (--s->sessions == 0) {
		watch_forget(s->mdir.watch);
		root_lock_drop(&s->lock);
	}
	pthread_mutex_unlock(&s->mutex);
	digest_free(&c->digest);
	free(c->piece);
	free(c);
}

/* ---- mailboxes ---- */

/* Tells true times by device, so that statfs is asked once per file system. */
struct times_cache { uint64_t dev; bool is_known, is_true; };

static void
set_cursor(const struct maildir_store *s, struct mailbox *box, const char *path, const struct stamps *stamps,
    struct times_cache *cache)
{
	int fd;

	if (!cache->is_known || cache->dev != stamps->cur.dev) {
		fd = disk_opendir(AT_FDCWD, path);
		cache->is_true = fd >= 0 && disk_has_true_times(fd);
		cache->is_known = fd >= 0;
		cache->dev = stamps->cur.dev;
		if (fd >= 0)
			close(fd);
	}
	/* Steady although it may be seconds old: it is only compared with the cursor of a delta, and where
	 * that was steady, whatever came later has another time than it. */
	maildir_cursor(s, stamps, cache->is_true, &box->cursor);
	box->has_cursor = true;
}

static void
list_folder(const struct maildir_store *s, const struct folder *folder, struct listing *l, struct times_cache *cache)
{
	struct mailbox *box = vec_add(&l->boxes);

	box->name = arena_strdup(&l->arena, folder->name);
	box->id = "";
	box->above = arena_strdup(&l->arena, folder->above);
	if (!folder->is_box) {
		box->attrs = MAILBOX_NOSELECT;
		return;
	}
	box->id = maildir_id(&l->arena, &folder->stamps);
	set_cursor(s, box, folder->path, &folder->stamps, cache);
}

static int
list_fingerprint(struct maildir_store *s, struct listing *l, struct err *e)
{
	char id[MARKER_SIZE];
	int has = marker_get(layout_root(&s->layout, &l->arena), maildir_may_write(s), s->mdir.fsync, id, e);

	if (has < 0 || take_lock(s, e) < 0)
		return -1;
	l->fingerprint = has ? arena_printf(&l->arena, "maildir:%s", id) : "";
	return 0;
}

/* Without Path the Inbox is the store itself, and the mark has its place there. One that has its mark is not new: what it
 * lacks is away. */
static int
make_inbox(struct maildir_store *s, struct err *e)
{
	struct err unseen;
	char id[MARKER_SIZE];

	if (!maildir_may_write(s) || layout_has_path(&s->layout) || (folder_state(&s->layout, "INBOX", NULL, &unseen) ==
	    FOLDER_AWAY && marker_get(s->layout.inbox, false, false, id, &unseen) != 0))
		return 0;
	return folderops_create(&s->layout, &s->mdir, "INBOX", e);
}

/* A directory is asked once whether it keeps names, and that is remembered by its identity and the delimiter. */
static int
check_names(struct maildir_store *s, struct listing *l, struct err *e)
{
	const char *root = layout_root(&s->layout, &l->arena), *place;
	struct stamp dir, inbox;

	if (!maildir_may_write(s) || stamp_take(AT_FDCWD, root, &dir) < 0)
		return 0;
	place = arena_printf(&l->arena, "%s %c", folder_identities(&l->arena, "", &dir), s->mdir.info_delimiter);
	if (s->names_kept != NULL && strcmp(s->names_kept, place) == 0)
		return 0;
	if (names_kept_check(root, s->mdir.info_delimiter, e) < 0)
		return -1;
	if (stamp_take(AT_FDCWD, s->layout.inbox, &inbox) == 0 && inbox.dev != dir.dev &&
	    names_kept_check(s->layout.inbox, s->mdir.info_delimiter, e) < 0)
		return -1;
	s->names_kept = arena_strdup(&s->arena, place);
	return 0;
}

static int
cannot_write(struct err *e, const char *path)
{
	int sys = faccessat(AT_FDCWD, path, W_OK | X_OK, AT_EACCESS) < 0 ? errno : 0;

	if (sys == 0)
		return 0;
	return sys == ENOENT ? disk_err_missing(e, ERR_STORE, sys, "", path) : disk_err(e, ERR_STORE, sys, "%s cannot be written", path);
}

/* A dry run writes nothing, and tells what a run would fail of: the mark and INBOX that are to be made, or (l->no_create) mailboxes. */
static int
foresee(struct maildir_store *s, struct listing *l, bool has_inbox, struct err *e)
{
	const char *root = layout_root(&s->layout, &l->arena), *parent;
	char id[MARKER_SIZE], *above = disk_parent(s->layout.inbox);
	int rc = 0;

	if (!s->base.is_dry || s->base.read_only)
		goto done;
	parent = arena_strdup(&l->arena, above);
	if (!layout_has_path(&s->layout) && !has_inbox)
		rc = cannot_write(e, parent);
	else if (cannot_write(e, root) < 0) {
		l->no_create = arena_strdup(&l->arena, e->text);
		rc = access(root, F_OK) == 0 && marker_get(root, false, false, id, e) == 0 ? cannot_write(e, root) : 0;
	}
done:
	free(above);
	return rc;
}

/* INBOX is there even where its directory is missing; MapInbox lists it by a second name. */
static void
list_inbox(struct maildir_store *s, struct listing *l, bool is_listed)
{
	struct mailbox *box, alias = { .name = "INBOX", .id = "", .is_assumed = true };
	size_t i;

	for (i = 0; i < l->boxes.n; i++)
		if (names_is_inbox(l->boxes.at[i].name))
			alias = l->boxes.at[i];
	if (!is_listed) {
		box = vec_add(&l->boxes);
		*box = alias;
	}
	if (s->layout.map_inbox != NULL) {
		box = vec_add(&l->boxes);
		*box = alias;
		box->name = arena_strdup(&l->arena, s->layout.map_inbox);
	}
}

static int
maildir_list(struct session *c, struct listing *l, struct err *e)
{
	struct maildir_store *s = maildir_store_of(c);
	struct times_cache cache = { 0 };
	struct folders f;
	bool has_inbox = false;
	size_t i;
	int rc = -1;

	if (folders_find(&s->layout, &f, e) < 0)
		goto done;
	l->is_complete = f.is_complete;
	for (i = 0; i < f.at.n; i++) {
		has_inbox |= names_is_inbox(f.at.at[i].name);
		list_folder(s, &f.at.at[i], l, &cache);
	}
	for (i = 0; i < f.refused.n; i++)
		vec_push(&l->refused, (struct mailbox_refused){ .name = arena_strdup(&l->arena, f.refused.at[i].name),
		    .why = arena_strdup(&l->arena, f.refused.at[i].why) });
	if ((!has_inbox && make_inbox(s, e) < 0) || foresee(s, l, has_inbox, e) < 0)
		goto done;
	list_inbox(s, l, has_inbox);
	listing_sort(l);
	s->base.is_folding = maildir_is_folding(s);
	rc = list_fingerprint(s, l, e) < 0 || check_names(s, l, e) < 0 ? -1 : 0;
done:
	folders_release(&f);
	return rc;
}

static int
maildir_cursors(struct session *c, struct mailbox *boxes, size_t n, struct err *e)
{
	struct maildir_store *s = maildir_store_of(c);
	struct times_cache cache = { 0 };
	struct arena a = { 0 };
	struct stamps stamps;
	struct err ignored;
	size_t i;
	char *path;
	int fd;

	(void)e;
	for (i = 0; i < n; i++) {
		boxes[i].has_cursor = false;
		path = layout_path(&s->layout, &a, boxes[i].name, &ignored);
		fd = path != NULL ? disk_opendir(AT_FDCWD, path) : -1;
		if (fd < 0)
			continue;
		if (stamp_take_both(fd, &stamps) == 0)
			set_cursor(s, &boxes[i], path, &stamps, &cache);
		close(fd);
	}
	arena_release(&a);
	return 0;
}

static enum mailbox_state
maildir_mailbox_state(struct session *c, const char *name, const char *above, struct err *e)
{
	switch (folder_state(&maildir_store_of(c)->layout, name, above, e)) {
	case FOLDER_ABSENT:
		return MAILBOX_ABSENT;
	case FOLDER_THERE:
		return MAILBOX_THERE;
	case FOLDER_AWAY:
		return MAILBOX_AWAY;
	case FOLDER_NOT_KNOWN:
		break;
	}
	return MAILBOX_NOT_KNOWN;
}

/* By a rename. Between two file systems it is a copy and a removal: a crash may leave it twice then. */
static bool
maildir_moves_at_once(struct session *c)
{
	(void)c;
	return true;
}

static enum outcome
outcome_of(int rc, bool is_begun)
{
	if (rc == 0)
		return OUTCOME_DONE;
	return is_begun ? OUTCOME_UNKNOWN : OUTCOME_FAILED;
}

static int
maildir_create_mailbox(struct session *c, const char *name, unsigned role, enum outcome *o, struct err *e)
{
	struct maildir_store *s = maildir_store_of(c);
	int rc;

	(void)role;			/* a Maildir knows no roles */
	*o = OUTCOME_FAILED;
	if (maildir_check_write(s, e) < 0)
		return -1;
	rc = folderops_create(&s->layout, &s->mdir, name, e);
	*o = outcome_of(rc, false);
	return rc;
}

static int
maildir_remove_mailbox(struct session *c, const char *name, enum outcome *o, struct err *e)
{
	struct maildir_store *s = maildir_store_of(c);
	bool is_begun;
	int rc;

	*o = OUTCOME_FAILED;
	if (maildir_check_write(s, e) < 0)
		return -1;
	rc = folderops_remove(&s->layout, &s->mdir, name, &is_begun, e);
	*o = outcome_of(rc, is_begun);
	return rc;
}

static int
maildir_rename_mailbox(struct session *c, const char *from, const char *to, enum outcome *o, struct err *e)
{
	struct maildir_store *s = maildir_store_of(c);
	bool is_begun;
	int rc;

	*o = OUTCOME_FAILED;
	if (maildir_check_write(s, e) < 0)
		return -1;
	rc = folderops_rename(&s->layout, &s->mdir, from, to, &is_begun, e);
	*o = outcome_of(rc, is_begun);
	return rc;
}

/* ---- what is remembered between runs ---- */

static const char *
maildir_memory_save(struct store *s, struct arena *a)
{
	const char *kept = ((struct maildir_store *)s)->names_kept;

	return kept != NULL ? arena_printf(a, "names-kept %s", kept) : NULL;
}

static void
maildir_memory_load(struct store *store, const char *memory)
{
	struct maildir_store *s = (struct maildir_store *)store;
	static const char head[] = "names-kept ";

	if (strncmp(memory, head, sizeof head - 1) == 0)
		s->names_kept = arena_strdup(&s->arena, memory + sizeof head - 1);
}

static const struct store_ops maildir_ops = {
	.kind = "Maildir",
	.has_uid_keys = false,
	.is_local = true,
	.free = maildir_free,
	.session_open = maildir_session_open,
	.session_close = maildir_session_close,
	.list = maildir_list,
	.cursors = maildir_cursors,
	.mailbox_state = maildir_mailbox_state,
	.delta = maildir_delta,
	.confirm_gone = maildir_confirm_gone,
	.identify = maildir_identify, .describe = maildir_describe,
	.fetch = maildir_fetch,
	.headers = maildir_headers,
	.directory = maildir_directory,
	.number = maildir_number,
	.choose_name = maildir_choose_name,
	.deliver = maildir_deliver,
	.change = maildir_change,
	.move = maildir_move,
	.moves_at_once = maildir_moves_at_once,
	.create_mailbox = maildir_create_mailbox,
	.remove_mailbox = maildir_remove_mailbox,
	.rename_mailbox = maildir_rename_mailbox,
	.check = maildir_check,
	.memory_save = maildir_memory_save,
	.memory_load = maildir_memory_load,
};

static const char *
dup_or_null(struct arena *a, const char *s)
{
	return s != NULL && s[0] != '\0' ? arena_strdup(a, s) : NULL;
}

void
maildir_layout(const struct store_settings *set, bool fsync, struct arena *a, struct layout *layout_r, struct mdir_settings *mdir_r)
{
	size_t len = strlen(set->inbox);

	while (len > 1 && set->inbox[len - 1] == '/')
		len--;
	*layout_r = (struct layout){ .kind = set->sub_folders, .path = dup_or_null(a, set->path),
		.inbox = arena_strndup(a, set->inbox, len), .map_inbox = dup_or_null(a, set->map_inbox),
		.flatten = dup_or_null(a, set->flatten) };
	*mdir_r = (struct mdir_settings){ .info_delimiter = set->info_delimiter != '\0' ? set->info_delimiter : ':', .fsync = fsync,
		.keywords = set->keywords };
}

struct store *
maildir_store_new(const struct store_settings *set, bool fsync, bool copy_arrival_date)
{
	struct maildir_store *s = mem_alloc(sizeof *s);

	pthread_mutex_init(&s->mutex, NULL);
	maildir_layout(set, fsync, &s->arena, &s->layout, &s->mdir);
	s->mdir.watch = watch_new();
	s->copy_arrival_date = copy_arrival_date;
	store_init(&s->base, &maildir_ops);
	s->base.name = arena_strdup(&s->arena, set->name);
	s->base.read_only = set->read_only;
	s->base.keeps_keywords_with = set->keywords ? NULL : arena_printf(&s->arena, "\"Keywords yes\" in MaildirStore %s", set->name);
	/* What Flatten makes of a name is judged when it is made: sync/maildir/layout.h. */
	s->base.layout = s->layout.flatten != NULL ? NAMES_IMAP : set->sub_folders;
	s->base.is_inbox_listed = s->layout.map_inbox == NULL && layout_is_inbox_listed(&s->layout);
	s->base.max_sessions = MAX_SESSIONS;
	return &s->base;
}
