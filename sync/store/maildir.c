#include "sync/store/maildir.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "state/base/buf.h"
#include "state/base/log.h"
#include "state/base/step.h"
#include "sync/maildir/deliver.h"
#include "sync/maildir/disk.h"
#include "sync/maildir/filename.h"
#include "sync/maildir/folderops.h"
#include "sync/maildir/folders.h"
#include "sync/maildir/layout.h"
#include "sync/maildir/marker.h"
#include "sync/maildir/mdir.h"
#include "sync/maildir/msgfile.h"
#include "sync/maildir/scan.h"
#include "sync/maildir/stamp.h"
#include "sync/message/digest.h"
#include "sync/message/lineends.h"

enum { READ_SIZE = 64 * 1024, MAX_SESSIONS = 64 };

struct maildir_store {
	struct store base;
	struct arena arena;
	struct layout layout;
	struct mdir_settings mdir;
	bool may_write, keeps_date;
};

struct maildir_session {
	struct session base;
	struct digest *digest;		/* NULL until needed */
	char *piece;			/* READ_SIZE octets */
};

static struct maildir_store *
store_of(struct session *c)
{
	return (struct maildir_store *)c->store;
}

/* ---- the store and its sessions ---- */

static void
maildir_free(struct store *s)
{
	struct maildir_store *m = (struct maildir_store *)s;

	if (m == NULL)
		return;
	arena_release(&m->arena);
	free(m);
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

static struct session *
maildir_session_open(struct store *s, struct err *e)
{
	struct maildir_session *c = mem_alloc(sizeof *c);

	(void)e;
	c->base.store = s;
	return &c->base;
}

static void
maildir_session_close(struct session *session)
{
	struct maildir_session *c = (struct maildir_session *)session;

	if (c == NULL)
		return;
	digest_free(&c->digest);
	free(c->piece);
	free(c);
}

static char *
piece_of(struct session *session)
{
	struct maildir_session *c = (struct maildir_session *)session;

	if (c->piece == NULL)
		c->piece = mem_alloc(READ_SIZE);
	return c->piece;
}

/* ---- mailboxes ---- */

static int
open_box(struct session *c, const char *box, uint64_t epoch, struct mdir *m, struct err *e)
{
	struct maildir_store *s = store_of(c);
	struct arena a = { 0 };
	char *path = layout_path(&s->layout, &a, box, e);
	int rc = -1;

	*m = MDIR_CLOSED;
	if (path != NULL)
		rc = mdir_open(m, &s->mdir, box, path, epoch, e);
	arena_release(&a);
	return rc;
}

/* For calls that write. */
static int
open_to_write(struct session *c, const char *box, uint64_t epoch, struct mdir *m, struct err *e)
{
	*m = MDIR_CLOSED;
	if (!store_of(c)->may_write)
		return err_class(e, ERR_STORE, ERR_FAILED, ERR_NEVER, "store %s is not to be written", c->store->name);
	if (open_box(c, box, epoch, m, e) < 0)
		return -1;
	if (mdir_prepare(m, e) == 0)
		return 0;
	mdir_close(m);
	return -1;
}

/* Tells true times by device, so that statfs is asked once per file system. */
struct times_cache { uint64_t dev; bool is_known, is_true; };

static void
set_cursor(struct mailbox *box, const char *path, const struct stamps *stamps, struct times_cache *cache)
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
	stamp_cursor(stamps, cache->is_true, &box->cursor);
	box->has_cursor = true;
}

static void
list_folder(struct maildir_store *s, const struct folder *folder, struct listing *l, struct times_cache *cache)
{
	struct mailbox *box = vec_add(&l->boxes);
	bool is_inbox = names_is_inbox(folder->name);
	const char *name = is_inbox && s->layout.map_inbox != NULL ? s->layout.map_inbox : folder->name;

	box->name = arena_strdup(&l->arena, name);
	box->id = "";
	if (!folder->is_box) {
		box->attrs = MAILBOX_NOSELECT;
		return;
	}
	/* By inode and birth (R12): file systems give a freed inode away at once. */
	if (folder->stamps.cur.btime != 0)
		box->id = arena_printf(&l->arena, "dir:%llu:%lld", (unsigned long long)folder->stamps.cur.ino,
		    (long long)folder->stamps.cur.btime);
	set_cursor(box, folder->path, &folder->stamps, cache);
}

