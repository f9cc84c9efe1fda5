/* Message records, and the tables that follow them (and DB_IDENTS, in idents.c).
 *
 *   DB_MESSAGES   box, id -> record        DB_KEYS        box, side, key -> id and what was seen
 *   DB_PLACES     id -> box                DB_UNSETTLED   box, id -> nothing
 *
 * Storing a record compares it with what is stored, and writes what differs: putting the same record
 * again writes nothing, so that a run in which nothing happened commits nothing.
 */
#include <string.h>

#include "state/base/log.h"
#include "state/inside.h"
#include "state/model/seen_digest.h"
#include "state/names.h"
#include "state/text.h"

uint32_t
message_tail(const char *kw, const char *hint)
{
	uint32_t h = 2166136261u;

	for (; *kw; kw++)
		h = (h ^ (unsigned char)*kw) * 16777619u;
	h *= 16777619u;			/* the NUL between them */
	for (; *hint; hint++)
		h = (h ^ (unsigned char)*hint) * 16777619u;
	return h;
}

/* ---- what follows a record ---- */

/* Only what a list has shown: of what we sent or were told a list is news, however much it looks like it. */
static bool
is_shown(const struct record_half *h)
{
	return h->presence == PRESENCE_HERE && h->basis == BASIS_LISTED && !h->is_sent;
}

static void
digest_record(struct counts *c, const struct record *r, uint64_t by)
{
	int s;

	for (s = 0; s < SIDES; s++)
		if (is_shown(&r->half[s]))
			c->digest[s] += by * seen_digest(r->half[s].key, r->half[s].flags);
}

static int
count_record(struct state *s, uint32_t box, const struct record *r, bool is_unsettled, int by, struct err *e)
{
	struct box_counts *c = box_counts(s, box, e);
	uint64_t n = (uint64_t)(int64_t)by;

	if (c == NULL)
		return -1;
	c->is_dirty = true;
	c->counts.records += n;
	c->counts.unsettled += is_unsettled ? n : 0;
	c->counts.here[FAR] += r->half[FAR].presence == PRESENCE_HERE ? n : 0;
	c->counts.here[NEAR] += r->half[NEAR].presence == PRESENCE_HERE ? n : 0;
	if (c->counts.has_digest)
		digest_record(&c->counts, r, n);
	return 0;
}

static struct db_val
half_name(const struct record_half *h)
{
	return (struct db_val){ h->key.data, h->key.len };
}

/* Points the key of a half to its record. `is_new`: nobody can have stored it before for this record. */
static int
key_put(struct state *s, uint32_t box, enum side side, const struct record *r, bool is_new, struct err *e)
{
	const struct record_half *h = &r->half[side];
	struct state_key prefix = state_key_u32_u8(box, side);
	/* What was sent looks like nothing that is listed: the first list that shows it is folded, whatever it shows. */
	uint32_t tail = message_tail(h->flags.kw, h->hint) ^ (h->is_sent ? UINT32_MAX : 0);
	struct seen seen = { r->id, h->presence, h->flags.sys, tail };
	struct db_val old;
	int got = 0;

	if (h->key.len == 0)
		return 0;
	/* What was only told must be looked at when it is listed. */
	seen.tail += h->basis == BASIS_TOLD || h->basis == BASIS_DOUBTED;
	buf_clear(&s->seen);
	encode_seen(&s->seen, &seen);
	if (!is_new)
		got = named_get(s->db, DB_KEYS, state_val(&prefix), half_name(h), &old, e);
	if (got < 0)
		return -1;
	if (got > 0 && old.len == s->seen.len && memcmp(old.data, s->seen.data, old.len) == 0)
		return 0;
	return named_put(s->db, DB_KEYS, state_val(&prefix), half_name(h), state_buf_val(&s->seen), e);
}

/* Forgets the key of a half, unless another record has taken it over. */
static int
key_delete(struct state *s, uint32_t box, enum side side, uint64_t id, const struct record *r, struct err *e)
{
	const struct record_half *h = &r->half[side];
	struct state_key prefix = state_key_u32_u8(box, side);
	struct seen seen;
	struct db_val val;
	int got;

	if (h->key.len == 0)
		return 0;
	got = named_get(s->db, DB_KEYS, state_val(&prefix), half_name(h), &val, e);
	if (got <= 0)
		return got;
	if (decode_seen(val, &seen) != 0)
		return db_damaged(s->db, "the key of a message", e);
	if (seen.id != id)
		return 0;
	return named_delete(s->db, DB_KEYS, state_val(&prefix), half_name(h), e);
}

