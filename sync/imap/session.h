/* One connection to an IMAP server: commands out, pipelined, and their answers back to whom they
 * belong.
 *
 *   imap_session_open -> imap_select, imap_send ... -> imap_finish -> imap_session_close
 *
 * Commands are written at once and answered later: imap_send() queues, imap_wait(), imap_finish() and a
 * full window read. Whatever comes is handed to the events of the command it belongs to, in whatever
 * order the server answers; `done` is called exactly once for each command that imap_send() took,
 * also when the connection is lost.
 *
 *   UNSENT --first byte--> waiting --tagged--> IMAP_OK / IMAP_NO / IMAP_BAD
 *      |                      '----connection gone--> IMAP_LOST: the outcome is unknown (R16)
 *      '---connection gone--> IMAP_UNSENT: certainly not done
 *
 * Invariants:
 *   1. A tagged OK proves only that the server understood; what was done is in FETCH, VANISHED,
 *      APPENDUID, COPYUID (R16 three outcomes).
 *   2. IMAP_WRITE commands leave only once their mailbox's SELECT was answered, with the UIDVALIDITY
 *      they were planned against and not read-only (R17 SELECT first). IMAP_SAVED ones need not wait: they change what a SEARCH
 *      behind that SELECT found by ids that no other message has, so that in another mailbox they change nothing.
 *   3. Data of a mailbox reaches only commands and events of that mailbox: see imap_select().
 *   4. Unanswered command bytes stay under IMAP_WINDOW, so that two full buffers never face each other.
 *   5. Any error on the wire closes the connection. From then on every call returns -1 with it.
 *   6. Events must not call back into their session, but for the imap_session_* that only ask.
 */
#ifndef SYNC_IMAP_SESSION_H
#define SYNC_IMAP_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "state/base/err.h"
#include "sync/imap/caps.h"
#include "sync/imap/replies.h"
#include "sync/imap/writer.h"
#include "sync/net/stream.h"

enum { IMAP_WINDOW = 64 * 1024, IMAP_SELECTIONS = 128 };

struct imap_session;

/* How a command ended. code and text are never NULL; borrowed for the call. */
struct imap_result {
	enum imap_status status;	/* OK NO BAD LOST UNSENT */
	const struct imap_code *code;
	const char *text;
};

/* What a command, or a selected mailbox, wants to hear. Any may be NULL. Arguments are borrowed for
 * the call. */
struct imap_events {
	void (*list)(void *ctx, const struct imap_list *list);
	void (*list_unreadable)(void *ctx, const char *why);	/* a mailbox whose line nobody can read */
	void (*status)(void *ctx, const struct imap_status_data *status);
	/* A FETCH of a UID the command names; of every UID for the mailbox's own events, unless a command
	 * named it. After body_begin it comes in every case: look at `has`, `uid` and body[].is_whole. */
	void (*fetch)(void *ctx, const struct imap_fetch *fetch);
	/* A body begins. so_far->uid is 0 where the server names it behind, n_bodies are those before it in the line. -1 = not
	 * wanted; 1 = nor, but it was asked for: its octets do not count as wasted. */
	int (*body_begin)(void *ctx, const struct imap_fetch *so_far, const struct imap_body *body);
	imap_sink *body_data;
	/* To every command of the mailbox that wants it, and to the mailbox: intersect (R3 a server's ranges). */
	void (*vanished)(void *ctx, const struct imap_uidset *uids, bool is_earlier);
	void (*expunge)(void *ctx, uint32_t seq);
	void (*search)(void *ctx, const struct imap_search *search);
	void (*quota)(void *ctx, const struct imap_quota *quota);
	/* COPYUID and APPENDUID in an untagged OK (MOVE's come so). The tagged one is in the result. */
	void (*code)(void *ctx, const struct imap_code *code);
	void (*done)(void *ctx, const struct imap_result *result);
};

/* The answer to imap_run(). */
struct imap_answer {
	enum imap_status status;
	enum imap_code_kind code;
	uint64_t number, backoff;
	char text[512];
};

