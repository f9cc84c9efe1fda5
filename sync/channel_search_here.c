/* A search on the disk: the headers of all messages of a mailbox are read, and held against the query. */
#include <stdlib.h>
#include <string.h>

#include "sync/channel_search_inside.h"
#include "sync/chapters.h"
#include "sync/pair/patterns.h"

/* ---- one mailbox ---- */

struct reading_here {
	struct job job;
	const struct search_here *h;
	struct search_result *r;
	const struct query *query;
	struct delta delta;
	struct fetch_part part;
	struct fetch_item *items;
	struct { size_t hit, entry; } *found;
	size_t n_found;
};

static void
on_header(void *ctx, const struct message_header *header)
{
	struct reading_here *w = ctx;
	const struct delta_entry *entry = &w->delta.entries.at[header->index];
	const struct query_message m = { .header = header->text, .len = header->len, .flags = entry->flags, .size = header->size,
		.arrived = header->date, .now = w->h->env->set->now };
	struct search_hit *hit;

	if (!query_matches(w->query, &m))
		return;
	hit = vec_add(&w->r->hits);
	*hit = (struct search_hit){ .box = arena_strdup(&w->r->arena, w->h->box) };
	search_fill(w->r, hit, header);
	w->found[w->n_found].hit = w->r->hits.n - 1;
	w->found[w->n_found++].entry = header->index;
}

static int
run_here(struct job *j, struct session *session[SIDES], struct err *e)
{
	struct reading_here *w = (struct reading_here *)j;
	struct session *c = session[w->h->side];
	const struct header_sink sink = { on_header, w };
	size_t n;

	if (c->store->ops->delta(c, &w->delta, 1, true, NULL, e) < 0)
		return -1;
	if (w->delta.status < 0) {
		*e = w->delta.err;
		return -1;
	}
	n = w->delta.entries.n;
	w->items = mem_alloc((n + 1) * sizeof *w->items);
	w->found = mem_alloc((n + 1) * sizeof *w->found);
	for (size_t i = 0; i < n; i++)
		w->items[i] = (struct fetch_item){ .key = w->delta.entries.at[i].key, .hint = w->delta.entries.at[i].hint };
	w->part = (struct fetch_part){ .box = w->h->on, .first = 0, .n = n };
	if (c->store->ops->headers(c, &w->part, 1, w->items, &sink, e) < 0)
		return -1;
	if (w->part.status < 0)
		*e = w->part.err;
	return w->part.status;
}

/* Their UIDs on the server, as far as the base knows them. */
static int
find_uids(struct reading_here *w, struct err *e)
{
	const struct search_here *h = w->h;
	struct arena mem = { 0 };
	struct record rec;
	int got = 0;

	for (size_t i = 0; i < w->n_found && h->rec != NULL && h->server >= 0 && got >= 0; i++) {
		got = message_find(h->env->state, &mem, h->rec->id, h->side, w->delta.entries.at[w->found[i].entry].key, &rec, e);
		if (got > 0 && rec.half[h->server].presence == PRESENCE_HERE) {
			w->r->hits.at[w->found[i].hit].uid = key_uid(rec.half[h->server].key);
			w->r->hits.at[w->found[i].hit].uidvalidity = h->rec->side[h->server].cursor.epoch;
		}
		arena_release(&mem);
	}
	return got < 0 ? -1 : 0;
}

void
search_note_unanswered(struct search_result *r, const struct search_unanswered *u)
{
	if (u->n == 1)
		search_note(r, u->box, true, ERR_FAILED, "%s: it was not searched", u->why);
	else if (u->n > 1)
		search_note(r, NULL, true, ERR_FAILED, "%s: %zu mailboxes were not searched", u->why, u->n);
}

int
search_box_here(const struct search_here *h, struct search_result *r, struct search_unanswered *u, struct err *e)
{
	struct reading_here w = { .job = { .run = run_here }, .h = h, .r = r };
	struct arena trees = { 0 };
	struct err why;
	int status = 0;

	w.query = query_in_box(h->want->query, h->box, &trees);
	if (w.query->kind != QUERY_NONE && query_cannot_here(w.query) != NULL) {
		if (u->n++ == 0)
			*u = (struct search_unanswered){ .box = h->box, .why = query_cannot_here(w.query), .n = 1 };
	} else if (w.query->kind != QUERY_NONE) {
		w.job.needs[h->side] = true;
		delta_init(&w.delta, h->on, NULL);
		if (pool_run(h->env->pool, &w.job, &why) == 0)
			status = find_uids(&w, e);
		else
			search_note(r, h->box, true, why.class, "%s", why.text);
		delta_release(&w.delta);
	}
	free(w.items);
	free(w.found);
	arena_release(&trees);
	return status;
}

