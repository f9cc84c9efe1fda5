#include "cmd/run.h"

#include <stdlib.h>
#include <string.h>

#include "cmd/interrupt.h"
#include "cmd/overlap.h"
#include "cmd/shell.h"

static int
usage(struct app *app, const char *text)
{
	struct err e;

	err_class(&e, ERR_RUN, ERR_USAGE, ERR_NEVER, "%s", text);
	app_fail(app, &e);
	return -1;
}

static int
find_targets(struct run_set *set, bool takes_none)
{
	struct app *app = set->app;
	const struct options *o = &app->options;
	struct err e;

	if (o->is_all && o->args.n != 0)
		return usage(app, "-a means all channels: no channel can be named beside it");
	if (!o->is_all && o->args.n == 0 && !takes_none)
		return usage(app, "no channel is named; -a means all of them, `mailtwin help` explains more");
	if (o->args.n == 0)
		targets_add_all(&set->targets, app->settings);
	for (size_t i = 0; i < o->args.n; i++) {
		if (targets_add(&set->targets, app->settings, o->args.at[i],
		    o->is_mbsync ? NULL : app->names, &e) < 0) {
			app_fail(app, &e);
			return -1;
		}
	}
	return set->targets.all.n != 0 ? 0 : usage(app, "the configuration has no channel");
}

/* Lays the operations of the command line over each channel's own, in a copy. */
static int
apply_options(struct run_set *set)
{
	struct channel_settings *copy;
	const char *why, *name;
	struct err e;

	for (size_t i = 0; i < set->targets.all.n; i++) {
		copy = arena_alloc(&set->arena, sizeof *copy);
		*copy = *set->targets.all.at[i].channel;
		why = ops_apply(&set->app->options.ops, copy, &name);
		if (why != NULL) {
			err_class(&e, ERR_RUN, ERR_USAGE, ERR_NEVER, "channel %s: %s, with the options over it, %s",
			    copy->name, name, why);
			app_fail(set->app, &e);
			return -1;
		}
		set->targets.all.at[i].channel = copy;
	}
	return 0;
}

static void
fetch_secrets(struct run_set *set)
{
	const struct channel_settings *c;

	for (size_t i = 0; i < set->targets.all.n; i++) {
		c = set->targets.all.at[i].channel;
		for (int s = 0; s < SIDES && *interrupt_flag() == 0; s++)
			if (c->store[s]->account != NULL)
				secrets_fetch(&set->secrets, c->store[s]->account, RUN_SECRET_LIMIT, interrupt_flag());
	}
}

static int
check_secrets(const struct run_set *set, const struct target *t, struct err *e)
{
	const struct store_settings *store;
	const struct secret *secret;

	for (int s = 0; s < SIDES; s++) {
		store = t->channel->store[s];
		if (store->account == NULL)
			continue;
		secret = secret_of(&set->secrets, store->account);
		if (secret == NULL)
			return err_class(e, ERR_RUN, ERR_CANCELLED, ERR_LATER, "stopped on request");
		if (secret->status < 0) {
			*e = secret->err;
			return -1;
		}
	}
	return 0;
}

int
run_channel(struct run_set *set, const struct target *t, struct channel *channel_r, struct err *e)
{
	return check_secrets(set, t, e) < 0 ? -1 : engine_channel(&set->engine, t, channel_r, e);
}

/* Channels of this run that meet others of the configuration, which may run at another time, where they must not. */
static int
check_overlaps(struct run_set *set)
{
	const struct settings *s = set->app->settings;
	const struct channel_settings *channel;
	struct err e;
	int rc = 0;

	for (size_t i = 0; i < s->n_channels; i++)
		for (size_t k = i + 1; k < s->n_channels; k++) {
			channel = NULL;
			for (size_t t = 0; t < set->targets.all.n && channel == NULL; t++)
				if (set->targets.all.at[t].channel == s->channels[i] || set->targets.all.at[t].channel == s->channels[k])
					channel = set->targets.all.at[t].channel;
			if (channel != NULL && overlap_check(s->channels[i], s->channels[k], &e) < 0) {
				app_fail(set->app, &e);
				rc = -1;
			}
		}
	return rc;
}

int
run_begin(struct run_set *set, struct app *app, bool takes_none)
{
	*set = (struct run_set){ .app = app };
	engine_init(&set->engine, app, &set->secrets);
	if (app_configure(app) < 0 || find_targets(set, takes_none) < 0 ||
	    (!takes_none && check_overlaps(set) < 0) || apply_options(set) < 0)
		return -1;
	interrupt_install();
	fetch_secrets(set);
	return 0;
}

void
run_end(struct run_set *set)
{
	engine_release(&set->engine);
	secrets_release(&set->secrets);
	targets_release(&set->targets);
	arena_release(&set->arena);
}

int
run_post_sync(const struct run_set *set, const struct channel_settings *c, const struct channel_report *r,
    struct err *e)
{
	const char *env[3] = { NULL, NULL, NULL };
	struct shell sh = { .what = "PostSync", .command = c->post_sync, .has_terminal = true,
		.is_quiet = set->app->options.is_json, .env = env, .cancel = interrupt_flag() };
	struct arena arena = { 0 };
	int rc;

	if (c->post_sync == NULL || !(r->is_changed[FAR] || r->is_changed[NEAR]))
		return 0;
	env[0] = arena_printf(&arena, "MAILTWIN_CHANNEL=%s", c->name);
	env[1] = arena_printf(&arena, "MAILTWIN_CHANGED=%s", !r->is_changed[NEAR] ? "far" :
	    !r->is_changed[FAR] ? "near" : "far near");
	rc = shell_run(&sh, NULL, 0, e);
	arena_release(&arena);
	return rc;
}
