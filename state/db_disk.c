/* See state/db_disk.h. */
#include "state/db_disk.h"

#include <errno.h>
#include <fcntl.h>
#include <lmdb.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "state/base/log.h"
#include "state/base/mem.h"
#include "state/base/step.h"
#include "state/db_meta.h"

struct disk {
	char *path;			/* for messages: of a copy, what it is a copy of */
	MDB_env *env;
	MDB_txn *txn;
	MDB_dbi dbi[DB_TABLES];
	bool fsync;
	size_t map;
	const char *base;		/* where the map begins; NULL = not known */
	unsigned reads;			/* since the map was let go */
	unsigned long writes;		/* since disk_open; tells cursors that they must seek again */
	struct disk_cursor *cursors;
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

/* LMDB found itself in a state that cannot be: nothing of it may be called any more. */
static void
on_assert(MDB_env *env, const char *text)
{
	(void)env;
	log_line(LOG_STATE, "%s", text);
	_exit(DB_DAMAGED_EXIT);
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
		return db_meta_failed(d->path, mdb_strerror(rc), e);
	case MDB_MAP_FULL:
		return err_sys(e, ERR_STORE, ENOMEM, "%s: no room is left in its map of %zu MB", d->path, d->map >> 20);
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

/* A file system that is full: LMDB calls every short write an I/O error. */
static bool
is_disk_full(const char *path)
{
	struct statvfs vfs;

	return statvfs(path, &vfs) == 0 && (uint64_t)vfs.f_bavail * vfs.f_frsize < 1 << 20;
}

/* The largest map: address space alone, so it may be more than any state needs. The least lets a first run begin. */
#define MAP_MOST ((size_t)1 << (sizeof(size_t) > 4 ? 36 : 29))
#define MAP_LEAST ((size_t)64 << 20)

/* 0, or LMDB's error. `file`: where it is, which need not be d->path. */
static int
env_try(struct disk *d, const char *file, unsigned flags)
{
	int rc = mdb_env_create(&d->env);

	if (rc == 0)
		rc = mdb_env_set_maxdbs(d->env, DB_TABLES);
	if (rc == 0)
		rc = mdb_env_set_mapsize(d->env, d->map);
	if (rc == 0)
		rc = mdb_env_set_assert(d->env, on_assert);
	if (rc == 0)
		rc = mdb_env_open(d->env, file, MDB_NOSUBDIR | MDB_NOLOCK | MDB_NOTLS | flags, 0600);
	if (rc != 0 && d->env != NULL) {
		mdb_env_close(d->env);
		d->env = NULL;
	}
	return rc;
}

/* With the largest map that the address space has room for: limits (RLIMIT_AS), valgrind and small machines have less. They
 * call one that is too large no memory, or invalid. */
static int
env_open(struct disk *d, const char *file, unsigned flags, struct err *e)
{
	int rc;

	d->map = MAP_MOST;
	while (((rc = env_try(d, file, flags)) == ENOMEM || rc == EINVAL) && d->map / 2 >= MAP_LEAST)
		d->map /= 2;
	return lm_error(d, rc, "open it", e);
}

static int
open_tables(struct disk *d, struct err *e)
{
	enum db_table t;
	int rc;

	if (disk_begin(d, e) != 0)
		return -1;
	for (t = 0; t < DB_TABLES; t++) {
		rc = mdb_dbi_open(d->txn, table_names[t], MDB_CREATE, &d->dbi[t]);
		if (rc != 0) {
			lm_error(d, rc, "open its tables", e);
			disk_abort(d);
			return -1;
		}
	}
	/* Handles opened in a transaction that is aborted are closed again, so it must be committed. It
	 * writes only the first time, when it makes the tables. */
	rc = mdb_txn_commit(d->txn);
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
	if (env_open(d, d->path, 0, e) != 0 || open_tables(d, e) != 0)
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
disk_open(const char *path, bool fsync, struct disk **disk_r, struct err *e)
{
	struct disk *d;

	if (db_meta_check(path, e) != 0)
		return -1;
	d = mem_alloc(sizeof *d);
	d->path = mem_strdup(path);
	d->fsync = fsync;
	if (env_open(d, path, fsync ? 0 : MDB_NOSYNC, e) != 0 || open_tables(d, e) != 0) {
		disk_close(&d);
		return -1;
	}
	*disk_r = d;
	return 0;
}

/* A file without a name, in memory where there is such a thing. Its path is for those who want one. */
static int
nameless_file(char path[64])
{
	int fd;

#ifdef MFD_CLOEXEC
	fd = memfd_create("mailtwin", MFD_CLOEXEC);
	if (fd >= 0) {
		snprintf(path, 64, "/proc/self/fd/%d", fd);
		return fd;
	}
#endif
	strcpy(path, "/tmp/mailtwin-state.XXXXXX");
	fd = mkstemp(path);
	if (fd >= 0)
		fcntl(fd, F_SETFD, FD_CLOEXEC);
	return fd;
}

static int
copy_to(struct disk *d, int fd, struct err *e)
{
	int rc;

	if (env_open(d, d->path, MDB_RDONLY, e) != 0)
		return -1;
	rc = mdb_env_copyfd(d->env, fd);
	mdb_env_close(d->env);
	d->env = NULL;
	/* A write from behind the file's end. */
	if (rc == EFAULT)
		return db_meta_failed(d->path, "it is cut off", e);
	return lm_error(d, rc, "copy it", e);
}

int
disk_open_copy(const char *path, struct disk **disk_r, struct err *e)
{
	struct disk *d;
	char copy[64];
	int fd, rc;

	if (db_meta_check(path, e) != 0)
		return -1;
	fd = nameless_file(copy);
	if (fd < 0)
		return err_sys(e, ERR_STORE, errno, "%s: cannot be copied", path);
	d = mem_alloc(sizeof *d);
	d->path = mem_strdup(path);
	rc = copy_to(d, fd, e) < 0 || env_open(d, copy, MDB_NOSYNC, e) != 0 || open_tables(d, e) != 0 ? -1 : 0;
	if (strncmp(copy, "/tmp/", 5) == 0)
		unlink(copy);
	close(fd);
	if (rc < 0) {
		disk_close(&d);
		return -1;
	}
	*disk_r = d;
	return 0;
}

void
disk_close(struct disk **disk)
{
	struct disk *d = *disk;

	if (d == NULL)
		return;
	*disk = NULL;
	if (d->txn != NULL)
		disk_abort(d);
	if (d->env != NULL)
		mdb_env_close(d->env);
	free(d->path);
	free(d);
}

/* ---- transactions ---- */

/* Cursors do not outlive their transaction: closes them all, before it ends. */
static void
drop_cursors(struct disk *d)
{
	struct disk_cursor *c;

	while ((c = d->cursors) != NULL) {
		d->cursors = c->next;
		c->next = NULL;
		mdb_cursor_close(c->mc);
		c->mc = NULL;
		c->is_placed = false;
	}
}

int
disk_begin(struct disk *d, struct err *e)
{
	int rc;

	rc = mdb_txn_begin(d->env, NULL, 0, &d->txn);
	if (rc != 0)
		d->txn = NULL;
	return lm_error(d, rc, "begin a transaction", e);
}

void
disk_abort(struct disk *d)
{
	drop_cursors(d);
	if (d->txn != NULL)
		mdb_txn_abort(d->txn);
	d->txn = NULL;
	d->writes++;
}

int
disk_commit(struct disk *d, struct err *e)
{
	int rc;

	drop_cursors(d);
	rc = d->txn != NULL ? mdb_txn_commit(d->txn) : MDB_BAD_TXN;
	d->txn = NULL;
	d->writes++;
	if (rc == EIO && is_disk_full(d->path))
		rc = ENOSPC;
	return lm_error(d, rc, "write a transaction", e);
}

/* ---- reading and writing ---- */

/* Where the map begins; NULL if it cannot be told now. LMDB does not say, but a page knows its number. */
static const char *
base_of(struct disk *d, size_t page_size, size_t last_page)
{
	MDB_val key = { strlen(table_names[0]), (void *)table_names[0] }, val;
	MDB_txn *txn;
	MDB_dbi all;
	const char *base = NULL;

	/* Of a transaction of its own: what d->txn has changed is not in the map. */
	if (mdb_txn_begin(d->env, NULL, MDB_RDONLY, &txn) != 0)
		return NULL;
	if (mdb_dbi_open(txn, NULL, 0, &all) == 0 && mdb_get(txn, all, &key, &val) == 0)
		base = db_meta_base(val.mv_data, page_size, last_page);
	mdb_txn_abort(txn);
	return base;
}

enum { READS_MOST = 256 };
#define MAP_SMALL ((size_t)8 << 20)

/* Each page that was looked at counts as our memory, its neighbours with it, until it is let go: a first download of 200,000
 * messages would end with 140 MB so. They stay in the system's cache, and what was read from them stays where it is. */
static void
count_read(struct disk *d)
{
	MDB_envinfo info;
	MDB_stat stat;
	size_t size;

	if (++d->reads < READS_MOST)
		return;
	d->reads = 0;
	if (mdb_env_info(d->env, &info) != 0 || mdb_env_stat(d->env, &stat) != 0)
		return;
	size = (info.me_last_pgno + 1) * stat.ms_psize;
	if (size <= MAP_SMALL)
		return;
	if (d->base == NULL)
		d->base = base_of(d, stat.ms_psize, info.me_last_pgno);
	if (d->base != NULL)
		(void)madvise((void *)d->base, size, MADV_DONTNEED);
}

int
disk_get(struct disk *d, enum db_table t, struct db_val key, struct db_val *val_r, struct err *e)
{
	MDB_val k = { key.len, (void *)key.data }, v;
	int rc;

	count_read(d);
	rc = mdb_get(d->txn, d->dbi[t], &k, &v);
	if (rc == MDB_NOTFOUND)
		return 0;
	if (rc != 0)
		return lm_error(d, rc, "read", e);
	*val_r = (struct db_val){ v.mv_data, v.mv_size };
	return 1;
}

int
disk_put(struct disk *d, enum db_table t, struct db_val key, struct db_val val, struct err *e)
{
	MDB_val k = { key.len, (void *)key.data }, v = { val.len, (void *)val.data };

	count_read(d);
	d->writes++;
	return lm_error(d, mdb_put(d->txn, d->dbi[t], &k, &v, 0), "write", e);
}

int
disk_delete(struct disk *d, enum db_table t, struct db_val key, struct err *e)
{
	MDB_val k = { key.len, (void *)key.data };
	int rc;

	count_read(d);
	rc = mdb_del(d->txn, d->dbi[t], &k, NULL);
	if (rc == MDB_NOTFOUND)
		return 0;
	d->writes++;
	return lm_error(d, rc, "write", e) < 0 ? -1 : 1;
}

int
disk_count(struct disk *d, enum db_table t, size_t *n_r, struct err *e)
{
	MDB_stat stat = { 0 };
	int rc = mdb_stat(d->txn, d->dbi[t], &stat);

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
		mdb_cursor_close((*c)->mc);
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
	bool is_next = is_after && c->is_placed && c->writes == d->writes;
	int rc = 0;

	c->is_placed = false;
	count_read(d);
	if (c->mc == NULL) {
		rc = mdb_cursor_open(d->txn, d->dbi[c->table], &c->mc);
		if (rc != 0)
			return lm_error(d, rc, "read", e);
		c->next = d->cursors;
		d->cursors = c;
	}
	if (is_next) {
		rc = mdb_cursor_get(c->mc, &k, &v, MDB_GET_CURRENT);
		is_next = rc == 0 && k.mv_size == key.len && memcmp(k.mv_data, key.data, key.len) == 0;
		k = (MDB_val){ key.len, (void *)key.data };
	}
	rc = mdb_cursor_get(c->mc, &k, &v, is_next ? MDB_NEXT : key.len == 0 ? MDB_FIRST : MDB_SET_RANGE);
	if (rc == 0 && !is_next && is_after && k.mv_size == key.len && memcmp(k.mv_data, key.data, key.len) == 0)
		rc = mdb_cursor_get(c->mc, &k, &v, MDB_NEXT);
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
