/* mailtwin search: what a query finds on the server, and where it is on the disk. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cmd/command.h"
#include "cmd/found.h"
#include "cmd/interrupt.h"
#include "cmd/nearest.h"
#include "cmd/search_print.h"
#include "cmd/shown.h"
#include "cmd/terminal.h"
#include "cmd/workers.h"
#include "sync/message/days.h"
#include "sync/store/kinds.h"

/* Of the one search of this process; workers are forks of it. */
static struct search_want want;

/* ---- the command line ---- */

/* CHANNEL[:BOX] or a group, and no word of a query. */
static bool
is_target(const struct settings *s, const char *arg)
{
	const size_t len = strcspn(arg, ":");
	char *name = mem_printf("%.*s", (int)len, arg);
	bool is = settings_channel(s, arg) != NULL || settings_group(s, arg) != NULL ||
	    (arg[len] == ':' && !query_is_word(arg, len) && settings_channel(s, name) != NULL);

	free(name);
	return is;
}

/* The value of subject:"two words", whose quotation marks the shell has taken; NULL = it is none. */
static const char *
unquoted_value(const char *arg)
{
	const char *word = arg + (arg[0] == '-'), *value = strchr(word, ':');

	if (value == NULL || !query_is_word(word, (size_t)(value - word)))
		return NULL;
	value++;
	if (strpbrk(value, " \t") == NULL || strpbrk(value, "\"():") != NULL)
		return NULL;
	return strstr(value, " or ") == NULL && strstr(value, " not ") == NULL && strstr(value, " -") == NULL ? value : NULL;
}

static void
put_word(const struct app *app, struct buf *text, const char *arg)
{
	const char *value = unquoted_value(arg);

	if (text->len > 0)
		buf_addc(text, ' ');
	if (value == NULL) {
		buf_adds(text, arg);
		return;
	}
	buf_printf(text, "%.*s\"%s\"", (int)(value - arg), arg, value);
	app_notice(app, "searching for %.*s\"%s\", as one text", (int)(value - arg), arg, value);
}

static int64_t
today(void)
{
	time_t now = time(NULL);
	struct tm tm;

	localtime_r(&now, &tm);
	return days_of(tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday);
}

/* The query with a mark under the place. */
static void
point_at(const char *text, size_t at)
{
	struct buf shown = { 0 }, mark = { 0 };
	char *before = mem_printf("%.*s", (int)at, text);

	shown_escape(&shown, before, false);
	for (size_t n = shown_width(buf_str(&shown)); n > 0; n--)
		buf_addc(&mark, ' ');
	buf_addc(&mark, '^');
	terminal_line(stderr, TERMINAL_PLAIN, "    ", text);
	terminal_line(stderr, TERMINAL_PLAIN, "    ", buf_str(&mark));
	buf_release(&shown);
	buf_release(&mark);
	free(before);
}

static int
parse(struct app *app, const char *text, struct arena *a)
{
	struct query_error where;
	struct nearest near;
	struct err e;

	if (query_parse(text, today(), a, &want.query, &where, &e) == 0)
		return 0;
	nearest_init(&near, where.unknown);
	if (where.words != NULL)
		nearest_try_all(&near, where.words);
	if (nearest_word(&near) != NULL)
		snprintf(e.text + strlen(e.text), sizeof e.text - strlen(e.text), "; did you mean \"%s\"?", nearest_word(&near));
	if (app->options.is_json)
		snprintf(e.text + strlen(e.text), sizeof e.text - strlen(e.text), " (octet %zu of the query)", where.at);
	app_fail(app, &e);
	if (!app->options.is_json)
		point_at(text, where.at);
	return -1;
}

/* The arguments: targets first, what follows is the query. -1: told. */
static int
read_arguments(struct app *app, struct arena *a)
{
	struct options *o = &app->options;
	struct buf text = { 0 };
	size_t n = 0;
	struct err e;
	int rc;

	while (n < o->args.n && is_target(app->settings, o->args.at[n]))
		n++;
	for (size_t i = n; i < o->args.n; i++)
		put_word(app, &text, o->args.at[i]);
	o->args.n = n;
	if (text.len == 0) {
		err_class(&e, ERR_RUN, ERR_USAGE, ERR_NEVER, "nothing to search for is said; `mailtwin help search` lists the words");
		app_fail(app, &e);
		rc = -1;
	} else {
		rc = parse(app, buf_str(&text), a);
	}
	buf_release(&text);
	want.is_fuzzy = o->is_fuzzy;
	want.limit = o->limit;
	return rc;
}

/* ---- in the worker ---- */

static bool
has_disk(const struct channel_settings *c)
{
	return c->store[FAR]->account == NULL || c->store[NEAR]->account == NULL;
}

