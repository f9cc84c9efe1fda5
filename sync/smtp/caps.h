/* What an SMTP server says it can do (EHLO, RFC 5321 section 4.1.1.1). */
#ifndef SYNC_SMTP_CAPS_H
#define SYNC_SMTP_CAPS_H

#include <stdbool.h>
#include <stdint.h>

#include "state/base/buf.h"

enum smtp_cap {
	SMTP_CAP_STARTTLS = 1 << 0,	/* RFC 3207 */
	SMTP_CAP_8BITMIME = 1 << 1,	/* RFC 6152 */
	SMTP_CAP_SMTPUTF8 = 1 << 2,	/* RFC 6531 */
	SMTP_CAP_PIPELINING = 1 << 3,	/* RFC 2920 */
	SMTP_CAP_DSN = 1 << 4,		/* RFC 3461 */
	SMTP_CAP_SIZE = 1 << 5,		/* RFC 1870 */
};

struct smtp_caps {
	unsigned has;			/* enum smtp_cap */
	uint64_t size;			/* octets of a message at most; 0 = it does not say */
	struct buf sasl;		/* mechanisms, parted by blanks */
};

/* A line behind the first one. */
void smtp_caps_add(struct smtp_caps *caps, const char *line);
void smtp_caps_release(struct smtp_caps *caps);

#endif
