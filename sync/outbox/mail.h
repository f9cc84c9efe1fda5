/* A message of an outbox as a file: what must be known of it before it is sent, and its octets as they are sent and kept.
 *
 * Invariants:
 *   1. What is sent is: Message-ID and Date, where they were missing; the header without Bcc and without our own lines; the rest as it is.
 *      Line ends become CRLF.
 *   2. What SMTP cannot carry is never changed to fit: a NUL, a CR alone, a line of more than 998 octets make a fault, which holds the message.
 */
#ifndef SYNC_OUTBOX_MAIL_H
#define SYNC_OUTBOX_MAIL_H

#include "state/base/err.h"
#include "sync/maildir/mdir.h"
#include "sync/outbox/envelope.h"

enum { MAIL_LINE_MAX = 998 };

struct outbox_mail {
	struct envelope envelope;
	struct buf header;		/* without our lines before it, and without the empty line behind it */
	uint64_t body;			/* where the rest of the file begins, that empty line included */
	uint64_t rest;			/* octets of it, as they are sent */
	bool is_8bit, has_8bit_header;
	const char *fault;		/* why it cannot be sent; NULL = nothing is known against it */
	char message_id[256], date[64];	/* of the header; "" = it has none */
	const char *subject, *to;	/* the same as people read them; of `to` and of a subject no more than a line has room for */
	int64_t written;		/* the file's time, seconds since 1970 */
};

/* What was added to it, because it had none: "" = nothing. */
struct outbox_added { const char *message_id, *date; };

int outbox_mail_read(struct mdir *m, struct key key, const char *hint, struct outbox_mail *mail_r, struct err *e);
void outbox_mail_release(struct outbox_mail *mail);

/* Octets as they are sent, without dots that are put before dots. */
uint64_t outbox_mail_size(const struct outbox_mail *mail, const struct outbox_added *added);

typedef int outbox_sink(void *ctx, const char *p, size_t len, struct err *e);
/* As it is sent; or (is_kept) as it is kept in Sent: with Bcc, and with the line ends that it has. */
int outbox_mail_write(struct mdir *m, struct key key, const char *hint, const struct outbox_mail *mail, const struct outbox_added *added,
    bool is_kept, outbox_sink *sink, void *ctx, struct err *e);

/* A new Message-ID, "<1764437000.5f2a90c1@example.org>", and a Date (RFC 5322 section 3.3). */
const char *outbox_new_message_id(struct arena *a, const char *sender, int64_t now);
const char *outbox_new_date(struct arena *a, int64_t now);

#endif
