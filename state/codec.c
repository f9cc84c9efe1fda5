#include "state/codec.h"

#include <assert.h>
#include <string.h>
#include <zlib.h>
#undef FAR				/* zlib's word for 16-bit compilers, ours for a side */

enum { CHECKSUM_SIZE = 4 };

/* ---- bytes out ---- */

static void
put_number(struct buf *b, uint64_t n, unsigned width)
{
	unsigned char bytes[8];
	unsigned i;

	for (i = width; i > 0; i--, n >>= 8)
		bytes[i - 1] = (unsigned char)n;
	buf_add(b, bytes, width);
}

static void
put_u8(struct buf *b, unsigned n)
{
	buf_addc(b, (char)n);
}

static void
put_u32(struct buf *b, uint32_t n)
{
	put_number(b, n, 4);
}

static void
put_u64(struct buf *b, uint64_t n)
{
	put_number(b, n, 8);
}

static void
put_string(struct buf *b, const char *s)
{
	buf_add(b, s, strlen(s) + 1);
}

static void
put_key(struct buf *b, struct key k)
{
	put_u32(b, k.len);
	buf_add(b, k.data, k.len);
}

static size_t
begin(struct buf *b)
{
	size_t at = b->len;

	put_u8(b, CODEC_VERSION);
	return at;
}

static uint32_t
checksum(const void *data, size_t len)
{
	return (uint32_t)crc32_z(0, data, len);
}

static void
end(struct buf *b, size_t at)
{
	put_u32(b, checksum(b->data + at, b->len - at));
}

/* ---- bytes in ---- */

struct reader {
	const unsigned char *at, *end;
	bool is_bad;			/* stays so; what is read after it is zeros and "" */
};

static const unsigned char *
take(struct reader *r, size_t len)
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
take_number(struct reader *r, unsigned width)
{
	const unsigned char *p = take(r, width);
	uint64_t n = 0;
	unsigned i;

	for (i = 0; p != NULL && i < width; i++)
		n = n << 8 | p[i];
	return n;
}

static unsigned
take_u8(struct reader *r)
{
	return (unsigned)take_number(r, 1);
}

/* A byte below `limit`: an enumerator, or a set of bits. */
static unsigned
take_below(struct reader *r, unsigned limit)
{
	unsigned n = take_u8(r);

	if (n < limit)
		return n;
	r->is_bad = true;
	return 0;
}

static uint32_t
take_u32(struct reader *r)
{
	return (uint32_t)take_number(r, 4);
}

static uint64_t
take_u64(struct reader *r)
{
	return take_number(r, 8);
}

static const char *
take_string(struct reader *r)
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

static struct key
take_key(struct reader *r)
{
	uint32_t len = take_u32(r);
	const unsigned char *p = take(r, len);

	return p != NULL && len != 0 ? (struct key){ (const char *)p, len } : KEY_NONE;
}

static void
take_bytes(struct reader *r, unsigned char *to, size_t len)
{
	const unsigned char *p = take(r, len);

	if (p != NULL)
		memcpy(to, p, len);
}

static struct reader
open_value(struct db_val v)
{
	struct reader r = { v.data, NULL, true }, sum;
	size_t len;

	if (v.len < 1 + CHECKSUM_SIZE)
		return r;
	len = v.len - CHECKSUM_SIZE;
	r = (struct reader){ r.at, r.at + len, false };
	sum = (struct reader){ r.end, r.end + CHECKSUM_SIZE, false };
	if (take_u32(&sum) != checksum(v.data, len) || take_u8(&r) != CODEC_VERSION)
		r.is_bad = true;
	return r;
}

/* 0 when everything was read and nothing was wrong. */
static int
close_value(const struct reader *r)
{
	return r->is_bad || r->at != r->end ? -1 : 0;
}

/* ---- messages ---- */

enum record_bit { RECORD_AGREED = 1, RECORD_UNSETTLED = 2, RECORD_TROUBLE = 4, RECORD_SENT_FAR = 8, RECORD_SENT_NEAR = 16,
	RECORD_PLACEHOLDER_FAR = 32, RECORD_PLACEHOLDER_NEAR = 64, RECORD_END = 128 };
