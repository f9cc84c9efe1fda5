/* Who sends a message and who gets it, and what of its header goes along.
 *
 * A message that `mailtwin enqueue` was given has its envelope before its header, as lines of ours:
 *
 *	X-Mailtwin-Envelope: 1 jane@example.org		version, sender ("" = nobody)
 *	X-Mailtwin-Recipient: bob@example.com		as often as there are any
 *	X-Mailtwin-Options: RET=HDRS ENVID=x NOTIFY=FAILURE,DELAY	what there is of DSN (RFC 3461)
 *
 * They are taken for that at the very beginning of a file alone, and neither sent nor kept in Sent: what others write further down is a field
 * like any. A message without them was filed by another program: the sender is that of Sender or From, the recipients are those of To, Cc
 * and Bcc; of the Resent- fields of that name, where it has any (RFC 5322 section 3.6.6: the first block of them).
 *
 * Invariants:
 *   1. Every address passes smtp_address_fault(); no value has a line end in it.
 *   2. Bcc and Resent-Bcc are never sent.
 */
#ifndef SYNC_OUTBOX_ENVELOPE_H
#define SYNC_OUTBOX_ENVELOPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "state/base/buf.h"
#include "state/base/mem.h"
#include "state/base/vec.h"

enum { ENVELOPE_HEADER_MAX = 1 << 20, ENVELOPE_RECIPIENTS_MAX = 10000 };

struct envelope {
	struct arena arena;
	const char *sender;		/* NULL = not known; "" = nobody */
	VEC(const char *) to;		/* each once */
	const char *ret, *envid, *notify;	/* NULL = not said */
};
void envelope_release(struct envelope *v);

/* Adds a recipient, unless it is among them. NULL, or what is wrong with it (in the arena). */
const char *envelope_add(struct envelope *v, const char *address);

/* How many octets of header[0..len) are well-formed fields, the empty line behind them not counted: less than the header where a line is no
 * field. */
size_t envelope_fields(const char *header, size_t len);

/* Reads what stands before the header, if anything does. The octets it takes; 0 = there is none. NULL in *why_r, or what is wrong. */
size_t envelope_read(const char *file, size_t len, struct envelope *v, const char **why_r);
/* As lines, to be put before a header. */
void envelope_write(const struct envelope *v, struct buf *out);

/* Takes sender (unless it is known) and recipients (if wanted) from the fields of a header. NULL, or what is wrong. */
const char *envelope_from_header(struct envelope *v, const char *header, size_t len, bool takes_recipients);

/* The fields of header[0..len) that are sent: without Bcc, and without our own lines. */
void envelope_sent_fields(const char *header, size_t len, struct buf *out);
/* The same without our own lines alone, wherever they stand. */
void envelope_plain_fields(const char *header, size_t len, struct buf *out);

/* The part behind the last "@", or NULL. */
const char *envelope_domain(const char *address);

#endif
