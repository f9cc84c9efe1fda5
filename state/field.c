#include "state/field.h"

#include <string.h>
#include <zlib.h>
#undef FAR				/* zlib's word for 16-bit compilers, ours for a side */

#include "state/codec.h"

enum { CHECKSUM_SIZE = 4 };

/* ---- out ---- */

static void
put_number(struct buf *b, uint64_t n, unsigned width)
{
	unsigned char bytes[8];
	unsigned i;

	for (i = width; i > 0; i--, n >>= 8)
		bytes[i - 1] = (unsigned char)n;
	buf_add(b, bytes, width);
}

void
field_put_u8(struct buf *b, unsigned n)
{
	buf_addc(b, (char)n);
}

void
field_put_u32(struct buf *b, uint32_t n)
{
	put_number(b, n, 4);
}

void
field_put_u64(struct buf *b, uint64_t n)
{
	put_number(b, n, 8);
}

void
field_put_string(struct buf *b, const char *s)
{
	buf_add(b, s, strlen(s) + 1);
}

void
field_put_key(struct buf *b, struct key k)
{
	field_put_u32(b, k.len);
	buf_add(b, k.data, k.len);
}

size_t
field_begin(struct buf *b)
{
	size_t at = b->len;

	field_put_u8(b, CODEC_VERSION);
	return at;
}

static uint32_t
checksum(const void *data, size_t len)
{
	return (uint32_t)crc32_z(0, data, len);
}

void
field_end(struct buf *b, size_t at)
{
	field_put_u32(b, checksum(b->data + at, b->len - at));
}

/* ---- in ---- */

static const unsigned char *
take(struct field_reader *r, size_t len)
{
	const unsigned char *p = r->at;

	if (r->is_bad || (size_t)(r->end - p) < len) {
		r->is_bad = true;
		return NULL;
	}
	r->at += len;
	return p;
}

static uint64_t
take_number(struct field_reader *r, unsigned width)
{
	const unsigned char *p = take(r, width);
	uint64_t n = 0;
	unsigned i;

	for (i = 0; p != NULL && i < width; i++)
		n = n << 8 | p[i];
	return n;
}

unsigned
field_take_below(struct field_reader *r, unsigned limit)
{
	unsigned n = (unsigned)take_number(r, 1);

	if (n < limit)
		return n;
	r->is_bad = true;
	return 0;
}

uint32_t
field_take_u32(struct field_reader *r)
{
	return (uint32_t)take_number(r, 4);
}

uint64_t
field_take_u64(struct field_reader *r)
{
	return take_number(r, 8);
}

const char *
field_take_string(struct field_reader *r)
{
	const unsigned char *nul;
	const char *s = (const char *)r->at;

	if (r->is_bad || (nul = memchr(r->at, '\0', (size_t)(r->end - r->at))) == NULL) {
		r->is_bad = true;
		return "";
	}
	r->at = nul + 1;
	return s;
}

struct key
field_take_key(struct field_reader *r)
{
	uint32_t len = field_take_u32(r);
	const unsigned char *p = take(r, len);

	return p != NULL && len != 0 ? (struct key){ (const char *)p, len } : KEY_NONE;
}

void
field_take_bytes(struct field_reader *r, unsigned char *to, size_t len)
{
	const unsigned char *p = take(r, len);

	if (p != NULL)
		memcpy(to, p, len);
}

struct field_reader
field_open(struct db_val v)
{
	struct field_reader r = { v.data, NULL, true }, sum;
	size_t len;

	if (v.len < 1 + CHECKSUM_SIZE)
		return r;
	len = v.len - CHECKSUM_SIZE;
	r = (struct field_reader){ r.at, r.at + len, false };
	sum = (struct field_reader){ r.end, r.end + CHECKSUM_SIZE, false };
	if (field_take_u32(&sum) != checksum(v.data, len) || take_number(&r, 1) != CODEC_VERSION)
		r.is_bad = true;
	return r;
}

bool
field_is_at_end(const struct field_reader *r)
{
	return !r->is_bad && r->at == r->end;
}

int
field_close(const struct field_reader *r)
{
	return field_is_at_end(r) ? 0 : -1;
}
