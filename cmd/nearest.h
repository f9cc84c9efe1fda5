/* "Did you mean": of the words that would have been right, the one nearest to what was typed.
 *
 * How it is used: nearest_init() with the typed word, nearest_try() with each right one,
 * nearest_word() for the answer. Letter case does not count; a swap of neighbours counts once.
 */
#ifndef CMD_NEAREST_H
#define CMD_NEAREST_H

struct nearest {
	const char *typed;		/* borrowed */
	const char *best;		/* borrowed from the caller of nearest_try() */
	unsigned distance;		/* of best */
};

void nearest_init(struct nearest *n, const char *typed);
void nearest_try(struct nearest *n, const char *candidate);
void nearest_try_all(struct nearest *n, const char *const *candidates);	/* ends with NULL */

/* NULL when nothing is near enough to be worth a guess. */
const char *nearest_word(const struct nearest *n);

#endif
