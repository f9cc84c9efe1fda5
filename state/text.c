#include "state/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "state/model/flags.h"

const char *const text_sides[] = { "far", "near", NULL };
const char *const text_marks[] = { "new", "orphan", "skipped", "failed", "expired", "tombstone", NULL };
const char *const text_bases[] = { "listed", "told", "doubted", "shared", "guessed", "ours", "shared-told", "moving", NULL };
const char *const text_troubles[] = { "none", "session", "left-out", NULL };
const char *const text_intents[] = { "deliver", "move", "clone", "expunge", "rename", NULL };

static const char digits[] = "0123456789ABCDEF";

static void
escape_byte(struct buf *b, unsigned char c)
{
	buf_addc(b, '%');
	buf_addc(b, digits[c >> 4]);
	buf_addc(b, digits[c & 15]);
}

void
text_escape(struct buf *b, const void *data, size_t len)
{
	const unsigned char *p = data;
	size_t i;

	for (i = 0; i < len; i++) {
		if (p[i] > ' ' && p[i] <= '~' && p[i] != '%')
			buf_addc(b, (char)p[i]);
		else
			escape_byte(b, p[i]);
	}
}

/* Four bytes, the first of which no file name begins with. */
static bool
looks_like_uid(struct key k)
{
	return k.len == 4 && (unsigned char)k.data[0] < ' ';
}

void
text_key(struct buf *b, struct key k)
{
	if (looks_like_uid(k)) {
		buf_printf(b, "#%lu", (unsigned long)key_uid(k));
	} else if (k.len != 0 && k.data[0] == '#') {
		escape_byte(b, '#');
		text_escape(b, k.data + 1, k.len - 1);
	} else {
		text_escape(b, k.data, k.len);
	}
}

void
text_hex(struct buf *b, const void *data, size_t len)
{
	const unsigned char *p = data;
	size_t i;

	for (i = 0; i < len; i++) {
		buf_addc(b, digits[p[i] >> 4]);
		buf_addc(b, digits[p[i] & 15]);
	}
}

void
text_flags(struct buf *b, uint32_t sys)
{
	char letters[7];

	if (sys & ~(uint32_t)FLAG_ALL) {
		buf_printf(b, "0x%lX", (unsigned long)sys);
		return;
	}
	flags_letters(sys, letters);
	buf_adds(b, letters);
}

static int
hex_digit(char c)
{
	const char *p = c != '\0' ? strchr(digits, c) : NULL;

	return p != NULL ? (int)(p - digits) : -1;
}

static int
hex_byte(const char *text)
{
	int high = hex_digit(text[0]), low = high < 0 ? -1 : hex_digit(text[1]);

	return low < 0 ? -1 : high << 4 | low;
}

bool
text_unescape(struct arena *a, const char *text, const char **data_r, size_t *len_r)
{
	char *data = arena_alloc(a, strlen(text) + 1);
	size_t len = 0;
	int c;

	for (; *text != '\0'; text++) {
		c = (unsigned char)*text;
		if (c == '%') {
			c = hex_byte(text + 1);
			if (c < 0)
				return false;
			text += 2;
		}
		data[len++] = (char)c;
	}
	*data_r = data;
	*len_r = len;
	return true;
}

bool
text_read_key(struct arena *a, const char *text, struct key *k_r)
{
	const char *data;
	uint64_t uid;
	size_t len;

	if (*text == '#') {
		if (!text_read_number(text + 1, &uid) || uid > UINT32_MAX)
			return false;
		*k_r = key_from_uid(a, (uint32_t)uid);
		return true;
	}
	if (!text_unescape(a, text, &data, &len) || len == 0 || len > UINT32_MAX)
		return false;
	*k_r = (struct key){ data, (uint32_t)len };
	return true;
}

bool
text_read_hex(const char *text, unsigned char *to, size_t room, size_t *len_r)
{
	size_t len;
	int c;

	for (len = 0; *text != '\0'; text += 2, len++) {
		c = hex_byte(text);
		if (c < 0 || len == room)
			return false;
		to[len] = (unsigned char)c;
	}
	*len_r = len;
	return true;
}

bool
text_read_flags(const char *text, uint32_t *sys_r)
{
	char letters[7];
	char *end;
	unsigned long n;

	if (strncmp(text, "0x", 2) == 0) {
		errno = 0;
		n = strtoul(text + 2, &end, 16);
		*sys_r = (uint32_t)n;
		return errno == 0 && *end == '\0' && text[2] != '\0' && n <= UINT32_MAX;
	}
	*sys_r = flags_from_letters(text);
	flags_letters(*sys_r, letters);
	return strcmp(letters, text) == 0;
}

bool
text_read_number(const char *text, uint64_t *n_r)
{
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	*n_r = strtoull(text, &end, 10);
	return errno == 0 && *end == '\0';
}

bool
text_read_signed(const char *text, int64_t *n_r)
{
	char *end;

	if ((*text < '0' || *text > '9') && *text != '-')
		return false;
	errno = 0;
	*n_r = strtoll(text, &end, 10);
	return errno == 0 && *end == '\0' && end > text && end[-1] != '-';
}
