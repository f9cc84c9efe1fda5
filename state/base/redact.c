#include "state/base/redact.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "state/base/buf.h"
#include "state/base/mem.h"
#include "state/base/vec.h"

enum { SHORTEST = 4, ANYWHERE = 8, CUT_SHORTEST = 6 };

static const char mark[] = "[password]";

/* The secrets, and the three ways in which base64 shows each. */
static VEC(struct buf) words;

static void
add_word(const char *s, size_t len)
{
	struct buf word = { .is_secret = 1 };

	if (len < SHORTEST || memchr(s, '\0', len) != NULL)
		return;
	buf_add(&word, s, len);
	vec_push(&words, word);
}

/* Of the base64 of `before` unknown octets, s and more unknown ones, the part that s alone decides. */
static void
add_base64(const char *s, size_t len, size_t before)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	struct buf text = { .is_secret = 1 };
	size_t first = (before * 8 + 5) / 6, end = (before + len) * 8 / 6, i, bit;
	unsigned digit;

	for (i = first; i < end; i++) {
		for (digit = 0, bit = i * 6; bit < i * 6 + 6; bit++)
			digit = digit << 1 | ((unsigned char)s[bit / 8 - before] >> (7 - bit % 8) & 1);
		buf_addc(&text, digits[digit]);
	}
	if (text.len >= ANYWHERE)
		add_word(text.data, text.len);
	buf_release(&text);
}

void
redact_add(const char *secret, size_t len)
{
	size_t before;

	if (len < SHORTEST)
		return;
	add_word(secret, len);
	for (before = 0; before < 3; before++)
		add_base64(secret, len, before);
}

void
redact_clear(void)
{
	for (size_t i = 0; i < words.n; i++)
		buf_release(&words.at[i]);
	vec_release(&words);
}

static bool
is_apart(const char *text, const char *at, size_t len)
{
	return (at == text || !isalnum((unsigned char)at[-1])) && !isalnum((unsigned char)at[len]);
}

/* Replaces len octets at `at`. Returns what stands behind. */
static char *
replace(char *text, size_t size, char *at, size_t len)
{
	size_t room = size - (size_t)(at - text), tail = strlen(at + len), n = sizeof mark - 1;

	if (n >= room)
		n = room - 1;
	if (n + tail >= room)
		tail = room - 1 - n;
	memmove(at + n, at + len, tail);
	memcpy(at, mark, n);
	at[n + tail] = '\0';
	return at + n;
}

/* What a limit has left of a secret, at the end and before "...". */
static void
redact_cut(char *text, size_t size, const struct buf *word)
{
	char *end = text + strlen(text), *dots = strstr(text, "...");
	size_t n;

	for (;;) {
		char *at = dots != NULL ? dots : end;

		for (n = word->len - 1; n >= CUT_SHORTEST; n--) {
			if ((size_t)(at - text) < n || memcmp(at - n, word->data, n) != 0)
				continue;
			at = replace(text, size, at - n, n);
			break;
		}
		if (dots == NULL)
			return;
		end = text + strlen(text);
		dots = *at != '\0' ? strstr(at + 1, "...") : NULL;
	}
}

void
redact(char *text, size_t size)
{
	for (size_t i = 0; i < words.n; i++) {
		const struct buf *word = &words.at[i];
		char *at = text;

		while ((at = strstr(at, word->data)) != NULL)
			at = word->len >= ANYWHERE || is_apart(text, at, word->len) ? replace(text, size, at, word->len) : at + 1;
		if (word->len > CUT_SHORTEST)
			redact_cut(text, size, word);
	}
}
