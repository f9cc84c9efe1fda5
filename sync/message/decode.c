#include "sync/message/decode.h"

#include <string.h>
#include <strings.h>

#include "sync/message/days.h"
#include "sync/message/header.h"
#include "sync/message/utf8.h"

/* ---- charsets ---- */

enum charset { CHARSET_UNKNOWN, CHARSET_UTF8, CHARSET_LATIN1, CHARSET_LATIN9, CHARSET_CP1252 };

static enum charset
find_charset(const char *name, size_t len)
{
	static const struct { const char *name; enum charset charset; } names[] = {
		{ "utf-8", CHARSET_UTF8 }, { "utf8", CHARSET_UTF8 }, { "us-ascii", CHARSET_UTF8 }, { "ascii", CHARSET_UTF8 },
		/* What calls itself Latin-1 is often windows-1252, which differs in what would be control characters alone. */
		{ "iso-8859-1", CHARSET_CP1252 }, { "iso-8859-15", CHARSET_LATIN9 }, { "latin1", CHARSET_CP1252 },
		{ "windows-1252", CHARSET_CP1252 }, { "cp1252", CHARSET_CP1252 },
	};
	const char *star = memchr(name, '*', len);	/* a language, RFC 2231 section 5 */

	if (star != NULL)
		len = (size_t)(star - name);
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (strlen(names[i].name) == len && strncasecmp(names[i].name, name, len) == 0)
			return names[i].charset;
	return CHARSET_UNKNOWN;
}

static uint32_t
code_of(unsigned char c, enum charset charset)
{
	static const uint16_t cp1252[32] = { 0x20ac, 0xfffd, 0x201a, 0x192, 0x201e, 0x2026, 0x2020, 0x2021, 0x2c6, 0x2030, 0x160, 0x2039,
		0x152, 0xfffd, 0x17d, 0xfffd, 0xfffd, 0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014, 0x2dc, 0x2122, 0x161,
		0x203a, 0x153, 0xfffd, 0x17e, 0x178 };
	static const struct { unsigned char c; uint16_t code; } latin9[] = { { 0xa4, 0x20ac }, { 0xa6, 0x160 }, { 0xa8, 0x161 },
		{ 0xb4, 0x17d }, { 0xb8, 0x17e }, { 0xbc, 0x152 }, { 0xbd, 0x153 }, { 0xbe, 0x178 } };

	if (charset == CHARSET_CP1252 && c >= 0x80 && c < 0xa0)
		return cp1252[c - 0x80];
	for (size_t i = 0; charset == CHARSET_LATIN9 && i < sizeof latin9 / sizeof *latin9; i++)
		if (latin9[i].c == c)
			return latin9[i].code;
	return c;
}

/* Octets of a charset, in which a person could have hidden what moves a cursor. */
static void
add_text(struct buf *out, const struct buf *raw, enum charset charset)
{
	const char *p = buf_str(raw), *end = p + raw->len;
	uint32_t c;
	size_t n;

	for (; p < end; p += n) {
		n = 1;
		if (charset == CHARSET_UTF8) {
			n = utf8_get(p, (size_t)(end - p), &c);
			if (n == 0) {
				n = 1;
				c = '?';
			}
		} else {
			c = code_of((unsigned char)*p, charset);
		}
		utf8_add(out, c < ' ' || (c >= 0x7f && c < 0xa0) ? ' ' : c);
	}
}

/* ---- encoded words ---- */

static int
hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool
read_q(const char *p, const char *end, struct buf *raw)
{
	for (; p < end; p++) {
		if (*p == '=' && end - p >= 3 && hex(p[1]) >= 0 && hex(p[2]) >= 0) {
			buf_addc(raw, (char)(hex(p[1]) << 4 | hex(p[2])));
			p += 2;
		} else if (*p == '=') {
			return false;
		} else {
			buf_addc(raw, (char)(*p == '_' ? ' ' : *p));
		}
	}
	return true;
}

static bool
read_b(const char *p, const char *end, struct buf *raw)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	uint32_t bits = 0;
	int n = 0;

	while (end > p && end[-1] == '=')
		end--;
	for (; p < end; p++) {
		const char *digit = *p != '\0' ? strchr(digits, *p) : NULL;

		if (digit == NULL)
			return false;
		bits = bits << 6 | (uint32_t)(digit - digits);
		n += 6;
		if (n >= 8) {
			n -= 8;
			buf_addc(raw, (char)(bits >> n & 0xff));
		}
	}
	return true;
}

/* "=?charset?q?text?=" at p: its octets go behind `raw`. Returns its end, or NULL: it is none that can be read. */
static const char *
read_word(const char *p, const char *end, struct buf *raw, enum charset *charset_r)
{
	enum { LONGEST = 1000 };	/* 75 by RFC 2047 section 2; the rest is no reason to look through a long line again and again */
	const char *name = p + 2, *how, *text, *last;
	struct buf octets = { 0 };
	bool is_read;

	if (end - p > LONGEST)
		end = p + LONGEST;
	if (end - p < 9 || p[0] != '=' || p[1] != '?' || (how = memchr(name, '?', (size_t)(end - name))) == NULL || end - how < 5 ||
	    how[2] != '?')
		return NULL;
	text = how + 3;
	for (last = text; last + 1 < end && !(last[0] == '?' && last[1] == '='); last++)
		if (*last == ' ')
			return NULL;
	*charset_r = find_charset(name, (size_t)(how - name));
	if (last + 1 >= end || *charset_r == CHARSET_UNKNOWN)
		return NULL;
	is_read = (how[1] | 0x20) == 'q' ? read_q(text, last, &octets) : (how[1] | 0x20) == 'b' && read_b(text, last, &octets);
	if (is_read)
		buf_add(raw, buf_str(&octets), octets.len);
	buf_release(&octets);
	return is_read ? last + 2 : NULL;
}

