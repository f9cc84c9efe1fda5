/* state/codec and state/dump: what is random goes through bytes, through a base and through text
 * unchanged; what is cut or changed is an error and never more than that. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "state/base/mem.h"
#include "state/codec.h"
#include "state/dump.h"
#include "state/inside.h"
#include "state/text.h"

static uint32_t dice = 3;

#define OK(call) do { if ((call) < 0) fail_msg("%s: %s", #call, e.text); } while (0)

static uint32_t
roll(uint32_t below)
{
	dice = dice * 1664525u + 1013904223u;
	return (uint32_t)(((uint64_t)dice * below) >> 32);
}

static uint64_t
roll_wide(void)
{
	uint64_t n = (uint64_t)roll(UINT32_MAX) << 32 | roll(UINT32_MAX);

	return n >> roll(64);
}

/* Any bytes but NUL, now and then none, now and then many. */
static const char *
roll_string(struct arena *a)
{
	size_t i, len = roll(3) == 0 ? 0 : roll(40) == 0 ? roll(3000) : roll(20);
	char *s = arena_alloc(a, len + 1);

	for (i = 0; i < len; i++)
		s[i] = (char)(1 + roll(255));
	return s;
}

static struct key
roll_key(struct arena *a)
{
	size_t i, len = roll(4) == 0 ? 4 : roll(30) == 0 ? 400 + roll(400) : 1 + roll(30);
	char *s = arena_alloc(a, len);

	for (i = 0; i < len; i++)
		s[i] = (char)(roll(8) ? '#' + (int)roll(60) : (int)roll(256));
	if (len == 4 && roll(2))
		s[0] = 0;
	return (struct key){ s, (uint32_t)len };
}

static struct ident
roll_ident(void)
{
	struct ident i = { .has = roll(8) | (roll(4) ? 0 : IDENT_TRIMMED | IDENT_PLACEHOLDER) };
	size_t n;

	if (i.has & IDENT_SIZE)
		i.size = roll_wide();
	for (n = 0; n < 16; n++) {
		i.header[n] = (unsigned char)(i.has & IDENT_HEADER ? roll(256) : 0);
		i.full[n] = (unsigned char)(i.has & IDENT_FULL ? roll(256) : 0);
	}
	return i;
}

static struct record
roll_record(struct arena *a)
{
	struct record r = record_blank(0);
	enum side side;

	r.mark = (enum record_mark)roll(MARK_REPLACED + 1);
	r.why = roll_string(a);
	r.refusals = roll(3) ? 0 : roll(256);
	r.trouble = roll(3) ? TROUBLE_NONE : (enum record_trouble)roll(TROUBLE_LEFT_OUT + 1);
	r.placeholder = (enum record_placeholder)roll(PLACEHOLDER_NO_MORE + 1);
	r.instead = roll(4) ? 0 : roll_wide();
	r.troubled = r.trouble != TROUBLE_NONE ? 1 + roll(255) : 0;
	r.ident = roll_ident();
	r.has_agreed = roll(2);
	if (r.has_agreed)
		r.agreed = (struct flags){ roll(3) ? roll(64) : roll(UINT32_MAX), roll_string(a) };
	for (side = FAR; side <= NEAR; side++) {
		struct record_half *h = &r.half[side];

		h->presence = (enum presence)roll(4);
		if (h->presence == PRESENCE_HERE || h->presence == PRESENCE_BEYOND || (h->presence == PRESENCE_GONE && roll(4)))
			h->key = roll_key(a);
		h->basis = (enum half_basis)(roll(2) ? roll(BASIS_BEYOND + 1) : 0);
		h->flags = (struct flags){ roll(3) ? roll(64) : roll(UINT32_MAX), roll_string(a) };
		h->hint = roll_string(a);
		h->size = roll(2) ? roll_wide() : 0;
		h->date = roll(2) ? (int64_t)roll_wide() - (1 << 20) : 0;
		h->server_id = roll_string(a);
		h->is_sent = roll(4) == 0;
	}
	return r;
}

static void
assert_ident_equal(const struct ident *a, const struct ident *b)
{
	assert_int_equal(a->has, b->has);
	assert_int_equal(a->size, b->size);
	assert_memory_equal(a->header, b->header, 16);
	assert_memory_equal(a->full, b->full, 16);
}

