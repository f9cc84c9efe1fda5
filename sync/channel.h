/* One channel: the entry point of the engine.
 *
 * Use: fill a struct channel, then
 *
 *   channel_run()                                         once
 *   channel_open() -> channel_sync() ... -> channel_close()	again and again, on the same sessions
 *
 * look at the report of each, report_release().
 *
 * What outlives a sync: the settings, the state with its lock, the workers, the sessions, and what is known of servers. All else is that
 * sync's (struct env) and is freed at its end. Nothing is known of a mailbox but what the state has, so each sync sees what changed since the
 * last one as a run of the program does; a session that has ended meanwhile is opened anew.
 *
 * Channels that are open at once may share a store: its sessions serve all of them. They are synchronised one after the other, never at
 * once.
 *
 * Ownership: settings and all they point to are the caller's and must outlive the call, of channel_open() the open channel. Stores are
 * opened through their sessions and not freed; their last channel must be closed before they are.
 */
#ifndef SYNC_CHANNEL_H
#define SYNC_CHANNEL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "state/base/buf.h"
#include "state/base/err.h"
#include "state/model/side.h"
#include "state/state.h"
#include "sync/mbsync/find.h"
#include "sync/plan/plan.h"
#include "sync/plan/policy.h"
#include "sync/store/store.h"

struct channel_names { const char *const *at; size_t n; };

/* What a run is for. */
enum channel_purpose {
	CHANNEL_SYNC,
	CHANNEL_IMPORT,			/* mbsync's state is taken over, and nothing is synchronised */
	CHANNEL_EXPORT,			/* it is written, and nothing is synchronised */
};

struct channel {
	const char *name;
	const char *command;		/* as it was typed, in hints: "mailtwin -c FILE"; NULL = "mailtwin" */
	struct store *store[SIDES];
	/* With patterns: a prefix of mailbox names ("" or "Work/"), stripped before matching. Without: the one mailbox ("" = INBOX). */
	const char *box[SIDES];
	struct channel_names patterns;
	unsigned role;			/* Role: a set of enum role (sync/pair/roles.h) */
	struct channel_names only;	/* mailboxes named on the command line; n = 0: all */
	struct channel_names allow_delete, restore;	/* mailboxes; "*" = every one */
	struct policy policy;
	bool copy_arrival_date;		/* CopyArrivalDate, or both stores IMAP */
	uint64_t buffer_limit;		/* BufferLimit: what one batch may carry; 0 = 10 MB */
	size_t slice;			/* messages planned at once, where slices may be; 0 = 5000 */
	uint64_t max_transfer;		/* octets of bodies this run may carry; 0 = no limit */
	struct mbsync_place mbsync;	/* where mbsync would keep its state of this channel */
	bool is_adopting;		/* ... which is not looked at: equal messages are paired */
	bool renames_utf7;		/* directories that are named in modified UTF-7 are given their names */
	enum channel_purpose purpose;
	struct state_place state;
	struct state *open_state;	/* tests: used instead of `state`, not closed. NULL = none */
	bool is_dry;			/* plan only: nothing is written anywhere */
	bool is_inline;			/* no threads: jobs run one after the other in the caller's (simulation) */
	uint64_t (*pick)(void *ctx, uint64_t n);	/* is_inline: which of n waiting jobs runs next; NULL = the first */
	void *pick_ctx;
	int64_t now;			/* seconds since 1970; of an open channel: channel_sync() says it */
	uint64_t names;			/* so many messages are named of each kind of act in a mailbox (struct run_act); 0 = no act is told */
	int64_t nag;			/* seconds after which a failure has lasted (struct channel_report); 0 = it is not asked */
	const atomic_int *cancel;	/* not NULL and set: stop at the next safe point */
};

