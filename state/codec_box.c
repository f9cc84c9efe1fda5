/* A pair of mailboxes. */
#include "state/codec.h"

#include <assert.h>
#include <string.h>

#include "state/field.h"

enum side_bit { SIDE_KNOWN = 1, SIDE_STEADY = 2, SIDE_ANY_KEYWORD = 4, SIDE_HELD = 8, SIDE_TOLD = 16, SIDE_NAMED = 32,
	SIDE_BLANK = 64, SIDE_MOVED = 128, SIDE_END = 256 };

static void
put_side(struct buf *b, const struct box_side *s)
{
	bool is_named = s->on != NULL && *s->on != '\0', is_moved = s->now != NULL && *s->now != '\0';

	assert(s->cursor.len <= CURSOR_SIZE);
	field_put_u8(b, (s->is_known ? SIDE_KNOWN : 0u) | (s->cursor.is_steady ? SIDE_STEADY : 0u) |
	    (s->mask.has_any_keyword ? SIDE_ANY_KEYWORD : 0u) | (s->was_held ? SIDE_HELD : 0u) |
	    (s->was_told ? SIDE_TOLD : 0u) | (is_named ? SIDE_NAMED : 0u) | (s->is_blank ? SIDE_BLANK : 0u) |
	    (is_moved ? SIDE_MOVED : 0u));
	field_put_u64(b, s->cursor.epoch);
	field_put_u8(b, s->cursor.len);
	buf_add(b, s->cursor.data, s->cursor.len);
	field_put_u32(b, s->mask.sys);
	field_put_string(b, s->mask.kw != NULL ? s->mask.kw : "");
	field_put_string(b, s->mailbox_id != NULL ? s->mailbox_id : "");
	field_put_u64(b, (uint64_t)s->listed);
	field_put_u64(b, s->missing_runs);
	if (is_named)
		field_put_string(b, s->on);
	if (is_moved)
		field_put_string(b, s->now);
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
take_side(struct field_reader *r, struct box_side *s)
{
	unsigned bits = field_take_below(r, SIDE_END);

	s->is_known = bits & SIDE_KNOWN;
	s->cursor.is_steady = bits & SIDE_STEADY;
	s->mask.has_any_keyword = bits & SIDE_ANY_KEYWORD;
	s->was_held = bits & SIDE_HELD;
	s->was_told = bits & SIDE_TOLD;
	s->is_blank = bits & SIDE_BLANK;
	s->cursor.epoch = field_take_u64(r);
	s->cursor.len = (uint8_t)field_take_below(r, CURSOR_SIZE + 1);
	field_take_bytes(r, s->cursor.data, s->cursor.len);
	s->mask.sys = field_take_u32(r);
	s->mask.kw = field_take_string(r);
	s->mailbox_id = field_take_string(r);
	s->listed = (int64_t)field_take_u64(r);
	s->missing_runs = field_take_u64(r);
	s->on = bits & SIDE_NAMED ? field_take_string(r) : "";
	s->now = bits & SIDE_MOVED ? field_take_string(r) : "";
	take_old_words(s);
}

/* The tail of a mailbox: a byte that names the parts that follow, each of both sides; the byte is not there where none does. */
struct part {
	bool (*has)(const struct box_side *s);
	void (*put)(struct buf *b, const struct box_side *s);
	void (*take)(struct field_reader *r, struct box_side *s);
};
enum { PART_LIMIT = 128, PART_END = 256 };	/* the limit is the pair's, not a side's */

static bool
has_shown(const struct box_side *s)
{
	return s->shown.last != 0 || s->shown.most != 0 || s->shown.suspected != 0 || s->shown.held != 0;
}

static void
put_shown(struct buf *b, const struct box_side *s)
{
	field_put_u64(b, s->shown.last);
	field_put_u64(b, s->shown.most);
	field_put_u64(b, s->shown.suspected);
	field_put_u64(b, s->shown.held);
	field_put_u64(b, 0);		/* a number of messages, of an earlier program: it said not which */
}

static void
take_shown(struct field_reader *r, struct box_side *s)
{
	s->shown.last = field_take_u64(r);
	s->shown.most = field_take_u64(r);
	s->shown.suspected = field_take_u64(r);
	s->shown.held = field_take_u64(r);
	field_take_u64(r);
}

enum place_bit { PLACE_LEAVING = 1, PLACE_FOREIGN = 2, PLACE_REVIVED = 4, PLACE_APART = 8, PLACE_DATES = 16, PLACE_END = 32 };

static bool
has_place(const struct box_side *s)
{
	return (s->above != NULL && *s->above != '\0') || s->is_leaving || s->identity != IDENTITY_KEPT || s->is_apart ||
	    s->has_dates;
}

static void
put_place(struct buf *b, const struct box_side *s)
{
	field_put_u8(b, (s->is_leaving ? PLACE_LEAVING : 0u) | (s->identity == IDENTITY_FOREIGN ? PLACE_FOREIGN : 0u) |
	    (s->identity == IDENTITY_REVIVED ? PLACE_REVIVED : 0u) | (s->is_apart ? PLACE_APART : 0u) | (s->has_dates ? PLACE_DATES : 0u));
	field_put_string(b, s->above != NULL ? s->above : "");
}

static void
take_place(struct field_reader *r, struct box_side *s)
{
	unsigned bits = field_take_below(r, PLACE_END);

	s->is_leaving = bits & PLACE_LEAVING;
	s->is_apart |= (bits & PLACE_APART) != 0;
	s->has_dates = bits & PLACE_DATES;
	if (bits & PLACE_FOREIGN)
		s->identity = IDENTITY_FOREIGN;
	else if (bits & PLACE_REVIVED)
		s->identity = IDENTITY_REVIVED;
	s->above = field_take_string(r);
}

static unsigned
count_days(const struct box_day *week)
{
	unsigned i, n = 0;

	for (i = 0; i < BOX_DAYS; i++)
		n += week[i].day != 0;
	return n;
}

static bool
has_week(const struct box_side *s)
{
	return count_days(s->week) != 0;
}

static void
put_week(struct buf *b, const struct box_side *s)
{
	const struct box_day *week = s->week;
	unsigned i;

	field_put_u8(b, count_days(week));
	for (i = 0; i < BOX_DAYS; i++) {
		if (week[i].day == 0)
			continue;
		field_put_u32(b, week[i].day);
		field_put_u32(b, week[i].deleted);
		field_put_u64(b, week[i].shown);
	}
}

static void
take_week(struct field_reader *r, struct box_side *s)
{
	struct box_day *week = s->week;
	unsigned i, n = field_take_below(r, BOX_DAYS + 1);

	for (i = 0; i < n; i++) {
		week[i].day = field_take_u32(r);
		week[i].deleted = field_take_u32(r);
		week[i].shown = field_take_u64(r);
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

	field_put_u32(b, refused.sys);
	field_put_string(b, refused.kw);
	field_put_u32(b, s->doubted);
}

static void
take_refused(struct field_reader *r, struct box_side *s)
{
	s->mask.refused.sys = field_take_u32(r);
	s->mask.refused.kw = field_take_string(r);
	s->doubted = field_take_u32(r);
}

static bool
has_fresh(const struct box_side *s)
{
	return s->fresh != 0;
}

static void
put_fresh(struct buf *b, const struct box_side *s)
{
	field_put_u64(b, s->fresh);
}

static void
take_fresh(struct field_reader *r, struct box_side *s)
{
	s->fresh = field_take_u64(r);
}

static bool
has_judged(const struct box_side *s)
{
	return s->shown.judged != 0;
}

static void
put_judged(struct buf *b, const struct box_side *s)
{
	field_put_u32(b, s->shown.judged);
}

static void
take_judged(struct field_reader *r, struct box_side *s)
{
	s->shown.judged = field_take_u32(r);
}

static bool
has_passed(const struct box_side *s)
{
	return s->passed.upto != 0 || s->passed.expired != 0;
}

static void
put_passed(struct buf *b, const struct box_side *s)
{
	field_put_u32(b, s->passed.upto);
	field_put_u32(b, s->passed.expired);
}

static void
take_passed(struct field_reader *r, struct box_side *s)
{
	s->passed.upto = field_take_u32(r);
	s->passed.expired = field_take_u32(r);
}

/* Their bits are 1, 2, 4 ... in this order, which is that of the bytes. */
static const struct part parts[] = {
	{ has_shown, put_shown, take_shown },
	{ has_place, put_place, take_place },
	{ has_week, put_week, take_week },
	{ has_refused, put_refused, take_refused },
	{ has_fresh, put_fresh, take_fresh },
	{ has_judged, put_judged, take_judged },
	{ has_passed, put_passed, take_passed },
};
enum { PARTS = sizeof parts / sizeof *parts };
_Static_assert(1 << PARTS == PART_LIMIT, "the limit comes behind them");

enum { LIMIT_UNREAD = 3, LIMIT_AGED = 4, LIMIT_END = 8 };	/* unread, and whether the two of an age follow */

static void
put_limit(struct buf *b, const struct box_limit *l)
{
	field_put_u32(b, l->max);
	field_put_u8(b, (unsigned)l->side);
	field_put_u8(b, l->unread | (l->days != 0 ? LIMIT_AGED : 0u));
	for (enum side s = FAR; s <= NEAR; s++)
		field_put_u32(b, l->here[s]);
	if (l->days != 0) {
		field_put_u32(b, l->days);
		field_put_u64(b, (uint64_t)l->next);
	}
}

static void
take_limit(struct field_reader *r, struct box_limit *l)
{
	unsigned bits;

	l->max = field_take_u32(r);
	l->side = (enum side)field_take_below(r, SIDES);
	bits = field_take_below(r, LIMIT_END);
	l->unread = bits & LIMIT_UNREAD;
	for (enum side s = FAR; s <= NEAR; s++)
		l->here[s] = field_take_u32(r);
	if (bits & LIMIT_AGED) {
		l->days = field_take_u32(r);
		l->next = (int64_t)field_take_u64(r);
	}
}

static void
put_tail(struct buf *b, const struct box_record *box)
{
	unsigned named = box_limit_is_set(&box->limit) ? PART_LIMIT : 0;

	for (unsigned p = 0; p < PARTS; p++)
		named |= parts[p].has(&box->side[FAR]) || parts[p].has(&box->side[NEAR]) ? 1u << p : 0u;
	if (named == 0)
		return;
	field_put_u8(b, named);
	for (unsigned p = 0; p < PARTS; p++)
		for (enum side s = FAR; named & 1u << p && s <= NEAR; s++)
			parts[p].put(b, &box->side[s]);
	if (named & PART_LIMIT)
		put_limit(b, &box->limit);
}

static void
take_tail(struct field_reader *r, struct box_record *box)
{
	unsigned named;

	box->side[FAR].above = box->side[NEAR].above = "";
	if (r->is_bad || field_is_at_end(r))
		return;
	named = field_take_below(r, PART_END);
	for (unsigned p = 0; p < PARTS; p++)
		for (enum side s = FAR; named & 1u << p && s <= NEAR; s++)
			parts[p].take(r, &box->side[s]);
	if (named & PART_LIMIT)
		take_limit(r, &box->limit);
}

void
encode_box(struct buf *b, const struct box_record *box)
{
	size_t at = field_begin(b);

	field_put_string(b, box->name);
	put_side(b, &box->side[FAR]);
	put_side(b, &box->side[NEAR]);
	put_tail(b, box);
	field_end(b, at);
}

int
decode_box(struct db_val v, struct box_record *box_r)
{
	struct field_reader r = field_open(v);

	*box_r = (struct box_record){ 0 };
	box_r->name = field_take_string(&r);
	take_side(&r, &box_r->side[FAR]);
	take_side(&r, &box_r->side[NEAR]);
	take_tail(&r, box_r);
	return field_close(&r);
}
