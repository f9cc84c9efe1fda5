/* The server's part of a search: which mailboxes there are, what is found in them, and where that is on the disk. */
#include "sync/channel_search_inside.h"

#include <stdlib.h>
#include <string.h>

#include "sync/chapters.h"
#include "sync/why_missing.h"

/* ---- jobs ---- */

struct search_job {
	struct job job;
	enum side side;
	struct search_part *parts;
	size_t n;
	struct search_how how;
};

static int
run_search(struct job *j, struct session *session[SIDES], struct err *e)
{
	struct search_job *s = (struct search_job *)j;

	return session[s->side]->store->ops->search(session[s->side], s->parts, s->n, &s->how, e);
}

struct headers_job {
	struct job job;
	enum side side;
	struct fetch_part *parts;
	size_t n;
	const struct fetch_item *items;
	struct header_sink sink;
};

static int
run_headers(struct job *j, struct session *session[SIDES], struct err *e)
{
	struct headers_job *h = (struct headers_job *)j;

	return session[h->side]->store->ops->headers(session[h->side], h->parts, h->n, h->items, &h->sink, e);
}

/* ---- the search ---- */

struct asking {
	struct env *env;
	const struct search_want *want;
	struct search_result *r;
	int server, disk;
	struct search_part *parts;
	uint32_t *boxes;		/* of each part: index of env.boxes */
	size_t n;
	bool *is_here;			/* of each of env.boxes: searched on the disk instead */
};

static void
choose_parts(struct asking *a)
{
	struct env *env = a->env;
	const bool has_in = query_has(a->want->query, QUERY_IN);
	const struct query *q;

	a->parts = arena_alloc(&env->arena, (env->boxes.n + 1) * sizeof *a->parts);
	a->boxes = arena_alloc(&env->arena, (env->boxes.n + 1) * sizeof *a->boxes);
	a->is_here = arena_alloc(&env->arena, env->boxes.n + 1);
	for (size_t i = 0; i < env->boxes.n; i++) {
		struct run_box *b = &env->boxes.at[i];

		q = has_in ? query_in_box(a->want->query, b->name, &env->arena) : a->want->query;
		if (q->kind == QUERY_NONE)
			continue;
		if (b->side[a->server].listed == NULL) {
			a->is_here[i] = a->disk >= 0 && b->side[a->disk].listed != NULL;
			continue;
		}
		a->boxes[a->n] = (uint32_t)i;
		a->parts[a->n++] = (struct search_part){ .box = b->side[a->server].on, .query = q };
	}
}

/* In as many sessions as there is work for: a session more is worth its opening for a good many mailboxes. */
static int
ask(struct asking *a, struct err *e)
{
	enum { PER_SESSION = 32 };
	bool needs[SIDES] = { false, false };
	struct search_job *jobs;
	struct job *done;
	size_t n_jobs, at = 0, width;
	int status = 0;

	needs[a->server] = true;
	width = (size_t)pool_width(a->env->pool, needs);
	n_jobs = a->n / PER_SESSION + 1;
	if (n_jobs > width)
		n_jobs = width > 0 ? width : 1;
	jobs = arena_alloc(&a->env->arena, n_jobs * sizeof *jobs);
	for (size_t i = 0; i < n_jobs && a->n > 0; i++) {
		const size_t n = (a->n - at) / (n_jobs - i);

		jobs[i] = (struct search_job){ .job = { .run = run_search, .is_repeatable = true }, .side = (enum side)a->server,
			.parts = a->parts + at, .n = n, .how = { .is_fuzzy = a->want->is_fuzzy, .now = a->env->set->now } };
		jobs[i].job.needs[a->server] = true;
		jobs[i].job.turns = 2;
		at += n;
		pool_submit(a->env->pool, &jobs[i].job);
	}
	while ((done = pool_wait(a->env->pool)) != NULL)
		if (done->status < 0 && status == 0) {
			*e = done->err;
			status = -1;
		}
	if (status == 0 && a->n > 0 && jobs[0].how.is_exact)
		search_note(a->r, NULL, false, ERR_FAILED, "the server knows no fuzzy search (SEARCH=FUZZY): texts are searched for to the letter");
	return status;
}

