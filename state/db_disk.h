/* One LMDB file as ordered tables. A map that no state outgrows is laid over it at once; what is not read of it costs nothing.
 *
 * Use: disk_create (when missing) -> disk_open -> (disk_begin -> get/put/delete/seek/count ->
 * disk_commit | disk_abort)* -> disk_close. Only state/db.c calls this.
 *
 * Damage that LMDB sees is an error that says what to do. Damage that it does not see ends the process: by SIGSEGV or
 * SIGBUS, or with status DB_DAMAGED_EXIT where an assertion of LMDB fails. So a state is used by a process of its own (cmd/workers.h,
 * cmd/apart.h), whose parent tells it.
 */
#ifndef STATE_DB_DISK_H
#define STATE_DB_DISK_H

#include "state/db.h"

struct disk;
struct disk_cursor;

/* An empty file, made whole and then named. */
int disk_create(const char *path, struct err *e);
int disk_open(const char *path, bool fsync, struct disk **disk_r, struct err *e);
/* A copy of it in memory, that dies with it: the file is only read. */
int disk_open_copy(const char *path, struct disk **disk_r, struct err *e);
void disk_close(struct disk **disk);

int disk_begin(struct disk *d, struct err *e);
int disk_commit(struct disk *d, struct err *e);	/* on error the transaction is gone */
void disk_abort(struct disk *d);

int disk_get(struct disk *d, enum db_table t, struct db_val key, struct db_val *val_r, struct err *e);
int disk_put(struct disk *d, enum db_table t, struct db_val key, struct db_val val, struct err *e);
/* 1 deleted, 0 was not there, -1 error. */
int disk_delete(struct disk *d, enum db_table t, struct db_val key, struct err *e);
int disk_count(struct disk *d, enum db_table t, size_t *n_r, struct err *e);

/* A cursor belongs to the transaction it was opened in; it is freed with disk_cursor_close, before
 * or after that ends. */
struct disk_cursor *disk_cursor_open(struct disk *d, enum db_table t);
void disk_cursor_close(struct disk_cursor **c);

/* The first key at (or, is_after, behind) `key`. 1 found, 0 none, -1 error. */
int disk_cursor_seek(struct disk_cursor *c, struct db_val key, bool is_after, struct db_val *key_r,
    struct db_val *val_r, struct err *e);

#endif
