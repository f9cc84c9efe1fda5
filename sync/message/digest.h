/* Digests by which a message is known to be the same (R10 adoption, state/model/ident.h), in one pass and with
 * a fixed amount of memory. The only place outside sync/net that includes OpenSSL.
 *
 * Used in this order:
 *
 *	d = digest_new(e);
 *	for each message:
 *		digest_start(d, DIGEST_MESSAGE);
 *		digest_feed(d, p, len) for each piece of it, cut anywhere, line ends as they come;
 *		digest_end(d, &ident, e);
 *	digest_free(&d);
 *
 * or, by DIGEST_LOOSE and digest_end_loose(), what is left of a message where line ends are not kept: 6.
 *
 * What is digested, so that every store gives the same for one message:
 *	1. The canonical form (sync/message/lineends.h): a file and its wire form agree.
 *	2. Not counted anywhere, size included, for stores and tools write or trim them themselves:
 *	   - fields of the header, in any case, with their continuation lines: X-TUID (mbsync), Status,
 *	     X-Status, X-Keywords, X-UID, Content-Length, all that begin with X-IMAP, and lines that begin
 *	     with "From " (mbox; GNU Mailutils takes such a line off what it is sent);
 *	   - blanks at the end of a header line, up to 256 of them (OfflineIMAP);
 *	   - CRs without a LF behind them (Dovecot drops those before a CRLF and at the end).
 *	   An octet of the header that is not ASCII counts as an X, which is what Cyrus makes of it. What blanks are around the colon
 *	   of a field counts for size alone, and for digests as one behind it, which is what GNU Mailutils makes of it.
 *	3. The header digest covers the header's lines, each with its CRLF, and not the empty line that
 *	   ends it. Where a message is nothing but a header, servers append that empty line, and a CRLF
 *	   to a last line without one, in BODY[HEADER]; so that CRLF is supplied here as well.
 *	4. The full digest covers every other octet of the canonical form, the empty line too, and
 *	   supplies nothing.
 *	5. Both are SHA-256 cut to 16 octets. size is in octets of the canonical form.
 *	6. The loose digest, alike, covers the body without its CRs and LFs. Courier and GNU Mailutils make a line end
 *	   of a bare CR, or drop it; Courier ends a last line that has no end. Two that differ in line ends alone have
 *	   the same one: it says who may be the twin of whom, and never that a message was not changed.
 *	7. What has the form of a placeholder (sync/message/placeholder.h) is known by the header behind it (ident_of_placeholder()), whatever the
 *	   words below say of sizes. A header alone does not tell: what begins its subject so has IDENT_PLACEHOLDER and nothing else, and is to be
 *	   read whole.
 */
#ifndef SYNC_MESSAGE_DIGEST_H
#define SYNC_MESSAGE_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "state/base/err.h"
#include "state/model/ident.h"

struct digest;

enum digest_mode {
	DIGEST_MESSAGE,		/* a whole message is fed: size, header and full come out */
	DIGEST_HEADER,		/* a header, or a message of which only the header counts */
	DIGEST_LOOSE,		/* a whole message, for its loose digest */
};

enum { DIGEST_OCTETS = 16 };
#define DIGEST_SIZE_UNKNOWN UINT64_MAX

/* NULL where OpenSSL has no SHA-256 to offer; *e says so. One per thread, for any number of
 * messages, one at a time. */
struct digest *digest_new(struct err *e);
void digest_free(struct digest **d);

/* Begins a message; an unfinished one before it is dropped. */
void digest_start(struct digest *d, enum digest_mode mode);
void digest_feed(struct digest *d, const void *p, size_t len);


/* Ends a DIGEST_MESSAGE: all of *ident_r is known. -1 if OpenSSL failed on the way (scope
 * ERR_MESSAGE). */
int digest_end(struct digest *d, struct ident *ident_r, struct err *e);

/* Ends a DIGEST_LOOSE. */
int digest_end_loose(struct digest *d, unsigned char loose_r[DIGEST_OCTETS], struct err *e);

/* Ends a DIGEST_HEADER. wire_size is the canonical size known from elsewhere (RFC822.SIZE, or
 * lineends_count() of a file), from which what was dropped is taken off;
 * DIGEST_SIZE_UNKNOWN, or a size smaller than they are, leaves ident_r->size unknown. */
int digest_end_header(struct digest *d, uint64_t wire_size, struct ident *ident_r, struct err *e);

#endif