enum record_field {
	FIELD_AGREED = 1, FIELD_WHY = 2, FIELD_SIZE = 4, FIELD_HEADER = 8, FIELD_FULL = 16, FIELD_REFUSALS = 32,
	FIELD_TRIMMED = 64, FIELD_END = 128
};
enum half_field {
	HALF_KEY = 1, HALF_SYS = 2, HALF_KW = 4, HALF_HINT = 8, HALF_SIZE = 16, HALF_DATE = 32,
	HALF_SERVER_ID = 64, HALF_BASIS = 128, HALF_END = 256
};

static unsigned
ident_fields(const struct ident *i)
{
	return (i->has & IDENT_SIZE ? FIELD_SIZE : 0u) | (i->has & IDENT_HEADER ? FIELD_HEADER : 0u) |
	    (i->has & IDENT_FULL ? FIELD_FULL : 0u) | (i->has & IDENT_TRIMMED ? FIELD_TRIMMED : 0u);
}

static void
put_ident(struct buf *b, const struct ident *i)
{
	if (i->has & IDENT_SIZE)
		put_u64(b, i->size);
	if (i->has & IDENT_HEADER)
		buf_add(b, i->header, sizeof i->header);
	if (i->has & IDENT_FULL)
		buf_add(b, i->full, sizeof i->full);
}

static void
take_ident(struct reader *r, unsigned fields, struct ident *i)
{
	*i = (struct ident){ .has = fields & FIELD_TRIMMED ? IDENT_TRIMMED : 0 };
	if (fields & FIELD_SIZE) {
		i->has |= IDENT_SIZE;
		i->size = take_u64(r);
	}
	if (fields & FIELD_HEADER) {
		i->has |= IDENT_HEADER;
		take_bytes(r, i->header, sizeof i->header);
	}
	if (fields & FIELD_FULL) {
		i->has |= IDENT_FULL;
		take_bytes(r, i->full, sizeof i->full);
	}
}

static bool
is_key_right(const struct record_half *h)
{
	return h->presence == PRESENCE_GONE || (h->presence == PRESENCE_NEVER) == (h->key.len == 0);
}

static void
put_half(struct buf *b, const struct record_half *h)
{
	unsigned fields = (h->key.len != 0 ? HALF_KEY : 0u) | (h->flags.sys != 0 ? HALF_SYS : 0u) |
	    (*h->flags.kw != '\0' ? HALF_KW : 0u) | (*h->hint != '\0' ? HALF_HINT : 0u) |
	    (h->size != 0 ? HALF_SIZE : 0u) | (h->date != 0 ? HALF_DATE : 0u) |
	    (*h->server_id != '\0' ? HALF_SERVER_ID : 0u) | (h->basis != BASIS_LISTED ? HALF_BASIS : 0u);

	assert(is_key_right(h));
	put_u8(b, h->presence);
	put_u8(b, fields);
	if (fields & HALF_KEY)
		put_key(b, h->key);
	if (fields & HALF_SYS)
		put_u32(b, h->flags.sys);
	if (fields & HALF_KW)
		put_string(b, h->flags.kw);
	if (fields & HALF_HINT)
		put_string(b, h->hint);
	if (fields & HALF_SIZE)
		put_u64(b, h->size);
	if (fields & HALF_DATE)
		put_u64(b, (uint64_t)h->date);
	if (fields & HALF_SERVER_ID)
		put_string(b, h->server_id);
	if (fields & HALF_BASIS)
		put_u8(b, h->basis);
}

/* Before there was a basis, a guess was told by a key "was:" and a number, and nothing else. Every other key came with
 * something: a UID with its size, a name with a hint. It stays as it is, for the tables that follow it. */
static bool
is_guessed_key(struct key k)
{
	uint32_t i, name = sizeof "was:" - 1;

	if (k.len <= name || memcmp(k.data, "was:", name) != 0)
		return false;
	for (i = name; i < k.len; i++)
		if (k.data[i] < '0' || k.data[i] > '9')
			return false;
	return true;
}

static void
take_half(struct reader *r, struct record_half *h)
{
	unsigned fields;

	h->presence = (enum presence)take_below(r, PRESENCE_BEYOND + 1);
	fields = take_below(r, HALF_END);
	h->key = fields & HALF_KEY ? take_key(r) : KEY_NONE;
	h->flags.sys = fields & HALF_SYS ? take_u32(r) : 0;
	h->flags.kw = fields & HALF_KW ? take_string(r) : "";
	h->hint = fields & HALF_HINT ? take_string(r) : "";
	h->size = fields & HALF_SIZE ? take_u64(r) : 0;
	h->date = fields & HALF_DATE ? (int64_t)take_u64(r) : 0;
	h->server_id = fields & HALF_SERVER_ID ? take_string(r) : "";
	h->basis = fields & HALF_BASIS ? (enum half_basis)take_below(r, BASIS_BEYOND + 1) : BASIS_LISTED;
	if (h->presence == PRESENCE_GONE && fields == HALF_KEY && is_guessed_key(h->key))
		h->basis = BASIS_GUESSED;
	if (!is_key_right(h))
		r->is_bad = true;
}