/* What one mailbox is to blame for. A server that does not understand the question (a charset, a key) leaves the headers on the disk. */
static void
judge(struct asking *a)
{
	struct run_box *b;

	for (size_t i = 0; i < a->n; i++) {
		struct search_part *p = &a->parts[i];

		b = &a->env->boxes.at[a->boxes[i]];
		if (p->status < 0 && p->is_refused && a->disk >= 0 && b->side[a->disk].listed != NULL && query_cannot_here(p->query) == NULL) {
			a->is_here[a->boxes[i]] = true;
			search_note(a->r, b->name, false, p->err.class, "%s; the headers on the disk were searched in its place", p->err.text);
		} else if (p->status < 0) {
			search_note(a->r, b->name, true, p->err.class, "%s", p->err.text);
		}
		if (p->status == 0 && p->is_part)
			search_note(a->r, b->name, true, ERR_FAILED, "the server says that it searched a part of the mailbox only");
	}
}

/* ---- what was found, and where it is ---- */

struct joined {
	struct asking *a;
	size_t *hit;			/* of each item: index of r->hits */
};

static void
on_header(void *ctx, const struct message_header *h)
{
	struct joined *j = ctx;
	struct search_hit *hit = &j->a->r->hits.at[j->hit[h->index]];

	search_fill(j->a->r, hit, h);
	if (h->path != NULL)
		hit->missing = hit->remedy = NULL;
}

/* Why a message that the server has is not on the disk, and what brings it. */
static void
explain(const struct run_box *b, int disk, const struct record *rec, struct search_hit *hit)
{
	hit->missing = why_missing(rec, (enum side)disk, &hit->remedy);
	if (rec == NULL && b->side[disk].listed == NULL)
		hit->missing = b->rec.id != 0 && b->rec.side[disk].is_known ? "its mailbox is not on the disk any more" :
		    "its mailbox is not on the disk yet";
}

struct lookup {
	VEC(struct fetch_part) parts;
	VEC(struct fetch_item) items;
	VEC(size_t) hit;
};

static void
lookup_add(struct lookup *l, const char *box, uint64_t epoch, struct key key, const char *hint, size_t hit)
{
	struct fetch_part *p = l->parts.n > 0 ? &l->parts.at[l->parts.n - 1] : NULL;

	if (p == NULL || strcmp(p->box, box) != 0) {
		p = vec_add(&l->parts);
		*p = (struct fetch_part){ .box = box, .epoch = epoch, .first = l->items.n };
	}
	p->n++;
	vec_push(&l->items, (struct fetch_item){ .key = key, .hint = hint });
	vec_push(&l->hit, hit);
}

static void
lookup_release(struct lookup *l)
{
	vec_release(&l->parts);
	vec_release(&l->items);
	vec_release(&l->hit);
}

/* Asks the store of a side for their headers. */
static int
look_up(struct asking *a, int side, struct lookup *l, struct err *e)
{
	struct joined j = { .a = a, .hit = l->hit.at };
	struct headers_job job = { .job = { .run = run_headers, .is_repeatable = true }, .side = (enum side)side, .parts = l->parts.at,
		.n = l->parts.n, .items = l->items.at, .sink = { on_header, &j } };

	job.job.needs[side] = true;
	return l->items.n > 0 ? pool_run(a->env->pool, &job.job, e) : 0;
}

/* The hits of one mailbox: those on the disk go to `disk`. */
static int
join_box(struct asking *a, size_t i, struct lookup *disk, struct err *e)
{
	const struct search_part *p = &a->parts[i];
	const struct run_box *b = &a->env->boxes.at[a->boxes[i]];
	const bool is_known = b->rec.id != 0 && p->epoch != 0 && b->rec.side[a->server].cursor.epoch == p->epoch;
	struct search_hit *hit;
	struct arena *mem = &a->env->arena;
	struct record rec;
	int got;

	for (size_t k = 0; k < p->uids.n; k++) {
		hit = vec_add(&a->r->hits);
		*hit = (struct search_hit){ .box = arena_strdup(&a->r->arena, b->name), .uid = p->uids.at[k], .uidvalidity = p->epoch, .from = "",
			.subject = "", .message_id = "" };
		if (a->disk < 0)
			continue;
		got = is_known ? message_find(a->env->state, mem, b->rec.id, (enum side)a->server, key_from_uid(mem, hit->uid), &rec, e) : 0;
		if (got < 0)
			return -1;
		explain(b, a->disk, got > 0 ? &rec : NULL, hit);
		if (hit->missing != NULL)
			hit->missing = arena_strdup(&a->r->arena, hit->missing);
		if (got > 0 && rec.half[a->disk].presence == PRESENCE_HERE && b->side[a->disk].listed != NULL)
			lookup_add(disk, b->side[a->disk].on, 0, rec.half[a->disk].key, rec.half[a->disk].hint, a->r->hits.n - 1);
	}
	return 0;
}

