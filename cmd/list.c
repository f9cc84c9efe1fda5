/* mailtwin list: the mailboxes of channels, or (-ls) of stores. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/command.h"
#include "cmd/interrupt.h"
#include "cmd/json.h"
#include "cmd/mailboxes.h"
#include "cmd/option_boxes.h"
#include "cmd/terminal.h"
#include "cmd/shown.h"

static void
print_json(const char *where, const char *place, const struct channel_box *box)
{
	struct buf line = { 0 };

	json_open(&line);
	json_text(&line, "event", "mailbox");
	json_text(&line, where, place);
	json_text(&line, "name", box->name);
	for (int s = 0; s < SIDES && box->far != NULL; s++) {
		json_open_member(&line, side_name((enum side)s));
		json_text(&line, "name", s == FAR ? box->far : box->near);
		json_bool(&line, "exists", box->on[s]);
		json_close(&line);
	}
	terminal_json(&line);
}

/* As mbsync has it: "far <=> near" where there is a prefix, where the two have different names, or are the only ones. For a person, and no program
 * that reads names, a side that does not have it is named. */
static void
print_box(const struct app *app, const struct channel_settings *c, const struct channel_box *box)
{
	const bool names_side = !app->options.is_mbsync && (terminal_is_live() || app->options.verbose > 0);
	struct buf line = { 0 };

	if (c->has_patterns && c->box[FAR] == NULL && c->box[NEAR] == NULL && strcmp(box->far, box->near) == 0)
		buf_adds(&line, box->name);
	else
		buf_printf(&line, "%s <=> %s", box->far, box->near);
	if (names_side && box->on[FAR] != box->on[NEAR])
		buf_printf(&line, "  (not on %s)", side_name(box->on[FAR] ? NEAR : FAR));
	terminal_line(stdout, TERMINAL_PLAIN, "", buf_str(&line));
	buf_release(&line);
}

struct lister {
	struct run_set *set;
	bool has_heading;		/* of the channel that is told */
};

static void
on_begin(void *ctx, size_t target, int64_t begun)
{
	struct lister *l = ctx;

	(void)target, (void)begun;
	l->has_heading = false;
}

static void
print_heading(struct lister *l, const struct channel_settings *c)
{
	char *heading;

	if (l->has_heading || l->set->targets.all.n <= 1 || l->set->app->options.is_json)
		return;
	heading = mem_printf("%s:", c->name);
	terminal_line(stdout, TERMINAL_PLAIN, "", heading);
	free(heading);
	l->has_heading = true;
}

static void
on_lost(void *ctx, size_t target, const struct err *e)
{
	struct lister *l = ctx;
	const char *name = l->set->targets.all.at[target].channel->name;
	struct err told = *e;

	err_context(&told, "%s", name);
	app_fail_at(l->set->app, name, NULL, &told);
}

static void
on_told(void *ctx, size_t target, struct event *ev)
{
	struct lister *l = ctx;
	const struct channel_settings *c = l->set->targets.all.at[target].channel;
	struct mailboxes_event told;

	mailboxes_read(ev, &told);
	if (!event_is_whole(ev)) {
		ev->is_bad = true;
		return;
	}
	if (told.kind == MAILBOXES_FAILED) {
		on_lost(ctx, target, &told.err);
		return;
	}
	print_heading(l, c);
	if (told.kind == MAILBOXES_ONE && l->set->app->options.is_json)
		print_json("channel", c->name, &told.box);
	else if (told.kind == MAILBOXES_ONE)
		print_box(l->set->app, c, &told.box);
}

static void
list_channels(struct app *app)
{
	struct run_set set;
	struct lister l = { .set = &set };
	const struct workers_use use = { .work = mailboxes_send, .last = EVENT_LISTED, .begin = on_begin, .told = on_told,
		.lost = on_lost, .ctx = &l };

	if (run_begin(&set, app, RUN_ALL_UNLESS_NAMED) == 0 && option_boxes_check(&set) == 0)
		workers_run(&set, &use);
	run_end(&set);
}

/* ---- stores ---- */

static void
print_store(struct app *app, const struct store_settings *s, const struct listing *l)
{
	struct channel_box box = { 0 };

	for (size_t i = 0; i < l->boxes.n; i++) {
		box.name = l->boxes.at[i].name;
		if (l->boxes.at[i].attrs & MAILBOX_NOSELECT)
			continue;
		if (app->options.is_json)
			print_json("store", s->name, &box);
		else
			terminal_line(stdout, TERMINAL_PLAIN, "", box.name);
	}
	for (size_t i = 0; i < l->refused.n; i++)
		app_warn(app, "%s: %s: %s", s->name, l->refused.at[i].name, l->refused.at[i].why);
}

static int
list_opened(struct store *store, struct listing *l, struct err *e)
{
	struct session *session;
	int rc;

	store->is_dry = true;
	session = store->ops->session_open(store, e);
	if (session == NULL)
		return -1;
	rc = store->ops->list(session, l, e);
	store->ops->session_close(session);
	return rc;
}

static void
list_store(struct app *app, struct secrets *secrets, const struct store_settings *s)
{
	struct engine engine;
	struct listing l = { 0 };
	const struct secret *secret;
	struct store *store;
	struct err e;
	char *heading;
	int rc = 0;

	engine_init(&engine, app, secrets);
	if (s->account != NULL) {
		secrets_fetch(secrets, s->account, RUN_SECRET_LIMIT, interrupt_flag());
		secret = secret_of(secrets, s->account);
		rc = secret->status;
		if (rc < 0)
			e = secret->err;
	}
	if (rc == 0)
		rc = engine_store(&engine, s, false, &store, &e);
	if (rc == 0)
		rc = list_opened(store, &l, &e);
	if (rc == 0) {
		heading = arena_printf(&engine.arena, "===== %s:", s->name);
		if (!app->options.is_json)
			terminal_line(stdout, TERMINAL_PLAIN, "", heading);
		print_store(app, s, &l);
	} else {
		err_context(&e, "%s", s->name);
		app_fail(app, &e);
	}
	listing_release(&l);
	engine_release(&engine);
}

static void
list_stores(struct app *app)
{
	const struct options *o = &app->options;
	const struct store_settings *s;
	struct secrets secrets = { 0 };
	struct err e;

	if (app_configure(app) < 0)
		return;
	interrupt_install();
	for (size_t i = 0; o->args.n == 0 && i < app->settings->n_stores && *interrupt_flag() == 0; i++)
		list_store(app, &secrets, app->settings->stores[i]);
	for (size_t i = 0; i < o->args.n && *interrupt_flag() == 0; i++) {
		s = settings_store(app->settings, o->args.at[i]);
		if (s != NULL) {
			list_store(app, &secrets, s);
			continue;
		}
		err_class(&e, ERR_RUN, ERR_USAGE, ERR_NEVER, "there is no store \"%s\"", o->args.at[i]);
		app_fail(app, &e);
	}
	secrets_release(&secrets);
}

void
list_run(struct app *app)
{
	if (app->options.is_stores)
		list_stores(app);
	else
		list_channels(app);
}
