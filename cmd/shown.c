#include "cmd/shown.h"

#include <string.h>

bool
shown_next(const char **s, uint32_t *code_r)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	const unsigned char *p = (const unsigned char *)*s;
	unsigned len = p[0] < 0x80 ? 1 : p[0] < 0xC2 ? 0 : p[0] < 0xE0 ? 2 : p[0] < 0xF0 ? 3 : p[0] < 0xF5 ? 4 : 0;
	uint32_t code = len <= 1 ? p[0] : p[0] & (0x7Fu >> len);

	for (unsigned i = 1; i < len; i++) {
		if ((p[i] & 0xC0) != 0x80) {
			len = 0;
			break;
		}
		code = code << 6 | (p[i] & 0x3F);
	}
	if (len == 0 || code < least[len] || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) {
		*code_r = p[0];
		*s += 1;
		return false;
	}
	*code_r = code;
	*s += len;
	return true;
}

bool
shown_is_control(uint32_t code)
{
	return code < 0x20 || (code >= 0x7F && code <= 0x9F) || code == 0x200E || code == 0x200F ||
	    code == 0x061C || (code >= 0x2028 && code <= 0x202E) || (code >= 0x2066 && code <= 0x2069) ||
	    code == 0xFEFF;
}

static bool is_only_ascii;

void
shown_only_ascii(void)
{
	is_only_ascii = true;
}

void
shown_escape(struct buf *out, const char *s, bool keeps_lines)
{
	const char *from;
	uint32_t code;

	while (*s != '\0') {
		from = s;
		if (!shown_next(&s, &code))
			buf_printf(out, "\\x%02x", (unsigned)code);
		else if (code == '\n' && !keeps_lines)
			buf_adds(out, "\\n");
		else if (code == '\t')
			buf_adds(out, "\\t");
		else if (code != '\n' && (shown_is_control(code) || (is_only_ascii && code > 0x7F)))
			buf_printf(out, "\\u{%x}", (unsigned)code);
		else
			buf_add(out, from, (size_t)(s - from));
	}
}

static unsigned
width_of(uint32_t code)
{
	static const struct { uint32_t first, last; } none[] = { { 0x300, 0x36F }, { 0x200B, 0x200D },
		{ 0x20D0, 0x20FF }, { 0xFE00, 0xFE0F }, { 0xFE20, 0xFE2F } };
	static const struct { uint32_t first, last; } two[] = { { 0x1100, 0x115F }, { 0x2E80, 0xA4CF },
		{ 0xAC00, 0xD7A3 }, { 0xF900, 0xFAFF }, { 0xFE30, 0xFE4F }, { 0xFF00, 0xFF60 },
		{ 0xFFE0, 0xFFE6 }, { 0x1F300, 0x1F64F }, { 0x1F900, 0x1F9FF }, { 0x20000, 0x3FFFD } };

	for (size_t i = 0; i < sizeof none / sizeof *none; i++)
		if (code >= none[i].first && code <= none[i].last)
			return 0;
	for (size_t i = 0; i < sizeof two / sizeof *two; i++)
		if (code >= two[i].first && code <= two[i].last)
			return 2;
	return 1;
}

size_t
shown_width(const char *s)
{
	size_t width = 0;
	uint32_t code;

	while (*s != '\0') {
		shown_next(&s, &code);
		width += width_of(code);
	}
	return width;
}

void
shown_cut(struct buf *out, const char *s, size_t width)
{
	size_t used = 0;
	const char *from;
	uint32_t code;

	if (shown_width(s) <= width) {
		buf_adds(out, s);
		return;
	}
	while (*s != '\0') {
		from = s;
		shown_next(&s, &code);
		if (used + width_of(code) + 1 > width)
			break;
		used += width_of(code);
		buf_add(out, from, (size_t)(s - from));
	}
	if (used < width)
		buf_addc(out, '~');
}

void
shown_bytes(struct buf *out, uint64_t bytes)
{
	static const char *const units[] = { "kB", "MB", "GB", "TB", "PB", "EB" };
	double n = (double)bytes / 1000;
	size_t unit = 0;

	if (bytes < 1000) {
		buf_printf(out, "%u bytes", (unsigned)bytes);
		return;
	}
	for (; n >= 999.5 && unit + 1 < sizeof units / sizeof *units; unit++)
		n /= 1000;
	buf_printf(out, n < 9.95 ? "%.1f %s" : "%.0f %s", n, units[unit]);
}

void
shown_duration(struct buf *out, uint64_t seconds)
{
	unsigned long long hours = seconds / 3600;
	unsigned minutes = (unsigned)(seconds / 60 % 60), rest = (unsigned)(seconds % 60);

	if (seconds < 60)
		buf_printf(out, "%u s", rest);
	else if (hours == 0)
		buf_printf(out, "%u:%02u", minutes, rest);
	else
		buf_printf(out, "%llu:%02u:%02u", hours, minutes, rest);
}
