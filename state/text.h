/* The text form of the base, as state/dump.c writes it.
 *
 *   file     "mailtwin-state 1", then lines, then "end COUNT" (COUNT = lines between the two)
 *   line     WORD { " " NAME "=" VALUE }
 *   VALUE    bytes; all but ! to ~ without % are written as %XX
 *   lines    next; memory...; box... by number; message... by box and number; intent... and log... by
 *            number. Fields that say nothing (0, "", no) are left out.
 *
 * Keys: "#" and the number where it is a UID; else the bytes, with a leading # as %23. Digests and
 * cursors: hexadecimal. Flags: Maildir's letters; as 0x... where a bit has no letter. Times: seconds.
 */
#ifndef STATE_TEXT_H
#define STATE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "state/base/buf.h"
#include "state/base/mem.h"
#include "state/model/key.h"
#include "state/model/side.h"

enum { TEXT_VERSION = 1 };
#define TEXT_MAGIC "mailtwin-state"

/* Words for enumerators, in their order, ended by NULL. */
extern const char *const text_sides[];
extern const char *const text_marks[];
extern const char *const text_troubles[];
extern const char *const text_intents[];
extern const char *const text_bases[];

void text_escape(struct buf *b, const void *data, size_t len);
void text_key(struct buf *b, struct key k);
void text_hex(struct buf *b, const void *data, size_t len);
void text_flags(struct buf *b, uint32_t sys);

#endif
