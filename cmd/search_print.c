#include "cmd/search_print.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/dates.h"
#include "cmd/json.h"
#include "cmd/shown.h"
#include "cmd/terminal.h"
#include "state/base/shell_word.h"

static const char *
dup_or_null(struct arena *a, const char *s)
{
	return s != NULL ? arena_strdup(a, s) : NULL;
}

void
finds_add(struct finds *f, const struct channel_settings *c, size_t turn, const struct search_hit *hit)
{
	struct find *find = vec_add(&f->all);

	*find = (struct find){ .channel = c, .turn = turn, .hit = *hit };
	find->hit.box = arena_strdup(&f->arena, hit->box);
	find->hit.path = dup_or_null(&f->arena, hit->path);
	find->hit.missing = dup_or_null(&f->arena, hit->missing);
	find->hit.remedy = dup_or_null(&f->arena, hit->remedy);
	find->hit.from = arena_strdup(&f->arena, hit->from);
	find->hit.subject = arena_strdup(&f->arena, hit->subject);
	find->hit.message_id = arena_strdup(&f->arena, hit->message_id);
}

void
finds_release(struct finds *f)
{
	vec_release(&f->all);
	arena_release(&f->arena);
}

/* Channels keep their order among mail of the same second, and so does what each of them sent. */
static int
cmp_newest(const void *x, const void *y)
{
	const struct find *a = x, *b = y;

	if (a->hit.date != b->hit.date)
		return a->hit.date < b->hit.date ? 1 : -1;
	return (a->turn > b->turn) - (a->turn < b->turn);
}

static void
put_day(struct buf *out, int64_t date)
{
	char text[DATES_SIZE];

	buf_printf(out, "%-10s", dates_day(date, text));
}

/* The command that fetches it; the caller frees. NULL = there is none. */
static char *
command_of(const struct find *f)
{
	struct buf target = { 0 };
	struct arena a = { 0 };
	char *command;

	if (f->hit.remedy == NULL)
		return NULL;
	buf_adds(&target, f->channel->name);
	if (f->channel->has_patterns)
		buf_printf(&target, ":%s", f->hit.box);
	command = mem_printf("mailtwin %s%s", f->hit.remedy, shell_word(&a, buf_str(&target)));
	buf_release(&target);
	arena_release(&a);
	return command;
}

static void
print_json(const struct find *f)
{
	struct buf line = { 0 };
	char *command = f->hit.path == NULL ? command_of(f) : NULL;

	json_open(&line);
	json_text(&line, "event", "found");
	json_text(&line, "channel", f->channel->name);
	json_text(&line, "mailbox", f->hit.box);
	json_number(&line, "uid", f->hit.uid);
	json_number(&line, "uidvalidity", f->hit.uidvalidity);
	json_text(&line, "path", f->hit.path);
	json_signed(&line, "date", f->hit.date);
	json_number(&line, "size", f->hit.size);
	json_text(&line, "from", f->hit.from);
	json_text(&line, "subject", f->hit.subject);
	json_text(&line, "message_id", f->hit.message_id);
	json_text(&line, "missing", f->hit.path == NULL ? f->hit.missing : NULL);
	json_text(&line, "fetch", command);
	terminal_json(&line);
	free(command);
}

/* Other programs take names of files as they are; a terminal is given them escaped. */
static void
put_line(const struct app *app, const char *text)
{
	if (app->options.ends_in_nul)
		fwrite(text, 1, strlen(text) + 1, stdout);
	else if (isatty(STDOUT_FILENO))
		terminal_line(stdout, TERMINAL_PLAIN, "", text);
	else
		printf("%s\n", text);
}

static void
print_one(const struct app *app, const struct find *f, const char *print)
{
	const struct search_hit *h = &f->hit;
	struct buf line = { 0 };

	if (strcmp(print, "path") == 0 && h->path != NULL)
		buf_adds(&line, h->path);
	else if (strcmp(print, "uid") == 0 && h->uid != 0)
		buf_printf(&line, "%s:%s:%u", f->channel->name, h->box, h->uid);
	else if (strcmp(print, "message-id") == 0)
		buf_adds(&line, h->message_id);
	else if (strcmp(print, "subject") == 0) {
		put_day(&line, h->date);
		buf_printf(&line, "  %s  %s: %s", h->box, h->from, h->subject);
	}
	if (line.len > 0)
		put_line(app, buf_str(&line));
	buf_release(&line);
}

