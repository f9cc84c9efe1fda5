/* LIST, STATUS, NAMESPACE, ID, QUOTA (RFC 9051 section 7.3, RFC 2342, RFC 2971, RFC 9208). */
#include "sync/imap/reply_parts.h"

#include <string.h>
#include <strings.h>

#include "state/base/buf.h"

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
delimiter(struct reply_context *c, char *d_r)
{
	struct imap_token t;

	if (reply_next(c, &t) < 0)
		return -1;
	*d_r = '\0';
	if (imap_token_is(&t, "NIL"))
		return 0;
	if (imap_reader_string(c->r, &t, c->e) < 0)
		return -1;
	if (t.len > 1 || (t.len == 1 && (t.s[0] < 0x20 || t.s[0] > 0x7e)))
		return reply_bad(c, "a hierarchy delimiter that is no character");
	if (t.len == 1)
		*d_r = t.s[0];
	return 0;
}

/* ("CHILDINFO" ("SUBSCRIBED") "OLDNAME" ("x")) behind the name (RFC 5258, RFC 9051). */
static int
list_extended(struct reply_context *c)
{
	struct imap_list *list = &c->reply->list;
	struct imap_token t;
	size_t len;

	for (;;) {
		if (reply_next(c, &t) < 0)
			return -1;
		if (t.kind == IMAP_TOKEN_CLOSE)
			return 0;
		if (imap_reader_string(c->r, &t, c->e) < 0)
			return -1;
		if (t.len == 7 && strncasecmp(t.s, "OLDNAME", 7) == 0) {
			if (reply_expect(c, IMAP_TOKEN_OPEN, "OLDNAME without a list") < 0 ||
			    reply_string(c, &list->old_name, &len, false) < 0 ||
			    reply_expect(c, IMAP_TOKEN_CLOSE, "OLDNAME without a list") < 0)
				return -1;
			continue;
		}
		list->has_childinfo |= t.len == 9 && strncasecmp(t.s, "CHILDINFO", 9) == 0;
		if (imap_reader_skip_value(c->r, c->e) < 0)
			return -1;
	}
}

int
reply_read_list(struct reply_context *c)
{
	struct imap_list *list = &c->reply->list;
	struct imap_token t;
	int got;

	*list = (struct imap_list){ .is_lsub = c->is_lsub };
	c->reply->kind = IMAP_REPLY_LIST;
	if (reply_expect(c, IMAP_TOKEN_OPEN, "LIST without attributes") < 0)
		return -1;
	while ((got = reply_next_atom(c, &t, "no attribute")) > 0)
		for (size_t i = 0; i < sizeof attributes / sizeof attributes[0]; i++)
			if (imap_token_is(&t, attributes[i].name))
				list->attributes |= attributes[i].bits;
	if (got < 0 || delimiter(c, &list->delimiter) < 0 || reply_string(c, &list->name, &list->name_len, false) < 0 ||
	    reply_next(c, &t) < 0)
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
	{ "UIDVALIDITY", IMAP_STATUS_UIDVALIDITY, offsetof(struct imap_status_data, uidvalidity), true },
	{ "UNSEEN", IMAP_STATUS_UNSEEN, offsetof(struct imap_status_data, unseen), false },
	{ "DELETED", IMAP_STATUS_DELETED, offsetof(struct imap_status_data, deleted), false },
	{ "RECENT", IMAP_STATUS_RECENT, offsetof(struct imap_status_data, recent), false },
	{ "HIGHESTMODSEQ", IMAP_STATUS_HIGHESTMODSEQ, offsetof(struct imap_status_data, highestmodseq), true },
	{ "SIZE", IMAP_STATUS_SIZE, offsetof(struct imap_status_data, size), true },
	{ "APPENDLIMIT", IMAP_STATUS_APPENDLIMIT, offsetof(struct imap_status_data, append_limit), true },
};

