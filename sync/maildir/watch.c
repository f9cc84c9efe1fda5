#include "sync/maildir/watch.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/inotify.h>
#endif

#include "sync/maildir/disk.h"
#include "sync/maildir/filename.h"
#include "sync/maildir/mdir.h"

void
watch_changes_release(struct watch_changes *c)
{
	scan_release(&c->scan);
	vec_release(&c->gone);
}

#ifdef __linux__

/* NAMES_MOST: of one mailbox; a rename has two. READ_EVERY: the system's queue holds 16,384 by default, for all. */
enum { NAMES_MOST = 8192, READ_EVERY = 1024 };

/* A name came to be, or went. */
struct event { const char *name; bool is_new, is_gone; };

struct watched {
	uint64_t dev, ino;		/* of cur */
	int cur_wd, new_wd;		/* -1 = not watched */
	bool is_doubted;
	bool is_ending;
	struct stamps since;
	struct arena arena;
	VEC(struct event) acts, events;	/* ours; all, in their order */
};

struct watch {
	pthread_mutex_t lock;		/* of all below */
	int fd;				/* -1 = none */
	VEC(struct watched *) boxes;
	size_t last;			/* where one was found */
	size_t unread;			/* acts since the events were read */
};

struct watch *
watch_new(void)
{
	struct watch *w = mem_alloc(sizeof *w);

	pthread_mutex_init(&w->lock, NULL);
	w->fd = -1;
	return w;
}

static void
free_box(struct watched *b)
{
	vec_release(&b->acts);
	vec_release(&b->events);
	arena_release(&b->arena);
	free(b);
}

void
watch_free(struct watch **wp)
{
	struct watch *w = *wp;
	size_t i;

	if (w == NULL)
		return;
	for (i = 0; i < w->boxes.n; i++)
		free_box(w->boxes.at[i]);
	vec_release(&w->boxes);
	if (w->fd >= 0)
		close(w->fd);
	pthread_mutex_destroy(&w->lock);
	free(w);
	*wp = NULL;
}

/* ---- the mailboxes that are watched ---- */

typedef bool is_wanted(const struct watched *b, const void *what);

/* Acts and events come in rows of one mailbox's: the search begins where the last one ended. */
static struct watched *
find(struct watch *w, is_wanted *is, const void *what)
{
	size_t i, at;

	for (i = 0; i < w->boxes.n; i++) {
		at = (w->last + i) % w->boxes.n;
		if (is(w->boxes.at[at], what)) {
			w->last = at;
			return w->boxes.at[at];
		}
	}
	return NULL;
}

static bool
is_of_mdir(const struct watched *b, const void *what)
{
	const struct mdir *m = what;

	return b->ino == m->epoch && b->dev == m->dev && !b->is_ending;
}

static bool
has_wd(const struct watched *b, const void *what)
{
	int wd = *(const int *)what;

	return b->cur_wd == wd || b->new_wd == wd;
}

static void
leave(struct watch *w, int *wd)
{
	if (*wd >= 0)
		inotify_rm_watch(w->fd, *wd);
	*wd = -1;
}

static void
doubt(struct watch *w, struct watched *b)
{
	b->is_doubted = true;
	leave(w, &b->cur_wd);
	leave(w, &b->new_wd);
	vec_release(&b->acts);
	vec_release(&b->events);
	arena_release(&b->arena);
}

static void
doubt_all(struct watch *w)
{
	size_t i;

	for (i = 0; i < w->boxes.n; i++)
		doubt(w, w->boxes.at[i]);
}

/* ---- what the system reports ---- */

static void
take_event(struct watch *w, const struct inotify_event *ev)
{
	struct watched *b;

	if (ev->mask & IN_Q_OVERFLOW) {
		doubt_all(w);
		return;
	}
	b = find(w, has_wd, &ev->wd);
	if (b == NULL)
		return;			/* watched no more */
	if (ev->len == 0 || b->events.n >= NAMES_MOST || !(ev->mask & (IN_CREATE | IN_DELETE | IN_MOVE)))
		doubt(w, b);
	else
		vec_push(&b->events, (struct event){ arena_strdup(&b->arena, ev->name), ev->wd == b->new_wd,
		    (ev->mask & (IN_DELETE | IN_MOVED_FROM)) != 0 });
}

static void
read_events(struct watch *w)
{
	_Alignas(struct inotify_event) char data[16 * 1024];
	const struct inotify_event *ev;
	ssize_t n, at;

	w->unread = 0;
	while ((n = read(w->fd, data, sizeof data)) > 0 || (n < 0 && errno == EINTR))
		for (at = 0; at < n; at += (ssize_t)sizeof *ev + (ssize_t)ev->len) {
			ev = (const struct inotify_event *)(const void *)(data + at);
			take_event(w, ev);
		}
	if (n == 0 || errno != EAGAIN)
		doubt_all(w);
}

