/* mailtwin state: a channel's base as text, or set aside. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/apart.h"
#include "cmd/command.h"
#include "cmd/nearest.h"
#include "cmd/state_place.h"
#include "state/dump.h"

static int
usage(struct err *e, const char *text)
{
	return err_class(e, ERR_RUN, ERR_USAGE, ERR_NEVER, "%s", text);
}

static const struct channel_settings *
find_channel(const struct settings *s, const char *name, struct err *e)
{
	const struct channel_settings *c = settings_channel(s, name);
	struct nearest near;
	const char *best;

	if (c != NULL)
		return c;
	nearest_init(&near, name);
	for (size_t i = 0; i < s->n_channels; i++)
		nearest_try(&near, s->channels[i]->name);
	best = nearest_word(&near);
	err_class(e, ERR_RUN, ERR_USAGE, ERR_NEVER, "there is no channel \"%s\"%s%s%s", name,
	    best != NULL ? "; did you mean \"" : "", best != NULL ? best : "", best != NULL ? "\"?" : "");
	return NULL;
}

struct dump { const struct channel_settings *channel; const char *place; };

/* In a process of its own. */
static void
dump(struct app *app, void *ctx)
{
	const struct dump *d = ctx;
	const struct state_place place = { .channel = d->channel->name, .path = d->place, .is_dry = true };
	struct state *state = NULL;
	struct err e;

	if (state_open(&place, &state, &e) < 0 || state_dump(state, stdout, &e) < 0)
		app_fail(app, &e);
	state_close(&state);
}

static int
forget(struct app *app, const struct dump *d, struct err *e)
{
	const struct state_place place = { .channel = d->channel->name, .path = d->place };

	if (app->options.is_dry)
		return usage(e, "state forget has no dry run");
	if (state_forget(&place, e) < 0)
		return -1;
	app_notice(app, "%s is forgotten (%s.mdb.forgotten keeps what was known). The next run pairs what is equal on both sides: nothing is "
	    "deleted and nothing copied twice, but what was deleted on one side only comes back from the other. Where mbsync has had this channel "
	    "before, let that run be `mailtwin --adopt %s`", d->channel->name, d->place, d->channel->name);
	return 0;
}

/* dump CHANNEL, forget CHANNEL */
static int
work(struct app *app, struct err *e)
{
	const struct options *o = &app->options;
	struct arena arena = { 0 };
	struct dump d;
	bool is_dump;
	int rc = 0;

	if (o->args.n == 0 || (!(is_dump = strcmp(o->args.at[0], "dump") == 0) && strcmp(o->args.at[0], "forget") != 0))
		return usage(e, "state is followed by dump or forget and a channel: `mailtwin help state`");
	if (o->args.n != 2)
		return usage(e, is_dump ? "state dump takes one channel" : "state forget takes one channel");
	if (app_configure(app) < 0)
		return 0;		/* told */
	d.channel = find_channel(app->settings, o->args.at[1], e);
	if (d.channel == NULL)
		return -1;
	d.place = state_place(d.channel, getenv("XDG_STATE_HOME"), app->home, &arena, e);
	if (d.place == NULL)
		rc = -1;
	else if (is_dump)
		apart_run(app, d.channel->name, d.place, dump, &d);
	else
		rc = forget(app, &d, e);
	arena_release(&arena);
	return rc;
}

void
state_run(struct app *app)
{
	struct err e;

	if (work(app, &e) < 0)
		app_fail(app, &e);
}
