/* Finds the one message or mailbox at which sessions end, so that it keeps nothing else back.
 *
 * Work is done in batches, and a session that is lost takes along what was under way in it. Nobody knows then which message was the cause,
 * or whether the network failed. So all that was under way is suspected and tried again, from the second loss on in ever smaller parts,
 * until what ends sessions stands alone and has ended enough of them. That is the culprit: it is named, and not tried any more in this run.
 * Each later run tries it once, after all others (record_trouble).
 *
 *   under way --lost--> suspected, tried again --lost--> split --lost--> ... alone --lost--> culprit
 *                       any of them --done--> innocent; all of a group innocent: the network fails, and more is asked for
 *
 * Use: isolate_recall() for what earlier runs found; isolate_most() before a batch is filled; isolate_lost() when its session was
 * lost, isolate_done() for each that was done; isolate_is_culprit().
 *
 * Must hold:
 *   1. The sessions lost on a side in one run are few: LOSSES_IDLE without anything being done in between, LOSSES_MOST in all, LOSSES_OPENING
 *      where none could be opened. Then the side is given up: what is left waits for the next run.
 *   2. Nobody is a culprit whose last loss was not alone.
 */
#ifndef SYNC_ENV_ISOLATE_H
#define SYNC_ENV_ISOLATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "state/base/err.h"
#include "state/base/vec.h"
#include "state/model/side.h"

/* What is done with a message (id: of its record) or a mailbox (id: index into env.boxes). */
enum isolate_work { WORK_COPY, WORK_CHANGE, WORK_MOVE, WORK_IDENTIFY, WORK_BOX, WORK_DELTA };

struct isolate_item {
	enum isolate_work work;
	enum side side;			/* acted on; of what is read, where */
	uint64_t id;
};

enum suspicion { SUSPECTED, INNOCENT, CULPRIT };

struct suspect {
	struct isolate_item item;
	enum suspicion suspicion;
	bool is_recalled;		/* an earlier run found it */
	unsigned losses;		/* in this run */
	size_t most;			/* so many of its group at once; 0 = as many as may be */
	uint32_t group;			/* index of groups: those lost with it the last time */
};

/* Those whose session was lost together. */
struct lost_group {
	enum side lost;
	size_t left;			/* that are suspected still, and of no later group */
	bool is_followed;		/* some were lost again */
};

struct isolate {
	VEC(struct suspect) suspects;
	uint32_t *table;		/* by item: index of suspects + 1, 0 = free */
	size_t room;
	VEC(struct lost_group) groups;
	struct { unsigned all, idle, opening, random; bool is_given_up; } side[SIDES];
};

void isolate_release(struct isolate *x);
void isolate_recall(struct isolate *x, struct isolate_item item);
/* How many may share a batch with it, 0 = as many as may be; those of the same *group_r only (UINT32_MAX = not suspected). */
size_t isolate_most(const struct isolate *x, struct isolate_item item, uint32_t *group_r);
bool isolate_is_culprit(const struct isolate *x, struct isolate_item item);
/* A session with side `lost` ended while these were under way; n = 0: it could not be opened. False: the side is given up. */
bool isolate_lost(struct isolate *x, enum side lost, const struct isolate_item *items, size_t n, const struct err *why);
void isolate_give_up(struct isolate *x, enum side lost);
bool isolate_is_given_up(const struct isolate *x, enum side s);
/* How long to wait before the next session is opened, in milliseconds. */
unsigned isolate_pause(const struct isolate *x, enum side lost);
/* It was done. True: it was suspected, and is no more. */
bool isolate_done(struct isolate *x, struct isolate_item item);

#endif
