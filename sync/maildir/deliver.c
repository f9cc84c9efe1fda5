#include "sync/maildir/deliver.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "state/base/buf.h"
#include "state/base/step.h"
#include "state/model/flags.h"
#include "sync/maildir/disk.h"
#include "sync/maildir/filename.h"
#include "sync/message/lineends.h"

/* Files written are kept open and made durable together, behind the last of them: the first sync carries the others' blocks with it, and who
 * brings the next does not wait for the disk. So many of one delivery at most, and of all deliveries half of what the process may have open,
 * or less where that is little; then each makes its own durable, unless they are too few to be worth it. */
enum { OPEN_FILES = 512, OPEN_FEW = 4, CHUNK = 32 * 1024, FULL_MOST = 5 };

static atomic_uint files_open;

struct item {
	struct deliver_result result;
	char *tmp;			/* name in tmp/; NULL = no such file */
	int fd;				/* -1 = closed: then it is durable */
	bool has_date, is_counted;	/* in files_open */
};

struct deliver {
	struct mdir *m;
	struct item *items;
	size_t n;
	VEC(size_t) open;		/* written, not yet durable */
	struct item *now;		/* between begin and end, NULL = its data is swallowed */
	struct deliver_body body;
	uint64_t got;
	uint64_t written;
	unsigned full;			/* messages in a row that the disk had no room for */
	unsigned files_most;		/* of files_open */
	struct lineends_in lineends;
	struct buf out;
	struct arena arena;
};

static unsigned
files_most(void)
{
	enum { OTHERS = 64, UNLIMITED = 1 << 16 };
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur / 2 > UNLIMITED)
		return UNLIMITED;
	if (limit.rlim_cur >= 2 * OTHERS)
		return (unsigned)(limit.rlim_cur / 2);
	return limit.rlim_cur > OTHERS ? (unsigned)limit.rlim_cur - OTHERS : 0;
}

struct deliver *
deliver_new(struct mdir *m, size_t n)
{
	struct deliver *d = mem_alloc(sizeof *d);
	size_t i;

	d->m = m;
	d->n = n;
	d->files_most = files_most();
	d->items = mem_alloc(n * sizeof d->items[0]);
	for (i = 0; i < n; i++)
		d->items[i].fd = -1;
	return d;
}

/* -1: the system tells by that of a write that failed. */
static int
close_file(struct item *it)
{
	const int fd = it->fd;

	if (it->is_counted)
		atomic_fetch_sub(&files_open, 1);
	it->is_counted = false;
	it->fd = -1;
	return fd >= 0 ? close(fd) : 0;
}

/* Nothing of it remains, except after a "death". */
static void
discard(struct deliver *d, struct item *it)
{
	(void)close_file(it);
	if (it->tmp != NULL && !step_is_dead())
		unlinkat(d->m->tmp_fd, it->tmp, 0);
	it->tmp = NULL;
}

/* Takes note of an error. -1 if it is wider than the message. */
static int
fail(struct deliver *d, struct item *it, const struct err *why)
{
	discard(d, it);
	it->result.state = DELIVER_FAILED;
	it->result.err = *why;
	if (d->now == it)
		d->now = NULL;
	return why->scope > ERR_MESSAGE ? -1 : 0;
}

void
deliver_free(struct deliver **dp)
{
	struct deliver *d = *dp;
	size_t i;

	if (d == NULL)
		return;
	for (i = 0; i < d->n; i++)
		discard(d, &d->items[i]);
	vec_release(&d->open);
	buf_release(&d->out);
	arena_release(&d->arena);
	free(d->items);
	free(d);
	*dp = NULL;
}

static int
write_error(struct deliver *d, struct item *it, int sys, struct err *e)
{
	/* Of what the message itself can be the cause, there is only its size. */
	enum err_scope scope = sys == EFBIG ? ERR_MESSAGE : ERR_BOX;

	/* A smaller one may still have room. */
	if ((sys == ENOSPC || sys == EDQUOT) && ++d->full < FULL_MOST)
		return err_sys(e, ERR_MESSAGE, sys, "%s/tmp/%s cannot be written", d->m->path, it->tmp);
	disk_err(e, scope, sys, "%s/tmp/%s cannot be written", d->m->path, it->tmp);
	return -1;
}

