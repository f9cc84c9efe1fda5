/* The inside of the IMAP store, for sync/store/imap*.c alone. */
#ifndef SYNC_STORE_IMAP_INSIDE_H
#define SYNC_STORE_IMAP_INSIDE_H

#include <pthread.h>

#include "sync/sasl/auth.h"
#include "sync/imap/session.h"
#include "sync/store/imap.h"

struct imap_store {
	struct store store;		/* first: it is the store */
	struct net *net;
	struct auth_settings auth;
	const struct store_settings *set;	/* with its account */
	struct store_env env;
	uint64_t disable_extensions;	/* as imap_caps.disabled has them */

	pthread_mutex_t lock;		/* what follows */
	struct imap_memory memory;	/* of this server */
	uint32_t shown_limit;		/* messages of a command, as an answer had it; 0 = none has */
	bool refuses_guid;		/* greets as a Dovecot, and does not know X-GUID */
	bool has_memory, is_listed;	/* is_listed: the first listing was asked for */
	bool has_prefix;
	char delimiter;			/* 0 = flat or not known */
	char *prefix;			/* of all names but INBOX, as on the wire (UTF-8) */
	VEC(struct imap_doomed) to_expunge;	/* what this sync is to expunge; servers without UIDPLUS only */
};

/* A message to be expunged: its \Deleted is ours, in whatever session it is seen (R18 UIDs only). */
struct imap_doomed { char *box; uint64_t uidvalidity; uint32_t uid; };

/* LIST and what comes with it, while its answers arrive. */
struct list_work {
	struct imap_conn *c;
	struct listing *out;
	bool has_failed;
	bool is_short;			/* the line of a mailbox could not be read */
	struct err err;
	bool has_status;		/* STATUS came with LIST */
	size_t asked;			/* the first of store.asks.known were asked for in the same flight */
	uint32_t seed;
	uint32_t *slots;		/* names to indexes of out->boxes + 1; 0 = free; n_slots is a power of two */
	size_t n_slots;
};

/* Cursors asked for anew, while the answers arrive. */
struct cursors_work {
	struct mailbox *boxes;
	size_t n;
	struct list_work list;		/* out NULL: each is asked for by itself */
	struct listing listing;
};

/* To whom a selected mailbox's own news goes; NULL = nobody any more. */
struct delta_work;
struct imap_watch { struct delta_work *work; };

struct imap_conn {
	struct session session;		/* first: it is the session */
	struct imap_store *st;
	struct imap_session *s;
	struct listing *early;		/* the listing asked for in the opening's flight; NULL = none */
	struct list_work early_work;
	char *selected;			/* canonical name; NULL = none is known to be */
	bool is_examined;
	unsigned ticket;		/* of the SELECT sent last by imap_enter*() */
	bool is_throttled;		/* the last APPEND was refused with "come back in so many milliseconds" */
	uint64_t expected;		/* octets of bodies, so far */
	uint64_t kept;			/* octets kept of the answers to this request */
	VEC(struct imap_watch *) watches;	/* contexts of the SELECTs of imap_delta.c */
};

static inline struct imap_store *
imap_store_of(struct store *s)
{
	return (struct imap_store *)s;
}

static inline struct imap_conn *
imap_conn_of(struct session *c)
{
	return (struct imap_conn *)c;
}

/* imap_dial.c */
struct session *imap_conn_open(struct store *store, struct err *e);
void imap_conn_close(struct session *session);
/* Another session in place of this one, which is closed, and UIDONLY in it and all later ones (RFC 9586); whether that may help. */
bool imap_may_uidonly(struct imap_conn *c);
int imap_reopen_uidonly(struct imap_conn *c, struct err *e);

/* imap_check.c */
int imap_check(struct store *s, struct listing *l_r, const struct findings *out);

/* imap_rest.c: between two syncs */
int imap_rest(struct session *session, struct err *e);
int imap_wake(struct session *session, bool asks, struct err *e);

