/* Responses of a server as plain structs (RFC 9051 section 7, RFC 7162, 4731, 5464, 8474 and Gmail's).
 *
 * Use: imap_reply_read() again and again with one struct imap_reply; look at .kind. Message bodies do
 * not pass through the struct: they go to the body sink while the line is read.
 *
 * Invariants:
 *   1. Strings and arrays live until the next imap_reply_read() with the same struct.
 *   2. What is not known is passed over without losing step (IMAP_REPLY_OTHER).
 *   3. Untagged lines that break the grammar where it matters, and numbers wider than their field (never cut), are
 *      IMAP_REPLY_UNREADABLE where their end can be found; else they are errors, after which the connection must be closed.
 */
#ifndef SYNC_IMAP_REPLIES_H
#define SYNC_IMAP_REPLIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "state/base/err.h"
#include "state/base/mem.h"
#include "state/model/flags.h"
#include "sync/imap/reader.h"
#include "sync/imap/uidset.h"

enum imap_status {
	IMAP_OK, IMAP_NO, IMAP_BAD,
	IMAP_PREAUTH, IMAP_BYE,		/* only untagged */
	IMAP_LOST,			/* sent at least in part, never answered: the outcome is unknown */
	IMAP_UNSENT,			/* not one byte of it left: certainly not done */
};

enum imap_code_kind {
	IMAP_CODE_NONE, IMAP_CODE_OTHER,
	IMAP_CODE_ALERT, IMAP_CODE_ALREADYEXISTS, IMAP_CODE_APPENDUID, IMAP_CODE_AUTHENTICATIONFAILED,
	IMAP_CODE_AUTHORIZATIONFAILED, IMAP_CODE_BADCHARSET, IMAP_CODE_CANNOT, IMAP_CODE_CAPABILITY,
	IMAP_CODE_CLIENTBUG, IMAP_CODE_CLOSED, IMAP_CODE_COMPRESSIONACTIVE, IMAP_CODE_CONTACTADMIN,
	IMAP_CODE_COPYUID, IMAP_CODE_CORRUPTION, IMAP_CODE_EXPIRED, IMAP_CODE_EXPUNGEISSUED,
	IMAP_CODE_HASCHILDREN, IMAP_CODE_HIGHESTMODSEQ, IMAP_CODE_INUSE, IMAP_CODE_LIMIT,
	IMAP_CODE_MAILBOXID, IMAP_CODE_MESSAGELIMIT, IMAP_CODE_MODIFIED, IMAP_CODE_NEWNAME, IMAP_CODE_NOMODSEQ,
	IMAP_CODE_NONEXISTENT, IMAP_CODE_NOPERM, IMAP_CODE_OVERQUOTA, IMAP_CODE_PARSE,
	IMAP_CODE_PERMANENTFLAGS, IMAP_CODE_PRIVACYREQUIRED, IMAP_CODE_READ_ONLY,
	IMAP_CODE_READ_WRITE, IMAP_CODE_SERVERBUG, IMAP_CODE_TOOBIG, IMAP_CODE_TRYCREATE,
	IMAP_CODE_UIDNEXT, IMAP_CODE_UIDNOTSTICKY, IMAP_CODE_UIDVALIDITY, IMAP_CODE_UNAVAILABLE,
	IMAP_CODE_UNKNOWN_CTE, IMAP_CODE_UNSEEN,
};

/* A response code. Known codes whose arguments make no sense are IMAP_CODE_OTHER. */
struct imap_code {
	enum imap_code_kind kind;
	const char *name;		/* as sent; "" = no code */
	const char *arg;		/* the text behind the name: CAPABILITY's words, MAILBOXID's id */
	uint64_t number;		/* UIDVALIDITY UIDNEXT HIGHESTMODSEQ MESSAGELIMIT; the first of APPENDUID and COPYUID */
	uint32_t last_uid;		/* MESSAGELIMIT: the last one that was processed; 0 = not said */
	struct imap_uidset from;	/* COPYUID's source; MODIFIED */
	struct imap_uidset to;		/* APPENDUID; COPYUID's destination: as many UIDs as `from` */
	struct flag_mask mask;		/* PERMANENTFLAGS */
	uint64_t backoff;		/* ms of "Suggested Backoff Time" in the text; 0 = none */
};

