/* The one contract between the engine and a mail store: IMAP, Maildir, or a store in RAM that tests use.
 *
 * A `struct store` is one configured store, shared by all workers. A `struct session` is one worker's
 * handle on it: a connection, or next to nothing for a Maildir; it is used by one thread at a time.
 * Requests come in arrays so that an adapter can pipeline them.
 *
 * Words used below:
 *   name    canonical mailbox name: UTF-8, '/' between levels, "INBOX" in capitals, Path stripped
 *   key     of a message within its mailbox: state/model/key.h
 *   hint    the adapter's own note on a message, kept for it in the base and handed back
 *   epoch   the mailbox's UIDVALIDITY or identity, as in the cursor of the delta the plan rests on.
 *           A call that changes something does nothing and fails with ERR_BOX when it is another now (R17 SELECT first)
 *
 * Outcomes: a call that changes something says DONE, FAILED or UNKNOWN per item (R16 three outcomes). DONE means
 * the server or the disk has shown it (and that it is durable); UNKNOWN means that it may or may not have happened.
 * The return value of a call is -1 only when the call as a whole could not go on (ERR_BOX: this
 * mailbox; ERR_STORE: the session is dead); items without an answer then say UNKNOWN if they had
 * been sent and FAILED if not.
 *
 * Ownership: arrays in requests are the caller's; strings in answers live in the arena named beside them.
 */
#ifndef SYNC_STORE_STORE_H
#define SYNC_STORE_STORE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "state/base/err.h"
#include "state/base/finding.h"
#include "state/base/mem.h"
#include "state/base/vec.h"
#include "state/model/cursor.h"
#include "state/model/flags.h"
#include "state/model/ident.h"
#include "state/model/key.h"
#include "sync/pair/names.h"
#include "sync/pair/roles.h"
#include "sync/search/query.h"

struct store;
struct session;

enum outcome { OUTCOME_FAILED, OUTCOME_DONE, OUTCOME_UNKNOWN };

/* ---- mailboxes ---- */

enum mailbox_attr {
	MAILBOX_NOSELECT = 1 << 0,	/* a container: holds mailboxes, not messages (R6 gone if denied) */
	MAILBOX_SUBSCRIBED = 1 << 1,
	MAILBOX_ALL = 1 << 2,		/* RFC 6154 roles */
	MAILBOX_ARCHIVE = 1 << 3,
	MAILBOX_DRAFTS = 1 << 4,
	MAILBOX_FLAGGED = 1 << 5,
	MAILBOX_JUNK = 1 << 6,
	MAILBOX_SENT = 1 << 7,
	MAILBOX_TRASH = 1 << 8,
	MAILBOX_IMPORTANT = 1 << 9,
};

struct mailbox {
	const char *name;
	unsigned attrs;			/* enum mailbox_attr */
	bool has_cursor;		/* false: unknown, ask for its delta */
	struct cursor cursor;
	const char *id;			/* MAILBOXID, or what identifies a directory; "" = none */
	const char *above;		/* the identities of the directories it lies in; NULL or "" = none: mailbox_state() */
	bool is_assumed;		/* it was not seen: INBOX, which every store has; or a person wants it made anew */
};

/* What is under a name. */
enum mailbox_state {
	MAILBOX_NOT_KNOWN = -1,		/* no answer, or a bare NO */
	MAILBOX_ABSENT,			/* nothing: the store itself denies it ([NONEXISTENT], ENOENT) (R6) */
	MAILBOX_THERE,
	MAILBOX_AWAY,			/* something that is no mailbox now, or it is missing with what it lay in: it may come back */
	MAILBOX_REFUSED,		/* the question is refused, for another reason than that it is absent ([NOPERM], BAD) */
};

/* A name in the store that cannot be used, with the reason in words. is_unreadable: not even the name is known (NULL), the
 * listing is not complete for it, and the run is in error. */
struct mailbox_refused { const char *name, *why; bool is_unreadable; };

