#include "sync/imap/caps.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

static const char *const names[IMAP_CAPS] = {
	[IMAP_CAP_IMAP4REV1] = "IMAP4REV1", [IMAP_CAP_IMAP4REV2] = "IMAP4REV2",
	[IMAP_CAP_STARTTLS] = "STARTTLS", [IMAP_CAP_LOGINDISABLED] = "LOGINDISABLED",
	[IMAP_CAP_SASL_IR] = "SASL-IR", [IMAP_CAP_LITERAL_PLUS] = "LITERAL+",
	[IMAP_CAP_LITERAL_MINUS] = "LITERAL-", [IMAP_CAP_ENABLE] = "ENABLE",
	[IMAP_CAP_CONDSTORE] = "CONDSTORE", [IMAP_CAP_QRESYNC] = "QRESYNC",
	[IMAP_CAP_UIDPLUS] = "UIDPLUS", [IMAP_CAP_MOVE] = "MOVE", [IMAP_CAP_UNSELECT] = "UNSELECT",
	[IMAP_CAP_LIST_EXTENDED] = "LIST-EXTENDED", [IMAP_CAP_LIST_STATUS] = "LIST-STATUS",
	[IMAP_CAP_SPECIAL_USE] = "SPECIAL-USE", [IMAP_CAP_CREATE_SPECIAL_USE] = "CREATE-SPECIAL-USE",
	[IMAP_CAP_NAMESPACE] = "NAMESPACE", [IMAP_CAP_ID] = "ID", [IMAP_CAP_IDLE] = "IDLE",
	[IMAP_CAP_NOTIFY] = "NOTIFY", [IMAP_CAP_ESEARCH] = "ESEARCH",
	[IMAP_CAP_SEARCHRES] = "SEARCHRES", [IMAP_CAP_MULTIAPPEND] = "MULTIAPPEND",
	[IMAP_CAP_COMPRESS_DEFLATE] = "COMPRESS=DEFLATE", [IMAP_CAP_OBJECTID] = "OBJECTID",
	[IMAP_CAP_UTF8_ACCEPT] = "UTF8=ACCEPT", [IMAP_CAP_UTF8_ONLY] = "UTF8=ONLY",
	[IMAP_CAP_APPENDLIMIT] = "APPENDLIMIT", [IMAP_CAP_STATUS_SIZE] = "STATUS=SIZE",
	[IMAP_CAP_ACL] = "ACL", [IMAP_CAP_QUOTA] = "QUOTA", [IMAP_CAP_BINARY] = "BINARY",
	[IMAP_CAP_REPLACE] = "REPLACE", [IMAP_CAP_SAVEDATE] = "SAVEDATE",
	[IMAP_CAP_MESSAGELIMIT] = "MESSAGELIMIT", [IMAP_CAP_SAVELIMIT] = "SAVELIMIT",
	[IMAP_CAP_UIDONLY] = "UIDONLY", [IMAP_CAP_PARTIAL] = "PARTIAL",
	[IMAP_CAP_X_GM_EXT_1] = "X-GM-EXT-1", [IMAP_CAP_XYMHIGHESTMODSEQ] = "XYMHIGHESTMODSEQ",
	[IMAP_CAP_WITHIN] = "WITHIN", [IMAP_CAP_MULTISEARCH] = "MULTISEARCH", [IMAP_CAP_SEARCH_FUZZY] = "SEARCH=FUZZY",
};

#define BIT(cap) (UINT64_C(1) << IMAP_CAP_##cap)
_Static_assert(IMAP_CAPS <= 64, "struct imap_caps keeps one bit each");

/* RFC 9051 appendix E: what a server of rev2 offers though it does not name it. */
static const uint64_t in_rev2 = BIT(ENABLE) | BIT(UIDPLUS) | BIT(MOVE) | BIT(UNSELECT) |
    BIT(LIST_EXTENDED) | BIT(LIST_STATUS) | BIT(SPECIAL_USE) | BIT(NAMESPACE) | BIT(IDLE) |
    BIT(ESEARCH) | BIT(SEARCHRES) | BIT(SASL_IR) | BIT(LITERAL_MINUS) | BIT(STATUS_SIZE);