static int
list_fingerprint(struct maildir_store *s, struct listing *l, struct err *e)
{
	char id[MARKER_SIZE];
	int has = marker_get(layout_root(&s->layout, &l->arena), s->may_write, s->mdir.is_synced, id, e);

	if (has < 0)
		return -1;
	l->fingerprint = has ? arena_printf(&l->arena, "maildir:%s", id) : "";
	return 0;
}

/* INBOX by either name, where its directory is missing. */
static void
list_missing_inbox(struct maildir_store *s, struct listing *l)
{
	struct mailbox *box = vec_add(&l->boxes);

	box->name = s->layout.map_inbox != NULL ? arena_strdup(&l->arena, s->layout.map_inbox) : "INBOX";
	box->id = "";
}

static int
maildir_list(struct session *c, struct listing *l, struct err *e)
{
	struct maildir_store *s = store_of(c);
	struct times_cache cache = { 0 };
	struct folders f;
	bool has_inbox = false;
	size_t i;
	int rc = -1;

	if (folders_find(&s->layout, &f, e) < 0)
		goto done;
	l->is_complete = f.is_complete;
	l->is_empty_root = f.at.n == 0;
	for (i = 0; i < f.at.n; i++) {
		has_inbox |= names_is_inbox(f.at.at[i].name);
		list_folder(s, &f.at.at[i], l, &cache);
	}
	for (i = 0; i < f.refused.n; i++) {
		has_inbox |= names_is_inbox(f.refused.at[i].name);
		vec_push(&l->refused, (struct mailbox_refused){ arena_strdup(&l->arena, f.refused.at[i].name),
		    arena_strdup(&l->arena, f.refused.at[i].why) });
	}
	if (!has_inbox) {
		/* Without Path the Inbox is the store itself, and the mark has its place there. */
		if (s->may_write && layout_is_inbox_listed(&s->layout) &&
		    (s->layout.path == NULL || s->layout.kind == NAMES_MAILDIRPP) &&
		    folderops_create(&s->layout, &s->mdir, "INBOX", e) < 0)
			goto done;
		list_missing_inbox(s, l);
	}
	listing_sort(l);
	s->base.is_folding = s->base.is_folding || is_folding_at(s->layout.inbox);
	rc = list_fingerprint(s, l, e);
done:
	folders_release(&f);
	return rc;
}

static int
maildir_cursors(struct session *c, struct mailbox *boxes, size_t n, struct err *e)
{
	struct maildir_store *s = store_of(c);
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
			set_cursor(&boxes[i], path, &stamps, &cache);
		close(fd);
	}
	arena_release(&a);
	return 0;
}

static int
maildir_mailbox_exists(struct session *c, const char *name, struct err *e)
{
	return folders_exists(&store_of(c)->layout, name, e);
}

static enum outcome
outcome_of(int rc, bool is_begun)
{
	if (rc == 0)
		return OUTCOME_DONE;
	return is_begun ? OUTCOME_UNKNOWN : OUTCOME_FAILED;
}

static int
check_may_write(struct session *c, enum outcome *o, struct err *e)
{
	*o = OUTCOME_FAILED;
	if (store_of(c)->may_write)
		return 0;
	return err_class(e, ERR_STORE, ERR_FAILED, ERR_NEVER, "store %s is not to be written", c->store->name);
}

static int
maildir_create_mailbox(struct session *c, const char *name, unsigned role, enum outcome *o, struct err *e)
{
	struct maildir_store *s = store_of(c);
	int rc;

	(void)role;			/* a Maildir knows no roles */
	if (check_may_write(c, o, e) < 0)
		return -1;
	rc = folderops_create(&s->layout, &s->mdir, name, e);
	*o = outcome_of(rc, false);
	return rc;
}

