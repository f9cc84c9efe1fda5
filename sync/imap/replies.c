#include "sync/imap/replies.h"

#include <string.h>
#include <strings.h>

#include "state/base/buf.h"
#include "state/base/vec.h"
#include "sync/imap/date.h"
#include "sync/imap/words.h"

/* SEARCH answers are one line without bound; this many ranges (32 MB) end our patience. */
enum { SEARCH_RANGES_MAX = 4 << 20 };

struct context {
	struct imap_reader *r;
	struct imap_reply *reply;
	const struct imap_body_sink *sink;
	bool is_lsub;
	struct err *e;
};

static int
bad(struct context *c, const char *what)
{
	return imap_reader_bad(c->r, c->e, what);
}

static int
next(struct context *c, struct imap_token *t)
{
	return imap_reader_next(c->r, t, c->e);
}

static int
expect(struct context *c, enum imap_token_kind kind, const char *what)
{
	struct imap_token t;

	if (next(c, &t) < 0)
		return -1;
	return t.kind == kind ? 0 : bad(c, what);
}

/* A number of at most `max` as the next token. */
static int
number(struct context *c, uint64_t max, uint64_t *n_r)
{
	struct imap_token t;

	if (next(c, &t) < 0)
		return -1;
	return imap_reader_number(c->r, &t, max, n_r, c->e);
}

