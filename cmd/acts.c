#include "cmd/acts.h"

#include <stdio.h>
#include <string.h>

#include "cmd/json.h"
#include "cmd/log_words.h"
#include "cmd/terminal.h"
#include "cmd/workers.h"

/* ---- in a worker ---- */

void
acts_send(struct link *parent, const struct run_act *a)
{
	struct buf b = { 0 };

	event_begin(&b, EVENT_ACT);
	event_number(&b, (uint64_t)a->side);
	event_text(&b, a->box);
	event_text(&b, a->what);
	event_text(&b, a->to);
	event_text(&b, a->changes);
	event_text(&b, a->why);
	event_number(&b, a->is_held);
	event_text(&b, a->words.place);
	event_text(&b, a->words.subject);
	event_text(&b, a->words.from);
	event_number(&b, (uint64_t)a->words.date);
	worker_send(parent, &b);
}

static void
put_counts(struct buf *b, const struct run_changed *c, enum side s)
{
	event_counts(b, &c->side[s]);
	event_number(b, c->is_created[s]);
	event_number(b, c->is_removed[s]);
}

void
acts_send_changed(struct link *parent, const struct run_changed *c)
{
	struct buf b = { 0 };

	event_begin(&b, EVENT_CHANGED);
	event_text(&b, c->box);
	put_counts(&b, c, FAR);
	put_counts(&b, c, NEAR);
	worker_send(parent, &b);
}

/* ---- in the parent ---- */

static void
json_act(const struct tell *t, const struct run_act *a)
{
	struct buf line = { 0 };

	json_open(&line);
	json_text(&line, "event", "act");
	json_text(&line, "channel", t->channel);
	json_text(&line, "mailbox", a->box);
	json_bool(&line, "dry", t->app->options.is_dry);
	json_text(&line, "side", side_name(a->side));
	json_text(&line, "what", a->what);
	json_text(&line, "to", a->to);
	json_text(&line, "changes", *a->changes != '\0' ? a->changes : NULL);
	json_text(&line, "why", a->why);
	json_bool(&line, "held", a->is_held);
	json_text(&line, "place", a->words.place);
	json_signed(&line, "date", a->words.date);
	json_text(&line, "from", a->words.from);
	json_text(&line, "subject", a->words.subject);
	terminal_json(&line);
}

static const char *
verb(const struct tell *t, const char *what)
{
	static const char *const done[][2] = { { "copy", "copied" }, { "move", "moved" }, { "expunge", "expunged" }, { "create", "created" },
		{ "remove", "removed" }, { "rename", "renamed" } };

	for (size_t i = 0; i < sizeof done / sizeof *done && !t->app->options.is_dry; i++)
		if (strcmp(done[i][0], what) == 0)
			return done[i][1];
	return what;
}

/* `INBOX: near: copied "hello" from Anna <anna@example.org>, 2025-01-31 (new on far)` */
static void
print_act(const struct tell *t, const struct run_act *a)
{
	const struct message_words *w = &a->words;
	const char *subject = w->subject != NULL ? w->subject : "", *from = w->from != NULL ? w->from : "";
	struct buf line = { 0 };

	if (t->channels > 1)
		buf_printf(&line, "%s: ", t->channel);
	buf_printf(&line, "%s: %s: %s%s%s", a->box, side_name(a->side), verb(t, a->what), *a->changes != '\0' ? " " : "", a->changes);
	if (*subject != '\0' || *from != '\0') {
		buf_addc(&line, ' ');
		log_words_message(&line, subject, from, w->date);
	} else if (w->place != NULL) {
		buf_printf(&line, " %s", w->place);
	}
	if (a->to != NULL)
		buf_printf(&line, " to %s", a->to);
	buf_printf(&line, " (%s)%s", a->why, a->is_held ? "; held back" : "");
	terminal_line(stdout, TERMINAL_PLAIN, "", buf_str(&line));
	buf_release(&line);
}

