/* mailtwin sync, and plan, which is sync with a dry run: the channels one after the other. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/command.h"
#include "cmd/engine.h"
#include "cmd/interrupt.h"
#include "cmd/pair_lock.h"
#include "cmd/run.h"
#include "cmd/tell.h"

static void
run_channel(struct run_set *set, struct tell *t, const struct target *target)
{
	struct channel_report report = { 0 };
	struct channel channel;
	struct err e;
	int rc, lock = -1;

	tell_channel(t, target->channel->name);
	if (run_secrets(set, target, &e) < 0 || engine_channel(&set->engine, target, &channel, &e) < 0 ||
	    (!channel.is_dry && pair_lock_take(target->channel, &lock, &e) < 0)) {
		tell_channel_end(t, &report, -1, &e);
		return;
	}
	rc = channel_run(&channel, tell_events(t), &report, &e);
	if (lock >= 0)
		close(lock);
	tell_channel_end(t, &report, rc, &e);
	if (!channel.is_dry && *interrupt_flag() == 0 &&
	    run_post_sync(set, target->channel, &report, &e) < 0)
		tell_error(t, &e);
	report_release(&report);
}

void
sync_run(struct app *app)
{
	struct run_set set;
	struct tell t;

	if (run_begin(&set, app, false) == 0) {
		command_check_mode(app);
		tell_init(&t, app, set.targets.all.n);
		for (size_t i = 0; i < set.targets.all.n && *interrupt_flag() == 0; i++)
			run_channel(&set, &t, &set.targets.all.at[i]);
		tell_end(&t);
	}
	run_end(&set);
}