struct listing {
	struct arena arena;
	VEC(struct mailbox) boxes;	/* sorted by name (strcmp) */
	VEC(struct mailbox_refused) refused;
	bool is_complete;		/* false: a mailbox not listed may exist all the same (R6) */
	const char *no_create;		/* dry: why no mailbox can be made there now; NULL = nothing is known against it */
	const char *fingerprint;	/* which store this is (R7 another store): host, port, user, prefix; a Maildir's marker */
};
void listing_release(struct listing *l);
struct mailbox *listing_find(const struct listing *l, const char *name);	/* NULL = not listed */
struct mailbox *listing_selectable(const struct listing *l, const char *name);	/* NULL = not, or a container only */
void listing_sort(struct listing *l);

/* ---- deltas ---- */

struct delta_entry {
	struct key key;
	struct flags flags;
	const char *hint;		/* "" = none */
	uint64_t size;			/* as the store counts; 0 = not known */
	int64_t date;			/* seconds since 1970; 0 = not known */
	const char *server_id;		/* "" = none */
	const char *replaced;		/* not NULL: something else has its place, as said here. Known, it is not gone; not known,
					 * it is no message */
};

enum delta_kind {
	DELTA_CHANGES,			/* entries: new or changed; vanished: gone. What is not named stands. A store that can only
					 * list may answer so where it has seen that nobody but itself changed the mailbox since */
	DELTA_FULL,			/* entries: everything there is; vanished: unused */
};

struct uid_range { uint32_t first, last; };

struct delta {
	/* the question */
	const char *box;
	bool has_since;			/* false: list in full */
	struct cursor since;
	struct cursor before;		/* the same, also where the list is to be full; epoch 0 = none */
	bool wants_dates;		/* of whatever is listed that may be new, when it came there: SAVEDATE where a server has it */
	bool is_decided;		/* a person has said what is to become of what is missing here: a mailbox that is away is made
					 * anew */
	struct cursor listed;		/* as the last list had it; epoch 0 = it had not */
	uint64_t known;			/* messages known here, to prove a delta complete (R2 equal cursors) */
	bool has_digest;		/* what is known of them is this (state/model/seen_digest.h) */
	uint64_t digest;
	atomic_ullong *heard;		/* counts entries as they come, for whoever looks on; NULL = nobody does */
	/* the answer */
	struct arena arena;
	int status;			/* 0, or -1 with err set (ERR_BOX or wider) */
	struct err err;
	enum delta_kind kind;
	const char *part;		/* FULL: a part of the mailbox is away, as said here: should anything known be missing, nothing
					 * is gone, and the cursor stays; NULL = it is not */
	int64_t ahead;			/* seconds that the mailbox is ahead of the clock, so that its list cannot be complete; 0 = not so */
	bool is_complete;		/* absence from a FULL list may count as vanished, once confirmed */
	VEC(struct delta_entry) entries;
	VEC(struct key) vanished;
	VEC(struct uid_range) gone;	/* the same in ranges, any order, known or not; of stores with UID keys */
	bool has_present;		/* CHANGES of a store with UID keys: what is in no range has vanished */
	VEC(struct uid_range) present;	/* ascending, apart from each other */
	/* How many messages there are. CHANGES that lead to another number are followed by a full list (R2); a full list, or ranges,
	 * of another number are a part (R25 a witness). */
	bool has_exists;
	uint64_t exists;
	const char *unproved;		/* not is_complete: what is missing, for people; NULL = the store did not say */
	struct cursor cursor;		/* to be stored once all of the above is */
	uint32_t uidnext;		/* 0 = not known */
	struct flag_mask mask;		/* what this mailbox can keep (R14 masks) */
	bool is_mask_unknown;		/* the store did not say (EXAMINE, a mailbox not listed): the mask of before stands */
	bool is_readonly;		/* the store does not let us write here */
	const char *mailbox_id;		/* as struct mailbox has it: of stores whose list does not give it, of mailboxes made since; NULL or "" = none */
};
/* How mailboxes stand once all deltas of a request have been read (R13 second look): asked for by stores where that saves a turn, if it
 * seems that messages have vanished. */
struct delta_look {
	struct mailbox *boxes;		/* the question: names */
	size_t n;
	bool is_answered;
};

