/* The tokenizer under every response: bytes of a libetpan mailstream in, tokens out (RFC 9051 section
 * 4). It knows no response; sync/imap/replies.c does.
 *
 * Use: imap_reader_start() at each line gives its first word; then imap_reader_next() until
 * IMAP_TOKEN_EOL, or imap_reader_text()/imap_reader_skip() for the rest of the line.
 *
 * Invariants:
 *   1. Memory is bounded whatever the peer sends: a line without its large literals, together with
 *      the literals that are kept, is at most IMAP_LINE_MAX bytes.
 *   2. A large literal is handed on in pieces out of the one input buffer and never stored.
 *   3. NUL outside of a literal, nesting past IMAP_NESTING_MAX, a number past 64 bits, a literal past
 *      the cap, a CR without LF between tokens, end of input: an error that names the server and
 *      shows the line. After an error the reader answers every call with it, until imap_reader_recover()
 *      has passed over the rest of the line.
 *   4. Nothing is read from the stream while what was asked for is in the buffer.
 *   5. What a peer sends costs time in proportion to its length; blank lines, and literals that nobody takes, come to an end.
 */
#ifndef SYNC_IMAP_READER_H
#define SYNC_IMAP_READER_H

#include <libetpan/mailstream.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "state/base/err.h"

enum {
	IMAP_LINE_MAX = 1 << 20,
	IMAP_NESTING_MAX = 64,
};
#define IMAP_WASTE_MAX (UINT64_C(256) << 20)	/* octets of literals that nobody took, since imap_reader_forgive() */
#define IMAP_LITERAL_CAP (UINT64_C(1) << 30)	/* the default of imap_reader_cap() */

enum imap_token_kind {
	IMAP_TOKEN_ATOM,		/* and numbers, flags, `*`, sets: a word without blanks */
	IMAP_TOKEN_QUOTED,		/* text without its quotes and backslashes */
	IMAP_TOKEN_LITERAL,		/* size = octets to come; take them before the next token */
	IMAP_TOKEN_OPEN,		/* ( */
	IMAP_TOKEN_CLOSE,		/* ) */
	IMAP_TOKEN_EOL,			/* the line is over; comes again until imap_reader_start() */
};

struct imap_token {
	enum imap_token_kind kind;
	const char *s;			/* borrowed until the next call; not NUL-terminated */
	size_t len;
	uint64_t size;			/* of a literal */
	bool is_joined;			/* no blank before it */
};

/* Takes a piece of a literal. -1: no more of this one; the rest is drained. The sink keeps its own
 * error, since the connection has none. */
typedef int imap_sink(void *ctx, const void *data, size_t len);

struct imap_reader;

/* stream stays the caller's. server is borrowed and named in errors. */
struct imap_reader *imap_reader_new(mailstream *stream, const char *server);
void imap_reader_free(struct imap_reader **r);
void imap_reader_cap(struct imap_reader *r, uint64_t literal_cap);
/* From now on errors name the fault and do not show the line: it may be anybody's. */
void imap_reader_conceal(struct imap_reader *r);
/* Asked for words when the stream fails; the default says that the server closed the connection. */
void imap_reader_on_end(struct imap_reader *r, int (*why)(void *ctx, struct err *e), void *ctx);

/* True when bytes are at hand that no call has consumed (STARTTLS must find none). */
bool imap_reader_has_input(const struct imap_reader *r);
/* Puts such bytes back into the stream's own buffer, where a transport that starts to inflate looks
 * for them. -1 when they are more than fit there. */
int imap_reader_unread(struct imap_reader *r, struct err *e);

/* The next line, up to its LF and with it, where nothing of it was read yet and all of it is at hand and
 * it is of a usual length; else NULL. It is borrowed until the next call, and not consumed: imap_reader_line_end() does that. */
const char *imap_reader_line(struct imap_reader *r);
void imap_reader_line_end(struct imap_reader *r);

/* Ends the line before, skips blank lines, gives the first word of the next. */
int imap_reader_start(struct imap_reader *r, struct imap_token *first_r, struct err *e);
/* The next token; a literal not taken is drained first. */
int imap_reader_next(struct imap_reader *r, struct imap_token *token_r, struct err *e);
/* The same, but an atom's [...] may hold anything: `BODY[HEADER.FIELDS (DATE)]<0>`. */
int imap_reader_item(struct imap_reader *r, struct imap_token *token_r, struct err *e);
/* The bytes of an atom, quoted string or literal, the latter read and kept (counts to the line). */
int imap_reader_string(struct imap_reader *r, struct imap_token *token, struct err *e);
/* Hands the literal just announced to sink (NULL = nobody) in pieces. *is_whole_r = the sink took it
 * all. */
int imap_reader_literal(struct imap_reader *r, imap_sink *sink, void *ctx, bool *is_whole_r,
    struct err *e);
/* Passes over one value: a word, a string, a literal, a list with all in it. */
int imap_reader_skip_value(struct imap_reader *r, struct err *e);
/* Passes over one value whose first token is at hand. */
int imap_reader_skip_from(struct imap_reader *r, const struct imap_token *first, struct err *e);
/* The rest of the line as it is, without its first blank. A literal inside a response code's
 * brackets is drained and shows as "". Any other {n} is the text's own. */
int imap_reader_text(struct imap_reader *r, const char **s_r, size_t *len_r, struct err *e);
/* Passes over the rest of the line, literals included: for data we do not know. */
int imap_reader_skip(struct imap_reader *r, struct err *e);

/* Octets of lines so far, without the literals that were handed on. */
uint64_t imap_reader_octets(const struct imap_reader *r);
/* Begins anew to count the octets that nobody takes. */
void imap_reader_forgive(struct imap_reader *r);

/* Forgets how long the line is by now. For the numbers of a SEARCH, which no server cuts into lines
 * and of which nothing is kept here; the caller bounds what it keeps. */
void imap_reader_line_goes_on(struct imap_reader *r);

/* token as a number of at most `max`. */
int imap_reader_number(struct imap_reader *r, const struct imap_token *token, uint64_t max,
    uint64_t *n_r, struct err *e);

/* Fills *e: "SERVER sent what we cannot use (what): LINE", which every call answers from here on. Returns -1. */
int imap_reader_bad(struct imap_reader *r, struct err *e, const char *what);
/* After imap_reader_bad() within a line: passes over the rest of the response, literals counted, so that the next
 * imap_reader_start() is in step. -1: nobody knows, the error stays. No octet of a literal may have been passed
 * before the error: where its size was a lie, what follows is the text of a message. is_in_brackets: for the same
 * reason, what stands behind the last literal must end in ")". */
int imap_reader_recover(struct imap_reader *r, bool is_in_brackets, struct err *e);

/* True when token is that word, case ignored. */
bool imap_token_is(const struct imap_token *token, const char *word);

#endif
