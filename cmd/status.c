/* mailtwin status: how each channel and outbox stands, from what the last runs have left; and what a person has to do. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cmd/apart.h"
#include "cmd/command.h"
#include "cmd/dates.h"
#include "cmd/engine.h"
#include "cmd/json.h"
#include "cmd/outboxes.h"
#include "cmd/sending.h"
#include "cmd/shown.h"
#include "cmd/state_place.h"
#include "cmd/status_find.h"
#include "cmd/targets.h"
#include "cmd/terminal.h"
#include "cmd/wrapped.h"
#include "state/base/shell_word.h"

enum { NAMED = 5 };			/* messages of each matter, unless -V is given */

static const char *const kinds[] = { [MATTER_ERROR] = "error", [MATTER_HELD] = "held", [MATTER_REFUSED] = "refused", [MATTER_STUCK] = "stuck",
	[MATTER_PENDING] = "pending", [MATTER_LEFT_OUT] = "left out" };

struct telling {
	struct app *app;
	const struct channel_settings *channel;
	struct standing st;
	int64_t now;
};

/* ---- words ---- */

/* As it is typed in a shell. */
static const char *
command_of(const struct telling *t, const struct matter *m, size_t which, struct arena *a)
{
	const char *options = m->remedy[which].options, *target = t->channel->name;

	if (options == NULL)
		return NULL;
	if (m->remedy[which].is_for_box && t->channel->has_patterns && strpbrk(m->box, ",\n") == NULL)
		target = arena_printf(a, "%s:%s", t->channel->name, m->box);
	return arena_printf(a, "%s%s%s %s", app_command(t->app, a), *options != '\0' ? " " : "", options, shell_word(a, target));
}

static const char *
verdict(const struct standing *st)
{
	bool waits = false;

	if (st->lock.is_held)
		return standing_needs_person(st) ? "a run is at work, and does not end" : "a run is at work";
	if (!st->has_state)
		return "no run has come as far as its mailboxes yet";
	for (size_t i = 0; i < st->matters.n; i++)
		waits |= st->matters.at[i].need == NEED_RUN;
	return standing_needs_person(st) ? "something needs you" : waits ? "the next run goes on" : "all is in order";
}

/* ---- as text ---- */

/* Of one message: cut to the terminal, where it is one. */
static void
print_message(const struct matter_message *m)
{
	const size_t width = isatty(STDOUT_FILENO) ? terminal_width() : 160;
	struct buf line = { 0 }, text = { 0 };
	char day[DATES_SIZE];

	if (m->file.path == NULL && m->uid == 0)
		return;
	if (m->file.path == NULL && m->file.date == 0) {
		buf_printf(&text, "UID %u, which is not on the disk", m->uid);
	} else {
		buf_printf(&text, "%s  %s: \"%s\"", dates_day(m->file.date, day), m->file.from, m->file.subject);
	}
	shown_escape(&line, buf_str(&text), false);
	buf_clear(&text);
	shown_cut(&text, buf_str(&line), width > 20 ? width - 8 : 12);
	terminal_line(stdout, TERMINAL_PLAIN, "      ", buf_str(&text));
	buf_release(&line);
	buf_release(&text);
}

static void
print_matter(const struct telling *t, const struct matter *m)
{
	struct buf line = { 0 };
	struct arena a = { 0 };
	const char *command;

	if (m->box != NULL)
		buf_printf(&line, "%s: ", m->box);
	if (m->n != 0)
		buf_printf(&line, "%llu message%s ", (unsigned long long)m->n, m->n == 1 ? "" : "s");
	buf_adds(&line, m->text);
	wrapped_print(stdout, m->need == NEED_PERSON ? TERMINAL_ERROR : TERMINAL_PLAIN, arena_printf(&a, "  %-9s ", kinds[m->kind]), buf_str(&line));
	for (size_t i = 0; i < m->messages.n; i++)
		print_message(&m->messages.at[i]);
	if (m->messages.n != 0 && m->n > m->messages.n) {
		buf_clear(&line);
		buf_printf(&line, "... and %llu more%s", (unsigned long long)(m->n - m->messages.n), t->app->options.verbose ? "" : " (-V names them)");
		terminal_line(stdout, TERMINAL_PLAIN, "      ", buf_str(&line));
	}
	for (size_t i = 0; i < 2 && (command = command_of(t, m, i, &a)) != NULL; i++) {
		buf_clear(&line);
		buf_printf(&line, "%s:", m->remedy[i].effect);
		wrapped_print(stdout, TERMINAL_PLAIN, "    ", buf_str(&line));
		terminal_line(stdout, TERMINAL_PLAIN, "      ", command);
	}
	arena_release(&a);
	buf_release(&line);
}

