/* mailtwin explain: where a message is on both sides, and why; from the state and the disk alone. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/apart.h"
#include "cmd/command.h"
#include "cmd/dates.h"
#include "cmd/engine.h"
#include "cmd/json.h"
#include "cmd/log_words.h"
#include "cmd/on_disk.h"
#include "cmd/state_place.h"
#include "cmd/targets.h"
#include "cmd/terminal.h"
#include "state/state.h"
#include "sync/channel_search.h"
#include "sync/maildir/filename.h"
#include "sync/why_missing.h"

/* What a person asks about. */
struct asked {
	enum { ASKED_FILE, ASKED_UID, ASKED_MESSAGE_ID } kind;
	const char *text;		/* as typed; of a Message-ID without its brackets */
	const char *channel;		/* UID: NULL = any */
	const char *box;
	uint32_t uid;
};

struct explaining {
	struct app *app;
	struct asked *asked;
	const struct channel_settings *settings;
	struct channel channel;
	struct state *state;
	struct arena arena;
	bool was_found;
};

/* ---- one message ---- */

struct found_message {
	const struct box_record *box;
	struct record rec;
	bool is_known;			/* else: a file that no run has seen */
	struct on_disk file;
};

/* ---- why ---- */

static const char *
verdict(struct explaining *x, const struct found_message *m)
{
	static const char *const names[SIDES] = { "far", "near" };
	const struct record *r = &m->rec;
	const struct record_half *far = &r->half[FAR], *near = &r->half[NEAR];
	const char *remedy;
	enum side gone;

	if (!m->is_known)
		return "no run has seen it yet: the next one copies it to the other side, or pairs it with what is there";
	if (far->presence == PRESENCE_HERE && near->presence == PRESENCE_HERE && r->mark == MARK_NEW)
		return flags_equal(far->flags, near->flags) ? "both sides have it, with the same flags: nothing is to be done" :
		    arena_printf(&x->arena, "both sides have it; of its flags one side has changed some, or cannot keep them (%s on far, %s on "
		    "near, agreed %s)", flags_text(&x->arena, far->flags), flags_text(&x->arena, near->flags),
		    r->has_agreed ? flags_text(&x->arena, r->agreed) : "nothing yet");
	gone = far->presence == PRESENCE_HERE ? NEAR : FAR;
	if (r->half[gone].presence == PRESENCE_GONE && r->half[side_other(gone)].presence == PRESENCE_HERE && r->mark == MARK_NEW)
		return arena_printf(&x->arena, "it is gone from %s: the next run deletes it on %s, unless Sync and Expunge forbid that or a guard "
		    "holds it", names[gone], names[side_other(gone)]);
	return arena_printf(&x->arena, "it is not on %s: %s", names[gone], why_missing(r, gone, &remedy));
}

static const char *
trouble(struct explaining *x, const struct record *r)
{
	if (r->trouble == TROUBLE_SESSION)
		return arena_printf(&x->arena, "sessions ended at it in %u runs", r->troubled);
	if (r->trouble == TROUBLE_LEFT_OUT)
		return arena_printf(&x->arena, "it was listed and not given in %u runs", r->troubled);
	return r->refusals > 0 ? arena_printf(&x->arena, "it was refused without a reason in %u runs", r->refusals) : NULL;
}

/* ---- telling ---- */

static const char *
place_of(struct explaining *x, const struct found_message *m, enum side s)
{
	const struct record_half *h = &m->rec.half[s];
	const struct store_settings *store = x->settings->store[s];

	if (store->account == NULL)
		return m->file.path;
	if (!m->is_known || h->key.len == 0)
		return NULL;
	return key_uid(h->key) != 0 ? arena_printf(&x->arena, "UID %u", key_uid(h->key)) : key_text(&x->arena, h->key, false);
}

static const char *
presence_of(const struct found_message *m, enum side s)
{
	static const char *const names[] = { [PRESENCE_NEVER] = "never", [PRESENCE_HERE] = "here", [PRESENCE_GONE] = "gone",
		[PRESENCE_BEYOND] = "beyond" };

	return names[m->rec.half[s].presence];
}

static void
put_side(struct explaining *x, struct buf *line, const struct found_message *m, enum side s)
{
	json_open_member(line, side_name(s));
	json_text(line, "place", place_of(x, m, s));
	json_text(line, "presence", m->is_known ? presence_of(m, s) : NULL);
	json_text(line, "flags", m->is_known ? flags_text(&x->arena, m->rec.half[s].flags) : NULL);
	json_close(line);
}

