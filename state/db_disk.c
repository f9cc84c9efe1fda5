/* See state/db_disk.h. The road of a full map:
 *
 *   disk_put --MDB_MAP_FULL--> regrow(): abort -> larger map -> begin -> replay the recorded writes
 *        \___________________________ put again <__________________________________________/
 *
 * and of a fault inside LMDB:
 *
 *   lm_call() arms the guard -> SIGSEGV/SIGBUS or an assertion -> on_fault()/on_assert() jump back
 *   -> lm_call() returns MDB_PANIC -> is_broken: every later call fails, the environment is left alone.
 */
#include "state/db_disk.h"

#include <errno.h>
#include <fcntl.h>
#include <lmdb.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "state/base/buf.h"
#include "state/base/log.h"
#include "state/base/mem.h"
#include "state/base/step.h"
#include "state/base/vec.h"
#include "state/db_check.h"
#include "state/db_map.h"

struct write {
	enum db_table table;
	bool is_delete;
	size_t key, key_len, val, val_len;	/* offsets into recorded_bytes */
};

struct disk {
	char *path;
	MDB_env *env;
	MDB_txn *txn;
	MDB_dbi dbi[DB_TABLES];
	bool is_read_only, fsync;
	struct disk *next_broken;
	VEC(MDB_cursor *) lost;		/* of a broken one: open when it broke */
	bool is_broken;			/* damaged: nothing of LMDB may be called any more */
	size_t map;
	struct db_map resident;
	unsigned long writes;		/* since disk_open; tells cursors that they must seek again */
	struct disk_cursor *cursors;
	bool is_recording;
	VEC(struct write) recorded;
	struct buf recorded_bytes;
};

struct disk_cursor {
	struct disk *d;
	struct disk_cursor *next;	/* in d->cursors, while mc is open */
	enum db_table table;
	MDB_cursor *mc;			/* NULL = not open in the current transaction */
	unsigned long writes;		/* of d when the position was taken */
	bool is_placed;
};

static const char *const table_names[DB_TABLES] = { "meta", "boxes", "messages", "places", "keys",
	"unsettled", "idents", "intents", "log" };

static size_t map_limit;

void
disk_limit_map(size_t bytes)
{
	map_limit = bytes;
}

/* ---- the guard ---- */

static _Thread_local sigjmp_buf *guard;
static struct sigaction old_segv, old_bus;
static pthread_mutex_t guard_lock = PTHREAD_MUTEX_INITIALIZER;	/* of old_* */

static void
on_fault(int sig)
{
	sigjmp_buf *to = guard;

	if (to != NULL) {
		guard = NULL;
		siglongjmp(*to, 1);
	}
	/* Not ours: whoever was asked before us sees the same fault again. */
	sigaction(sig, sig == SIGSEGV ? &old_segv : &old_bus, NULL);
}

static void
on_assert(MDB_env *env, const char *text)
{
	sigjmp_buf *to = guard;

	(void)env;
	log_line(LOG_STATE, "%s", text);
	if (to != NULL) {
		guard = NULL;
		siglongjmp(*to, 1);
	}
}

static void
install_one(int sig, struct sigaction *old)
{
	struct sigaction sa = { .sa_handler = on_fault, .sa_flags = SA_NODEFER }, is;

	sigemptyset(&sa.sa_mask);
	if (sigaction(sig, NULL, &is) == 0 && is.sa_handler != on_fault && sigaction(sig, &sa, NULL) == 0)
		*old = is;
}

static void
install_guard(void)
{
	pthread_mutex_lock(&guard_lock);
	install_one(SIGSEGV, &old_segv);
	install_one(SIGBUS, &old_bus);
	pthread_mutex_unlock(&guard_lock);
}

enum lm_op { LM_BEGIN, LM_COMMIT, LM_ABORT, LM_OPEN_TABLE, LM_GET, LM_PUT, LM_DELETE, LM_STAT,
	LM_CURSOR_OPEN, LM_CURSOR_GET };

struct lm_args {
	enum db_table table;
	MDB_val *key, *val;
	MDB_cursor *cursor;
	MDB_cursor_op cursor_op;
	MDB_stat *stat;
};