int
deliver_begin(struct deliver *d, size_t i, const struct deliver_body *body, struct err *e)
{
	struct item *it = &d->items[i];
	struct buf name = { 0 };
	char *tmp;

	d->now = it;
	d->body = *body;
	d->got = d->written = 0;
	memset(&d->lineends, 0, sizeof d->lineends);
	buf_adds(&name, body->base);
	if (body->flags != 0)
		filename_with_flags(&name, body->base, d->m->set->info_delimiter, body->flags);
	it->result.name = arena_strdup(&d->arena, buf_str(&name));
	it->result.is_new = !(body->flags & FLAG_SEEN);
	it->result.state = DELIVER_OPEN;
	buf_release(&name);
	tmp = arena_printf(&d->arena, "%s%s", body->base, FILENAME_TMP_SUFFIX);
	if (step(STEP_CREATE, mdir_shown(d->m, &d->arena, "tmp", tmp), e) < 0)
		return fail(d, it, e);
	it->fd = mdir_make_tmp(d->m, tmp);
	if (it->fd >= 0)
		it->tmp = tmp;
	else {
		disk_err(e, ERR_BOX, errno, "%s/tmp/%s cannot be made", d->m->path, tmp);
		return fail(d, it, e);
	}
	return 0;
}

static int
write_at(int fd, const char *p, size_t len, uint64_t at)
{
	ssize_t n;

	while (len > 0) {
		n = pwrite(fd, p, len, (off_t)at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		p += n;
		len -= (size_t)n;
		at += (uint64_t)n;
	}
	return 0;
}

static int
read_at(int fd, char *p, size_t len, uint64_t at)
{
	ssize_t n;

	while (len > 0) {
		n = pread(fd, p, len, (off_t)at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			errno = n == 0 ? EIO : errno;
			return -1;
		}
		p += n;
		len -= (size_t)n;
		at += (uint64_t)n;
	}
	return 0;
}

/* Puts back, from the file's end to its start, the CRs that were left out of what was written. */
static int
restore(struct deliver *d, int fd)
{
	uint64_t end = d->written, at = d->written + d->lineends.converted;
	char *in = mem_alloc(3 * CHUNK), *out = in + CHUNK;
	size_t len, n;
	int rc = -1;

	d->written = at;
	while (end > 0) {
		len = end < CHUNK ? (size_t)end : CHUNK;
		end -= len;
		if (read_at(fd, in, len, end) < 0)
			goto done;
		n = lineends_restore(in, len, out);
		at -= n;
		if (write_at(fd, out, n, at) < 0)
			goto done;
	}
	rc = 0;
done:
	free(in);
	return rc;
}

static int
put(struct deliver *d, const char *p, size_t len)
{
	if (write_at(d->now->fd, p, len, d->written) < 0)
		return -1;
	d->written += len;
	return 0;
}

static int
put_wire(struct deliver *d, const char *p, size_t len)
{
	size_t part, used, n;

	buf_clear(&d->out);
	buf_reserve(&d->out, CHUNK + 1);
	while (len > 0) {
		part = len < CHUNK ? len : CHUNK;
		used = lineends_to_file(&d->lineends, p, part, d->out.data, &n);
		if (put(d, d->out.data, n) < 0)
			return -1;
		if (used < part && restore(d, d->now->fd) < 0)
			return -1;
		p += used;
		len -= used;
	}
	return 0;
}

int
deliver_data(struct deliver *d, const void *p, size_t len, struct err *e)
{
	d->got += len;
	if (d->now == NULL)
		return 0;
	if (d->got > d->body.size)
		return 0;			/* told by deliver_end() */
	if ((d->body.is_wire ? put_wire(d, p, len) : put(d, p, len)) == 0)
		return 0;
	write_error(d, d->now, errno, e);
	return fail(d, d->now, e);
}

/* Makes all written files durable and closes them. Their blocks are all set going first: then the disk has them
 * side by side, and waiting for each in turn finds most of them there (of 512 small files on ext4: half the time
 * of one after the other; syncfs() is as fast, but waits for what other programs have written as well). */
static int
sync_written(struct deliver *d, struct err *e)
{
	struct item *it;
	size_t i;
	int rc = 0;

	for (i = 0; i < d->open.n && d->m->set->fsync; i++)
		if (d->items[d->open.at[i]].fd >= 0)
			(void)sync_file_range(d->items[d->open.at[i]].fd, 0, 0, SYNC_FILE_RANGE_WRITE);
	for (i = 0; i < d->open.n; i++) {
		it = &d->items[d->open.at[i]];
		if (it->fd < 0)
			continue;
		if (d->m->set->fsync &&
		    disk_sync(it->fd, !it->has_date, mdir_shown(d->m, &d->arena, "tmp", it->tmp), e) < 0) {
			/* One message's trouble only, as far as can be told, except the disk's own. */
			rc = fail(d, it, e) < 0 ? -1 : rc;
			if (step_is_dead())
				return -1;
			continue;
		}
		/* Some file systems tell of a write that failed only now. */
		if (close_file(it) < 0) {
			write_error(d, it, errno, e);
			rc = fail(d, it, e) < 0 ? -1 : rc;
		}
	}
	d->open.n = 0;
	return rc;
}

int
deliver_end(struct deliver *d, const struct err *failed, struct err *e)
{
	struct item *it = d->now;
	struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, { .tv_nsec = 0 } };
	bool are_many;
	char last;
	size_t n = 0;

	if (it == NULL)
		return 0;
	if (failed != NULL) {
		fail(d, it, failed);
		return 0;
	}
	if (d->body.size != DELIVER_SIZE_UNKNOWN && d->got != d->body.size) {
		err_set(e, ERR_MESSAGE, "the message for %s has %llu octets instead of the %llu announced",
		    d->m->name, (unsigned long long)d->got, (unsigned long long)d->body.size);
		return fail(d, it, e);
	}
	if (d->body.is_wire)
		n = lineends_finish(&d->lineends, &last);
	times[1].tv_sec = (time_t)d->body.date;
	if (put(d, &last, n) < 0 || (d->body.date != 0 && futimens(it->fd, times) < 0)) {
		write_error(d, it, errno, e);
		return fail(d, it, e);
	}
	it->has_date = d->body.date != 0;
	it->result.state = DELIVER_WRITTEN;
	d->full = 0;
	d->now = NULL;
	vec_push(&d->open, (size_t)(it - d->items));
	it->is_counted = true;
	are_many = atomic_fetch_add(&files_open, 1) + 1 >= d->files_most;
	return d->open.n < OPEN_FILES && (!are_many || d->open.n < OPEN_FEW) ? 0 : sync_written(d, e);
}

