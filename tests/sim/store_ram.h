/* A mail store in RAM that behaves like an IMAP server seen through its adapter, or like a Maildir, and
 * misbehaves on demand.
 *
 * People work on it with the functions below; the program sees it as a struct store. Whatever the program
 * changes is told to the oracle, held against the policy of the run, and preceded by step() as a real
 * adapter's durable acts are, so that a run can end in front of any of them.
 *
 * Personalities:
 *   RAM_QRESYNC     UIDs; changes and vanished UIDs since a modseq
 *   RAM_CONDSTORE   UIDs; changes since a modseq, and all UIDs when the counts do not match
 *   RAM_PLAIN       UIDs; a full list each time, no cursor stands still; or, where the digest of what the base knows is that
 *                   of the list, no change
 *   RAM_MAILDIR     names; a full list, which may miss names until asked again; or, where the program alone changed it
 *                   since, what it did
 * and of the UID kinds: with or without the key of what was delivered (UIDPLUS), with a move in one or in three
 * acts, with a MAILBOXID or without, all messages shown or the newest only, misstated sizes, keywords in other letters, flags
 * that are not kept, or dropped when something arrives, or refused though it says that it keeps them (store_ram_keeps.c).
 */
#ifndef TESTS_SIM_STORE_RAM_H
#define TESTS_SIM_STORE_RAM_H

#include "sync/store/store.h"
#include "tests/sim/sim.h"

/* Whether a mailbox has an identity that outlives a rename, and where it is told. */
enum ram_ids { RAM_IDS_NONE, RAM_IDS_LISTED, RAM_IDS_ASKED };

/* How it lets know that it does not keep what it says it keeps (store_ram_keeps.c). */
enum ram_refusal { RAM_SAYS_NO, RAM_SAYS_NOTHING, RAM_UNFIT, RAM_REFUSALS };

/* Which UIDs it tells of what it took (store_ram_told.c). */
enum ram_telling { RAM_TELLS_TRULY, RAM_TELLS_IN_FALSE_ORDER, RAM_TELLS_ANOTHER };

/* What a server that says OK leaves out of its changes (store_ram_short.c). */
enum ram_short { RAM_SHORT_OF_NOTHING, RAM_SHORT_OF_NEW, RAM_SHORT_OF_VANISHED, RAM_SHORT_OF_PRESENT, RAM_SHORT_OF_FLAGS, RAM_SHORTS };

enum ram_kind { RAM_QRESYNC, RAM_CONDSTORE, RAM_PLAIN, RAM_MAILDIR };

struct ram_message {
	uint32_t uid;
	uint32_t number;		/* of a Maildir name, unique in the store */
	bool is_given;			/* the name is one that the program chose */
	bool is_new;			/* in new/ */
	bool is_away;			/* with the directory that it was in */
	bool is_replaced;		/* something else has its name */
	bool is_settled;		/* was there at a settlement */
	bool is_hidden;			/* older than the newest that the server shows */
	bool was_draft;			/* flagged so at some time */
	bool is_shown, was_shown, was_listed;	/* told to the program in this run; in any; in one that went well */
	bool is_ours;			/* put there by the program */
	bool is_counted;		/* marked \Deleted by the program, and told to the oracle */
	const struct content *c;
	unsigned form;			/* of it: enum form_change */
	uint32_t flags;			/* sim.h */
	int64_t date;
	uint64_t modseq;
};

struct ram_vanished { uint32_t uid, number; bool is_given; uint64_t modseq; };

/* What a cursor says: modseq, UIDNEXT, generation, messages, and whether new/ was there. */
enum { RAM_CURSOR_WORDS = 5 };

/* What is wrong with a mailbox of a Maildir that nobody removed (damage.c). */
enum ram_damage { RAM_WHOLE, RAM_BOX_AWAY, RAM_NEW_AWAY };

