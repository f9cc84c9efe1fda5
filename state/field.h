/* The fields that stored values are made of: each kind of value writes and reads its own with these (codec_*.c).
 *
 * Numbers are big-endian and fixed in width, a string is its bytes and a NUL, a key is its length (4) and bytes.
 */
#ifndef STATE_FIELD_H
#define STATE_FIELD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "state/base/buf.h"
#include "state/db.h"
#include "state/model/key.h"

/* A value begins with its version and ends with the checksum of all since `at`, which field_begin() returned. */
size_t field_begin(struct buf *b);
void field_end(struct buf *b, size_t at);
void field_put_u8(struct buf *b, unsigned n);
void field_put_u32(struct buf *b, uint32_t n);
void field_put_u64(struct buf *b, uint64_t n);
void field_put_string(struct buf *b, const char *s);
void field_put_key(struct buf *b, struct key k);

struct field_reader {
	const unsigned char *at, *end;
	bool is_bad;			/* stays so; what is read after it is zeros and "" */
};

/* Its version and checksum are looked at; what is taken borrows from the value. */
struct field_reader field_open(struct db_val v);
/* 0 when everything was read and nothing was wrong, else -1. */
int field_close(const struct field_reader *r);
bool field_is_at_end(const struct field_reader *r);	/* false also where it is bad */
/* A byte below `limit`: an enumerator, or a set of bits. */
unsigned field_take_below(struct field_reader *r, unsigned limit);
uint32_t field_take_u32(struct field_reader *r);
uint64_t field_take_u64(struct field_reader *r);
const char *field_take_string(struct field_reader *r);
struct key field_take_key(struct field_reader *r);
void field_take_bytes(struct field_reader *r, unsigned char *to, size_t len);

#endif
