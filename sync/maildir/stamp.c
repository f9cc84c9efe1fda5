#include "sync/maildir/stamp.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "state/base/step.h"
#include "sync/maildir/disk.h"
#include "sync/maildir/filename.h"

#define SECOND INT64_C(1000000000)

/* No local file system's grain is larger. */
#define RECENT (2 * SECOND)

enum { SETTLE_TRIES = 7, SETTLE_WAIT_NS = 3000000 };

static int64_t
nanoseconds(int64_t sec, uint32_t nsec)
{
	return sec * SECOND + nsec;
}

int
stamp_take(int at_fd, const char *name, struct stamp *s_r)
{
#ifdef STATX_BTIME
	struct statx x;

	if (statx(at_fd, name != NULL ? name : "", name != NULL ? 0 : AT_EMPTY_PATH,
	    STATX_BASIC_STATS | STATX_BTIME, &x) < 0)
		return -1;
	if (!S_ISDIR(x.stx_mode)) {
		errno = ENOTDIR;
		return -1;
	}
	*s_r = (struct stamp){
		.ino = x.stx_ino,
		.dev = (uint64_t)x.stx_dev_major << 32 | x.stx_dev_minor,
		.mtime = nanoseconds(x.stx_mtime.tv_sec, x.stx_mtime.tv_nsec),
		.ctime = nanoseconds(x.stx_ctime.tv_sec, x.stx_ctime.tv_nsec),
		.btime = x.stx_mask & STATX_BTIME ? nanoseconds(x.stx_btime.tv_sec, x.stx_btime.tv_nsec) : 0,
	};
#else
	struct stat st;

	if ((name != NULL ? fstatat(at_fd, name, &st, 0) : fstat(at_fd, &st)) < 0)
		return -1;
	if (!S_ISDIR(st.st_mode)) {
		errno = ENOTDIR;
		return -1;
	}
	*s_r = (struct stamp){
		.ino = st.st_ino,
		.dev = (uint64_t)st.st_dev,
		.mtime = nanoseconds(st.st_mtim.tv_sec, (uint32_t)st.st_mtim.tv_nsec),
		.ctime = nanoseconds(st.st_ctim.tv_sec, (uint32_t)st.st_ctim.tv_nsec),
	};
#endif
	if (s_r->ino == 0)
		s_r->ino = 1;
	return 0;
}

int
stamp_take_both(int at_fd, struct stamps *s_r)
{
	memset(s_r, 0, sizeof *s_r);
	if (stamp_take(at_fd, "cur", &s_r->cur) < 0)
		return -1;
	if (stamp_take(at_fd, "new", &s_r->new) < 0 && errno != ENOENT)
		return -1;
	return 0;
}

static bool
stamp_equal(const struct stamp *a, const struct stamp *b)
{
	return a->ino == b->ino && a->mtime == b->mtime && a->ctime == b->ctime;
}

bool
stamps_equal(const struct stamps *a, const struct stamps *b)
{
	return stamp_equal(&a->cur, &b->cur) && stamp_equal(&a->new, &b->new);
}

/* The last change of either, by ctime alone, as nobody can set it. */
static int64_t
last_change(const struct stamps *s)
{
	return s->cur.ctime > s->new.ctime ? s->cur.ctime : s->new.ctime;
}

/* The time that a file made now is given, 0 = not known. A nameless file where the system has them;
 * else a named one, gone at once. Nothing of it needs to be durable, so it is no step. */
static int64_t
probe(int tmp_fd)
{
	struct arena a = { 0 };
	struct stat st;
	char *name = NULL;
	int64_t at = 0;
	int fd = -1;

	if (step_is_dead())
		return 0;
#ifdef O_TMPFILE
	fd = openat(tmp_fd, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
#endif
	if (fd < 0) {
		name = arena_printf(&a, "%s%s", filename_unique(&a, ':'), FILENAME_TMP_SUFFIX);
		fd = openat(tmp_fd, name, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
		if (fd < 0)
			goto done;
		unlinkat(tmp_fd, name, 0);
	}
	/* ctime, not mtime: unlinking stamped it by the same clock, a moment later, which is as good. */
	if (fstat(fd, &st) == 0)
		at = nanoseconds(st.st_ctim.tv_sec, (uint32_t)st.st_ctim.tv_nsec);
	close(fd);
done:
	arena_release(&a);
	return at;
}

static enum stamp_state
judge(const struct stamps *s, int tmp_fd)
{
	int64_t last = last_change(s), now = disk_clock();
	int64_t grain = s->cur.ctime % SECOND == 0 && s->new.ctime % SECOND == 0 ? SECOND : 1;

	if (now - last > RECENT)
		return STAMP_STEADY;
	if (tmp_fd >= 0 && probe(tmp_fd) > last)
		return STAMP_STEADY;
	return now / grain > last / grain ? STAMP_QUIET : STAMP_DIRTY;
}

int64_t
stamp_ahead(const struct stamps *s)
{
	int64_t ahead = last_change(s) - disk_clock();

	return ahead > RECENT ? ahead : 0;
}

int
stamp_settle(int box_fd, int tmp_fd, struct stamps *s_r, enum stamp_state *state_r)
{
	const struct timespec wait = { 0, SETTLE_WAIT_NS };
	int i;

	if (!disk_has_true_times(box_fd)) {
		*state_r = STAMP_QUIET;		/* R4's two listings must do; no cursor of it is steady */
		if (stamp_take_both(box_fd, s_r) < 0)
			return -1;
		return 0;
	}
	for (i = 0;; i++) {
		if (stamp_take_both(box_fd, s_r) < 0)
			return -1;
		*state_r = judge(s_r, tmp_fd);
		if (*state_r == STAMP_STEADY || (*state_r == STAMP_QUIET && tmp_fd < 0) ||
		    i == SETTLE_TRIES)
			return 0;
		nanosleep(&wait, NULL);
	}
}

static void
put(unsigned char *to, uint64_t v)
{
	int i;

	for (i = 0; i < 8; i++)
		to[i] = (unsigned char)(v >> (56 - 8 * i));
}

void
stamp_cursor(const struct stamps *s, bool is_steady, struct cursor *c_r)
{
	memset(c_r, 0, sizeof *c_r);
	c_r->epoch = s->cur.ino;
	c_r->is_steady = is_steady;
	c_r->len = 48;
	put(c_r->data, s->cur.ino);
	put(c_r->data + 8, (uint64_t)s->cur.mtime);
	put(c_r->data + 16, (uint64_t)s->cur.ctime);
	put(c_r->data + 24, s->new.ino);
	put(c_r->data + 32, (uint64_t)s->new.mtime);
	put(c_r->data + 40, (uint64_t)s->new.ctime);
}

static uint64_t
take(const unsigned char *from)
{
	uint64_t v = 0;
	int i;

	for (i = 0; i < 8; i++)
		v = v << 8 | from[i];
	return v;
}

bool
stamp_of_cursor(const struct cursor *c, struct stamps *s_r)
{
	*s_r = (struct stamps){ 0 };
	if (c->len < 48 || c->epoch != take(c->data))
		return false;
	s_r->cur = (struct stamp){ .ino = c->epoch, .mtime = (int64_t)take(c->data + 8), .ctime = (int64_t)take(c->data + 16) };
	s_r->new = (struct stamp){ .ino = take(c->data + 24), .mtime = (int64_t)take(c->data + 32), .ctime = (int64_t)take(c->data + 40) };
	return true;
}