/* Large values have pages of their own, which nobody has looked at yet. */
static int
touch(const MDB_val *val, int rc)
{
	const volatile unsigned char *p = val->mv_data;
	size_t i;

	if (rc == 0)
		for (i = 0; i < val->mv_size; i += 4096)
			(void)p[i];
	return rc;
}

static int
lm_do(struct disk *d, enum lm_op op, const struct lm_args *a)
{
	MDB_dbi dbi = d->dbi[a->table];

	switch (op) {
	case LM_BEGIN:
		return mdb_txn_begin(d->env, NULL, d->is_read_only ? MDB_RDONLY : 0, &d->txn);
	case LM_COMMIT:
		return mdb_txn_commit(d->txn);
	case LM_ABORT:
		mdb_txn_abort(d->txn);
		return 0;
	case LM_OPEN_TABLE:
		return mdb_dbi_open(d->txn, table_names[a->table], d->is_read_only ? 0 : MDB_CREATE,
		    &d->dbi[a->table]);
	case LM_GET:
		return touch(a->val, mdb_get(d->txn, dbi, a->key, a->val));
	case LM_PUT:
		return mdb_put(d->txn, dbi, a->key, a->val, 0);
	case LM_DELETE:
		return mdb_del(d->txn, dbi, a->key, NULL);
	case LM_STAT:
		return mdb_stat(d->txn, dbi, a->stat);
	case LM_CURSOR_OPEN:
		return mdb_cursor_open(d->txn, dbi, (MDB_cursor **)a->cursor);
	case LM_CURSOR_GET:
		return touch(a->val, mdb_cursor_get(a->cursor, a->key, a->val, a->cursor_op));
	}
	return EINVAL;
}

/* One call into LMDB, or MDB_PANIC when it ran into damage. */
static int
lm_call(struct disk *d, enum lm_op op, const struct lm_args *a)
{
	sigjmp_buf back;
	int rc;

	if (d->is_broken)
		return MDB_PANIC;
	if (sigsetjmp(back, 0) != 0) {
		d->is_broken = true;
		return MDB_PANIC;
	}
	/* Before, not behind: what a call gives has been looked at (touch()), and stays so. */
	db_map_tick(&d->resident, d->path);
	guard = &back;
	rc = lm_do(d, op, a);
	guard = NULL;
	return rc;
}

/* Turns LMDB's answer into ours: 0, or -1 with *e. */
static int
lm_error(struct disk *d, int rc, const char *doing, struct err *e)
{
	switch (rc) {
	case MDB_SUCCESS:
		return 0;
	case MDB_PAGE_NOTFOUND:
	case MDB_CORRUPTED:
	case MDB_PANIC:
	case MDB_VERSION_MISMATCH:
	case MDB_INVALID:
	case MDB_CURSOR_FULL:
	case MDB_PAGE_FULL:
	case MDB_INCOMPATIBLE:
	case MDB_BAD_TXN:
	case MDB_NOTFOUND:
		return db_check_failed(d->path, mdb_strerror(rc), e);
	}
	if (rc > 0) {
		err_sys(e, ERR_STORE, rc, "%s: cannot %s", d->path, doing);
		if (rc == ENOSPC || rc == EDQUOT)
			e->class = ERR_TEMPORARY;
	} else
		err_set(e, ERR_STORE, "%s: cannot %s: %s", d->path, doing, mdb_strerror(rc));
	return -1;
}

/* ---- the file ---- */

static int
sync_directory(const char *path, struct err *e)
{
	const char *slash = strrchr(path, '/');
	char *dir = slash == NULL ? mem_strdup(".") : slash == path ? mem_strdup("/") :
	    mem_printf("%.*s", (int)(slash - path), path);
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), result = 0;

	if (fd < 0 || fsync(fd) != 0)
		result = err_sys(e, ERR_STORE, errno, "%s: cannot make the directory durable", dir);
	if (fd >= 0)
		close(fd);
	free(dir);
	return result;
}