static int
maildir_remove_mailbox(struct session *c, const char *name, enum outcome *o, struct err *e)
{
	struct maildir_store *s = store_of(c);
	bool is_begun;
	int rc;

	if (check_may_write(c, o, e) < 0)
		return -1;
	rc = folderops_remove(&s->layout, &s->mdir, name, &is_begun, e);
	*o = outcome_of(rc, is_begun);
	return rc;
}

static int
maildir_rename_mailbox(struct session *c, const char *from, const char *to, enum outcome *o, struct err *e)
{
	struct maildir_store *s = store_of(c);
	bool is_begun;
	int rc;

	if (check_may_write(c, o, e) < 0)
		return -1;
	rc = folderops_rename(&s->layout, &s->mdir, from, to, &is_begun, e);
	*o = outcome_of(rc, is_begun);
	return rc;
}

/* ---- reading ---- */

static bool
is_missing_inbox(struct maildir_store *s, const char *box, struct err *e)
{
	return names_is_inbox(layout_name(&s->layout, box)) && folders_exists(&s->layout, box, e) == 0;
}

static void
log_odd(const struct mdir *m, const struct scan *scan)
{
	size_t i;

	for (i = 0; log_is_on(LOG_MAILDIR) && i < scan->odd.n; i++)
		log_line(LOG_MAILDIR, "%s/%s/%s is left out: it %s", m->path, mdir_sub(scan->odd.at[i].is_new),
		    scan->odd.at[i].name, scan->odd.at[i].why);
}

static void
fill_delta(struct delta *d, const struct mdir *m, const struct scan *scan)
{
	const struct scan_entry *entry;
	struct delta_entry *to;
	size_t i;

	vec_reserve(&d->entries, scan->entries.n);
	for (i = 0; i < scan->entries.n; i++) {
		entry = &scan->entries.at[i];
		to = vec_add(&d->entries);
		to->key = key_dup(&d->arena, entry->key);
		to->flags = (struct flags){ .sys = entry->flags, .kw = "" };
		to->hint = scan_hint(&d->arena, entry);
		to->server_id = "";
	}
	d->is_complete = scan->is_stable;
	stamp_cursor(&scan->stamps, scan->is_steady && disk_has_true_times(m->fd), &d->cursor);
	d->is_readonly = d->is_readonly || faccessat(m->cur_fd, ".", W_OK, AT_EACCESS) < 0;
}

static int
read_delta(struct session *c, struct delta *d, bool may_write, struct err *e)
{
	struct maildir_store *s = store_of(c);
	struct mdir m = MDIR_CLOSED;
	struct scan scan = { 0 };
	int rc = -1;

	if (is_missing_inbox(s, d->box, e)) {
		if (!may_write) {
			d->is_complete = true;
			return 0;
		}
		if (folderops_create(&s->layout, &s->mdir, d->box, e) < 0)
			return -1;
	}
	if (open_box(c, d->box, 0, &m, e) < 0 || scan_make(&scan, &m, may_write, e) < 0)
		goto done;
	log_odd(&m, &scan);
	fill_delta(d, &m, &scan);
	rc = 0;
done:
	scan_release(&scan);
	mdir_close(&m);
	return rc;
}

static int
maildir_delta(struct session *c, struct delta *d, size_t n, bool is_readonly_run, struct err *e)
{
	struct maildir_store *s = store_of(c);
	size_t i;

	for (i = 0; i < n; i++) {
		d[i].kind = DELTA_FULL;
		d[i].mask = (struct flag_mask){ .sys = FLAG_ALL, .kw = "" };
		d[i].is_readonly = s->base.is_readonly;
		d[i].status = read_delta(c, &d[i], s->may_write && !is_readonly_run, &d[i].err);
		if (d[i].status < 0 && d[i].err.scope == ERR_RUN) {
			*e = d[i].err;
			return -1;
		}
	}
	return 0;
}

