/* Pairs by what identifies them: so that a copy of a message that both sides have is found without looking at all.
 *
 *   DB_IDENTS   tag, record id -> nothing
 *
 * A tag is the beginning of the header's digest, or a hash of a side and the server's own id there. Tags may meet by
 * chance: the caller compares what it is given. Only pairs have tags. messages.c calls idents_change() for every
 * record it writes, so that the table follows DB_MESSAGES.
 */
#include <string.h>

#include "state/inside.h"

enum { TAGS = 1 + SIDES };

struct tags { uint64_t at[TAGS]; size_t n; };

uint64_t
message_tag_header(const struct ident *ident)
{
	return state_get_u64(ident->header);
}

uint64_t
message_tag_server(enum side side, const char *server_id)
{
	uint64_t h = 14695981039346656037u;

	h = (h ^ (unsigned)side) * 1099511628211u;
	for (; *server_id != '\0'; server_id++)
		h = (h ^ (unsigned char)*server_id) * 1099511628211u;
	return h;
}

static void
tags_of(const struct record *r, struct tags *out)
{
	enum side s;

	out->n = 0;
	if (r == NULL || !record_is_pair(r))
		return;
	if (r->ident.has & IDENT_HEADER)
		out->at[out->n++] = message_tag_header(&r->ident);
	for (s = FAR; s <= NEAR; s++)
		if (*r->half[s].server_id != '\0')
			out->at[out->n++] = message_tag_server(s, r->half[s].server_id);
}

static bool
has_tag(const struct tags *t, uint64_t tag)
{
	size_t i;

	for (i = 0; i < t->n; i++)
		if (t->at[i] == tag)
			return true;
	return false;
}

static struct state_key
tag_key(uint64_t tag, uint64_t id)
{
	struct state_key k = state_key_u64(tag), rest = state_key_u64(id);

	memcpy(k.data + k.len, rest.data, rest.len);
	k.len += rest.len;
	return k;
}

int
idents_change(struct state *s, uint64_t id, const struct record *old, const struct record *r, struct err *e)
{
	static const unsigned char nothing[] = { CODEC_VERSION };
	struct tags was, is;
	struct state_key k;
	size_t i;

	tags_of(old, &was);
	tags_of(r, &is);
	for (i = 0; i < was.n; i++) {
		k = tag_key(was.at[i], id);
		if (!has_tag(&is, was.at[i]) && db_delete(s->db, DB_IDENTS, state_val(&k), e) != 0)
			return -1;
	}
	for (i = 0; i < is.n; i++) {
		k = tag_key(is.at[i], id);
		if (!has_tag(&was, is.at[i]) &&
		    db_put(s->db, DB_IDENTS, state_val(&k), (struct db_val){ nothing, sizeof nothing }, e) != 0)
			return -1;
	}
	return 0;
}

int
message_next_tagged(struct state *s, struct arena *a, uint64_t tag, uint64_t after, struct record *r_r, struct err *e)
{
	struct state_key prefix = state_key_u64(tag), from = tag_key(tag, after), place;
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