static int
unsettled_set(struct state *s, uint32_t box, uint64_t id, bool was, bool is, struct err *e)
{
	static const unsigned char nothing[] = { CODEC_VERSION };
	struct state_key k = state_key_u32_u64(box, id);

	if (was == is)
		return 0;
	if (!is)
		return db_delete(s->db, DB_UNSETTLED, state_val(&k), e);
	return db_put(s->db, DB_UNSETTLED, state_val(&k), (struct db_val){ nothing, sizeof nothing }, e);
}

/* ---- storing ---- */

/* A record as it is stored now. Its strings live in s->old. */
struct stored {
	bool is_there, is_unsettled;
	uint32_t box;
	struct record record;
};

static int
stored_get(struct state *s, uint64_t id, struct stored *old_r, struct err *e)
{
	struct state_key place = state_key_u64(id), k;
	struct db_val val;
	int got;

	*old_r = (struct stored){ .is_there = false };
	if (id == 0)
		return 0;
	got = db_get(s->db, DB_PLACES, state_val(&place), &val, e);
	if (got <= 0)
		return got;
	if (decode_u32(val, &old_r->box) != 0)
		return db_damaged(s->db, "the place of a message", e);
	k = state_key_u32_u64(old_r->box, id);
	got = db_get(s->db, DB_MESSAGES, state_val(&k), &val, e);
	if (got < 0)
		return -1;
	buf_clear(&s->old);
	if (got > 0)
		buf_add(&s->old, val.data, val.len);
	if (got == 0 || decode_record(state_buf_val(&s->old), &old_r->record, &old_r->is_unsettled) != 0)
		return db_damaged(s->db, "a message", e);
	old_r->is_there = true;
	return 0;
}

/* Takes a record out of its box: all but its place. */
static int
remove_stored(struct state *s, uint64_t id, const struct stored *old, struct err *e)
{
	struct state_key k = state_key_u32_u64(old->box, id);

	if (count_record(s, old->box, &old->record, old->is_unsettled, -1, e) != 0 ||
	    key_delete(s, old->box, FAR, id, &old->record, e) != 0 ||
	    key_delete(s, old->box, NEAR, id, &old->record, e) != 0 ||
	    idents_change(s, id, &old->record, NULL, e) != 0 ||
	    unsettled_set(s, old->box, id, old->is_unsettled, false, e) != 0)
		return -1;
	return db_delete(s->db, DB_MESSAGES, state_val(&k), e);
}

/* Keys the record had in this box and has no more. */
static int
delete_old_keys(struct state *s, const struct record *r, const struct stored *old, struct err *e)
{
	enum side side;

	for (side = FAR; side <= NEAR; side++)
		if (!key_equal(old->record.half[side].key, r->half[side].key) &&
		    key_delete(s, old->box, side, r->id, &old->record, e) != 0)
			return -1;
	return 0;
}

static int
put_place(struct state *s, uint64_t id, uint32_t box, struct err *e)
{
	struct state_key k = state_key_u64(id);

	buf_clear(&s->seen);
	encode_u32(&s->seen, box);
	return db_put(s->db, DB_PLACES, state_val(&k), state_buf_val(&s->seen), e);
}

/* The record is in its box already: writes what changed. */
static int
store_changed(struct state *s, struct record *r, bool is_unsettled, const struct stored *old, struct err *e)
{
	struct state_key k = state_key_u32_u64(r->box, r->id);

	if (key_put(s, r->box, FAR, r, false, e) != 0 || key_put(s, r->box, NEAR, r, false, e) != 0)
		return -1;
	if (s->value.len == s->old.len && memcmp(s->value.data, s->old.data, s->old.len) == 0)
		return 0;
	if (delete_old_keys(s, r, old, e) != 0 ||
	    idents_change(s, r->id, &old->record, r, e) != 0 ||
	    unsettled_set(s, r->box, r->id, old->is_unsettled, is_unsettled, e) != 0 ||
	    count_record(s, r->box, &old->record, old->is_unsettled, -1, e) != 0 ||
	    count_record(s, r->box, r, is_unsettled, 1, e) != 0)
		return -1;
	return db_put(s->db, DB_MESSAGES, state_val(&k), state_buf_val(&s->value), e);
}