static int
maildir_confirm_gone(struct session *c, const char *box, const struct key *keys, size_t n, bool *gone, struct err *e)
{
	struct mdir m = MDIR_CLOSED;
	struct scan scan = { 0 };
	size_t i;
	int rc = -1;

	memset(gone, 0, n * sizeof gone[0]);
	if (open_box(c, box, 0, &m, e) < 0 || scan_make(&scan, &m, false, e) < 0)
		goto done;
	for (i = 0; scan.is_stable && i < n; i++)
		gone[i] = scan_find(&scan, keys[i]) == NULL;
	rc = 0;
done:
	scan_release(&scan);
	mdir_close(&m);
	return rc;
}

/* Reads on; the number of octets, 0 at the end, -1 with *e. */
static ssize_t
read_piece(int fd, char *piece, struct err *e)
{
	ssize_t n;

	do
		n = read(fd, piece, READ_SIZE);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		disk_err(e, ERR_MESSAGE, errno, "a message file cannot be read");
	return n;
}

static int
digest_file(struct session *session, int fd, struct ident *ident_r, struct err *e)
{
	struct maildir_session *c = (struct maildir_session *)session;
	char *piece = piece_of(session);
	ssize_t n;

	if (c->digest == NULL && (c->digest = digest_new(e)) == NULL)
		return -1;
	digest_start(c->digest, DIGEST_MESSAGE);
	while ((n = read_piece(fd, piece, e)) > 0)
		digest_feed(c->digest, piece, (size_t)n);
	return n < 0 ? -1 : digest_end(c->digest, ident_r, e);
}

static int
maildir_identify(struct session *c, const char *box, uint64_t epoch, struct identify_item *items, size_t n,
    unsigned want, struct err *e)
{
	struct mdir m = MDIR_CLOSED;
	struct stat st;
	size_t i;
	int fd;

	(void)want;			/* reading is cheap: always in full */
	for (i = 0; i < n; i++)
		items[i].status = -1;
	if (open_box(c, box, epoch, &m, e) < 0) {
		for (i = 0; i < n; i++)
			items[i].err = *e;
		return -1;
	}
	for (i = 0; i < n; i++) {
		fd = msgfile_open(&m, items[i].key, items[i].hint, &st, &items[i].err);
		if (fd < 0)
			continue;
		items[i].status = digest_file(c, fd, &items[i].ident, &items[i].err);
		close(fd);
	}
	mdir_close(&m);
	return 0;
}

/* The size of a file in the canonical form. */
static int
count_wire(struct session *c, int fd, uint64_t *size_r, struct err *e)
{
	struct lineends_out count = { 0 };
	char *piece = piece_of(c);
	ssize_t n;

	while ((n = read_piece(fd, piece, e)) > 0)
		lineends_count(&count, piece, (size_t)n);
	*size_r = count.size;
	if (n == 0 && lseek(fd, 0, SEEK_SET) < 0)
		return disk_err(e, ERR_MESSAGE, errno, "a message file cannot be read again");
	return n < 0 ? -1 : 0;
}

/* True if the file is not what it was when its size was announced. */
static bool
has_changed(int fd, const struct stat *was, uint64_t sent)
{
	struct stat st;

	return fstat(fd, &st) < 0 || sent != (uint64_t)was->st_size || st.st_size != was->st_size ||
	    st.st_mtim.tv_sec != was->st_mtim.tv_sec || st.st_mtim.tv_nsec != was->st_mtim.tv_nsec;
}

/* Streams an open file into the sink. -1 only when the sink says so; *e is then its own. */
static int
send_file(struct session *c, int fd, const struct stat *st, size_t index, const struct body_sink *sink,
    struct err *e)
{
	struct body_head head = { .index = index, .form = BODY_FILE, .size = (uint64_t)st->st_size,
		.date = st->st_mtim.tv_sec };
	char *piece = piece_of(c);
	struct err bad;
	uint64_t sent = 0;
	ssize_t n;

