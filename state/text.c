#include "state/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "state/model/flags.h"

const char *const text_sides[] = { "far", "near", NULL };
const char *const text_marks[] = { "new", "orphan", "skipped", "failed", "expired", "tombstone", "kept", "replaced", NULL };
const char *const text_bases[] = { "listed", "told", "doubted", "shared", "guessed", "ours", "shared-told", "moving", "beyond", NULL };
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
