/* The three modes of state/db.h. What a mode consists of:
 *
 *   DB_DISK      disk
 *   DB_COPY      disk, of which nothing remains; tables when there is no file
 *   DB_MEMORY    tables
 *
 * Tables are changed in place; each change leaves its old value in `undo`, and db_abort sets those
 * again, last first. So a commit costs nothing and memory always shows what was committed once the
 * transaction is over.
 */
#include "state/db.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "state/base/buf.h"
#include "state/base/mem.h"
#include "state/base/step.h"
#include "state/base/vec.h"
#include "state/db_disk.h"
#include "state/db_meta.h"
#include "state/table.h"

struct db_memory {
	struct table *tables[DB_TABLES];
	bool is_open;
};

struct undo {
	enum db_table table;
	const void *key;		/* in undo_keys */
	size_t key_len;
	struct table_value old;
};

struct db {
	char *path;			/* for messages and steps, never NULL */
	enum db_mode mode;
	struct disk *disk;
	struct db_memory *memory, *own_memory;
	bool in_txn, is_dirty;
	unsigned long writes;		/* tells cursors that an entry they hold may be gone */
	VEC(struct undo) undo;
	struct arena undo_keys;
	struct db_cursor *next[DB_TABLES];	/* behind db_next */
};

struct db_cursor {
	struct db *db;
	enum db_table table;
	struct buf prefix, last;	/* last: the key given last, empty = none yet */
	struct disk_cursor *disk;
	const struct table_entry *entry;	/* given last by the table, while writes stays the same */
	unsigned long writes;
};

/* ---- memory ---- */

struct db_memory *
db_memory_new(void)
{
	struct db_memory *m = mem_alloc(sizeof *m);
	enum db_table t;

	for (t = 0; t < DB_TABLES; t++)
		m->tables[t] = table_new();
	return m;
}

void
db_memory_free(struct db_memory **m)
{
	enum db_table t;

	if (*m == NULL)
		return;
	assert(!(*m)->is_open);
	for (t = 0; t < DB_TABLES; t++)
		table_free(&(*m)->tables[t]);
	free(*m);
	*m = NULL;
}

static void
memory_write(struct db *db, enum db_table t, struct db_val key, enum table_presence presence,
    struct db_val val)
{
	struct table_value value = { presence, NULL, val.len };
	struct undo *u = vec_add(&db->undo);

	if (val.len != 0)
		value.data = mem_dup(val.data, val.len);
	u->table = t;
	u->key = arena_dup(&db->undo_keys, key.data, key.len);
	u->key_len = key.len;
	table_set(db->memory->tables[t], u->key, u->key_len, value, &u->old);
}

/* Ends a transaction in memory: forgets the old values, or puts them back. */
static void
memory_end(struct db *db, bool is_abort)
{
	struct table_value gone;

	while (db->undo.n > 0) {
		struct undo *u = &db->undo.at[--db->undo.n];

		gone = u->old;
		if (is_abort)
			table_set(db->memory->tables[u->table], u->key, u->key_len, u->old, &gone);
		free(gone.data);
	}
	arena_release(&db->undo_keys);
}

/* ---- open and close ---- */

static struct db *
db_new(const char *path, enum db_mode mode)
{
	struct db *db = mem_alloc(sizeof *db);

	db->path = mem_strdup(path);
	db->mode = mode;
	return db;
}

int
db_open_memory(struct db_memory *m, struct db **db_r, struct err *e)
{
	(void)e;
	assert(!m->is_open);
	*db_r = db_new("state in memory", DB_MEMORY);
	(*db_r)->memory = m;
	m->is_open = true;
	return 0;
}

/* 1 there is a data file, 0 there is none, -1 error. An empty file is none: a file system that lost
 * its contents in a power cut may leave one, and nothing can be known from it. */
static int
has_file(const char *path, struct err *e)
{
	struct stat st;

	if (stat(path, &st) != 0) {
		if (errno == ENOENT)
			return 0;
		return err_sys(e, ERR_STORE, errno, "%s: cannot open", path);
	}
	if (!S_ISREG(st.st_mode))
		return err_class(e, ERR_STORE, ERR_FAILED, ERR_NEVER, "%s is not a regular file", path);
	return st.st_size > 0;
}