/* On the disk; why: the server could not be asked, NULL = nobody asked it. */
static int
search_here(struct run_set *set, const struct target *t, const struct err *why, struct search_result *r, struct err *e)
{
	struct channel channel;
	struct search_note note;
	int rc;

	for (int s = 0; s < SIDES; s++)
		want.has_uids |= t->channel->store[s]->account != NULL && !store_kinds[t->channel->store[s]->kind].is_source;
	rc = engine_channel_on_disk(&set->engine, t, &channel, e);
	if (rc == 0)
		rc = channel_search_here(&channel, &want, r, e);
	if (rc == 0) {
		note = (struct search_note){ .class = why != NULL ? why->class : ERR_FAILED, .is_error = why != NULL && why->class != ERR_TEMPORARY,
			.text = why == NULL ? "headers on the disk are searched, not the text of messages" :
			    arena_printf(&r->arena, "%s; the headers on the disk are searched in its place", why->text) };
		vec_push(&r->notes, note);
	}
	return rc;
}

static void
work(struct run_set *set, struct link *parent, size_t target)
{
	const struct target *t = &set->targets.all.at[target];
	const bool is_offline = set->app->options.is_offline;
	struct search_result r = { 0 };
	struct channel channel;
	struct err e, why;
	int rc = -1;

	worker_begin(parent, target);
	if (!is_offline)
		rc = run_channel(set, t, &channel, &e);
	if (is_offline || (rc == 0 && search_server(&channel) < 0)) {
		rc = search_here(set, t, NULL, &r, &e);
	} else {
		if (rc == 0)
			rc = channel_search(&channel, &want, &r, &e);
		if (rc < 0 && e.class != ERR_CANCELLED && e.class != ERR_USAGE && has_disk(t->channel)) {
			why = e;
			search_result_release(&r);
			rc = search_here(set, t, &why, &r, &e);
		}
	}
	found_send(parent, &r, rc, &e);
	search_result_release(&r);
}

/* ---- in the parent ---- */

struct searcher {
	struct app *app;
	struct run_set *set;
	struct finds finds;
};

static void
on_lost(void *ctx, size_t target, const struct err *e)
{
	struct searcher *s = ctx;

	run_tell_lost(s->set, target, e);
}

static void
tell_note(struct searcher *s, const char *channel, const struct search_note *n)
{
	struct err e;

	if (n->is_error) {
		err_class(&e, ERR_BOX, n->class, ERR_LATER, "%s%s%s: %s", channel, n->box != NULL ? ":" : "", n->box != NULL ? n->box : "", n->text);
		app_fail_at(s->app, channel, n->box, &e);
	} else {
		app_warn(s->app, "%s%s%s: %s", channel, n->box != NULL ? ":" : "", n->box != NULL ? n->box : "", n->text);
	}
}

static void
on_told(void *ctx, size_t target, struct event *ev)
{
	struct searcher *s = ctx;
	const struct channel_settings *c = s->set->targets.all.at[target].channel;
	struct found_event told;

	found_read(ev, &told);
	if (!event_is_whole(ev)) {
		ev->is_bad = true;
		return;
	}
	switch (told.kind) {
	case FOUND_HIT:
		finds_add(&s->finds, c, s->finds.all.n, &told.hit);
		break;
	case FOUND_NOTE:
		tell_note(s, c->name, &told.note);
		break;
	case FOUND_END:
		s->finds.found += told.found;
		break;
	case FOUND_FAILED:
		on_lost(ctx, target, &told.err);
		break;
	}
}

void
search_run(struct app *app)
{
	struct arena arena = { 0 };
	struct run_set set = { 0 };
	struct searcher s = { .app = app, .set = &set };
	const struct workers_use use = { .work = work, .last = EVENT_SEARCHED, .told = on_told, .lost = on_lost, .ctx = &s };

	if (app_configure(app) < 0)
		return;
	if (read_arguments(app, &arena) == 0) {
		if (run_begin(&set, app, RUN_ALL_UNLESS_NAMED) == 0)
			workers_run(&set, &use);
		finds_print(app, &s.finds);
		/* As grep has it: nothing found is 1. */
		if (s.finds.all.n == 0)
			exit_status_add(&app->status, ERR_FAILED);
		run_end(&set);
	}
	finds_release(&s.finds);
	arena_release(&arena);
}

/* The words, each with what it finds, in 80 columns. */
void
search_help(void)
{
	enum { LEFT = 22, WIDTH = 78 };

	for (const struct query_help *h = query_help(); h->word != NULL; h++) {
		int column = printf("  %-*s", LEFT - 2, h->word);

		for (const char *at = h->text; *at != '\0';) {
			const int len = (int)strcspn(at, " ");

			if (column + 1 + len > WIDTH)
				column = printf("\n%*s", LEFT, "") - 1;
			column += printf(" %.*s", len, at);
			at += len + strspn(at + len, " ");
		}
		putchar('\n');
	}
}
