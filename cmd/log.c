/* mailtwin log: what was destroyed in a channel's mailboxes, where and why; the newest last. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/apart.h"
#include "cmd/command.h"
#include "cmd/dates.h"
#include "cmd/json.h"
#include "cmd/log_words.h"
#include "cmd/since.h"
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
	json_signed(&line, "date", l->date);
	json_text(&line, "from", l->from);
	json_text(&line, "subject", l->subject);
	terminal_json(&line);
}

static void
print_entry(const struct log_entry *l)
{
	struct buf line = { 0 };
	char date[DATES_SIZE];

	buf_printf(&line, "%s  ", dates_second(l->when, date));
	log_words(&line, l);
	terminal_line(stdout, TERMINAL_PLAIN, "", buf_str(&line));
	buf_release(&line);
}

/* What is asked for, of which channel. */
struct reading {
	const char *channel, *place;
	bool has_heading;
	int64_t since;
};

static bool
is_wanted(const struct app *app, const struct reading *r, const struct log_entry *l)
{
	return l->when >= r->since && (app->options.mailbox == NULL || strcmp(app->options.mailbox, l->box) == 0);
}

/* All that are wanted, behind the first `skip` of them. */
static int
walk(const struct app *app, const struct reading *r, struct state *s, uint64_t skip, bool prints, uint64_t *n_r, struct err *e)
{
	struct arena arena = { 0 };
	struct log_entry l = { 0 };
	uint64_t after = 0;
	int got;

	for (*n_r = 0; (got = log_next(s, &arena, after, &l, e)) > 0; after = l.id) {
		if (is_wanted(app, r, &l) && (*n_r)++ >= skip && prints)
			app->options.is_json ? print_json(r->channel, &l) : print_entry(&l);
		arena_release(&arena);
	}
	arena_release(&arena);
	return got;
}

static int
print_log(const struct app *app, const struct reading *r, struct state *s, struct err *e)
{
	const char *nothing = app->options.since != NULL || app->options.mailbox != NULL ? "nothing of that was removed or replaced" :
	    "nothing was removed or replaced so far";
	const uint64_t limit = app->options.limit;
	struct arena a = { 0 };
	uint64_t n = 0, unused;

	if (walk(app, r, s, 0, false, &n, e) < 0)
		return -1;
	if (n == 0 && app->options.is_json)
		app_notice(app, "%s: %s", r->channel, nothing);
	else if (n == 0 && app->options.quiet == 0)
		terminal_line(stdout, TERMINAL_PLAIN, arena_printf(&a, "%s: ", r->channel), nothing);
	arena_release(&a);
	return walk(app, r, s, limit != 0 && n > limit ? n - limit : 0, true, &unused, e);
}

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
		rc = print_log(app, r, state, &e);
		state_abort(state);
	}
done:
	if (rc < 0)
		app_fail_at(app, r->channel, NULL, &e);
	state_close(&state);
}

static void
log_channel(struct app *app, const struct channel_settings *c, bool has_heading, int64_t since)
{
	struct reading r = { .channel = c->name, .has_heading = has_heading, .since = since };
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
	int64_t since;
	struct err e;

	if (app_configure(app) < 0 || since_read(app, &since) < 0)
		return;
	if (o->args.n == 0)
		targets_add_all(&targets, app->settings);
	for (size_t i = 0; i < o->args.n; i++)
		if (targets_add(&targets, app->settings, o->args.at[i], NULL, &e) < 0)
			app_fail(app, &e);
	for (size_t i = 0; i < targets.all.n; i++)
		log_channel(app, targets.all.at[i].channel, targets.all.n > 1, since);
	targets_release(&targets);
}
