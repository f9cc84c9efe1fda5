#include "cmd/nearest.h"

#include <ctype.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

enum { LONGEST = 64 };			/* what is longer was no slip of the finger */

static bool
same(char a, char b)
{
	return tolower((unsigned char)a) == tolower((unsigned char)b);
}

static unsigned
least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* Insertions, deletions, replacements and swaps of neighbours that make one word the other. Three
 * rows of the usual table are enough. Both words are at most LONGEST bytes. */
static unsigned
distance(const char *a, const char *b)
{
	unsigned rows[3][LONGEST + 1], *before = rows[0], *above = rows[1], *row = rows[2], *spare;
	size_t la = strlen(a), lb = strlen(b);

	for (size_t j = 0; j <= lb; j++)
		above[j] = (unsigned)j;
	for (size_t i = 1; i <= la; i++) {
		row[0] = (unsigned)i;
		for (size_t j = 1; j <= lb; j++) {
			row[j] = least(above[j] + 1, row[j - 1] + 1);
			row[j] = least(row[j], above[j - 1] + !same(a[i - 1], b[j - 1]));
			if (i > 1 && j > 1 && same(a[i - 1], b[j - 2]) && same(a[i - 2], b[j - 1]))
				row[j] = least(row[j], before[j - 2] + 1);
		}
		spare = before;
		before = above;
		above = row;
		row = spare;
	}
	return above[lb];
}

void
nearest_init(struct nearest *n, const char *typed)
{
	*n = (struct nearest){ .typed = typed, .best = NULL, .distance = UINT_MAX };
}

void
nearest_try(struct nearest *n, const char *candidate)
{
	size_t typed = strlen(n->typed), length = strlen(candidate);
	size_t longer = typed > length ? typed : length, shorter = typed + length - longer;
	unsigned d;

	if (longer > LONGEST)
		return;
	/* The beginning of a word, or a word with something behind it, is near whatever its length. */
	if (shorter != longer && shorter >= 3 && strncasecmp(n->typed, candidate, shorter) == 0)
		d = 1;
	else if (longer - shorter > (longer + 1) / 3)
		return;
	else
		d = distance(n->typed, candidate);
	if (d <= (longer + 1) / 3 && d < longer && d < n->distance) {
		n->best = candidate;
		n->distance = d;
	}
}

void
nearest_try_all(struct nearest *n, const char *const *candidates)
{
	for (; *candidates != NULL; candidates++)
		nearest_try(n, *candidates);
}

const char *
nearest_word(const struct nearest *n)
{
	return n->best;
}