struct ram_box {
	bool exists;
	enum ram_damage damage;
	bool is_readonly;
	uint64_t epoch;
	uint64_t identity;		/* MAILBOXID, or what a directory is known by */
	uint64_t complete;		/* the epoch for which a complete list was given, 0 = none */
	uint64_t in_list;		/* the epoch it had in the last list of mailboxes of this run, 0 = it was not in it */
	bool is_renamed, has_lost;	/* by people, since a run went well; lost: what the program may still know */
	size_t told;			/* so many were shown when the program last read it; 0 = it may not know */
	size_t told_last;		/* the same, in the last run that went well: what it has judged by */
	uint32_t generation;		/* of the index */
	uint32_t uidnext;
	uint64_t modseq;		/* also counts changes of a Maildir's directories */
	VEC(struct ram_message) messages;
	VEC(struct ram_vanished) vanished;
	/* Of a Maildir, since the program's first act after the last delta: nobody acted but the program. */
	bool is_watched;
	struct cursor watched;		/* where it stood then */
	uint64_t ours;			/* modseq, had it been changed by the program alone */
};

struct ram {
	struct store store;		/* first */
	struct sim *sim;
	enum side side;
	enum ram_kind kind;
	bool has_uidplus, has_move, spells_lower, has_any_keyword;
	enum ram_ids ids;
	uint32_t keeps;			/* flags */
	uint32_t drops, refuses;	/* store_ram_keeps.c: the former are kept where they are set, the latter never */
	enum ram_refusal refusal;
	bool refuses_dates;
	enum ram_telling tells;
	size_t limit;			/* messages that one command is done for; 0 = all (store_ram_limits.c) */
	unsigned alters, takes_out;	/* enum form_change: store_ram_alters.c */
	uint32_t numbers;		/* names given out */
	uint64_t epochs, identities;
	unsigned fingerprint;
	size_t window;			/* so many of the newest are shown of each mailbox; 0 = all */
	bool is_lifted;			/* not any more, or not for now */
	bool slides;			/* history_window.c: INBOX has a window, which grows while it is not full */
	struct ram_box box[SIM_ALL];
};

struct ram *ram_new(struct sim *sim, enum side side, enum ram_kind kind);
void ram_free(struct ram *r);

/* ---- for people, and for the store itself ---- */
void ram_create_box(struct ram *r, int box);
void ram_drop_box(struct ram *r, int box);
/* With what is below it; swap: the two names change places. False: a name is taken, or none of ours. */
bool ram_can_rename(const struct ram *r, int from, int to, bool swap);
void ram_rename(struct ram *r, int from, int to, bool swap,
    void (*each)(struct ram *r, int from, int to));	/* each: told before, for every mailbox that goes */
/* Mailboxes of this side may be taken for others of these names: as with another epoch, nothing is known of them. */
void ram_mistaken(struct ram *r);
/* Another UIDVALIDITY, UIDs anew; or another directory of the same name. */
void ram_new_epoch(struct ram *r, int box);
void ram_new_index(struct ram *r, int box);		/* modseqs dropped */
/* Borrowed until the next change. number: of the file's name, 0 = a new one. */
struct ram_message *ram_put(struct ram *r, int box, const struct content *c, uint32_t flags, uint32_t number);
void ram_remove(struct ram *r, int box, size_t i);
void ram_set_flags(struct ram *r, int box, size_t i, uint32_t flags);
/* store_ram_window.c: what the server shows of a mailbox is looked at anew. Within a run nothing more is hidden: what is deleted
 * just when it drops out of sight would be done by nobody, and come back with the window. */
void ram_slide(struct ram *r, int box, bool may_hide);
/* All is shown from now on; how many are. */
void ram_lift(struct ram *r);
void ram_settled(struct ram *r);	/* what is there now has its twin, and may drop out of sight */
size_t ram_shown_count(const struct ram_box *b);
/* After a run: what the program knows of what it was shown. is_known false: nothing of this run's. */
void ram_shown(struct ram *r, bool is_known);
/* The base is lost, or an old one: nothing (is_lost), or not all of it, is known any more. */
void ram_forgotten(struct ram *r, bool is_lost);
const char *ram_text(const struct ram *r, const struct ram_message *m);	/* for traces; static */

/* A person puts this into `box`: what is out of sight in others, and equal, seems to be moved. */
void ram_window_equal(struct ram *r, int box, const struct content *c);
/* To be expunged, and not shown: it is not there, as far as one can see, and may be shown again. */
void ram_window_missed(struct ram *r, int box, struct key key);

/* history_sizes.c: a placeholder whose message is beside it. */
bool sizes_is_replaced(const struct ram *r, int box, const struct ram_message *m);
/* The program takes this one away, or marks it. */
void sizes_removes(const struct ram *r, const struct ram_message *m);

