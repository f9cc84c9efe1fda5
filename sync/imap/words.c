#include "sync/imap/words.h"

#include <string.h>
#include <strings.h>

static const struct {
	const char *name;
	size_t len;
	uint32_t bit;
} known[] = {
	{ "\\Seen", sizeof("\\Seen") - 1, FLAG_SEEN },
	{ "\\Answered", sizeof("\\Answered") - 1, FLAG_ANSWERED },
	{ "\\Flagged", sizeof("\\Flagged") - 1, FLAG_FLAGGED },
	{ "\\Deleted", sizeof("\\Deleted") - 1, FLAG_DELETED },
	{ "\\Draft", sizeof("\\Draft") - 1, FLAG_DRAFT },
	{ "$Forwarded", sizeof("$Forwarded") - 1, FLAG_FORWARDED },
};

void
words_flag(struct words *w, const char *s, size_t len)
{
	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
		if (known[i].len == len && strncasecmp(s, known[i].name, len) == 0) {
			w->sys |= known[i].bit;
			return;
		}
	}
	if (len > 0 && s[0] == '\\') {
		w->is_recent |= len == 7 && strncasecmp(s, "\\Recent", 7) == 0;
		w->has_any |= len == 2 && s[1] == '*';
		return;
	}
	if (w->kw.len != 0)
		buf_addc(&w->kw, ' ');
	buf_add(&w->kw, s, len);
}

void
words_release(struct words *w)
{
	buf_release(&w->kw);
	*w = (struct words){ 0 };
}

struct flags
words_flags(const struct words *w, struct arena *a)
{
	return (struct flags){ .sys = w->sys, .kw = w->kw.len == 0 ? "" : kw_canonical(a, buf_str(&w->kw)) };
}

void
words_mask(const struct words *w, struct arena *a, struct flag_mask *mask_r)
{
	*mask_r = (struct flag_mask){
		.sys = w->sys | (w->has_any ? FLAG_FORWARDED : 0),
		.has_any_keyword = w->has_any,
		.kw = w->kw.len == 0 ? "" : kw_canonical(a, buf_str(&w->kw)),
	};
}

void
words_write(struct buf *out, struct flags flags)
{
	const char *separator = "(";

	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
		if ((flags.sys & known[i].bit) == 0)
			continue;
		buf_adds(out, separator);
		buf_adds(out, known[i].name);
		separator = " ";
	}
	if (flags.kw[0] != '\0') {
		buf_adds(out, separator);
		buf_adds(out, flags.kw);
		separator = " ";
	}
	buf_adds(out, separator[0] == '(' ? "()" : ")");
}