/* How much the data file may grow before its file system is full. */
static size_t
room_on_disk(const char *path)
{
	struct statvfs vfs;
	const size_t most = (size_t)1 << (sizeof(size_t) > 4 ? 44 : 29);

	if (statvfs(path, &vfs) != 0)
		return most / 4;
	if (vfs.f_bavail > most / (vfs.f_frsize ? vfs.f_frsize : 1))
		return most;
	return (size_t)(vfs.f_bavail * vfs.f_frsize);
}

static size_t
file_size(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && st.st_size > 0 ? (size_t)st.st_size : 0;
}

enum { MEGABYTE = 1 << 20, SLACK = 256 * MEGABYTE };

static int
env_open(struct disk *d, size_t map, struct err *e)
{
	unsigned flags = MDB_NOSUBDIR | MDB_NOLOCK | MDB_NOTLS | (d->is_read_only ? MDB_RDONLY : 0) |
	    (d->fsync ? 0 : MDB_NOSYNC);
	int rc;

	map = (map / MEGABYTE + 1) * MEGABYTE;
	rc = mdb_env_create(&d->env);
	if (rc == 0)
		rc = mdb_env_set_maxdbs(d->env, DB_TABLES);
	if (rc == 0)
		rc = mdb_env_set_mapsize(d->env, map);
	if (rc == 0)
		rc = mdb_env_set_assert(d->env, on_assert);
	if (rc == 0)
		rc = mdb_env_open(d->env, d->path, flags, 0600);
	if (rc != 0 && d->env != NULL) {
		mdb_env_close(d->env);
		d->env = NULL;
	}
	d->map = map;
	/* valgrind, and some kernels, call a map that is too large for them invalid. */
	if (rc == ENOMEM || (rc == EINVAL && map > (size_t)2 * SLACK))
		return 1;
	return lm_error(d, rc, "open it", e);
}

/* Opens with an ample map, or with the largest one the address space has room for. */
static int
env_open_ample(struct disk *d, struct err *e)
{
	size_t used = file_size(d->path), map = used + SLACK;
	int got;

	if (map_limit != 0)
		return env_open(d, used + map_limit, e);
	if (!d->is_read_only)
		map += 2 * room_on_disk(d->path);
	while ((got = env_open(d, map, e)) > 0 && map / 2 > used + MEGABYTE)
		map /= 2;
	if (got > 0)
		return err_sys(e, ERR_STORE, ENOMEM, "%s: cannot map it into memory", d->path);
	return got;
}

static int
open_tables(struct disk *d, struct err *e)
{
	enum db_table t;
	int rc;

	if (disk_begin(d, e) != 0)
		return -1;
	for (t = 0; t < DB_TABLES; t++) {
		rc = lm_call(d, LM_OPEN_TABLE, &(struct lm_args){ .table = t });
		if (rc == MDB_NOTFOUND && d->is_read_only)
			d->dbi[t] = 0;	/* a file in which nothing was stored yet */
		else if (rc != 0) {
			lm_error(d, rc, "open its tables", e);
			disk_abort(d);
			return -1;
		}
	}
	/* Handles opened in a transaction that is aborted are closed again, so it must be committed. It
	 * writes only the first time, when it makes the tables. */
	rc = lm_call(d, LM_COMMIT, &(struct lm_args){ 0 });
	d->txn = NULL;
	return lm_error(d, rc, "make its tables", e);
}

int
disk_create(const char *path, struct err *e)
{
	struct disk *d = mem_alloc(sizeof *d);
	char *what = NULL;
	int result = -1;

	d->path = mem_printf("%s.new", path);
	d->fsync = true;
	if (step(STEP_CREATE, d->path, e) != 0)
		goto done;
	if (unlink(d->path) != 0 && errno != ENOENT) {
		err_sys(e, ERR_STORE, errno, "%s: cannot remove", d->path);
		goto done;
	}
	if (env_open(d, MEGABYTE, e) != 0 || open_tables(d, e) != 0)
		goto done;
	mdb_env_close(d->env);
	d->env = NULL;
	what = mem_printf("%s\n%s", d->path, path);
	if (step(STEP_RENAME, what, e) != 0)
		goto done;
	if (rename(d->path, path) != 0) {
		err_sys(e, ERR_STORE, errno, "%s: cannot rename to %s", d->path, path);
		goto done;
	}
	if (step(STEP_FSYNC, path, e) != 0)
		goto done;
	result = sync_directory(path, e);
done:
	if (d->env != NULL)
		mdb_env_close(d->env);
	free(what);
	free(d->path);
	free(d);
	return result;
}