static void
assert_record_equal(const struct record *a, const struct record *b)
{
	enum side side;

	assert_int_equal(a->mark, b->mark);
	assert_string_equal(a->why, b->why);
	assert_int_equal(a->refusals, b->refusals);
	assert_int_equal(a->trouble, b->trouble);
	assert_int_equal(a->troubled, b->troubled);
	assert_int_equal(a->placeholder, b->placeholder);
	assert_int_equal(a->instead, b->instead);
	assert_int_equal(a->has_agreed, b->has_agreed);
	assert_int_equal(a->agreed.sys, b->agreed.sys);
	assert_string_equal(a->agreed.kw, b->agreed.kw);
	assert_ident_equal(&a->ident, &b->ident);
	for (side = FAR; side <= NEAR; side++) {
		const struct record_half *x = &a->half[side], *y = &b->half[side];

		assert_int_equal(x->presence, y->presence);
		assert_int_equal(x->basis, y->basis);
		assert_true(key_equal(x->key, y->key));
		assert_int_equal(x->flags.sys, y->flags.sys);
		assert_string_equal(x->flags.kw, y->flags.kw);
		assert_string_equal(x->hint, y->hint);
		assert_int_equal(x->size, y->size);
		assert_int_equal(x->date, y->date);
		assert_string_equal(x->server_id, y->server_id);
		assert_int_equal(x->is_sent, y->is_sent);
	}
}

static struct box_record
roll_box(struct arena *a)
{
	struct box_record b = { .name = roll_string(a) };
	enum side side;
	size_t i;

	for (side = FAR; side <= NEAR; side++) {
		struct box_side *s = &b.side[side];

		s->is_known = roll(2);
		s->cursor.epoch = roll_wide();
		s->cursor.is_steady = roll(2);
		s->cursor.len = (uint8_t)roll(CURSOR_SIZE + 1);
		for (i = 0; i < s->cursor.len; i++)
			s->cursor.data[i] = (unsigned char)roll(256);
		s->mask = (struct flag_mask){ .sys = roll(64), .has_any_keyword = roll(2), .kw = roll_string(a),
			.refused = { .kw = "" } };
		if (roll(3) == 0)
			s->mask.refused = (struct flags){ roll(64), roll_string(a) };
		s->doubted = roll(3) ? 0 : roll(64);
		s->identity = (enum box_identity)roll(IDENTITY_REVIVED + 1);
		s->is_apart = roll(2);
		s->has_dates = roll(2);
		s->mailbox_id = roll_string(a);
		if (strcmp(s->mailbox_id, "-") == 0)
			s->mailbox_id = "";	/* an old word (test_old_words_of_mailboxes) */
		s->on = roll_string(a);
		s->listed = (int64_t)roll_wide() - 5;
		s->missing_runs = roll(3);
		if (roll(2))
			s->shown = (struct box_shown){ roll(1000), roll(1000), roll(20), roll(20), roll(3) ? 0 : roll(UINT32_MAX) };
	}
	if (roll(3) == 0)
		b.limit = (struct box_limit){ .max = 1 + roll(1000), .side = (enum side)roll(SIDES), .unread = roll(3),
			.here = { roll(UINT32_MAX), roll(UINT32_MAX) } };
	if (roll(3) == 0) {
		b.limit.days = 1 + roll(1000);
		b.limit.next = (int64_t)roll_wide();
	}
	return b;
}

static struct intent
roll_intent(struct arena *a)
{
	return (struct intent){ .kind = (enum intent_kind)roll(INTENT_EXPUNGE + 1), .side = (enum side)roll(SIDES),
		.box = roll(100), .to_box = roll(100), .record = roll_wide(), .key = roll(3) ? roll_key(a) : KEY_NONE,
		.epoch = roll_wide(), .uidnext = roll(UINT32_MAX), .ident = roll_ident(),
		.when = (int64_t)roll_wide() - 5, .tries = roll(4), .trash = (enum intent_trash)roll(INTENT_IN_TRASH + 1),
		.trash_name = roll_string(a), .was_deleted = roll(2) };
}