static unsigned
placeholder_bit(enum record_placeholder p)
{
	return p == PLACEHOLDER_FAR ? RECORD_PLACEHOLDER_FAR : p == PLACEHOLDER_NEAR ? RECORD_PLACEHOLDER_NEAR : 0u;
}

void
encode_record(struct buf *b, const struct record *r, bool is_unsettled)
{
	bool has_agreed = r->has_agreed && !flags_is_none(r->agreed);
	size_t at = begin(b);

	put_u8(b, (r->has_agreed ? RECORD_AGREED : 0u) | (is_unsettled ? RECORD_UNSETTLED : 0u) |
	    (r->trouble != TROUBLE_NONE ? RECORD_TROUBLE : 0u) | (r->half[FAR].is_sent ? RECORD_SENT_FAR : 0u) |
	    (r->half[NEAR].is_sent ? RECORD_SENT_NEAR : 0u) | placeholder_bit(r->placeholder));
	put_u8(b, r->mark);
	put_u8(b, (has_agreed ? FIELD_AGREED : 0u) | (*r->why != '\0' ? FIELD_WHY : 0u) |
	    (r->refusals != 0 ? FIELD_REFUSALS : 0u) | ident_fields(&r->ident));
	if (has_agreed) {
		put_u32(b, r->agreed.sys);
		put_string(b, r->agreed.kw);
	}
	if (*r->why != '\0')
		put_string(b, r->why);
	if (r->refusals != 0)
		put_u8(b, r->refusals);
	if (r->trouble != TROUBLE_NONE) {
		put_u8(b, r->trouble);
		put_u8(b, r->troubled);
	}
	put_ident(b, &r->ident);
	put_half(b, &r->half[FAR]);
	put_half(b, &r->half[NEAR]);
	end(b, at);
}

int
decode_record(struct db_val v, struct record *r_r, bool *is_unsettled_r)
{
	struct reader r = open_value(v);
	unsigned bits, fields;

	*r_r = record_blank(0);
	bits = take_below(&r, RECORD_END);
	r_r->has_agreed = bits & RECORD_AGREED;
	*is_unsettled_r = bits & RECORD_UNSETTLED;
	r_r->placeholder = bits & RECORD_PLACEHOLDER_FAR ? PLACEHOLDER_FAR : bits & RECORD_PLACEHOLDER_NEAR ? PLACEHOLDER_NEAR :
	    PLACEHOLDER_NONE;
	r.is_bad |= (bits & RECORD_PLACEHOLDER_FAR) && (bits & RECORD_PLACEHOLDER_NEAR);
	r_r->mark = (enum record_mark)take_below(&r, MARK_KEPT + 1);
	fields = take_below(&r, FIELD_END);
	if (fields & FIELD_AGREED) {
		r_r->agreed.sys = take_u32(&r);
		r_r->agreed.kw = take_string(&r);
	}
	if (fields & FIELD_WHY)
		r_r->why = take_string(&r);
	if (fields & FIELD_REFUSALS)
		r_r->refusals = take_below(&r, 256);
	if (bits & RECORD_TROUBLE) {
		r_r->trouble = (enum record_trouble)take_below(&r, TROUBLE_LEFT_OUT + 1);
		r_r->troubled = take_below(&r, 256);
	}
	take_ident(&r, fields, &r_r->ident);
	take_half(&r, &r_r->half[FAR]);
	take_half(&r, &r_r->half[NEAR]);
	r_r->half[FAR].is_sent = bits & RECORD_SENT_FAR;
	r_r->half[NEAR].is_sent = bits & RECORD_SENT_NEAR;
	return close_value(&r);
}

void
encode_seen(struct buf *b, const struct seen *s)
{
	size_t at = begin(b);

	put_u64(b, s->id);
	put_u8(b, s->presence);
	put_u32(b, s->sys);
	put_u32(b, s->tail);
	end(b, at);
}