static int
place(struct deliver *d, struct item *it, struct err *e)
{
	struct arena a = { 0 };
	const char *sub = mdir_sub(it->result.is_new);
	const char *from = mdir_shown(d->m, &a, "tmp", it->tmp);
	const char *to = mdir_shown(d->m, &a, sub, it->result.name);
	int rc = -1;

	if (step(STEP_RENAME, arena_printf(&a, "%s\n%s", from, to), e) < 0) {
		rc = fail(d, it, e);
		goto done;
	}
	if (disk_rename_noreplace(d->m->tmp_fd, it->tmp, mdir_sub_fd(d->m, it->result.is_new), it->result.name) < 0) {
		disk_err(e, errno == EEXIST || errno == ENOENT ? ERR_MESSAGE : ERR_BOX, errno,
		    "%s cannot be renamed to %s", from, to);
		rc = fail(d, it, e);
		goto done;
	}
	it->tmp = NULL;
	it->result.state = DELIVER_PLACED;
	mdir_touched(d->m, it->result.is_new, it->result.name, WATCH_MADE);
	rc = 0;
done:
	arena_release(&a);
	return rc;
}

int
deliver_finish(struct deliver *d, struct err *e)
{
	struct err unsynced = { 0 };
	size_t i;
	int rc, sync_rc;

	if (d->now != NULL) {
		err_set(e, ERR_MESSAGE, "the message for %s broke off", d->m->name);
		fail(d, d->now, e);
	}
	rc = sync_written(d, e);
	for (i = 0; i < d->n && !step_is_dead(); i++)
		if (d->items[i].result.state == DELIVER_WRITTEN && place(d, &d->items[i], e) < 0)
			rc = -1;
	sync_rc = mdir_sync(d->m, &unsynced);
	for (i = 0; i < d->n; i++) {
		if (d->items[i].result.state != DELIVER_PLACED)
			continue;
		d->items[i].result.state = sync_rc < 0 ? DELIVER_UNKNOWN : DELIVER_DONE;
		d->items[i].result.err = unsynced;
	}
	if (sync_rc < 0 && rc == 0) {
		*e = unsynced;
		rc = -1;
	}
	return rc;
}

const struct deliver_result *
deliver_result(const struct deliver *d, size_t i)
{
	return &d->items[i].result;
}