/* imap_conn.c */
void imap_begin(struct imap_conn *c, struct imap_command *cmd, enum imap_command_kind kind);
/* Selects `name` unless it is (imap_session_box()). -1: ERR_BOX, or the session is dead. */
int imap_enter(struct imap_conn *c, const char *name, bool is_examine, const struct imap_box **box_r, struct err *e);
/* SELECT without waiting, for reading alone; _ahead: none where the mailbox is selected already. imap_entered() waits for it, and
 * says whether it was opened, and with this UIDVALIDITY (0 = any); of the last ones. */
int imap_enter_anew(struct imap_conn *c, const char *name, unsigned *ticket_r, struct err *e);
int imap_enter_ahead(struct imap_conn *c, const char *name, unsigned *ticket_r, struct err *e);
/* EXAMINE without waiting, of a mailbox that nothing may change in, as a flag that goes with its being selected: ev and ctx hear its `done`. */
int imap_examine_ahead(struct imap_conn *c, const char *name, const struct imap_events *ev, void *ctx, unsigned *ticket_r, struct err *e);
/* After changes, without waiting: some servers show others what was stored only once the mailbox has been left (GNU Mailutils), and
 * what is there afterwards may be read in another session. With CONDSTORE that is shown at once, and nothing is sent. */
int imap_let_go(struct imap_conn *c, const char *name, struct err *e);
int imap_entered(struct imap_conn *c, const char *name, unsigned ticket, uint64_t epoch, struct err *e);
/* The same for one that is to be changed (R17 SELECT first): it is the one selected, and read-write. */
int imap_writable(struct imap_conn *c, const char *name, unsigned ticket, uint64_t epoch, struct err *e);
/* What this server knows a message by, wherever it goes (R9 moves): EMAILID, X-GM-MSGID, X-GUID, to FETCH and to SEARCH; NULL = it does
 * not. */
const char *imap_id_item(struct imap_conn *c);
/* Without QRESYNC or UIDPLUS the server is old or odd: a UID alone does not say which message it is (R13 second look). */
bool imap_uids_are_ambiguous(struct imap_conn *c);
/* Before bodies travel, about so many octets: compressed from where all of the session's pay for the round trip. */
int imap_expect_octets(struct imap_conn *c, uint64_t octets, struct err *e);
/* What a server answers is kept up to a limit: begins to count for a request; one more thing of so many octets. false: it is
 * more than may be kept, and *e says of what (a mailbox, or the list of them). */
void imap_keep_begin(struct imap_conn *c);
bool imap_keep(struct imap_conn *c, size_t octets, enum err_scope scope, const char *what, struct err *e);
/* For imap_expect_octets(): a message of that size as listed, 0 = not known. */
static inline uint64_t
imap_likely_size(uint64_t size)
{
	enum { TYPICAL = 4096 };

	return size != 0 ? size : TYPICAL;
}
/* Waits for everything; a lost session is ERR_STORE. */
int imap_settle(struct imap_conn *c, struct err *e);
/* Waits until at most `most` commands are unanswered. */
int imap_drain_to(struct imap_conn *c, unsigned most, struct err *e);

/* imap_names.c: canonical name -> wire (UTF-8, the server's delimiter). -1: cannot be (ERR_BOX). */
int imap_name_out(struct imap_store *st, const char *name, struct buf *out, struct err *e);
/* Wire -> canonical. 1: ours, 0: not below our prefix, -1: cannot be represented (why in *why_r). `shown_r`: for people. */
int imap_name_in(struct imap_store *st, const char *wire, size_t len, bool is_utf8, char delimiter, struct buf *out,
    const char **why_r);

/* imap_list.c */
int imap_list_queue(struct imap_conn *c, struct imap_session *s, struct list_work *w, struct err *e);
void imap_list_end(struct list_work *w);	/* frees what the work needed, not its listing */
int imap_list(struct session *c, struct listing *l, struct err *e);
enum mailbox_state imap_mailbox_state(struct session *c, const char *name, const char *above, struct err *e);
int imap_identities(struct session *c, struct mailbox *boxes, size_t n, struct arena *a, struct err *e);