static void
print_json(struct explaining *x, const struct found_message *m)
{
	struct buf line = { 0 };

	json_open(&line);
	json_text(&line, "event", "explained");
	json_text(&line, "channel", x->settings->name);
	json_text(&line, "mailbox", m->box->name);
	json_signed(&line, "date", m->file.date);
	json_text(&line, "from", m->file.from);
	json_text(&line, "subject", m->file.subject);
	json_text(&line, "message_id", m->file.message_id);
	for (int s = 0; s < SIDES; s++)
		put_side(x, &line, m, (enum side)s);
	json_text(&line, "why", verdict(x, m));
	json_text(&line, "trouble", trouble(x, &m->rec));
	terminal_json(&line);
}

static void
print_words(struct explaining *x, const struct found_message *m)
{
	char date[DATES_SIZE];
	const char *place;
	char *text;

	dates_minute(m->file.date, date);
	text = m->file.path != NULL ?
	    mem_printf("%s:%s: %s%s%s: \"%s\"", x->settings->name, m->box->name, date, *date != '\0' ? "  " : "", m->file.from, m->file.subject) :
	    mem_printf("%s:%s:", x->settings->name, m->box->name);
	terminal_line(stdout, TERMINAL_PLAIN, "", text);
	free(text);
	for (int s = 0; s < SIDES; s++) {
		place = place_of(x, m, (enum side)s);
		text = mem_printf("  %-5s %s%s%s%s", side_name((enum side)s), place != NULL ? place : "-", m->is_known ? ", " : "",
		    !m->is_known ? "" : m->rec.half[s].presence == PRESENCE_NEVER ? "never there" : m->rec.half[s].presence == PRESENCE_GONE ?
		    "gone" : m->rec.half[s].presence == PRESENCE_BEYOND ? "out of sight" : "flags ",
		    m->is_known && m->rec.half[s].presence == PRESENCE_HERE ? flags_text(&x->arena, m->rec.half[s].flags) : "");
		terminal_line(stdout, TERMINAL_PLAIN, "", text);
		free(text);
	}
	terminal_line(stdout, TERMINAL_PLAIN, "  why   ", verdict(x, m));
	if (trouble(x, &m->rec) != NULL)
		terminal_line(stdout, TERMINAL_PLAIN, "        ", trouble(x, &m->rec));
}

/* Whether a text of the log names that UID. */
static bool
names_uid(const char *text, uint32_t uid)
{
	char number[32];
	const char *at = text;

	snprintf(number, sizeof number, "UID %u", uid);
	while ((at = strstr(at, number)) != NULL) {
		at += strlen(number);
		if (*at < '0' || *at > '9')
			return true;
	}
	return false;
}

static void
print_log(struct explaining *x, const struct log_entry *l)
{
	char date[DATES_SIZE];
	struct buf text = { 0 };

	if (x->app->options.is_json)
		return;
	buf_printf(&text, "%s  ", dates_minute(l->when, date));
	log_words(&text, l);
	terminal_line(stdout, TERMINAL_PLAIN, "  log   ", buf_str(&text));
	buf_release(&text);
}

/* What the log has of it: by its UID in the mailbox, or the base of its name. True: something. */
static bool
tell_log(struct explaining *x, const char *box, uint32_t uid, const char *base)
{
	struct arena a = { 0 };
	struct log_entry l = { 0 };
	uint64_t after = 0;
	bool has = false;
	struct err unused;

	while (log_next(x->state, &a, after, &l, &unused) > 0) {
		if ((base != NULL && *base != '\0' && strstr(l.what, base) != NULL) ||
		    (uid != 0 && strcmp(l.box, box) == 0 && names_uid(l.what, uid))) {
			print_log(x, &l);
			has = true;
		}
		after = l.id;
		arena_release(&a);
	}
	arena_release(&a);
	return has;
}

static void
tell(struct explaining *x, struct found_message *m)
{
	const int disk = search_disk(&x->channel);
	const char *base = NULL;
	uint32_t uid = 0;

	for (int s = 0; s < SIDES && m->is_known; s++) {
		if (s == disk && m->rec.half[s].key.len > 0 && m->file.path == NULL)
			on_disk_read(&x->channel, m->box, (enum side)s, m->rec.half[s].key, m->rec.half[s].hint, &x->arena, &m->file);
		if (s == disk)
			base = key_text(&x->arena, m->rec.half[s].key, false);
		else
			uid = key_uid(m->rec.half[s].key);
	}
	m->file.from = m->file.from != NULL ? m->file.from : "";
	m->file.subject = m->file.subject != NULL ? m->file.subject : "";
	m->file.message_id = m->file.message_id != NULL ? m->file.message_id : "";
	if (x->app->options.is_json)
		print_json(x, m);
	else
		print_words(x, m);
	(void)tell_log(x, m->box->name, uid, base);
	x->was_found = true;
}

