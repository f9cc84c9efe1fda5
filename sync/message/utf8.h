/* One character of UTF-8 at a time, strictly (RFC 3629): no overlong forms, no surrogates, nothing
 * past U+10FFFF.
 */
#ifndef SYNC_MESSAGE_UTF8_H
#define SYNC_MESSAGE_UTF8_H

#include <stddef.h>
#include <stdint.h>

#include "state/base/buf.h"

/* Decodes the character at p. Returns its length in octets (1 to 4), or 0 where the octets are not
 * UTF-8 or len ends before the character does; *c_r is then untouched. len >= 1. */
size_t utf8_get(const char *p, size_t len, uint32_t *c_r);

/* Appends c, a Unicode scalar value. */
void utf8_add(struct buf *b, uint32_t c);

#endif