/* The record is new, or new in its box. */
static int
store_new(struct state *s, struct record *r, bool is_unsettled, struct err *e)
{
	struct state_key k = state_key_u32_u64(r->box, r->id);

	if (count_record(s, r->box, r, is_unsettled, 1, e) != 0 ||
	    db_put(s->db, DB_MESSAGES, state_val(&k), state_buf_val(&s->value), e) != 0 ||
	    put_place(s, r->id, r->box, e) != 0 || idents_change(s, r->id, NULL, r, e) != 0 ||
	    key_put(s, r->box, FAR, r, true, e) != 0 || key_put(s, r->box, NEAR, r, true, e) != 0)
		return -1;
	return unsettled_set(s, r->box, r->id, false, is_unsettled, e);
}

static void
log_record(const struct record *r, bool is_unsettled)
{
	static const char *const presence[] = { "never seen", "here", "gone" };
	const struct record_half *far = &r->half[FAR], *near = &r->half[NEAR];
	struct buf keys[SIDES] = { { 0 }, { 0 } };

	if (!log_is_on(LOG_STATE))
		return;
	text_escape(&keys[FAR], far->key.data, far->key.len);
	text_escape(&keys[NEAR], near->key.data, near->key.len);
	log_line(LOG_STATE, "record %llu of mailbox %lu: far %s %s, near %s %s%s", (unsigned long long)r->id,
	    (unsigned long)r->box, buf_str(&keys[FAR]), presence[far->presence], buf_str(&keys[NEAR]),
	    presence[near->presence], is_unsettled ? ", not settled" : "");
	buf_release(&keys[FAR]);
	buf_release(&keys[NEAR]);
}

int
message_store(struct state *s, struct record *r, bool is_unsettled, struct err *e)
{
	struct stored old;

	if (r->half[FAR].presence == PRESENCE_NEVER && r->half[NEAR].presence == PRESENCE_NEVER)
		return r->id != 0 ? message_delete(s, r->box, r->id, e) : 0;
	if (box_counts(s, r->box, e) == NULL || stored_get(s, r->id, &old, e) != 0)
		return -1;
	if (r->id == 0)
		r->id = s->ids.record;
	if (r->id >= s->ids.record)
		s->ids.record = r->id + 1;
	buf_clear(&s->value);
	encode_record(&s->value, r, is_unsettled);
	log_record(r, is_unsettled);
	if (old.is_there && old.box == r->box)
		return store_changed(s, r, is_unsettled, &old, e);
	if (old.is_there && remove_stored(s, r->id, &old, e) != 0)
		return -1;
	return store_new(s, r, is_unsettled, e);
}

int
message_put(struct state *s, struct record *r, const struct flag_mask mask[SIDES], struct err *e)
{
	enum side side;

	/* A placeholder goes with its half, and so does what one stood for. */
	for (side = FAR; side <= NEAR; side++)
		if (record_is_placeholder(r, side) && r->half[side].presence == PRESENCE_NEVER)
			r->placeholder = PLACEHOLDER_NONE;
	return message_store(s, r, !record_is_settled(r, mask), e);
}

uint64_t
message_next_id(const struct state *s)
{
	return s->ids.record;
}

int
message_digests_make(struct state *s, uint32_t box, struct err *e)
{
	struct box_counts *c = box_counts(s, box, e);
	struct counts sum = { .has_digest = true };
	struct arena a = { 0 };
	struct record rec;
	uint64_t after = 0;
	int got;

	if (c == NULL || c->counts.has_digest)
		return c == NULL ? -1 : 0;
	while ((got = message_next(s, &a, box, after, &rec, e)) > 0) {
		after = rec.id;
		digest_record(&sum, &rec, 1);
		arena_release(&a);
	}
	arena_release(&a);
	if (got < 0 || (c = box_counts(s, box, e)) == NULL)
		return -1;
	c->counts.has_digest = true;
	memcpy(c->counts.digest, sum.digest, sizeof sum.digest);
	c->is_dirty = true;
	return 0;
}

