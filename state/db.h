/* Ordered tables of byte keys and values, in one transaction at a time: LMDB on disk, or memory.
 *
 * Use: db_open -> (db_begin -> get/put/delete/cursor -> db_commit | db_abort)* -> db_close.
 *
 * Modes: DB_DISK reads and writes one LMDB file (MDB_NOSUBDIR, mode 0600), created when missing.
 * DB_COPY reads it without touching it or its directory, and works on a copy in memory that is forgotten (dry
 * runs); a missing file reads as empty. DB_MEMORY has no file at all (simulation): what was committed
 * lives in a struct db_memory that outlasts the db, what was not is forgotten by db_abort and
 * db_close, so that a test can play a crash and open the same memory again.
 *
 * Invariants:
 *   1. One writer: the caller holds the channel's lock and calls from one thread.
 *   2. Memory handed out by get and cursors dies with the next put, delete, commit or abort.
 *   3. Damage of the file is an error that says what to do, or the end of the process (state/db_disk.h).
 *   4. db_commit calls step(STEP_COMMIT) first; after it returns 0 the data survives a power cut.
 */
#ifndef STATE_DB_H
#define STATE_DB_H

#include <stdbool.h>
#include <stddef.h>

#include "state/base/err.h"

enum db_mode { DB_DISK, DB_COPY, DB_MEMORY };

enum db_table {
	DB_META,			/* versions, endpoints, server memory */
	DB_BOXES,
	DB_MESSAGES,			/* box, record id -> record */
	DB_PLACES,			/* record id -> box */
	DB_KEYS,			/* box, side, key -> record id and what was seen */
	DB_UNSETTLED,			/* box, record id -> nothing */
	DB_IDENTS,			/* tag, record id -> nothing (idents.c) */
	DB_INTENTS,
	DB_LOG,
	DB_TABLES
};

enum { DB_KEY_MAX = 511 };
enum { DB_DAMAGED_EXIT = 5 };		/* how a process ends that must not go on with a file */

struct db;
struct db_val { const void *data; size_t len; };
struct db_cursor;

/* path: the data file. fsync false = FSync no (commits are not flushed). */
int db_open(const char *path, enum db_mode mode, bool fsync, struct db **db_r, struct err *e);
void db_close(struct db **db);			/* an open transaction is aborted */

/* What a DB_MEMORY database keeps between db_open_memory and the next. One db at a time uses it.
 * db_open(NULL, DB_MEMORY, ...) makes one of its own that is freed with it. */
struct db_memory;
struct db_memory *db_memory_new(void);
void db_memory_free(struct db_memory **m);	/* after db_close */
int db_open_memory(struct db_memory *m, struct db **db_r, struct err *e);

int db_begin(struct db *db, struct err *e);
int db_commit(struct db *db, struct err *e);	/* on error the transaction is gone */
void db_abort(struct db *db);
bool db_in_txn(const struct db *db);
bool db_is_dirty(const struct db *db);		/* something was put or deleted since db_begin */

/* 1 found, 0 not there, -1 error. Keys are 1 to 511 bytes. */
int db_get(struct db *db, enum db_table t, struct db_val key, struct db_val *val_r, struct err *e);
int db_put(struct db *db, enum db_table t, struct db_val key, struct db_val val, struct err *e);
int db_delete(struct db *db, enum db_table t, struct db_val key, struct err *e);	/* missing = fine */

/* The first key behind `after` that begins with `prefix`; after.len 0 = the first of all that do.
 * 1 got one, 0 no more, -1 error. Asking for the key behind the one it gave last is as cheap as a walk. */
int db_next(struct db *db, enum db_table t, struct db_val prefix, struct db_val after,
    struct db_val *key_r, struct db_val *val_r, struct err *e);

/* Walks the keys that begin with `prefix`, in byte order. 1 got one, 0 no more, -1 error. Writes to
 * the same table while walking are allowed: the walk goes on behind the last key it gave. A walk
 * ends with its transaction; db_walk_end is called before that. */
int db_walk_begin(struct db *db, enum db_table t, struct db_val prefix, struct db_cursor **c_r, struct err *e);
int db_walk_next(struct db_cursor *c, struct db_val *key_r, struct db_val *val_r, struct err *e);
void db_walk_end(struct db_cursor **c);

/* Number of keys in a table. */
int db_count(struct db *db, enum db_table t, size_t *n_r, struct err *e);

/* Fills *e: the base is damaged (`how`), and what to do about it. For values that do not decode.
 * Returns -1. */
int db_damaged(const struct db *db, const char *how, struct err *e);

#endif
