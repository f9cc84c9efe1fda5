/* JSON, one object per line (RFC 8259), into a buffer.
 *
 * How it is used: json_open(), members, json_close(), nested ones with json_open_member(). Texts are made valid:
 * bytes that are no UTF-8 become U+FFFD, control characters are escaped. */
#ifndef CMD_JSON_H
#define CMD_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include "state/base/buf.h"

void json_open(struct buf *out);
void json_open_member(struct buf *out, const char *name);
void json_close(struct buf *out);		/* no newline */

void json_text(struct buf *out, const char *name, const char *text);	/* NULL = null */
void json_number(struct buf *out, const char *name, uint64_t n);
void json_signed(struct buf *out, const char *name, int64_t n);
void json_bool(struct buf *out, const char *name, bool is);

#endif