int
db_open(const char *path, enum db_mode mode, bool fsync, struct db **db_r, struct err *e)
{
	struct db *db = NULL;
	int has;

	if (mode == DB_MEMORY) {
		struct db_memory *m = db_memory_new();

		db_open_memory(m, db_r, e);
		(*db_r)->own_memory = m;
		return 0;
	}
	has = has_file(path, e);
	if (has < 0)
		return -1;
	if (!has && mode == DB_DISK && disk_create(path, e) != 0)
		return -1;
	db = db_new(path, mode);
	if (!has && mode == DB_COPY) {
		db->memory = db->own_memory = db_memory_new();
		db->memory->is_open = true;
	} else if ((mode == DB_COPY ? disk_open_copy(path, &db->disk, e) : disk_open(path, fsync, &db->disk, e)) != 0) {
		db_close(&db);
		return -1;
	}
	*db_r = db;
	return 0;
}

void
db_close(struct db **db)
{
	struct db *d = *db;

	if (d == NULL)
		return;
	if (d->in_txn)
		db_abort(d);
	if (d->memory != NULL)
		d->memory->is_open = false;
	db_memory_free(&d->own_memory);
	disk_close(&d->disk);
	vec_release(&d->undo);
	free(d->path);
	free(d);
	*db = NULL;
}

/* ---- transactions ---- */

static void
txn_over(struct db *db)
{
	enum db_table t;

	for (t = 0; t < DB_TABLES; t++)
		db_walk_end(&db->next[t]);
	db->in_txn = false;
	db->is_dirty = false;
	db->writes++;
}

int
db_begin(struct db *db, struct err *e)
{
	assert(!db->in_txn);
	if (db->disk != NULL && disk_begin(db->disk, e) != 0)
		return -1;
	db->in_txn = true;
	return 0;
}

int
db_commit(struct db *db, struct err *e)
{
	int result = 0;

	assert(db->in_txn);
	if (db->is_dirty && db->mode != DB_COPY && step(STEP_COMMIT, db->path, e) != 0) {
		db_abort(db);
		return -1;
	}
	if (db->disk != NULL)
		result = disk_commit(db->disk, e);
	if (db->memory != NULL)
		memory_end(db, false);
	txn_over(db);
	return result;
}

void
db_abort(struct db *db)
{
	assert(db->in_txn);
	if (db->disk != NULL)
		disk_abort(db->disk);
	if (db->memory != NULL)
		memory_end(db, true);
	txn_over(db);
}

bool
db_in_txn(const struct db *db)
{
	return db->in_txn;
}

bool
db_is_dirty(const struct db *db)
{
	return db->is_dirty;
}

/* ---- single keys ---- */

int
db_get(struct db *db, enum db_table t, struct db_val key, struct db_val *val_r, struct err *e)
{
	const struct table_entry *entry;

	assert(db->in_txn);
	if (db->disk != NULL)
		return disk_get(db->disk, t, key, val_r, e);
	entry = table_get(db->memory->tables[t], key.data, key.len);
	if (entry == NULL)
		return 0;
	*val_r = (struct db_val){ entry->value.data, entry->value.len };
	return 1;
}

int
db_put(struct db *db, enum db_table t, struct db_val key, struct db_val val, struct err *e)
{
	assert(db->in_txn);
	assert(key.len >= 1 && key.len <= DB_KEY_MAX);
	db->writes++;
	db->is_dirty = true;
	if (db->disk != NULL)
		return disk_put(db->disk, t, key, val, e);
	memory_write(db, t, key, TABLE_PRESENT, val);
	return 0;
}

int
db_delete(struct db *db, enum db_table t, struct db_val key, struct err *e)
{
	struct db_val old;
	int got;

	assert(db->in_txn);
	if (db->disk != NULL) {
		got = disk_delete(db->disk, t, key, e);
	} else {
		got = db_get(db, t, key, &old, e);
		if (got > 0)
			memory_write(db, t, key, TABLE_ABSENT, (struct db_val){ NULL, 0 });
	}
	if (got <= 0)
		return got;
	db->writes++;
	db->is_dirty = true;
	return 0;
}