void delta_init(struct delta *d, const char *box, const struct cursor *since);
void delta_release(struct delta *d);

/* ---- bodies ---- */

/* The bytes of a message on their way between two stores. */
enum body_form {
	BODY_FILE,			/* as a Maildir file holds them */
	BODY_WIRE,			/* as IMAP carries them: CRLF */
};

#define BODY_SIZE_UNKNOWN UINT64_MAX

struct body_head {
	size_t index;			/* of the request's array */
	enum body_form form;
	uint64_t size;			/* octets that follow, exactly; BODY_SIZE_UNKNOWN = the end tells */
	uint64_t wire_size;		/* octets of the canonical form (sync/message/lineends.h); BODY_SIZE_UNKNOWN with such a size */
	int64_t date;			/* arrival, seconds since 1970; 0 = not known */
};

/* Takes bodies one after the other: begin, data..., end. A return of -1 stops the whole transfer.
 * end with `failed` not NULL: the body broke off or could not be read; nothing of it may remain. */
struct body_sink {
	int (*begin)(void *ctx, const struct body_head *head, struct err *e);
	int (*data)(void *ctx, const void *p, size_t len, struct err *e);
	int (*end)(void *ctx, size_t index, const struct err *failed, struct err *e);
	void *ctx;
};

struct fetch_item {
	struct key key;
	const char *hint;
	uint64_t size;			/* as listed; 0 = not known */
	bool is_header_enough;		/* what is behind the header need not come */
};

/* A request may go to several mailboxes at once; this is what is asked of one. */
struct fetch_part {
	const char *box;
	uint64_t epoch;
	size_t first, n;		/* items of the request's array */
	/* answer */
	int status;			/* -1 with err (ERR_BOX): it could not be read; bodies of its items never end */
	struct err err;
};

/* ---- writes ---- */

/* How a message is sent: from what costs least to what any server takes. */
enum deliver_how {
	DELIVER_TOGETHER,		/* in one command with others, where the store can */
	DELIVER_ALONE,
	DELIVER_BARE,			/* and without keywords */
	DELIVER_AT_EPOCH,		/* and, being older than 1970, as of then */
	DELIVER_UNDATED,		/* and without a date */
};

struct deliver_item {
	struct flags flags;		/* and, as an answer: what was sent of them */
	int64_t date;			/* arrival time to give it, 0 = now; settled when its body begins */
	struct key name;		/* from choose_name, or KEY_NONE */
	uint64_t size;			/* of its body, about; 0 = not known */
	/* answer; FAILED and goes_again: refused, perhaps because of others in that command, or of what goes with it: ask
	 * again, as `how` says by now */
	enum deliver_how how;
	bool goes_again;
	/* answer: what this store never takes, whatever the message, and was not sent; and with DONE: it has the flags, for
	 * the store has seen them there. Else the next delta shows what was kept of them */
	struct flags unkept;
	bool is_shown;
	/* answer */
	enum outcome outcome;
	struct key key;			/* KEY_NONE with DONE: the store did not say (no UIDPLUS) */
	const char *hint;
	struct err err;			/* with FAILED; ERR_NEVER = refused for good (too big, NUL) */
	bool is_unexplained;		/* with FAILED: the server said no to this message alone, and not why */
};

/* A delivery in progress: give each item's body to sink (head.index = the item), in any order, then finish. Items
 * whose body never came, or failed, end FAILED. finish makes everything durable, fills the answers and
 * frees the delivery; call it also after an error (it then only cleans up and fills). */
struct delivery {
	struct body_sink sink;
	/* Sends what was collected, without waiting for the answer: this delivery rests, for others or for finish. NULL = it
	 * collects nothing. */
	int (*flush)(struct delivery *d, struct err *e);
	int (*finish)(struct delivery *d, struct err *e);
	bool is_apart;			/* finish uses no session: any thread may call it, while the session serves others */
};

struct flag_item {
	struct key key;
	const char *hint;
	const char *server_id;		/* as listed; NULL or "" = none */
	struct flags add, remove;
	/* answer */
	enum outcome outcome;		/* FAILED with err ERR_NOW: it is not there (any more); look again */
	struct flags flags;		/* with DONE: as they are now */
	struct flags unkept;		/* with DONE: what of add and remove the store did not make, though it takes other changes */
	uint32_t ignored;		/* of its sys: to these it did not say no */
	const char *new_hint;
	struct err err;
};

