#include "cmd/tell.h"

#include <stdlib.h>
#include <string.h>

#include "cmd/json.h"
#include "cmd/terminal.h"
#include "cmd/shown.h"

enum { JSON_PROGRESS_EVERY = 1000 };	/* milliseconds */

static const char *const levels[] = {
	[NOTE_INFO] = "info", [NOTE_WARNING] = "warning", [NOTE_LATER] = "waits", [NOTE_ERROR] = "error",
};

/* Whether the mailbox is called so in the text: at its beginning, in quotation marks, or behind "mailbox". */
static bool
names_box(const char *text, const char *box)
{
	const size_t len = strlen(box);
	char *quoted = mem_printf("\"%s\"", box), *called = mem_printf("mailbox %s", box);
	bool is = (len != 0 && strncmp(text, box, len) == 0 && strchr(" :,;", text[len]) != NULL) || strstr(text, quoted) != NULL;

	for (const char *p = text; !is && (p = strstr(p, called)) != NULL; p++)
		is = strchr(" :,;", p[strlen(called)]) != NULL;
	free(quoted);
	free(called);
	return is;
}

/* "CHANNEL: BOX: TEXT"; what the text names by itself is not named again. The caller frees. */
static char *
place_words(const char *channel, const char *box, const char *text)
{
	const char *within = box != NULL ? box : "", *at;
	char *again = mem_printf(": %s: ", within), *named = mem_printf("channel %s", channel), *words;
	const bool has_box = box == NULL || names_box(text, box), has_channel = strncmp(text, named, strlen(named)) == 0;
	const size_t to = (at = has_box ? NULL : strstr(text, again)) != NULL ? (size_t)(at - text) : strlen(text);

	words = mem_printf("%s%s%s%s%.*s%s", has_channel ? "" : channel, has_channel ? "" : ": ", has_box ? "" : within, has_box ? "" : ": ",
	    (int)to, text, at != NULL ? at + strlen(again) - strlen(": ") : "");
	free(again);
	free(named);
	return words;
}

static void
print_note(const struct tell *t, enum note_level level, const char *words)
{
	if (level == NOTE_ERROR)
		terminal_line(stderr, TERMINAL_ERROR, "mailtwin: ", words);
	else if (level != NOTE_INFO)
		app_warn(t->app, "%s", words);
	else
		app_notice(t->app, "%s", words);
}

void
tell_note(struct tell *t, enum note_level level, const char *box, const char *text)
{
	struct buf line = { 0 };
	char *words;

	if (t->app->options.is_json) {
		/* Errors follow from the report, which knows their class. */
		if (level < NOTE_LATER) {
			json_open(&line);
			json_text(&line, "event", "note");
			json_text(&line, "level", levels[level]);
			json_text(&line, "channel", t->channel);
			json_text(&line, "mailbox", box);
			json_text(&line, "text", text);
			terminal_json(&line);
		}
		return;
	}
	words = place_words(t->channel, box, text);
	/* The plan's own notes are part of its text: such a line is held back until that is known. */
	if (t->app->options.is_dry && level < NOTE_LATER) {
		vec_push(&t->held_notes, mem_strdup(level == NOTE_WARNING ? "w" : "i"));
		vec_push(&t->held_notes, mem_strdup(text));
		vec_push(&t->held_notes, words);
		return;
	}
	if (options_is_patient(&t->app->options) && level >= NOTE_LATER) {
		vec_push(&t->held_errors, words);
		return;
	}
	print_note(t, level, words);
	free(words);
}

void
tell_progress(struct tell *t, const struct run_progress *p, const struct progress_waiting *w)
{
	struct buf line = { 0 };
	int64_t now;

	if (!t->app->options.is_json) {
		progress_update(&t->progress, p, w);
		return;
	}
	now = progress_now();
	if (now - t->json_progress < JSON_PROGRESS_EVERY)
		return;
	t->json_progress = now;
	json_open(&line);
	json_text(&line, "event", "progress");
	json_text(&line, "channel", t->channel);
	json_number(&line, "mailboxes", p->boxes);
	json_number(&line, "mailboxes_done", p->boxes_done);
	json_number(&line, "messages", p->messages);
	json_number(&line, "messages_done", p->messages_done);
	json_number(&line, "bytes", p->bytes_done);
	json_number(&line, "bytes_expected", p->bytes);
	json_text(&line, "waiting_for", w->on);
	json_number(&line, "waiting_seconds", w->seconds);
	terminal_json(&line);
}

