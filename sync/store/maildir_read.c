#include "sync/store/maildir_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "state/base/log.h"
#include "sync/maildir/disk.h"
#include "sync/maildir/folderops.h"
#include "sync/maildir/filename.h"
#include "sync/maildir/folder_state.h"
#include "sync/maildir/keywords.h"
#include "sync/maildir/msgfile.h"
#include "sync/maildir/scan.h"
#include "sync/maildir/stamp.h"
#include "sync/message/lineends.h"

enum { READ_SIZE = 64 * 1024 };

static char *
piece_of(struct session *session)
{
	struct maildir_session *c = (struct maildir_session *)session;

	if (c->piece == NULL)
		c->piece = mem_alloc(READ_SIZE);
	return c->piece;
}

static bool
is_to_be_made(const struct maildir_store *s, const struct delta *d, struct err *e)
{
	enum folder_state state;

	/* One that went away since the list was made is not made again. */
	if ((!layout_is_inbox(&s->layout, d->box) && !d->is_decided) || d->listed.epoch != 0)
		return false;
	state = folder_state(&s->layout, d->box, NULL, e);
	return state == FOLDER_ABSENT || state == FOLDER_AWAY;
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
log_scan(const struct delta *d, const struct mdir *m)
{
	const char *why = !d->has_since ? "it is to be read whole" : d->since.epoch != d->cursor.epoch ?
	    "it is another directory than before" : cursor_stands(&d->since, &d->cursor) ? "somebody asked" :
	    d->since.is_steady ? "cur or new changed" : "it may have changed within the clock's grain of the last look";

	log_line(LOG_MAILDIR, "%s: read %s, because %s: %zu messages%s%s", d->box, m->path, why, d->entries.n,
	    d->is_complete ? "" : "; it changed meanwhile, so that nothing counts as gone",
	    d->cursor.is_steady ? "" : "; to be read again next time");
}

/* Names that messages could have, of something else. */
static void
add_replaced(struct delta *d, const struct mdir *m, const struct scan *scan, const struct keywords *keywords)
{
	struct delta_entry entry;
	struct filename f;
	size_t i;

	for (i = 0; i < scan->odd.n; i++) {
		if (!scan->odd.at[i].is_replaced)
			continue;
		filename_parse(scan->odd.at[i].name, m->set->info_delimiter, &f);
		entry = (struct delta_entry){ .key = { scan->odd.at[i].name, (uint32_t)f.base }, .server_id = "",
			.flags = keywords_flags(keywords, &d->arena, f.flags), .replaced = scan->odd.at[i].why,
			.hint = arena_printf(&d->arena, "%c%s", scan->odd.at[i].is_new ? 'N' : 'C', scan->odd.at[i].name + f.base) };
		if (!scan_has_base(scan, entry.key, m->set->info_delimiter))
			vec_push(&d->entries, entry);
	}
}

/* Takes over the scan's names: a mailbox of a million has them in memory once. */
static void
fill_delta(const struct maildir_store *s, struct delta *d, const struct mdir *m, struct scan *scan,
    const struct keywords *keywords)
{
	const char *hint = "", *name;
	uint32_t used = 0;
	bool is_steady = scan->is_steady && disk_has_true_times(m->fd);
	const struct scan_entry *entry;
	struct delta_entry *to;
	struct stat st;
	size_t i;

	arena_join(&d->arena, &scan->arena);
	vec_reserve(&d->entries, scan->entries.n);
	for (i = 0; i < scan->entries.n; i++) {
		entry = &scan->entries.at[i];
		to = vec_add(&d->entries);
		to->key = entry->key;
		to->flags = keywords_flags(keywords, &d->arena, entry->flags);
		used |= entry->flags;
		/* Most are like the one before. */
		name = entry->key.data + entry->key.len;
		if (i == 0 || *hint != scan_hint_letter(entry) || strcmp(hint + 1, name) != 0)
			hint = scan_hint(&d->arena, entry);
		to->hint = hint;
		to->server_id = "";
		if (d->wants_dates && fstatat(mdir_sub_fd(m, entry->is_new), entry->key.data, &st, AT_SYMLINK_NOFOLLOW) == 0)
			to->date = st.st_mtim.tv_sec;
	}
	add_replaced(d, m, scan, keywords);
	keywords_mask(keywords, &d->arena, used, &d->mask);
	d->is_complete = scan->is_stable;
	d->ahead = scan->ahead / 1000000000;
	/* Dovecot may write the line after the name, and that would move no cursor. */
	if (keywords->may_add && (used & ~keywords_known(keywords) & ~keywords->taken))
		is_steady = false;
	maildir_cursor(s, &scan->stamps, is_steady, &d->cursor);
	d->mailbox_id = maildir_id(&d->arena, &scan->stamps);
	d->is_readonly = d->is_readonly || faccessat(m->cur_fd, ".", W_OK, AT_EACCESS) < 0;
}

/* 1: what changed since is known, as nobody changed anything but this run, and the mailbox is not listed. 0: not so. */
static int
fill_watched(const struct maildir_store *s, struct delta *d, const struct mdir *m, struct err *e)
{
	struct watch_changes changes;
	struct keywords keywords = { 0 };
	struct cursor since;
	size_t i;
	int rc = 0;

	if (!watch_end(s->mdir.watch, m, &changes))
		return 0;
	maildir_cursor(s, &changes.since, true, &since);
	if (!d->has_since || !cursor_stands(&d->since, &since))
		goto done;
	rc = keywords_read(&keywords, m, e);
	if (rc < 0)
		goto done;
	d->kind = DELTA_CHANGES;
	d->is_mask_unknown = true;
	fill_delta(s, d, m, &changes.scan, &keywords);
	for (i = 0; i < changes.gone.n; i++)
		vec_push(&d->vanished, changes.gone.at[i]);
	log_line(LOG_MAILDIR, "%s: %s is not read, because only we changed it: %zu messages, %zu gone%s", d->box, m->path,
	    d->entries.n, d->vanished.n, d->cursor.is_steady ? "" : "; to be read next time");
	rc = 1;
done:
	keywords_release(&keywords);
	watch_changes_release(&changes);
	return rc;
}

/* R6: what of the mailbox is not where it was. -1: all of it, perhaps: an empty directory that is another one than last time, and
 * was there before, is what lies below a mount point. */
static int
check_whole(struct delta *d, const struct mdir *m, const struct scan *scan, struct err *e)
{
	struct stamps before;

	if (d->is_decided || !stamp_of_cursor(&d->before, &before))
		return 0;
	if (before.cur.ino == scan->stamps.cur.ino) {
		if (before.new.ino != 0 && before.new.ino != scan->stamps.new.ino)
			d->part = arena_printf(&d->arena, "%s/new %s", m->path, scan->stamps.new.ino == 0 ? "is not there" :
			    "is another directory than in the last run");
		return 0;
	}
	if (before.new.ino != 0 && scan->stamps.new.ino == 0 && d->known != 0)
		return err_class(e, ERR_BOX, ERR_FAILED, ERR_LATER, "held: %s is another directory than in the last run, and has no "
		    "new. Nothing is removed or copied for that (%llu messages known) until it has one, be it empty", m->path,
		    (unsigned long long)d->known);
	if (scan->entries.n != 0 || d->known == 0 || scan->stamps.cur.btime > before.cur.ctime)
		return 0;
	return err_class(e, ERR_BOX, ERR_FAILED, ERR_LATER, "held: %s is empty and another directory than in the last run, though no "
	    "new one: is something to be mounted there? Nothing is removed for that (%llu messages known); --restore copies them "
	    "back, --allow-delete carries their deletion over", m->path, (unsigned long long)d->known);
}

static int
read_delta(struct session *c, struct delta *d, bool may_write, struct err *e)
{
	struct maildir_store *s = maildir_store_of(c);
	struct mdir m = MDIR_CLOSED;
	struct scan scan = { 0 };
	struct keywords keywords = { 0 };
	int rc = -1, is_watched = 0;

	if (is_to_be_made(s, d, e)) {
		if (!may_write) {
			d->is_complete = true;
			return 0;
		}
		if (folderops_create(&s->layout, &s->mdir, d->box, e) < 0)
			return -1;
	}
	if (maildir_open_box(c, d->box, 0, &m, e) < 0 || (is_watched = fill_watched(s, d, &m, e)) < 0)
		goto done;
	if (is_watched) {
		rc = 0;
		goto done;
	}
	/* The first time, and weekly. */
	if (may_write && !d->has_since && mdir_clean(&m, e) < 0)
		goto done;
	/* The names first: whatever they mean has its line by then, or soon, and no line changes. */
	if (scan_make(&scan, &m, may_write, e) < 0 || keywords_read(&keywords, &m, e) < 0)
		goto done;
	if (check_whole(d, &m, &scan, e) < 0)
		goto done;
	log_odd(&m, &scan);
	fill_delta(s, d, &m, &scan, &keywords);
	log_scan(d, &m);
	rc = 0;
done:
	keywords_release(&keywords);
	scan_release(&scan);
	mdir_close(&m);
	return rc;
}

int
maildir_delta(struct session *c, struct delta *d, size_t n, bool is_readonly_run, struct delta_look *look, struct err *e)
{
	struct maildir_store *s = maildir_store_of(c);
	size_t i;

	(void)look;
	for (i = 0; i < n; i++) {
		d[i].kind = DELTA_FULL;
		d[i].mask = (struct flag_mask){ .sys = FLAG_ALL, .has_any_keyword = s->mdir.keywords, .kw = "" };
		d[i].is_readonly = s->base.read_only;
		d[i].status = read_delta(c, &d[i], maildir_may_write(s) && !is_readonly_run, &d[i].err);
		if (d[i].status < 0 && d[i].err.scope == ERR_RUN) {
			*e = d[i].err;
			return -1;
		}
	}
	return 0;
}

int
maildir_confirm_gone(struct session *c, const char *box, const struct key *keys, size_t n, bool *gone, struct err *e)
{
	struct mdir m = MDIR_CLOSED;
	struct scan scan = { 0 };
	size_t i;
	int rc = -1;

	memset(gone, 0, n * sizeof gone[0]);
	if (maildir_open_box(c, box, 0, &m, e) < 0 || scan_make(&scan, &m, false, e) < 0)
		goto done;
	for (i = 0; scan.is_stable && i < n; i++)
		gone[i] = scan_find(&scan, keys[i]) == NULL && !scan_is_replaced(&scan, keys[i]);
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

/* loose NULL: not wanted. */
static int
digest_file(struct session *session, int fd, struct digest *loose, struct identify_item *item, struct err *e)
{
	struct maildir_session *c = (struct maildir_session *)session;
	char *piece = piece_of(session);
	ssize_t n;

	if (c->digest == NULL && (c->digest = digest_new(e)) == NULL)
		return -1;
	digest_start(c->digest, DIGEST_MESSAGE);
	if (loose != NULL)
		digest_start(loose, DIGEST_LOOSE);
	while ((n = read_piece(fd, piece, e)) > 0) {
		digest_feed(c->digest, piece, (size_t)n);
		if (loose != NULL)
			digest_feed(loose, piece, (size_t)n);
	}
	if (n < 0 || digest_end(c->digest, &item->ident, e) < 0)
		return -1;
	return loose != NULL ? digest_end_loose(loose, item->loose, e) : 0;
}

static int
identify(struct session *c, const char *box, uint64_t epoch, struct identify_item *items, size_t n,
    unsigned want, struct err *e)
{
	struct mdir m = MDIR_CLOSED;
	struct digest *loose = NULL;
	struct stat st;
	size_t i;
	int fd;

	/* Reading is cheap: always in full. */
	for (i = 0; i < n; i++)
		items[i].status = -1;
	if ((want & IDENT_LOOSE && (loose = digest_new(e)) == NULL) || maildir_open_box(c, box, epoch, &m, e) < 0) {
		for (i = 0; i < n; i++)
			items[i].err = *e;
		digest_free(&loose);
		return -1;
	}
	for (i = 0; i < n; i++) {
		fd = msgfile_open(&m, items[i].key, items[i].hint, &st, &items[i].err);
		if (fd < 0)
			continue;
		items[i].status = digest_file(c, fd, loose, &items[i], &items[i].err);
		close(fd);
	}
	digest_free(&loose);
	mdir_close(&m);
	return 0;
}

int
maildir_identify(struct session *c, struct fetch_part *parts, size_t n, struct identify_item *items, unsigned want,
    struct err *e)
{
	return store_identify_each(c, parts, n, items, want, identify, e);
}

int
maildir_describe(struct session *c, const char *box, uint64_t epoch, struct key key, const char *hint, struct arena *a,
    struct message_words *words_r, struct err *e)
{
	struct mdir m = MDIR_CLOSED;
	struct stat st;
	ssize_t n = -1;
	int fd = -1;

	*words_r = (struct message_words){ .place = arena_strndup(a, key.data, key.len) };
	if (maildir_open_box(c, box, epoch, &m, e) < 0)
		return -1;
	words_r->place = arena_printf(a, "%s/%s/%.*s%s", m.path, mdir_sub(*hint == 'n'), (int)key.len, key.data,
	    *hint != '\0' ? hint + 1 : "");
	fd = msgfile_open(&m, key, hint, &st, e);
	if (fd >= 0 && (n = read_piece(fd, piece_of(c), e)) >= 0)
		store_words_read(a, piece_of(c), (size_t)n, words_r);
	if (fd >= 0)
		close(fd);
	mdir_close(&m);
	return n < 0 ? -1 : 0;
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
send_part(struct session *c, struct mdir *m, const struct fetch_part *p, const struct fetch_item *items,
    const struct body_sink *sink, struct err *e)
{
	struct stat st;
	struct err bad;
	size_t i;
	int fd, rc = 0;

	for (i = p->first; i < p->first + p->n && rc == 0; i++) {
		fd = msgfile_open(m, items[i].key, items[i].hint, &st, &bad);
		if (fd < 0) {
			rc = sink->end(sink->ctx, i, &bad, e);
			continue;
		}
		rc = send_file(c, fd, &st, i, sink, e);
		close(fd);
	}
	return rc;
}

int
maildir_fetch(struct session *c, struct fetch_part *parts, size_t n, const struct fetch_item *items,
    const struct body_sink *sink, struct err *e)
{
	struct mdir m = MDIR_CLOSED;
	size_t i;
	int rc = 0;

	for (i = 0; i < n && rc == 0; i++) {
		rc = store_part_ended(maildir_open_box(c, parts[i].box, parts[i].epoch, &m, e), &parts[i].status,
		    &parts[i].err, e);
		if (rc == 0 && parts[i].status == 0)
			rc = send_part(c, &m, &parts[i], items, sink, e);
		mdir_close(&m);
	}
	return rc;
}