/* Decodes exactly `len` bytes, so that the sanitizers see a read beyond them. 0/-1 */
static int
decode_any(int kind, const char *data, size_t len)
{
	struct db_val v = { len != 0 ? mem_dup(data, len) : NULL, len };
	struct record r;
	struct box_record box;
	struct intent i;
	struct log_entry l;
	struct seen seen;
	struct counts counts;
	struct ids ids;
	const char *s;
	bool is_unsettled;
	uint32_t n;
	int got = 0;

	switch (kind) {
	case 0: got = decode_record(v, &r, &is_unsettled); break;
	case 1: got = decode_box(v, &box); break;
	case 2: got = decode_intent(v, &i); break;
	case 3: got = decode_log(v, &l); break;
	case 4: got = decode_seen(v, &seen); break;
	case 5: got = decode_counts(v, &counts); break;
	case 6: got = decode_ids(v, &ids); break;
	case 7: got = decode_u32(v, &n); break;
	case 8: got = decode_string(v, &s); break;
	}
	free((void *)v.data);
	return got;
}

enum { KINDS = 9 };

static void
encode_any(int kind, struct arena *a, struct buf *b)
{
	struct record r = roll_record(a);
	struct box_record box = roll_box(a);
	struct intent i = roll_intent(a);
	struct log_entry l = { .when = 5, .side = NEAR, .box = roll_string(a), .what = "w", .why = "y",
		.subject = roll(2) != 0 ? roll_string(a) : NULL };
	struct seen seen = { roll_wide(), PRESENCE_GONE, 3, 4 };
	struct counts counts = { 1, 2, { 3, roll_wide() }, true, { roll_wide(), 4 } };
	struct ids ids = { 1, 2, 3, roll_wide() };

	buf_clear(b);
	switch (kind) {
	case 0: encode_record(b, &r, roll(2)); break;
	case 1: encode_box(b, &box); break;
	case 2: encode_intent(b, &i); break;
	case 3: encode_log(b, &l); break;
	case 4: encode_seen(b, &seen); break;
	case 5: encode_counts(b, &counts); break;
	case 6: encode_ids(b, &ids); break;
	case 7: encode_u32(b, roll(1000)); break;
	case 8: encode_string(b, roll_string(a)); break;
	}
}

static void
test_records_come_back_as_they_were(void **state)
{
	struct arena a = { 0 };
	struct buf b = { 0 };
	struct record r, got;
	struct box_record box, box_got;
	struct intent in, in_got;
	bool is_unsettled, got_unsettled;
	int i;

	(void)state;
	for (i = 0; i < 3000; i++) {
		r = roll_record(&a);
		is_unsettled = roll(2);
		buf_clear(&b);
		encode_record(&b, &r, is_unsettled);
		assert_int_equal(decode_record(state_buf_val(&b), &got, &got_unsettled), 0);
		assert_record_equal(&r, &got);
		assert_int_equal(is_unsettled, got_unsettled);

		box = roll_box(&a);
		buf_clear(&b);
		encode_box(&b, &box);
		assert_int_equal(decode_box(state_buf_val(&b), &box_got), 0);
		assert_string_equal(box.name, box_got.name);
		assert_memory_equal(&box.side[NEAR].cursor, &box_got.side[NEAR].cursor, sizeof box.side[NEAR].cursor);
		assert_string_equal(box.side[FAR].mask.kw, box_got.side[FAR].mask.kw);
		assert_true(flag_mask_equal(&box.side[FAR].mask, &box_got.side[FAR].mask));
		assert_true(flag_mask_equal(&box.side[NEAR].mask, &box_got.side[NEAR].mask));
		assert_int_equal(box.side[NEAR].doubted, box_got.side[NEAR].doubted);
		assert_int_equal(box.side[FAR].mask.has_any_keyword, box_got.side[FAR].mask.has_any_keyword);
		assert_string_equal(box.side[NEAR].mailbox_id, box_got.side[NEAR].mailbox_id);
		assert_int_equal(box.side[FAR].identity, box_got.side[FAR].identity);
		assert_int_equal(box.side[NEAR].is_apart, box_got.side[NEAR].is_apart);
		assert_int_equal(box.side[NEAR].listed, box_got.side[NEAR].listed);
		assert_string_equal(box.side[FAR].on, box_got.side[FAR].on);
		assert_string_equal(box.side[NEAR].on, box_got.side[NEAR].on);
		assert_int_equal(box.side[FAR].shown.held, box_got.side[FAR].shown.held);
		assert_int_equal(box.side[NEAR].shown.most, box_got.side[NEAR].shown.most);
		assert_int_equal(box.side[FAR].shown.judged, box_got.side[FAR].shown.judged);
		assert_memory_equal(&box.limit, &box_got.limit, sizeof box.limit);

		in = roll_intent(&a);
		buf_clear(&b);
		encode_intent(&b, &in);
		assert_int_equal(decode_intent(state_buf_val(&b), &in_got), 0);
		assert_ident_equal(&in.ident, &in_got.ident);
		assert_true(key_equal(in.key, in_got.key));
		assert_int_equal(in.trash, in_got.trash);
		assert_string_equal(in.trash_name, in_got.trash_name);
		assert_int_equal(in.was_deleted, in_got.was_deleted);
		arena_release(&a);
	}
	buf_release(&b);
}