int
disk_open(const char *path, bool is_read_only, bool fsync, struct disk **disk_r, struct err *e)
{
	struct disk *d;

	install_guard();
	if (db_check_meta(path, e) != 0)
		return -1;
	d = mem_alloc(sizeof *d);
	d->path = mem_strdup(path);
	d->is_read_only = is_read_only;
	d->fsync = fsync;
	if (env_open_ample(d, e) != 0 || open_tables(d, e) != 0) {
		disk_close(&d);
		return -1;
	}
	*disk_r = d;
	return 0;
}

void
disk_close(struct disk **disk)
{
	static struct disk *volatile broken;
	struct disk *d = *disk;

	if (d == NULL)
		return;
	*disk = NULL;
	if (d->txn != NULL)
		disk_abort(d);
	if (d->is_broken) {
		/* LMDB was left in the middle of something, so its memory cannot be freed; it is kept
		 * reachable, so that leak checkers go on telling real leaks. */
		d->next_broken = broken;
		broken = d;
		return;
	}
	if (d->env != NULL)
		mdb_env_close(d->env);
	vec_release(&d->lost);
	vec_release(&d->recorded);
	buf_release(&d->recorded_bytes);
	free(d->path);
	free(d);
}

bool
disk_is_broken(const struct disk *d)
{
	return d->is_broken;
}

/* ---- transactions ---- */

/* Closes LMDB's part of a cursor, unless LMDB cannot be trusted to any more. */
static void
close_cursor(struct disk *d, MDB_cursor *mc)
{
	if (d->is_broken)
		vec_push(&d->lost, mc);
	else
		mdb_cursor_close(mc);
}

/* Cursors do not outlive their transaction: closes them all, before it ends. */
static void
drop_cursors(struct disk *d)
{
	struct disk_cursor *c;

	while ((c = d->cursors) != NULL) {
		d->cursors = c->next;
		c->next = NULL;
		close_cursor(d, c->mc);
		c->mc = NULL;
		c->is_placed = false;
	}
}

int
disk_begin(struct disk *d, struct err *e)
{
	int rc;

	if (d->is_broken)
		return db_check_failed(d->path, mdb_strerror(MDB_PANIC), e);
	d->recorded.n = 0;
	buf_clear(&d->recorded_bytes);
	if (!d->is_read_only) {
		size_t used = file_size(d->path);

		d->is_recording = map_limit != 0 || d->map - used < room_on_disk(d->path);
	}
	rc = lm_call(d, LM_BEGIN, &(struct lm_args){ 0 });
	if (rc != 0)
		d->txn = NULL;
	return lm_error(d, rc, "begin a transaction", e);
}

void
disk_abort(struct disk *d)
{
	drop_cursors(d);
	if (d->txn != NULL)
		lm_call(d, LM_ABORT, &(struct lm_args){ 0 });
	d->txn = NULL;
	d->writes++;
}

static int
lm_write(struct disk *d, enum db_table t, bool is_delete, struct db_val key, struct db_val val)
{
	MDB_val k = { key.len, (void *)key.data }, v = { val.len, (void *)val.data };

	return lm_call(d, is_delete ? LM_DELETE : LM_PUT,
	    &(struct lm_args){ .table = t, .key = &k, .val = &v });
}

static void
record_write(struct disk *d, enum db_table t, bool is_delete, struct db_val key, struct db_val val)
{
	struct write w = { .table = t, .is_delete = is_delete, .key_len = key.len, .val_len = val.len };

	w.key = d->recorded_bytes.len;
	buf_add(&d->recorded_bytes, key.data, key.len);
	w.val = d->recorded_bytes.len;
	buf_add(&d->recorded_bytes, val.data, val.len);
	vec_push(&d->recorded, w);
}

