/* What is known of a message: its record, what a run sees of it, and intents, which know it by the same identity. */
#include "state/codec.h"

#include <assert.h>
#include <string.h>

#include "state/field.h"

enum record_bit { RECORD_AGREED = 1, RECORD_UNSETTLED = 2, RECORD_TROUBLE = 4, RECORD_SENT_FAR = 8, RECORD_SENT_NEAR = 16,
	RECORD_PLACEHOLDER_FAR = 32, RECORD_PLACEHOLDER_NEAR = 64, RECORD_INSTEAD = 128, RECORD_END = 256 };
enum record_field {
	FIELD_AGREED = 1, FIELD_WHY = 2, FIELD_SIZE = 4, FIELD_HEADER = 8, FIELD_FULL = 16, FIELD_REFUSALS = 32,
	FIELD_TRIMMED_LESS = 64,	/* of an earlier program; with FIELD_TRIMMED: of a placeholder */
	FIELD_TRIMMED = 128, FIELD_END = 256
};
enum half_field {
	HALF_KEY = 1, HALF_SYS = 2, HALF_KW = 4, HALF_HINT = 8, HALF_SIZE = 16, HALF_DATE = 32,
	HALF_SERVER_ID = 64, HALF_BASIS = 128, HALF_END = 256
};

static unsigned
ident_fields(const struct ident *i)
{
	return (i->has & IDENT_SIZE ? FIELD_SIZE : 0u) | (i->has & IDENT_HEADER ? FIELD_HEADER : 0u) |
	    (i->has & IDENT_FULL ? FIELD_FULL : 0u) | (i->has & IDENT_TRIMMED ? FIELD_TRIMMED : 0u) |
	    (i->has & IDENT_PLACEHOLDER ? FIELD_TRIMMED | FIELD_TRIMMED_LESS : 0u);
}

static void
put_ident(struct buf *b, const struct ident *i)
{
	if (i->has & IDENT_SIZE)
		field_put_u64(b, i->size);
	if (i->has & IDENT_HEADER)
		buf_add(b, i->header, sizeof i->header);
	if (i->has & IDENT_FULL)
		buf_add(b, i->full, sizeof i->full);
}