enum imap_list_attribute {
	IMAP_LIST_NOSELECT = 1 << 0, IMAP_LIST_NONEXISTENT = 1 << 1, IMAP_LIST_NOINFERIORS = 1 << 2,
	IMAP_LIST_HASCHILDREN = 1 << 3, IMAP_LIST_HASNOCHILDREN = 1 << 4, IMAP_LIST_SUBSCRIBED = 1 << 5,
	IMAP_LIST_REMOTE = 1 << 6, IMAP_LIST_MARKED = 1 << 7, IMAP_LIST_UNMARKED = 1 << 8,
	IMAP_LIST_ALL = 1 << 9, IMAP_LIST_ARCHIVE = 1 << 10, IMAP_LIST_DRAFTS = 1 << 11,
	IMAP_LIST_FLAGGED = 1 << 12, IMAP_LIST_JUNK = 1 << 13, IMAP_LIST_SENT = 1 << 14,
	IMAP_LIST_TRASH = 1 << 15, IMAP_LIST_IMPORTANT = 1 << 16,
};

/* LIST, LSUB, XLIST. */
struct imap_list {
	unsigned attributes;		/* enum imap_list_attribute */
	char delimiter;			/* 0 = NIL: a flat name */
	const char *name;		/* as on the wire */
	size_t name_len;		/* may hold NUL: such a name is for nobody to use */
	const char *old_name;		/* OLDNAME; NULL = none */
	bool has_childinfo;		/* CHILDINFO came: listed only for a child that matches */
	bool is_lsub;
};

enum imap_status_has {
	IMAP_STATUS_MESSAGES = 1 << 0, IMAP_STATUS_UIDNEXT = 1 << 1, IMAP_STATUS_UIDVALIDITY = 1 << 2,
	IMAP_STATUS_UNSEEN = 1 << 3, IMAP_STATUS_HIGHESTMODSEQ = 1 << 4, IMAP_STATUS_SIZE = 1 << 5,
	IMAP_STATUS_DELETED = 1 << 6, IMAP_STATUS_RECENT = 1 << 7, IMAP_STATUS_APPENDLIMIT = 1 << 8,
	IMAP_STATUS_MAILBOXID = 1 << 9,
};

/* STATUS. A field counts only when its bit is in `has`. */
struct imap_status_data {
	const char *name;
	size_t name_len;
	unsigned has;			/* enum imap_status_has */
	uint32_t messages, uidnext, unseen, deleted, recent;
	uint64_t uidvalidity;		/* 32 bits in the RFC; dbmail and others count milliseconds */
	uint64_t highestmodseq, size, append_limit;
	const char *mailboxid;
};

enum imap_fetch_has {
	IMAP_FETCH_UID = 1 << 0, IMAP_FETCH_FLAGS = 1 << 1, IMAP_FETCH_MODSEQ = 1 << 2,
	IMAP_FETCH_SIZE = 1 << 3, IMAP_FETCH_DATE = 1 << 4, IMAP_FETCH_EMAILID = 1 << 5,
	IMAP_FETCH_THREADID = 1 << 6, IMAP_FETCH_GM_MSGID = 1 << 7, IMAP_FETCH_GUID = 1 << 8,
	IMAP_FETCH_SAVED = 1 << 9,
};

/* A BODY[...] of a FETCH, as it passed by. */
struct imap_body {
	const char *section;		/* "" for BODY[] and RFC822, "HEADER", "HEADER.FIELDS (DATE)" */
	bool is_part;			/* <n>: not all of it, whatever n is */
	uint64_t size;
	bool is_nil;			/* the server has none: not the same as an empty one */
	bool is_whole;			/* the sink took every octet */
};

enum { IMAP_BODIES = 4 };		/* per FETCH; more are passed over */

struct imap_fetch {
	uint32_t seq;
	unsigned has;			/* enum imap_fetch_has */
	uint32_t uid;
	struct flags flags;
	bool is_recent;
	uint64_t modseq, size, gm_msgid;
	int64_t date;			/* INTERNALDATE, seconds; NIL and nonsense are no date */
	int zone;			/* its zone, minutes east */
	int64_t saved;			/* SAVEDATE (RFC 8514): when it came into this mailbox, likewise */
	const char *emailid, *threadid, *guid;	/* guid: Dovecot's X-GUID */
	bool is_contradictory;		/* it names two UIDs; whose it is nobody knows */
	struct imap_body body[IMAP_BODIES];
	int n_bodies;
};

