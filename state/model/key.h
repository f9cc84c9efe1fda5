/* The name of a message within one mailbox of one store: a UID (RFC 9051 section 2.3.1.1) as four
 * bytes in network order, so that byte order is UID order, or a Maildir base name.
 */
#ifndef STATE_MODEL_KEY_H
#define STATE_MODEL_KEY_H

#include <stdbool.h>
#include <stdint.h>

#include "state/base/mem.h"

struct key {
	const char *data;		/* not NUL-terminated as such; NULL and 0 = no key */
	uint32_t len;
};

#define KEY_NONE ((struct key){ .data = 0, .len = 0 })

int key_cmp(struct key a, struct key b);	/* byte order, then length: the order of a scan */
bool key_equal(struct key a, struct key b);
struct key key_dup(struct arena *a, struct key k);
struct key key_from_string(const char *s);	/* borrows s */
struct key key_from_uid(struct arena *a, uint32_t uid);
uint32_t key_uid(struct key k);			/* 0 when k is not four bytes long */
const char *key_text(struct arena *a, struct key k, bool is_uid);	/* for people */

#endif
