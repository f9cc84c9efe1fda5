/* What stands for a message that is too large for a store (mbsync's MaxSize): its header, with "[placeholder] " before its subject, and a
 * few words that tell its size. Octet for octet as mbsync 1.5 writes it, without X-TUID; that of 1.4 is known as well.
 *
 * Made:	placeholder_make() of the header.
 * Known again:	placeholder_watch_begin(); placeholder_watch() of each piece; placeholder_watch_end().
 *
 * Anybody can send a message of this form. So it is never taken for what it says by itself: it counts as the placeholder of a message that
 * is there, on the other side, and has the very header that is behind it.
 */
#ifndef SYNC_MESSAGE_PLACEHOLDER_H
#define SYNC_MESSAGE_PLACEHOLDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "state/base/buf.h"

enum { PLACEHOLDER_HEADER_MOST = 1 << 20 };	/* octets of a header that gets one */

/* Appends the placeholder of a message of `size` octets, of which `header` is the beginning, with its empty line or more. Line ends are
 * those of its first line. False: the header has no end, is too long, or begins its subject as a placeholder does. */
bool placeholder_make(struct buf *out, const char *header, size_t len, uint64_t size, bool is_flagged);

struct placeholder_watch {
	struct buf text;		/* so far; empty once it cannot be one */
	size_t line;			/* where the line that is under way begins */
	enum { WATCH_HEADER, WATCH_ALL, WATCH_OVER } state;
};
void placeholder_watch_begin(struct placeholder_watch *w);
void placeholder_watch(struct placeholder_watch *w, const char *p, size_t len);
/* Its subject begins like that of one. */
bool placeholder_watch_may_be(const struct placeholder_watch *w);
/* The whole message was given: true if it is one; then *header_r is the header behind it, in w until it begins anew. */
bool placeholder_watch_end(struct placeholder_watch *w, const char **header_r, size_t *len_r);
void placeholder_watch_release(struct placeholder_watch *w);

#endif
