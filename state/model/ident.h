/* What survives a move, a copy or a lost state: how a message is known to be the same (R9 moves, R10 adoption).
 *
 * All three are taken on the canonical form (every line end CRLF), without what stores and tools write or trim themselves
 * (sync/message/digest.h). Those kept by earlier programs left out X-TUID lines only, or not the blanks around colons (no IDENT_TRIMMED). For nearly
 * all messages the two are the same; where they differ that means nothing.
 */
#ifndef STATE_MODEL_IDENT_H
#define STATE_MODEL_IDENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* IDENT_LOOSE is no part of an identity: what is asked for beside it (sync/message/digest.h, 6). IDENT_PLACEHOLDER: it is that of a message
 * that stands for another (sync/message/placeholder.h), made of the other's header alone: ident_of_placeholder(). By itself: it may
 * be one, which only the whole of it tells. */
enum ident_has { IDENT_SIZE = 1, IDENT_HEADER = 2, IDENT_FULL = 4, IDENT_TRIMMED = 8, IDENT_LOOSE = 16, IDENT_PLACEHOLDER = 32 };

struct ident {
	uint64_t size;			/* octets */
	unsigned char header[16];	/* SHA-256 of the header, cut */
	unsigned char full[16];		/* SHA-256 of the whole message, cut */
	unsigned has;			/* enum ident_has: which of the above are known */
};

enum ident_match { IDENT_DIFFER, IDENT_SAME, IDENT_MAYBE };

/* Of whatever stands for a message of this header, which is not that message; and of that message, of what stands for it. */
static inline struct ident
ident_of_placeholder(const struct ident *of)
{
	struct ident i = { .has = 0 };
	size_t n;

	if (!(of->has & IDENT_HEADER))
		return i;
	i.has = IDENT_HEADER | IDENT_FULL | IDENT_TRIMMED | IDENT_PLACEHOLDER;
	for (n = 0; n < sizeof i.header; n++)
		i.header[n] = i.full[n] = (unsigned char)~of->header[n];
	return i;
}

static inline struct ident
ident_behind_placeholder(const struct ident *placeholder)
{
	struct ident i = { .has = 0 };
	size_t n;

	if (!(placeholder->has & IDENT_HEADER) || !(placeholder->has & IDENT_PLACEHOLDER))
		return i;
	i.has = IDENT_HEADER | IDENT_TRIMMED;
	for (n = 0; n < sizeof i.header; n++)
		i.header[n] = (unsigned char)~placeholder->header[n];
	return i;
}

/* Of an earlier program, which counted more: it says nothing where it differs from one of today. */
static inline bool
ident_is_old(const struct ident *i)
{
	return (i->has & (IDENT_SIZE | IDENT_HEADER | IDENT_FULL)) && !(i->has & IDENT_TRIMMED);
}

/* Whole digests decide where both are known; else header and size; MAYBE where neither can. */
static inline enum ident_match
ident_compare(const struct ident *a, const struct ident *b)
{
	unsigned both = a->has & b->has;
	enum ident_match differ = ident_is_old(a) != ident_is_old(b) ? IDENT_MAYBE : IDENT_DIFFER;

	if (both & IDENT_FULL)
		return memcmp(a->full, b->full, sizeof a->full) == 0 ? IDENT_SAME : differ;
	if ((both & IDENT_SIZE) && a->size != b->size)
		return differ;
	if (both & IDENT_HEADER) {
		if (memcmp(a->header, b->header, sizeof a->header) != 0)
			return differ;
		return both & IDENT_SIZE ? IDENT_SAME : IDENT_MAYBE;
	}
	return IDENT_MAYBE;
}

#endif
