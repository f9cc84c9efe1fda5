/* The base of one channel: mailbox pairs, messages, intents, log, memory of servers.
 *
 * Use: state_open (with the lock) -> state_begin -> boxes/messages/intents -> state_commit ... ->
 * state_close. Everything below works inside the one open transaction.
 *
 * Where: one LMDB file per channel and its lock beside it, both 0600, never on a network file system:
 *   <dir>/<channel>.mdb, <dir>/<channel>.lock      default and prefix form of SyncState
 *   <near maildir>/.mailtwin.<channel>.mdb, .lock  SyncState *
 * A channel's name is escaped for the file system (bytes other than A-Z a-z 0-9 . _ - as %XX).
 *
 * Invariants:
 *   1. Stored numbers are big-endian and fixed in width; every value begins with its version byte.
 *   2. DB_PLACES, DB_KEYS, DB_UNSETTLED, DB_IDENTS and the counts of a box always agree with DB_MESSAGES: only
 *      message_put and message_delete write them.
 */
#ifndef STATE_STATE_H
#define STATE_STATE_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "state/base/err.h"
#include "state/base/mem.h"
#include "state/db.h"
#include "state/model/cursor.h"
#include "state/model/record.h"

struct state;

struct state_place {
	const char *path;		/* of the data file, without ".mdb"/".lock"; NULL = memory */
	const char *channel;		/* for messages */
	bool is_dry;			/* a copy: nothing is written, the lock is only shared */
	bool fsync;
};

/* Makes the directories of a state's path, where they are missing; state_open() does, unless it is dry. */
int state_make_directories(const char *path, struct err *e);
/* Takes the lock (see state/lock.h), opens and, when needed, migrates. Errors: ERR_TEMPORARY when another
 * run holds the lock (its pid and age named); a damaged file is ERR_STORE with the way out in words:
 * the file is kept aside by the person, the next run adopts what is there. */
int state_open(const struct state_place *place, struct state **state_r, struct err *e);
/* Sets the file aside as PATH.mdb.forgotten, in place of an older one: the next state_open() begins with nothing. ERR_TEMPORARY while a run
 * holds the lock; ERR_FAILED, ERR_NEVER where there is no file. */
int state_forget(const struct state_place *place, struct err *e);
/* The same over memory that outlasts the state (simulated crashes): no lock, no file. `m` stays the
 * caller's. */
int state_open_memory(struct db_memory *m, const char *channel, struct state **state_r, struct err *e);
/* What was not committed is forgotten. */
void state_close(struct state **state);
/* All is in order: state_close() leaves that time in the lock file (state/lock.h), unless the state is dry or memory. */
void state_done(struct state *s, int64_t when);
/* When the run before this one began or ended; 0 = not known. */
int64_t state_last_run(const struct state *s);

int state_begin(struct state *s, struct err *e);
int state_commit(struct state *s, struct err *e);	/* no write at all when nothing changed */
void state_abort(struct state *s);

/* ---- mailbox pairs ---- */
/* How many messages a side showed, for windows (sync/plan/window.h). 0 = not known yet, or none. */
struct box_shown {
	uint64_t last;			/* when nothing had vanished there that was not judged */
	uint64_t most;			/* ever, of this epoch */
	uint64_t suspected;		/* it seems to show the newest so many only */
	uint64_t held;			/* messages held back for that */
	uint32_t judged;		/* what vanished below this UID was judged to be deleted, and is not yet on the other side; 0 = nothing */
};

/* UIDs up to which another program, from which the mailbox was taken over, had dealt with every message: what has no record was left
 * alone by it (`upto`), or expired on the other side (`expired`). 0 = none, or the side has no UIDs. */
struct box_passed { uint32_t upto, expired; };

/* Deletions that a side showed and that were carried over, on one day (R21 guards). */
struct box_day {
	uint32_t day;			/* since 1970; 0 = this entry is free */
	uint32_t deleted;
	uint64_t shown;			/* messages there before the first of them */
};
enum { BOX_DAYS = 7 };

/* Whether what is on a side now is what the cursor was of. Unless it is, there is no cursor. */
enum box_identity {
	IDENTITY_KEPT,			/* as far as the base knows */
	IDENTITY_FOREIGN,		/* known from another store, or another mailbox is under its name now (R7 another store) */
	IDENTITY_REVIVED,		/* removed there, and about to be made again (P8) */
};

