/* An ordered map of byte keys in memory: what a DB_MEMORY base consists of.
 *
 * Use: table_new -> table_set / table_get / table_seek / table_next -> table_free.
 *
 * A key is absent, or present with a value. Entries are borrowed: they live until their key is set again.
 *
 * Invariants:
 *   1. table_next() follows byte order (memcmp, then length), the order LMDB has.
 *   2. The structure depends on the calls made and on nothing else: no clock, no randomness from
 *      outside, so that a simulated history replays exactly.
 */
#ifndef STATE_TABLE_H
#define STATE_TABLE_H

#include <stdbool.h>
#include <stddef.h>

struct table;

enum table_presence { TABLE_ABSENT, TABLE_PRESENT };

struct table_value {
	enum table_presence presence;
	void *data;			/* from malloc; NULL unless present and len > 0 */
	size_t len;
};

struct table_entry {
	const void *key;
	size_t key_len;
	struct table_value value;	/* never TABLE_ABSENT */
};

struct table *table_new(void);
void table_free(struct table **t);

/* Makes `value` the key's, taking ownership of its data; what was there goes to *old_r, whose data
 * the caller frees. TABLE_ABSENT removes the key. Setting the old value again undoes the call. */
void table_set(struct table *t, const void *key, size_t key_len, struct table_value value,
    struct table_value *old_r);

/* NULL when absent. */
const struct table_entry *table_get(const struct table *t, const void *key, size_t key_len);
/* The first entry whose key is >= key, or > key with is_after. NULL = none. */
const struct table_entry *table_seek(const struct table *t, const void *key, size_t key_len,
    bool is_after);
const struct table_entry *table_next(const struct table_entry *entry);
size_t table_count(const struct table *t);

#endif