/* The next word of *s, or NULL. */
static const char *
next_word(const char **s, const char *end, size_t *len_r)
{
	const char *start;

	while (*s < end && **s == ' ')
		(*s)++;
	start = *s;
	while (*s < end && **s != ' ')
		(*s)++;
	*len_r = (size_t)(*s - start);
	return *len_r == 0 ? NULL : start;
}

static bool
has_prefix(const char *word, size_t len, const char *prefix)
{
	return len >= strlen(prefix) && strncasecmp(word, prefix, strlen(prefix)) == 0;
}

static void
take_digits(const char *digits, size_t len, uint64_t *n_r)
{
	uint64_t n = 0;

	for (size_t i = 0; i < len; i++) {
		if (digits[i] < '0' || digits[i] > '9' || n > UINT64_MAX / 10 - 10)
			return;
		n = n * 10 + (uint64_t)(digits[i] - '0');
	}
	*n_r = n;
}

/* "NAME=number" */
static void
take_limit(struct imap_caps *caps, const char *word, size_t len)
{
	const struct { const char *prefix; uint64_t bit, *to; } limits[] = {
		{ "APPENDLIMIT=", BIT(APPENDLIMIT), &caps->append_limit },
		{ "MESSAGELIMIT=", BIT(MESSAGELIMIT), &caps->message_limit },
		{ "SAVELIMIT=", BIT(SAVELIMIT), &caps->save_limit },
	};

	for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
		size_t n = strlen(limits[i].prefix);

		if (!has_prefix(word, len, limits[i].prefix))
			continue;
		caps->has |= limits[i].bit;
		take_digits(word + n, len - n, limits[i].to);
	}
}

void
imap_caps_set(struct imap_caps *caps, const char *words, size_t len)
{
	const char *end = words + len, *word;
	size_t n;

	imap_caps_forget(caps);
	while ((word = next_word(&words, end, &n)) != NULL) {
		if (caps->list.len != 0)
			buf_addc(&caps->list, ' ');
		buf_add(&caps->list, word, n);
		take_limit(caps, word, n);
		for (int i = 0; i < IMAP_CAPS; i++)
			if (strlen(names[i]) == n && strncasecmp(word, names[i], n) == 0)
				caps->has |= UINT64_C(1) << i;
	}
	if ((caps->has & (BIT(IMAP4REV1) | BIT(IMAP4REV2))) == BIT(IMAP4REV2))
		caps->has |= in_rev2;
	if (caps->has & BIT(QRESYNC))
		caps->has |= BIT(CONDSTORE) | BIT(ENABLE);
}

void
imap_caps_forget(struct imap_caps *caps)
{
	caps->has = 0;
	caps->append_limit = caps->message_limit = caps->save_limit = 0;
	buf_clear(&caps->list);
}

void
imap_caps_release(struct imap_caps *caps)
{
	buf_release(&caps->list);
	*caps = (struct imap_caps){ 0 };
}

bool
imap_caps_are_known(const struct imap_caps *caps)
{
	return caps->list.len != 0;
}

bool
imap_caps_has(const struct imap_caps *caps, enum imap_cap cap)
{
	return (caps->has & ~caps->disabled & UINT64_C(1) << cap) != 0;
}

int
imap_caps_disable(struct imap_caps *caps, const char *name)
{
	for (int i = 0; i < IMAP_CAPS; i++) {
		if (strcasecmp(name, names[i]) != 0)
			continue;
		caps->disabled |= UINT64_C(1) << i;
		if (i == IMAP_CAP_CONDSTORE)
			caps->disabled |= BIT(QRESYNC);
		return 0;
	}
	return -1;
}

