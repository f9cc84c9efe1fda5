/* The bytes of a server that speaks in lines: POP3 (RFC 1939 section 3), with answers of one line and texts that end with a line that is a
 * dot, and SMTP (RFC 5321). It knows no command and no answer.
 *
 * Use: lines_next() for the first line of an answer; then, where more belongs to it, lines_item() until there are no
 * more, or lines_body() for the text of a message.
 *
 * Invariants:
 *   1. Memory is bounded whatever the peer sends: a line is at most LINES_LINE_MAX octets, and the text of a message is handed on in
 *      pieces out of the one input buffer.
 *   2. A text ends at CRLF "." CRLF alone: a bare LF in front of a dot is the message's own, or whoever writes a message could have the
 *      rest of it taken for what the server says. Of a server whose greeting ends in a bare LF, LF is the line's end.
 *   3. Octets that nobody wants come to an end (LINES_WASTE_MAX). After an error the reader answers every call with it.
 */
#ifndef SYNC_NET_LINES_H
#define SYNC_NET_LINES_H

#include <libetpan/mailstream.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "state/base/err.h"

enum { LINES_LINE_MAX = 8192 };
#define LINES_WASTE_MAX (UINT64_C(64) << 20)

struct lines;

/* stream stays the caller's. server is borrowed and named in errors. */
struct lines *lines_new(mailstream *stream, const char *server);
void lines_free(struct lines **r);
/* Asked for words when the stream fails. */
void lines_on_end(struct lines *r, int (*why)(void *ctx, struct err *e), void *ctx);

/* True when bytes are at hand that no call has consumed (STLS must find none). */
bool lines_has_input(const struct lines *r);

/* The next line, without its end, followed by a NUL; borrowed until the next call. A NUL in it is an error. */
int lines_next(struct lines *r, const char **line_r, struct err *e);

/* The next line of a list. 1 got one, 0 it is over, -1 error. */
int lines_item(struct lines *r, const char **line_r, struct err *e);

/* Takes a piece of a text, dots taken off. -1: no more of this one, the rest is passed over. */
typedef int lines_sink(void *ctx, const void *data, size_t len);

/* A text up to its end. *is_whole_r: the sink took it all. */
int lines_body(struct lines *r, lines_sink *sink, void *ctx, bool *is_whole_r, struct err *e);

#endif