/* imap_status.c */
bool imap_has_mailboxid(const struct imap_caps *caps);	/* STATUS gives MAILBOXID */
void imap_put_status_items(struct imap_command *cmd, const struct imap_caps *caps);
/* STATUS of mailboxes by name, in as few lines as can be, without waiting for the last; ev hears their LIST as well. asked_r not NULL:
 * without waiting at all; how many fitted the flight. */
int imap_cursors_ask(struct imap_conn *c, const char *const *names, size_t n, size_t *asked_r, const struct imap_events *ev, void *ctx,
    struct err *e);
/* STATUS of one mailbox, without waiting; and has_cursor and cursor of m from its answer. */
int imap_status_ask(struct imap_conn *c, const char *name, const struct imap_events *ev, void *ctx, struct err *e);
void imap_status_cursor(struct mailbox *m, const struct imap_status_data *s);
struct cursor imap_cursor(uint64_t uidvalidity, uint32_t uidnext, uint64_t modseq, uint32_t messages);
void imap_cursor_read(const struct cursor *c, uint32_t *uidnext_r, uint64_t *modseq_r, uint32_t *messages_r);

/* imap_cursors.c */
int imap_cursors_queue(struct imap_conn *c, struct cursors_work *w, struct mailbox *boxes, size_t n, struct err *e);
/* Once all is answered, or will not be (status -1, *e): fills them, and frees what the work needed. */
int imap_cursors_end(struct cursors_work *w, int status, struct err *e);
int imap_cursors(struct session *c, struct mailbox *boxes, size_t n, struct err *e);

/* imap_pages.c: what is asked of a range of UIDs, in pages where the server may cut the answer. The owner's events (fetch
 * or search, and done) hear all pages; done not of those that are asked again. */
struct imap_page;
struct imap_pages {
	struct imap_conn *c;
	const struct imap_events *ev;	/* with `search`: UID SEARCH, else UID FETCH */
	void *ctx;
	bool is_search;
	struct buf tail;		/* of each command, behind the set: the caller's to fill */
	/* In place of `tail`, with `search`: what stands before the set (NULL = nothing), and puts the keys behind it. */
	const char *charset;
	void (*put_keys)(struct imap_command *cmd, void *ctx);
	VEC(struct imap_page *) sent;
	VEC(struct uid_range) rest;	/* what was cut off, to be asked for */
	unsigned asked;
	bool is_part;			/* something was cut off and cannot be asked for */
};
void imap_pages_init(struct imap_pages *p, struct imap_conn *c, const struct imap_events *ev, void *ctx);
void imap_pages_release(struct imap_pages *p);
/* Asks for all from `first` on, without waiting: in pages of `size` messages (0 = in one), of `exists` below uidnext. */
int imap_pages_ask(struct imap_pages *p, uint32_t first, uint32_t size, uint32_t exists, uint32_t uidnext, struct err *e);
bool imap_pages_rest(const struct imap_pages *p);	/* once all is answered: something is to be asked again */
int imap_pages_ask_rest(struct imap_pages *p, struct err *e);
/* Messages of one page: 0 = this server cuts nothing. And of one command that names them (STORE, COPY): 0 = any number. */
uint32_t imap_page_size(struct imap_conn *c);
uint32_t imap_command_limit(struct imap_conn *c);
size_t imap_at_most(struct imap_conn *c, size_t n);	/* n, or as many as one command may name */
size_t imap_save_at_most(struct imap_conn *c, size_t n);	/* the same of COPY, MOVE and APPEND */
/* The command was carried out in part: OK with a code that says so, or NO for naming too many. Learns the limit. */
bool imap_is_cut(struct imap_conn *c, const struct imap_result *r);
/* An answer named a limit; 0 = none. */
void imap_learn_limit(struct imap_conn *c, uint64_t limit);

/* imap_delta.c */
int imap_delta(struct session *c, struct delta *d, size_t n, bool is_readonly_run, struct delta_look *look, struct err *e);

int imap_delta_begin(struct session *c, struct delta *d, size_t n, struct reading **r_r, struct err *e);
int imap_delta_end(struct reading **r, struct err *e);

/* imap_fetch.c */
int imap_fetch(struct session *c, struct fetch_part *parts, size_t n, const struct fetch_item *items,
    const struct body_sink *sink, struct err *e);
