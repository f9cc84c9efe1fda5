/* File names of a Maildir: what they say, and how they are made.
 *
 *	1700000000.M20046P2137Q11R5f2a90c1.host,S=4382,W=4477:2,FSa
 *	\____________ base ___________________/\__ fields __/\info/
 *
 * The base is what stays when fields and flags change: the name before its first ',' or info
 * delimiter (':', or what InfoDelimiter says). The info is from ":2," on: flag letters DFPRST,
 * letters a-z (keywords: sync/maildir/keywords.h), other letters, and perhaps ",..." of somebody's invention.
 *
 * What letters say is held in 32 bits: enum flag_bit, and a-z above it.
 *
 * What must always hold:
 *	1. A name made from another one differs from it in the letters DFPRST and a-z only, or in its UID.
 *	2. A name of filename_unique() is its own base, whatever the delimiter.
 */
#ifndef SYNC_MAILDIR_FILENAME_H
#define SYNC_MAILDIR_FILENAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "state/base/buf.h"
#include "state/base/mem.h"

/* Our files in tmp/ end in this, so that no other program's are ever taken for ours. */
#define FILENAME_TMP_SUFFIX ".mailtwin"

enum { FILENAME_LETTERS = 26 };
#define FILENAME_LETTER(n) (UINT32_C(1) << (6 + (n)))	/* 0 = a ... 25 = z */

struct filename {
	size_t base;			/* octets of the base */
	size_t info;			/* offset of ":2,", or the name's length if there is none */
	size_t len;
	uint32_t flags;			/* enum flag_bit, FILENAME_LETTER */
};

/* Why a directory entry is no message ("begins with a dot"), NULL = it may be one. A static string. */
const char *filename_fault(const char *name, char info_delimiter);

void filename_parse(const char *name, char info_delimiter, struct filename *f);

/* Puts into *out the name with these flags instead of its own. A name without flags stays without
 * ":2," when there are none to set. */
void filename_with_flags(struct buf *out, const char *name, char info_delimiter, uint32_t flags);

/* Puts into *out a name for a message that goes to another mailbox: the new base, of the old fields
 * S= and W= (sizes, which stay true; U= is a UID of the old mailbox), and the old info. */
void filename_with_base(struct buf *out, const char *base, const char *old, char info_delimiter);

/* Puts into *out the name with this UID in its fields (",U="), in place of the one it has. */
void filename_with_uid(struct buf *out, const char *name, char info_delimiter, uint32_t uid);

/* A name nobody has: seconds.M microseconds P pid Q count R random . host; the microseconds of six digits, so that names sort as they were
 * made: the messages of an outbox are sent in that order. Thread-safe. */
char *filename_unique(struct arena *a, char info_delimiter);

/* True for a name in tmp/ that we made. */
bool filename_is_our_tmp(const char *name);

#endif
