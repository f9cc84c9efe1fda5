/* Where a mailbox of a store stood when it was read. Opaque to all but the store that made it.
 *
 * R2 equal cursors: cursors match by equality only. A cursor that is not steady never stands still (a directory
 * changed within the clock's grain, a network file system, a server without modseq).
 */
#ifndef STATE_MODEL_CURSOR_H
#define STATE_MODEL_CURSOR_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum { CURSOR_SIZE = 64 };

struct cursor {
	uint64_t epoch;			/* UIDVALIDITY; for a directory its identity. Changed = adoption (R7 another store). 0 = none */
	bool is_steady;
	uint8_t len;
	unsigned char data[CURSOR_SIZE];
};

static inline bool
cursor_stands(const struct cursor *was, const struct cursor *is)
{
	return was->is_steady && is->is_steady && was->epoch == is->epoch && was->len == is->len &&
	    memcmp(was->data, is->data, is->len) == 0;
}

#endif
