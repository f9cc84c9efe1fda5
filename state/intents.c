/* Intents: number -> what was about to be done. */
#include "state/base/log.h"
#include "state/inside.h"
#include "state/text.h"

int
intent_put(struct state *s, struct intent *i, struct err *e)
{
	struct state_key k;

	if (i->id == 0)
		i->id = s->ids.intent;
	if (i->id >= s->ids.intent)
		s->ids.intent = i->id + 1;
	k = state_key_u64(i->id);
	log_line(LOG_STATE, "intent %llu: %s on %s, mailbox %lu, record %llu", (unsigned long long)i->id, text_intents[i->kind],
	    side_name(i->side), (unsigned long)i->box, (unsigned long long)i->record);
	buf_clear(&s->value);
	encode_intent(&s->value, i);
	return state_put_changed(s, DB_INTENTS, &k, &s->value, e);
}

int
intent_delete(struct state *s, uint64_t id, struct err *e)
{
	struct state_key k = state_key_u64(id);

	log_line(LOG_STATE, "intent %llu is over", (unsigned long long)id);
	return db_delete(s->db, DB_INTENTS, state_val(&k), e);
}

int
intent_next(struct state *s, struct arena *a, uint64_t after, struct intent *i_r, struct err *e)
{
	struct state_key from = state_key_u64(after);
	struct db_val key, val;
	int got = db_next(s->db, DB_INTENTS, (struct db_val){ NULL, 0 }, state_val(&from), &key, &val, e);

	if (got <= 0)
		return got;
	val.data = arena_dup(a, val.data, val.len);
	if (key.len != 8 || decode_intent(val, i_r) != 0)
		return db_damaged(s->db, "an intent", e);
	i_r->id = state_get_u64(key.data);
	return 1;
}
