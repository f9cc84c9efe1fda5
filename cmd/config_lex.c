#include "cmd/config_lex.h"

#include <stdbool.h>
#include <string.h>

/* Where the reader stands in one line. */
struct cursor {
	const char *start, *at, *end;	/* end: behind the line's last byte */
};

static bool
is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static unsigned
column(const struct cursor *c, const char *at)
{
	return (unsigned)(at - c->start) + 1;
}

static void
fault(struct config_line *line, const struct cursor *c, const char *at, const char *why)
{
	if (line->fault != NULL)
		return;
	line->fault = why;
	line->fault_column = column(c, at);
}

/* Reads the word at c->at (no blank) into l->bytes, which has room for it. */
static void
read_word(struct config_lines *l, struct config_line *line, struct cursor *c)
{
	struct config_word word = { .text = l->bytes.data + l->bytes.len, .column = column(c, c->at) };
	const char *quote = NULL;

	for (; c->at < c->end && (quote != NULL || !is_blank(*c->at)); c->at++) {
		if (*c->at == '"') {
			quote = quote == NULL ? c->at : NULL;
			continue;
		}
		if (*c->at == '\0')
			fault(line, c, c->at, "a NUL byte");
		if (*c->at == '\\') {
			if (c->at + 1 == c->end || (unsigned char)c->at[1] < ' ') {
				fault(line, c, c->at, "a backslash with nothing to escape behind it");
				continue;
			}
			c->at++;
		}
		buf_addc(&l->bytes, *c->at);
	}
	if (quote != NULL)
		fault(line, c, quote, "a quote that is not closed on its line");
	buf_addc(&l->bytes, '\0');
	vec_push(&l->words, word);
	line->n++;
}

static void
read_line(struct config_lines *l, struct config_line *line, struct cursor *c)
{
	for (;;) {
		while (c->at < c->end && is_blank(*c->at))
			c->at++;
		if (c->at == c->end)
			return;
		if (*c->at == '#') {
			if (line->kind == LINE_EMPTY)
				line->kind = LINE_COMMENT;
			return;
		}
		line->kind = LINE_WORDS;
		read_word(l, line, c);
	}
}

void
config_lex(const char *text, size_t len, struct config_lines *l)
{
	const char *end = text + len, *newline;
	size_t first = 0;
	unsigned number = 0;

	l->bytes.is_secret = true;
	/* A word's bytes never move: each byte of the text yields at most itself and a NUL. */
	buf_reserve(&l->bytes, 2 * len + 1);
	if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
		text += 3;
	while (text < end) {
		struct config_line line = { .kind = LINE_EMPTY, .number = ++number };

		newline = memchr(text, '\n', (size_t)(end - text));
		read_line(l, &line, &(struct cursor){ .start = text, .at = text,
		    .end = newline != NULL ? newline : end });
		vec_push(&l->lines, line);
		text = newline != NULL ? newline + 1 : end;
	}
	for (size_t i = 0; i < l->lines.n && l->words.n != 0; i++) {
		l->lines.at[i].words = l->words.at + first;
		first += l->lines.at[i].n;
	}
}

void
config_lines_release(struct config_lines *l)
{
	vec_release(&l->lines);
	vec_release(&l->words);
	buf_release(&l->bytes);
}