/* ---- finding it ---- */

/* The mailbox that has this directory. */
static const struct box_record *
box_of_directory(struct explaining *x, const struct box_record *all, size_t n, enum side s, const char *directory)
{
	struct store *store = x->channel.store[s];
	const char *path;
	char *real;
	bool is;

	for (size_t i = 0; i < n; i++) {
		path = store->ops->directory(store, on_disk_box(&x->channel, &all[i], s, &x->arena), &x->arena);
		real = path != NULL ? realpath(path, NULL) : NULL;
		is = real != NULL && strcmp(real, directory) == 0;
		free(real);
		if (is)
			return &all[i];
	}
	return NULL;
}

/* FILE: DIRECTORY/cur/NAME, which need not be there any more. */
static int
find_file(struct explaining *x, const struct box_record *all, size_t n, const char *file, struct err *e)
{
	const int disk = search_disk(&x->channel);
	const char *slash = strrchr(file, '/'), *name = slash != NULL ? slash + 1 : file;
	char *sub = mem_printf("%.*s/..", slash != NULL ? (int)(slash - file) : 1, slash != NULL ? file : "."), *directory;
	struct found_message m = { 0 };
	struct filename parts;
	char delimiter;
	int got = 0;

	if (disk >= 0) {
		directory = realpath(sub, NULL);
		m.box = directory != NULL ? box_of_directory(x, all, n, (enum side)disk, directory) : NULL;
		free(directory);
	}
	if (m.box != NULL) {
		delimiter = x->settings->store[disk]->info_delimiter != '\0' ? x->settings->store[disk]->info_delimiter : ':';
		filename_parse(name, delimiter, &parts);
		got = message_find(x->state, &x->arena, m.box->id, (enum side)disk, (struct key){ name, (uint32_t)parts.base }, &m.rec, e);
		m.is_known = got > 0;
		if (got == 0) {
			m.rec = record_blank(m.box->id);
			on_disk_read(&x->channel, m.box, (enum side)disk, (struct key){ name, (uint32_t)parts.base }, "", &x->arena, &m.file);
		}
		if (got > 0 || (got == 0 && m.file.path != NULL))
			tell(x, &m);
		else if (got == 0 && tell_log(x, m.box->name, 0, arena_strndup(&x->arena, name, parts.base)))
			x->was_found = true;
	}
	free(sub);
	return got < 0 ? -1 : 0;
}

static int
find_uid(struct explaining *x, const struct box_record *all, size_t n, struct err *e)
{
	const struct asked *q = x->asked;
	struct found_message m = { 0 };
	int got = 0;

	for (size_t i = 0; i < n && got >= 0; i++) {
		if (strcmp(all[i].name, q->box) != 0)
			continue;
		m = (struct found_message){ .box = &all[i] };
		for (int s = 0; s < SIDES && got == 0; s++)
			if (x->settings->store[s]->account != NULL)
				got = message_find(x->state, &x->arena, all[i].id, (enum side)s, key_from_uid(&x->arena, q->uid), &m.rec, e);
		m.is_known = got > 0;
		if (got > 0)
			tell(x, &m);
		else if (got == 0 && tell_log(x, all[i].name, q->uid, NULL))
			x->was_found = true;
	}
	return got < 0 ? -1 : 0;
}

/* By the headers on the disk. */
static int
find_message_id(struct explaining *x, const struct box_record *all, size_t n, struct err *e)
{
	const struct query term = { .kind = QUERY_HEADER, .name = "Message-ID", .text = x->asked->text };
	const struct search_want want = { .query = &term };
	struct search_result r;
	int rc = search_disk(&x->channel) >= 0 ? channel_search_here(&x->channel, &want, &r, e) : 1;

	for (size_t i = 0; rc == 0 && i < r.hits.n; i++)
		rc = find_file(x, all, n, r.hits.at[i].path, e);
	if (rc != 1)
		search_result_release(&r);
	return rc < 0 ? -1 : 0;
}

static int
explain_in(struct explaining *x, struct err *e)
{
	struct box_record *all;
	size_t n;

	if (box_all(x->state, &x->arena, &all, &n, e) < 0)
		return -1;
	switch (x->asked->kind) {
	case ASKED_FILE:
		return find_file(x, all, n, x->asked->text, e);
	case ASKED_UID:
		return find_uid(x, all, n, e);
	case ASKED_MESSAGE_ID:
		break;
	}
	return find_message_id(x, all, n, e);
}