	if (count_wire(c, fd, &head.wire_size, &bad) < 0)
		return sink->end(sink->ctx, index, &bad, e);
	if (sink->begin(sink->ctx, &head, e) < 0)
		return -1;
	while (sent < head.size && (n = read_piece(fd, piece, &bad)) != 0) {
		if (n < 0)
			return sink->end(sink->ctx, index, &bad, e);
		if ((uint64_t)n > head.size - sent)
			n = (ssize_t)(head.size - sent);
		if (sink->data(sink->ctx, piece, (size_t)n, e) < 0)
			return -1;
		sent += (uint64_t)n;
	}
	if (!has_changed(fd, st, sent))
		return sink->end(sink->ctx, index, NULL, e);
	err_class(&bad, ERR_MESSAGE, ERR_FAILED, ERR_LATER, "a message file was changed while it was read");
	return sink->end(sink->ctx, index, &bad, e);
}

static int
maildir_fetch(struct session *c, const char *box, uint64_t epoch, const struct fetch_item *items, size_t n,
    const struct body_sink *sink, struct err *e)
{
	struct mdir m = MDIR_CLOSED;
	struct stat st;
	struct err bad;
	size_t i;
	int fd, rc;

	rc = open_box(c, box, epoch, &m, e);
	for (i = 0; i < n && rc == 0; i++) {
		fd = msgfile_open(&m, items[i].key, items[i].hint, &st, &bad);
		if (fd < 0) {
			rc = sink->end(sink->ctx, i, &bad, e);
			continue;
		}
		rc = send_file(c, fd, &st, i, sink, e);
		close(fd);
	}
	mdir_close(&m);
	return rc;
}

/* ---- writing ---- */

static struct key
maildir_choose_name(struct store *s, struct arena *a)
{
	return key_from_string(filename_unique(a, ((struct maildir_store *)s)->mdir.delimiter));
}

struct maildir_delivery {
	struct delivery base;
	struct mdir mdir;
	struct deliver *deliver;
	struct deliver_item *items;
	size_t n;
	struct arena *arena;
	bool keeps_date;
	struct err err;			/* of what stopped the transfer */
};

static int
sink_begin(void *ctx, const struct body_head *head, struct err *e)
{
	struct maildir_delivery *d = ctx;
	const struct deliver_item *item = &d->items[head->index];
	struct deliver_body body = {
		.base = arena_strndup(d->arena, item->name.data, item->name.len),
		.flags = item->flags.sys & FLAG_ALL,
		.is_wire = head->form == BODY_WIRE,
		.size = head->size,
		.date = item->date != 0 ? item->date : d->keeps_date ? head->date : 0,
	};

	return deliver_begin(d->deliver, head->index, &body, e);
}

static int
sink_data(void *ctx, const void *p, size_t len, struct err *e)
{
	return deliver_data(((struct maildir_delivery *)ctx)->deliver, p, len, e);
}

static int
sink_end(void *ctx, size_t index, const struct err *failed, struct err *e)
{
	struct maildir_delivery *d = ctx;

	/* A body that could not even be begun. */
	if (failed != NULL && deliver_result(d->deliver, index)->state == DELIVER_ABSENT) {
		d->items[index].err = *failed;
		return 0;
	}
	return deliver_end(d->deliver, failed, e);
}

static void
fill_item(struct maildir_delivery *d, size_t i)
{
	const struct deliver_result *r = deliver_result(d->deliver, i);
	struct deliver_item *item = &d->items[i];

	item->outcome = OUTCOME_FAILED;
	switch (r->state) {
	case DELIVER_DONE:
		item->outcome = OUTCOME_DONE;
		item->key = item->name;
		item->hint = arena_printf(d->arena, "%c%s", r->is_new ? 'n' : 'c', r->name + item->name.len);
		break;
	case DELIVER_UNKNOWN:
		item->outcome = OUTCOME_UNKNOWN;
		item->err = r->err;
		break;
	case DELIVER_FAILED:
		item->err = r->err;
		break;
	default:
		if (item->err.text[0] == '\0')
			err_class(&item->err, ERR_MESSAGE, ERR_FAILED, ERR_LATER,
			    "nothing was delivered: its content did not come, or the run was stopped");
		break;
	}
}

