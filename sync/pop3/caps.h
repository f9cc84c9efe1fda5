/* What a POP3 server says it can do (CAPA, RFC 2449). */
#ifndef SYNC_POP3_CAPS_H
#define SYNC_POP3_CAPS_H

#include <stdbool.h>

#include "state/base/buf.h"

enum pop3_cap {
	POP3_CAP_STLS = 1 << 0,		/* RFC 2595 */
	POP3_CAP_USER = 1 << 1,
	POP3_CAP_UIDL = 1 << 2,
	POP3_CAP_TOP = 1 << 3,
	POP3_CAP_PIPELINING = 1 << 4,
};

struct pop3_caps {
	bool is_known;			/* false: it has no CAPA (RFC 1939 alone), and what it can do is found by trying */
	unsigned has;			/* enum pop3_cap */
	unsigned login_delay;		/* seconds between two logins, at least; 0 = any */
	struct buf sasl;		/* mechanisms, parted by blanks */
};

void pop3_caps_add(struct pop3_caps *caps, const char *line);
void pop3_caps_release(struct pop3_caps *caps);

/* Offered; or perhaps, by a server that does not say. */
bool pop3_caps_may(const struct pop3_caps *caps, enum pop3_cap cap);

#endif
