/* What the configuration allows, as plain data: the planner's and the guards' view of a channel. */
#ifndef SYNC_PLAN_POLICY_H
#define SYNC_PLAN_POLICY_H

#include <stdbool.h>
#include <stdint.h>

#include "state/model/side.h"
#include "sync/plan/source.h"
#include "sync/plan/window.h"

/* mbsync's Sync types. Directions are by target: sync[NEAR] is what Pull may do. */
enum sync_type {
	SYNC_NEW = 1 << 0,
	SYNC_OLD = 1 << 1,		/* retry what was skipped or refused earlier */
	SYNC_UPGRADE = 1 << 2,
	SYNC_GONE = 1 << 3,
	SYNC_FLAGS = 1 << 4,
};

/* How many deletions one run may carry from one side to the other without being asked (R21 guards). */
enum max_delete_kind {
	MAX_DELETE_DEFAULT,		/* more than half with a floor of 20, or more than 500 */
	MAX_DELETE_COUNT,		/* more than n */
	MAX_DELETE_PERCENT,		/* more than n percent, with a floor of 20 */
	MAX_DELETE_NONE,		/* no limit; the guard against empty stores stays */
};
struct max_delete { enum max_delete_kind kind; uint64_t n; };

enum { GUARD_FLOOR = 20, GUARD_MOST = 500 };

/* Where a store keeps what is expunged in it (P17). */
struct trash {
	const char *name;		/* as the store calls the mailbox; NULL = none */
	bool new_only;			/* only what the other side never had */
	bool remote_new;		/* and of the other side's, which has no trash, what this side never had */
};

/* Which messages of a mailbox stay on one side: so many, and none that arrived before (P18; mbsync's MaxMessages, ExpireSide and ExpireUnread, and
 * MaxAge). */
enum expire_unread {
	EXPIRE_UNREAD_UNSET,		/* they stay; where they are many, a person is to say so */
	EXPIRE_UNREAD_NO,
	EXPIRE_UNREAD_YES,
};
struct limit {
	uint64_t max;			/* 0 = any number */
	enum side side;
	enum expire_unread unread;
	unsigned days;			/* 0 = any age */
	int64_t before;			/* that many days ago, seconds since 1970: filled in with the input (sync/match/input.c); 0 = any age */
};

static inline bool
limit_is_on(const struct limit *l)
{
	return l->max != 0 || l->days != 0;
}

/* Of what is on side s it must be known when it arrived there. */
static inline bool
limit_needs_dates(const struct limit *l, enum side s)
{
	return l->days != 0 && s != l->side;
}

struct policy {
	unsigned sync[SIDES];		/* enum sync_type, by target side */
	bool create[SIDES], remove[SIDES], expunge[SIDES];
	bool expunge_solo[SIDES];	/* what is \Deleted and has no twin on the other side is expunged; not beside expunge */
	bool read_only[SIDES];	/* nothing is ever planned against this side */
	bool retry_failed;		/* --retry-failed */
	bool says_full;			/* Sync Full or All was said: mbsync's program, not its manual, takes that for Old as well */
	struct max_delete max_delete;
	struct trash trash[SIDES];
	struct limit limit;
	uint64_t max_size[SIDES];	/* octets; larger messages are copied there as placeholders (P21); 0 = all sizes */
	struct window window[SIDES];	/* what the store of that side shows */
	struct source source[SIDES];	/* `is` and `before` are filled in with the input (sync/match/input.c) */
};

/* What is \Deleted on side s is expunged there, once it has no twin on the other. */
static inline bool
policy_expunges_single(const struct policy *p, enum side s)
{
	return p->expunge[s] || p->expunge_solo[s];
}

#endif
