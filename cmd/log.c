/* mailtwin log: what was destroyed in a channel's mailboxes, where and why; the newest last. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "cmd/apart.h"
#include "cmd/command.h"
#include "cmd/json.h"
#include "cmd/state_place.h"
#include "cmd/targets.h"
#include "cmd/terminal.h"
#include "state/state.h"

static void
print_json(const char *channel, const struct log_entry *l)
{
	struct buf line = { 0 };

	json_open(&line);
	json_text(&line, "event", "log");
	json_text(&line, "channel", channel);
	json_signed(&line, "time", l->when);
	json_text(&line, "side", side_name(l->side));
	json_text(&line, "mailbox", l->box);
	json_text(&line, "what", l->what);
	json_text(&line, "why", l->why);
	json_close(&line);
	terminal_raw(stdout, buf_str(&line));
	buf_release(&line);
}

static void
print_entry(const struct log_entry *l)
{
	struct buf line = { 0 };
	time_t when = (time_t)l->when;
	char date[32];
	struct tm tm;

	strftime(date, sizeof date, "%Y-%m-%d %H:%M:%S", localtime_r(&when, &tm));
	buf_printf(&line, "%s  %-4s  %s: %s (%s)", date, side_name(l->side), l->box, l->what, l->why);
	terminal_line(stdout, TERMINAL_PLAIN, "", buf_str(&line));
	buf_release(&line);
}

static int
print_log(const struct app *app, const char *channel, struct state *s, struct err *e)
{
	struct arena arena = { 0 };
	struct log_entry l = { 0 };
	uint64_t after = 0;
	int got;

	while ((got = log_next(s, &arena, after, &l, e)) > 0) {
		if (app->options.is_json)
			print_json(channel, &l);
		else
			print_entry(&l);
		after = l.id;
		arena_release(&arena);
	}
	if (got == 0 && after == 0)
		app_notice(app, "%s: nothing was removed or replaced so far", channel);
	arena_release(&arena);
	return got;
}

struct reading { const char *channel, *place; bool has_heading; };

/* The base is only read, beside no run that changes it. In a process of its own. */
static void
read_log(struct app *app, void *ctx)
{
	const struct reading *r = ctx;
	const struct state_place place = { .channel = r->channel, .path = r->place, .is_dry = true };
	struct state *state = NULL;
	struct err e;
	int rc = -1;

	if (state_open(&place, &state, &e) < 0)
		goto done;
	if (r->has_heading && !app->options.is_json)
		terminal_line(stdout, TERMINAL_PLAIN, "channel ", r->channel);
	rc = state_begin(state, &e);
	if (rc == 0) {
		rc = print_log(app, r->channel, state, &e);
		state_abort(state);
	}
done:
	if (rc < 0)
		app_fail_at(app, r->channel, NULL, &e);
	state_close(&state);
}

static void
log_channel(struct app *app, const struct channel_settings *c, bool has_heading)
{
	struct reading r = { .channel = c->name, .has_heading = has_heading };
	struct arena arena = { 0 };
	struct err e;

	r.place = state_place(c, getenv("XDG_STATE_HOME"), app->home, &arena, &e);
	if (r.place != NULL)
		apart_run(app, c->name, r.place, read_log, &r);
	else
		app_fail_at(app, c->name, NULL, &e);
	arena_release(&arena);
}

void
log_run(struct app *app)
{
	const struct options *o = &app->options;
	struct targets targets = { 0 };
	struct err e;

	if (app_configure(app) < 0)
		return;
	if (o->args.n == 0)
		targets_add_all(&targets, app->settings);
	for (size_t i = 0; i < o->args.n; i++)
		if (targets_add(&targets, app->settings, o->args.at[i], NULL, &e) < 0)
			app_fail(app, &e);
	for (size_t i = 0; i < targets.all.n; i++)
		log_channel(app, targets.all.at[i].channel, targets.all.n > 1);
	targets_release(&targets);
}
