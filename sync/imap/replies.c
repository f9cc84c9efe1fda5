#include "sync/imap/reply_parts.h"

#include <string.h>
#include <strings.h>

#include "state/base/buf.h"
#include "state/base/vec.h"

static int
read_text(struct reply_context *c)
{
	const char *s;
	size_t len;

	if (imap_reader_text(c->r, &s, &len, c->e) < 0)
		return -1;
	imap_code_parse(&c->reply->code, &c->reply->arena, s, len, &c->reply->text);
	return 0;
}

static int
read_words(struct reply_context *c, enum imap_reply_kind kind)
{
	const char *s;

	c->reply->kind = kind;
	if (imap_reader_text(c->r, &s, &c->reply->words_len, c->e) < 0)
		return -1;
	c->reply->words = arena_strndup(&c->reply->arena, s, c->reply->words_len);
	return 0;
}

static bool
status_word(const struct imap_token *t, bool is_tagged, enum imap_status *status_r)
{
	static const struct {
		const char *word;
		enum imap_status status;
	} words[] = {
		{ "OK", IMAP_OK }, { "NO", IMAP_NO }, { "BAD", IMAP_BAD },
		{ "PREAUTH", IMAP_PREAUTH }, { "BYE", IMAP_BYE },
	};

	for (size_t i = 0; i < (is_tagged ? 3 : sizeof words / sizeof words[0]); i++) {
		if (imap_token_is(t, words[i].word)) {
			*status_r = words[i].status;
			return true;
		}
	}
	return false;
}

/* "* 12 FETCH ..." */
static int
read_numbered(struct reply_context *c, const struct imap_token *t)
{
	struct imap_token word;
	uint64_t n;

	c->reply->kind = IMAP_REPLY_FETCH;
	if (imap_reader_number(c->r, t, UINT32_MAX, &n, c->e) < 0 || reply_next(c, &word) < 0)
		return -1;
	c->reply->number = (uint32_t)n;
	if (imap_token_is(&word, "FETCH") || imap_token_is(&word, "UIDFETCH")) {
		bool is_uid = imap_token_is(&word, "UIDFETCH");

		if (n == 0)
			return reply_bad(c, "FETCH of message 0");
		return is_uid ? reply_read_fetch(c, 0, (uint32_t)n) : reply_read_fetch(c, (uint32_t)n, 0);	/* RFC 9586 */
	}
	if (imap_token_is(&word, "EXISTS"))
		c->reply->kind = IMAP_REPLY_EXISTS;
	else if (imap_token_is(&word, "RECENT"))
		c->reply->kind = IMAP_REPLY_RECENT;
	else if (imap_token_is(&word, "EXPUNGE"))
		c->reply->kind = IMAP_REPLY_EXPUNGE;
	else
		c->reply->kind = IMAP_REPLY_OTHER;
	return 0;
}

static int
read_flags(struct reply_context *c)
{
	struct words w = { 0 };
	int rc;

	c->reply->kind = IMAP_REPLY_FLAGS;
	rc = reply_flag_list(c, &w, true);
	if (rc == 0)
		words_mask(&w, &c->reply->arena, &c->reply->mask);
	words_release(&w);
	return rc;
}

static int
read_untagged(struct reply_context *c)
{
	static const struct {
		const char *word;
		int (*read)(struct reply_context *c);
	} words[] = {
		{ "LIST", reply_read_list }, { "LSUB", reply_read_list }, { "XLIST", reply_read_list },
		{ "STATUS", reply_read_status }, { "FLAGS", read_flags }, { "VANISHED", reply_read_vanished },
		{ "SEARCH", reply_read_search }, { "ESEARCH", reply_read_esearch }, { "NAMESPACE", reply_read_namespace },
		{ "ID", reply_read_id }, { "QUOTA", reply_read_quota },
	};
	struct imap_token t;

	if (reply_next(c, &t) < 0)
		return -1;
	if (t.kind != IMAP_TOKEN_ATOM)
		return 0;
	if (status_word(&t, false, &c->reply->status)) {
		c->reply->kind = IMAP_REPLY_STATUS;
		return read_text(c);
	}
	if (t.s[0] >= '0' && t.s[0] <= '9')
		return read_numbered(c, &t);
	if (imap_token_is(&t, "CAPABILITY"))
		return read_words(c, IMAP_REPLY_CAPABILITY);
	if (imap_token_is(&t, "ENABLED"))
		return read_words(c, IMAP_REPLY_ENABLED);
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
		if (imap_token_is(&t, words[i].word)) {
			c->is_lsub = imap_token_is(&t, "LSUB");
			return words[i].read(c);
		}
	}
	return 0;
}

/* An untagged line that could not be read, *c->e says why: passed over where its end can be found. */
static int
unreadable(struct reply_context *c)
{
	struct imap_reply *reply = c->reply;
	bool is_fetch = reply->kind == IMAP_REPLY_FETCH;
	struct err why = *c->e;

	/* A body that has begun must end as one that broke off. Behind a literal nobody knows where the line ends: its size may
	 * be a lie, and what follows the text of a message. */
	if ((is_fetch && reply->fetch.n_bodies > 0) || imap_reader_recover(c->r, is_fetch, c->e) < 0)
		return -1;
	reply->about = reply->kind;
	reply->kind = IMAP_REPLY_UNREADABLE;
	reply->text = arena_strdup(&reply->arena, why.text);
	return 0;
}

int
imap_reply_read(struct imap_reader *r, struct imap_reply *reply, const struct imap_body_sink *sink,
    struct err *e)
{
	struct reply_context c = { .r = r, .reply = reply, .sink = sink, .e = e };
	struct imap_token t;

	arena_release(&reply->arena);
	reply->kind = IMAP_REPLY_OTHER;
	reply->text = reply->words = "";
	reply->words_len = 0;
	reply->code.kind = IMAP_CODE_NONE;
	reply->fetch.n_bodies = 0;
	if (reply_take_flags(&c))
		return 0;
	if (imap_reader_start(r, &t, e) < 0)
		return -1;
	if (t.len == 1 && t.s[0] == '*') {
		return read_untagged(&c) < 0 || imap_reader_skip(r, e) < 0 ? unreadable(&c) : 0;
	}
	if (t.len == 1 && t.s[0] == '+') {
		if (read_words(&c, IMAP_REPLY_CONTINUE) < 0)
			return -1;
		reply->text = reply->words;
		return 0;
	}
	if (t.len >= sizeof reply->tag)
		return imap_reader_bad(r, e, "a tag we never sent");
	memcpy(reply->tag, t.s, t.len);
	reply->tag[t.len] = '\0';
	if (imap_reader_next(r, &t, e) < 0)
		return -1;
	if (!status_word(&t, true, &reply->status))
		return imap_reader_bad(r, e, "a line that is no response");
	reply->kind = IMAP_REPLY_TAGGED;
	return read_text(&c);
}

void
imap_reply_release(struct imap_reply *reply)
{
	imap_uidset_release(&reply->code.from);
	imap_uidset_release(&reply->code.to);
	imap_uidset_release(&reply->set);
	imap_uidset_release(&reply->search.all);
	arena_release(&reply->arena);
	memset(reply, 0, sizeof *reply);
}
