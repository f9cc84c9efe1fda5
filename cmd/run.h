/* What the commands that work on channels have in common: which channels, with which operations,
 * their secrets, and what follows a channel.
 *
 * How it is used: run_begin(), whose order is: configuration, channels and options checked, secrets asked for; then
 * workers_run() (cmd/workers.h), in whose processes run_channel() makes a target what the engine takes; run_end() in any case.
 */
#ifndef CMD_RUN_H
#define CMD_RUN_H

#include "cmd/app.h"
#include "cmd/engine.h"
#include "cmd/secret.h"
#include "cmd/targets.h"
#include "sync/channel.h"

enum { RUN_SECRET_LIMIT = 60 };	/* seconds for a PassCmd without a terminal */

struct run_set {
	struct app *app;
	struct targets targets;		/* their channels are copies, with the options laid over them */
	struct secrets secrets;
	struct engine engine;		/* of a worker: the parent opens no store */
	struct arena arena;
};

enum run_targets {
	RUN_NAMED,			/* those of the arguments, or -a */
	RUN_ALL_UNLESS_NAMED,
	RUN_TO_CHECK,			/* the same, with outboxes and accounts that no channel has; whatever is wrong with them is the caller's to tell */
};

/* -1: told. */
int run_begin(struct run_set *set, struct app *app, enum run_targets which);
void run_end(struct run_set *set);

/* In a worker. -1 if the channel cannot be as configured, or a secret that it needs was not to be had. */
int run_channel(struct run_set *set, const struct target *t, struct channel *channel_r, struct err *e);

/* What went wrong with a target as a whole, under its channel's name. */
void run_tell_lost(struct run_set *set, size_t target, const struct err *e);

/* PostSync, if there is one and a side was changed; the lock is free by now. The command finds the
 * channel in MAILTWIN_CHANNEL and the sides ("far", "near", "far near") in MAILTWIN_CHANGED. */
int run_post_sync(const struct run_set *set, const struct channel_settings *c, const struct channel_report *r,
    struct err *e);

#endif
