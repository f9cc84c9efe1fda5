/* One channel, synchronised once: the entry point of the engine.
 *
 * Use: fill a struct channel, channel_run(), look at the report, report_release().
 *
 * Ownership: settings and all they point to are the caller's and must outlive the call. Stores are
 * opened through their sessions and not freed.
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
	int64_t now;			/* seconds since 1970 */
	const atomic_int *cancel;	/* not NULL and set: stop at the next safe point */
};

/* What is happening, for progress lines. Called from the caller's thread only. */
struct run_progress {
	size_t boxes, boxes_done;
	uint64_t messages, messages_done;	/* operations on messages planned and done */
	uint64_t bytes_done;
};
struct run_events {
	/* A finding worth a line; box NULL = the channel. Errors also end up in the report. */
	void (*note)(void *ctx, enum note_level level, const char *channel, const char *box, const char *text);
	void (*progress)(void *ctx, const struct run_progress *p);
	void *ctx;
};

struct side_counts { uint64_t added, flagged, trashed, expunged, moved, cloned; };

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
	bool is_changed[SIDES];		/* something was written on that side */
	bool hit_max_transfer;
	VEC(struct report_removed) removed;	/* what was in them is counted as expunged, too */
	VEC(struct report_error) errors;	/* each thing named once */
	struct buf plan_text;		/* is_dry: plan_explain() of the whole plan */
};
void report_release(struct channel_report *r);

/* 0: ran to its end (errors of messages and mailboxes are in the report); -1: it could not (also in *e).
 * A cancelled run is -1 with ERR_CANCELLED and settled. */
int channel_run(const struct channel *set, const struct run_events *ev, struct channel_report *report_r,
    struct err *e);

/* The mailboxes of the channel, in order: `mailtwin list`. */
struct channel_box { const char *name, *far, *near; bool on[SIDES]; };
/* ev->note hears what was refused for good, and is not tried again; NULL = nobody asks. */
int channel_list(const struct channel *set, const struct run_events *ev, struct arena *a, struct channel_box **boxes_r, size_t *n_r,
    struct err *e);

#endif