int
decode_seen(struct db_val v, struct seen *s_r)
{
	struct reader r = open_value(v);

	s_r->id = take_u64(&r);
	s_r->presence = (enum presence)take_below(&r, PRESENCE_BEYOND + 1);
	s_r->sys = take_u32(&r);
	s_r->tail = take_u32(&r);
	return close_value(&r);
}

/* ---- mailbox pairs ---- */

enum side_bit { SIDE_KNOWN = 1, SIDE_STEADY = 2, SIDE_ANY_KEYWORD = 4, SIDE_HELD = 8, SIDE_TOLD = 16, SIDE_NAMED = 32,
	SIDE_BLANK = 64, SIDE_MOVED = 128, SIDE_END = 256 };

static void
put_side(struct buf *b, const struct box_side *s)
{
	bool is_named = s->on != NULL && *s->on != '\0', is_moved = s->now != NULL && *s->now != '\0';

	assert(s->cursor.len <= CURSOR_SIZE);
	put_u8(b, (s->is_known ? SIDE_KNOWN : 0u) | (s->cursor.is_steady ? SIDE_STEADY : 0u) |
	    (s->mask.has_any_keyword ? SIDE_ANY_KEYWORD : 0u) | (s->was_held ? SIDE_HELD : 0u) |
	    (s->was_told ? SIDE_TOLD : 0u) | (is_named ? SIDE_NAMED : 0u) | (s->is_blank ? SIDE_BLANK : 0u) |
	    (is_moved ? SIDE_MOVED : 0u));
	put_u64(b, s->cursor.epoch);
	put_u8(b, s->cursor.len);
	buf_add(b, s->cursor.data, s->cursor.len);
	put_u32(b, s->mask.sys);
	put_string(b, s->mask.kw != NULL ? s->mask.kw : "");
	put_string(b, s->mailbox_id != NULL ? s->mailbox_id : "");
	put_u64(b, (uint64_t)s->listed);
	put_u64(b, s->missing_runs);
	if (is_named)
		put_string(b, s->on);
	if (is_moved)
		put_string(b, s->now);
}

/* Programs of before wrote these as epochs that no store gives, and as an identity that none has. */
static void
take_old_words(struct box_side *s)
{
	bool has_no_cursor = !s->cursor.is_steady && s->cursor.len == 0;

	if (strcmp(s->mailbox_id, "-") == 0) {
		s->is_apart = true;
		s->mailbox_id = "";
	}
	if (!has_no_cursor || s->cursor.epoch < UINT64_MAX - 1)
		return;
	s->identity = s->cursor.epoch == UINT64_MAX ? IDENTITY_FOREIGN : IDENTITY_REVIVED;
	s->cursor.epoch = 0;
}

static void
take_side(struct reader *r, struct box_side *s)
{
	unsigned bits = take_below(r, SIDE_END);

	s->is_known = bits & SIDE_KNOWN;
	s->cursor.is_steady = bits & SIDE_STEADY;
	s->mask.has_any_keyword = bits & SIDE_ANY_KEYWORD;
	s->was_held = bits & SIDE_HELD;
	s->was_told = bits & SIDE_TOLD;
	s->is_blank = bits & SIDE_BLANK;
	s->cursor.epoch = take_u64(r);
	s->cursor.len = (uint8_t)take_below(r, CURSOR_SIZE + 1);
	take_bytes(r, s->cursor.data, s->cursor.len);
	s->mask.sys = take_u32(r);
	s->mask.kw = take_string(r);
	s->mailbox_id = take_string(r);
	s->listed = (int64_t)take_u64(r);
	s->missing_runs = take_u64(r);
	s->on = bits & SIDE_NAMED ? take_string(r) : "";
	s->now = bits & SIDE_MOVED ? take_string(r) : "";
	take_old_words(s);
}

/* The tail of a mailbox: a byte that names the parts that follow; the byte is not there where none does. */
enum box_part { PART_SHOWN = 1, PART_PLACE = 2, PART_WEEK = 4, PART_REFUSED = 8, PART_FRESH = 16, PART_JUDGED = 32, PART_PASSED = 64,
	PART_LIMIT = 128, PART_END = 256 };
enum place_bit { PLACE_LEAVING = 1, PLACE_FOREIGN = 2, PLACE_REVIVED = 4, PLACE_APART = 8, PLACE_END = 16 };

