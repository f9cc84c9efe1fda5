#include "cmd/run.h"

#include <stdlib.h>
#include <string.h>

#include "cmd/interrupt.h"
#include "cmd/outboxes.h"
#include "cmd/overlap.h"
#include "cmd/sending.h"
#include "cmd/shell.h"
#include "sync/store/kinds.h"

static int
usage(struct app *app, const char *text)
{
	struct err e;

	err_class(&e, ERR_RUN, ERR_USAGE, ERR_NEVER, "%s", text);
	app_fail(app, &e);
	return -1;
}

/* Stores with an outbox that no channel has: all of them, or the one of that name. */
static bool
add_outboxes(struct run_set *set, const char *name)
{
	const struct settings *s = set->app->settings;
	struct channel_settings *c;
	bool has_any = false;

	for (size_t i = 0; i < s->n_stores; i++) {
		c = name == NULL || strcmp(s->stores[i]->name, name) == 0 ? outboxes_alone(s, s->stores[i], &set->arena) : NULL;
		if (c == NULL)
			continue;
		vec_push(&set->targets.all, (struct target){ .channel = c });
		has_any = true;
	}
	return has_any;
}

static bool
has_account(const struct run_set *set, const struct account_settings *account)
{
	for (size_t i = 0; i < set->targets.all.n; i++)
		for (int s = 0; s < SIDES; s++)
			if (set->targets.all.at[i].channel->store[s]->account == account)
				return true;
	return false;
}

/* Accounts that no channel has: each by a store that has it, or by one that is made for it. */
static void
add_accounts(struct run_set *set)
{
	const struct settings *s = set->app->settings;
	struct store_settings *store;
	int kind = 0;			/* the one whose accounts have sections of their own */

	while (!store_kinds[kind].may_name_account)
		kind++;
	for (size_t i = 0; i < s->n_stores; i++)
		if (s->stores[i]->account != NULL && !has_account(set, s->stores[i]->account))
			vec_push(&set->targets.all, (struct target){ .channel = settings_alone(s->stores[i], &set->arena) });
	for (size_t i = 0; i < s->n_accounts; i++) {
		if (has_account(set, s->accounts[i]))
			continue;
		store = arena_alloc(&set->arena, sizeof *store);
		*store = (struct store_settings){ .name = s->accounts[i]->name, .kind = (enum settings_store_kind)kind, .account = s->accounts[i],
			.use_namespace = true, .sub_folders = NAMES_IMAP, .outbox.sent_copy = -1 };
		vec_push(&set->targets.all, (struct target){ .channel = settings_alone(store, &set->arena) });
	}
}

static int
find_targets(struct run_set *set, enum run_targets which)
{
	struct app *app = set->app;
	const struct options *o = &app->options;
	const bool takes_none = which != RUN_NAMED;
	const bool sends = which != RUN_ALL_UNLESS_NAMED && o->purpose == CHANNEL_SYNC;
	struct err e;

	if (o->is_all && o->args.n != 0 && !o->is_mbsync)
		return usage(app, "-a means all channels: no channel can be named beside it");
	if (!o->is_all && o->args.n == 0 && !takes_none)
		return usage(app, "no channel is named; -a means all of them, `mailtwin help` explains more");
	if (o->args.n == 0 || o->is_all)
		targets_add_all(&set->targets, app->settings);
	if ((o->args.n == 0 || o->is_all) && sends)
		(void)add_outboxes(set, NULL);
	if ((o->args.n == 0 || o->is_all) && which == RUN_TO_CHECK)
		add_accounts(set);
	/* Beside -a mbsync does not look at them. */
	for (size_t i = 0; i < o->args.n && !o->is_all; i++) {
		if (sends && settings_channel(app->settings, o->args.at[i]) == NULL && add_outboxes(set, o->args.at[i]))
			continue;
		if (targets_add(&set->targets, app->settings, o->args.at[i],
		    o->is_mbsync ? NULL : app->names, &e) < 0) {
			app_fail(app, &e);
			/* mbsync goes on with those that are there. */
			if (!o->is_mbsync)
				return -1;
		}
	}
	if (o->args.n != 0 && set->targets.all.n == 0 && !o->is_all)
		return -1;
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

	for (size_t i = 0; i < set->targets.all.n && !set->app->options.is_offline; i++) {
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
	int got, rc = 0;

	for (size_t i = 0; i < s->n_channels; i++)
		for (size_t k = i + 1; k < s->n_channels; k++) {
			channel = NULL;
			for (size_t t = 0; t < set->targets.all.n && channel == NULL; t++)
				if (set->targets.all.at[t].channel == s->channels[i] || set->targets.all.at[t].channel == s->channels[k])
					channel = set->targets.all.at[t].channel;
			got = channel != NULL ? overlap_check(s->channels[i], s->channels[k], &e) : 0;
			if (got > 0)
				app_notice(set->app, "%s", e.text);
			if (got < 0) {
				app_fail(set->app, &e);
				rc = -1;
			}
		}
	return rc;
}

static int
check_outboxes(struct app *app)
{
	struct err e;

	if (outboxes_check(app->settings, &e) == 0)
		return 0;
	app_fail(app, &e);
	return -1;
}

int
run_begin(struct run_set *set, struct app *app, enum run_targets which)
{
	*set = (struct run_set){ .app = app };
	engine_init(&set->engine, app, &set->secrets);
	if (app_configure(app) < 0 || check_outboxes(app) < 0 || find_targets(set, which) < 0 ||
	    (which == RUN_NAMED && check_overlaps(set) < 0) || apply_options(set) < 0)
		return -1;
	interrupt_install();
	fetch_secrets(set);
	sending_fetch(set, which == RUN_TO_CHECK);
	return 0;
}

/* For the next run of this process, which then need not ask again. */
static void
keep_answers(struct run_set *set)
{
	const struct secret *secret;
	struct account_settings *account;

	for (size_t i = 0; i < set->targets.all.n; i++)
		for (int s = 0; s < SIDES; s++) {
			account = set->targets.all.at[i].channel->store[s]->account;
			secret = account != NULL ? secret_of(&set->secrets, account) : NULL;
			if (secret != NULL && secret->status == 0 && secret->pass.len != 0 && account->pass == NULL)
				account->pass = mem_strdup(secret->pass.data);
		}
}

void
run_end(struct run_set *set)
{
	if (set->app->keeps_answers)
		keep_answers(set);
	engine_release(&set->engine);
	secrets_release(&set->secrets);
	targets_release(&set->targets);
	arena_release(&set->arena);
}

void
run_tell_lost(struct run_set *set, size_t target, const struct err *e)
{
	const char *name = set->targets.all.at[target].channel->name;
	struct err told = *e;

	if (strstr(told.text, name) == NULL)
		err_context(&told, "channel %s", name);
	app_fail_at(set->app, name, NULL, &told);
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
