/* What the commands that work on channels have in common: which channels, with which operations,
 * their secrets, and what follows a channel.
 *
 * How it is used: run_begin(), whose order is: configuration, channels and options checked, secrets asked for; then per
 * channel run_secrets() and engine_channel(); run_end() in any case.
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
	struct engine engine;
	struct arena arena;
};

/* -1: told. takes_none: no argument means all channels. */
int run_begin(struct run_set *set, struct app *app, bool takes_none);
void run_end(struct run_set *set);

/* -1 if a secret that this channel needs was not to be had. */
int run_secrets(const struct run_set *set, const struct target *t, struct err *e);

/* PostSync, if there is one and a side was changed; the lock is free by now. The command finds the
 * channel in MAILTWIN_CHANNEL and the sides ("far", "near", "far near") in MAILTWIN_CHANGED. */
int run_post_sync(const struct run_set *set, const struct channel_settings *c, const struct channel_report *r,
    struct err *e);

#endif