static int
replay(struct disk *d)
{
	const char *bytes = buf_str(&d->recorded_bytes);
	size_t i;
	int rc = 0;

	for (i = 0; i < d->recorded.n && rc == 0; i++) {
		const struct write *w = &d->recorded.at[i];

		rc = lm_write(d, w->table, w->is_delete, (struct db_val){ bytes + w->key, w->key_len },
		    (struct db_val){ bytes + w->val, w->val_len });
		if (rc == MDB_NOTFOUND && w->is_delete)
			rc = 0;
	}
	return rc;
}

/* The map was full: does this transaction's recorded writes again in a larger one. `has_txn`: it is
 * still there to be aborted (a commit that fails takes it along). */
static int
regrow(struct disk *d, bool has_txn, struct err *e)
{
	int rc;

	if (!has_txn)
		d->txn = NULL;
	do {
		disk_abort(d);
		if (!d->is_recording)
			return err_sys(e, ERR_STORE, ENOSPC, "%s: cannot grow", d->path);
		if (d->map > SIZE_MAX / 2)
			return err_sys(e, ERR_STORE, ENOMEM, "%s: cannot map it into memory", d->path);
		d->map *= 2;
		log_line(LOG_STATE, "%s: the map grows to %zu bytes", d->path, d->map);
		rc = mdb_env_set_mapsize(d->env, d->map);
		if (rc == 0)
			rc = lm_call(d, LM_BEGIN, &(struct lm_args){ 0 });
		if (rc == 0)
			rc = replay(d);
		else
			d->txn = NULL;
	} while (rc == MDB_MAP_FULL);
	if (rc != 0)
		disk_abort(d);
	return lm_error(d, rc, "grow the map", e);
}

int
disk_commit(struct disk *d, struct err *e)
{
	int rc;

	drop_cursors(d);
	rc = lm_call(d, LM_COMMIT, &(struct lm_args){ 0 });
	while (rc == MDB_MAP_FULL) {
		if (regrow(d, false, e) != 0)
			return -1;
		drop_cursors(d);
		rc = lm_call(d, LM_COMMIT, &(struct lm_args){ 0 });
	}
	d->txn = NULL;
	d->writes++;
	/* LMDB calls every short write an I/O error; on a full disk it is not. */
	if (rc == EIO && room_on_disk(d->path) < MEGABYTE)
		rc = ENOSPC;
	return lm_error(d, rc, "write a transaction", e);
}

/* ---- reading and writing ---- */

int
disk_get(struct disk *d, enum db_table t, struct db_val key, struct db_val *val_r, struct err *e)
{
	MDB_val k = { key.len, (void *)key.data }, v;
	int rc;

	if (d->dbi[t] == 0)
		return 0;
	rc = lm_call(d, LM_GET, &(struct lm_args){ .table = t, .key = &k, .val = &v });
	if (rc == MDB_NOTFOUND)
		return 0;
	if (rc != 0)
		return lm_error(d, rc, "read", e);
	*val_r = (struct db_val){ v.mv_data, v.mv_size };
	return 1;
}

static int
disk_write(struct disk *d, enum db_table t, bool is_delete, struct db_val key, struct db_val val,
    struct err *e)
{
	int rc;

	/* A transaction that failed in mid-write is gone; its caller has been told and must not go on. */
	if (d->txn == NULL)
		return lm_error(d, MDB_BAD_TXN, "write", e);
	rc = lm_write(d, t, is_delete, key, val);
	while (rc == MDB_MAP_FULL) {
		if (regrow(d, true, e) != 0)
			return -1;
		rc = lm_write(d, t, is_delete, key, val);
	}
	if (rc == MDB_NOTFOUND && is_delete)
		return 0;
	if (rc != 0)
		return lm_error(d, rc, "write", e);
	d->writes++;
	if (d->is_recording)
		record_write(d, t, is_delete, key, val);
	return 1;
}

