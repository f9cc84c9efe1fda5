#include "sync/imap/writer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "sync/imap/date.h"
#include "sync/imap/utf7.h"
#include "sync/imap/words.h"

void
imap_command_init(struct imap_command *c, enum imap_command_kind kind, const struct imap_caps *caps,
    bool is_utf8)
{
	*c = (struct imap_command){ .kind = kind, .caps = caps, .is_utf8 = is_utf8 };
}

void
imap_command_release(struct imap_command *c)
{
	buf_release(&c->text);
	imap_uidset_release(&c->uids);
	vec_release(&c->stops);
	free(c->box);
	c->box = NULL;
}

void
imap_put(struct imap_command *c, const char *ours)
{
	buf_adds(&c->text, ours);
}

void
imap_putf(struct imap_command *c, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	buf_adds(&c->text, text);
}

/* ATOM-CHAR and "]" (RFC 9051, astring). */
static bool
is_atom(const char *s, size_t len)
{
	if (len == 0)
		return false;
	for (size_t i = 0; i < len; i++) {
		unsigned char ch = (unsigned char)s[i];

		if (ch <= ' ' || ch >= 0x7f || strchr("(){%*\"\\", ch) != NULL)
			return false;
	}
	return true;
}

static bool
is_quotable(const char *s, size_t len, bool is_utf8)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char ch = (unsigned char)s[i];

		if (ch == '\0' || ch == '\r' || ch == '\n' || (ch >= 0x80 && !is_utf8))
			return false;
	}
	return len <= 1000;
}

/* {n} or {n+} and CRLF; the stop that belongs to it. */
static void
put_size(struct imap_command *c, uint64_t size, const struct imap_source *source)
{
	bool is_free = imap_caps_has(c->caps, IMAP_CAP_LITERAL_PLUS) ||
	    (imap_caps_has(c->caps, IMAP_CAP_LITERAL_MINUS) && size <= IMAP_LITERAL_MINUS_MAX);

	buf_printf(&c->text, "{%llu%s}\r\n", (unsigned long long)size, is_free ? "+" : "");
	if (is_free && source == NULL)
		return;
	vec_push(&c->stops, (struct imap_stop){ .end = c->text.len, .must_wait = !is_free });
	if (source != NULL) {
		c->stops.at[c->stops.n - 1].has_source = true;
		c->stops.at[c->stops.n - 1].source = *source;
	}
}

void
imap_put_string(struct imap_command *c, const char *s, size_t len)
{
	if (!is_quotable(s, len, c->is_utf8 && utf8_is_valid(s, len))) {
		put_size(c, len, NULL);
		buf_add(&c->text, s, len);
		return;
	}
	buf_addc(&c->text, '"');
	for (size_t i = 0; i < len; i++) {
		if (s[i] == '"' || s[i] == '\\')
			buf_addc(&c->text, '\\');
		buf_addc(&c->text, s[i]);
	}
	buf_addc(&c->text, '"');
}

void
imap_put_astring(struct imap_command *c, const char *s, size_t len)
{
	/* NIL would be taken for none at all by servers that are loose about it. */
	if (is_atom(s, len) && !(len == 3 && strncasecmp(s, "NIL", 3) == 0))
		buf_add(&c->text, s, len);
	else
		imap_put_string(c, s, len);
}

int
imap_put_mailbox(struct imap_command *c, const char *utf8, struct err *e)
{
	struct buf wire = { 0 };
	int rc = -1;

	if (imap_name_to_wire(&wire, utf8, strlen(utf8), c->is_utf8) < 0) {
		err_class(e, ERR_BOX, ERR_FAILED, ERR_NEVER, "mailbox \"%s\": a name that is no UTF-8", utf8);
		goto done;
	}
	imap_put_wire_mailbox(c, wire.data, wire.len);
	rc = 0;
done:
	buf_release(&wire);
	return rc;
}