static bool
has_place(const struct box_side *s)
{
	return (s->above != NULL && *s->above != '\0') || s->is_leaving || s->identity != IDENTITY_KEPT || s->is_apart;
}

static void
put_place(struct buf *b, const struct box_side *s)
{
	put_u8(b, (s->is_leaving ? PLACE_LEAVING : 0u) | (s->identity == IDENTITY_FOREIGN ? PLACE_FOREIGN : 0u) |
	    (s->identity == IDENTITY_REVIVED ? PLACE_REVIVED : 0u) | (s->is_apart ? PLACE_APART : 0u));
	put_string(b, s->above != NULL ? s->above : "");
}

static void
take_place(struct reader *r, struct box_side *s)
{
	unsigned bits = take_below(r, PLACE_END);

	s->is_leaving = bits & PLACE_LEAVING;
	s->is_apart |= (bits & PLACE_APART) != 0;
	if (bits & PLACE_FOREIGN)
		s->identity = IDENTITY_FOREIGN;
	else if (bits & PLACE_REVIVED)
		s->identity = IDENTITY_REVIVED;
	s->above = take_string(r);
}

static bool
has_shown(const struct box_shown *s)
{
	return s->last != 0 || s->most != 0 || s->suspected != 0 || s->held != 0;
}

static void
put_shown(struct buf *b, const struct box_shown *s)
{
	put_u64(b, s->last);
	put_u64(b, s->most);
	put_u64(b, s->suspected);
	put_u64(b, s->held);
	put_u64(b, 0);		/* a number of messages, of an earlier program: it said not which */
}

static void
take_shown(struct reader *r, struct box_shown *s)
{
	s->last = take_u64(r);
	s->most = take_u64(r);
	s->suspected = take_u64(r);
	s->held = take_u64(r);
	take_u64(r);
}

static unsigned
count_days(const struct box_day *week)
{
	unsigned i, n = 0;

	for (i = 0; i < BOX_DAYS; i++)
		n += week[i].day != 0;
	return n;
}

static void
put_week(struct buf *b, const struct box_day *week)
{
	unsigned i;

	put_u8(b, count_days(week));
	for (i = 0; i < BOX_DAYS; i++) {
		if (week[i].day == 0)
			continue;
		put_u32(b, week[i].day);
		put_u32(b, week[i].deleted);
		put_u64(b, week[i].shown);
	}
}

static void
take_week(struct reader *r, struct box_day *week)
{
	unsigned i, n = take_below(r, BOX_DAYS + 1);

	for (i = 0; i < n; i++) {
		week[i].day = take_u32(r);
		week[i].deleted = take_u32(r);
		week[i].shown = take_u64(r);
	}
}

static bool
has_refused(const struct box_side *s)
{
	return !flags_is_none(flag_mask_refused(&s->mask)) || s->doubted != 0;
}

static void
put_refused(struct buf *b, const struct box_side *s)
{
	struct flags refused = flag_mask_refused(&s->mask);

	put_u32(b, refused.sys);
	put_string(b, refused.kw);
	put_u32(b, s->doubted);
}

static void
take_refused(struct reader *r, struct box_side *s)
{
	s->mask.refused.sys = take_u32(r);
	s->mask.refused.kw = take_string(r);
	s->doubted = take_u32(r);
}

static bool
has_passed(const struct box_side *s)
{
	return s->passed.upto != 0 || s->passed.expired != 0;
}

