/* How a channel stands, from its state and its lock file alone: for `mailtwin status`. Nothing is asked and nothing written. */
#ifndef CMD_STATUS_FIND_H
#define CMD_STATUS_FIND_H

#include "cmd/on_disk.h"
#include "state/lock.h"
#include "sync/channel_end.h"

enum matter_kind {
	MATTER_ERROR,			/* what the last run said */
	MATTER_HELD,			/* deletions that wait for a person */
	MATTER_REFUSED,			/* messages that a side does not take */
	MATTER_STUCK,			/* messages at which sessions end, or that are listed and not given */
	MATTER_PENDING,			/* what the next run does */
	MATTER_LEFT_OUT,		/* messages that no run does anything with, as the configuration or an earlier program has it */
};

enum matter_need { NEED_NOTHING, NEED_RUN, NEED_PERSON };

struct matter_message { struct on_disk file; uint32_t uid; };	/* uid 0 = it has none there */

/* One thing that is not as it is to be in the end. */
struct matter {
	enum matter_kind kind;
	enum matter_need need;
	const char *box;		/* NULL = the channel */
	const char *text;
	uint64_t n;			/* messages; 0 = it is not about messages */
	/* What to do: options for the command, and what that does; NULL = there is none. */
	struct { const char *options, *effect; bool is_for_box; } remedy[2];
	VEC(struct matter_message) messages;	/* some of them */
};

struct standing {
	struct arena arena;
	struct lock_seen lock;
	struct channel_end end;
	bool has_state;			/* a run has come as far as that */
	bool was_stopped;		/* the last run was killed, or the machine was */
	VEC(struct matter) matters;
};
void standing_release(struct standing *st);

/* As for channel_run(), with the stores on the disk alone. most: messages that are named of each matter. now: seconds since 1970; nag: what has
 * failed for so long needs a person, whatever it is. */
int standing_find(const struct channel *channel, size_t most, int64_t now, int64_t nag, struct standing *st, struct err *e);

/* Something needs a person. */
bool standing_needs_person(const struct standing *st);

#endif