/* ---- all mailboxes, without a server ---- */

struct list_here {
	struct job job;
	enum side side;
	struct listing listing;
};

static int
run_list(struct job *j, struct session *session[SIDES], struct err *e)
{
	struct list_here *l = (struct list_here *)j;

	return session[l->side]->store->ops->list(session[l->side], &l->listing, e);
}

/* What the channel calls a mailbox of this side that no run has seen; NULL = it is none of its. */
static const char *
name_of(const struct channel *set, enum side s, const char *full)
{
	const char *only = *set->box[s] != '\0' ? set->box[s] : "INBOX";

	if (set->patterns.n == 0)
		return strcmp(full, only) == 0 ? full : NULL;
	return patterns_select(set->patterns.at, set->patterns.n, set->box[s], set->store[s]->is_inbox_listed, full);
}

static const struct box_record *
record_of(const struct channel *set, enum side s, const struct box_record *all, size_t n, const char *full, struct arena *a)
{
	for (size_t i = 0; i < n; i++) {
		const char *on = set->patterns.n == 0 ? (*set->box[s] != '\0' ? set->box[s] : "INBOX") :
		    arena_printf(a, "%s%s", set->box[s], name_now(&all[i], s));

		if (strcmp(on, full) == 0)
			return &all[i];
	}
	return NULL;
}

static bool
is_wanted(const struct channel *set, const char *box)
{
	bool is = set->only.n == 0;

	for (size_t i = 0; i < set->only.n; i++)
		is |= strcmp(set->only.at[i], box) == 0;
	return is;
}

static int
search_all(struct env *env, const struct search_want *want, const struct listing *l, enum side s, struct search_result *r, struct err *e)
{
	const struct channel *set = env->set;
	struct search_here here = { .env = env, .want = want, .side = s, .server = -1 };
	struct search_unanswered unanswered = { .n = 0 };
	struct box_record *all;
	size_t n, searched = 0;

	if (box_all(env->state, &env->arena, &all, &n, e) < 0)
		return -1;
	here.server = want->has_uids ? (int)side_other(s) : -1;
	for (size_t i = 0; i < l->boxes.n && env_check_cancel(env, e) == 0; i++) {
		if (l->boxes.at[i].attrs & MAILBOX_NOSELECT)
			continue;
		here.on = l->boxes.at[i].name;
		here.rec = record_of(set, s, all, n, here.on, &env->arena);
		here.box = here.rec != NULL ? here.rec->name : name_of(set, s, here.on);
		if (here.box == NULL || !is_wanted(set, here.box))
			continue;
		searched++;
		if (search_box_here(&here, r, &unanswered, e) < 0)
			return -1;
	}
	search_note_unanswered(r, &unanswered);
	for (size_t i = 0; i < set->only.n && searched == 0; i++)
		search_note(r, NULL, true, ERR_USAGE, "there is no mailbox \"%s\" on the disk", set->only.at[i]);
	return env_check_cancel(env, e);
}

/* What the base has that is of use here are UIDs, and other names: a run that is at work on it is no reason not to search. */
static int
open_here(struct env *env, struct err *e)
{
	const struct state_place none = { .channel = env->set->name, .is_dry = true };

	if (chapters_open(env, &env->set->state, e) == 0)
		return 0;
	return env->state == NULL && e->class == ERR_TEMPORARY ? chapters_open(env, &none, e) : -1;
}

int
channel_search_here(const struct channel *set, const struct search_want *want, struct search_result *r, struct err *e)
{
	struct channel_report report = { 0 };
	struct chapters run;
	struct env *env = chapters_begin(&run, set, NULL, &report);
	const int disk = search_disk(set);
	struct list_here l = { .job = { .run = run_list }, .side = (enum side)disk };
	int status;

	*r = (struct search_result){ .is_here = true };
	if (disk < 0)
		return err_class(e, ERR_STORE, ERR_FAILED, ERR_LATER, "channel %s: none of its mail is on the disk", set->name);
	status = open_here(env, e);
	if (status == 0) {
		set->store[disk]->is_dry = true;
		l.job.needs[disk] = true;
		status = pool_run(env->pool, &l.job, e);
	}
	if (status == 0)
		status = search_all(env, want, &l.listing, (enum side)disk, r, e);
	if (status == 0)
		search_sort(r, want->limit);
	listing_release(&l.listing);
	chapters_close(env);
	return status;
}