bool
tell_wants_progress(const struct app *app)
{
	return app->options.is_json || (terminal_is_live() && app->options.quiet == 0 && app->options.debug == 0);
}

void
tell_init(struct tell *t, struct app *app, size_t channels)
{
	*t = (struct tell){ .app = app, .channels = channels, .begun = progress_now() };
	t->progress.is_on = !app->options.is_json && tell_wants_progress(app);
	t->json_progress = t->begun;
}

void
tell_channel(struct tell *t, const char *name, int64_t begun)
{
	t->channel = name;
	t->number++;
	t->channel_begun = begun;
	progress_begin(&t->progress, name, t->number, t->channels, begun);
}

void
tell_error(struct tell *t, const struct err *e)
{
	char *words = t->channel != NULL ? place_words(t->channel, NULL, e->text) : NULL;
	struct err told = *e;

	/* A person who asked for it knows why it stopped. */
	if (e->class == ERR_CANCELLED) {
		app_notice(t->app, "%s", words != NULL ? words : e->text);
		exit_status_add(&t->app->status, e->class);
	} else {
		if (words != NULL && !t->app->options.is_json)
			err_class(&told, e->scope, e->class, e->retry, "%s", words);
		app_fail_at(t->app, t->channel, NULL, &told);
		t->errors++;
	}
	free(words);
}

static void
add_side(struct side_counts *sum, const struct side_counts *c)
{
	sum->added += c->added;
	sum->flagged += c->flagged;
	sum->trashed += c->trashed;
	sum->expunged += c->expunged;
	sum->kept += c->kept;
	sum->unmarked += c->unmarked;
	sum->moved += c->moved;
	sum->cloned += c->cloned;
}

static void
add_report(struct tell *t, const struct channel_report *r)
{
	for (int s = 0; s < SIDES; s++) {
		add_side(&t->sum.side[s], &r->side[s]);
		t->sum.is_changed[s] |= r->is_changed[s];
		if (r->is_changed[s] && !t->app->options.is_dry)
			exit_status_change(&t->app->status, (enum side)s);
	}
	t->sum.paired += r->paired;
	t->sum.boxes += r->boxes;
	t->sum.failed += r->failed;
	t->sum.held += r->held;
	t->sum.bytes += r->bytes;
	t->sum.sent += r->sent;
	t->sum.hit_max_transfer |= r->hit_max_transfer;
	for (size_t i = 0; i < r->removed.n; i++)
		vec_push(&t->sum.removed, (struct report_removed){ r->removed.at[i].side,
			arena_strdup(&t->sum.arena, r->removed.at[i].box), r->removed.at[i].messages });
	t->is_any = true;
}

/* mbsync's line, and behind it what only we do, where there was any of it. */
static void
add_summary(struct buf *out, const struct channel_report *r, size_t errors)
{
	static const char *const names[SIDES] = { "Far", "Near" };
	const struct side_counts *c;

	buf_printf(out, "Boxes: %llu", (unsigned long long)r->boxes);
	for (int s = 0; s < SIDES; s++) {
		c = &r->side[s];
		buf_printf(out, "    %s: +%llu *%llu #%llu -%llu", names[s], (unsigned long long)c->added,
		    (unsigned long long)c->flagged, (unsigned long long)c->trashed,
		    (unsigned long long)c->expunged);
		if (c->moved != 0)
			buf_printf(out, " >%llu", (unsigned long long)c->moved);
		if (c->cloned != 0)
			buf_printf(out, " =%llu", (unsigned long long)c->cloned);
	}
	for (size_t i = 0; i < r->removed.n; i++) {
		buf_printf(out, "%s%s:", i == 0 ? "    Removed: " : ", ", side_name(r->removed.at[i].side));
		shown_escape(out, r->removed.at[i].box, false);
		buf_printf(out, " (%llu)", (unsigned long long)r->removed.at[i].messages);
	}
	if (r->paired != 0)
		buf_printf(out, "    Paired: %llu", (unsigned long long)r->paired);
	if (r->sent != 0)
		buf_printf(out, "    Sent: %llu", (unsigned long long)r->sent);
	if (r->held != 0)
		buf_printf(out, "    Held back: %llu", (unsigned long long)r->held);
	if (errors != 0)
		buf_printf(out, "    Errors: %zu", errors);
	if (r->bytes != 0) {
		buf_adds(out, "    ");
		shown_bytes(out, r->bytes);
	}
}