static void
print_when(const char *what, int64_t when, const char *more)
{
	struct buf line = { 0 };

	buf_printf(&line, "%-13s ", what);
	if (when != 0)
		dates_add(&line, when);
	else
		buf_adds(&line, "none");
	buf_adds(&line, more);
	wrapped_print(stdout, TERMINAL_PLAIN, "  ", buf_str(&line));
	buf_release(&line);
}

static int64_t
last_failure(const struct standing *st)
{
	return st->end.errors.n == 0 && st->end.more == 0 ? 0 : st->end.state == CHANNEL_RECOVERED ? st->end.last : st->lock.touched;
}

static void
print_channel(const struct telling *t)
{
	const struct standing *st = &t->st;
	struct arena a = { 0 };
	struct buf since = { 0 };
	const char *head = arena_printf(&a, "%s: ", t->channel->name);

	wrapped_print(stdout, standing_needs_person(st) ? TERMINAL_ERROR : TERMINAL_PLAIN, head, verdict(st));
	if (st->lock.is_held)
		print_when("begun", st->lock.begun, arena_printf(&a, ", by process %ld", st->lock.pid));
	if (st->lock.is_there)
		print_when("last success", st->lock.done, "");
	if (st->was_stopped)
		print_when("last run", st->lock.begun, " was stopped in the middle; the next one goes on from there");
	if (last_failure(st) != 0) {
		if (st->end.state == CHANNEL_FAILING && st->end.since != 0) {
			buf_adds(&since, ", the first ");
			dates_add(&since, st->end.since);
		}
		print_when("last failure", last_failure(st), buf_str(&since));
	}
	for (size_t i = 0; i < st->end.errors.n && st->end.state == CHANNEL_RECOVERED; i++)
		wrapped_print(stdout, TERMINAL_PLAIN, "    ", arena_printf(&a, "%s%s%s", st->end.errors.at[i].box != NULL ?
		    st->end.errors.at[i].box : "", st->end.errors.at[i].box != NULL ? ": " : "", st->end.errors.at[i].text));
	if (!st->has_state && !st->lock.is_held)
		terminal_line(stdout, TERMINAL_PLAIN, "      ", command_of(t, &(struct matter){ .remedy = { { "-V", "", false } } }, 0, &a));
	for (size_t i = 0; i < st->matters.n; i++)
		print_matter(t, &st->matters.at[i]);
	buf_release(&since);
	arena_release(&a);
}

/* ---- as JSON ---- */

static void
put_time(struct buf *line, const char *name, int64_t when)
{
	if (when != 0)
		json_signed(line, name, when);
	else
		json_text(line, name, NULL);
}

static void
begin_line(struct buf *line, const char *event, const char *channel, const char *box)
{
	json_open(line);
	json_text(line, "event", event);
	json_text(line, "channel", channel);
	json_text(line, "mailbox", box);
}

