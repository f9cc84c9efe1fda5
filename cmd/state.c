/* mailtwin state dump|load: a channel's base as text, and back. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

static int
load(struct state *state, const char *file, struct err *e)
{
	FILE *in = file != NULL ? fopen(file, "re") : stdin;
	int rc;

	if (in == NULL)
		return err_sys(e, ERR_RUN, errno, "cannot read %s", file);
	rc = state_load(state, in, file != NULL ? file : "standard input", e);
	if (file != NULL)
		fclose(in);
	return rc;
}

/* dump CHANNEL | load CHANNEL [FILE] */
static int
work(struct app *app, struct err *e)
{
	const struct options *o = &app->options;
	const bool is_load = o->args.n > 0 && strcmp(o->args.at[0], "load") == 0;
	const struct channel_settings *c;
	struct state_place place;
	struct arena arena = { 0 };
	struct state *state = NULL;
	int rc = -1;

	if (o->args.n == 0 || (!is_load && strcmp(o->args.at[0], "dump") != 0))
		return usage(e, "state is followed by dump or load");
	if (o->args.n < 2 || o->args.n > 2U + is_load)
		return usage(e, is_load ? "state load takes a channel, and a file unless it is to read standard input" :
		    "state dump takes a channel");
	if (app_configure(app) < 0)
		return 0;		/* told */
	c = find_channel(app->settings, o->args.at[1], e);
	if (c == NULL)
		return -1;
	place = (struct state_place){ .channel = c->name, .is_dry = !is_load || o->is_dry,
		.fsync = app->settings->fsync,
		.path = state_place(c, getenv("XDG_STATE_HOME"), app->home, &arena, e) };
	if (place.path != NULL && state_open(&place, &state, e) == 0)
		rc = is_load ? load(state, o->args.n > 2 ? o->args.at[2] : NULL, e) :
		    state_dump(state, stdout, e);
	state_close(&state);
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