static void
take_ident(struct field_reader *r, unsigned fields, struct ident *i)
{
	*i = (struct ident){ .has = fields & FIELD_TRIMMED ? IDENT_TRIMMED : 0 };
	if ((fields & FIELD_TRIMMED) && (fields & FIELD_TRIMMED_LESS))
		i->has |= IDENT_PLACEHOLDER;
	if (fields & FIELD_SIZE) {
		i->has |= IDENT_SIZE;
		i->size = field_take_u64(r);
	}
	if (fields & FIELD_HEADER) {
		i->has |= IDENT_HEADER;
		field_take_bytes(r, i->header, sizeof i->header);
	}
	if (fields & FIELD_FULL) {
		i->has |= IDENT_FULL;
		field_take_bytes(r, i->full, sizeof i->full);
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
	field_put_u8(b, h->presence);
	field_put_u8(b, fields);
	if (fields & HALF_KEY)
		field_put_key(b, h->key);
	if (fields & HALF_SYS)
		field_put_u32(b, h->flags.sys);
	if (fields & HALF_KW)
		field_put_string(b, h->flags.kw);
	if (fields & HALF_HINT)
		field_put_string(b, h->hint);
	if (fields & HALF_SIZE)
		field_put_u64(b, h->size);
	if (fields & HALF_DATE)
		field_put_u64(b, (uint64_t)h->date);
	if (fields & HALF_SERVER_ID)
		field_put_string(b, h->server_id);
	if (fields & HALF_BASIS)
		field_put_u8(b, h->basis);
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
take_half(struct field_reader *r, struct record_half *h)
{
	unsigned fields;

	h->presence = (enum presence)field_take_below(r, PRESENCE_BEYOND + 1);
	fields = field_take_below(r, HALF_END);
	h->key = fields & HALF_KEY ? field_take_key(r) : KEY_NONE;
	h->flags.sys = fields & HALF_SYS ? field_take_u32(r) : 0;
	h->flags.kw = fields & HALF_KW ? field_take_string(r) : "";
	h->hint = fields & HALF_HINT ? field_take_string(r) : "";
	h->size = fields & HALF_SIZE ? field_take_u64(r) : 0;
	h->date = fields & HALF_DATE ? (int64_t)field_take_u64(r) : 0;
	h->server_id = fields & HALF_SERVER_ID ? field_take_string(r) : "";
	h->basis = fields & HALF_BASIS ? (enum half_basis)field_take_below(r, BASIS_BEYOND + 1) : BASIS_LISTED;
	if (h->presence == PRESENCE_GONE && fields == HALF_KEY && is_guessed_key(h->key))
		h->basis = BASIS_GUESSED;
	if (!is_key_right(h))
		r->is_bad = true;
}

static unsigned
placeholder_bit(enum record_placeholder p)
{
	return (p == PLACEHOLDER_FAR || p == PLACEHOLDER_NO_MORE ? RECORD_PLACEHOLDER_FAR : 0u) |
	    (p == PLACEHOLDER_NEAR || p == PLACEHOLDER_NO_MORE ? RECORD_PLACEHOLDER_NEAR : 0u);
}

void
encode_record(struct buf *b, const struct record *r, bool is_unsettled)
{
	bool has_agreed = r->has_agreed && !flags_is_none(r->agreed);
	size_t at = field_begin(b);

	field_put_u8(b, (r->has_agreed ? RECORD_AGREED : 0u) | (is_unsettled ? RECORD_UNSETTLED : 0u) |
	    (r->trouble != TROUBLE_NONE ? RECORD_TROUBLE : 0u) | (r->half[FAR].is_sent ? RECORD_SENT_FAR : 0u) |
	    (r->half[NEAR].is_sent ? RECORD_SENT_NEAR : 0u) | placeholder_bit(r->placeholder) | (r->instead != 0 ? RECORD_INSTEAD : 0u));
	field_put_u8(b, r->mark);
	field_put_u8(b, (has_agreed ? FIELD_AGREED : 0u) | (*r->why != '\0' ? FIELD_WHY : 0u) |
	    (r->refusals != 0 ? FIELD_REFUSALS : 0u) | ident_fields(&r->ident));
	if (has_agreed) {
		field_put_u32(b, r->agreed.sys);
		field_put_string(b, r->agreed.kw);
	}
	if (*r->why != '\0')
		field_put_string(b, r->why);
	if (r->refusals != 0)
		field_put_u8(b, r->refusals);
	if (r->trouble != TROUBLE_NONE) {
		field_put_u8(b, r->trouble);
		field_put_u8(b, r->troubled);
	}
	if (r->instead != 0)
		field_put_u64(b, r->instead);
	put_ident(b, &r->ident);
	put_half(b, &r->half[FAR]);
	put_half(b, &r->half[NEAR]);
	field_end(b, at);
}

int
decode_record(struct db_val v, struct record *r_r, bool *is_unsettled_r)
{
	struct field_reader r = field_open(v);
	unsigned bits, fields;

	*r_r = record_blank(0);
	bits = field_take_below(&r, RECORD_END);
	r_r->has_agreed = bits & RECORD_AGREED;
	*is_unsettled_r = bits & RECORD_UNSETTLED;
	if ((bits & RECORD_PLACEHOLDER_FAR) && (bits & RECORD_PLACEHOLDER_NEAR))
		r_r->placeholder = PLACEHOLDER_NO_MORE;
	else
		r_r->placeholder = bits & RECORD_PLACEHOLDER_FAR ? PLACEHOLDER_FAR : bits & RECORD_PLACEHOLDER_NEAR ? PLACEHOLDER_NEAR :
		    PLACEHOLDER_NONE;
	r_r->mark = (enum record_mark)field_take_below(&r, MARK_REPLACED + 1);
	fields = field_take_below(&r, FIELD_END);
	if (fields & FIELD_AGREED) {
		r_r->agreed.sys = field_take_u32(&r);
		r_r->agreed.kw = field_take_string(&r);
	}
	if (fields & FIELD_WHY)
		r_r->why = field_take_string(&r);
	if (fields & FIELD_REFUSALS)
		r_r->refusals = field_take_below(&r, 256);
	if (bits & RECORD_TROUBLE) {
		r_r->trouble = (enum record_trouble)field_take_below(&r, TROUBLE_LEFT_OUT + 1);
		r_r->troubled = field_take_below(&r, 256);
	}
	if (bits & RECORD_INSTEAD)
		r_r->instead = field_take_u64(&r);
	take_ident(&r, fields, &r_r->ident);
	take_half(&r, &r_r->half[FAR]);
	take_half(&r, &r_r->half[NEAR]);
	r_r->half[FAR].is_sent = bits & RECORD_SENT_FAR;
	r_r->half[NEAR].is_sent = bits & RECORD_SENT_NEAR;
	return field_close(&r);
}

void
encode_seen(struct buf *b, const struct seen *s)
{
	size_t at = field_begin(b);

	field_put_u64(b, s->id);
	field_put_u8(b, s->presence);
	field_put_u32(b, s->sys);
	field_put_u32(b, s->tail);
	field_end(b, at);
}

int
decode_seen(struct db_val v, struct seen *s_r)
{
	struct field_reader r = field_open(v);

	s_r->id = field_take_u64(&r);
	s_r->presence = (enum presence)field_take_below(&r, PRESENCE_BEYOND + 1);
	s_r->sys = field_take_u32(&r);
	s_r->tail = field_take_u32(&r);
	return field_close(&r);
}

void
encode_intent(struct buf *b, const struct intent *i)
{
	size_t at = field_begin(b);

	field_put_u8(b, i->kind);
	field_put_u8(b, i->side);
	field_put_u32(b, i->box);
	field_put_u32(b, i->to_box);
	field_put_u64(b, i->record);
	field_put_key(b, i->key);
	field_put_u64(b, i->epoch);
	field_put_u32(b, i->uidnext);
	field_put_u64(b, (uint64_t)i->when);
	field_put_u32(b, i->tries);
	field_put_u8(b, ident_fields(&i->ident));
	put_ident(b, &i->ident);
	field_put_string(b, i->server_id != NULL ? i->server_id : "");
	field_put_u8(b, i->trash);
	field_put_string(b, i->trash_name != NULL ? i->trash_name : "");
	field_put_u8(b, i->was_deleted);
	field_end(b, at);
}

int
decode_intent(struct db_val v, struct intent *i_r)
{
	struct field_reader r = field_open(v);
	unsigned fields;

	*i_r = (struct intent){ 0 };
	i_r->kind = (enum intent_kind)field_take_below(&r, INTENT_RENAME + 1);
	i_r->side = (enum side)field_take_below(&r, SIDES);
	i_r->box = field_take_u32(&r);
	i_r->to_box = field_take_u32(&r);
	i_r->record = field_take_u64(&r);
	i_r->key = field_take_key(&r);
	i_r->epoch = field_take_u64(&r);
	i_r->uidnext = field_take_u32(&r);
	i_r->when = (int64_t)field_take_u64(&r);
	i_r->tries = field_take_u32(&r);
	fields = field_take_below(&r, FIELD_END);
	if (fields & (FIELD_AGREED | FIELD_WHY | FIELD_REFUSALS))
		r.is_bad = true;
	take_ident(&r, fields, &i_r->ident);
	i_r->server_id = field_take_string(&r);
	i_r->trash_name = "";
	/* Written before there were trashes, it ends here. */
	if (!r.is_bad && !field_is_at_end(&r)) {
		i_r->trash = (enum intent_trash)field_take_below(&r, INTENT_IN_TRASH + 1);
		i_r->trash_name = field_take_string(&r);
		i_r->was_deleted = field_take_below(&r, 2);
	}
	return field_close(&r);
}
