/* Entries of a table found by a name of any length, where LMDB's keys end at 511 bytes.
 *
 * A key is a short prefix and the name, as long as the name has at most NAME_PLAIN bytes. A longer
 * name is cut to that, followed by its FNV-1a hash (8 bytes) and a number (4 bytes) that tells names
 * of equal hash apart; the whole name stands in the value, length first (4 bytes), before the value
 * proper, and decides.
 *
 * Invariant: a key longer than its prefix and NAME_PLAIN is that of a long name, and no other is.
 */
#ifndef STATE_NAMES_H
#define STATE_NAMES_H

#include "state/db.h"

enum { NAME_PLAIN = 480, NAME_PREFIX_MAX = 8 };

/* As db_get, db_put and db_delete. */
int named_get(struct db *db, enum db_table t, struct db_val prefix, struct db_val name,
    struct db_val *val_r, struct err *e);
int named_put(struct db *db, enum db_table t, struct db_val prefix, struct db_val name,
    struct db_val val, struct err *e);
int named_delete(struct db *db, enum db_table t, struct db_val prefix, struct db_val name, struct err *e);

/* Takes an entry of a walk apart; all three results are borrowed from it. -1: damaged. */
int named_open(struct db *db, size_t prefix_len, struct db_val key, struct db_val val,
    struct db_val *name_r, struct db_val *val_r, struct err *e);
bool named_is_long(size_t prefix_len, struct db_val key);

#endif