/* ---- store_ram_once.c ---- */
void once_draw(struct sim *s);				/* once there are stores */
/* The message that is there already, which this becomes; NULL = it is put. */
struct ram_message *once_equal(struct ram *r, int box, const struct content *c);
/* Whether the oracle is told: no equal is in that mailbox; no other one is; none that the program has not marked. */
bool once_is_first(const struct ram *r, int box, const struct content *c);
bool once_is_last(const struct ram *r, int box, size_t at);
bool once_is_last_unmarked(const struct ram *r, int box, size_t at);
/* For the oracle's look: not the first of its equals; the flags of all of them, or what nobody has where they differ. */
bool once_is_repeated(const struct ram *r, int box, size_t at);
uint32_t once_flags(const struct ram *r, int box, size_t at);
/* By people. */
void once_put(const struct ram *r, const struct content *c, uint32_t flags);
void once_taken(const struct ram *r, const struct content *c);
/* Removed where it is kept once: of equals that no APPENDUID named it for, nobody can say that they go with it. */
void once_unnamed(struct ram *r, int box, const struct content *c, bool may_stay);
/* A run begins with its policy: what people have marked where it is kept once, and is not expunged there now, goes later, and by the program: then of
 * its equals the twin alone has gone with it. */
void once_restricted(struct sim *s);
void once_doubted(struct sim *s);			/* a mailbox was renamed: how many there are is not looked at */
void once_settled(struct sim *s);

/* ---- people.c: single acts, told to the oracle ---- */
void people_put(struct ram *r, int box, const struct content *c, uint32_t flags);
void people_remove(struct ram *r, int box, size_t at);
void people_move(struct ram *r, int box, size_t at, int to);	/* its file keeps its name */
void people_create_box(struct ram *r, int box);
void people_remove_box(struct ram *r, int box);

/* ---- damage.c ---- */
void damage_set(struct ram *r, int box, enum ram_damage damage);
/* Something of a Maildir is damaged or out of sight, or some of it is back. */
void damage_act(struct sim *s);
void damage_mend(struct sim *s);			/* all is as it was */

/* ---- inside: shared by store_ram*.c ---- */
struct ram_session {
	struct session session;		/* first */
	bool is_dead;
	bool is_alone;			/* nobody acts at the start of this call: a mailbox is removed as it was last looked
					 * at; no server can be asked to remove it only if nothing has come */
	uint64_t epoch;			/* of the mailbox the call is on */
};
/* The start of every call: people may act, and it may fail. box -1: of none. */
int ram_enter(struct ram_session *c, const char *call, int box, struct err *e);
int ram_die(struct ram_session *c, struct err *e);
/* The mailbox, if it is there and has this epoch (0 = any); else ERR_BOX. -1 = not. */
int ram_find_box(struct ram *r, const char *name, uint64_t epoch, struct err *e);
/* Both: the start of a call on a mailbox. */
int ram_enter_box(struct ram_session *c, const char *call, const char *name, uint64_t epoch, struct err *e);
/* People may act in the middle of a call. */
void ram_meanwhile(struct ram_session *c, const char *where);
/* ram_find() in the mailbox as it was when the call began: -1 when it is another by now. */
long ram_find_still(const struct ram_session *c, int box, struct key key);
long ram_find(const struct ram *r, int box, struct key key);	/* -1 = not there */
uint32_t ram_number(struct key name);	/* of a Maildir name; 0 for KEY_NONE */
struct key ram_key(const struct ram *r, struct arena *a, const struct ram_message *m);
const char *ram_hint(const struct ram *r, struct arena *a, const struct ram_message *m);
struct cursor ram_cursor(const struct ram *r, const struct ram_box *b);
struct key ram_name(struct arena *a, bool is_given, uint32_t number);	/* of a file */
/* A Maildir watches itself from its first act on, as well as it can; this act of the program was seen; something was not as it
 * seemed. */
void ram_watch(struct ram *r, int box);
void ram_watch_act(struct ram *r, int box);
void ram_watch_doubt(struct ram *r, int box);