int
message_delete(struct state *s, uint32_t box, uint64_t id, struct err *e)
{
	struct state_key place = state_key_u64(id);
	struct stored old;

	(void)box;			/* where it was thought to be; its place knows */
	if (stored_get(s, id, &old, e) != 0)
		return -1;
	if (!old.is_there)
		return 0;
	log_line(LOG_STATE, "record %llu of mailbox %lu is forgotten", (unsigned long long)id, (unsigned long)old.box);
	if (remove_stored(s, id, &old, e) != 0)
		return -1;
	return db_delete(s->db, DB_PLACES, state_val(&place), e);
}

/* ---- reading ---- */

/* Strings of the record live in the arena: in a copy of the value. */
static int
record_open(struct state *s, struct arena *a, uint32_t box, uint64_t id, struct db_val val, struct record *r_r,
    bool *is_unsettled_r, struct err *e)
{
	val.data = arena_dup(a, val.data, val.len);
	if (decode_record(val, r_r, is_unsettled_r) != 0)
		return db_damaged(s->db, "a message", e);
	r_r->box = box;
	r_r->id = id;
	return 1;
}

int
message_get(struct state *s, struct arena *a, uint32_t box, uint64_t id, struct record *r_r, struct err *e)
{
	struct state_key k = state_key_u32_u64(box, id);
	struct db_val val;
	bool is_unsettled;
	int got = db_get(s->db, DB_MESSAGES, state_val(&k), &val, e);

	return got > 0 ? record_open(s, a, box, id, val, r_r, &is_unsettled, e) : got;
}

int
message_find(struct state *s, struct arena *a, uint32_t box, enum side side, struct key key,
    struct record *r_r, struct err *e)
{
	struct state_key prefix = state_key_u32_u8(box, side);
	struct seen seen;
	struct db_val val;
	int got = named_get(s->db, DB_KEYS, state_val(&prefix), (struct db_val){ key.data, key.len }, &val, e);

	if (got <= 0)
		return got;
	if (decode_seen(val, &seen) != 0)
		return db_damaged(s->db, "the key of a message", e);
	got = message_get(s, a, box, seen.id, r_r, e);
	if (got < 0 || (got > 0 && key_equal(r_r->half[side].key, key)))
		return got;
	return db_damaged(s->db, "the key of a message leads nowhere", e);
}

/* The number behind `after` in a table of box, id. 1/0/-1 */
static int
next_id(struct state *s, enum db_table t, uint32_t box, uint64_t after, uint64_t *id_r, struct db_val *val_r,
    struct err *e)
{
	struct state_key prefix = state_key_u32(box), from = state_key_u32_u64(box, after);
	struct db_val key;
	int got = db_next(s->db, t, state_val(&prefix), state_val(&from), &key, val_r, e);

	if (got <= 0)
		return got;
	if (key.len != 12)
		return db_damaged(s->db, "the number of a message", e);
	*id_r = state_get_u64((const char *)key.data + 4);
	return 1;
}

int
message_next_unsettled(struct state *s, struct arena *a, uint32_t box, uint64_t after, struct record *r_r,
    struct err *e)
{
	struct db_val val;
	uint64_t id;
	int got = next_id(s, DB_UNSETTLED, box, after, &id, &val, e);

	if (got <= 0)
		return got;
	got = message_get(s, a, box, id, r_r, e);
	return got != 0 ? got : db_damaged(s->db, "a message that is not settled is not there", e);
}

int
message_next_raw(struct state *s, struct arena *a, uint32_t box, uint64_t after, struct record *r_r,
    bool *is_unsettled_r, struct err *e)
{
	struct db_val val;
	uint64_t id;
	int got = next_id(s, DB_MESSAGES, box, after, &id, &val, e);

	return got > 0 ? record_open(s, a, box, id, val, r_r, is_unsettled_r, e) : got;
}

int
message_next(struct state *s, struct arena *a, uint32_t box, uint64_t after, struct record *r_r, struct err *e)
{
	bool is_unsettled;

	return message_next_raw(s, a, box, after, r_r, &is_unsettled, e);
}
