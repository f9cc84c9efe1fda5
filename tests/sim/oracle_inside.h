/* What the oracle knows: shared by oracle.c, which is told what happens, and settled.c, which judges where it ends. */
#ifndef TESTS_SIM_ORACLE_INSIDE_H
#define TESTS_SIM_ORACLE_INSIDE_H

#include "tests/sim/oracle.h"

/* One serial in one mailbox. Arrays are by side; what is not `ever_` counts from the last settlement. */
struct cell {
	int count[2];			/* there now */
	int agreed;			/* on both sides at the last settlement */
	int limit;			/* O2: no side may show more */
	int most;			/* O7: what the richer side had when the settlement began */
	int added[2], added_both;	/* by people */
	int removed[2], marked[2];	/* by people */
	int ever_rekeyed[2];		/* by people: counts where something went wrong */
	int several[2];			/* removed by people, while others are there */
	int ours[2];			/* removed or marked by the program */
	int ever_removed[2], ever_marked[2], ever_ours[2];
	bool is_loose, is_lied;
	bool is_shared;			/* with equals of it, this window */
	bool was[2];			/* there at some time of this window */
	uint32_t base;			/* flags at the last settlement, or as put */
	uint32_t touched[2], last[2];	/* which flags people changed, and to what */
	uint32_t twice;			/* changed more than once */
	uint32_t unseen;		/* taken off before the program had seen them */
};

struct box {
	int removed[2];			/* by a person, this window */
	int left[2];			/* by a rename of theirs, this window */
	bool is_busy[2];		/* anything else happened there, this window */
	bool is_stuck;			/* holds what a store refuses: it is not removed with that */
	bool is_loose;			/* removed or made again: nothing is demanded of its being there */
	bool was_there[2];		/* at the last settlement */
	bool is_blank[2];		/* the program may know nothing of what was there */
};

/* One serial anywhere, this window. */
struct mail {
	int put[2], gone[2], marked[2];	/* by people */
	int rekeyed[2];			/* by people */
	int made[2], made_both;		/* by people: no message that was there is it under another key, or in another mailbox */
	int dropped[2];			/* by people: and not put elsewhere */
	unsigned put_in[2], gone_from[2];	/* mailboxes, as bits */
	bool seems_moved;		/* it was out of sight while its equal was put elsewhere: a move to the program, should it be shown again or not */
	unsigned new_in[2], new_from[2];	/* the same, since a run that was to look at all mailboxes */
	bool is_half_seen;		/* moved, and a run has looked at the mailbox that it is in now alone */
	unsigned ours_from[2];
	int ours[2];
	bool is_delivered[2];		/* by the program */
	bool is_taken_on;		/* by a person: the program need not know that it had delivered it (R11) */
	bool is_ours_moved[2];
	int ours_moved[2];		/* not counting copies */
	bool is_carried;		/* along with a mailbox that the program renamed */
	int late[2];			/* put by people where a name may be another's twin on the other side */
	int total[2];			/* in the mailboxes that are compared, when the settlement began */
};

struct oracle {
	struct cell cell[ORACLE_BOXES][ORACLE_SERIALS];
	struct mail mail[ORACLE_SERIALS];
	struct box box[ORACLE_BOXES];
	int serials;			/* one more than the largest seen */
	enum oracle_level level;
	int renames;			/* of mailboxes, by people, ever */
	bool has_renames;		/* names on the two sides may differ: since the last settlement that ended well */
	bool has_run;			/* in this window, before the settlement */
	int trashed[ORACLE_SERIALS][2], expunged[ORACLE_SERIALS][2];	/* ever: where there is a trash */
	int kept[ORACLE_SERIALS][2];	/* ever: on their way into it when it turned out that they are to stay */
	bool has_faults;		/* something else than the end of the program went wrong, ever */
	bool is_limited[2];		/* that side need not have all that the other has */
	bool is_sent_unread;
	bool is_inexact;		/* O11 does not hold: since a settlement that left no doubt */
	char finding[300];
};

/* The side that has all, if one need not. */
static inline int
oracle_full(const struct oracle *o)
{
	return o->is_limited[0];
}

/* Where a move broke off, or out of a mailbox that has lost its name to another in a run that may remove nothing, what would be moved is
 * copied: with the flags of the moment. */
static inline bool
oracle_may_copy(const struct oracle *o)
{
	return o->level >= ORACLE_DISTURBED || (o->has_renames && o->is_inexact);
}

/* The first finding stays. */
void oracle_find(struct oracle *o, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Put into one mailbox and gone from another, as bits. */
bool oracle_is_between(unsigned in, unsigned from);
bool oracle_is_astray(const struct oracle *o, int serial);
bool oracle_is_moved(const struct oracle *o, int serial);	/* or filed differently, by anybody, for any reason */
/* Those that got another key on a side, where that may be seen as one that came and one that went; else 0. */
int oracle_rekeyed_as_two(const struct oracle *o, int serial, int side);
bool oracle_is_torn(const struct oracle *o, int serial);
int oracle_twice(const struct oracle *o, int serial);	/* how many of it may be two, where names differ */

#endif