static void
json_matter(const struct telling *t, const struct matter *m)
{
	static const char *const needs[] = { [NEED_NOTHING] = "nothing", [NEED_RUN] = "run", [NEED_PERSON] = "person" };
	struct buf line = { 0 };
	struct arena a = { 0 };

	begin_line(&line, "matter", t->channel->name, m->box);
	json_text(&line, "kind", m->kind == MATTER_LEFT_OUT ? "left_out" : kinds[m->kind]);
	json_text(&line, "needs", needs[m->need]);
	json_text(&line, "text", m->text);
	json_number(&line, "messages", m->n);
	json_text(&line, "command", command_of(t, m, 0, &a));
	json_text(&line, "effect", m->remedy[0].effect);
	json_text(&line, "other_command", command_of(t, m, 1, &a));
	json_text(&line, "other_effect", m->remedy[1].effect);
	terminal_json(&line);
	for (size_t i = 0; i < m->messages.n; i++) {
		const struct matter_message *one = &m->messages.at[i];

		begin_line(&line, "message", t->channel->name, m->box);
		json_text(&line, "kind", m->kind == MATTER_LEFT_OUT ? "left_out" : kinds[m->kind]);
		put_time(&line, "date", one->file.date);
		json_text(&line, "from", one->file.from);
		json_text(&line, "subject", one->file.subject);
		json_text(&line, "message_id", one->file.message_id);
		json_text(&line, "path", one->file.path);
		json_number(&line, "uid", one->uid);
		terminal_json(&line);
	}
	arena_release(&a);
}

static void
json_channel(const struct telling *t)
{
	const struct standing *st = &t->st;
	struct buf line = { 0 };

	json_open(&line);
	json_text(&line, "event", "status");
	json_text(&line, "channel", t->channel->name);
	json_text(&line, "state", verdict(st));
	json_bool(&line, "needs_person", standing_needs_person(st));
	put_time(&line, "last_success", st->lock.done);
	put_time(&line, "last_failure", last_failure(st));
	put_time(&line, "failing_since", st->end.state == CHANNEL_FAILING ? st->end.since : 0);
	put_time(&line, "running_since", st->lock.is_held ? st->lock.begun : 0);
	json_number(&line, "process", st->lock.is_held ? (uint64_t)st->lock.pid : 0);
	json_bool(&line, "was_stopped", st->was_stopped);
	terminal_json(&line);
	for (size_t i = 0; i < st->end.errors.n && st->end.state == CHANNEL_RECOVERED; i++) {
		begin_line(&line, "recovered", t->channel->name, st->end.errors.at[i].box);
		json_text(&line, "text", st->end.errors.at[i].text);
		terminal_json(&line);
	}
	for (size_t i = 0; i < st->matters.n; i++)
		json_matter(t, &st->matters.at[i]);
}

/* ---- a channel, in a process of its own ---- */

static void
tell(struct app *app, void *ctx)
{
	const struct target target = { .channel = ctx };
	struct telling t = { .app = app, .channel = ctx, .now = time(NULL) };
	const size_t most = app->options.verbose > 0 ? SIZE_MAX : NAMED;
	struct secrets none = { 0 };
	struct channel channel;
	struct engine engine;
	struct err e;

	app->options.is_dry = true;
	engine_init(&engine, app, &none);
	if (engine_channel_on_disk(&engine, &target, &channel, &e) < 0 ||
	    standing_find(&channel, most, t.now, app->options.nag, &t.st, &e) < 0) {
		app_fail_at(app, t.channel->name, NULL, &e);
	} else {
		if (standing_needs_person(&t.st))
			exit_status_add(&app->status, ERR_FAILED);
		app->options.is_json ? json_channel(&t) : print_channel(&t);
	}
	standing_release(&t.st);
	engine_release(&engine);
}

/* ---- an outbox, likewise ---- */

static bool
is_for_person(const struct outbox_item *item)
{
	return strcmp(item->state, "held") == 0 || strcmp(item->state, "unknown") == 0;
}

