/* Mailbox pairs: 'B' number -> record, 'C' number -> counts, 'N' name -> number. */
#include <string.h>

#include "state/base/log.h"
#include "state/inside.h"
#include "state/names.h"

/* ---- names ---- */

static struct db_val
name_val(const char *name)
{
	return (struct db_val){ name, strlen(name) };
}

/* The number a name leads to. 1/0/-1 */
static int
name_get(struct state *s, const char *name, uint32_t *id_r, struct err *e)
{
	struct state_key prefix = state_key_u8(BOXES_NAME);
	struct db_val val;
	int got = named_get(s->db, DB_BOXES, state_val(&prefix), name_val(name), &val, e);

	if (got > 0 && decode_u32(val, id_r) != 0)
		return db_damaged(s->db, "a mailbox name", e);
	return got;
}

static int
name_put(struct state *s, const char *name, uint32_t id, struct err *e)
{
	struct state_key prefix = state_key_u8(BOXES_NAME);
	uint32_t old;
	int got = name_get(s, name, &old, e);

	if (got < 0 || (got > 0 && old == id))
		return got < 0 ? -1 : 0;
	buf_clear(&s->value);
	encode_u32(&s->value, id);
	return named_put(s->db, DB_BOXES, state_val(&prefix), name_val(name), state_buf_val(&s->value), e);
}

/* Forgets a name, unless another box has taken it over (two that swapped theirs). */
static int
name_delete(struct state *s, const char *name, uint32_t id, struct err *e)
{
	struct state_key prefix = state_key_u8(BOXES_NAME);
	uint32_t holder;
	int got = name_get(s, name, &holder, e);

	if (got <= 0 || holder != id)
		return got < 0 ? -1 : 0;
	return named_delete(s->db, DB_BOXES, state_val(&prefix), name_val(name), e);
}

/* ---- records ---- */

/* Everything but the counts; strings live in the arena. */
static int
record_open(struct state *s, struct arena *a, uint32_t id, struct db_val val, struct box_record *b_r,
    struct err *e)
{
	val.data = arena_dup(a, val.data, val.len);
	if (decode_box(val, b_r) != 0)
		return db_damaged(s->db, "a mailbox", e);
	b_r->id = id;
	return 0;
}

static int
counts_fill(struct state *s, struct box_record *b, struct err *e)
{
	struct box_counts *c = box_counts(s, b->id, e);

	if (c == NULL)
		return -1;
	b->records = c->counts.records;
	b->unsettled = c->counts.unsettled;
	b->side[FAR].here = c->counts.here[FAR];
	b->side[NEAR].here = c->counts.here[NEAR];
	b->side[FAR].has_digest = b->side[NEAR].has_digest = c->counts.has_digest;
	b->side[FAR].digest = c->counts.digest[FAR];
	b->side[NEAR].digest = c->counts.digest[NEAR];
	return 0;
}

static int
record_get(struct state *s, struct arena *a, uint32_t id, struct box_record *b_r, struct err *e)
{
	struct state_key k = state_key_u8_u32(BOXES_RECORD, id);
	struct db_val val;
	int got = db_get(s->db, DB_BOXES, state_val(&k), &val, e);

	if (got > 0 && record_open(s, a, id, val, b_r, e) != 0)
		return -1;
	return got;
}

int
box_get(struct state *s, struct arena *a, uint32_t id, struct box_record *b_r, struct err *e)
{
	int got = record_get(s, a, id, b_r, e);

	if (got > 0 && counts_fill(s, b_r, e) != 0)
		return -1;
	return got;
}

int
box_find(struct state *s, struct arena *a, const char *name, struct box_record *b_r, struct err *e)
{
	uint32_t id;
	int got = name_get(s, name, &id, e);

	if (got <= 0)
		return got;
	got = box_get(s, a, id, b_r, e);
	if (got < 0 || (got > 0 && strcmp(b_r->name, name) == 0))
		return got;
	return db_damaged(s->db, "a mailbox name leads nowhere", e);
}