static int
status_item(struct reply_context *c, const struct imap_token *name)
{
	struct imap_status_data *st = &c->reply->status_data;
	size_t i, n = sizeof status_items / sizeof status_items[0];
	struct imap_token t;
	uint64_t value;

	if (imap_token_is(name, "MAILBOXID")) {
		if (reply_object_id(c, &st->mailboxid) < 0)
			return -1;
		st->has |= st->mailboxid != NULL ? IMAP_STATUS_MAILBOXID : 0;
		return 0;
	}
	for (i = 0; i < n && !imap_token_is(name, status_items[i].name); i++)
		;
	if (i == n)
		return imap_reader_skip_value(c->r, c->e);
	if (reply_next(c, &t) < 0)
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

int
reply_read_status(struct reply_context *c)
{
	struct imap_status_data *st = &c->reply->status_data;
	struct imap_token t;
	int got;

	memset(st, 0, sizeof *st);
	c->reply->kind = IMAP_REPLY_STATUS_DATA;
	if (reply_string(c, &st->name, &st->name_len, false) < 0 ||
	    reply_expect(c, IMAP_TOKEN_OPEN, "STATUS without a list") < 0)
		return -1;
	while ((got = reply_next_atom(c, &t, "a STATUS item without a name")) > 0)
		if (status_item(c, &t) < 0)
			return -1;
	return got;
}

/* ((prefix delimiter ...) ...) or NIL. */
static int
namespace_group(struct reply_context *c, enum imap_namespace_kind kind)
{
	struct imap_reply *reply = c->reply;
	struct imap_token t;
	struct imap_namespace *grown;
	size_t len;

	if (reply_next(c, &t) < 0)
		return -1;
	if (imap_token_is(&t, "NIL"))
		return 0;
	if (t.kind != IMAP_TOKEN_OPEN)
		return reply_bad(c, "no namespace");
	for (;;) {
		struct imap_namespace ns = { .kind = kind };

		if (reply_next(c, &t) < 0)
			return -1;
		if (t.kind == IMAP_TOKEN_CLOSE)
			return 0;
		if (t.kind != IMAP_TOKEN_OPEN || reply->n_namespaces >= 64)
			return reply_bad(c, "no namespace");
		if (reply_string(c, &ns.prefix, &len, true) < 0 || delimiter(c, &ns.delimiter) < 0)
			return -1;
		if (ns.prefix == NULL)
			ns.prefix = "";
		grown = arena_alloc(&reply->arena, (reply->n_namespaces + 1) * sizeof *grown);
		if (reply->n_namespaces > 0)
			memcpy(grown, reply->namespaces, reply->n_namespaces * sizeof *grown);
		grown[reply->n_namespaces++] = ns;
		reply->namespaces = grown;
		for (;;) {		/* extensions: name and list */
			if (reply_next(c, &t) < 0)
				return -1;
			if (t.kind == IMAP_TOKEN_CLOSE)
				break;
			if (imap_reader_skip_from(c->r, &t, c->e) < 0)
				return -1;
		}
	}
}

int
reply_read_namespace(struct reply_context *c)
{
	c->reply->kind = IMAP_REPLY_NAMESPACE;
	c->reply->n_namespaces = 0;
	if (namespace_group(c, IMAP_PERSONAL) < 0 || namespace_group(c, IMAP_OTHER_USERS) < 0)
		return -1;
	return namespace_group(c, IMAP_SHARED);
}

int
reply_read_id(struct reply_context *c)
{
	struct buf words = { 0 };
	struct imap_token t;
	int rc = -1;

	c->reply->kind = IMAP_REPLY_ID;
	if (reply_next(c, &t) < 0)
		goto done;
	if (t.kind == IMAP_TOKEN_OPEN) {
		for (;;) {
			if (reply_next(c, &t) < 0)
				goto done;
			if (t.kind == IMAP_TOKEN_CLOSE)
				break;
			if (imap_reader_string(c->r, &t, c->e) < 0)
				goto done;
			buf_add(&words, t.s, strnlen(t.s, t.len));
			buf_addc(&words, '\0');
		}
	} else if (!imap_token_is(&t, "NIL")) {
		reply_bad(c, "no ID list");
		goto done;
	}
	c->reply->words = arena_dup(&c->reply->arena, buf_str(&words), words.len + 1);
	c->reply->words_len = words.len;
	rc = 0;
done:
	buf_release(&words);
	return rc;
}


/* "root" (STORAGE 10 512 MESSAGE 3 1000): resources that nobody here asks about are passed over. */
int
reply_read_quota(struct reply_context *c)
{
	struct imap_quota *quota = &c->reply->quota;
	struct imap_quota_of *of, unused;
	struct imap_token t;
	size_t len;
	int got;

	*quota = (struct imap_quota){ .root = NULL };
	c->reply->kind = IMAP_REPLY_QUOTA;
	if (reply_string(c, &quota->root, &len, false) < 0 || reply_expect(c, IMAP_TOKEN_OPEN, "QUOTA without a list") < 0)
		return -1;
	while ((got = reply_next_atom(c, &t, "no resource")) > 0) {
		of = imap_token_is(&t, "STORAGE") ? &quota->storage : imap_token_is(&t, "MESSAGE") ? &quota->messages : &unused;
		if (reply_number(c, UINT64_MAX, &of->used) < 0 || reply_number(c, UINT64_MAX, &of->limit) < 0)
			return -1;
		of->is_said = true;
	}
	return got;
}