/* Blanks between two encoded words are none (RFC 2047 section 6.2). */
static const char *
skip_gap(const char *p, const char *end)
{
	struct buf unused = { 0 };
	enum charset charset;
	const char *next = p;

	while (next < end && *next == ' ')
		next++;
	if (next == end || read_word(next, end, &unused, &charset) == NULL)
		next = p;
	buf_release(&unused);
	return next;
}

void
decode_words(struct buf *out, const char *value, size_t len)
{
	const char *p = value, *end = value + len, *next;
	enum charset charset, before = CHARSET_UNKNOWN;
	struct buf word = { 0 }, raw = { 0 };		/* raw: octets of words in `before`: a character may be cut in two */

	while (p < end) {
		next = *p == '=' ? read_word(p, end, &word, &charset) : NULL;
		if (raw.len > 0 && (next == NULL || charset != before)) {
			add_text(out, &raw, before);
			buf_clear(&raw);
		}
		if (next == NULL) {
			buf_addc(out, *p++);
			continue;
		}
		buf_add(&raw, buf_str(&word), word.len);
		buf_clear(&word);
		before = charset;
		p = skip_gap(next, end);
	}
	if (raw.len > 0)
		add_text(out, &raw, before);
	buf_release(&word);
	buf_release(&raw);
}

const char *
decode_field(struct arena *a, const char *header, size_t len, const char *name, size_t most)
{
	char value[DECODE_FIELD_MOST];
	struct buf text = { 0 };
	const char *out;

	if (!header_get(header, len, name, value, most < sizeof value ? most : sizeof value))
		return "";
	decode_words(&text, value, strlen(value));
	out = arena_strdup(a, buf_str(&text));
	buf_release(&text);
	return out;
}

/* ---- dates ---- */

/* Skips blanks and comments. */
static const char *
skip(const char *p)
{
	int depth = 0;

	for (; *p != '\0' && (*p == ' ' || *p == '\t' || *p == '(' || depth > 0); p++) {
		if (*p == '\\' && depth > 0 && p[1] != '\0')
			p++;
		else if (*p == '(')
			depth++;
		else if (*p == ')')
			depth--;
	}
	return p;
}

/* 1 to 4 digits. NULL = there is no such number. */
static const char *
read_digits(const char *p, int *n_r, int *digits_r)
{
	int digits = 0, n = 0;

	for (; *p >= '0' && *p <= '9' && digits < 5; p++, digits++)
		n = n * 10 + (*p - '0');
	*n_r = n;
	*digits_r = digits;
	return digits >= 1 && digits <= 4 ? p : NULL;
}

static int
read_month(const char *p)
{
	static const char names[] = "janfebmaraprmayjunjulaugsepoctnovdec";

	for (int m = 0; m < 12; m++)
		if (strncasecmp(names + 3 * m, p, 3) == 0)
			return m + 1;
	return 0;
}

/* "+0100", "EST". What is not known is UTC (RFC 5322 section 4.3). */
static int
read_zone(const char *p)
{
	static const struct { char name[4]; int hours; } zones[] = { { "EST", -5 }, { "EDT", -4 }, { "CST", -6 }, { "CDT", -5 },
		{ "MST", -7 }, { "MDT", -6 }, { "PST", -8 }, { "PDT", -7 } };
	int n, digits;

	if (*p == '+' || *p == '-') {
		if (read_digits(p + 1, &n, &digits) == NULL || digits != 4 || n > 2359 || n % 100 > 59)
			return 0;
		n = n / 100 * 60 + n % 100;
		return *p == '-' ? -n : n;
	}
	for (size_t i = 0; i < sizeof zones / sizeof *zones; i++)
		if (strncasecmp(zones[i].name, p, 3) == 0)
			return zones[i].hours * 60;
	return 0;
}

int
decode_date(const char *value, int64_t *time_r, int *zone_r)
{
	int day, month, year, hour = 0, minute = 0, second = 0, digits, zone;
	const char *p = skip(value), *comma = strchr(p, ',');

	if (comma != NULL && !(*p >= '0' && *p <= '9'))
		p = skip(comma + 1);
	p = read_digits(p, &day, &digits);
	if (p == NULL || (month = read_month(p = skip(p + (*p == '-')))) == 0)
		return -1;
	p += 3;
	p = read_digits(skip(p + (*p == '-')), &year, &digits);
	if (p == NULL || digits < 2)
		return -1;
	if (digits < 4)
		year += digits == 2 && year < 50 ? 2000 : 1900;
	p = read_digits(skip(p), &hour, &digits);
	if (p == NULL || *(p = skip(p)) != ':' || (p = read_digits(skip(p + 1), &minute, &digits)) == NULL)
		return -1;
	p = skip(p);
	if (*p == ':' && (p = read_digits(skip(p + 1), &second, &digits)) == NULL)
		return -1;
	if (day < 1 || day > 31 || hour > 23 || minute > 59 || second > 60 || year < 1)
		return -1;
	zone = read_zone(skip(p));
	*time_r = days_of(year, month, day) * 86400 + hour * 3600 + minute * 60 + second - zone * 60;
	if (zone_r != NULL)
		*zone_r = zone;
	return 0;
}

int64_t
decode_sent(const char *header, size_t len, int64_t otherwise)
{
	char value[256];
	int64_t time;

	return header_get(header, len, "Date", value, sizeof value) && decode_date(value, &time, NULL) == 0 ? time : otherwise;
}
