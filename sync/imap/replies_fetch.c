/* FETCH: its items, and bodies, which go to the sink (RFC 9051 section 7.5.2). */
#include "sync/imap/reply_parts.h"

#include <string.h>
#include <strings.h>

#include "sync/imap/date.h"

static int
fetch_body(struct reply_context *c, const char *item, size_t len)
{
	struct imap_fetch *f = &c->reply->fetch;
	struct imap_body spare, *body = f->n_bodies < IMAP_BODIES ? &f->body[f->n_bodies] : &spare;
	const char *open = memchr(item, '[', len), *close;
	struct imap_token t;
	bool is_wanted;

	*body = (struct imap_body){ .section = "" };
	if (open != NULL) {
		close = memrchr(item, ']', len);
		body->section = arena_strndup(&c->reply->arena, open + 1, (size_t)(close - open - 1));
		body->is_part = close + 1 < item + len;
	}
	if (reply_next(c, &t) < 0)
		return -1;
	if (imap_token_is(&t, "NIL")) {
		body->is_nil = true;
		f->n_bodies += body != &spare;
		return 0;
	}
	if (t.kind != IMAP_TOKEN_LITERAL && t.kind != IMAP_TOKEN_QUOTED)
		return reply_bad(c, "a body that is no string");
	body->size = t.kind == IMAP_TOKEN_LITERAL ? t.size : t.len;
	is_wanted = body != &spare && c->sink != NULL && c->sink->begin != NULL &&
	    c->sink->begin(c->sink->ctx, f, body) == 0;
	if (t.kind == IMAP_TOKEN_QUOTED)
		body->is_whole = is_wanted && (t.len == 0 || c->sink->data(c->sink->ctx, t.s, t.len) == 0);
	else if (imap_reader_literal(c->r, is_wanted ? c->sink->data : NULL, is_wanted ? c->sink->ctx : NULL,
	    &body->is_whole, c->e) < 0)
		return -1;
	f->n_bodies += body != &spare;
	return 0;
}

static int
fetch_date(struct reply_context *c, int64_t *date, int *zone, enum imap_fetch_has what)
{
	struct imap_fetch *f = &c->reply->fetch;
	struct imap_token t;

	if (reply_next(c, &t) < 0 || imap_reader_string(c->r, &t, c->e) < 0)
		return -1;
	if (t.kind != IMAP_TOKEN_ATOM && imap_date_parse(t.s, t.len, date, zone) == 0)
		f->has |= what;
	return 0;
}

static int
fetch_flags(struct reply_context *c)
{
	struct imap_fetch *f = &c->reply->fetch;
	struct words w = { 0 };
	int rc = reply_flag_list(c, &w, false);

	if (rc == 0 && w.kw.len > WORDS_OCTETS_MAX)
		rc = reply_bad(c, "more keywords than a message can have");
	if (rc == 0) {
		f->flags = words_flags(&w, &c->reply->arena);
		f->is_recent = w.is_recent;
		f->has |= IMAP_FETCH_FLAGS;
	}
	words_release(&w);
	return rc;
}

static int
fetch_id(struct reply_context *c, const char **id_r, unsigned bit)
{
	if (reply_object_id(c, id_r) < 0)
		return -1;
	if (*id_r != NULL)
		c->reply->fetch.has |= bit;
	return 0;
}

static int
fetch_number(struct reply_context *c, uint64_t *n_r, unsigned bit)
{
	if (reply_number(c, UINT64_MAX, n_r) < 0)
		return -1;
	c->reply->fetch.has |= bit;
	return 0;
}

static int
fetch_guid(struct reply_context *c)
{
	struct imap_fetch *f = &c->reply->fetch;
	size_t len;

	if (reply_string(c, &f->guid, &len, true) < 0)
		return -1;
	if (f->guid == NULL || len == 0)
		f->guid = "";
	else
		f->has |= IMAP_FETCH_GUID;
	return 0;
}

static int
fetch_item(struct reply_context *c, const struct imap_token *t)
{
	struct imap_fetch *f = &c->reply->fetch;
	uint64_t n;
	int zone;

	if (imap_token_is(t, "UID")) {
		if (reply_number(c, UINT32_MAX, &n) < 0)
			return -1;
		if (n == 0)
			return reply_bad(c, "UID 0");
		if ((f->has & IMAP_FETCH_UID) && f->uid != n && f->n_bodies == 0)
			return reply_bad(c, "two UIDs");
		f->is_contradictory |= (f->has & IMAP_FETCH_UID) && f->uid != n;
		f->uid = (uint32_t)n;
		f->has |= IMAP_FETCH_UID;
		return 0;
	}
	if (imap_token_is(t, "FLAGS"))
		return fetch_flags(c);
	if (imap_token_is(t, "MODSEQ")) {
		f->has |= IMAP_FETCH_MODSEQ;
		return reply_modseq(c, &f->modseq);
	}
	if (imap_token_is(t, "RFC822.SIZE"))
		return fetch_number(c, &f->size, IMAP_FETCH_SIZE);
	if (imap_token_is(t, "INTERNALDATE"))
		return fetch_date(c, &f->date, &f->zone, IMAP_FETCH_DATE);
	if (imap_token_is(t, "SAVEDATE"))
		return fetch_date(c, &f->saved, &zone, IMAP_FETCH_SAVED);
	if (t->len >= 6 && strncasecmp(t->s, "BODY[", 5) == 0)
		return fetch_body(c, t->s, t->len);
	if (t->len >= 8 && strncasecmp(t->s, "BINARY[", 7) == 0)
		return fetch_body(c, t->s, t->len);
	if (imap_token_is(t, "RFC822"))
		return fetch_body(c, "", 0);
	if (imap_token_is(t, "EMAILID"))
		return fetch_id(c, &f->emailid, IMAP_FETCH_EMAILID);
	if (imap_token_is(t, "THREADID"))
		return fetch_id(c, &f->threadid, IMAP_FETCH_THREADID);
	if (imap_token_is(t, "X-GM-MSGID"))
		return fetch_number(c, &f->gm_msgid, IMAP_FETCH_GM_MSGID);
	if (imap_token_is(t, "X-GUID"))
		return fetch_guid(c);
	return imap_reader_skip_value(c->r, c->e);
}

int
reply_read_fetch(struct reply_context *c, uint32_t seq, uint32_t uid)
{
	struct imap_fetch *f = &c->reply->fetch;
	bool is_behind_flags = false;
	struct imap_token t;

	reply_fetch_clear(f, seq);
	f->uid = uid;
	f->has = uid != 0 ? IMAP_FETCH_UID : 0;
	c->reply->kind = IMAP_REPLY_FETCH;
	if (reply_expect(c, IMAP_TOKEN_OPEN, "FETCH without a list") < 0)
		return -1;
	for (;;) {
		if (imap_reader_item(c->r, &t, c->e) < 0)
			return -1;
		if (t.kind == IMAP_TOKEN_CLOSE)
			return 0;
		/* "FLAGS (x)y": a keyword with a bracket in it, of which a part would be taken for the whole. */
		if (t.kind != IMAP_TOKEN_ATOM || (t.is_joined && is_behind_flags))
			return reply_bad(c, "a FETCH item without a name");
		is_behind_flags = imap_token_is(&t, "FLAGS");
		if (fetch_item(c, &t) < 0)
			return -1;
	}
}