/* As mbsync counts: what is marked deleted has changed flags, and what is expunged was marked first; # is kept in a trash; what moved came and
 * went. Scripts read the line to its end. */
static void
add_old_summary(struct buf *out, const struct channel_report *r)
{
	static const char *const names[SIDES] = { "Far", "Near" };
	const struct side_counts *c;

	buf_printf(out, "Boxes: %llu", (unsigned long long)r->boxes);
	for (int s = 0; s < SIDES; s++) {
		c = &r->side[s];
		buf_printf(out, "    %s: +%llu *%llu #%llu -%llu", names[s], (unsigned long long)(c->added + c->moved + c->cloned),
		    (unsigned long long)(c->flagged + c->trashed + c->unmarked), (unsigned long long)c->kept,
		    (unsigned long long)(c->expunged + c->moved));
	}
}

void
tell_json_counts(struct buf *out, const struct side_counts *c)
{
	json_number(out, "added", c->added);
	json_number(out, "flagged", c->flagged);
	json_number(out, "trashed", c->trashed);
	json_number(out, "expunged", c->expunged);
	json_number(out, "moved", c->moved);
	json_number(out, "copied", c->cloned);
}

static void
json_side(struct buf *out, enum side side, const struct channel_report *r)
{
	uint64_t removed = 0;

	json_open_member(out, side_name(side));
	json_bool(out, "changed", r->is_changed[side]);
	tell_json_counts(out, &r->side[side]);
	for (size_t i = 0; i < r->removed.n; i++)
		removed += r->removed.at[i].side == side;
	json_number(out, "mailboxes_removed", removed);
	json_close(out);
}

static void
json_counts(struct buf *out, const struct channel_report *r, size_t errors, int64_t milliseconds)
{
	json_side(out, FAR, r);
	json_side(out, NEAR, r);
	json_number(out, "mailboxes", r->boxes);
	json_number(out, "paired", r->paired);
	json_number(out, "held", r->held);
	json_number(out, "failed", r->failed);
	json_number(out, "errors", errors);
	json_number(out, "sent", r->sent);
	json_number(out, "bytes", r->bytes);
	json_bool(out, "hit_max_transfer", r->hit_max_transfer);
	json_number(out, "milliseconds", (uint64_t)milliseconds);
}

/* What the plan's text says already is not said twice. */
static void
print_held_notes(struct tell *t, const char *plan_text)
{
	char **note;

	for (size_t i = 0; i + 2 < t->held_notes.n; i += 3) {
		note = &t->held_notes.at[i];
		if (strstr(plan_text, note[1]) == NULL)
			print_note(t, *note[0] == 'w' ? NOTE_WARNING : NOTE_INFO, note[2]);
	}
	for (size_t i = 0; i < t->held_notes.n; i++)
		free(t->held_notes.at[i]);
	t->held_notes.n = 0;
}

static void
tell_plan(struct tell *t, const struct channel_report *r)
{
	const char *text = buf_str(&r->plan_text);
	const bool is_stuck = r->held != 0 || r->failed != 0 || r->errors.n != 0;
	struct buf line = { 0 };

	if (t->app->options.is_json) {
		json_open(&line);
		json_text(&line, "event", "plan");
		json_text(&line, "channel", t->channel);
		json_text(&line, "text", text);
		terminal_json(&line);
	} else {
		print_held_notes(t, text);
		if (t->channels > 1)
			terminal_line(stdout, TERMINAL_PLAIN, "channel ", t->channel);
		terminal_lines(stdout, *text != '\0' ? text : is_stuck ? "nothing can be done before what is told above is settled" :
		    r->refused != 0 ? "nothing new: only what was refused" : "nothing to do");
	}
	buf_release(&line);
}