/* A mailbox as SELECT showed it, kept up to date. */
struct imap_box {
	char *name;			/* wire */
	bool is_answered;		/* the SELECT's tagged OK came; before that nothing below is complete */
	bool is_read_only;		/* EXAMINE, or the server said so */
	bool is_dirty;			/* something came that cannot be attributed: list it anew */
	bool has_modseq;		/* HIGHESTMODSEQ was given, and not NOMODSEQ */
	bool is_uid_not_sticky;
	uint64_t uidvalidity;		/* 0 = not said */
	uint32_t uidnext;		/* 0 = not said */
	uint64_t highestmodseq;		/* the SELECT's own, never a later one (R3) */
	uint32_t exists;
	uint32_t exists_then;		/* when the SELECT was answered */
	bool has_shrunk;		/* EXISTS fell, and no EXPUNGE had said so: its numbers prove nothing */
	/* A response code said that something is a part (R25 a witness): of what the SELECT showed; of what came since. */
	bool is_news_part, is_part;
	bool has_permanentflags;
	struct flag_mask mask;		/* PERMANENTFLAGS, else FLAGS; strings live in arena */
	char mailboxid[256];		/* "" = none */
	const char *unreadable;		/* a line about it could not be read: why, and the line. NULL = none */
	struct arena arena;
};

/* How many messages it may show: EXISTS, unless that is beyond what its UIDs leave room for. Some may have come since. */
static inline uint64_t
imap_box_messages(const struct imap_box *box)
{
	enum { COME_SINCE = 100000 };

	return box->uidnext != 0 && box->exists > (uint64_t)box->uidnext + COME_SINCE ? (uint64_t)box->uidnext + COME_SINCE : box->exists;
}

/* What a SELECT asks beyond the name. */
struct imap_select {
	const char *utf8;		/* the mailbox */
	const char *wire;		/* or its wire name, when not NULL */
	bool is_examine;
	uint64_t uidvalidity;		/* QRESYNC (uidvalidity modseq), if enabled; 0 = (CONDSTORE) or nothing */
	uint64_t modseq;
};

/* ---- opening ---- */

struct auth_settings;

struct imap_open {
	struct net *net;
	const struct auth_settings *auth;	/* borrowed for the call */
	const struct imap_memory *memory;	/* of an earlier run (R24 one flight), NULL = none; borrowed for the call */
	uint64_t disabled;			/* imap_caps.disabled */
	unsigned pipeline_depth;		/* commands unanswered at most; 0 = no limit */
	uint64_t literal_cap;			/* octets; 0 = IMAP_LITERAL_CAP */
	bool wants_utf8;			/* enable UTF8=ACCEPT (never in the pipelined opening) */
	const char *id_name, *id_version;	/* sent as ID where offered; NULL = no ID */
	/* [ALERT] texts: people must see them (RFC 9051 section 7.1). */
	void (*alert)(void *ctx, const char *text);
	/* What else they should know of this server. NULL = nobody listens. */
	void (*warn)(void *ctx, const char *text);
	/* Queues the first commands, of kind IMAP_ANY (LIST ... STATUS): in the same flight as the login
	 * where that is allowed. Called again after a pipelined opening that had to be redone; the
	 * commands of the first call have then ended as LOST or UNSENT. NULL = none. */
	int (*first)(void *ctx, struct imap_session *s, struct err *e);
	void *ctx;
	/* For tests: gives the connection in place of stream_open(net). */
	struct stream *(*dial)(void *ctx, struct err *e);
};

/* Connects, secures, logs in, enables what is offered. NULL with *e: ERR_REFUSED where credentials or
 * protection are the matter, ERR_TEMPORARY for the network. The first commands may be unanswered. */
struct imap_session *imap_session_open(const struct imap_open *o, struct err *e);
/* LOGOUT where that can be said without waiting, then closes. */
void imap_session_close(struct imap_session **s);

