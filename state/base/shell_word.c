#include "state/base/shell_word.h"

#include <string.h>

const char *
shell_word(struct arena *a, const char *word)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_./-+:@%,=";
	const char *p;
	char *out;
	size_t n = 2;

	if (*word != '\0' && word[strspn(word, plain)] == '\0')
		return word;
	for (p = word; *p != '\0'; p++)
		n += *p == '\'' ? 4 : 1;
	out = arena_alloc(a, n + 1);
	n = 0;
	out[n++] = '\'';
	for (p = word; *p != '\0'; p++) {
		if (*p == '\'') {
			memcpy(out + n, "'\\''", 4);
			n += 4;
		} else {
			out[n++] = *p;
		}
	}
	out[n] = '\'';
	return out;
}