static void
put_tail(struct buf *b, const struct box_record *box)
{
	unsigned parts = (has_shown(&box->side[FAR].shown) || has_shown(&box->side[NEAR].shown) ? PART_SHOWN : 0u) |
	    (has_place(&box->side[FAR]) || has_place(&box->side[NEAR]) ? PART_PLACE : 0u) |
	    (count_days(box->side[FAR].week) + count_days(box->side[NEAR].week) != 0 ? PART_WEEK : 0u) |
	    (has_refused(&box->side[FAR]) || has_refused(&box->side[NEAR]) ? PART_REFUSED : 0u) |
	    (box->side[FAR].fresh != 0 || box->side[NEAR].fresh != 0 ? PART_FRESH : 0u) |
	    (box->side[FAR].shown.judged != 0 || box->side[NEAR].shown.judged != 0 ? PART_JUDGED : 0u) |
	    (has_passed(&box->side[FAR]) || has_passed(&box->side[NEAR]) ? PART_PASSED : 0u) | (box->limit.max != 0 ? PART_LIMIT : 0u);
	enum side s;

	if (parts == 0)
		return;
	put_u8(b, parts);
	for (s = FAR; s <= NEAR; s++)
		if (parts & PART_SHOWN)
			put_shown(b, &box->side[s].shown);
	for (s = FAR; s <= NEAR; s++)
		if (parts & PART_PLACE)
			put_place(b, &box->side[s]);
	for (s = FAR; s <= NEAR; s++)
		if (parts & PART_WEEK)
			put_week(b, box->side[s].week);
	for (s = FAR; s <= NEAR; s++)
		if (parts & PART_REFUSED)
			put_refused(b, &box->side[s]);
	for (s = FAR; s <= NEAR; s++)
		if (parts & PART_FRESH)
			put_u64(b, box->side[s].fresh);
	for (s = FAR; s <= NEAR; s++)
		if (parts & PART_JUDGED)
			put_u32(b, box->side[s].shown.judged);
	for (s = FAR; s <= NEAR; s++)
		if (parts & PART_PASSED) {
			put_u32(b, box->side[s].passed.upto);
			put_u32(b, box->side[s].passed.expired);
		}
	if (parts & PART_LIMIT) {
		put_u32(b, box->limit.max);
		put_u8(b, (unsigned)box->limit.side);
		put_u8(b, box->limit.unread);
		for (s = FAR; s <= NEAR; s++)
			put_u32(b, box->limit.here[s]);
	}
}

static void
take_tail(struct reader *r, struct box_record *box)
{
	unsigned parts;
	enum side s;

	box->side[FAR].above = box->side[NEAR].above = "";
	if (r->is_bad || r->at == r->end)
		return;
	parts = take_below(r, PART_END);
	for (s = FAR; s <= NEAR; s++)
		if (parts & PART_SHOWN)
			take_shown(r, &box->side[s].shown);
	for (s = FAR; s <= NEAR; s++)
		if (parts & PART_PLACE)
			take_place(r, &box->side[s]);
	for (s = FAR; s <= NEAR; s++)
		if (parts & PART_WEEK)
			take_week(r, box->side[s].week);
	for (s = FAR; s <= NEAR; s++)
		if (parts & PART_REFUSED)
			take_refused(r, &box->side[s]);
	for (s = FAR; s <= NEAR; s++)
		if (parts & PART_FRESH)
			box->side[s].fresh = take_u64(r);
	for (s = FAR; s <= NEAR; s++)
		if (parts & PART_JUDGED)
			box->side[s].shown.judged = take_u32(r);
	for (s = FAR; s <= NEAR; s++)
		if (parts & PART_PASSED) {
			box->side[s].passed.upto = take_u32(r);
			box->side[s].passed.expired = take_u32(r);
		}
	if (parts & PART_LIMIT) {
		box->limit.max = take_u32(r);
		box->limit.side = (enum side)take_below(r, SIDES);
		box->limit.unread = take_below(r, 3);
		for (s = FAR; s <= NEAR; s++)
			box->limit.here[s] = take_u32(r);
	}
}

void
encode_box(struct buf *b, const struct box_record *box)
{
	size_t at = begin(b);

	put_string(b, box->name);
	put_side(b, &box->side[FAR]);
	put_side(b, &box->side[NEAR]);
	put_tail(b, box);
	end(b, at);
}

int
decode_box(struct db_val v, struct box_record *box_r)
{
	struct reader r = open_value(v);

	*box_r = (struct box_record){ 0 };
	box_r->name = take_string(&r);
	take_side(&r, &box_r->side[FAR]);
	take_side(&r, &box_r->side[NEAR]);
	take_tail(&r, box_r);
	return close_value(&r);
}

void
encode_counts(struct buf *b, const struct counts *c)
{
	size_t at = begin(b);

	put_u64(b, c->records);
	put_u64(b, c->unsettled);
	put_u64(b, c->here[FAR]);
	put_u64(b, c->here[NEAR]);
	if (c->has_digest) {
		put_u64(b, c->digest[FAR]);
		put_u64(b, c->digest[NEAR]);
	}
	end(b, at);
}