static int
delivery_finish(struct delivery *base, struct err *e)
{
	struct maildir_delivery *d = (struct maildir_delivery *)base;
	size_t i;
	int rc = deliver_finish(d->deliver, e);

	for (i = 0; i < d->n; i++)
		fill_item(d, i);
	deliver_free(&d->deliver);
	mdir_close(&d->mdir);
	free(d);
	return rc;
}

static int
maildir_deliver(struct session *c, const char *box, uint64_t epoch, struct deliver_item *items, size_t n,
    struct arena *a, struct delivery **d_r, struct err *e)
{
	struct maildir_store *s = store_of(c);
	struct maildir_delivery *d;
	struct mdir m;
	size_t i;

	*d_r = NULL;
	for (i = 0; i < n; i++) {
		items[i].outcome = OUTCOME_FAILED;
		items[i].key = KEY_NONE;
		items[i].hint = "";
		memset(&items[i].err, 0, sizeof items[i].err);
		if (items[i].name.len == 0)
			items[i].name = maildir_choose_name(c->store, a);
	}
	if (open_to_write(c, box, epoch, &m, e) < 0) {
		for (i = 0; i < n; i++)
			items[i].err = *e;
		return -1;
	}
	d = mem_alloc(sizeof *d);
	d->mdir = m;
	d->deliver = deliver_new(&d->mdir, n);
	d->items = items;
	d->n = n;
	d->arena = a;
	d->keeps_date = s->keeps_date;
	d->base.sink = (struct body_sink){ sink_begin, sink_data, sink_end, d };
	d->base.finish = delivery_finish;
	*d_r = &d->base;
	return 0;
}

/* What was changed in an open mailbox becomes durable. -1: it may not be; *rc and *e tell, unless they
 * tell of something else already. */
static int
make_durable(struct mdir *m, int *rc, struct err *e)
{
	struct err own;

	if (m->fd < 0)
		return 0;
	if (step_is_dead())
		return -1;
	if (mdir_sync(m, &own) == 0)
		return 0;
	if (*rc == 0)
		*e = own;
	*rc = -1;
	return -1;
}

static void
doubt(enum outcome *outcome, struct err *err, const struct err *why)
{
	if (*outcome != OUTCOME_DONE)
		return;
	*outcome = OUTCOME_UNKNOWN;
	*err = *why;
}

static int
maildir_change_flags(struct session *c, const char *box, uint64_t epoch, struct flag_item *items, size_t n,
    struct arena *a, struct err *e)
{
	struct mdir m;
	struct flag_item *item;
	size_t i;
	int rc = open_to_write(c, box, epoch, &m, e);

	for (i = 0; i < n; i++) {
		item = &items[i];
		item->outcome = OUTCOME_FAILED;
		item->flags = FLAGS_NONE;
		item->new_hint = "";
		if (rc < 0) {
			item->err = *e;
			continue;
		}
		if (msgfile_change_flags(&m, item->key, item->hint, item->add.sys & FLAG_ALL,
		    item->remove.sys & FLAG_ALL, a, &item->flags.sys, &item->new_hint, &item->err) == 0)
			item->outcome = OUTCOME_DONE;
		else if (item->err.scope > ERR_MESSAGE) {
			*e = item->err;
			rc = -1;
		}
	}
	if (make_durable(&m, &rc, e) < 0)
		for (i = 0; i < n; i++)
			doubt(&items[i].outcome, &items[i].err, e);
	mdir_close(&m);
	return rc;
}

static int
maildir_expunge(struct session *c, const char *box, uint64_t epoch, struct expunge_item *items, size_t n,
    struct err *e)
{
	struct mdir m;
	size_t i;
	int rc = open_to_write(c, box, epoch, &m, e);

	for (i = 0; i < n; i++) {
		items[i].outcome = OUTCOME_FAILED;
		if (rc < 0) {
			items[i].err = *e;
			continue;
		}
		if (msgfile_remove(&m, items[i].key, items[i].hint, items[i].expect.sys & FLAG_ALL,
		    &items[i].err) == 0)
			items[i].outcome = OUTCOME_DONE;
		else if (items[i].err.scope > ERR_MESSAGE) {
			*e = items[i].err;
			rc = -1;
		}
	}
	if (make_durable(&m, &rc, e) < 0)
		for (i = 0; i < n; i++)
			doubt(&items[i].outcome, &items[i].err, e);
	mdir_close(&m);
	return rc;
}