static void
tell_mail(const struct app *app, const struct outbox_place *place, const struct outbox_item *item)
{
	struct buf line = { 0 };
	struct arena a = { 0 };
	const char *command = arena_printf(&a, "%s outbox", app_command(app, &a));

	if (app->options.is_json) {
		begin_line(&line, "mail", place->name, place->box);
		json_text(&line, "id", item->id);
		json_text(&line, "state", item->state);
		json_text(&line, "needs", is_for_person(item) ? "person" : "run");
		put_time(&line, "time", item->written);
		json_text(&line, "to", item->to);
		json_text(&line, "subject", item->subject);
		json_text(&line, "words", item->words);
		json_text(&line, "command", is_for_person(item) ? arena_printf(&a, "%s retry %s", command, item->id) : NULL);
		json_text(&line, "other_command", is_for_person(item) ? arena_printf(&a, "%s drop %s", command, item->id) : NULL);
		terminal_json(&line);
		arena_release(&a);
		return;
	}
	buf_printf(&line, "%s: ", place->box);
	dates_add(&line, item->written);
	buf_printf(&line, "  to %s: \"%s\"%s%s", item->to, item->subject, *item->words != '\0' ? ": " : "", item->words);
	wrapped_print(stdout, is_for_person(item) ? TERMINAL_ERROR : TERMINAL_PLAIN, arena_printf(&a, "  %-9s ", item->state), buf_str(&line));
	if (is_for_person(item)) {
		wrapped_print(stdout, TERMINAL_PLAIN, "    ", "sends it to all who do not have it for certain, or gives it up:");
		terminal_line(stdout, TERMINAL_PLAIN, "      ", arena_printf(&a, "%s retry %s", command, item->id));
		terminal_line(stdout, TERMINAL_PLAIN, "      ", arena_printf(&a, "%s drop %s", command, item->id));
	}
	buf_release(&line);
	arena_release(&a);
}

static void
tell_outbox(struct app *app, void *ctx)
{
	const struct outbox_place *place = ctx;
	struct outbox_item *items = NULL;
	struct arena a = { 0 };
	struct outbox o;
	struct err e;
	size_t n = 0;

	sending_fill(&o, place, app, NULL);
	o.is_dry = true;
	if (outbox_list(&o, &a, &items, &n, &e) < 0) {
		app_fail_at(app, place->name, place->box, &e);
		n = 0;
	}
	if (n != 0 && !app->options.is_json)
		terminal_line(stdout, TERMINAL_PLAIN, arena_printf(&a, "%s: ", place->name), "its outbox");
	for (size_t i = 0; i < n; i++) {
		tell_mail(app, place, &items[i]);
		if (is_for_person(&items[i]))
			exit_status_add(&app->status, ERR_FAILED);
	}
	arena_release(&a);
}

/* ---- the command line ---- */

static int
find_targets(struct app *app, struct targets *targets, struct outboxes *boxes)
{
	const struct options *o = &app->options;
	struct err e;

	if (o->args.n == 0) {
		targets_add_all(targets, app->settings);
		outboxes_all(app->settings, &targets->arena, boxes);
	}
	for (size_t i = 0; i < o->args.n; i++)
		if (targets_add(targets, app->settings, o->args.at[i], NULL, &e) < 0) {
			app_fail(app, &e);
			return -1;
		}
	for (size_t i = 0; i < targets->all.n && o->args.n != 0; i++)
		outboxes_of(targets->all.at[i].channel, &targets->arena, boxes);
	return 0;
}

void
status_run(struct app *app)
{
	struct targets targets = { 0 };
	struct outboxes boxes = { 0 };
	struct arena a = { 0 };
	const char *place;
	struct err e;

	if (app_configure(app) == 0 && find_targets(app, &targets, &boxes) == 0) {
		for (size_t i = 0; i < targets.all.n; i++) {
			const struct channel_settings *c = targets.all.at[i].channel;

			place = state_place(c, getenv("XDG_STATE_HOME"), app->home, &a, &e);
			if (place != NULL)
				apart_run(app, c->name, place, tell, (void *)(uintptr_t)c);
			else
				app_fail_at(app, c->name, NULL, &e);
		}
		for (size_t i = 0; i < boxes.all.n; i++)
			apart_run(app, boxes.all.at[i].name, NULL, tell_outbox, &boxes.all.at[i]);
	}
	targets_release(&targets);
	outboxes_release(&boxes);
	arena_release(&a);
}
