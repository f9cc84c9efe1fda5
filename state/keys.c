/* Keys of the tables, in the order of their numbers, and the values under them. */
#include <string.h>

#include "state/inside.h"

static void
add_number(struct state_key *k, uint64_t n, unsigned width)
{
	unsigned i;

	for (i = width; i > 0; i--, n >>= 8)
		k->data[k->len + i - 1] = (unsigned char)n;
	k->len += width;
}

struct state_key
state_key_u8(unsigned kind)
{
	struct state_key k = { .len = 0 };

	add_number(&k, kind, 1);
	return k;
}

struct state_key
state_key_u8_u32(unsigned kind, uint32_t n)
{
	struct state_key k = state_key_u8(kind);

	add_number(&k, n, 4);
	return k;
}

struct state_key
state_key_u32(uint32_t n)
{
	struct state_key k = { .len = 0 };

	add_number(&k, n, 4);
	return k;
}

struct state_key
state_key_u64(uint64_t n)
{
	struct state_key k = { .len = 0 };

	add_number(&k, n, 8);
	return k;
}

struct state_key
state_key_u32_u64(uint32_t a, uint64_t b)
{
	struct state_key k = state_key_u32(a);

	add_number(&k, b, 8);
	return k;
}

struct state_key
state_key_u32_u8(uint32_t a, unsigned b)
{
	struct state_key k = state_key_u32(a);

	add_number(&k, b, 1);
	return k;
}

struct db_val
state_val(const struct state_key *k)
{
	return (struct db_val){ k->data, k->len };
}

struct db_val
state_buf_val(const struct buf *b)
{
	return (struct db_val){ b->data, b->len };
}

uint64_t
state_get_u64(const void *p)
{
	return (uint64_t)state_get_u32(p) << 32 | state_get_u32((const unsigned char *)p + 4);
}

uint32_t
state_get_u32(const void *p)
{
	const unsigned char *b = p;

	return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

int
state_put_changed(struct state *s, enum db_table t, const struct state_key *k, const struct buf *b,
    struct err *e)
{
	struct db_val old;
	int got = db_get(s->db, t, state_val(k), &old, e);

	if (got < 0)
		return -1;
	if (got > 0 && old.len == b->len && memcmp(old.data, b->data, b->len) == 0)
		return 0;
	return db_put(s->db, t, state_val(k), state_buf_val(b), e);
}
