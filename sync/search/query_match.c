#include "sync/search/query_match.h"

#include <assert.h>
#include <string.h>
#include <strings.h>

#include "sync/message/decode.h"
#include "sync/message/header.h"
#include "sync/message/utf8.h"
#include "sync/pair/unicode.h"

enum { FIELD_MOST = 16384 };		/* octets of one line of a header that are looked at */

const char *
query_cannot_here(const struct query *q)
{
	if (query_has(q, QUERY_BODY))
		return "body: is looked for by a server, and here are only headers";
	if (query_has(q, QUERY_GMAIL))
		return "gmail: is looked for by Gmail";
	return NULL;
}

/* Letters without regard to case; what differs only by how it is composed is the same. */
static void
fold(struct buf *out, const char *s, size_t len)
{
	uint32_t c, parts[UNICODE_DECOMPOSED_MAX];
	size_t at, n, k;

	for (at = 0; at < len; at += n) {
		n = utf8_get(s + at, len - at, &c);
		if (n == 0) {
			n = 1;
			buf_addc(out, s[at]);
			continue;
		}
		k = unicode_decompose(c, parts);
		for (size_t i = 0; i < k; i++)
			utf8_add(out, unicode_fold(parts[i]));
	}
}

static bool
holds(const char *text, size_t len, const char *wanted)
{
	struct buf decoded = { 0 }, folded = { 0 }, what = { 0 };
	bool is_found;

	decode_words(&decoded, text, len);
	fold(&folded, buf_str(&decoded), decoded.len);
	fold(&what, wanted, strlen(wanted));
	is_found = memmem(buf_str(&folded), folded.len, buf_str(&what), what.len) != NULL;
	buf_release(&decoded);
	buf_release(&folded);
	buf_release(&what);
	return is_found;
}

/* The fields called `name` (NULL: all of them, with their names), one after the other: *at goes behind each. */
static bool
next_field(const struct query_message *m, size_t *at, const char *name, char value_r[FIELD_MOST])
{
	const char *p, *end = m->header + m->len, *line, *colon;
	size_t len;

	while (*at < m->len) {
		p = m->header + *at;
		if (*p == '\n' || (*p == '\r' && p + 1 < end && p[1] == '\n'))
			return false;
		line = p;
		do {
			p = memchr(p, '\n', (size_t)(end - p));
			p = p != NULL ? p + 1 : end;
		} while (p < end && (*p == ' ' || *p == '\t'));
		*at = (size_t)(p - m->header);
		colon = memchr(line, ':', (size_t)(p - line));
		if (colon == NULL)
			continue;
		for (len = (size_t)(colon - line); len > 0 && (line[len - 1] == ' ' || line[len - 1] == '\t'); len--)
			continue;
		if (name != NULL && (strlen(name) != len || strncasecmp(line, name, len) != 0))
			continue;
		header_unfold(name != NULL ? colon + 1 : line, p, value_r, FIELD_MOST);
		return true;
	}
	return false;
}

static bool
in_fields(const struct query_message *m, const char *name, const char *text)
{
	char value[FIELD_MOST];
	size_t at = 0;

	while (next_field(m, &at, name, value))
		if (holds(value, strlen(value), text))
			return true;
	return false;
}

static bool
has_attachment(const struct query_message *m)
{
	static const char mixed[] = "multipart/mixed";
	char value[FIELD_MOST];

	return header_get(m->header, m->len, "Content-Type", value, sizeof value) && strncasecmp(value, mixed, sizeof mixed - 1) == 0;
}

/* The Date line, else when it arrived. */
static int64_t
date_of(const struct query_message *m, int *zone_r)
{
	char value[256];
	int64_t time;

	*zone_r = 0;
	if (header_get(m->header, m->len, "Date", value, sizeof value) && decode_date(value, &time, zone_r) == 0)
		return time;
	return m->arrived;
}

static bool
is_of_day(const struct query *q, const struct query_message *m)
{
	int zone;
	int64_t local = date_of(m, &zone) + zone * 60, day = local / 86400 - (local % 86400 < 0);

	switch (q->rel) {
	case QUERY_SINCE:
		return day >= q->day;
	case QUERY_BEFORE:
		return day < q->day;
	case QUERY_ON:
		return day == q->day;
	}
	return false;
}

static bool
is_of_age(const struct query *q, const struct query_message *m)
{
	int zone;
	const bool is_newer = date_of(m, &zone) > m->now - q->seconds;

	return q->rel == QUERY_SINCE ? is_newer : !is_newer;
}

bool
query_matches(const struct query *q, const struct query_message *m)
{
	switch (q->kind) {
	case QUERY_AND:
		return query_matches(q->left, m) && query_matches(q->right, m);
	case QUERY_OR:
		return query_matches(q->left, m) || query_matches(q->right, m);
	case QUERY_NOT:
		return !query_matches(q->left, m);
	case QUERY_EVERY:
		return true;
	case QUERY_ADDRESS:
	case QUERY_HEADER:
		return in_fields(m, q->name, q->text);
	case QUERY_TEXT:
		return in_fields(m, NULL, q->text);
	case QUERY_DATE:
		return is_of_day(q, m);
	case QUERY_AGE:
		return is_of_age(q, m);
	case QUERY_SIZE:
		return q->is_more ? m->size > q->octets : m->size < q->octets;
	case QUERY_FLAG:
		return ((m->flags.sys & q->flag) != 0) != q->is_unset;
	case QUERY_KEYWORD:
		return kw_has(m->flags.kw, q->text);
	case QUERY_ATTACHMENT:
		return has_attachment(m);
	case QUERY_NONE:
	case QUERY_BODY:
	case QUERY_IN:
	case QUERY_GMAIL:
		break;
	}
	return false;
}