int
decode_counts(struct db_val v, struct counts *c_r)
{
	struct reader r = open_value(v);

	c_r->records = take_u64(&r);
	c_r->unsettled = take_u64(&r);
	c_r->here[FAR] = take_u64(&r);
	c_r->here[NEAR] = take_u64(&r);
	c_r->has_digest = !r.is_bad && r.at != r.end;
	c_r->digest[FAR] = c_r->has_digest ? take_u64(&r) : 0;
	c_r->digest[NEAR] = c_r->has_digest ? take_u64(&r) : 0;
	return close_value(&r);
}

/* ---- the rest ---- */

void
encode_intent(struct buf *b, const struct intent *i)
{
	size_t at = begin(b);

	put_u8(b, i->kind);
	put_u8(b, i->side);
	put_u32(b, i->box);
	put_u32(b, i->to_box);
	put_u64(b, i->record);
	put_key(b, i->key);
	put_u64(b, i->epoch);
	put_u32(b, i->uidnext);
	put_u64(b, (uint64_t)i->when);
	put_u32(b, i->tries);
	put_u8(b, ident_fields(&i->ident));
	put_ident(b, &i->ident);
	put_string(b, i->server_id != NULL ? i->server_id : "");
	put_u8(b, i->trash);
	put_string(b, i->trash_name != NULL ? i->trash_name : "");
	put_u8(b, i->was_deleted);
	end(b, at);
}

int
decode_intent(struct db_val v, struct intent *i_r)
{
	struct reader r = open_value(v);
	unsigned fields;

	*i_r = (struct intent){ 0 };
	i_r->kind = (enum intent_kind)take_below(&r, INTENT_RENAME + 1);
	i_r->side = (enum side)take_below(&r, SIDES);
	i_r->box = take_u32(&r);
	i_r->to_box = take_u32(&r);
	i_r->record = take_u64(&r);
	i_r->key = take_key(&r);
	i_r->epoch = take_u64(&r);
	i_r->uidnext = take_u32(&r);
	i_r->when = (int64_t)take_u64(&r);
	i_r->tries = take_u32(&r);
	fields = take_below(&r, FIELD_END);
	if (fields & (FIELD_AGREED | FIELD_WHY | FIELD_REFUSALS))
		r.is_bad = true;
	take_ident(&r, fields, &i_r->ident);
	i_r->server_id = take_string(&r);
	i_r->trash_name = "";
	/* Written before there were trashes, it ends here. */
	if (!r.is_bad && r.at != r.end) {
		i_r->trash = (enum intent_trash)take_below(&r, INTENT_IN_TRASH + 1);
		i_r->trash_name = take_string(&r);
		i_r->was_deleted = take_below(&r, 2);
	}
	return close_value(&r);
}

void
encode_log(struct buf *b, const struct log_entry *l)
{
	size_t at = begin(b);

	put_u64(b, (uint64_t)l->when);
	put_u8(b, l->side);
	put_string(b, l->box);
	put_string(b, l->what);
	put_string(b, l->why);
	end(b, at);
}

int
decode_log(struct db_val v, struct log_entry *l_r)
{
	struct reader r = open_value(v);

	*l_r = (struct log_entry){ 0 };
	l_r->when = (int64_t)take_u64(&r);
	l_r->side = (enum side)take_below(&r, SIDES);
	l_r->box = take_string(&r);
	l_r->what = take_string(&r);
	l_r->why = take_string(&r);
	return close_value(&r);
}

void
encode_ids(struct buf *b, const struct ids *ids)
{
	size_t at = begin(b);

	put_u32(b, ids->box);
	put_u64(b, ids->record);
	put_u64(b, ids->intent);
	put_u64(b, ids->log);
	end(b, at);
}

int
decode_ids(struct db_val v, struct ids *ids_r)
{
	struct reader r = open_value(v);

	ids_r->box = take_u32(&r);
	ids_r->record = take_u64(&r);
	ids_r->intent = take_u64(&r);
	ids_r->log = take_u64(&r);
	return close_value(&r);
}

void
encode_u32(struct buf *b, uint32_t n)
{
	size_t at = begin(b);

	put_u32(b, n);
	end(b, at);
}

int
decode_u32(struct db_val v, uint32_t *n_r)
{
	struct reader r = open_value(v);

	*n_r = take_u32(&r);
	return close_value(&r);
}

void
encode_string(struct buf *b, const char *s)
{
	size_t at = begin(b);

	put_string(b, s);
	end(b, at);
}

int
decode_string(struct db_val v, const char **s_r)
{
	struct reader r = open_value(v);

	*s_r = take_string(&r);
	return close_value(&r);
}
