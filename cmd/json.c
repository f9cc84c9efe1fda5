#include "cmd/json.h"

#include <inttypes.h>

#include "cmd/shown.h"

static void
add_string(struct buf *out, const char *s)
{
	const char *from;
	uint32_t code;

	buf_addc(out, '"');
	while (*s != '\0') {
		from = s;
		if (!shown_next(&s, &code))
			buf_adds(out, "\\ufffd");
		else if (code == '"' || code == '\\')
			buf_printf(out, "\\%c", (int)code);
		else if (code == '\n')
			buf_adds(out, "\\n");
		else if (shown_is_control(code))
			buf_printf(out, "\\u%04x", (unsigned)code);
		else
			buf_add(out, from, (size_t)(s - from));
	}
	buf_addc(out, '"');
}

static void
add_name(struct buf *out, const char *name)
{
	if (out->len != 0 && out->data[out->len - 1] != '{')
		buf_addc(out, ',');
	add_string(out, name);
	buf_addc(out, ':');
}

void
json_open(struct buf *out)
{
	buf_addc(out, '{');
}

void
json_open_member(struct buf *out, const char *name)
{
	add_name(out, name);
	buf_addc(out, '{');
}

void
json_close(struct buf *out)
{
	buf_addc(out, '}');
}

void
json_text(struct buf *out, const char *name, const char *text)
{
	add_name(out, name);
	if (text != NULL)
		add_string(out, text);
	else
		buf_adds(out, "null");
}

void
json_number(struct buf *out, const char *name, uint64_t n)
{
	add_name(out, name);
	buf_printf(out, "%" PRIu64, n);
}

void
json_signed(struct buf *out, const char *name, int64_t n)
{
	add_name(out, name);
	buf_printf(out, "%" PRId64, n);
}

void
json_bool(struct buf *out, const char *name, bool is)
{
	add_name(out, name);
	buf_adds(out, is ? "true" : "false");
}