/* Those that are not on the disk, by their words from the server. */
static int
name_missing(struct asking *a, const size_t *first, struct err *e)
{
	enum { MISSING_MOST = 20000 };	/* the newest of each mailbox, by UID: what is more is told by its UID alone */
	struct lookup l = { 0 };
	size_t from, end, k;
	int status;

	for (size_t i = 0; i < a->n; i++) {
		end = i + 1 < a->n ? first[i + 1] : a->r->hits.n;
		from = end - first[i] > MISSING_MOST ? end - MISSING_MOST : first[i];
		for (k = from; k < end; k++)
			if (a->r->hits.at[k].path == NULL)
				lookup_add(&l, a->parts[i].box, a->parts[i].epoch,
				    key_from_uid(&a->env->arena, a->r->hits.at[k].uid), "", k);
	}
	status = look_up(a, a->server, &l, e);
	for (size_t i = 0; i < l.parts.n && status == 0; i++)
		if (l.parts.at[i].status < 0)
			search_note(a->r, NULL, false, ERR_FAILED, "%s", l.parts.at[i].err.text);
	lookup_release(&l);
	return status;
}

static int
join(struct asking *a, struct err *e)
{
	size_t *first = arena_alloc(&a->env->arena, (a->n + 1) * sizeof *first);
	struct lookup disk = { 0 };
	int status = 0;

	for (size_t i = 0; i < a->n && status == 0; i++) {
		first[i] = a->r->hits.n;
		status = join_box(a, i, &disk, e);
	}
	if (status == 0 && a->disk >= 0)
		status = look_up(a, a->disk, &disk, e);
	lookup_release(&disk);
	return status == 0 ? name_missing(a, first, e) : -1;
}

/* Mailboxes that the server does not have, or did not search. */
static int
search_rest(struct asking *a, struct err *e)
{
	struct env *env = a->env;
	struct search_unanswered unanswered = { .n = 0 };
	size_t only_here = 0;

	for (size_t i = 0; i < env->boxes.n; i++) {
		const struct run_box *b = &env->boxes.at[i];
		const struct search_here here = { .env = env, .want = a->want, .side = (enum side)a->disk, .server = a->server,
			.box = b->name, .on = b->side[a->disk < 0 ? NEAR : a->disk].on, .rec = b->rec.id != 0 ? &b->rec : NULL };

		if (!a->is_here[i])
			continue;
		only_here += b->side[a->server].listed == NULL;
		if (search_box_here(&here, a->r, &unanswered, e) < 0)
			return -1;
	}
	search_note_unanswered(a->r, &unanswered);
	if (only_here > 0)
		search_note(a->r, NULL, false, ERR_FAILED, "%zu mailbox%s on the disk alone: headers were searched there", only_here,
		    only_here == 1 ? " is" : "es are");
	return 0;
}

int
channel_search(const struct channel *set, const struct search_want *want, struct search_result *r, struct err *e)
{
	struct channel_report report = { 0 };
	struct chapters run;
	struct env *env = chapters_begin(&run, set, NULL, &report);
	struct asking a = { .env = env, .want = want, .r = r, .server = search_server(set), .disk = search_disk(set) };
	int status;

	*r = (struct search_result){ 0 };
	status = chapters_open(env, &set->state, e) < 0 || chapters_recall(env, e) < 0 || asks_set(env, e) < 0 || boxes_list(env, e) < 0 ? -1 : 0;
	if (status == 0) {
		choose_parts(&a);
		status = ask(&a, e);
	}
	if (status == 0) {
		judge(&a);
		status = join(&a, e) < 0 || search_rest(&a, e) < 0 ? -1 : 0;
	}
	for (size_t i = 0; i < report.errors.n && status == 0; i++)
		search_note(r, report.errors.at[i].box, true, report.errors.at[i].class, "%s", report.errors.at[i].text);
	if (status == 0)
		search_sort(r, want->limit);
	for (size_t i = 0; i < a.n; i++)
		vec_release(&a.parts[i].uids);
	chapters_close(env);
	return status;
}