/* What is happening, for progress lines. Called from the caller's thread only. Messages and octets count as they are carried. */
struct run_progress {
	size_t boxes, boxes_done;		/* 0: they are being listed */
	size_t boxes_unread;			/* whose changes are being asked for */
	uint64_t heard;				/* messages listed in answer to that */
	uint64_t messages, messages_done;	/* operations on messages to be done, as far as is known, and done */
	uint64_t bytes, bytes_done;		/* of bodies, likewise; `bytes` as listed, 0 = not known */
};
/* One thing done, or dry: that would be. */
struct run_act {
	enum side side;
	const char *box, *what;		/* copy, move, flags, expunge; of a mailbox: create, remove, rename */
	const char *to;			/* move, a copy within the side, rename; else NULL */
	const char *changes;		/* flags: "+S -F"; else "" */
	const char *why;
	bool is_held;
	struct message_words words;	/* place NULL = it is not about a message, or nothing is known of it */
};

struct side_counts {
	uint64_t added, flagged, trashed, expunged, moved, cloned;
	uint64_t kept, unmarked;	/* of those expunged: in a trash; they were not marked deleted before */
};

/* A mailbox in which something was done, or would be. */
struct run_changed {
	const char *box;
	struct side_counts side[SIDES];
	bool is_created[SIDES], is_removed[SIDES];
};
struct run_events {
	/* A finding worth a line; box NULL = the channel. Errors also end up in the report. */
	void (*note)(void *ctx, enum note_level level, const char *channel, const char *box, const char *text);
	void (*progress)(void *ctx, const struct run_progress *p);	/* a few times a second, too; NULL = nobody looks on */
	/* channel.names; NULL = nobody listens. */
	void (*act)(void *ctx, const struct run_act *a);
	void (*changed)(void *ctx, const struct run_changed *c);
	void *ctx;
};

/* A mailbox that was removed because it had been on the other side. Dry: that would be. */
struct report_removed { enum side side; const char *box; uint64_t messages; };

struct report_error {
	enum err_class class;
	const char *box;		/* NULL = the channel */
	const char *text;
};

struct channel_report {
	struct arena arena;
	struct side_counts side[SIDES];	/* changes made on that side; dry: that would be made */
	uint64_t paired;		/* adopted: twins found, nothing copied */
	uint64_t boxes, failed, held;
	uint64_t refused;		/* dry: messages that were refused for good, and are not in the plan */
	uint64_t bytes;			/* of bodies carried */
	uint64_t sent;			/* messages that went out of an outbox; dry: would go */
	bool is_changed[SIDES];		/* something was written on that side */
	bool hit_max_transfer;
	bool is_lasting;		/* channel.nag: it has failed for that long, and that was not said for that long; or nobody knows */
	VEC(struct report_removed) removed;	/* what was in them is counted as expunged, too */
	VEC(struct report_error) errors;	/* each thing named once */
	struct buf plan_text;		/* is_dry: plan_explain() of the whole plan */
};
void report_release(struct channel_report *r);

/* 0: ran to its end (errors of messages and mailboxes are in the report); -1: it could not (also in *e).
 * A cancelled run is -1 with ERR_CANCELLED and settled. */
int channel_run(const struct channel *set, const struct run_events *ev, struct channel_report *report_r,
    struct err *e);

struct open_channel;
/* Takes the state's lock, and keeps it. No session is opened yet. */
int channel_open(const struct channel *set, struct open_channel **c_r, struct err *e);
/* news: mailboxes (as the channel calls them, each once) in which something may have changed: no others are looked at, and they are left
 * as they are. More are where that says too little: one of them is new, missing or another one now, or deletions follow from what they
 * show, which may be moves. NULL = all. Else as channel_run(). After -1 it may be called again. */
int channel_sync(struct open_channel *c, int64_t now, const struct channel_names *news, const struct run_events *ev,
    struct channel_report *report_r, struct err *e);
/* Closes the sessions as well, unless another open channel has their store. */
void channel_close(struct open_channel **c);

/* The mailboxes of the channel, in order: `mailtwin list`. */
struct channel_box { const char *name, *far, *near; bool on[SIDES]; };
/* ev->note hears what was refused for good, and is not tried again; NULL = nobody asks. */
int channel_list(const struct channel *set, const struct run_events *ev, struct arena *a, struct channel_box **boxes_r, size_t *n_r,
    struct err *e);

#endif