int imap_identify(struct session *c, struct fetch_part *parts, size_t n, struct identify_item *items, unsigned want,
    struct err *e);

/* imap_describe.c */
int imap_describe(struct session *c, const char *box, uint64_t epoch, struct key key, const char *hint, struct arena *a,
    struct message_words *words_r, struct err *e);

/* imap_headers.c */
int imap_headers(struct session *c, struct fetch_part *parts, size_t n, const struct fetch_item *items, const struct header_sink *sink,
    struct err *e);

/* imap_query.c: the keys of a query (RFC 9051 section 6.4.4), into a command of SEARCH. */
struct imap_query {
	const struct query *query;
	bool is_fuzzy;			/* texts need not be found to the letter (RFC 6203) */
	int64_t now;
};
void imap_query_put(struct imap_command *cmd, const struct imap_query *q);
/* -1: this server cannot be asked that. */
int imap_query_check(struct imap_conn *c, const struct query *q, struct err *e);

/* imap_search.c */
int imap_search(struct session *c, struct search_part *parts, size_t n, struct search_how *how, struct err *e);

/* imap_deliver.c */
int imap_deliver(struct session *c, const char *box, uint64_t epoch, struct deliver_item *items, size_t n,
    struct arena *a, struct delivery **d_r, struct err *e);

/* imap_change.c */
int imap_change(struct session *c, struct box_changes *boxes, size_t n, struct arena *a, struct err *e);

/* imap_change.c, in two steps (sync/store/store.h). */
int imap_change_begin(struct session *c, struct box_changes *boxes, size_t n, struct arena *a, struct changing **w_r,
    struct err *e);
int imap_change_end(struct changing **w, struct err *e);

/* imap_verify.c: some messages of the selected mailbox, by UID, as its answers show them. */
struct imap_verified { uint32_t uid; bool is_here, has_vanished; struct flags flags; uint64_t size; int64_t date; struct message_words words; };
struct imap_verify {
	struct imap_conn *c;
	struct imap_verified *at;		/* sorted */
	size_t n;
	struct arena *arena;		/* of their flags */
	bool is_cut;			/* a command was carried out in part: the rest is asked for, or changed, once more (R25
					 * a witness) */
	bool has_failed;		/* a command was refused: err */
	bool is_set_bad;		/* ... with BAD */
	struct err err;
};
extern const struct imap_events imap_verify_events;	/* their context is a struct imap_verify */
void imap_verify_begin(struct imap_verify *w, struct imap_conn *c, struct arena *a, size_t room);
void imap_verify_add(struct imap_verify *w, uint32_t uid);
void imap_verify_sort(struct imap_verify *w);
void imap_verify_end(struct imap_verify *w);
struct imap_verified *imap_verify_find(struct imap_verify *w, uint32_t uid);
/* How many were shown neither as here nor as gone; and asks for `items` of them, without waiting. */
size_t imap_verify_doubts(const struct imap_verify *w);
int imap_verify_ask(struct imap_verify *w, const char *items, struct err *e);
/* Once all is answered: as long as answers are cut, and show something, the rest is asked for. has_failed where it cannot be had. */
int imap_verify_ask_rest(struct imap_verify *w, const char *items, struct err *e);
/* Ends the command with `tail` and flags (NULL = none) and sends it; the answers go to w. Takes cmd. */
int imap_verify_send(struct imap_verify *w, struct imap_command *cmd, const char *tail, const struct flags *flags, struct err *e);
/* Sends `verb` uids `tail` flags in as many lines as it takes; the answers go to w. */
int imap_send_uids(struct imap_verify *w, enum imap_command_kind kind, const char *verb, const uint32_t *uids, size_t n,
    const char *tail, const struct flags *flags, uint64_t epoch, struct err *e);

/* imap_words.c: asks for Date, From and Subject of n of them, without waiting: by UID, or (is_saved) as the search result that names them. Fills
 * `words` of those that are shown; what is refused is not known, and nothing depends on it. `header` is worked with until all is answered. */