/* A base written when a guess was told by its key. */
static void
test_an_old_guess_is_one_still(void **state)
{
	static const struct { const char *key, *hint; enum half_basis basis; } halves[] = {
		{ "was:17", "", BASIS_GUESSED }, { "left:17", "", BASIS_LISTED }, { "was:17", "cur:2,S", BASIS_LISTED },
		{ "was:", "", BASIS_LISTED }, { "was:1x", "", BASIS_LISTED }, { "was", "", BASIS_LISTED },
	};
	struct record r = record_blank(0), got;
	struct buf b = { 0 };
	bool is_unsettled;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof halves / sizeof halves[0]; i++) {
		r.half[FAR] = RECORD_HALF_NEVER;
		r.half[FAR].presence = PRESENCE_GONE;
		r.half[FAR].key = key_from_string(halves[i].key);
		r.half[FAR].hint = halves[i].hint;
		buf_clear(&b);
		encode_record(&b, &r, true);
		assert_int_equal(decode_record(state_buf_val(&b), &got, &is_unsettled), 0);
		assert_int_equal(got.half[FAR].basis, halves[i].basis);
		assert_true(key_equal(got.half[FAR].key, r.half[FAR].key));
	}
	/* One that is here is no guess, whatever it is called. */
	r.half[FAR].key = key_from_string("was:17");
	r.half[FAR].presence = PRESENCE_HERE;
	r.half[FAR].hint = "";
	buf_clear(&b);
	encode_record(&b, &r, true);
	assert_int_equal(decode_record(state_buf_val(&b), &got, &is_unsettled), 0);
	assert_int_equal(got.half[FAR].basis, BASIS_LISTED);
	buf_release(&b);
}

/* CRC-32, as it ends each value. zlib.h has a FAR of its own. */
static uint32_t
crc32_of(const char *p, size_t len)
{
	uint32_t sum = UINT32_MAX;
	int bit;

	for (; len > 0; p++, len--)
		for (sum ^= (unsigned char)*p, bit = 0; bit < 8; bit++)
			sum = sum >> 1 ^ (sum & 1 ? 0xedb88320u : 0);
	return ~sum;
}

/* A base written when blanks around colons counted. */
static void
test_old_digests_are_old(void **state)
{
	enum { FIELDS = 3, WAS = 64, IS = 128 };	/* behind version, bits and mark */
	struct record r = record_blank(0), got;
	struct buf b = { 0 };
	bool is_unsettled;
	uint32_t sum;
	size_t i;

	(void)state;
	r.ident = (struct ident){ .size = 5, .header = "header", .has = IDENT_SIZE | IDENT_HEADER | IDENT_TRIMMED };
	encode_record(&b, &r, true);
	assert_int_equal(decode_record(state_buf_val(&b), &got, &is_unsettled), 0);
	assert_false(ident_is_old(&got.ident));
	assert_true(b.data[FIELDS] & IS);
	b.data[FIELDS] = (char)((b.data[FIELDS] & ~IS) | WAS);
	sum = crc32_of(b.data, b.len - sizeof sum);
	for (i = 1; i <= sizeof sum; i++, sum >>= 8)
		b.data[b.len - i] = (char)sum;
	assert_int_equal(decode_record(state_buf_val(&b), &got, &is_unsettled), 0);
	assert_true(ident_is_old(&got.ident));
	assert_memory_equal(got.ident.header, r.ident.header, sizeof r.ident.header);
	buf_release(&b);
}