const struct imap_caps *imap_session_caps(const struct imap_session *s);
bool imap_session_is_utf8(const struct imap_session *s);
bool imap_session_has_qresync(const struct imap_session *s);	/* ENABLED said so */
bool imap_session_has_condstore(const struct imap_session *s);	/* enabled or offered */
bool imap_session_is_uidonly(const struct imap_session *s);	/* ENABLED said so (RFC 9586) */
bool imap_session_is_dovecot(const struct imap_session *s);	/* says its greeting; no promise */
bool imap_session_shows_closed(const struct imap_session *s);	/* SELECT was answered with [CLOSED], here or in a run before */
bool imap_session_is_alive(const struct imap_session *s);
const char *imap_session_greeting(const struct imap_session *s);	/* "" = it may be anybody's */
const char *imap_session_mechanism(const struct imap_session *s);	/* of the login; "" = none was needed (PREAUTH) */
/* Personal namespace; "" and 0 when not known. */
const char *imap_session_prefix(const struct imap_session *s, char *delimiter_r);
/* What is worth remembering for the next run; replaces *m. */
void imap_session_memory(const struct imap_session *s, struct imap_memory *m);
/* COMPRESS=DEFLATE, once bodies are to travel. Waits for what is under way. A server that does not
 * offer it or says NO is no error. */
int imap_session_compress(struct imap_session *s, struct err *e);

/* ---- commands ---- */

/* Takes what is in *c (which is released) and calls ev's events with ctx until `done`. *ticket_r (may
 * be NULL) names it to imap_wait(). ev stays borrowed until then. Returns -1 without taking it
 * (`done` is not called) when R17 forbids it (ERR_BOX) or the session is dead. */
int imap_send(struct imap_session *s, struct imap_command *c, const struct imap_events *ev, void *ctx,
    unsigned *ticket_r, struct err *e);
int imap_wait(struct imap_session *s, unsigned ticket, struct err *e);
int imap_finish(struct imap_session *s, struct err *e);		/* until nothing is unanswered */
unsigned imap_unanswered(const struct imap_session *s);
/* Reads until at most `most` commands are unanswered, and whatever has come already. */
int imap_drain(struct imap_session *s, unsigned most, struct err *e);
/* Sends and waits. 0 whenever there is an answer, NO and BAD included. */
int imap_run(struct imap_session *s, struct imap_command *c, const struct imap_events *ev, void *ctx,
    struct imap_answer *answer_r, struct err *e);

/* Between two uses. Reads what has come by itself, without waiting: -1 if the server has said good-bye, or the line is dead. */
int imap_hear(struct imap_session *s, struct err *e);
/* No mailbox is selected afterwards, and nothing is expunged by it. Waits for all that is under way. */
int imap_unselect(struct imap_session *s, struct err *e);

/* SELECT or EXAMINE. ev and ctx hear `done` for it, and stay the mailbox's own until another is
 * selected and answered, or the session closes.
 *
 * Attribution (R17): with [CLOSED] known of this server it is pipelined behind what is under way, and
 * [CLOSED] switches. Else all that is under way is waited for first; then UNSELECT's answer switches,
 * or, without UNSELECT, the first FLAGS or UIDVALIDITY of the new mailbox. */
int imap_select(struct imap_session *s, const struct imap_select *how, const struct imap_events *ev, void *ctx,
    unsigned *ticket_r, struct err *e);
/* Waits for `ticket` of a SELECT: its mailbox, or NULL with *e (ERR_BOX, or the session is dead). May be asked of the
 * last IMAP_SELECTIONS. */
const struct imap_box *imap_select_wait(struct imap_session *s, unsigned ticket, struct err *e);
/* The mailbox that commands go to now; NULL = none. Valid until the next imap_select(). */
/* The same without waiting: NULL while it is not answered, or was refused. May be asked from events. */
const struct imap_box *imap_select_box(const struct imap_session *s, unsigned ticket);
const struct imap_box *imap_session_box(const struct imap_session *s);

/* ---- results ---- */

/* Fills *e from an end that is not OK and returns -1: "LABEL: what: TEXT" with scope, class and retry
 * after the code; `scope` where the code does not say. LOST and UNSENT are ERR_STORE. */
int imap_result_err(const struct imap_session *s, const struct imap_result *result, enum err_scope scope,
    const char *what, struct err *e);
int imap_answer_err(const struct imap_session *s, const struct imap_answer *answer, enum err_scope scope,
    const char *what, struct err *e);

#endif
