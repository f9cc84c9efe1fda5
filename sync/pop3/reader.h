/* The bytes of a POP3 server (RFC 1939 section 3): answers of one line, and those of several, which end with a line that
 * is a dot. It knows no command; session.h does.
 *
 * Use: pop3_reader_line() for the first line of an answer; then, where more belongs to it, pop3_reader_item() until there are no
 * more, or pop3_reader_body() for the text of a message.
 *
 * Invariants:
 *   1. Memory is bounded whatever the peer sends: a line is at most POP3_LINE_MAX octets, and the text of a message is handed on in
 *      pieces out of the one input buffer.
 *   2. A text ends at CRLF "." CRLF alone: a bare LF in front of a dot is the message's own, or whoever writes a message could have the
 *      rest of it taken for what the server says. Of a server whose greeting ends in a bare LF, LF is the line's end.
 *   3. Octets that nobody wants come to an end (POP3_WASTE_MAX). After an error the reader answers every call with it.
 */
#ifndef SYNC_POP3_READER_H
#define SYNC_POP3_READER_H

#include <libetpan/mailstream.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "state/base/err.h"

enum { POP3_LINE_MAX = 8192 };
#define POP3_WASTE_MAX (UINT64_C(64) << 20)

struct pop3_reader;

/* stream stays the caller's. server is borrowed and named in errors. */
struct pop3_reader *pop3_reader_new(mailstream *stream, const char *server);
void pop3_reader_free(struct pop3_reader **r);
/* Asked for words when the stream fails. */
void pop3_reader_on_end(struct pop3_reader *r, int (*why)(void *ctx, struct err *e), void *ctx);

/* True when bytes are at hand that no call has consumed (STLS must find none). */
bool pop3_reader_has_input(const struct pop3_reader *r);

/* The next line, without its end, followed by a NUL; borrowed until the next call. A NUL in it is an error. */
int pop3_reader_line(struct pop3_reader *r, const char **line_r, struct err *e);

/* The next line of a list. 1 got one, 0 it is over, -1 error. */
int pop3_reader_item(struct pop3_reader *r, const char **line_r, struct err *e);

/* Takes a piece of a text, dots taken off. -1: no more of this one, the rest is passed over. */
typedef int pop3_sink(void *ctx, const void *data, size_t len);

/* A text up to its end. *is_whole_r: the sink took it all. */
int pop3_reader_body(struct pop3_reader *r, pop3_sink *sink, void *ctx, bool *is_whole_r, struct err *e);

#endif