/* A base written when epochs that no store gives, and an identity that none has, meant these. */
static void
test_old_words_of_mailboxes(void **state)
{
	static const struct { uint64_t epoch; uint8_t len; const char *id; enum box_identity identity; bool is_apart; } sides[] = {
		{ UINT64_MAX, 0, "", IDENTITY_FOREIGN, false }, { UINT64_MAX - 1, 0, "-", IDENTITY_REVIVED, true },
		{ UINT64_MAX - 2, 0, "--", IDENTITY_KEPT, false }, { UINT64_MAX, 4, "m", IDENTITY_KEPT, false }, { 0, 0, "-", IDENTITY_KEPT, true },
	};
	struct buf b = { 0 };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof sides / sizeof sides[0]; i++) {
		struct box_record box = { .name = "a" }, got;
		struct box_side *s = &box.side[FAR];

		s->cursor = (struct cursor){ .epoch = sides[i].epoch, .len = sides[i].len };
		s->mailbox_id = sides[i].id;
		buf_clear(&b);
		encode_box(&b, &box);
		assert_int_equal(decode_box(state_buf_val(&b), &got), 0);
		s = &got.side[FAR];
		assert_int_equal(s->identity, sides[i].identity);
		assert_int_equal(s->is_apart, sides[i].is_apart);
		assert_true(s->cursor.epoch == (sides[i].identity == IDENTITY_KEPT ? sides[i].epoch : 0));
		assert_string_equal(s->mailbox_id, sides[i].is_apart ? "" : sides[i].id);
	}
	buf_release(&b);
}

static void
test_cut_and_changed_values_are_errors(void **state)
{
	struct arena a = { 0 };
	struct buf b = { 0 };
	size_t len, at;
	char was;
	int kind, i, bit;

	(void)state;
	for (i = 0; i < 40; i++)
		for (kind = 0; kind < KINDS; kind++) {
			encode_any(kind, &a, &b);
			assert_int_equal(decode_any(kind, b.data, b.len), 0);
			for (len = 0; len < b.len; len += b.len > 500 ? 37 : 1)
				assert_int_equal(decode_any(kind, b.data, len), -1);
			for (bit = 0; bit < 60; bit++) {
				at = roll((uint32_t)b.len);
				was = b.data[at];
				b.data[at] = (char)(was ^ (1 << roll(8)));
				assert_int_equal(decode_any(kind, b.data, b.len), -1);
				b.data[at] = was;
			}
			buf_addc(&b, 'x');
			assert_int_equal(decode_any(kind, b.data, b.len), -1);
			arena_release(&a);
		}
	buf_release(&b);
}