/* How a person finds a message. */
struct message_words {
	const char *place;		/* "UID 4", or its file */
	const char *subject, *from;	/* decoded; "" or NULL = it has none, or it is not known */
	int64_t date;			/* of its Date line, seconds since 1970; 0 = likewise */
};
/* All but the place, from a header or the lines of it that matter; strings in the arena. */
void store_words_read(struct arena *a, const char *header, size_t len, struct message_words *w);
/* UID 4, "hello" from Anna <anna@example.org>, 2025-01-31 */
const char *store_words_text(struct arena *a, const struct message_words *w);

struct expunge_item {
	struct key key;
	const char *hint;
	const char *server_id;		/* as listed; NULL or "" = none */
	struct flags expect;		/* R20 nothing overwritten: flags as planned; other flags now = FAILED, ERR_NOW */
	/* R13: what it is, as far as known (0, has = 0); compared again by a store whose keys may come to name another */
	uint64_t size;
	int64_t date;
	struct ident ident;
	bool is_trashed;		/* put into the trash (struct box_changes), without \Deleted, before it goes */
	bool may_be_trashed;		/* by an earlier run that did not learn its outcome, and took \Deleted off */
	bool was_trashed;		/* answer: it is in the trash, whether it is gone or not */
	/* answer; with FAILED: the key names another message now, and the one meant is gone */
	bool is_another;
	/* answer; with FAILED: asked for twice it was neither shown nor said to be gone (R25) */
	bool is_left_out;
	/* answer; FAILED and may_come: perhaps once more is to be expunged in this mailbox (no UIDPLUS): ask again after
	 * the others, this time taking no for an answer */
	bool may_come;
	struct message_words words;	/* answer: what it was, as far as that could be seen before it went; for the log */
	/* answer; a message that is said to be gone already is DONE. One that has an error before it is asked for is left alone */
	enum outcome outcome;
	struct err err;
};

/* All that is changed in one mailbox: flags first, then what goes for good. */
struct box_changes {
	const char *box;
	uint64_t epoch;
	struct cursor seen;		/* of the delta that the plan rests on */
	struct flag_item *flags;
	size_t n_flags;
	struct expunge_item *expunges;
	size_t n_expunges;
	const char *trash;		/* mailbox for those of `expunges` that are is_trashed, made where it is missing; NULL = none is */
	/* answer */
	bool is_late;			/* with change_end: something was changed by that, and not by change_begin */
	int status;			/* -1 with err (ERR_BOX): it went no further there */
	struct err err;
};

struct changing;			/* the store's own, as is struct reading */
struct reading;

struct move_item {
	struct key key;
	const char *hint;
	struct key name;		/* chosen for the destination, or KEY_NONE */
	/* answer */
	enum outcome outcome;
	struct key new_key;		/* KEY_NONE with DONE: the store did not say (no COPYUID) */
	bool is_shown;			/* with DONE: it has the flags it had, for the store has seen them; else as with deliver_item */
	bool is_left;			/* with DONE: the original could not be expunged yet (no UIDPLUS) and is \Deleted */
	const char *new_hint;
	struct err err;
};

/* A UID for a file, of another program's. */
struct number_item { struct key key; const char *hint; uint32_t uid; };

struct identify_item {
	struct key key;
	const char *hint;
	uint64_t size;			/* as listed; 0 = not known */
	/* answer */
	int status;			/* 0, or -1: unreadable or gone, err set */
	struct ident ident;
	unsigned char loose[16];	/* where IDENT_LOOSE was wanted */
	struct err err;
};


/* The header of one message, as it passes by: borrowed for the call. */
struct message_header {
	size_t index;			/* of the request's array */
	const char *path;		/* its file; NULL = it is none */
	const char *text;		/* of an account: the lines Date, From, To, Subject, Message-ID alone; up to STORE_HEADER_MOST octets */
	size_t len;
	uint64_t size;			/* octets of the message, as the store counts */
	int64_t date;			/* of its arrival: INTERNALDATE, or the file's; 0 = not known */
};
enum { STORE_HEADER_MOST = 65536 };
struct header_sink { void (*got)(void *ctx, const struct message_header *h); void *ctx; };

