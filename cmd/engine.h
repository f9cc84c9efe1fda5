/* From settings to what the engine takes: stores, and the struct channel of one run.
 *
 * How it is used: engine_init(), engine_channel() for each channel, then channel_run() or
 * channel_list() on what it filled; engine_release() when the last one is done.
 *
 * What must always hold:
 *   1. One store per configured store and run, shared by the channels that use it one after the other:
 *      what it learnt (a refused login) is not asked for again. Only where two channels want different
 *      arrival dates of one Maildir it is made twice.
 *   2. Nothing is opened or written here.
 */
#ifndef CMD_ENGINE_H
#define CMD_ENGINE_H

#include <pthread.h>

#include "cmd/app.h"
#include "cmd/secret.h"
#include "cmd/targets.h"
#include "state/base/mem.h"
#include "state/base/vec.h"
#include "sync/channel.h"

struct engine_store {
	const struct store_settings *settings;
	bool copy_arrival_date;
	struct store *store;
	struct net_wait *wait;		/* its server's; NULL = it has none */
};

struct engine {
	struct app *app;		/* borrowed, configured */
	const struct secrets *secrets;	/* borrowed */
	VEC(struct engine_store) stores;
	struct arena arena;
	pthread_mutex_t lock;		/* alerts: sessions of several threads hear them */
	VEC(char *) alerts;		/* told in this run */
};

void engine_init(struct engine *en, struct app *app, const struct secrets *secrets);
void engine_release(struct engine *en);

/* The engine's; -1 if it cannot be as configured. The secrets of an account must be there. */
int engine_store(struct engine *en, const struct store_settings *s, bool copy_arrival_date, struct store **store_r,
    struct err *e);

/* The server that has kept its connections waiting longest, and for how long; NULL = none does. From any thread. */
const char *engine_awaited(const struct engine *en, unsigned *seconds_r);

/* The same with the stores alone that are on the disk; the others are NULL, and no secret is needed. */
int engine_channel_on_disk(struct engine *en, const struct target *t, struct channel *set_r, struct err *e);

/* Fills *set_r; what it points to is the engine's, the settings' or the target's. */
int engine_channel(struct engine *en, const struct target *t, struct channel *set_r, struct err *e);

#endif
