/* Sets of UIDs as the wire writes them (RFC 9051 section 9, sequence-set): parsed into ranges and
 * never expanded, since VANISHED 1:4294967295 is a legal line (R3 a server's ranges: intersect with what is known).
 *
 * Invariants:
 *   1. In every range 1 <= first <= last; "*" is IMAP_UID_MAX, which no server can assign and also
 *      name otherwise.
 *   2. Memory follows the length of the text, never the number of UIDs it stands for.
 */
#ifndef SYNC_IMAP_UIDSET_H
#define SYNC_IMAP_UIDSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "state/base/buf.h"

#define IMAP_UID_MAX UINT32_MAX

struct imap_range {
	uint32_t first, last;
};

struct imap_uidset {		/* a vector (state/base/vec.h) in the order written */
	struct imap_range *at;
	size_t n, room;
};

/* Appends the ranges of s; `9:5` is 5:9. Returns -1 on anything that is no set, *set as it was. */
int imap_uidset_parse(struct imap_uidset *set, const char *s, size_t len);
/* Appends one UID, joining it to the last range where it follows it. */
void imap_uidset_add(struct imap_uidset *set, uint32_t uid);
void imap_uidset_append(struct imap_uidset *to, const struct imap_uidset *from);
void imap_uidset_clear(struct imap_uidset *set);	/* memory kept */
void imap_uidset_release(struct imap_uidset *set);

uint64_t imap_uidset_count(const struct imap_uidset *set);	/* each range by itself */
/* Takes the UIDs of `minus` out of set; both are normalised. */
void imap_uidset_subtract(struct imap_uidset *set, const struct imap_uidset *minus);
/* Sorts and joins, as the three below want it. */
void imap_uidset_normalise(struct imap_uidset *set);
bool imap_uidset_has(const struct imap_uidset *set, uint32_t uid);
bool imap_uidset_meets(const struct imap_uidset *a, const struct imap_uidset *b);	/* b in any order */


/* The UIDs one by one in the order written (COPYUID pairs two sets by it). Zeroed *at starts.
 * 1 got one, 0 no more. */
struct imap_uidset_pos {
	size_t range;
	uint64_t within;
};
int imap_uidset_next(const struct imap_uidset *set, struct imap_uidset_pos *at, uint32_t *uid_r);

/* In an array of n elements, `size` octets apart and ascending by the UID at `offset` in each: the first that is not below uid; n = none. */
size_t imap_uid_search(const void *at, size_t n, size_t size, size_t offset, uint32_t uid);

/* Writes the first of n ascending UIDs as a set of at most `room` bytes, runs joined. Returns how
 * many UIDs it took: at least one when room >= 21. */
size_t imap_uidset_write(struct buf *out, const uint32_t *uids, size_t n, size_t room);

#endif
