/* What a history is lived through with: two stores, a base, a channel, run after run. */
#ifndef TESTS_SIM_HISTORY_H
#define TESTS_SIM_HISTORY_H

#include "sync/channel.h"
#include "tests/sim/sim.h"

struct history {
	struct sim *sim;
	struct channel set;
	struct db_memory *base, *backup;
	bool stays_open;		/* one process makes run after run, until it ends at a step */
	struct state *state;
	struct open_channel *open;	/* stays_open: of the runs before; NULL = none */
	const char *news[2];		/* stays_open: said to have news in this run */
	size_t n_news;			/* 0 = nothing is said */
	bool is_troubled, has_policies, is_killed;
	bool was_held;			/* a guard held deletions since the last settlement */
	bool is_straight;		/* since the last settlement: full policy, no trouble */
	struct run_progress progress;	/* as last told */
};

/* One run under the policy and with the trouble of the sim. 0, or -1 when the channel said so. */
int history_sync(struct history *h, struct err *e);
/* Everything is to be done. */
void history_full_policy(struct sim *s);
/* A channel that stays open is closed. */
void history_close(struct history *h);

#endif
