/* Mailbox names between UTF-8 (people, our state) and modified UTF-7 (the wire), RFC 3501 section
 * 5.1.3 as kept by RFC 9051 appendix A.1.
 *
 * Strict, so that it is reversible both ways: whatever decodes, encodes to the same bytes again, and
 * whatever encodes, decodes to the same bytes again. All that is not so is refused: bytes that are no
 * UTF-8, NUL, lone surrogates, base64 with loose bits, "&" runs that could have been joined or
 * written plainly.
 *
 * Both append to *out and return 0; on refusal they return -1 and leave *out as it was.
 */
#ifndef SYNC_IMAP_UTF7_H
#define SYNC_IMAP_UTF7_H

#include <stdbool.h>
#include <stddef.h>

#include "state/base/buf.h"

int utf7_encode(struct buf *out, const char *utf8, size_t len);
int utf7_decode(struct buf *out, const char *utf7, size_t len);

/* UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, nothing past U+10FFFF, and no NUL. */
bool utf8_is_valid(const char *s, size_t len);

#endif
