/* Records by a tag of theirs (idents.c). */
#include "state/inside.h"

int
message_next_tagged(struct state *s, struct arena *a, uint64_t tag, uint64_t after, struct record *r_r, struct err *e)
{
	struct state_key prefix = state_key_u64(tag), from = idents_key(tag, after), place;
	struct db_val key, val;
	uint32_t box;
	uint64_t id;
	int got = db_next(s->db, DB_IDENTS, state_val(&prefix), state_val(&from), &key, &val, e);

	if (got <= 0)
		return got;
	if (key.len != 16)
		return db_damaged(s->db, "the identity of a message", e);
	id = state_get_u64((const char *)key.data + 8);
	place = state_key_u64(id);
	got = db_get(s->db, DB_PLACES, state_val(&place), &val, e);
	if (got > 0 && decode_u32(val, &box) != 0)
		got = 0;
	if (got > 0)
		got = message_get(s, a, box, id, r_r, e);
	return got != 0 ? got : db_damaged(s->db, "an identity leads to no message", e);
}
