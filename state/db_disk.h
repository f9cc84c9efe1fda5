/* The LMDB file behind state/db: one file, one transaction at a time, all of LMDB's traps in one place.
 *
 * Use: disk_create (when missing) -> disk_open -> (disk_begin -> get/put/delete/seek/count ->
 * disk_commit | disk_abort)* -> disk_close. Only state/db.c calls this.
 *
 * Invariants:
 *   1. A file appears under its name only when LMDB's first pages are whole and durable.
 *   2. The map is larger than the file can become before its file system is full; where address
 *      space does not allow that, a transaction's writes are recorded, and when the map is full they
 *      are done again in a larger one.
 *   3. Damage is an error: LMDB's assertions and faults in the map (a truncated file, a bad block)
 *      end the call, not the process. A file once found damaged is not touched again.
 *   4. MDB_NOLOCK: the caller holds the channel's lock.
 */
#ifndef STATE_DB_DISK_H
#define STATE_DB_DISK_H

#include <stdbool.h>
#include <stddef.h>

#include "state/base/err.h"
#include "state/db.h"

struct disk;
struct disk_cursor;

/* Makes an empty data file. An unfinished one of an earlier try is replaced. */
int disk_create(const char *path, struct err *e);
int disk_open(const char *path, bool is_read_only, bool fsync, struct disk **disk_r,
    struct err *e);
void disk_close(struct disk **disk);
bool disk_is_broken(const struct disk *d);

int disk_begin(struct disk *d, struct err *e);
int disk_commit(struct disk *d, struct err *e);	/* on error the transaction is gone */
void disk_abort(struct disk *d);

int disk_get(struct disk *d, enum db_table t, struct db_val key, struct db_val *val_r, struct err *e);
int disk_put(struct disk *d, enum db_table t, struct db_val key, struct db_val val, struct err *e);
/* 1 deleted, 0 was not there, -1 error */
int disk_delete(struct disk *d, enum db_table t, struct db_val key, struct err *e);
int disk_count(struct disk *d, enum db_table t, size_t *n_r, struct err *e);

/* A cursor belongs to the transaction it was opened in; it is freed with disk_cursor_close, before
 * or after that transaction's end. */
struct disk_cursor *disk_cursor_open(struct disk *d, enum db_table t);
void disk_cursor_close(struct disk_cursor **c);
/* The first key > `key` (>= when !is_after; a key of length 0 = the first of all). 1/0/-1. Asking for
 * the key behind the one it gave last costs one step, as long as nothing was written in between. */
int disk_cursor_seek(struct disk_cursor *c, struct db_val key, bool is_after, struct db_val *key_r,
    struct db_val *val_r, struct err *e);

/* Tests: begin with a map of this many bytes instead of an ample one; 0 = as usual. */
void disk_limit_map(size_t bytes);

#endif