int
db_count(struct db *db, enum db_table t, size_t *n_r, struct err *e)
{
	assert(db->in_txn);
	if (db->disk != NULL)
		return disk_count(db->disk, t, n_r, e);
	*n_r = table_count(db->memory->tables[t]);
	return 0;
}

int
db_damaged(const struct db *db, const char *how, struct err *e)
{
	return db_meta_failed(db->path, how, e);
}

/* ---- walks ---- */

static bool
begins_with(struct db_val key, const struct buf *prefix)
{
	return key.len >= prefix->len && (prefix->len == 0 || memcmp(key.data, prefix->data, prefix->len) == 0);
}

int
db_walk_begin(struct db *db, enum db_table t, struct db_val prefix, struct db_cursor **c_r, struct err *e)
{
	struct db_cursor *c = mem_alloc(sizeof *c);

	(void)e;
	assert(db->in_txn);
	c->db = db;
	c->table = t;
	buf_add(&c->prefix, prefix.data, prefix.len);
	if (db->disk != NULL)
		c->disk = disk_cursor_open(db->disk, t);
	*c_r = c;
	return 0;
}

void
db_walk_end(struct db_cursor **c)
{
	if (*c == NULL)
		return;
	disk_cursor_close(&(*c)->disk);
	buf_release(&(*c)->prefix);
	buf_release(&(*c)->last);
	free(*c);
	*c = NULL;
}

/* Where the walk goes on: behind the last key, or at the prefix. */
static struct db_val
walk_from(const struct db_cursor *c, bool *is_after)
{
	const struct buf *b = c->last.len != 0 ? &c->last : &c->prefix;

	*is_after = c->last.len != 0;
	return (struct db_val){ b->data, b->len };
}

static void
walk_gave(struct db_cursor *c, struct db_val key)
{
	buf_clear(&c->last);
	buf_add(&c->last, key.data, key.len);
}

static const struct table_entry *
next_in_memory(struct db_cursor *c)
{
	struct db_val from;
	bool is_after;

	if (c->entry != NULL && c->writes == c->db->writes)
		return table_next(c->entry);
	from = walk_from(c, &is_after);
	return table_seek(c->db->memory->tables[c->table], from.data, from.len, is_after);
}

int
db_walk_next(struct db_cursor *c, struct db_val *key_r, struct db_val *val_r, struct err *e)
{
	struct db_val from, key, val;
	bool is_after;
	int got;

	if (c->disk != NULL) {
		from = walk_from(c, &is_after);
		got = disk_cursor_seek(c->disk, from, is_after, &key, &val, e);
	} else {
		c->entry = next_in_memory(c);
		c->writes = c->db->writes;
		got = c->entry != NULL;
		if (got > 0) {
			key = (struct db_val){ c->entry->key, c->entry->key_len };
			val = (struct db_val){ c->entry->value.data, c->entry->value.len };
		}
	}
	if (got <= 0)
		return got;
	if (!begins_with(key, &c->prefix))
		return 0;
	walk_gave(c, key);
	*key_r = key;
	*val_r = val;
	return 1;
}

int
db_next(struct db *db, enum db_table t, struct db_val prefix, struct db_val after, struct db_val *key_r,
    struct db_val *val_r, struct err *e)
{
	struct db_cursor *c = db->next[t];
	bool is_same;

	if (c == NULL) {
		db_walk_begin(db, t, prefix, &c, e);
		db->next[t] = c;
	}
	is_same = c->last.len == after.len && after.len != 0 && memcmp(c->last.data, after.data, after.len) == 0;
	if (c->prefix.len != prefix.len || !begins_with(prefix, &c->prefix)) {
		buf_clear(&c->prefix);
		buf_add(&c->prefix, prefix.data, prefix.len);
	}
	if (!is_same) {
		walk_gave(c, after);
		c->entry = NULL;
	}
	return db_walk_next(c, key_r, val_r, e);
}