/* A string as the next token, kept in the arena. NIL is NULL where the caller has a use for it. */
static int
string(struct context *c, const char **s_r, size_t *len_r, bool may_be_nil)
{
	struct imap_token t;

	if (next(c, &t) < 0)
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

/* "(id)" of OBJECTID (RFC 8474), or NIL. */
static int
object_id(struct context *c, const char **s_r)
{
	struct imap_token t;
	size_t len;

	*s_r = NULL;
	if (next(c, &t) < 0)
		return -1;
	if (imap_token_is(&t, "NIL"))
		return 0;
	if (t.kind != IMAP_TOKEN_OPEN)
		return bad(c, "no object id");
	if (string(c, s_r, &len, false) < 0)
		return -1;
	return expect(c, IMAP_TOKEN_CLOSE, "no object id");
}

/* A list of flags; the first token is to come. */
static int
flag_list(struct context *c, struct words *w)
{
	struct imap_token t;

	if (expect(c, IMAP_TOKEN_OPEN, "no list of flags") < 0)
		return -1;
	for (;;) {
		if (next(c, &t) < 0)
			return -1;
		if (t.kind == IMAP_TOKEN_CLOSE)
			return 0;
		if (t.kind != IMAP_TOKEN_ATOM)
			return bad(c, "no flag");
		words_flag(w, t.s, t.len);
	}
}

/* "(n)" of MODSEQ. */
static int
modseq(struct context *c, uint64_t *n_r)
{
	if (expect(c, IMAP_TOKEN_OPEN, "no modseq") < 0 || number(c, UINT64_MAX, n_r) < 0)
		return -1;
	return expect(c, IMAP_TOKEN_CLOSE, "no modseq");
}

/* ---- FETCH ---- */

static int
fetch_body(struct context *c, const char *item, size_t len)
{
	struct imap_fetch *f = &c->reply->fetch;
	struct imap_body spare, *body = f->n_bodies < IMAP_BODIES ? &f->body[f->n_bodies] : &spare;
	const char *open = memchr(item, '[', len), *close, *p;
	struct imap_token t;
	bool is_wanted;

	*body = (struct imap_body){ .section = "" };
	if (open != NULL) {
		close = memrchr(item, ']', len);
		body->section = arena_strndup(&c->reply->arena, open + 1, (size_t)(close - open - 1));
		if (close + 1 < item + len && close[1] == '<')
			for (p = close + 2; p < item + len && *p >= '0' && *p <= '9' && body->origin < UINT64_MAX / 16; p++)
				body->origin = body->origin * 10 + (uint64_t)(*p - '0');
	}
	if (next(c, &t) < 0)
		return -1;
	if (imap_token_is(&t, "NIL")) {
		body->is_nil = true;
		f->n_bodies += body != &spare;
		return 0;
	}
	if (t.kind != IMAP_TOKEN_LITERAL && t.kind != IMAP_TOKEN_QUOTED)
		return bad(c, "a body that is no string");
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
fetch_date(struct context *c)
{
	struct imap_fetch *f = &c->reply->fetch;
	struct imap_token t;

	if (next(c, &t) < 0 || imap_reader_string(c->r, &t, c->e) < 0)
		return -1;
	if (t.kind != IMAP_TOKEN_ATOM && imap_date_parse(t.s, t.len, &f->date, &f->zone) == 0)
		f->has |= IMAP_FETCH_DATE;
	return 0;
}

static int
fetch_flags(struct context *c)
{
	struct imap_fetch *f = &c->reply->fetch;
	struct words w = { 0 };
	int rc = flag_list(c, &w);

	if (rc == 0) {
		f->flags = words_flags(&w, &c->reply->arena);
		f->is_recent = w.is_recent;
		f->has |= IMAP_FETCH_FLAGS;
	}
	words_release(&w);
	return rc;
}

static int
fetch_id(struct context *c, const char **id_r, unsigned bit)
{
	if (object_id(c, id_r) < 0)
		return -1;
	if (*id_r != NULL)
		c->reply->fetch.has |= bit;
	return 0;
}

static int
fetch_number(struct context *c, uint64_t *n_r, unsigned bit)
{
	if (number(c, UINT64_MAX, n_r) < 0)
		return -1;
	c->reply->fetch.has |= bit;
	return 0;
}

static int
fetch_guid(struct context *c)
{
	struct imap_fetch *f = &c->reply->fetch;
	size_t len;

	if (string(c, &f->guid, &len, true) < 0)
		return -1;
	if (f->guid == NULL || len == 0)
		f->guid = "";
	else
		f->has |= IMAP_FETCH_GUID;
	return 0;
}

static int
fetch_item(struct context *c, const struct imap_token *t)
{
	struct imap_fetch *f = &c->reply->fetch;
	uint64_t n;

	if (imap_token_is(t, "UID")) {
		if (number(c, UINT32_MAX, &n) < 0)
			return -1;
		if (n == 0)
			return bad(c, "UID 0");
		f->uid = (uint32_t)n;
		f->has |= IMAP_FETCH_UID;
		return 0;
	}
	if (imap_token_is(t, "FLAGS"))
		return fetch_flags(c);
	if (imap_token_is(t, "MODSEQ")) {
		f->has |= IMAP_FETCH_MODSEQ;
		return modseq(c, &f->modseq);
	}
	if (imap_token_is(t, "RFC822.SIZE"))
		return fetch_number(c, &f->size, IMAP_FETCH_SIZE);
	if (imap_token_is(t, "INTERNALDATE"))
		return fetch_date(c);
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

static int
read_fetch(struct context *c, uint32_t seq)
{
	struct imap_fetch *f = &c->reply->fetch;
	struct imap_token t;

	memset(f, 0, sizeof *f);
	f->seq = seq;
	f->flags = FLAGS_NONE;
	f->emailid = f->threadid = f->guid = "";
	c->reply->kind = IMAP_REPLY_FETCH;
	if (expect(c, IMAP_TOKEN_OPEN, "FETCH without a list") < 0)
		return -1;
	for (;;) {
		if (imap_reader_item(c->r, &t, c->e) < 0)
			return -1;
		if (t.kind == IMAP_TOKEN_CLOSE)
			return 0;
		if (t.kind != IMAP_TOKEN_ATOM)
			return bad(c, "a FETCH item without a name");
		if (fetch_item(c, &t) < 0)
			return -1;
	}
}

/* ---- LIST, STATUS, NAMESPACE, ID ---- */

static const struct {
	const char *name;
	unsigned bits;
} attributes[] = {
	{ "\\Noselect", IMAP_LIST_NOSELECT },
	{ "\\NonExistent", IMAP_LIST_NONEXISTENT | IMAP_LIST_NOSELECT },
	{ "\\Noinferiors", IMAP_LIST_NOINFERIORS | IMAP_LIST_HASNOCHILDREN },
	{ "\\HasChildren", IMAP_LIST_HASCHILDREN },
	{ "\\HasNoChildren", IMAP_LIST_HASNOCHILDREN },
	{ "\\Subscribed", IMAP_LIST_SUBSCRIBED },
	{ "\\Remote", IMAP_LIST_REMOTE },
	{ "\\Marked", IMAP_LIST_MARKED },
	{ "\\Unmarked", IMAP_LIST_UNMARKED },
	{ "\\All", IMAP_LIST_ALL },
	{ "\\AllMail", IMAP_LIST_ALL },
	{ "\\Archive", IMAP_LIST_ARCHIVE },
	{ "\\Drafts", IMAP_LIST_DRAFTS },
	{ "\\Flagged", IMAP_LIST_FLAGGED },
	{ "\\Starred", IMAP_LIST_FLAGGED },
	{ "\\Junk", IMAP_LIST_JUNK },
	{ "\\Spam", IMAP_LIST_JUNK },
	{ "\\Sent", IMAP_LIST_SENT },
	{ "\\Trash", IMAP_LIST_TRASH },
	{ "\\Important", IMAP_LIST_IMPORTANT },
};

/* A delimiter: NIL or a string of one character. */
static int
delimiter(struct context *c, char *d_r)
{
	struct imap_token t;

	if (next(c, &t) < 0)
		return -1;
	*d_r = '\0';
	if (imap_token_is(&t, "NIL"))
		return 0;
	if (imap_reader_string(c->r, &t, c->e) < 0)
		return -1;
	if (t.len > 1 || (t.len == 1 && (t.s[0] < 0x20 || t.s[0] > 0x7e)))
		return bad(c, "a hierarchy delimiter that is no character");
	if (t.len == 1)
		*d_r = t.s[0];
	return 0;
}

/* ("CHILDINFO" ("SUBSCRIBED") "OLDNAME" ("x")) behind the name (RFC 5258, RFC 9051). */
static int
list_extended(struct context *c)
{
	struct imap_list *list = &c->reply->list;
	struct imap_token t;
	size_t len;

	for (;;) {
		if (next(c, &t) < 0)
			return -1;
		if (t.kind == IMAP_TOKEN_CLOSE)
			return 0;
		if (imap_reader_string(c->r, &t, c->e) < 0)
			return -1;
		if (t.len == 7 && strncasecmp(t.s, "OLDNAME", 7) == 0) {
			if (expect(c, IMAP_TOKEN_OPEN, "OLDNAME without a list") < 0 ||
			    string(c, &list->old_name, &len, false) < 0 ||
			    expect(c, IMAP_TOKEN_CLOSE, "OLDNAME without a list") < 0)
				return -1;
			continue;
		}
		list->has_childinfo |= t.len == 9 && strncasecmp(t.s, "CHILDINFO", 9) == 0;
		if (imap_reader_skip_value(c->r, c->e) < 0)
			return -1;
	}
}

static int
read_list(struct context *c)
{
	struct imap_list *list = &c->reply->list;
	struct imap_token t;

	*list = (struct imap_list){ .is_lsub = c->is_lsub };
	c->reply->kind = IMAP_REPLY_LIST;
	if (expect(c, IMAP_TOKEN_OPEN, "LIST without attributes") < 0)
		return -1;
	for (;;) {
		if (next(c, &t) < 0)
			return -1;
		if (t.kind == IMAP_TOKEN_CLOSE)
			break;
		if (t.kind != IMAP_TOKEN_ATOM)
			return bad(c, "no attribute");
		for (size_t i = 0; i < sizeof attributes / sizeof attributes[0]; i++)
			if (imap_token_is(&t, attributes[i].name))
				list->attributes |= attributes[i].bits;
	}
	if (delimiter(c, &list->delimiter) < 0 || string(c, &list->name, &list->name_len, false) < 0 ||
	    next(c, &t) < 0)
		return -1;
	return t.kind == IMAP_TOKEN_OPEN ? list_extended(c) : 0;
}

static const struct {
	const char *name;
	unsigned bit;
	size_t offset;
	bool is_64;
} status_items[] = {
	{ "MESSAGES", IMAP_STATUS_MESSAGES, offsetof(struct imap_status_data, messages), false },
	{ "UIDNEXT", IMAP_STATUS_UIDNEXT, offsetof(struct imap_status_data, uidnext), false },
	{ "UIDVALIDITY", IMAP_STATUS_UIDVALIDITY, offsetof(struct imap_status_data, uidvalidity), false },
	{ "UNSEEN", IMAP_STATUS_UNSEEN, offsetof(struct imap_status_data, unseen), false },
	{ "DELETED", IMAP_STATUS_DELETED, offsetof(struct imap_status_data, deleted), false },
	{ "RECENT", IMAP_STATUS_RECENT, offsetof(struct imap_status_data, recent), false },
	{ "HIGHESTMODSEQ", IMAP_STATUS_HIGHESTMODSEQ, offsetof(struct imap_status_data, highestmodseq), true },
	{ "SIZE", IMAP_STATUS_SIZE, offsetof(struct imap_status_data, size), true },
	{ "APPENDLIMIT", IMAP_STATUS_APPENDLIMIT, offsetof(struct imap_status_data, append_limit), true },
};

static int
status_item(struct context *c, const struct imap_token *name)
{
	struct imap_status_data *st = &c->reply->status_data;
	size_t i, n = sizeof status_items / sizeof status_items[0];
	struct imap_token t;
	uint64_t value;

	if (imap_token_is(name, "MAILBOXID")) {
		if (object_id(c, &st->mailboxid) < 0)
			return -1;
		st->has |= st->mailboxid != NULL ? IMAP_STATUS_MAILBOXID : 0;
		return 0;
	}
	for (i = 0; i < n && !imap_token_is(name, status_items[i].name); i++)
		;
	if (i == n)
		return imap_reader_skip_value(c->r, c->e);
	if (next(c, &t) < 0)
		return -1;
	if (imap_token_is(&t, "NIL"))
		return 0;
	if (imap_reader_number(c->r, &t, status_items[i].is_64 ? UINT64_MAX : UINT32_MAX, &value, c->e) < 0)
		return -1;
	if (status_items[i].is_64)
		memcpy((char *)st + status_items[i].offset, &value, sizeof value);
	else
		memcpy((char *)st + status_items[i].offset, &(uint32_t){ (uint32_t)value }, sizeof(uint32_t));
	st->has |= status_items[i].bit;
	return 0;
}

static int
read_status(struct context *c)
{
	struct imap_status_data *st = &c->reply->status_data;
	struct imap_token t;

	memset(st, 0, sizeof *st);
	c->reply->kind = IMAP_REPLY_STATUS_DATA;
	if (string(c, &st->name, &st->name_len, false) < 0 ||
	    expect(c, IMAP_TOKEN_OPEN, "STATUS without a list") < 0)
		return -1;
	for (;;) {
		if (next(c, &t) < 0)
			return -1;
		if (t.kind == IMAP_TOKEN_CLOSE)
			return 0;
		if (t.kind != IMAP_TOKEN_ATOM)
			return bad(c, "a STATUS item without a name");
		if (status_item(c, &t) < 0)
			return -1;
	}
}

/* ((prefix delimiter ...) ...) or NIL. */
static int
namespace_group(struct context *c, enum imap_namespace_kind kind)
{
	struct imap_reply *reply = c->reply;
	struct imap_token t;
	struct imap_namespace *grown;
	size_t len;

	if (next(c, &t) < 0)
		return -1;
	if (imap_token_is(&t, "NIL"))
		return 0;
	if (t.kind != IMAP_TOKEN_OPEN)
		return bad(c, "no namespace");
	for (;;) {
		struct imap_namespace ns = { .kind = kind };

		if (next(c, &t) < 0)
			return -1;
		if (t.kind == IMAP_TOKEN_CLOSE)
			return 0;
		if (t.kind != IMAP_TOKEN_OPEN || reply->n_namespaces >= 64)
			return bad(c, "no namespace");
		if (string(c, &ns.prefix, &len, true) < 0 || delimiter(c, &ns.delimiter) < 0)
			return -1;
		if (ns.prefix == NULL)
			ns.prefix = "";
		grown = arena_alloc(&reply->arena, (reply->n_namespaces + 1) * sizeof *grown);
		if (reply->n_namespaces > 0)
			memcpy(grown, reply->namespaces, reply->n_namespaces * sizeof *grown);
		grown[reply->n_namespaces++] = ns;
		reply->namespaces = grown;
		for (;;) {		/* extensions: name and list */
			if (next(c, &t) < 0)
				return -1;
			if (t.kind == IMAP_TOKEN_CLOSE)
				break;
			if (imap_reader_skip_from(c->r, &t, c->e) < 0)
				return -1;
		}
	}
}

static int
read_namespace(struct context *c)
{
	c->reply->kind = IMAP_REPLY_NAMESPACE;
	c->reply->n_namespaces = 0;
	if (namespace_group(c, IMAP_PERSONAL) < 0 || namespace_group(c, IMAP_OTHER_USERS) < 0)
		return -1;
	return namespace_group(c, IMAP_SHARED);
}

static int
read_id(struct context *c)
{
	struct buf words = { 0 };
	struct imap_token t;
	int rc = -1;

	c->reply->kind = IMAP_REPLY_ID;
	if (next(c, &t) < 0)
		goto done;
	if (t.kind == IMAP_TOKEN_OPEN) {
		for (;;) {
			if (next(c, &t) < 0)
				goto done;
			if (t.kind == IMAP_TOKEN_CLOSE)
				break;
			if (imap_reader_string(c->r, &t, c->e) < 0)
				goto done;
			buf_add(&words, t.s, strnlen(t.s, t.len));
			buf_addc(&words, '\0');
		}
	} else if (!imap_token_is(&t, "NIL")) {
		bad(c, "no ID list");
		goto done;
	}
	c->reply->words = arena_dup(&c->reply->arena, buf_str(&words), words.len + 1);
	c->reply->words_len = words.len;
	rc = 0;
done:
	buf_release(&words);
	return rc;
}

/* ---- SEARCH, ESEARCH, VANISHED ---- */

static int
read_set(struct context *c, struct imap_uidset *set)
{
	struct imap_token t;

	if (next(c, &t) < 0)
		return -1;
	imap_uidset_clear(set);
	if (t.kind != IMAP_TOKEN_ATOM || imap_uidset_parse(set, t.s, t.len) < 0)
		return bad(c, "no set of messages");
	return 0;
}

static int
read_vanished(struct context *c)
{
	struct imap_token t;

	c->reply->kind = IMAP_REPLY_VANISHED;
	c->reply->is_earlier = false;
	imap_uidset_clear(&c->reply->set);
	if (next(c, &t) < 0)
		return -1;
	if (t.kind == IMAP_TOKEN_OPEN) {
		if (next(c, &t) < 0)
			return -1;
		if (!imap_token_is(&t, "EARLIER"))
			return bad(c, "VANISHED with an unknown tag");
		c->reply->is_earlier = true;
		if (expect(c, IMAP_TOKEN_CLOSE, "VANISHED with an unknown tag") < 0)
			return -1;
		return read_set(c, &c->reply->set);
	}
	if (t.kind != IMAP_TOKEN_ATOM || imap_uidset_parse(&c->reply->set, t.s, t.len) < 0)
		return bad(c, "no set of messages");
	return 0;
}

static int
read_search(struct context *c)
{
	struct imap_search *s = &c->reply->search;
	struct imap_uidset all = s->all;
	struct imap_token t;
	uint64_t n;

	*s = (struct imap_search){ .all = all };
	imap_uidset_clear(&s->all);
	c->reply->kind = IMAP_REPLY_SEARCH;
	for (;;) {
		if (next(c, &t) < 0)
			return -1;
		if (t.kind == IMAP_TOKEN_EOL)
			return 0;
		if (t.kind == IMAP_TOKEN_OPEN) {	/* (MODSEQ n) of CONDSTORE */
			if (next(c, &t) < 0)
				return -1;
			if (!imap_token_is(&t, "MODSEQ"))
				return bad(c, "SEARCH with an unknown list");
			if (number(c, UINT64_MAX, &s->modseq) < 0 ||
			    expect(c, IMAP_TOKEN_CLOSE, "SEARCH with an unknown list") < 0)
				return -1;
			continue;
		}
		if (imap_reader_number(c->r, &t, UINT32_MAX, &n, c->e) < 0)
			return -1;
		if (n == 0 || s->all.n >= SEARCH_RANGES_MAX)
			return bad(c, "a SEARCH answer that cannot be");
		imap_uidset_add(&s->all, (uint32_t)n);
		imap_reader_line_goes_on(c->r);
	}
}

/* (TAG "A1") of an ESEARCH; the bracket is read. */
static int
esearch_tag(struct context *c)
{
	struct imap_token t;
	size_t len;

	for (;;) {
		if (next(c, &t) < 0)
			return -1;
		if (t.kind == IMAP_TOKEN_CLOSE)
			return 0;
		if (imap_token_is(&t, "TAG")) {
			if (string(c, &c->reply->search.tag, &len, false) < 0)
				return -1;
		} else if (imap_reader_skip_from(c->r, &t, c->e) < 0) {
			return -1;
		}
	}
}

static int
read_esearch(struct context *c)
{
	struct imap_search *s = &c->reply->search;
	struct imap_uidset all = s->all;
	struct imap_token t;

	*s = (struct imap_search){ .all = all };
	imap_uidset_clear(&s->all);
	c->reply->kind = IMAP_REPLY_ESEARCH;
	for (;;) {
		int rc;

		if (next(c, &t) < 0)
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
			rc = number(c, UINT64_MAX, &s->count), s->has_count = true;
		else if (imap_token_is(&t, "MIN"))
			rc = number(c, UINT32_MAX, &s->min);
		else if (imap_token_is(&t, "MAX"))
			rc = number(c, UINT32_MAX, &s->max);
		else if (imap_token_is(&t, "MODSEQ"))
			rc = number(c, UINT64_MAX, &s->modseq);
		else
			rc = imap_reader_skip_value(c->r, c->e);
		if (rc < 0)
			return -1;
	}
}

/* ---- status responses and the line itself ---- */

static int
read_text(struct context *c)
{
	const char *s;
	size_t len;

	if (imap_reader_text(c->r, &s, &len, c->e) < 0)
		return -1;
	imap_code_parse(&c->reply->code, &c->reply->arena, s, len, &c->reply->text);
	return 0;
}

static int
read_words(struct context *c, enum imap_reply_kind kind)
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
read_numbered(struct context *c, const struct imap_token *t)
{
	struct imap_token word;
	uint64_t n;

	if (imap_reader_number(c->r, t, UINT32_MAX, &n, c->e) < 0 || next(c, &word) < 0)
		return -1;
	c->reply->number = (uint32_t)n;
	if (imap_token_is(&word, "FETCH") || imap_token_is(&word, "UIDFETCH")) {
		bool is_uid = imap_token_is(&word, "UIDFETCH");

		if (n == 0)
			return bad(c, "FETCH of message 0");
		if (read_fetch(c, is_uid ? 0 : (uint32_t)n) < 0)
			return -1;
		if (is_uid) {		/* RFC 9586 */
			c->reply->fetch.uid = (uint32_t)n;
			c->reply->fetch.has |= IMAP_FETCH_UID;
		}
		return 0;
	}
	if (imap_token_is(&word, "EXISTS"))
		c->reply->kind = IMAP_REPLY_EXISTS;
	else if (imap_token_is(&word, "RECENT"))
		c->reply->kind = IMAP_REPLY_RECENT;
	else if (imap_token_is(&word, "EXPUNGE"))
		c->reply->kind = IMAP_REPLY_EXPUNGE;
	return 0;
}

static int
read_flags(struct context *c)
{
	struct words w = { 0 };
	int rc = flag_list(c, &w);

	c->reply->kind = IMAP_REPLY_FLAGS;
	if (rc == 0)
		words_mask(&w, &c->reply->arena, &c->reply->mask);
	words_release(&w);
	return rc;
}

static int
read_untagged(struct context *c)
{
	static const struct {
		const char *word;
		int (*read)(struct context *c);
	} words[] = {
		{ "LIST", read_list }, { "LSUB", read_list }, { "XLIST", read_list },
		{ "STATUS", read_status }, { "FLAGS", read_flags }, { "VANISHED", read_vanished },
		{ "SEARCH", read_search }, { "ESEARCH", read_esearch }, { "NAMESPACE", read_namespace },
		{ "ID", read_id },
	};
	struct imap_token t;

	if (next(c, &t) < 0)
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

int
imap_reply_read(struct imap_reader *r, struct imap_reply *reply, const struct imap_body_sink *sink,
    struct err *e)
{
	struct context c = { .r = r, .reply = reply, .sink = sink, .e = e };
	struct imap_token t;

	arena_release(&reply->arena);
	reply->kind = IMAP_REPLY_OTHER;
	reply->text = reply->words = "";
	reply->words_len = 0;
	reply->code.kind = IMAP_CODE_NONE;
	if (imap_reader_start(r, &t, e) < 0)
		return -1;
	if (t.len == 1 && t.s[0] == '*') {
		if (read_untagged(&c) < 0)
			return -1;
		return imap_reader_skip(r, e);
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
