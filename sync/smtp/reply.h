/* An answer of an SMTP server (RFC 5321 section 4.2): lines that begin with one code, all but the last with a dash behind it.
 *
 * Invariants:
 *   1. An answer has an end (SMTP_REPLY_LINES) and keeps so much of its words as struct smtp_reply has room for.
 *   2. One whose lines have different codes is no answer: nobody can tell which of them counts.
 */
#ifndef SYNC_SMTP_REPLY_H
#define SYNC_SMTP_REPLY_H

#include <stdbool.h>

#include "state/base/err.h"
#include "sync/net/lines.h"

enum { SMTP_REPLY_LINES = 200 };

struct smtp_reply {
	unsigned code;			/* 200 to 599; 0 = there was none */
	char status[16];		/* "5.7.1" (RFC 3463); "" = none */
	char text[1024];		/* without both, its lines parted by blanks; printable */
};

static inline bool
smtp_is_ok(const struct smtp_reply *r)
{
	return r->code / 100 == 2;
}

/* It may be otherwise later. */
static inline bool
smtp_is_passing(const struct smtp_reply *r)
{
	return r->code / 100 == 4;
}

/* Takes a line without its code, as it came; NULL = nobody wants them. */
typedef void smtp_on_line(void *ctx, const char *text);

/* server is named in errors. -1: the line is no good any more. */
int smtp_reply_read(struct lines *in, const char *server, smtp_on_line *on_line, void *ctx, struct smtp_reply *reply_r, struct err *e);

/* "550 5.7.1 words", for people. */
const char *smtp_reply_words(const struct smtp_reply *r, char *buf, size_t size);

#endif