/* What a query finds in one mailbox. */
struct search_part {
	/* the question */
	const char *box;
	const struct query *query;	/* without in: */
	uint64_t messages;		/* as listed, with cursor; 0 = not known */
	uint32_t uidnext;		/* the same */
	/* the answer */
	int status;			/* -1 with err: it could not be opened, or asked that (is_refused: the others neither, or for its words) */
	struct err err;
	bool is_refused;
	uint64_t epoch;
	VEC(uint32_t) uids;		/* ascending; the caller's to release */
	bool is_part;			/* the store says that it found a part only */
};
struct search_how {
	bool is_fuzzy;			/* where it can: texts need not be found to the letter */
	int64_t now;			/* seconds since 1970 */
	/* answer */
	bool is_exact;			/* it cannot be fuzzy */
};

/* What a store is: kind, free, session_open, session_close, list, delta, identify, fetch. And what it can do: all else may be NULL, and
 * is answered from one place then (cannot.c). */
struct store_ops {
	const char *kind;		/* "IMAP", "Maildir", ... */
	bool has_uid_keys;		/* keys are UIDs */
	bool is_local;			/* reading a message costs no network: identify in full */
	bool is_source;			/* messages come from there and are deleted there, and nothing else is written (P19 a source) */

	void (*free)(struct store *s);

	/* A session is made lazily: the first call that needs it connects. NULL only on error; the caller
	 * closes it with session_close whatever happened. */
	struct session *(*session_open)(struct store *s, struct err *e);
	void (*session_close)(struct session *c);
	/* A sync has ended, and the session is to serve another one: nothing of this one may be left in it, and nobody is to be kept out by it
	 * meanwhile. NULL: it cannot, and is closed. */
	int (*rest)(struct session *c, struct err *e);
	/* It is about to serve again. -1: it has ended meanwhile. asks: the store is asked, and not only heard. NULL: it is there. */
	int (*wake)(struct session *c, bool asks, struct err *e);

	/* All mailboxes with their cursors. */
	int (*list)(struct session *c, struct listing *l, struct err *e);
	/* Cursors anew for some mailboxes: fills has_cursor and cursor of boxes[i] by name. */
	int (*cursors)(struct session *c, struct mailbox *boxes, size_t n, struct err *e);
	/* Fills boxes[i].id by name, where the list did not tell. NULL: it tells all there is. */
	int (*identities)(struct session *c, struct mailbox *boxes, size_t n, struct arena *a, struct err *e);
	/* Leaves the mailbox that is open, if any: it may be about to get another name. NULL: none ever is. */
	int (*leave)(struct session *c, struct err *e);
	/* above: as listed when it was last seen; NULL or "" = not known. AWAY, REFUSED and NOT_KNOWN: *e says why. */
	enum mailbox_state (*mailbox_state)(struct session *c, const char *name, const char *above, struct err *e);

	/* Fills every d[i]; -1 only when the session is dead. is_readonly_run: EXAMINE, nothing written. look: NULL = not wanted. */
	int (*delta)(struct session *c, struct delta *d, size_t n, bool is_readonly_run, struct delta_look *look, struct err *e);
	/* The same in two steps, as `change` has them: what was said before in this session is done when it is read. NULL =
	 * `delta` alone. */
	int (*delta_begin)(struct session *c, struct delta *d, size_t n, struct reading **r_r, struct err *e);
	int (*delta_end)(struct reading **r, struct err *e);
	/* R4 stable scans: of messages a full list did not show, which are truly gone. gone[i] true = gone for sure. */
	int (*confirm_gone)(struct session *c, const char *box, const struct key *keys, size_t n, bool *gone,
	    struct err *e);
	/* In several mailboxes. want: enum ident_has. A local store always answers in full. */
	int (*identify)(struct session *c, struct fetch_part *parts, size_t n, struct identify_item *items, unsigned want,
	    struct err *e);
	/* place is filled in any case. NULL: it cannot say. */
	int (*describe)(struct session *c, const char *box, uint64_t epoch, struct key key, const char *hint, struct arena *a,
	    struct message_words *words_r, struct err *e);
	/* Streams bodies into the sink; items that cannot be read end with `failed`. */
	int (*fetch)(struct session *c, struct fetch_part *parts, size_t n, const struct fetch_item *items,
	    const struct body_sink *sink, struct err *e);