/* By what is open, not by its name. */
static int
watch_dir(struct watch *w, int dir_fd)
{
	struct arena a = { 0 };
	int wd = inotify_add_watch(w->fd, arena_printf(&a, "/proc/self/fd/%d", dir_fd),
	    IN_CREATE | IN_DELETE | IN_MOVE | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR);

	arena_release(&a);
	return wd;
}

/* Nobody has this name, and the system has not been asked for it before: it looks into the directory. */
static bool
barrier(const struct mdir *m)
{
	struct arena a = { 0 };
	const char *name = filename_unique(&a, m->set->info_delimiter);
	struct stat st;
	bool is_passed = fstatat(m->cur_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT &&
	    fstatat(m->new_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT;

	arena_release(&a);
	return is_passed;
}

/* ---- what we do ---- */

void
watch_begin(struct watch *w, const struct mdir *m)
{
	struct watched *b;

	if (w == NULL || m->new_fd < 0)
		return;
	pthread_mutex_lock(&w->lock);
	if (find(w, is_of_mdir, m) != NULL || !disk_has_true_times(m->fd))
		goto done;
	if (w->fd < 0 && (w->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) < 0)
		goto done;
	b = mem_alloc(sizeof *b);
	b->ino = m->epoch;
	b->dev = m->dev;
	vec_push(&w->boxes, b);
	b->cur_wd = watch_dir(w, m->cur_fd);
	b->new_wd = watch_dir(w, m->new_fd);
	if (b->cur_wd < 0 || b->new_wd < 0 || !barrier(m) || stamp_take(m->cur_fd, NULL, &b->since.cur) < 0 ||
	    stamp_take(m->new_fd, NULL, &b->since.new) < 0)
		doubt(w, b);
done:
	pthread_mutex_unlock(&w->lock);
}

void
watch_act(struct watch *w, const struct mdir *m, bool is_new, const char *name, enum watch_act act)
{
	struct watched *b;

	if (w == NULL)
		return;
	pthread_mutex_lock(&w->lock);
	b = find(w, is_of_mdir, m);
	if (b != NULL && !b->is_doubted && b->acts.n >= NAMES_MOST)
		doubt(w, b);
	if (b != NULL && !b->is_doubted) {
		vec_push(&b->acts, (struct event){ arena_strdup(&b->arena, name), is_new, act == WATCH_GONE });
		if (++w->unread >= READ_EVERY)
			read_events(w);
	}
	pthread_mutex_unlock(&w->lock);
}

void
watch_doubt(struct watch *w, const struct mdir *m)
{
	struct watched *b;

	if (w == NULL)
		return;
	pthread_mutex_lock(&w->lock);
	b = find(w, is_of_mdir, m);
	if (b != NULL)
		doubt(w, b);
	pthread_mutex_unlock(&w->lock);
}

/* ---- what came of it ---- */

static int
cmp_events(const void *p, const void *q)
{
	const struct event *x = p, *y = q;
	int c = strcmp(x->name, y->name);

	if (c == 0)
		c = (int)x->is_new - (int)y->is_new;
	return c != 0 ? c : (int)x->is_gone - (int)y->is_gone;
}

static void
sort_events(struct event *at, size_t n)
{
	if (n > 1)
		qsort(at, n, sizeof *at, cmp_events);
}

/* Reason 3. Where nothing was done, nothing may have moved either. */
static bool
is_ours_alone(struct watched *b, const struct stamps *now)
{
	struct event *seen;
	bool is_ours = true;
	size_t i;

	if (b->is_doubted || b->acts.n != b->events.n)
		return false;
	if (b->since.cur.ino != now->cur.ino || b->since.new.ino != now->new.ino)
		return false;
	if (b->acts.n == 0)
		return stamps_equal(&b->since, now);
	seen = mem_dup(b->events.at, b->events.n * sizeof *seen);
	sort_events(seen, b->events.n);
	sort_events(b->acts.at, b->acts.n);
	for (i = 0; i < b->acts.n && is_ours; i++)
		is_ours = cmp_events(&seen[i], &b->acts.at[i]) == 0;
	free(seen);
	return is_ours;
}

/* One event, and whose it is. */
struct turn { struct key key; const struct event *event; };

static int
cmp_turns(const void *p, const void *q)
{
	const struct turn *x = p, *y = q;
	int c = key_cmp(x->key, y->key);

	if (c == 0)
		c = strcmp(x->event->name, y->event->name);
	if (c == 0)
		c = (int)x->event->is_new - (int)y->event->is_new;
	return c != 0 ? c : (x->event > y->event) - (x->event < y->event);
}

static void
add_entry(struct scan *s, const struct event *made, char info_delimiter)
{
	struct scan_entry *entry = vec_add(&s->entries);
	struct filename f;

	filename_parse(made->name, info_delimiter, &f);
	entry->key = (struct key){ made->name, (uint32_t)f.base };
	entry->flags = f.flags;
	entry->is_new = made->is_new;
}

/* A name is there if the last that happened to it is that it was made; a message is, if one of its names is. False: it has
 * two. */
static bool
fill(struct watch_changes *c, const struct turn *turns, size_t n, char info_delimiter)
{
	const struct event *made = NULL;
	size_t i;

	for (i = 0; i < n; i++) {
		const struct event *now = turns[i].event, *next = i + 1 < n ? turns[i + 1].event : NULL;

		if (next != NULL && strcmp(now->name, next->name) == 0 && now->is_new == next->is_new)
			continue;
		if (!now->is_gone && made != NULL)
			return false;
		if (!now->is_gone)
			made = now;
		if (next != NULL && key_equal(turns[i].key, turns[i + 1].key))
			continue;
		if (made != NULL)
			add_entry(&c->scan, made, info_delimiter);
		else
			vec_push(&c->gone, turns[i].key);
		made = NULL;
	}
	return true;
}

static bool
find_changes(struct watch_changes *c, struct watched *b, char info_delimiter)
{
	struct turn *turns = mem_alloc((b->events.n + 1) * sizeof *turns);
	struct filename f;
	size_t i;
	bool is_told;

	arena_join(&c->scan.arena, &b->arena);
	for (i = 0; i < b->events.n; i++) {
		filename_parse(b->events.at[i].name, info_delimiter, &f);
		turns[i] = (struct turn){ { b->events.at[i].name, (uint32_t)f.base }, &b->events.at[i] };
	}
	qsort(turns, b->events.n, sizeof *turns, cmp_turns);
	is_told = fill(c, turns, b->events.n, info_delimiter);
	free(turns);
	return is_told;
}

static void
take_out(struct watch *w, struct watched *b)
{
	size_t i = 0;

	while (w->boxes.at[i] != b)
		i++;
	leave(w, &b->cur_wd);
	leave(w, &b->new_wd);
	w->boxes.n--;
	memmove(w->boxes.at + i, w->boxes.at + i + 1, (w->boxes.n - i) * sizeof w->boxes.at[0]);
	w->last = i;
}

bool
watch_end(struct watch *w, const struct mdir *m, struct watch_changes *c_r)
{
	struct watched *b;
	enum stamp_state state;
	bool is_known = false;

	memset(c_r, 0, sizeof *c_r);
	if (w == NULL)
		return false;
	pthread_mutex_lock(&w->lock);
	b = find(w, is_of_mdir, m);
	if (b != NULL) {
		is_known = !b->is_doubted && m->new_fd >= 0;
		b->is_ending = true;
	}
	pthread_mutex_unlock(&w->lock);
	if (b == NULL)
		return false;
	/* Reason 2. */
	is_known = is_known && stamp_settle(m->fd, m->tmp_fd, &c_r->scan.stamps, &state) == 0 && barrier(m);
	pthread_mutex_lock(&w->lock);
	if (is_known)
		read_events(w);
	is_known = is_known && is_ours_alone(b, &c_r->scan.stamps);
	take_out(w, b);
	pthread_mutex_unlock(&w->lock);
	if (is_known) {
		c_r->since = b->since;
		c_r->scan.is_stable = true;
		c_r->scan.is_steady = state == STAMP_STEADY;
		is_known = find_changes(c_r, b, m->set->info_delimiter);
	}
	free_box(b);
	if (!is_known) {
		watch_changes_release(c_r);
		memset(c_r, 0, sizeof *c_r);
	}
	return is_known;
}

void
watch_forget(struct watch *w)
{
	struct watched *b;

	if (w == NULL)
		return;
	pthread_mutex_lock(&w->lock);
	while (w->boxes.n > 0) {
		b = w->boxes.at[w->boxes.n - 1];
		take_out(w, b);
		free_box(b);
	}
	w->last = 0;
	pthread_mutex_unlock(&w->lock);
}

#else

struct watch *
watch_new(void)
{
	return NULL;
}

void
watch_free(struct watch **w)
{
	(void)w;
}

void
watch_begin(struct watch *w, const struct mdir *m)
{
	(void)w;
	(void)m;
}

void
watch_act(struct watch *w, const struct mdir *m, bool is_new, const char *name, enum watch_act act)
{
	(void)w;
	(void)m;
	(void)is_new;
	(void)name;
	(void)act;
}

void
watch_doubt(struct watch *w, const struct mdir *m)
{
	(void)w;
	(void)m;
}

bool
watch_end(struct watch *w, const struct mdir *m, struct watch_changes *c_r)
{
	(void)w;
	(void)m;
	memset(c_r, 0, sizeof *c_r);
	return false;
}

void
watch_forget(struct watch *w)
{
	(void)w;
}

#endif
