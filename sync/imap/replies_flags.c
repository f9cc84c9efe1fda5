/* The FETCH that brings a UID and flags and nothing else, read in one go.
 *
 * A server without CONDSTORE (RFC 7162) is asked for the flags of all messages in every run, and nearly every line it sends
 * is one of these:
 *
 *   * 12 FETCH (UID 34 FLAGS (\Seen work))
 *   * 12 FETCH (FLAGS (\Seen work) UID 34)
 *
 * Must hold: a line is taken whole, or not touched. Whatever is not exactly of this shape is left to the readers of
 * replies.c, which know the rest of the grammar and what to say of a line that cannot be read.
 */
#include "sync/imap/reply_parts.h"

/* A place in a line that ends with LF; no step goes past that. */
struct cursor_in_line {
	const char *p;
};

static inline bool
take_word(struct cursor_in_line *c, const char *word, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (c->p[i] != word[i])
			return false;
	c->p += len;
	return true;
}
#define TAKE(c, word) take_word(c, word, sizeof(word) - 1)

/* A number from 1 to 2^32 - 1, without a leading zero. */
static bool
take_number(struct cursor_in_line *c, uint32_t *n_r)
{
	uint64_t n = 0;

	if (*c->p == '0')
		return false;
	for (; *c->p >= '0' && *c->p <= '9'; c->p++)
		if ((n = n * 10 + (uint64_t)(*c->p - '0')) > UINT32_MAX)
			return false;
	*n_r = (uint32_t)n;
	return n != 0;
}

/* The octets of atoms that need no second look: RFC 9051 `atom`, and the backslash of system flags. */
static bool
is_plain(char octet)
{
	switch (octet) {
	case '(': case ')': case '{': case '%': case '*': case '"': case ']':
		return false;
	default:
		return octet > ' ' && octet < 0x7f;
	}
}

static bool
take_flags(struct cursor_in_line *c, struct words *w)
{
	const char *begin;

	if (!TAKE(c, "FLAGS ("))
		return false;
	while (*c->p != ')') {
		for (begin = c->p; is_plain(*c->p); c->p++)
			;
		if (c->p == begin || (*c->p != ' ' && *c->p != ')') || (*c->p == ' ' && c->p[1] == ')'))
			return false;
		words_flag(w, begin, (size_t)(c->p - begin));
		c->p += *c->p == ' ';
	}
	c->p++;
	return true;
}

static bool
take_line(struct cursor_in_line *c, uint32_t *seq_r, uint32_t *uid_r, struct words *w)
{
	if (!TAKE(c, "* ") || !take_number(c, seq_r) || !TAKE(c, " FETCH ("))
		return false;
	if (*c->p == 'U')
		return TAKE(c, "UID ") && take_number(c, uid_r) && TAKE(c, " ") && take_flags(c, w) && TAKE(c, ")\r\n");
	return take_flags(c, w) && TAKE(c, " UID ") && take_number(c, uid_r) && TAKE(c, ")\r\n");
}

bool
reply_take_flags(struct reply_context *c)
{
	struct imap_fetch *f = &c->reply->fetch;
	struct cursor_in_line at;
	struct words w = { 0 };
	uint32_t seq, uid;
	bool is_taken;

	at.p = imap_reader_line(c->r);
	is_taken = at.p != NULL && take_line(&at, &seq, &uid, &w);
	if (is_taken) {
		imap_reader_line_end(c->r);
		reply_fetch_clear(f, seq);
		c->reply->kind = IMAP_REPLY_FETCH;
		f->uid = uid;
		f->flags = words_flags(&w, &c->reply->arena);
		f->is_recent = w.is_recent;
		f->has = IMAP_FETCH_UID | IMAP_FETCH_FLAGS;
	}
	words_release(&w);
	return is_taken;
}