	/* The headers of messages, each once, in any order; of what is gone there is none. NULL: it cannot give them. */
	int (*headers)(struct session *c, struct fetch_part *parts, size_t n, const struct fetch_item *items, const struct header_sink *sink,
	    struct err *e);
	/* Looks for messages in several mailboxes, and changes nothing in them. Fills every part; -1 only when the session is dead. NULL: it
	 * cannot. */
	int (*search)(struct session *c, struct search_part *parts, size_t n, struct search_how *how, struct err *e);

	/* A name for a message about to be delivered or moved here; unique; KEY_NONE where the store gives keys itself. */
	struct key (*choose_name)(struct store *s, struct arena *a);
	/* A session may have several deliveries open, into different mailboxes; a body is whole before another's begins. */
	int (*deliver)(struct session *c, const char *box, uint64_t epoch, struct deliver_item *items, size_t n,
	    struct arena *a, struct delivery **d_r, struct err *e);
	/* In several mailboxes, so that what one is waited for can be said to the next. */
	int (*change)(struct session *c, struct box_changes *boxes, size_t n, struct arena *a, struct err *e);
	/* The same in two steps, so that other requests leave before the answers come: begin sends what need not wait, end does
	 * the rest, fills the answers and frees *w, which it is to be called for after an error as well. NULL = `change` alone. */
	int (*change_begin)(struct session *c, struct box_changes *boxes, size_t n, struct arena *a, struct changing **w_r,
	    struct err *e);
	int (*change_end)(struct changing **w, struct err *e);
	/* The directory of a mailbox, in the arena; NULL where it has none. */
	const char *(*directory)(struct store *s, const char *box, struct arena *a);
	/* Gives files UIDs as mbsync has them (sync/mbsync/uid_scheme.h), of those up to `highest`; their keys stay. */
	int (*number)(struct session *c, const char *box, uint32_t validity, uint32_t highest, const struct number_item *items, size_t n,
	    struct err *e);
	/* Within one store; keep = copy. The destination's epoch is checked as well (0 = any). */
	int (*move)(struct session *c, const char *box, uint64_t epoch, const char *to, uint64_t to_epoch, bool keep,
	    struct move_item *items, size_t n, struct arena *a, struct err *e);

	/* What it moves is in one of the two mailboxes, whatever breaks off. NULL: not so. */
	bool (*moves_at_once)(struct session *c);

	int (*create_mailbox)(struct session *c, const char *name, unsigned role, enum outcome *o, struct err *e);
	/* Removes the mailbox with the messages in it. */
	int (*remove_mailbox)(struct session *c, const char *name, enum outcome *o, struct err *e);
	/* With those below it, and subscribed as they were. FAILED with ERR_BOX: the store refuses. */
	int (*rename_mailbox)(struct session *c, const char *from, const char *to, enum outcome *o, struct err *e);
	/* What it knows of itself that a person may want to know before anything is synchronised: whether it is to be had, how, and what of it
	 * may become trouble. Changes nothing. *l_r: its mailboxes, the caller's to release. -1: it is not to be had, which was told. NULL: it
	 * has nothing to say. */
	int (*check)(struct store *s, struct listing *l_r, const struct findings *out);
	/* What this server showed of itself, to be remembered between runs (R24 one flight); NULL or arena string. */
	const char *(*memory_save)(struct store *s, struct arena *a);
	void (*memory_load)(struct store *s, const char *memory);
};

/* Appends the name of a mailbox that is written as IMAP does (modified UTF-7, RFC 3501 section 5.1.3) in UTF-8; -1 = it is not. */
int store_name_plain(struct buf *out, const char *name);
/* Fills ops, all and can of s; leaves the rest. */
void store_init(struct store *s, const struct store_ops *ops);