void
imap_put_wire_mailbox(struct imap_command *c, const char *wire, size_t len)
{
	/* Quoted even where an atom would do: names that begin with a digit or a bracket confuse some. */
	if (len == 5 && strncasecmp(wire, "INBOX", 5) == 0)
		imap_put(c, "INBOX");
	else
		imap_put_string(c, wire, len);
	free(c->box);
	c->box = mem_alloc(len + 1);
	memcpy(c->box, wire, len);
}

size_t
imap_put_uids(struct imap_command *c, const uint32_t *uids, size_t n, size_t reserve)
{
	size_t used = c->text.len + reserve + 16, room = used + 21 < IMAP_COMMAND_MAX ? IMAP_COMMAND_MAX - used : 21;
	size_t took = imap_uidset_write(&c->text, uids, n, room);

	for (size_t i = 0; i < took; i++)
		imap_uidset_add(&c->uids, uids[i]);
	imap_uidset_normalise(&c->uids);
	return took;
}

void
imap_put_saved(struct imap_command *c, const uint32_t *uids, size_t n)
{
	imap_put(c, "$");
	c->kind = IMAP_SAVED;
	for (size_t i = 0; i < n; i++)
		imap_uidset_add(&c->uids, uids[i]);
	imap_uidset_normalise(&c->uids);
}

void
imap_put_uids_from(struct imap_command *c, uint32_t first)
{
	imap_putf(c, "%u:*", first);
	c->wants_any_uid = true;
}

void
imap_put_uid_range(struct imap_command *c, uint32_t first, uint32_t last)
{
	imap_putf(c, first == last ? "%u" : "%u:%u", first, last);
	vec_push(&c->uids, (struct imap_range){ first, last });
}

void
imap_put_search(struct imap_command *c)
{
	c->is_esearch = imap_caps_has(c->caps, IMAP_CAP_ESEARCH);
	c->is_search = !c->is_esearch;
	imap_put(c, c->is_esearch ? "UID SEARCH RETURN (ALL) " : "UID SEARCH ");
}

bool
imap_is_keyword(const char *s, size_t len)
{
	return is_atom(s, len) && memchr(s, ']', len) == NULL;
}

static int
check_flags(struct flags flags, struct err *e)
{
	const char *p = flags.kw, *word;
	size_t len;

	while ((word = kw_next(&p, &len)) != NULL)
		if (!imap_is_keyword(word, len))
			return err_class(e, ERR_MESSAGE, ERR_FAILED, ERR_NEVER,
			    "keyword \"%.*s\" cannot be stored on an IMAP server", (int)len, word);
	return 0;
}

int
imap_put_flags(struct imap_command *c, struct flags flags, struct err *e)
{
	if (check_flags(flags, e) < 0)
		return -1;
	words_write(&c->text, flags);
	return 0;
}

void
imap_put_date(struct imap_command *c, int64_t time, int zone)
{
	buf_addc(&c->text, '"');
	imap_date_format(&c->text, time, zone);
	buf_addc(&c->text, '"');
}

void
imap_put_literal(struct imap_command *c, const struct imap_source *source)
{
	put_size(c, source->size, source);
}

int
imap_name_to_wire(struct buf *out, const char *utf8, size_t len, bool is_utf8)
{
	if (!is_utf8)
		return utf7_encode(out, utf8, len);
	if (!utf8_is_valid(utf8, len))
		return -1;
	buf_add(out, utf8, len);
	return 0;
}

int
imap_name_from_wire(struct buf *out, const char *wire, size_t len, bool is_utf8)
{
	if (len == 5 && strncasecmp(wire, "INBOX", 5) == 0) {
		buf_adds(out, "INBOX");
		return 0;
	}
	if (!is_utf8)
		return utf7_decode(out, wire, len);
	if (!utf8_is_valid(wire, len))
		return -1;
	buf_add(out, wire, len);
	return 0;
}

bool
imap_wire_equal(const char *a, size_t a_len, const char *b, size_t b_len)
{
	if (a_len != b_len)
		return false;
	return memcmp(a, b, a_len) == 0 || (a_len == 5 && strncasecmp(a, "INBOX", 5) == 0 &&
	    strncasecmp(b, "INBOX", 5) == 0);
}