int ram_list(struct session *c, struct listing *l, struct err *e);
int ram_cursors(struct session *c, struct mailbox *boxes, size_t n, struct err *e);
int ram_identities(struct session *c, struct mailbox *boxes, size_t n, struct arena *a, struct err *e);
enum mailbox_state ram_mailbox_state(struct session *c, const char *name, const char *above, struct err *e);
int ram_delta(struct session *c, struct delta *d, size_t n, bool is_readonly_run, struct delta_look *look, struct err *e);
int ram_confirm_gone(struct session *c, const char *box, const struct key *keys, size_t n, bool *gone, struct err *e);
int ram_identify(struct session *c, struct fetch_part *parts, size_t n, struct identify_item *items, unsigned want,
    struct err *e);
int ram_fetch(struct session *c, struct fetch_part *parts, size_t n, const struct fetch_item *items,
    const struct body_sink *sink, struct err *e);

/* store_ram_keeps.c */
void ram_draw_keeping(struct ram *r);			/* within an opportunity */
uint32_t ram_told(const struct ram *r);			/* the flags it says that it keeps */
uint32_t ram_kept(const struct ram *r, uint32_t flags);	/* of those that something arrives with */
void ram_leave_off(struct ram *r, struct deliver_item *item);	/* at the start of a delivery */
void ram_undress(struct deliver_item *item);		/* when its body begins */
bool ram_refuses_dress(const struct ram *r, const struct deliver_item *item);
void ram_may_go_again(struct ram *r, struct deliver_item *item);	/* refused: perhaps otherwise */

/* store_ram_alters.c */
void ram_draw_alters(struct ram *r);			/* within an opportunity */
unsigned ram_altered(const struct ram *r, unsigned form);	/* what becomes of one that arrives */

/* store_ram_told.c */
void ram_draw_telling(struct ram *r);			/* within an opportunity; after has_uidplus */
/* The keys told of n messages that arrived together in `box`: changed where the server tells falsely. */
void ram_tell(struct ram *r, int box, struct key *const *told, size_t n, struct arena *a);

/* store_ram_short.c */
enum ram_short ram_draw_short(struct ram *r, const struct delta *d);
/* `what` is left out of this answer, and m is of that kind (NULL: it vanished). */
bool ram_leaves_out(struct ram *r, int box, enum ram_short what, enum ram_short kind, const struct ram_message *m);

/* store_ram_limits.c */
void ram_draw_limit(struct ram *r);			/* within an opportunity */
/* Behind so many messages of a request: the rest is not done, not even when asked again. */
bool ram_is_cut(struct ram_session *c, size_t asked);
void ram_cut(struct ram *r, enum err_scope scope, struct err *why);	/* why, for one of the rest */

/* store_ram_write.c, store_ram_trash.c */
void ram_set_flags_ours(struct ram *r, int box, size_t i, uint32_t flags);
/* Before it is expunged it is put into the trash: 1 it is to be expunged still, 0 it has gone, -1 the session died. */
int ram_trash(struct ram_session *c, int box, struct key key, const char *to, struct err *e);
bool ram_moves_at_once(struct session *c);
/* How it is expunged: it must be in the trash by then. */
void ram_check_trash(struct ram *r, const struct content *c);

struct key ram_choose_name(struct store *s, struct arena *a);
int ram_deliver(struct session *c, const char *box, uint64_t epoch, struct deliver_item *items, size_t n,
    struct arena *a, struct delivery **d_r, struct err *e);
/* In two steps: what was begun is done by then, or all of it is when it ends. */
int ram_change_begin(struct session *c, struct box_changes *boxes, size_t n, struct arena *a, struct changing **w_r,
    struct err *e);
int ram_change_end(struct changing **w, struct err *e);
int ram_delta_begin(struct session *c, struct delta *d, size_t n, struct reading **r_r, struct err *e);
int ram_delta_end(struct reading **r, struct err *e);
int ram_change(struct session *c, struct box_changes *boxes, size_t n, struct arena *a, struct err *e);
int ram_move(struct session *c, const char *box, uint64_t epoch, const char *to, uint64_t to_epoch, bool keep,
    struct move_item *items, size_t n, struct arena *a, struct err *e);
int ram_create_mailbox(struct session *c, const char *name, unsigned role, enum outcome *o, struct err *e);
int ram_remove_mailbox(struct session *c, const char *name, enum outcome *o, struct err *e);
int ram_rename_mailbox(struct session *c, const char *from, const char *to, enum outcome *o, struct err *e);

#endif