int
disk_put(struct disk *d, enum db_table t, struct db_val key, struct db_val val, struct err *e)
{
	return disk_write(d, t, false, key, val, e) < 0 ? -1 : 0;
}

int
disk_delete(struct disk *d, enum db_table t, struct db_val key, struct err *e)
{
	return disk_write(d, t, true, key, (struct db_val){ NULL, 0 }, e);
}

int
disk_count(struct disk *d, enum db_table t, size_t *n_r, struct err *e)
{
	MDB_stat stat = { 0 };
	int rc = 0;

	if (d->dbi[t] != 0)
		rc = lm_call(d, LM_STAT, &(struct lm_args){ .table = t, .stat = &stat });
	*n_r = stat.ms_entries;
	return lm_error(d, rc, "read", e);
}

/* ---- cursors ---- */

struct disk_cursor *
disk_cursor_open(struct disk *d, enum db_table t)
{
	struct disk_cursor *c = mem_alloc(sizeof *c);

	c->d = d;
	c->table = t;
	return c;
}

void
disk_cursor_close(struct disk_cursor **c)
{
	struct disk_cursor **link;

	if (*c == NULL)
		return;
	if ((*c)->mc != NULL) {
		for (link = &(*c)->d->cursors; *link != *c; link = &(*link)->next)
			;
		*link = (*c)->next;
		close_cursor((*c)->d, (*c)->mc);
	}
	free(*c);
	*c = NULL;
}

/* A step that does not go forward would make a walk endless: no whole file has one. */
static bool
goes_forward(const MDB_val *k, struct db_val from, bool is_after)
{
	size_t len = k->mv_size < from.len ? k->mv_size : from.len;
	int c = len != 0 ? memcmp(k->mv_data, from.data, len) : 0;

	if (c == 0)
		c = (k->mv_size > from.len) - (k->mv_size < from.len);
	return k->mv_size != 0 && (is_after ? c > 0 : c >= 0);
}

int
disk_cursor_seek(struct disk_cursor *c, struct db_val key, bool is_after, struct db_val *key_r,
    struct db_val *val_r, struct err *e)
{
	struct disk *d = c->d;
	MDB_val k = { key.len, (void *)key.data }, v;
	struct lm_args a = { .table = c->table, .key = &k, .val = &v };
	bool is_next = is_after && c->is_placed && c->writes == d->writes;
	int rc = 0;

	c->is_placed = false;
	if (d->dbi[c->table] == 0)
		return 0;
	if (c->mc == NULL) {
		a.cursor = (MDB_cursor *)&c->mc;
		rc = lm_call(d, LM_CURSOR_OPEN, &a);
		if (rc != 0)
			return lm_error(d, rc, "read", e);
		c->next = d->cursors;
		d->cursors = c;
	}
	a.cursor = c->mc;
	if (is_next) {
		a.cursor_op = MDB_GET_CURRENT;
		rc = lm_call(d, LM_CURSOR_GET, &a);
		is_next = rc == 0 && k.mv_size == key.len && memcmp(k.mv_data, key.data, key.len) == 0;
		k = (MDB_val){ key.len, (void *)key.data };
	}
	a.cursor_op = is_next ? MDB_NEXT : key.len == 0 ? MDB_FIRST : MDB_SET_RANGE;
	rc = lm_call(d, LM_CURSOR_GET, &a);
	if (rc == 0 && !is_next && is_after && k.mv_size == key.len &&
	    memcmp(k.mv_data, key.data, key.len) == 0) {
		a.cursor_op = MDB_NEXT;
		rc = lm_call(d, LM_CURSOR_GET, &a);
	}
	if (rc == MDB_NOTFOUND)
		return 0;
	if (rc == 0 && !goes_forward(&k, key, is_after))
		rc = MDB_CORRUPTED;
	if (rc != 0)
		return lm_error(d, rc, "read", e);
	c->is_placed = true;
	c->writes = d->writes;
	*key_r = (struct db_val){ k.mv_data, k.mv_size };
	*val_r = (struct db_val){ v.mv_data, v.mv_size };
	return 1;
}
