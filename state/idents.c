/* Pairs by what identifies them: so that a copy of a message that both sides have is found without looking at all.
 *
 *   DB_IDENTS   tag, record id -> nothing
 *
 * A tag is the beginning of the header's digest, or a hash of a side and the server's own id there. Tags may meet by
 * chance: the caller compares what it is given. Pairs have tags, and orphans, which were one: a store that keeps equal messages once may make
 * an orphan the twin of another (sync/match/shared.c). messages.c calls idents_change() for every record it writes, so that the table follows
 * DB_MESSAGES; in a base of before orphans had tags they get them when they are written next.
 */
#include <string.h>

#include "state/base/hash.h"
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
	unsigned char first = (unsigned char)side;

	return hash_add(hash_add(HASH_BEGIN, &first, 1), server_id, strlen(server_id));
}

static bool
has_tags(const struct record *r)
{
	return r != NULL && (record_is_pair(r) || r->mark == MARK_ORPHAN);
}

static void
tags_of(const struct record *r, struct tags *out)
{
	enum side s;

	out->n = 0;
	if (!has_tags(r))
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

struct state_key
idents_key(uint64_t tag, uint64_t id)
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
		k = idents_key(was.at[i], id);
		if (!has_tag(&is, was.at[i]) && db_delete(s->db, DB_IDENTS, state_val(&k), e) != 0)
			return -1;
	}
	for (i = 0; i < is.n; i++) {
		k = idents_key(is.at[i], id);
		if ((!has_tag(&was, is.at[i]) || old->mark == MARK_ORPHAN) &&
		    db_put(s->db, DB_IDENTS, state_val(&k), (struct db_val){ nothing, sizeof nothing }, e) != 0)
			return -1;
	}
	return 0;
}