static int
maildir_move(struct session *c, const char *box, uint64_t epoch, const char *to, uint64_t to_epoch, bool keep,
    struct move_item *items, size_t n, struct arena *a, struct err *e)
{
	struct mdir m = MDIR_CLOSED, dest = MDIR_CLOSED;
	struct move_item *item;
	size_t i;
	int rc = open_to_write(c, box, epoch, &m, e);

	if (rc == 0)
		rc = open_to_write(c, to, to_epoch, &dest, e);
	for (i = 0; i < n; i++) {
		item = &items[i];
		item->outcome = OUTCOME_FAILED;
		item->new_key = KEY_NONE;
		item->new_hint = "";
		if (rc < 0) {
			item->err = *e;
			continue;
		}
		if (item->name.len == 0)
			item->name = maildir_choose_name(c->store, a);
		if (msgfile_move(&m, item->key, item->hint, &dest, arena_strndup(a, item->name.data, item->name.len),
		    keep, a, &item->new_hint, &item->err) == 0) {
			item->outcome = OUTCOME_DONE;
			item->new_key = item->name;
		} else if (item->err.scope > ERR_MESSAGE) {
			*e = item->err;
			rc = -1;
		}
	}
	/* The new place first: between the two, a power cut may show a message twice, never not at all. */
	if (make_durable(&dest, &rc, e) < 0 || make_durable(&m, &rc, e) < 0)
		for (i = 0; i < n; i++)
			doubt(&items[i].outcome, &items[i].err, e);
	mdir_close(&m);
	mdir_close(&dest);
	return rc;
}

/* ---- what servers remember; a directory has nothing to say ---- */

static const char *
maildir_memory_save(struct store *s, struct arena *a)
{
	(void)s;
	(void)a;
	return NULL;
}

static void
maildir_memory_load(struct store *s, const char *memory)
{
	(void)s;
	(void)memory;
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
	.mailbox_exists = maildir_mailbox_exists,
	.delta = maildir_delta,
	.confirm_gone = maildir_confirm_gone,
	.identify = maildir_identify,
	.fetch = maildir_fetch,
	.choose_name = maildir_choose_name,
	.deliver = maildir_deliver,
	.change_flags = maildir_change_flags,
	.expunge = maildir_expunge,
	.move = maildir_move,
	.create_mailbox = maildir_create_mailbox,
	.remove_mailbox = maildir_remove_mailbox,
	.rename_mailbox = maildir_rename_mailbox,
	.memory_save = maildir_memory_save,
	.memory_load = maildir_memory_load,
};

static const char *
dup_or_null(struct arena *a, const char *s)
{
	return s != NULL && s[0] != '\0' ? arena_strdup(a, s) : NULL;
}

struct store *
maildir_store_new(const struct maildir_settings *settings)
{
	struct maildir_store *s = mem_alloc(sizeof *s);
	size_t len = strlen(settings->inbox);

	while (len > 1 && settings->inbox[len - 1] == '/')
		len--;
	s->layout.kind = settings->layout;
	s->layout.path = dup_or_null(&s->arena, settings->path);
	s->layout.inbox = arena_strndup(&s->arena, settings->inbox, len);
	s->layout.map_inbox = dup_or_null(&s->arena, settings->map_inbox);
	s->mdir.delimiter = settings->info_delimiter != '\0' ? settings->info_delimiter : ':';
	s->mdir.is_synced = settings->is_synced;
	s->may_write = !settings->is_readonly && !settings->is_dry;
	s->keeps_date = settings->keeps_date;
	s->base.ops = &maildir_ops;
	s->base.name = arena_strdup(&s->arena, settings->name);
	s->base.is_readonly = settings->is_readonly;
	s->base.layout = settings->layout;
	s->base.is_inbox_listed = layout_is_inbox_listed(&s->layout);
	s->base.max_sessions = MAX_SESSIONS;
	return &s->base;
}
