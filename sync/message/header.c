#include "sync/message/header.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "sync/message/utf8.h"

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* The end of the line at p, behind its LF. */
static const char *
line_end(const char *p, const char *end)
{
	const char *lf = memchr(p, '\n', (size_t)(end - p));

	return lf != NULL ? lf + 1 : end;
}

static bool
is_empty_line(const char *p, const char *end)
{
	return p[0] == '\n' || (end - p >= 2 && p[0] == '\r' && p[1] == '\n');
}

/* Where the value of the line [p, end) begins if it opens the field `name`, else NULL. */
static const char *
field_value(const char *p, const char *end, const char *name)
{
	size_t len = strlen(name);

	if ((size_t)(end - p) <= len || strncasecmp(p, name, len) != 0)
		return NULL;
	for (p += len; p < end && is_blank(*p); p++)
		;
	return p < end && *p == ':' ? p + 1 : NULL;
}

void
header_unfold(const char *p, const char *end, char *value_r, size_t room)
{
	bool is_gap = false;
	size_t len = 0, n;
	uint32_t c;

	while (p < end) {
		n = utf8_get(p, (size_t)(end - p), &c);
		if (n != 0 && (c <= ' ' || (c >= 0x7f && c <= 0x9f))) {
			is_gap = true;
			p += n;
			continue;
		}
		if (is_gap && len > 0) {
			if (len + 2 >= room)
				break;
			value_r[len++] = ' ';
		}
		is_gap = false;
		if (len + (n != 0 ? n : 1) >= room)
			break;
		if (n == 0) {
			value_r[len++] = '?';
			p++;
			continue;
		}
		memcpy(value_r + len, p, n);
		len += n;
		p += n;
	}
	if (len > 0 && value_r[len - 1] == ' ')
		len--;
	value_r[len] = '\0';
}

bool
header_get(const char *header, size_t len, const char *name, char *value_r, size_t room)
{
	const char *p = header, *end, *next, *value;

	assert(room >= 1);
	value_r[0] = '\0';
	if (len == 0)
		return false;
	for (end = header + len; p < end && !is_empty_line(p, end); p = next) {
		next = line_end(p, end);
		value = field_value(p, next, name);
		if (value == NULL)
			continue;
		while (next < end && is_blank(*next))
			next = line_end(next, end);
		header_unfold(value, next, value_r, room);
		return true;
	}
	return false;
}

size_t
header_count(const char *header, size_t len, const char *name)
{
	const char *p = header, *next;
	size_t n = 0;

	if (len == 0)
		return 0;
	for (const char *end = header + len; p < end && !is_empty_line(p, end); p = next) {
		next = line_end(p, end);
		n += field_value(p, next, name) != NULL;
	}
	return n;
}