void
imap_caps_auth(const struct imap_caps *caps, struct buf *out)
{
	const char *s = buf_str(&caps->list), *end = s + caps->list.len, *word;
	size_t n, start = out->len;

	while ((word = next_word(&s, end, &n)) != NULL) {
		if (n <= 5 || !has_prefix(word, n, "AUTH="))
			continue;
		if (out->len != start)
			buf_addc(out, ' ');
		for (size_t i = 5; i < n; i++)
			buf_addc(out, (char)toupper((unsigned char)word[i]));
	}
}

void
imap_memory_release(struct imap_memory *m)
{
	buf_release(&m->prefix);
	buf_release(&m->caps);
	*m = (struct imap_memory){ 0 };
}

/* Fields are parted by one space; in a field, "%", blanks and all that does not print are "%xx". */
static void
put_field(struct buf *out, const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)s[i];

		if (c <= ' ' || c >= 0x7f || c == '%')
			buf_printf(out, "%%%02x", c);
		else
			buf_addc(out, (char)c);
	}
	buf_addc(out, ' ');
}

static bool
get_field(const char **s, struct buf *out)
{
	static const char hex[] = "0123456789abcdef";

	buf_clear(out);
	for (; **s != ' '; (*s)++) {
		const char *high, *low;

		if (**s == '\0')
			return false;
		if (**s != '%') {
			buf_addc(out, **s);
			continue;
		}
		high = (*s)[1] != '\0' ? strchr(hex, (*s)[1]) : NULL;
		low = high != NULL && (*s)[2] != '\0' ? strchr(hex, (*s)[2]) : NULL;
		if (low == NULL)
			return false;
		buf_addc(out, (char)((high - hex) << 4 | (low - hex)));
		*s += 2;
	}
	(*s)++;
	return true;
}

void
imap_memory_write(const struct imap_memory *m, struct buf *out)
{
	buf_adds(out, "1 ");
	put_field(out, m->mechanism, strlen(m->mechanism));
	buf_printf(out, "%s%s%s%s", m->is_stepwise ? "s" : "", m->shows_closed ? "c" : "", m->refuses_binding ? "b" : "",
	    m->needs_uidonly ? "u" : "");
	if (m->offered != 0)
		buf_printf(out, "%u", m->offered);
	buf_adds(out, "- ");
	put_field(out, &m->delimiter, m->delimiter != 0);
	put_field(out, buf_str(&m->prefix), m->prefix.len);
	for (size_t i = 0; i < m->caps.len; i++)
		if (m->caps.data[i] >= ' ' && m->caps.data[i] < 0x7f)
			buf_addc(out, m->caps.data[i]);
}

void
imap_memory_read(struct imap_memory *m, const char *text)
{
	struct buf field = { 0 };
	bool is_good = false;
	const char *at;

	imap_memory_release(m);
	if (strncmp(text, "1 ", 2) != 0)
		goto done;
	text += 2;
	if (!get_field(&text, &field) || field.len >= sizeof m->mechanism)
		goto done;
	memcpy(m->mechanism, buf_str(&field), field.len + 1);
	if (!get_field(&text, &field))
		goto done;
	m->is_stepwise = strchr(buf_str(&field), 's') != NULL;
	m->shows_closed = strchr(buf_str(&field), 'c') != NULL;
	m->refuses_binding = strchr(buf_str(&field), 'b') != NULL;
	at = strpbrk(buf_str(&field), "1234");
	m->offered = at != NULL ? (unsigned)(*at - '0') : 0;
	m->needs_uidonly = strchr(buf_str(&field), 'u') != NULL;
	if (!get_field(&text, &field) || field.len > 1)
		goto done;
	m->delimiter = field.len == 1 ? field.data[0] : '\0';
	if (!get_field(&text, &m->prefix))
		goto done;
	buf_adds(&m->caps, text);
	is_good = true;
done:
	if (!is_good)
		imap_memory_release(m);
	buf_release(&field);
}
