/* Text as a terminal may be given it. Names of mailboxes and words of servers come from others: a
 * control character in them could move the cursor, forge a line or turn the reading direction. */
#ifndef CMD_SHOWN_H
#define CMD_SHOWN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "state/base/buf.h"

/* One code point of UTF-8; *s goes behind it. False: a byte that is none, in *code_r as it is. */
bool shown_next(const char **s, uint32_t *code_r);

/* True for what moves the cursor or is not seen: C0, C1, DEL, marks of direction, line separators. */
bool shown_is_control(uint32_t code);

/* The terminal knows no UTF-8: shown_escape() leaves ASCII alone. */
void shown_only_ascii(void);

/* Appends s. Control characters become \n, \t or \u{CODE}, bytes that are no UTF-8 \xHH. keeps_lines: "\n"
 * stays. */
void shown_escape(struct buf *out, const char *s, bool keeps_lines);

/* Columns that s takes on a terminal; s must be escaped. */
size_t shown_width(const char *s);

/* Appends as much of s as fits into `width` columns, with "~" at its end if something is missing. */
void shown_cut(struct buf *out, const char *s, size_t width);

/* "812 bytes", "1.2 kB", "340 MB" (of 1000). */
void shown_bytes(struct buf *out, uint64_t bytes);

/* "8 s", "4:05", "2:15:00". */
void shown_duration(struct buf *out, uint64_t seconds);

#endif
