/* The log of destructive acts: number -> what, where, why, when. Numbers are given out one after the
 * other and dropped from the front, so first and last tell how many there are. */
#include "state/inside.h"

static int
first_id(struct state *s, uint64_t *id_r, struct err *e)
{
	struct db_val none = { NULL, 0 }, key, val;
	int got = db_next(s->db, DB_LOG, none, none, &key, &val, e);

	if (got > 0 && key.len != 8)
		return db_damaged(s->db, "the log", e);
	if (got > 0)
		*id_r = state_get_u64(key.data);
	return got;
}

int
log_add(struct state *s, const struct log_entry *l, struct err *e)
{
	uint64_t id = l->id != 0 ? l->id : s->ids.log, first = 0;
	struct state_key k = state_key_u64(id);
	int got;

	if (id >= s->ids.log)
		s->ids.log = id + 1;
	buf_clear(&s->value);
	encode_log(&s->value, l);
	if (db_put(s->db, DB_LOG, state_val(&k), state_buf_val(&s->value), e) != 0)
		return -1;
	while ((got = first_id(s, &first, e)) > 0 && s->ids.log - first > LOG_KEPT) {
		k = state_key_u64(first);
		if (db_delete(s->db, DB_LOG, state_val(&k), e) != 0)
			return -1;
	}
	return got < 0 ? -1 : 0;
}

int
log_next(struct state *s, struct arena *a, uint64_t after, struct log_entry *l_r, struct err *e)
{
	struct state_key from = state_key_u64(after);
	struct db_val key, val;
	int got = db_next(s->db, DB_LOG, (struct db_val){ NULL, 0 }, state_val(&from), &key, &val, e);

	if (got <= 0)
		return got;
	val.data = arena_dup(a, val.data, val.len);
	if (key.len != 8 || decode_log(val, l_r) != 0)
		return db_damaged(s->db, "the log", e);
	l_r->id = state_get_u64(key.data);
	return 1;
}
