/* What responses of many kinds are made of. */
#include "sync/imap/reply_parts.h"

#include <string.h>

int
reply_bad(struct reply_context *c, const char *what)
{
	return imap_reader_bad(c->r, c->e, what);
}

int
reply_next(struct reply_context *c, struct imap_token *t)
{
	return imap_reader_next(c->r, t, c->e);
}

int
reply_expect(struct reply_context *c, enum imap_token_kind kind, const char *what)
{
	struct imap_token t;

	if (reply_next(c, &t) < 0)
		return -1;
	return t.kind == kind ? 0 : reply_bad(c, what);
}

int
reply_number(struct reply_context *c, uint64_t max, uint64_t *n_r)
{
	struct imap_token t;

	if (reply_next(c, &t) < 0)
		return -1;
	return imap_reader_number(c->r, &t, max, n_r, c->e);
}

int
reply_string(struct reply_context *c, const char **s_r, size_t *len_r, bool may_be_nil)
{
	struct imap_token t;

	if (reply_next(c, &t) < 0)
		return -1;
	if (may_be_nil && imap_token_is(&t, "NIL")) {
		*s_r = NULL;
		*len_r = 0;
		return 0;
	}
	if (imap_reader_string(c->r, &t, c->e) < 0)
		return -1;
	*len_r = t.len;
	*s_r = arena_strndup(&c->reply->arena, t.s, t.len);
	return 0;
}

int
reply_object_id(struct reply_context *c, const char **s_r)
{
	struct imap_token t;
	size_t len;

	*s_r = NULL;
	if (reply_next(c, &t) < 0)
		return -1;
	if (imap_token_is(&t, "NIL"))
		return 0;
	if (t.kind != IMAP_TOKEN_OPEN)
		return reply_bad(c, "no object id");
	if (reply_string(c, s_r, &len, false) < 0)
		return -1;
	return reply_expect(c, IMAP_TOKEN_CLOSE, "no object id");
}

int
reply_next_atom(struct reply_context *c, struct imap_token *t, const char *what)
{
	if (reply_next(c, t) < 0)
		return -1;
	if (t->kind == IMAP_TOKEN_CLOSE)
		return 0;
	return t->kind == IMAP_TOKEN_ATOM ? 1 : reply_bad(c, what);
}

int
reply_flag_list(struct reply_context *c, struct words *w, bool may_be_nil)
{
	struct imap_token t;
	int got;

	if (reply_next(c, &t) < 0)
		return -1;
	if (may_be_nil && imap_token_is(&t, "NIL"))
		return 0;
	if (t.kind != IMAP_TOKEN_OPEN)
		return reply_bad(c, "no list of flags");
	while ((got = reply_next_atom(c, &t, "no flag")) > 0)
		words_flag(w, t.s, t.len);
	return got;
}

int
reply_modseq(struct reply_context *c, uint64_t *n_r)
{
	if (reply_expect(c, IMAP_TOKEN_OPEN, "no modseq") < 0 || reply_number(c, UINT64_MAX, n_r) < 0)
		return -1;
	return reply_expect(c, IMAP_TOKEN_CLOSE, "no modseq");
}

void
reply_fetch_clear(struct imap_fetch *f, uint32_t seq)
{
	memset(f, 0, sizeof *f);
	f->seq = seq;
	f->flags = FLAGS_NONE;
	f->emailid = f->threadid = f->guid = "";
}
