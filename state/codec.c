#include "state/codec.h"

#include "state/field.h"

void
encode_counts(struct buf *b, const struct counts *c)
{
	size_t at = field_begin(b);

	field_put_u64(b, c->records);
	field_put_u64(b, c->unsettled);
	field_put_u64(b, c->here[FAR]);
	field_put_u64(b, c->here[NEAR]);
	if (c->has_digest) {
		field_put_u64(b, c->digest[FAR]);
		field_put_u64(b, c->digest[NEAR]);
	}
	field_end(b, at);
}

int
decode_counts(struct db_val v, struct counts *c_r)
{
	struct field_reader r = field_open(v);

	c_r->records = field_take_u64(&r);
	c_r->unsettled = field_take_u64(&r);
	c_r->here[FAR] = field_take_u64(&r);
	c_r->here[NEAR] = field_take_u64(&r);
	c_r->has_digest = !r.is_bad && !field_is_at_end(&r);
	c_r->digest[FAR] = c_r->has_digest ? field_take_u64(&r) : 0;
	c_r->digest[NEAR] = c_r->has_digest ? field_take_u64(&r) : 0;
	return field_close(&r);
}

void
encode_log(struct buf *b, const struct log_entry *l)
{
	size_t at = field_begin(b);

	field_put_u64(b, (uint64_t)l->when);
	field_put_u8(b, l->side);
	field_put_string(b, l->box);
	field_put_string(b, l->what);
	field_put_string(b, l->why);
	if (l->from != NULL || l->subject != NULL || l->date != 0) {
		field_put_u64(b, (uint64_t)l->date);
		field_put_string(b, l->from != NULL ? l->from : "");
		field_put_string(b, l->subject != NULL ? l->subject : "");
	}
	field_end(b, at);
}

int
decode_log(struct db_val v, struct log_entry *l_r)
{
	struct field_reader r = field_open(v);

	*l_r = (struct log_entry){ 0 };
	l_r->when = (int64_t)field_take_u64(&r);
	l_r->side = (enum side)field_take_below(&r, SIDES);
	l_r->box = field_take_string(&r);
	l_r->what = field_take_string(&r);
	l_r->why = field_take_string(&r);
	l_r->from = l_r->subject = "";
	if (!r.is_bad && !field_is_at_end(&r)) {
		l_r->date = (int64_t)field_take_u64(&r);
		l_r->from = field_take_string(&r);
		l_r->subject = field_take_string(&r);
	}
	return field_close(&r);
}

void
encode_ids(struct buf *b, const struct ids *ids)
{
	size_t at = field_begin(b);

	field_put_u32(b, ids->box);
	field_put_u64(b, ids->record);
	field_put_u64(b, ids->intent);
	field_put_u64(b, ids->log);
	field_end(b, at);
}

int
decode_ids(struct db_val v, struct ids *ids_r)
{
	struct field_reader r = field_open(v);

	ids_r->box = field_take_u32(&r);
	ids_r->record = field_take_u64(&r);
	ids_r->intent = field_take_u64(&r);
	ids_r->log = field_take_u64(&r);
	return field_close(&r);
}

void
encode_u32(struct buf *b, uint32_t n)
{
	size_t at = field_begin(b);

	field_put_u32(b, n);
	field_end(b, at);
}

int
decode_u32(struct db_val v, uint32_t *n_r)
{
	struct field_reader r = field_open(v);

	*n_r = field_take_u32(&r);
	return field_close(&r);
}

void
encode_string(struct buf *b, const char *s)
{
	size_t at = field_begin(b);

	field_put_string(b, s);
	field_end(b, at);
}

int
decode_string(struct db_val v, const char **s_r)
{
	struct field_reader r = field_open(v);

	*s_r = field_take_string(&r);
	return field_close(&r);
}
