/* mailtwin outbox: what waits to be sent, and what a person decides about it. */
#include <string.h>

#include "cmd/apart.h"
#include "cmd/command.h"
#include "cmd/dates.h"
#include "cmd/json.h"
#include "cmd/outboxes.h"
#include "cmd/sending.h"
#include "cmd/terminal.h"
#include "sync/outbox/outbox.h"

struct asked {
	const struct outbox_place *place;
	bool has_heading;
};

static void
print_item(const struct outbox_item *item)
{
	struct buf line = { 0 };

	buf_printf(&line, "%s  %-7s  ", item->id, item->state);
	dates_add(&line, item->written);
	buf_printf(&line, "  %s  \"%s\"", item->to, item->subject);
	terminal_line(stdout, TERMINAL_PLAIN, "", buf_str(&line));
	buf_clear(&line);
	if (item->tries != 0)
		buf_printf(&line, "tried %u time%s", item->tries, item->tries == 1 ? "" : "s");
	if (item->next != 0) {
		buf_printf(&line, "%snext from ", line.len != 0 ? ", " : "");
		dates_add(&line, item->next);
	}
	if (item->words[0] != '\0')
		buf_printf(&line, "%s%s", line.len != 0 ? ": " : "", item->words);
	if (line.len != 0)
		terminal_line(stdout, TERMINAL_PLAIN, "          ", buf_str(&line));
	buf_release(&line);
}

static void
print_json(const char *box, const struct outbox_item *item)
{
	struct buf line = { 0 };

	json_open(&line);
	json_text(&line, "event", "outbox");
	json_text(&line, "mailbox", box);
	json_text(&line, "id", item->id);
	json_text(&line, "state", item->state);
	json_signed(&line, "time", item->written);
	json_signed(&line, "next", item->next);
	json_number(&line, "tries", item->tries);
	json_text(&line, "to", item->to);
	json_text(&line, "subject", item->subject);
	json_text(&line, "words", item->words);
	terminal_json(&line);
}

/* In a process of its own, for it reads a base. */
static void
list(struct app *app, void *ctx)
{
	const struct asked *asked = ctx;
	struct outbox_item *items = NULL;
	struct arena a = { 0 };
	struct outbox o;
	struct err e;
	size_t n;

	sending_fill(&o, asked->place, app, NULL);
	o.is_dry = true;
	if (outbox_list(&o, &a, &items, &n, &e) < 0) {
		app_fail_at(app, asked->place->name, asked->place->box, &e);
	} else {
		if (asked->has_heading && n != 0 && !app->options.is_json) {
			struct buf line = { 0 };

			buf_printf(&line, "%s: %s, sent by %s", asked->place->name, asked->place->box, asked->place->account->name);
			terminal_line(stdout, TERMINAL_PLAIN, "", buf_str(&line));
			buf_release(&line);
		}
		for (size_t i = 0; i < n; i++)
			if (app->options.is_json)
				print_json(asked->place->box, &items[i]);
			else
				print_item(&items[i]);
	}
	arena_release(&a);
}

/* Of one id: the outbox that has it is the one that is meant. 1: it was it. */
static int
decide(struct app *app, const struct outbox_place *place, bool is_drop, const char *id, struct err *e)
{
	struct arena a = { 0 };
	const char *what = "";
	struct outbox o;
	int status;

	sending_fill(&o, place, app, NULL);
	status = is_drop ? outbox_drop(&o, id, &a, &what, e) : outbox_retry(&o, id, &a, &what, e);
	if (status == 0)
		terminal_line(stdout, TERMINAL_PLAIN, "", what);
	arena_release(&a);
	return status < 0 ? (e->class == ERR_USAGE ? 0 : -1) : 1;
}

static void
decide_all(struct app *app, const struct outboxes *boxes, bool is_drop)
{
	const struct options *o = &app->options;
	struct err e, other;
	int done;

	if (o->args.n < 2) {
		err_class(&e, ERR_RUN, ERR_USAGE, ERR_NEVER, "outbox %s takes the ids of messages, as `mailtwin outbox` lists them", o->args.at[0]);
		app_fail(app, &e);
	}
	for (size_t i = 1; i < o->args.n; i++) {
		done = 0;
		for (size_t k = 0; k < boxes->all.n && done == 0; k++) {
			done = decide(app, &boxes->all.at[k], is_drop, o->args.at[i], &other);
			/* What is told of the first is as good as of the others. */
			if (k == 0 || done < 0)
				e = other;
		}
		if (done <= 0)
			app_fail(app, &e);
	}
}

void
outbox_run(struct app *app)
{
	const struct options *o = &app->options;
	const char *what = o->args.n != 0 ? o->args.at[0] : "list";
	struct outboxes boxes = { 0 };
	struct arena a = { 0 };
	struct err e;

	if (app_configure(app) < 0)
		return;
	outboxes_all(app->settings, &a, &boxes);
	if (outboxes_check(app->settings, &e) < 0) {
		app_fail(app, &e);
	} else if (boxes.all.n == 0) {
		err_class(&e, ERR_RUN, ERR_USAGE, ERR_NEVER, "the configuration has no outbox: SMTPAccount in a Channel or a MaildirStore makes one");
		app_fail(app, &e);
	} else if (strcmp(what, "list") == 0 && o->args.n <= 1) {
		for (size_t i = 0; i < boxes.all.n; i++) {
			struct asked asked = { .place = &boxes.all.at[i], .has_heading = boxes.all.n > 1 };

			apart_run(app, asked.place->name, NULL, list, &asked);
		}
	} else if (strcmp(what, "retry") == 0 || strcmp(what, "drop") == 0) {
		decide_all(app, &boxes, strcmp(what, "drop") == 0);
	} else {
		err_class(&e, ERR_RUN, ERR_USAGE, ERR_NEVER, "outbox is followed by list, retry or drop");
		app_fail(app, &e);
	}
	outboxes_release(&boxes);
	arena_release(&a);
}
