/* Expiry (P18): a mailbox keeps only so many messages on one side (struct limit), the newest, and what is important.
 *
 * The order is that of the messages on the other side, which has them all: of their UIDs, or, in a store without, the one in which they
 * came to be known. Counted are those that are on both sides, or on their way, and not \Deleted: from the newest on, as many as the limit
 * says are within. Where the limit is one of age, so is what arrived on the other side later than that (its SAVEDATE or INTERNALDATE, the time of its
 * file), or nobody knows when: a date that was not asked for yet comes with the next full list. Important is what is \Flagged, and, unless ExpireUnread is yes, what is not \Seen.
 *
 * What is beyond the limit is EXPIRED in the base before it goes, and stays so: that is what was let go, and all there is to know of it.
 *
 * Use: expire_standing() and expire_order() of all that may count, by whoever has the whole mailbox before him (sync/match/limits.c); the
 * planner gets the place from which on messages are within (plan_box.limit).
 */
#ifndef SYNC_PLAN_EXPIRE_H
#define SYNC_PLAN_EXPIRE_H

#include "sync/plan/plan.h"

enum standing {
	STANDING_NONE,			/* it does not count */
	STANDING_PAIR,			/* on both sides */
	STANDING_COMING,		/* to be copied to the side that has the limit */
	STANDING_LEAVING,		/* to be copied to the other, where it will be the newest: it counts once it is there */
};

/* There is a limit, and Sync lets something be done on its side. */
bool expire_is_on(const struct policy *policy);
enum standing expire_standing(const struct policy *policy, const struct record *rec, const struct flag_mask mask[SIDES]);
/* By what it will show once both sides agree. Unread: and not flagged. may_flag: where flags may go; what they may not reach keeps its own. */
bool expire_is_unread(const struct record *rec, const struct flag_mask mask[SIDES]);
bool expire_is_important(const struct policy *policy, const struct record *rec, const struct flag_mask mask[SIDES], const bool may_flag[SIDES]);
/* Its place in the order of the mailbox. */
uint64_t expire_order(const struct policy *policy, const struct record *rec, bool is_by_uid);
/* When it arrived on the side that has them all, seconds since 1970; 0 = not known. */
int64_t expire_date(const struct policy *policy, const struct record *rec);
bool expire_is_old(const struct policy *policy, const struct record *rec);
bool expire_is_beyond(const struct policy *policy, const struct record *rec, const struct plan_limit *limit);

#endif
