#include "state/names.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "state/base/buf.h"
#include "state/base/hash.h"

enum { HASH_SIZE = 8, NUMBER_SIZE = 4, LENGTH_SIZE = 4 };
enum { LONG_SIZE = NAME_PLAIN + HASH_SIZE + NUMBER_SIZE };

struct name_key {
	unsigned char data[NAME_PREFIX_MAX + LONG_SIZE];
	size_t len;			/* of a long name: without the number */
	bool is_long;
};

static void
put_big_endian(unsigned char *to, uint64_t n, unsigned width)
{
	for (; width > 0; n >>= 8)
		to[--width] = (unsigned char)n;
}

static uint32_t
get_u32(const unsigned char *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void
make_key(struct name_key *k, struct db_val prefix, struct db_val name)
{
	assert(prefix.len >= 1 && prefix.len <= NAME_PREFIX_MAX);
	memcpy(k->data, prefix.data, prefix.len);
	k->is_long = name.len > NAME_PLAIN;
	k->len = prefix.len + (k->is_long ? NAME_PLAIN : name.len);
	if (name.len != 0)
		memcpy(k->data + prefix.len, name.data, k->len - prefix.len);
	if (!k->is_long)
		return;
	put_big_endian(k->data + k->len, hash_add(HASH_BEGIN, name.data, name.len), HASH_SIZE);
	k->len += HASH_SIZE;
}

static struct db_val
key_val(const struct name_key *k)
{
	return (struct db_val){ k->data, k->len };
}

bool
named_is_long(size_t prefix_len, struct db_val key)
{
	return key.len > prefix_len + NAME_PLAIN;
}

int
named_open(struct db *db, size_t prefix_len, struct db_val key, struct db_val val, struct db_val *name_r,
    struct db_val *val_r, struct err *e)
{
	const unsigned char *p = val.data;
	size_t len;

	if (!named_is_long(prefix_len, key)) {
		*name_r = (struct db_val){ (const unsigned char *)key.data + prefix_len, key.len - prefix_len };
		*val_r = val;
		return 0;
	}
	if (val.len < LENGTH_SIZE || (len = get_u32(p)) > val.len - LENGTH_SIZE || len <= NAME_PLAIN ||
	    key.len != prefix_len + LONG_SIZE)
		return db_damaged(db, "a long name is broken", e);
	*name_r = (struct db_val){ p + LENGTH_SIZE, len };
	*val_r = (struct db_val){ p + LENGTH_SIZE + len, val.len - LENGTH_SIZE - len };
	return 0;
}

/* Completes k, the key of a long name, by the number under which it is stored: 1, and *val_r; or by
 * a free one: 0. */
static int
find_long(struct db *db, enum db_table t, size_t prefix_len, struct name_key *k, struct db_val name,
    struct db_val *val_r, struct err *e)
{
	struct db_cursor *walk = NULL;
	struct db_val key, val, found;
	uint32_t number, next = 0;
	int got;

	if (db_walk_begin(db, t, key_val(k), &walk, e) != 0)
		return -1;
	while ((got = db_walk_next(walk, &key, &val, e)) > 0) {
		if (named_open(db, prefix_len, key, val, &found, val_r, e) != 0) {
			got = -1;
			break;
		}
		number = get_u32((const unsigned char *)key.data + k->len);
		if (found.len == name.len && memcmp(found.data, name.data, name.len) == 0) {
			next = number;
			break;
		}
		if (number == next)
			next++;
	}
	put_big_endian(k->data + k->len, next, NUMBER_SIZE);
	k->len += NUMBER_SIZE;
	db_walk_end(&walk);
	return got;
}

int
named_get(struct db *db, enum db_table t, struct db_val prefix, struct db_val name, struct db_val *val_r,
    struct err *e)
{
	struct name_key k;

	make_key(&k, prefix, name);
	if (k.is_long)
		return find_long(db, t, prefix.len, &k, name, val_r, e);
	return db_get(db, t, key_val(&k), val_r, e);
}

int
named_put(struct db *db, enum db_table t, struct db_val prefix, struct db_val name, struct db_val val,
    struct err *e)
{
	struct buf whole = { 0 };
	struct name_key k;
	struct db_val old;
	unsigned char len[LENGTH_SIZE];
	int result;

	make_key(&k, prefix, name);
	if (!k.is_long)
		return db_put(db, t, key_val(&k), val, e);
	if (find_long(db, t, prefix.len, &k, name, &old, e) < 0)
		return -1;
	put_big_endian(len, name.len, LENGTH_SIZE);
	buf_add(&whole, len, sizeof len);
	buf_add(&whole, name.data, name.len);
	buf_add(&whole, val.data, val.len);
	result = db_put(db, t, key_val(&k), (struct db_val){ whole.data, whole.len }, e);
	buf_release(&whole);
	return result;
}

int
named_delete(struct db *db, enum db_table t, struct db_val prefix, struct db_val name, struct err *e)
{
	struct name_key k;
	struct db_val old;
	int got;

	make_key(&k, prefix, name);
	if (k.is_long) {
		got = find_long(db, t, prefix.len, &k, name, &old, e);
		if (got <= 0)
			return got;
	}
	return db_delete(db, t, key_val(&k), e);
}
