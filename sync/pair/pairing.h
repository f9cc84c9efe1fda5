/* What the files of pair.h share. Private to sync/pair: pair.c makes the pairs, refuse.c finds which of them must be left
 * alone. */
#ifndef SYNC_PAIR_PAIRING_H
#define SYNC_PAIR_PAIRING_H

#include "state/base/vec.h"
#include "sync/pair/pair.h"
#include "sync/pair/fixed.h"

/* What is known of a name, or a part of one, at one place of one side. */
struct claim {
	const char *key;		/* equal keys = one place */
	const char *spelling;		/* several spellings of one place clash */
	size_t pair;			/* index of who claims it */
};

struct pairing {
	const struct pair_rules *rules;
	struct arena *arena;
	VEC(struct pair) pairs;
	VEC(struct claim) claims;	/* of one side and kind */
	struct fixed_list fixed;
	bool *is_taken[SIDES];		/* of side[].boxes: those in a fixed pair */
};
/* The place that name[0..len) stands for where case and composition do not count. INBOX is a place of
 * its own everywhere; no folded key holds its capitals. */
const char *pairing_key(struct pairing *p, const char *name, size_t len);

/* Claims are collected, sorted, and judged place by place: from i to the end of the run of equal keys. */
void pairing_claim(struct pairing *p, const char *key, const char *spelling, size_t pair);
void pairing_sort_claims(struct pairing *p);
size_t pairing_run_end(const struct pairing *p, size_t i);

/* Sets `refused` where it must be: invariants 2 and 3 of pair.h. */
void pairing_refuse(struct pairing *p);

#endif