/* A session between two syncs: store_rest() keeps it, or closes what cannot rest. store_wake() gives one that was kept, NULL = none
 * is: is_rested is set then. store_send_home() closes all of them. */
void store_rest(struct session *c);
struct session *store_wake(struct store *s);
void store_send_home(struct store *s);

/* Sorts the ranges of d->gone and joins them; returns how many are left. */
size_t delta_join_gone(struct delta *d);

/* A part of a request came to its end with `status` and *e: what one mailbox is to blame for becomes the part's (0);
 * -1 = the session is dead, and the request has ended. */
int store_part_ended(int status, int *status_r, struct err *err_r, const struct err *e);

/* `change` for stores that gain nothing from being asked at once: one mailbox after the other. */
typedef int store_change_flags(struct session *c, const char *box, uint64_t epoch, struct flag_item *items, size_t n,
    struct arena *a, struct err *e);
typedef int store_expunge(struct session *c, struct box_changes *b, struct arena *a, struct err *e);	/* b->expunges */
int store_change_each(struct session *c, struct box_changes *boxes, size_t n, struct arena *a, store_change_flags *flags,
    store_expunge *expunge, struct err *e);

/* `identify` likewise; and for one mailbox alone. */
typedef int store_identify(struct session *c, const char *box, uint64_t epoch, struct identify_item *items, size_t n,
    unsigned want, struct err *e);
int store_identify_each(struct session *c, struct fetch_part *parts, size_t n, struct identify_item *items, unsigned want,
    store_identify *identify, struct err *e);
int store_identify_one(struct session *c, const char *box, uint64_t epoch, struct identify_item *items, size_t n,
    unsigned want, struct err *e);

/* Which requests a store has an answer of its own to. */
enum store_can {
	STORE_IDENTITIES = 1 << 0, STORE_CONFIRM_GONE = 1 << 1, STORE_DESCRIBE = 1 << 2, STORE_DELTA_BEGIN = 1 << 3,
	STORE_CHANGE_BEGIN = 1 << 4, STORE_HEADERS = 1 << 5, STORE_SEARCH = 1 << 6,
};

/* What every adapter begins with. */
/* Cursors of which mailboxes a listing is to ask for. All zero: of all. Where something is left out that is not asked about at all. */
struct store_asks {
	bool (*wants)(const void *ctx, const char *name, unsigned attrs);
	const void *ctx;
	bool leaves_out;		/* a mailbox may be there that is not wanted */
	const char *const *known;	/* leaves_out: those of last time that are; sorted (strcmp) */
	size_t n_known;
};

struct store {
	const struct store_ops *ops;	/* all of them: no member is NULL but delta_begin and change_begin with their ends */
	struct store_ops all;		/* ops: the store's own, and cannot.c's */
	unsigned can;			/* enum store_can */
	const char *name;		/* as configured, for messages: "work-remote" */
	const char *keeps_keywords_with;	/* it keeps none as configured, and would with this: in messages; NULL = not so */
	bool read_only;			/* ReadOnly yes: the engine never plans against it */
	enum names_layout layout;	/* what limits its names (sync/pair/names.h) */
	bool is_folding;		/* ignores case, or normalises names (may be set by session_open) */
	bool is_inbox_listed;		/* INBOX is listed among the others (sync/pair/patterns.h) */
	const char *role[ROLES];	/* RoleSent and the like: the mailbox that has a role, by configuration; NULL = what the store says */
	int max_sessions;		/* workers that may use it at once */
	bool is_dry;			/* set by the engine: this run writes nothing anywhere, not even a marker */
	struct store_asks asks;		/* set by the engine, before a session is opened */
	/* Of the channels that are open (sync/channel.h). One of them is synchronised at a time. */
	unsigned channels;
	struct session *resting;	/* open, and no channel's for the moment: store_rest() */
};
struct session {
	struct store *store;
	bool is_rested;			/* since its last request another sync began: `wake` comes first */
	struct session *next;		/* of store.resting */
};

#endif
