/* base64 (RFC 4648 section 4), as SASL uses it. */
#ifndef SYNC_SASL_BASE64_H
#define SYNC_SASL_BASE64_H

#include <stddef.h>

#include "state/base/buf.h"

/* Appends. Works within out's memory, so that a secret stays in a secret buffer. */
void base64_encode(const void *p, size_t len, struct buf *out);

/* Appends the bytes. -1 where text is not base64; out is then as it was. */
int base64_decode(const char *text, size_t len, struct buf *out);

#endif
