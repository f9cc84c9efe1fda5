/* Header texts as people read them: encoded words (RFC 2047) become UTF-8; and the Date line as a time.
 *
 * Nothing in a header is trusted. What cannot be decoded (another charset than those below, base64 that is none) stays as it is.
 */
#ifndef SYNC_MESSAGE_DECODE_H
#define SYNC_MESSAGE_DECODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "state/base/buf.h"
#include "state/base/mem.h"

/* Appends the value of a field, unfolded as header_get() gives it, with its encoded words decoded: of UTF-8, US-ASCII, ISO-8859-1, -15 and
 * windows-1252. What is appended is UTF-8 without control characters if `value` is, and at most four times as long. */
void decode_words(struct buf *out, const char *value, size_t len);

enum { DECODE_FIELD_MOST = 1000 };

/* The value of the first field called `name` of header[0..len): as header_get() gives it, cut before its octet `most` (DECODE_FIELD_MOST at most),
 * and decode_words() decodes it; in the arena. "" if there is none. */
const char *decode_field(struct arena *a, const char *header, size_t len, const char *name, size_t most);

/* RFC 5322 section 3.3, with the obsolete forms of section 4.3 (years of two digits, names of zones, comments). Seconds since 1970; *zone_r
 * (may be NULL) minutes east of UTC. -1: it is no such date. */
int decode_date(const char *value, int64_t *time_r, int *zone_r);
/* That of the field Date of header[0..len); `otherwise` where it says none. */
int64_t decode_sent(const char *header, size_t len, int64_t otherwise);

#endif
