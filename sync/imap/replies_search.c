/* SEARCH, ESEARCH, VANISHED (RFC 9051 section 7.3.4, RFC 4731, RFC 7162). */
#include "sync/imap/reply_parts.h"

/* SEARCH answers are one line without bound; this many ranges (32 MB) end our patience. */
enum { SEARCH_RANGES_MAX = 4 << 20 };

static int
read_set(struct reply_context *c, struct imap_uidset *set)
{
	struct imap_token t;

	if (reply_next(c, &t) < 0)
		return -1;
	imap_uidset_clear(set);
	if (t.kind != IMAP_TOKEN_ATOM || imap_uidset_parse(set, t.s, t.len) < 0)
		return reply_bad(c, "no set of messages");
	return 0;
}

int
reply_read_vanished(struct reply_context *c)
{
	struct imap_token t;

	c->reply->kind = IMAP_REPLY_VANISHED;
	c->reply->is_earlier = false;
	imap_uidset_clear(&c->reply->set);
	if (reply_next(c, &t) < 0)
		return -1;
	if (t.kind == IMAP_TOKEN_OPEN) {
		if (reply_next(c, &t) < 0)
			return -1;
		if (!imap_token_is(&t, "EARLIER"))
			return reply_bad(c, "VANISHED with an unknown tag");
		c->reply->is_earlier = true;
		if (reply_expect(c, IMAP_TOKEN_CLOSE, "VANISHED with an unknown tag") < 0)
			return -1;
		if (read_set(c, &c->reply->set) < 0)
			return -1;
	} else if (t.kind != IMAP_TOKEN_ATOM || imap_uidset_parse(&c->reply->set, t.s, t.len) < 0) {
		return reply_bad(c, "no set of messages");
	}
	imap_uidset_normalise(&c->reply->set);
	return 0;
}

int
reply_read_search(struct reply_context *c)
{
	struct imap_search *s = &c->reply->search;
	struct imap_uidset all = s->all;
	struct imap_token t;
	uint64_t n;

	*s = (struct imap_search){ .all = all };
	imap_uidset_clear(&s->all);
	c->reply->kind = IMAP_REPLY_SEARCH;
	for (;;) {
		if (reply_next(c, &t) < 0)
			return -1;
		if (t.kind == IMAP_TOKEN_EOL)
			return 0;
		if (t.kind == IMAP_TOKEN_OPEN) {	/* (MODSEQ n) of CONDSTORE */
			if (reply_next(c, &t) < 0)
				return -1;
			if (!imap_token_is(&t, "MODSEQ"))
				return reply_bad(c, "SEARCH with an unknown list");
			if (reply_number(c, UINT64_MAX, &s->modseq) < 0 ||
			    reply_expect(c, IMAP_TOKEN_CLOSE, "SEARCH with an unknown list") < 0)
				return -1;
			continue;
		}
		if (imap_reader_number(c->r, &t, UINT32_MAX, &n, c->e) < 0)
			return -1;
		if (n == 0 || s->all.n >= SEARCH_RANGES_MAX)
			return reply_bad(c, "a SEARCH answer that cannot be");
		imap_uidset_add(&s->all, (uint32_t)n);
		imap_reader_line_goes_on(c->r);
	}
}

/* (TAG "A1" MAILBOX "x" UIDVALIDITY 1) of an ESEARCH; the bracket is read. */
static int
esearch_tag(struct reply_context *c)
{
	struct imap_token t;
	size_t len;

	for (;;) {
		if (reply_next(c, &t) < 0)
			return -1;
		if (t.kind == IMAP_TOKEN_CLOSE)
			return 0;
		if (imap_token_is(&t, "TAG")) {
			if (reply_string(c, &c->reply->search.tag, &len, false) < 0)
				return -1;
		} else if (imap_token_is(&t, "MAILBOX")) {
			if (reply_string(c, &c->reply->search.mailbox, &c->reply->search.mailbox_len, false) < 0)
				return -1;
		} else if (imap_token_is(&t, "UIDVALIDITY")) {
			if (reply_number(c, UINT64_MAX, &c->reply->search.uidvalidity) < 0)
				return -1;
		} else if (imap_reader_skip_from(c->r, &t, c->e) < 0) {
			return -1;
		}
	}
}

int
reply_read_esearch(struct reply_context *c)
{
	struct imap_search *s = &c->reply->search;
	struct imap_uidset all = s->all;
	struct imap_token t;

	*s = (struct imap_search){ .all = all };
	imap_uidset_clear(&s->all);
	c->reply->kind = IMAP_REPLY_ESEARCH;
	for (;;) {
		int rc;

		if (reply_next(c, &t) < 0)
			return -1;
		if (t.kind == IMAP_TOKEN_EOL)
			return 0;
		if (t.kind == IMAP_TOKEN_OPEN)
			rc = esearch_tag(c);
		else if (imap_token_is(&t, "UID"))
			rc = 0, s->is_uid = true;
		else if (imap_token_is(&t, "ALL"))
			rc = read_set(c, &s->all);
		else if (imap_token_is(&t, "COUNT"))
			rc = reply_number(c, UINT64_MAX, &s->count), s->has_count = true;
		else if (imap_token_is(&t, "MIN"))
			rc = reply_number(c, UINT32_MAX, &s->min);
		else if (imap_token_is(&t, "MAX"))
			rc = reply_number(c, UINT32_MAX, &s->max);
		else if (imap_token_is(&t, "MODSEQ"))
			rc = reply_number(c, UINT64_MAX, &s->modseq);
		else
			rc = imap_reader_skip_value(c->r, c->e);
		if (rc < 0)
			return -1;
	}
}