/* Paths where there are files, else UIDs. */
static const char *
default_print(const struct find *f)
{
	for (int s = 0; s < SIDES; s++)
		if (f->channel->store[s]->account == NULL)
			return "path";
	return "uid";
}

/* Which were found and not printed, for they lack what was to be printed. */
static void
tell_lacking(const struct app *app, const struct finds *f)
{
	const char *print = app->options.print != NULL ? app->options.print : "";
	size_t n = 0;

	for (size_t i = 0; i < f->all.n; i++)
		n += (strcmp(print, "uid") == 0 && f->all.at[i].hit.uid == 0) ||
		    (strcmp(print, "message-id") == 0 && *f->all.at[i].hit.message_id == '\0') ||
		    (strcmp(print, "path") == 0 && f->all.at[i].hit.path == NULL && f->all.at[i].hit.missing == NULL);
	if (n > 0)
		app_warn(app, "%zu found, of which no %s is known: not printed", n, print);
}

/* ---- what is not on the disk ---- */

static bool
is_same_cause(const struct find *a, const struct find *b)
{
	return a->channel == b->channel && strcmp(a->hit.box, b->hit.box) == 0 && strcmp(a->hit.missing, b->hit.missing) == 0;
}

static void
put_name(struct buf *out, const struct find *f)
{
	enum { LONGEST = 60 };
	struct buf subject = { 0 };

	put_day(out, f->hit.date);
	shown_cut(&subject, f->hit.subject, LONGEST);
	buf_printf(out, " %s: \"%s\" (UID %u)", f->hit.from, buf_str(&subject), f->hit.uid);
	buf_release(&subject);
}

/* Once for each mailbox and cause, with the newest by name. */
static void
tell_missing(const struct app *app, const struct finds *f)
{
	enum { NAMED = 3 };
	bool *is_told = mem_alloc(f->all.n + 1);
	struct buf names = { 0 };
	char *command;

	for (size_t i = 0; i < f->all.n; i++) {
		const struct find *first = &f->all.at[i];
		size_t n = 0;

		if (is_told[i] || first->hit.path != NULL || first->hit.missing == NULL)
			continue;
		buf_clear(&names);
		for (size_t k = i; k < f->all.n; k++) {
			const struct find *other = &f->all.at[k];

			if (other->hit.path != NULL || other->hit.missing == NULL || !is_same_cause(first, other))
				continue;
			is_told[k] = true;
			if (n++ < NAMED) {
				buf_adds(&names, n > 1 ? "; " : "");
				put_name(&names, other);
			}
		}
		command = command_of(first);
		app_warn(app, "%s:%s: %zu found, not on the disk: %s%s%s%s. %s%s", first->channel->name, first->hit.box, n, first->hit.missing,
		    command != NULL ? " (`" : "", command != NULL ? command : "", command != NULL ? "` fetches it)" : "", buf_str(&names),
		    n > NAMED ? "; ..." : "");
		free(command);
	}
	buf_release(&names);
	free(is_told);
}

void
finds_print(const struct app *app, struct finds *f)
{
	const size_t limit = app->options.limit;

	if (f->all.n > 1)
		qsort(f->all.at, f->all.n, sizeof *f->all.at, cmp_newest);
	if (limit != 0 && f->all.n > limit)
		f->all.n = limit;
	for (size_t i = 0; i < f->all.n; i++) {
		const struct find *one = &f->all.at[i];

		if (app->options.is_json)
			print_json(one);
		else
			print_one(app, one, app->options.print != NULL ? app->options.print : default_print(one));
	}
	if (!app->options.is_json) {
		tell_missing(app, f);
		tell_lacking(app, f);
	}
}
