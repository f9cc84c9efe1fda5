/* Commands, composed here and sent by sync/imap/session.h.
 *
 * Use: imap_command_init(), the imap_put_* in the order of the grammar, then imap_send(), which takes
 * what is in it. No tag and no final CRLF: the session adds them.
 *
 * Invariants:
 *   1. imap_put() takes only text of ours. All that comes from elsewhere goes through a function that
 *      quotes it, so that no mailbox name, keyword or search text can end a line (CR, LF, NUL and
 *      8-bit text travel as literals).
 *   2. A literal waits for the server's `+` unless LITERAL+, or LITERAL- and at most 4096 octets.
 *   3. No set makes a line longer than IMAP_COMMAND_MAX: the caller sends several commands.
 */
#ifndef SYNC_IMAP_WRITER_H
#define SYNC_IMAP_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "state/base/buf.h"
#include "state/base/err.h"
#include "state/base/vec.h"
#include "state/model/flags.h"
#include "sync/imap/caps.h"
#include "sync/imap/uidset.h"

enum {
	IMAP_COMMAND_MAX = 8000,	/* RFC 7162 section 4, and what servers are known to take */
	IMAP_LITERAL_MINUS_MAX = 4096,	/* RFC 7888 section 5 */
};

/* Where the octets of a literal come from: read() gives 1..room of them, -1 on error with *e set. A
 * source that fails ends the connection, for the server was promised `size` octets. */
struct imap_source {
	uint64_t size;
	ssize_t (*read)(void *ctx, void *p, size_t room, struct err *e);
	void *ctx;
};

enum imap_command_kind {
	IMAP_ANY,			/* needs no mailbox: LIST, STATUS, CREATE, APPEND, NOOP */
	IMAP_READ,			/* UID FETCH, UID SEARCH in the selected mailbox */
	IMAP_WRITE,			/* UID STORE, COPY, MOVE, EXPUNGE there: R17 */
	IMAP_SAVED,			/* UID STORE, EXPUNGE of "$": what a SEARCH found by the server's own ids, or nothing */
};

/* A stop within the text: what happens once text[..end) has been written. */
struct imap_stop {
	size_t end;
	bool must_wait;			/* for `+` */
	bool has_source;
	struct imap_source source;
};

struct imap_command {
	enum imap_command_kind kind;
	const struct imap_caps *caps;	/* borrowed: says how literals are sent */
	bool is_utf8;			/* UTF8=ACCEPT is on: names travel as they are */
	bool is_secret;			/* neither logged nor in a transcript */
	bool wants_any_uid;		/* FETCH data of every UID is this command's */
	bool changes;			/* it changes something on the server: a step (R22 numbered steps); set for IMAP_WRITE
					 * and IMAP_SAVED */
	bool is_copy;			/* COPY, MOVE: an untagged COPYUID is its own */
	bool is_search;			/* plain SEARCH, whose answers bear no tag: one at a time */
	bool is_esearch;
	struct buf text;
	struct imap_uidset uids;	/* of the FETCH, STORE, COPY, MOVE, EXPUNGE; normalised */
	char *box;			/* wire name that STATUS data must bear; NULL = any */
	uint64_t uidvalidity;		/* IMAP_WRITE: planned against this one; 0 = any */
	VEC(struct imap_stop) stops;
};

/* Zeroes it; caps and is_utf8 as imap_session_caps() and imap_session_is_utf8() say. */
void imap_command_init(struct imap_command *c, enum imap_command_kind kind, const struct imap_caps *caps,
    bool is_utf8);
void imap_command_release(struct imap_command *c);

void imap_put(struct imap_command *c, const char *ours);
void imap_putf(struct imap_command *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* As atom, quoted string or literal, whichever is the shortest that holds it. */
void imap_put_astring(struct imap_command *c, const char *s, size_t len);
/* As quoted string or literal: where an atom is not allowed (ID). */
void imap_put_string(struct imap_command *c, const char *s, size_t len);
/* A mailbox by its UTF-8 name. -1 (ERR_BOX) when it is no UTF-8 or holds NUL. INBOX is written in
 * capitals. The name is noted in c->box. */
int imap_put_mailbox(struct imap_command *c, const char *utf8, struct err *e);
/* A mailbox by the name the server itself gave. */
void imap_put_wire_mailbox(struct imap_command *c, const char *wire, size_t len);
/* As many of n ascending UIDs as fit the line with `reserve` bytes behind them. Returns how many (at
 * least one); they are added to c->uids. */
size_t imap_put_uids(struct imap_command *c, const uint32_t *uids, size_t n, size_t reserve);
/* "$": what the SEARCH RETURN (SAVE) in front of it found (RFC 5182), which is none but these n. The command becomes IMAP_SAVED. */
void imap_put_saved(struct imap_command *c, const uint32_t *uids, size_t n);
/* "n:*", for all from n on; every UID's data will be this command's. */
void imap_put_uids_from(struct imap_command *c, uint32_t first);
/* "first:last", for all between them. */
void imap_put_uid_range(struct imap_command *c, uint32_t first, uint32_t last);
/* "UID SEARCH ", as ESEARCH where that is offered. The keys are the caller's to put behind it. */
void imap_put_search(struct imap_command *c);
/* "(\Seen $Forwarded work)". -1 (ERR_MESSAGE) when a keyword is no atom. */
int imap_put_flags(struct imap_command *c, struct flags flags, struct err *e);
bool imap_is_keyword(const char *s, size_t len);	/* an atom without "]", so that also a response code can hold it */
/* "\" 7-Feb-2024 21:52:25 +0000\"" with its quotes. */
void imap_put_date(struct imap_command *c, int64_t time, int zone);
/* {size} and, when its turn comes, the octets. */
void imap_put_literal(struct imap_command *c, const struct imap_source *source);

/* Appends the wire name of a mailbox. -1 when utf8 is no name (see utf7.h). */
int imap_name_to_wire(struct buf *out, const char *utf8, size_t len, bool is_utf8);
/* And back. -1: such a name is reported, and nothing is done with it. INBOX in any case becomes "INBOX". */
int imap_name_from_wire(struct buf *out, const char *wire, size_t len, bool is_utf8);
/* Wire names of one mailbox: equal, INBOX without regard to case. */
bool imap_wire_equal(const char *a, size_t a_len, const char *b, size_t b_len);

#endif