struct imap_namespace {
	enum imap_namespace_kind { IMAP_PERSONAL, IMAP_OTHER_USERS, IMAP_SHARED } kind;
	const char *prefix;
	char delimiter;			/* 0 = NIL */
};

/* ESEARCH, and SEARCH with its set in `all`. */
struct imap_search {
	const char *tag;		/* of the command; NULL = not said */
	const char *mailbox;		/* RFC 7377: as on the wire; NULL = not said: the one that is selected */
	size_t mailbox_len;
	uint64_t uidvalidity;		/* of that mailbox; 0 = not said */
	bool is_uid;
	bool has_count;
	uint64_t count, min, max;	/* 0 = not said */
	uint64_t modseq;		/* 0 = not said */
	struct imap_uidset all;
};

/* QUOTA (RFC 9208): of one root. */
struct imap_quota {
	const char *root;		/* "" = the default one */
	struct imap_quota_of {
		bool is_said;
		uint64_t used, limit;
	} storage, messages;		/* storage in 1024 octets */
};

enum imap_reply_kind {
	IMAP_REPLY_TAGGED,		/* tag status code text */
	IMAP_REPLY_CONTINUE,		/* text */
	IMAP_REPLY_STATUS,		/* status code text */
	IMAP_REPLY_CAPABILITY,		/* words */
	IMAP_REPLY_ENABLED,		/* words */
	IMAP_REPLY_FLAGS,		/* mask */
	IMAP_REPLY_LIST, IMAP_REPLY_STATUS_DATA, IMAP_REPLY_FETCH,
	IMAP_REPLY_EXISTS, IMAP_REPLY_RECENT, IMAP_REPLY_EXPUNGE,	/* number */
	IMAP_REPLY_VANISHED,		/* set is_earlier */
	IMAP_REPLY_SEARCH, IMAP_REPLY_ESEARCH,
	IMAP_REPLY_NAMESPACE,		/* namespaces */
	IMAP_REPLY_QUOTA,		/* quota */
	IMAP_REPLY_ID,			/* words: name, value, name, value, each ended by NUL */
	IMAP_REPLY_OTHER,		/* passed over */
	IMAP_REPLY_UNREADABLE,		/* about text */
};

struct imap_reply {
	enum imap_reply_kind kind;
	enum imap_reply_kind about;	/* what the unreadable line is about; IMAP_REPLY_FETCH also for "12" and a word */
	char tag[32];
	enum imap_status status;
	struct imap_code code;
	const char *text;		/* for people; "" = none; printable UTF-8 is not promised */
	const char *words;
	size_t words_len;
	uint32_t number;
	struct flag_mask mask;
	struct imap_list list;
	struct imap_status_data status_data;
	struct imap_fetch fetch;
	struct imap_search search;
	struct imap_quota quota;
	struct imap_uidset set;
	bool is_earlier;
	struct imap_namespace *namespaces;
	size_t n_namespaces;
	struct arena arena;		/* owns all of the above */
};

/* Where bodies go. `so_far` is what of the FETCH came before it: a server may put UID behind. */
struct imap_body_sink {
	/* -1 = not wanted: drained. */
	int (*begin)(void *ctx, const struct imap_fetch *so_far, const struct imap_body *body);
	imap_sink *data;
	void *ctx;
};

/* Reads one response. sink may be NULL. */
int imap_reply_read(struct imap_reader *r, struct imap_reply *reply, const struct imap_body_sink *sink,
    struct err *e);
void imap_reply_release(struct imap_reply *reply);

/* In an OK: not all that was asked for was done or shown (RFC 9738, RFC 5530). */
bool imap_code_is_part(const struct imap_code *code);

/* Reads "[CODE args] text" as it stands in a status response; strings live in a. For
 * imap_reply_read() and for tests. */
void imap_code_parse(struct imap_code *code, struct arena *a, const char *s, size_t len,
    const char **text_r);

#endif