/* In a process of its own, as it reads a state. A class that no error of it has tells the parent that nothing was found. */
static void
work(struct app *app, void *ctx)
{
	struct explaining *x = ctx;
	const struct target target = { .channel = x->settings };
	struct secrets none = { 0 };
	struct engine engine;
	struct err e;
	int rc;

	app->options.is_dry = true;
	engine_init(&engine, app, &none);
	rc = engine_channel_on_disk(&engine, &target, &x->channel, &e);
	if (rc == 0)
		rc = state_open(&x->channel.state, &x->state, &e);
	if (rc == 0) {
		rc = state_begin(x->state, &e) < 0 || explain_in(x, &e) < 0 ? -1 : 0;
		state_abort(x->state);
	}
	if (rc < 0)
		app_fail_at(app, x->settings->name, NULL, &e);
	else if (!x->was_found)
		exit_status_add(&app->status, ERR_CANCELLED);	/* not here: the parent's to forget */
	state_close(&x->state);
	engine_release(&engine);
	arena_release(&x->arena);
}

/* True: it was found in this channel. */
static bool
explain_channel(struct app *app, struct asked *asked, const struct channel_settings *c)
{
	struct explaining x = { .app = app, .asked = asked, .settings = c };
	struct arena a = { 0 };
	const unsigned before = app->status.classes, not_here = 1u << ERR_CANCELLED;
	struct err e;
	const char *place = state_place(c, getenv("XDG_STATE_HOME"), app->home, &a, &e);
	bool was_found;

	app->status.classes = 0;
	apart_run(app, c->name, place, work, &x);
	was_found = app->status.classes == 0;
	app->status.classes = before | (app->status.classes & ~not_here);
	arena_release(&a);
	return was_found;
}

/* ---- the command line ---- */

static void
read_asked(const struct settings *s, const char *arg, struct asked *q, struct arena *a)
{
	const char *colon = strrchr(arg, ':');
	unsigned long long uid = colon != NULL && colon[1] != '\0' && colon[1 + strspn(colon + 1, "0123456789")] == '\0' ?
	    strtoull(colon + 1, NULL, 10) : 0;
	char *box;

	*q = (struct asked){ .kind = ASKED_MESSAGE_ID, .text = arg };
	if (uid > 0 && uid <= UINT32_MAX && arg[0] != '/') {
		q->kind = ASKED_UID;
		q->uid = (uint32_t)uid;
		box = arena_strndup(a, arg, (size_t)(colon - arg));
		q->box = box;
		colon = strchr(box, ':');
		if (colon != NULL && settings_channel(s, arena_strndup(a, box, (size_t)(colon - box))) != NULL) {
			q->channel = arena_strndup(a, box, (size_t)(colon - box));
			q->box = colon + 1;
		}
	} else if (strchr(arg, '@') == NULL || arg[0] == '/' || strstr(arg, "/cur/") != NULL || strstr(arg, "/new/") != NULL) {
		q->kind = ASKED_FILE;
	} else if (arg[0] == '<' && arg[strlen(arg) - 1] == '>') {
		q->text = arena_strndup(a, arg + 1, strlen(arg) - 2);
	}
}

void
explain_run(struct app *app)
{
	struct arena a = { 0 };
	struct asked asked;
	struct err e;
	bool was_found = false;

	if (app->options.args.n != 1) {
		err_class(&e, ERR_RUN, ERR_USAGE, ERR_NEVER, "explain takes one message: its file, its Message-ID, or BOX:UID");
		app_fail(app, &e);
		return;
	}
	if (app_configure(app) < 0)
		return;
	read_asked(app->settings, app->options.args.at[0], &asked, &a);
	for (size_t i = 0; i < app->settings->n_channels; i++)
		if (asked.channel == NULL || strcmp(asked.channel, app->settings->channels[i]->name) == 0)
			was_found |= explain_channel(app, &asked, app->settings->channels[i]);
	if (!was_found && app->status.classes == 0) {
		err_class(&e, ERR_RUN, ERR_FAILED, ERR_NEVER, "nothing is known of \"%s\"%s%s%s", app->options.args.at[0],
		    asked.kind == ASKED_MESSAGE_ID ? ": no file on the disk has this Message-ID; `mailtwin search message-id:" : "",
		    asked.kind == ASKED_MESSAGE_ID ? asked.text : "", asked.kind == ASKED_MESSAGE_ID ? "` asks the servers" :
		    asked.kind == ASKED_FILE ? ": it lies in no mailbox of a channel" : ": no run has seen such a message there");
		app_fail(app, &e);
	}
	arena_release(&a);
}