int
box_put(struct state *s, struct box_record *b, struct err *e)
{
	uint32_t id = b->id != 0 ? b->id : s->ids.box;
	struct state_key k = state_key_u8_u32(BOXES_RECORD, id);
	struct counts none = { .has_digest = true };
	struct box_record old;
	struct arena a = { 0 };
	int got, result = -1;

	got = record_get(s, &a, id, &old, e);
	if (got < 0)
		goto done;
	if (got > 0 && strcmp(old.name, b->name) != 0 && name_delete(s, old.name, id, e) != 0)
		goto done;
	if (got == 0 && box_counts_put(s, id, &none, e) != 0)
		goto done;
	if (name_put(s, b->name, id, e) != 0)
		goto done;
	buf_clear(&s->value);
	encode_box(&s->value, b);
	log_line(LOG_STATE, "mailbox %lu is %s: %s on far, %s on near", (unsigned long)id, b->name,
	    b->side[FAR].is_known ? "known" : "not known", b->side[NEAR].is_known ? "known" : "not known");
	if (state_put_changed(s, DB_BOXES, &k, &s->value, e) != 0)
		goto done;
	b->id = id;
	if (id >= s->ids.box)
		s->ids.box = id + 1;
	result = 0;
done:
	arena_release(&a);
	return result;
}

int
box_all(struct state *s, struct arena *a, struct box_record **all_r, size_t *n_r, struct err *e)
{
	struct state_key prefix = state_key_u8(BOXES_RECORD);
	VEC(struct box_record) all = { 0 };
	struct db_cursor *walk = NULL;
	struct box_record b;
	struct db_val key, val;
	int got, result = -1;

	if (db_walk_begin(s->db, DB_BOXES, state_val(&prefix), &walk, e) != 0)
		goto done;
	while ((got = db_walk_next(walk, &key, &val, e)) > 0) {
		if (key.len != 5) {
			db_damaged(s->db, "the number of a mailbox", e);
			goto done;
		}
		if (record_open(s, a, state_get_u32((const char *)key.data + 1), val, &b, e) != 0 ||
		    counts_fill(s, &b, e) != 0)
			goto done;
		vec_push(&all, b);
	}
	if (got < 0)
		goto done;
	*n_r = all.n;
	*all_r = arena_alloc(a, all.n * sizeof all.at[0]);
	if (all.n != 0)
		memcpy(*all_r, all.at, all.n * sizeof all.at[0]);
	result = 0;
done:
	db_walk_end(&walk);
	vec_release(&all);
	return result;
}

int
box_delete(struct state *s, uint32_t id, struct err *e)
{
	struct state_key record = state_key_u8_u32(BOXES_RECORD, id);
	struct state_key counts = state_key_u8_u32(BOXES_COUNTS, id);
	struct state_key prefix = state_key_u32(id);
	struct db_cursor *walk = NULL;
	struct box_record old;
	struct arena a = { 0 };
	struct db_val key, val;
	int got, result = -1;

	got = record_get(s, &a, id, &old, e);
	if (got <= 0) {
		result = got;
		goto done;
	}
	if (db_walk_begin(s->db, DB_MESSAGES, state_val(&prefix), &walk, e) != 0)
		goto done;
	while ((got = db_walk_next(walk, &key, &val, e)) > 0)
		if (key.len != 12 ||
		    message_delete(s, id, state_get_u64((const char *)key.data + 4), e) != 0)
			break;
	if (got != 0) {
		if (got > 0 && key.len != 12)
			db_damaged(s->db, "the number of a message", e);
		goto done;
	}
	box_counts_forget(s, id);
	if (name_delete(s, old.name, id, e) != 0 || db_delete(s->db, DB_BOXES, state_val(&record), e) != 0 ||
	    db_delete(s->db, DB_BOXES, state_val(&counts), e) != 0)
		goto done;
	result = 0;
done:
	db_walk_end(&walk);
	arena_release(&a);
	return result;
}