static void
tell_act(const struct tell *t, struct event *ev)
{
	const uint64_t side = event_get_number(ev);
	struct run_act a = { .side = side == FAR ? FAR : NEAR };

	ev->is_bad |= side >= SIDES;
	a.box = event_get_words(ev);
	a.what = event_get_words(ev);
	a.to = event_get_text(ev);
	a.changes = event_get_words(ev);
	a.why = event_get_words(ev);
	a.is_held = event_get_number(ev) != 0;
	a.words.place = event_get_text(ev);
	a.words.subject = event_get_text(ev);
	a.words.from = event_get_text(ev);
	a.words.date = (int64_t)event_get_number(ev);
	ev->is_bad |= !event_is_whole(ev);
	if (!ev->is_bad)
		t->app->options.is_json ? json_act(t, &a) : print_act(t, &a);
}

static void
get_counts(struct event *ev, struct run_changed *c, enum side s)
{
	event_get_counts(ev, &c->side[s]);
	c->is_created[s] = event_get_number(ev) != 0;
	c->is_removed[s] = event_get_number(ev) != 0;
}

static void
json_changed(const struct tell *t, const struct run_changed *c)
{
	struct buf line = { 0 };

	json_open(&line);
	json_text(&line, "event", "changed");
	json_text(&line, "channel", t->channel);
	json_text(&line, "mailbox", c->box);
	json_bool(&line, "dry", t->app->options.is_dry);
	for (int s = 0; s < SIDES; s++) {
		json_open_member(&line, side_name((enum side)s));
		tell_json_counts(&line, &c->side[s]);
		json_bool(&line, "created", c->is_created[s]);
		json_bool(&line, "removed", c->is_removed[s]);
		json_close(&line);
	}
	terminal_json(&line);
}

/* `INBOX: *1 on far, +3 -2 on near`, in the letters of the summary. */
static void
print_changed(const struct tell *t, const struct run_changed *c)
{
	struct buf line = { 0 };
	const char *between = "";

	if (t->channels > 1)
		buf_printf(&line, "%s: ", t->channel);
	buf_printf(&line, "%s:", c->box);
	for (int s = 0; s < SIDES; s++) {
		const struct side_counts *n = &c->side[s];
		const struct { char sign; uint64_t n; } counts[] = { { '+', n->added }, { '*', n->flagged }, { '#', n->trashed }, { '-', n->expunged },
			{ '>', n->moved }, { '=', n->cloned } };
		const size_t len = line.len;

		for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
			if (counts[i].n != 0)
				buf_printf(&line, "%s %c%llu", line.len == len ? between : "", counts[i].sign, (unsigned long long)counts[i].n);
		if (c->is_created[s] || c->is_removed[s])
			buf_printf(&line, "%s %s", line.len == len ? between : "", c->is_removed[s] ? "removed" : "created");
		if (line.len != len) {
			buf_printf(&line, " on %s", side_name((enum side)s));
			between = ",";
		}
	}
	terminal_line(stdout, TERMINAL_PLAIN, "", buf_str(&line));
	buf_release(&line);
}

static void
tell_changed(const struct tell *t, struct event *ev)
{
	struct run_changed c = { .box = event_get_words(ev) };

	get_counts(ev, &c, FAR);
	get_counts(ev, &c, NEAR);
	ev->is_bad |= !event_is_whole(ev);
	if (ev->is_bad)
		return;
	if (t->app->options.is_json)
		json_changed(t, &c);
	else if (!t->app->options.is_dry)	/* the plan says so itself */
		print_changed(t, &c);
}

bool
acts_told(const struct tell *t, struct event *ev)
{
	if (ev->kind == EVENT_ACT)
		tell_act(t, ev);
	else if (ev->kind == EVENT_CHANGED)
		tell_changed(t, ev);
	else
		return false;
	return true;
}