struct box_side {
	bool is_known;			/* seen on this side at least once */
	enum box_identity identity;
	struct cursor cursor;		/* epoch 0 and not steady = none */
	struct flag_mask mask;		/* what the side could keep when last opened; and what it did not take all the same */
	const char *mailbox_id;		/* MAILBOXID or the directory's identity; "" = none */
	bool is_apart;			/* it was renamed where the other side could not follow, and goes by its name alone: it is given no
					 * mailbox_id */
	const char *on;			/* what the mailbox is called on this side, without prefix; "" = as the record's name */
	const char *now;		/* its name there until it is renamed to that (R12 folder renames); "" = it has it already */
	const char *above;		/* by what the directories it lies in are known; "" = not known, or of a server */
	bool is_leaving;		/* the program is removing it there: what is left of it was not damaged by anybody */
	int64_t listed;			/* when it was last listed in full, seconds since 1970 */
	uint64_t here;			/* records whose half is HERE on this side (kept by messages.c) */
	bool has_digest;		/* digest is what lists have shown here on this side (kept by messages.c; state/model/seen_digest.h) */
	uint64_t digest;
	uint64_t missing_runs;		/* runs in a row it was not listed */
	uint32_t doubted;		/* flags it did not make in one run, without saying no (R14 masks) */
	bool was_told;			/* that it cannot keep a keyword which the other side has (R14): once is enough */
	bool is_blank;			/* listed where nothing was known, and not compared with all mailboxes of the other side
					 * yet: its mail may be filed elsewhere there (R10 adoption) */
	uint64_t fresh;			/* records from this id on came with a list that lacked others, and have not been looked at since: each may
					 * be one of those under another key (R9); 0 = none */
	bool has_dates;			/* when each message here arrived is in its record, as far as the store says */
	bool was_held;			/* deletions it shows were held back, and nobody has decided since (R21) */
	struct box_shown shown;
	struct box_day week[BOX_DAYS];	/* in no order */
	struct box_passed passed;
};

/* The limit (sync/plan/policy.h) under which the mailbox was counted last, with nothing left to let go, and how many messages it had then. As
 * long as that is so, it is counted again only when something has changed, or the next message grows too old. No number and no days: it is to be
 * counted. */
struct box_limit {
	uint32_t max, days;
	enum side side;
	unsigned unread;
	uint32_t here[SIDES];
	int64_t next;			/* when the oldest that is within will be too old, seconds since 1970; 0 = never */
};

static inline bool
box_limit_is_set(const struct box_limit *l)
{
	return l->max != 0 || l->days != 0;
}

struct box_record {
	uint32_t id;			/* 0 = not stored yet */
	const char *name;		/* canonical; the same on both sides unless mapped */
	struct box_side side[SIDES];
	struct box_limit limit;
	uint64_t records, unsettled;	/* kept by messages.c */
};

/* Stores; gives an id to a new one. `here`, `records` and `unsettled` are not taken from *b. */
int box_put(struct state *s, struct box_record *b, struct err *e);
/* 1/0/-1; strings of *b_r live in the arena. */
int box_get(struct state *s, struct arena *a, uint32_t id, struct box_record *b_r, struct err *e);
int box_find(struct state *s, struct arena *a, const char *name, struct box_record *b_r, struct err *e);
/* All, in order of id. */
int box_all(struct state *s, struct arena *a, struct box_record **all_r, size_t *n_r, struct err *e);
int box_delete(struct state *s, uint32_t id, struct err *e);	/* and its messages */

/* ---- messages ---- */
/* Stores with its index entries; gives an id (and moves a record whose box changed). mask: of its box, to know whether
 * it is settled. A record whose two halves are NEVER is deleted instead. Where two records of a box
 * claim one key, message_find gives the one stored last. */
int message_put(struct state *s, struct record *r, const struct flag_mask mask[SIDES], struct err *e);
/* Adds up the digests of a mailbox whose counts are of before there were any. Nothing to do where there are. */
int message_digests_make(struct state *s, uint32_t box, struct err *e);
int message_delete(struct state *s, uint32_t box, uint64_t id, struct err *e);
int message_get(struct state *s, struct arena *a, uint32_t box, uint64_t id, struct record *r_r, struct err *e);
int message_find(struct state *s, struct arena *a, uint32_t box, enum side side, struct key key,
    struct record *r_r, struct err *e);

/* The id that the next new record will get: those below it are known already. */
uint64_t message_next_id(const struct state *s);

