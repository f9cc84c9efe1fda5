/* What a person searches for: words such as from:anna, read into a tree that an IMAP server is asked by (sync/store/imap_query.c)
 * and that files are held against (sync/search/query_match.h).
 *
 *   query    = and *("or" and)
 *   and      = factor *(["and"] factor)
 *   factor   = ("-" / "not ") factor / "(" query ")" / term
 *   term     = WORD ":" value / value            a value alone is text:value
 *   value    = <"> text with \" and \\ <"> / text up to a blank or a bracket
 *
 * Must hold: whatever the text, parsing ends, in a tree or in an error with its place. A tree has at most QUERY_TERMS terms and is at most
 * QUERY_DEPTH deep, so that walking it needs no more stack than that.
 */
#ifndef SYNC_SEARCH_QUERY_H
#define SYNC_SEARCH_QUERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "state/base/err.h"
#include "state/base/mem.h"

enum { QUERY_TERMS = 200, QUERY_DEPTH = 100, QUERY_TEXT_MOST = 8192 /* octets */ };

enum query_kind {
	QUERY_AND, QUERY_OR,		/* of left and right */
	QUERY_NOT,			/* of left */
	QUERY_EVERY,			/* every message */
	QUERY_NONE,			/* none */
	QUERY_ADDRESS,			/* `text` in the field `name`: From, To, Cc, Bcc; and Subject */
	QUERY_HEADER,			/* `text` in the field `name`; "" = the field is there */
	QUERY_BODY, QUERY_TEXT,		/* `text` in the body; in the body or the header */
	QUERY_DATE,			/* of `date`, as `rel` says, `day` */
	QUERY_AGE,			/* of the arrival: `seconds` before now, as rel says (QUERY_BEFORE older, QUERY_SINCE newer) */
	QUERY_SIZE,			/* more (is_more) or less than `octets` */
	QUERY_FLAG,			/* `flag` (enum flag_bit) is set, or not (is_unset) */
	QUERY_KEYWORD,			/* `text` is set */
	QUERY_ATTACHMENT,		/* it seems to have one: multipart/mixed */
	QUERY_IN,			/* it is in a mailbox whose name matches `text` */
	QUERY_GMAIL,			/* as Gmail's own search has it: `text` */
};

enum query_date { QUERY_ARRIVED, QUERY_SENT, QUERY_SAVED };
enum query_relation { QUERY_SINCE, QUERY_BEFORE, QUERY_ON };

struct query {
	enum query_kind kind;
	size_t at;			/* octet of the text where it begins */
	const struct query *left, *right;
	const char *name, *text;	/* UTF-8 */
	enum query_date date;
	enum query_relation rel;
	int64_t day;			/* days since 1970 */
	int64_t seconds;
	uint64_t octets;
	bool is_more, is_unset;
	uint32_t flag;
};

/* Where a text is no query. `unknown`, unless "": the word that does not exist, or the value that its word does not take; `words` (ends
 * with NULL) are those that would have been right. */
struct query_error { size_t at; const char *unknown; const char *const *words; };

/* Reads `text` (UTF-8, NUL-terminated) into *q_r, which lives in the arena. today: days since 1970 where the person is. -1: *e
 * (ERR_USAGE) says what is wrong and *where_r at which octet. Nothing but blanks is every message. */
int query_parse(const char *text, int64_t today, struct arena *a, const struct query **q_r, struct query_error *where_r, struct err *e);

/* The words that take a value, ending with NULL; and whether `word`, len octets of it, is one. */
const char *const *query_words(void);
bool query_is_word(const char *word, size_t len);
/* How one of them is explained: "from:TEXT", and what it finds. NULL behind the last. */
struct query_help { const char *word, *text; };
const struct query_help *query_help(void);

/* What is left of it in one mailbox (as the channel calls it): in: is decided, and what follows from that. */
const struct query *query_in_box(const struct query *q, const char *box, struct arena *a);

/* A date as since: takes it, in days since 1970; -1 = it is none. */
int query_date(const char *s, int64_t today, int64_t *day_r);

/* Whether a term of this kind is in it. */
bool query_has(const struct query *q, enum query_kind kind);
/* Whether all its texts are ASCII. */
bool query_is_ascii(const struct query *q);

#endif