static void
tell_channel_summary(struct tell *t, const struct channel_report *r, size_t errors, int rc, const struct err *e, int64_t ended)
{
	struct buf line = { 0 };

	if (t->app->options.is_json) {
		json_open(&line);
		json_text(&line, "event", "channel");
		json_text(&line, "channel", t->channel);
		json_text(&line, "end", rc == 0 ? "done" : e->class == ERR_CANCELLED ? "stopped" : "failed");
		json_bool(&line, "dry", t->app->options.is_dry);
		json_counts(&line, r, errors, ended - t->channel_begun);
		terminal_json(&line);
	} else if (t->app->options.verbose > 0 && t->channels > 1) {
		shown_escape(&line, t->channel, false);
		buf_adds(&line, ": ");
		add_summary(&line, r, errors);
		terminal_fields(buf_str(&line));
	}
	buf_release(&line);
}

static bool
may_pass(const struct channel_report *r, enum err_class class)
{
	return class == ERR_TEMPORARY && !r->is_lasting;
}

/* -q: what the run said of errors, without what may pass by itself. Where there is no report, all of it. */
static void
print_held_errors(struct tell *t, const struct channel_report *r)
{
	const struct report_error *one;
	char *words;

	for (size_t i = 0; i < r->errors.n && options_is_patient(&t->app->options) && !t->app->options.is_json; i++) {
		one = &r->errors.at[i];
		words = place_words(t->channel, one->box, one->text);
		if (!may_pass(r, one->class))
			print_note(t, NOTE_ERROR, words);
		free(words);
	}
	for (size_t i = 0; i < t->held_errors.n; i++) {
		if (r->errors.n == 0)
			print_note(t, NOTE_ERROR, t->held_errors.at[i]);
		free(t->held_errors.at[i]);
	}
	t->held_errors.n = 0;
}

void
tell_channel_end(struct tell *t, const struct channel_report *r, int rc, const struct err *e, int64_t ended)
{
	const size_t before = t->errors;
	struct err in_report;

	terminal_clear();
	print_held_errors(t, r);
	for (size_t i = 0; i < r->errors.n; i++) {
		err_class(&in_report, ERR_BOX, r->errors.at[i].class, ERR_LATER, "%s", r->errors.at[i].text);
		if (t->app->options.is_json)
			app_fail_at(t->app, t->channel, r->errors.at[i].box, &in_report);
		exit_status_add(&t->app->status, in_report.class);
		t->errors++;
	}
	/* What ended the run before there was a report, or because we were asked, is told here only. */
	if (rc < 0 && (r->errors.n == 0 || e->class == ERR_CANCELLED)) {
		if (options_is_patient(&t->app->options) && !t->app->options.is_json && may_pass(r, e->class))
			exit_status_add(&t->app->status, e->class);
		else
			tell_error(t, e);
	}
	if (r->held != 0 && !t->app->options.is_dry)
		exit_status_add(&t->app->status, ERR_FAILED);
	if (r->hit_max_transfer) {
		exit_status_add(&t->app->status, ERR_TEMPORARY);
		app_notice(t->app, "%s: stopped after the bytes that --max-transfer allows; the next run goes on",
		    t->channel);
	}
	if (t->app->options.is_dry && rc == 0)
		tell_plan(t, r);
	else
		print_held_notes(t, "");
	add_report(t, r);
	tell_channel_summary(t, r, t->errors - before, rc, e, ended);
}

void
tell_end(struct tell *t)
{
	const struct options *o = &t->app->options;
	struct buf line = { 0 };

	progress_release(&t->progress);
	if (o->is_json) {
		json_open(&line);
		json_text(&line, "event", "run");
		json_number(&line, "channels", t->number);
		json_bool(&line, "dry", o->is_dry);
		json_counts(&line, &t->sum, t->errors, progress_now() - t->begun);
		json_number(&line, "exit", (uint64_t)app_code(t->app));
		terminal_json(&line);
	} else if (t->is_any && o->quiet == 0 && (o->verbose > 0 || o->is_mbsync || terminal_is_live())) {
		buf_printf(&line, "%sChannels: %zu    ", o->is_dry && !o->is_mbsync ? "To do:    " : "", t->number);
		if (o->is_mbsync)
			add_old_summary(&line, &t->sum);
		else
			add_summary(&line, &t->sum, t->errors);
		terminal_fields(buf_str(&line));
	}
	buf_release(&line);
	vec_release(&t->held_notes);
	vec_release(&t->held_errors);
	report_release(&t->sum);
}