/* One entry of a scan in key order, without its record. Borrowed until the next call. */
struct message_seen {
	struct key key;
	uint64_t id;
	enum presence presence;
	uint32_t sys;			/* flags as last seen */
	uint32_t tail;			/* message_tail() of keywords and hint as last seen */
};
struct message_scan;
uint32_t message_tail(const char *kw, const char *hint);
int message_scan_begin(struct state *s, uint32_t box, enum side side, struct message_scan **scan_r, struct err *e);
int message_scan_next(struct message_scan *scan, struct message_seen *seen_r, struct err *e);	/* 1/0/-1 */
void message_scan_end(struct message_scan **scan);

/* All of a scan's entries come in byte order of the whole key, whatever its length. Writing while
 * scanning is allowed: the scan goes on behind the last key it gave.
 *
 * The records of a box that are not settled, or all of them, in order of id. after = 0 to begin. 1/0/-1 */
int message_next_unsettled(struct state *s, struct arena *a, uint32_t box, uint64_t after,
    struct record *r_r, struct err *e);
int message_next(struct state *s, struct arena *a, uint32_t box, uint64_t after, struct record *r_r,
    struct err *e);

/* Pairs and orphans by identity, in order of id; after = 0 to begin. What is given may be another by chance: compare. 1/0/-1 */
uint64_t message_tag_header(const struct ident *ident);	/* has IDENT_HEADER */
uint64_t message_tag_server(enum side side, const char *server_id);	/* not empty */
int message_next_tagged(struct state *s, struct arena *a, uint64_t tag, uint64_t after, struct record *r_r,
    struct err *e);

/* ---- intents: remote or file writes whose outcome may be unknown (R11 recovery, R19 intents) ---- */
enum intent_kind {
	INTENT_DELIVER,			/* a copy is on its way to `side` of `box` */
	INTENT_MOVE,			/* `key` of `box` moves to `to_box`, same side */
	INTENT_CLONE,			/* the same, but the original stays */
	INTENT_EXPUNGE,			/* `key` is being marked and removed by us */
	INTENT_RENAME,			/* `box` is being renamed to `server_id` */
};

/* EXPUNGE: whether a copy is kept in the trash first. */
enum intent_trash {
	INTENT_NO_TRASH,
	INTENT_TO_TRASH,		/* it is being put there */
	INTENT_IN_TRASH,		/* it is there */
};

struct intent {
	uint64_t id;			/* 0 = not stored yet */
	enum intent_kind kind;
	enum side side;			/* where the write happens */
	uint32_t box, to_box;
	uint64_t record;		/* whose record it is for */
	struct key key;			/* the message acted on; for DELIVER to a Maildir the name chosen */
	uint64_t epoch;			/* of the mailbox written to, when planned */
	uint32_t uidnext;		/* of the mailbox written to, 0 = not known */
	struct ident ident;		/* as far as known; size = wire size */
	const char *server_id;		/* MOVE, CLONE: of the message acted on; its copy has the same. NULL or "" = none.
					 * RENAME: the new name */
	int64_t when;
	uint32_t tries;
	enum intent_trash trash;
	const char *trash_name;		/* mailbox of the store; NULL or "" = none */
	bool was_deleted;		/* TO_TRASH: its \Deleted, which does not go along, is taken off before */
};

int intent_put(struct state *s, struct intent *i, struct err *e);
int intent_delete(struct state *s, uint64_t id, struct err *e);
int intent_next(struct state *s, struct arena *a, uint64_t after, struct intent *i_r, struct err *e);	/* 1/0/-1 */

/* ---- memory: small named values (endpoint fingerprints, server capabilities ...) ---- */
int memory_get(struct state *s, struct arena *a, const char *name, const char **value_r, struct err *e);
int memory_put(struct state *s, const char *name, const char *value, struct err *e);	/* NULL = forget */
/* The first name behind `after` that begins with `prefix`; after "" = the first of all that do. Names of 480 octets at most. 1/0/-1 */
int memory_next(struct state *s, struct arena *a, const char *prefix, const char *after, const char **name_r, struct err *e);

/* ---- the log of destructive acts: bounded, oldest dropped ---- */
enum { LOG_KEPT = 100000 };
struct log_entry {
	uint64_t id;
	int64_t when;
	enum side side;
	const char *box, *what, *why;	/* "INBOX", "expunged UID 12", "gone from near" */
	/* Of the message, decoded; "" (NULL when it is added) and 0 = it is none, or not known. */
	const char *from, *subject;
	int64_t date;
};
int log_add(struct state *s, const struct log_entry *l, struct err *e);
int log_next(struct state *s, struct arena *a, uint64_t after, struct log_entry *l_r, struct err *e);

#endif
