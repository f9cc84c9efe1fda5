/* The little of Unicode that comparing names takes: canonical decomposition, combining classes and
 * simple case folding. Tables: unicode_tables.c, made by unicode_tables.py.
 */
#ifndef SYNC_PAIR_UNICODE_H
#define SYNC_PAIR_UNICODE_H

#include <stddef.h>
#include <stdint.h>

/* The longest canonical decomposition has four characters. */
enum { UNICODE_DECOMPOSED_MAX = 4 };

/* The full canonical decomposition of one character, not reordered. Returns how many there are. */
size_t unicode_decompose(uint32_t c, uint32_t out[UNICODE_DECOMPOSED_MAX]);

/* Canonical_Combining_Class; 0 for whatever begins a new letter. */
unsigned unicode_class(uint32_t c);

/* Simple case folding: one character to one. */
uint32_t unicode_fold(uint32_t c);

/* The tables, sorted. */
struct unicode_pair {
	uint32_t from, first, second;	/* second 0 = decomposes to `first` alone */
};
struct unicode_marks {
	uint32_t first, last;
	unsigned class;
};
struct unicode_case {
	uint32_t first, last, step;	/* first, first + step ... last */
	int32_t delta;			/* to what each folds */
};
extern const struct unicode_pair unicode_pairs[];
extern const size_t unicode_pairs_n;
extern const struct unicode_marks unicode_marks[];
extern const size_t unicode_marks_n;
extern const struct unicode_case unicode_cases[];
extern const size_t unicode_cases_n;

#endif