struct imap_words { struct imap_verify *verify; struct buf header; };
int imap_words_ask(struct imap_words *w, const uint32_t *uids, size_t n, bool is_saved, struct err *e);

/* imap_narrow.c: to this server a set of UIDs that names a message which is gone is no set. Which are here is asked by a
 * range, which names none; the others have vanished. Waits. Nothing is refused any more then, or it has failed with *e. */
int imap_narrow(struct imap_verify *w, const char *items, struct err *e);

/* imap_insist.c: keywords that no IMAP server can be given (sync/imap/writer.h) go over from *flags to *unkept. */
void imap_leave_off(struct flags *flags, struct flags *unkept, struct arena *a);
/* What a STORE was to make of these items, and w does not show: each flag by itself. What is not made even then, though
 * the server takes a STORE that changes nothing, becomes the item's `unkept`. Waits. */
int imap_insist(struct imap_verify *w, const char *box, uint64_t epoch, struct flag_item *items, size_t n, struct arena *a,
    struct err *e);
/* Whether all of the change shows, or is known as unkept. */
bool imap_is_made(const struct flag_item *item, struct flags now, struct arena *a);

/* imap_expunge.c */
/* Sends what removes exactly these UIDs, which w will show gone. has_foreign_r: it was not sent, for what others marked
 * \Deleted would have gone with them (no UIDPLUS). */
int imap_remove_send(struct imap_verify *w, const uint32_t *uids, size_t n, uint64_t epoch, bool mark, bool *has_foreign_r,
    struct err *e);
/* The same, waited for: of a move, whose messages are there twice by now. */
int imap_remove_uids(struct imap_conn *c, uint64_t epoch, const uint32_t *uids, size_t n, bool *has_foreign_r,
    struct err *e);
/* Of the selected mailbox: this run, in whatever session, means to expunge it. */
bool imap_is_to_expunge(struct imap_conn *c, uint32_t uid);
/* The sync has ended. */
void imap_expunged(struct imap_store *st);

/* imap_ahead.c: without waiting for the SELECT, which is sent as well; ticket_r: of the last. The answers go to w. */
struct imap_known {
	const uint32_t *uids;		/* ascending */
	const char *const *ids;		/* by which the server knows them */
	size_t n;
	uint64_t modseq;		/* not changed since; 0 = or so */
};
uint64_t imap_ahead_modseq(const struct box_changes *b);	/* of b->seen */
bool imap_ahead_may(struct imap_conn *c, const struct box_changes *b);
int imap_ahead_store(struct imap_verify *w, const char *box, const struct imap_known *m, const char *how, const struct flags *flags,
    unsigned *ticket_r, struct err *e);
int imap_ahead_expunge(struct imap_verify *w, struct imap_words *words, const char *box, const struct imap_known *m, bool mark,
    unsigned *ticket_r, struct err *e);

/* imap_move.c */
int imap_move(struct session *c, const char *box, uint64_t epoch, const char *to, uint64_t to_epoch, bool keep,
    struct move_item *items, size_t n, struct arena *a, struct err *e);

bool imap_moves_at_once(struct session *c);
/* In the mailbox that is selected, no message twice: with MOVE (*is_gone_r), else they are copied and stay. Waits. -1: the session is dead. */
int imap_move_selected(struct imap_conn *c, const char *box, uint64_t epoch, const char *to, struct move_item *items, size_t n,
    struct arena *a, bool *is_gone_r, struct err *e);

/* imap_trash.c: those of the n UIDs that w names, of which `expunges` wants it, are put into the trash. What could not be is FAILED, and what
 * has gone by that DONE; both leave uids. Waits. -1: the session is dead. */
int imap_trash(struct imap_verify *w, struct box_changes *b, uint32_t *uids, size_t *n, struct arena *a, struct err *e);

/* imap_folders.c */
int imap_create_mailbox(struct session *c, const char *name, unsigned role, enum outcome *o, struct err *e);
int imap_remove_mailbox(struct session *c, const char *name, enum outcome *o, struct err *e);
int imap_rename_mailbox(struct session *c, const char *from, const char *to, enum outcome *o, struct err *e);
int imap_leave(struct session *c, struct err *e);

#endif