/* CRC-32 bit by bit: not the code under test. */
static void
add_checksum(struct buf *b)
{
	uint32_t crc = 0xFFFFFFFFu;
	size_t at;
	int bit;

	for (at = 0; at < b->len; at++)
		for (crc ^= (unsigned char)b->data[at], bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (0xEDB88320u & (0u - (crc & 1)));
	for (bit = 24; bit >= 0; bit -= 8)
		buf_addc(b, (char)(~crc >> bit));
}

/* Even with a checksum that fits, nothing but errors comes of bytes that make no sense. */
static void
test_nonsense_with_a_good_checksum_is_harmless(void **state)
{
	struct arena a = { 0 };
	struct buf b = { 0 }, framed = { 0 };
	int kind, i, n, bad = 0;

	(void)state;
	for (i = 0; i < 300; i++)
		for (kind = 0; kind < KINDS; kind++) {
			encode_any(kind, &a, &b);
			for (n = (int)roll(6); n >= 0; n--)
				b.data[1 + roll((uint32_t)b.len - 5)] = (char)roll(256);
			buf_clear(&framed);
			buf_add(&framed, b.data, b.len - 4 - (roll(4) == 0 ? roll((uint32_t)b.len - 5) : 0));
			add_checksum(&framed);
			bad += decode_any(kind, framed.data, framed.len) != 0;
			arena_release(&a);
		}
	assert_true(bad > 300);
	buf_release(&b);
	buf_release(&framed);
}

/* ---- text ---- */

static struct state *
open_memory(struct db_memory *m)
{
	struct state *s;
	struct err e;

	OK(state_open_memory(m, "work", &s, &e));
	return s;
}

static void
fill(struct state *s)
{
	struct arena a = { 0 };
	struct box_record b;
	struct record r;
	struct intent in;
	struct log_entry l;
	struct err e;
	int i;

	OK(state_begin(s, &e));
	for (i = 0; i < 12; i++) {
		b = roll_box(&a);
		b.name = arena_printf(&a, "%s/%d", b.name, i);
		OK(box_put(s, &b, &e));
	}
	OK(box_delete(s, 5, &e));
	for (i = 0; i < 400; i++) {
		r = roll_record(&a);
		r.box = 1 + roll(4);
		OK(message_store(s, &r, roll(2), &e));
	}
	for (i = 0; i < 40; i++) {
		in = roll_intent(&a);
		OK(intent_put(s, &in, &e));
		l = (struct log_entry){ .when = (int64_t)roll(1 << 30), .side = (enum side)roll(2),
			.box = roll_string(&a), .what = roll_string(&a), .why = roll_string(&a) };
		if (roll(2) != 0) {
			l.from = roll_string(&a);
			l.subject = roll_string(&a);
			l.date = roll(1 << 30);
		}
		OK(log_add(s, &l, &e));
		OK(memory_put(s, arena_printf(&a, "%d %s", i, roll_string(&a)), roll_string(&a), &e));
	}
	OK(intent_delete(s, 3, &e));
	OK(state_commit(s, &e));
	arena_release(&a);
}

static char *
dump(struct state *s, size_t *len)
{
	char *text;
	FILE *f = open_memstream(&text, len);
	struct err e;

	OK(state_dump(s, f, &e));
	fclose(f);
	return text;
}

/* Equal states have equal texts, whether a transaction is open or not. */
static void
test_a_dump_is_the_same_again(void **state)
{
	struct db_memory *m = db_memory_new();
	struct state *s = open_memory(m);
	size_t len, again_len;
	char *text, *again;
	struct err e;

	(void)state;
	fill(s);
	text = dump(s, &len);
	OK(state_begin(s, &e));
	again = dump(s, &again_len);
	state_abort(s);
	assert_int_equal(len, again_len);
	assert_memory_equal(text, again, len);
	free(again);
	state_close(&s);
	s = open_memory(m);
	again = dump(s, &again_len);
	assert_int_equal(len, again_len);
	assert_memory_equal(text, again, len);
	free(again);
	free(text);
	state_close(&s);
	db_memory_free(&m);
}

static void
test_a_dump_is_readable(void **state)
{
	static const char want[] =
	    "mailtwin-state 1\n"
	    "next box=2 record=2 intent=1 log=1\n"
	    "box id=1 name=Sent%20Mail far-known=1 far-epoch=17 far-can-flags=DFPRST far-can-all-keywords=1\n"
	    "message id=1 box=1 agreed=S agreed-keywords=$Junk%20Work size=2000 far-key=#12 far-flags=S "
	    "far-keywords=$Junk%20Work near-key=1700000000.M1P2.host near-flags=S near-keywords=$Junk%20Work "
	    "near-hint=cur:2,Sa\n"
	    "end 3\n";
	struct db_memory *m = db_memory_new();
	struct state *s = open_memory(m);
	struct flag_mask masks[SIDES] = { { .sys = FLAG_ALL, .has_any_keyword = true, .kw = "" }, { .sys = FLAG_ALL, .has_any_keyword = true, .kw = "" } };
	struct box_record b = { .name = "Sent Mail" };
	struct arena a = { 0 };
	struct record r;
	struct err e;
	size_t len;
	char *text;

	(void)state;
	b.side[FAR].is_known = true;
	b.side[FAR].cursor.epoch = 17;
	b.side[FAR].mask = masks[FAR];
	OK(state_begin(s, &e));
	OK(box_put(s, &b, &e));
	r = record_blank(b.id);
	r.half[FAR] = (struct record_half){ .presence = PRESENCE_HERE, .key = key_from_uid(&a, 12),
		.flags = { FLAG_SEEN, "$Junk Work" }, .hint = "", .server_id = "" };
	r.half[NEAR] = r.half[FAR];
	r.half[NEAR].key = key_from_string("1700000000.M1P2.host");
	r.half[NEAR].hint = "cur:2,Sa";
	r.ident = (struct ident){ .has = IDENT_SIZE, .size = 2000 };
	record_agree(&a, &r, masks);
	OK(message_put(s, &r, masks, &e));
	OK(state_commit(s, &e));
	text = dump(s, &len);
	assert_string_equal(text, want);
	free(text);
	state_close(&s);
	db_memory_free(&m);
	arena_release(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_records_come_back_as_they_were),
		cmocka_unit_test(test_an_old_guess_is_one_still),
		cmocka_unit_test(test_old_digests_are_old),
		cmocka_unit_test(test_old_words_of_mailboxes),
		cmocka_unit_test(test_cut_and_changed_values_are_errors),
		cmocka_unit_test(test_nonsense_with_a_good_checksum_is_harmless),
		cmocka_unit_test(test_a_dump_is_the_same_again),
		cmocka_unit_test(test_a_dump_is_readable),
	};

	return cmocka_run_group_tests_name("state codec", tests, NULL, NULL);
}
