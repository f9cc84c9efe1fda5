/* Flags and keywords of one message, what a side can keep of them, and their three-way merge.
 *
 * Invariants:
 *   1. kw is never NULL: "" or words separated by one space, sorted and unique without regard to
 *      case (RFC 9051 section 2.3.2), as kw_canonical() makes them.
 *   2. No function here changes a string it was given; results live in the arena passed in, or are
 *      one of the arguments' own strings.
 */
#ifndef STATE_MODEL_FLAGS_H
#define STATE_MODEL_FLAGS_H

#include <stdbool.h>
#include <stdint.h>

#include "state/base/mem.h"

/* The numbers are those of mbsync's journal; the letters those of Maildir, in its order. */
enum flag_bit {
	FLAG_DRAFT = 1 << 0,		/* D */
	FLAG_FLAGGED = 1 << 1,		/* F */
	FLAG_FORWARDED = 1 << 2,	/* P: the keyword $Forwarded on IMAP */
	FLAG_ANSWERED = 1 << 3,		/* R */
	FLAG_SEEN = 1 << 4,		/* S */
	FLAG_DELETED = 1 << 5,		/* T */
	FLAG_ALL = (1 << 6) - 1,
};

struct flags {
	uint32_t sys;			/* enum flag_bit */
	const char *kw;
};

#define FLAGS_NONE ((struct flags){ .sys = 0, .kw = "" })

/* What a side can keep. */
struct flag_mask {
	uint32_t sys;
	bool has_any_keyword;		/* every keyword can be kept: PERMANENTFLAGS \* */
	const char *kw;			/* else: those that can, canonical */
	struct flags refused;		/* of those, what it did not take when it was given; its kw may be NULL = none */
};

/* "DFPRST" letters, sorted; unknown letters are ignored. letters must have room for 7. */
uint32_t flags_from_letters(const char *letters);
void flags_letters(uint32_t sys, char letters[7]);

/* Words separated by any blanks -> canonical. The first spelling of a word wins. */
const char *kw_canonical(struct arena *a, const char *words);
bool kw_has(const char *kw, const char *word);
/* Iterates: for (p = kw; (word = kw_next(&p, &len)) != NULL;) */
const char *kw_next(const char **p, size_t *len);
const char *kw_union(struct arena *a, const char *x, const char *y);
const char *kw_minus(struct arena *a, const char *x, const char *y);

bool flags_equal(struct flags a, struct flags b);
bool flags_is_none(struct flags f);
struct flags flags_union(struct arena *a, struct flags x, struct flags y);
struct flags flags_minus(struct arena *a, struct flags x, struct flags y);
struct flags flags_intersect(struct arena *a, struct flags x, struct flags y);
/* What of f a side with this mask can keep. */
struct flags flags_keep(struct arena *a, struct flags f, const struct flag_mask *mask);
struct flags flag_mask_refused(const struct flag_mask *mask);	/* its kw is never NULL */
struct flag_mask flag_mask_intersect(struct arena *a, const struct flag_mask *x, const struct flag_mask *y);
bool flag_mask_equal(const struct flag_mask *x, const struct flag_mask *y);

/* Copies the keywords of f into the arena. */
struct flags flags_dup(struct arena *a, struct flags f);

/* "FS" or "FS $Junk Work" for people; never empty ("-" for none). */
const char *flags_text(struct arena *a, struct flags f);

#endif
