#include "sync/pair/unicode.h"

#include <assert.h>
#include <stdlib.h>

/* Hangul syllables decompose by arithmetic (Unicode section 3.12). */
enum {
	HANGUL_S = 0xac00, HANGUL_L = 0x1100, HANGUL_V = 0x1161, HANGUL_T = 0x11a7,
	HANGUL_V_N = 21, HANGUL_T_N = 28, HANGUL_S_N = 19 * HANGUL_V_N * HANGUL_T_N,
};

static int
compare_pair(const void *key, const void *entry)
{
	uint32_t c = *(const uint32_t *)key;
	const struct unicode_pair *pair = entry;

	return c < pair->from ? -1 : c > pair->from;
}

static int
compare_marks(const void *key, const void *entry)
{
	uint32_t c = *(const uint32_t *)key;
	const struct unicode_marks *marks = entry;

	return c < marks->first ? -1 : c > marks->last;
}

static int
compare_case(const void *key, const void *entry)
{
	uint32_t c = *(const uint32_t *)key;
	const struct unicode_case *cases = entry;

	return c < cases->first ? -1 : c > cases->last;
}

static size_t
decompose_hangul(uint32_t s, uint32_t out[UNICODE_DECOMPOSED_MAX])
{
	uint32_t t = s % HANGUL_T_N;

	out[0] = HANGUL_L + s / (HANGUL_V_N * HANGUL_T_N);
	out[1] = HANGUL_V + s % (HANGUL_V_N * HANGUL_T_N) / HANGUL_T_N;
	if (t == 0)
		return 2;
	out[2] = HANGUL_T + t;
	return 3;
}

size_t
unicode_decompose(uint32_t c, uint32_t out[UNICODE_DECOMPOSED_MAX])
{
	uint32_t behind[UNICODE_DECOMPOSED_MAX];
	const struct unicode_pair *pair;
	size_t n = 0, k = 0;

	if (c < 0xc0) {
		out[0] = c;
		return 1;
	}
	if (c >= HANGUL_S && c < HANGUL_S + HANGUL_S_N)
		return decompose_hangul(c - HANGUL_S, out);
	/* Only the first of a pair decomposes further. */
	while ((pair = bsearch(&c, unicode_pairs, unicode_pairs_n, sizeof *pair, compare_pair)) != NULL) {
		if (pair->second != 0) {
			assert(k < UNICODE_DECOMPOSED_MAX - 1);
			behind[k++] = pair->second;
		}
		c = pair->first;
	}
	out[n++] = c;
	while (k > 0)
		out[n++] = behind[--k];
	return n;
}

unsigned
unicode_class(uint32_t c)
{
	const struct unicode_marks *marks;

	if (c < 0x300)
		return 0;
	marks = bsearch(&c, unicode_marks, unicode_marks_n, sizeof *marks, compare_marks);
	return marks != NULL ? marks->class : 0;
}

uint32_t
unicode_fold(uint32_t c)
{
	const struct unicode_case *cases;

	if (c < 0x80)
		return c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c;
	cases = bsearch(&c, unicode_cases, unicode_cases_n, sizeof *cases, compare_case);
	if (cases == NULL || (c - cases->first) % cases->step != 0)
		return c;
	return (uint32_t)((int32_t)c + cases->delta);
}
