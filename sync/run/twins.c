/* Before anything is copied: which new messages of the two sides are the same mail (R10).
 *
 * Identities are learnt as cheaply as they can be: a local message whole, a remote one by its header
 * and only where its size fits something on the other side; bodies travel only where that leaves a doubt
 * (sync/pair/adopt.h). What was learnt is kept in the base.
 *
 * Must hold:
 *   1. A message whose identity cannot be learnt is never taken for another's twin.
 *   2. Nor is one copied that may be its twin, by size: both wait for a run in which it can be read.
 */
#include "sync/run/run.h"

#include "state/base/log.h"
#include "sync/pair/adopt.h"

enum {
	TUID_LINE = 22,			/* octets of mbsync's "X-TUID: 123456789012\r\n" */
	FEW = 500,			/* up to so many headers are fetched without looking at sizes */
	RATIO = 20,			/* and up to so many for one on the other side, where sizes failed */
};

struct twins {
	struct run *run;
	struct run_box *box;
	const struct plan_input *in;
	VEC(struct adopt_item) items;	/* id = index into in->messages */
	VEC(uint32_t) unread;		/* ids of those whose identity could not be learnt */
	size_t n[SIDES];
	struct recover_ids awaited;
	const uint64_t *fit;		/* sizes of the other side, sorted, while headers are chosen by size */
	size_t fit_n;
};

struct identify_job {
	struct job job;
	enum side side;
	const char *on;
	uint64_t epoch;
	unsigned want;
	size_t n;
	struct identify_item *items;
	size_t *index;			/* of twins.items */
};

static int
run_identify(struct job *j, struct session *session[SIDES], struct err *e)
{
	struct identify_job *i = (struct identify_job *)j;
	struct session *c = session[i->side];

	return c->store->ops->identify(c, i->on, i->epoch, i->items, i->n, i->want, e);
}

static struct record *
record_of(const struct twins *t, const struct adopt_item *item)
{
	return (struct record *)(uintptr_t)t->in->messages.at[item->id].rec;
}

static struct identify_job *
new_job(const struct twins *t, enum side s, unsigned want, size_t room)
{
	struct identify_job *j = mem_alloc(sizeof *j);

	j->job.run = run_identify;
	j->job.needs[s] = true;
	j->side = s;
	j->on = t->box->side[s].on;
	j->epoch = t->box->rec.side[s].cursor.epoch;
	j->want = want;
	j->items = mem_alloc(room * sizeof *j->items);
	j->index = mem_alloc(room * sizeof *j->index);
	return j;
}

/* Takes over what a job learnt; keeps it in the base. */
static int
learn(struct twins *t, struct identify_job *j, struct err *e)
{
	struct flag_mask masks[SIDES];
	struct adopt_item *item;
	struct record *rec;
	size_t i;

	for (i = 0; i < j->n; i++) {
		item = &t->items.at[j->index[i]];
		if (j->job.status < 0 || j->items[i].status < 0) {
			item->is_unreadable = true;
			if (j->job.status < 0 || j->items[i].err.retry != ERR_NOW)	/* gone is no riddle */
				vec_push(&t->unread, item->id);
			continue;
		}
		item->ident = j->items[i].ident;
		rec = record_of(t, item);
		rec->ident = item->ident;
		if (message_put(t->run->state, rec, run_masks(t->box, masks), e) < 0)
			return -1;
	}
	return 0;
}

/* Learns `want` for the items that `wanted` chooses, spread over the workers. */
static int
identify(struct twins *t, unsigned want, bool (*wanted)(const struct twins *, const struct adopt_item *),
    struct err *e)
{
	enum { PER_JOB = 1000 };
	struct identify_job *j;
	struct job *done;
	int s, status = 0;
	size_t i;

	for (s = 0; s < SIDES; s++) {
		for (j = NULL, i = 0; i < t->items.n; i++) {
			if (t->items.at[i].side != (enum side)s || !wanted(t, &t->items.at[i]))
				continue;
			if (j == NULL)
				j = new_job(t, (enum side)s, want, PER_JOB);
			j->items[j->n] = (struct identify_item){
				.key = record_of(t, &t->items.at[i])->half[s].key,
				.hint = record_of(t, &t->items.at[i])->half[s].hint };
			j->index[j->n++] = i;
			if (j->n == PER_JOB) {
				pool_submit(t->run->pool, &j->job);
				j = NULL;
			}
		}
		if (j != NULL)
			pool_submit(t->run->pool, &j->job);
	}
	while ((done = pool_wait(t->run->pool)) != NULL) {
		j = (struct identify_job *)done;
		if (done->status < 0) {
			report_err(t->run, t->box->name, &done->err);
			t->box->side[j->side].has_failed = true;
		}
		if (status == 0)
			status = learn(t, j, e);
		free(j->items);
		free(j->index);
		free(j);
	}
	return status;
}

static bool
is_local(const struct twins *t, enum side s)
{
	return t->run->set->store[s]->ops->is_local;
}

static bool
wants_local(const struct twins *t, const struct adopt_item *i)
{
	return is_local(t, i->side) && !(i->ident.has & IDENT_FULL) && !i->is_unreadable;
}

static int
cmp_u64(const void *x, const void *y)
{
	uint64_t a = *(const uint64_t *)x, b = *(const uint64_t *)y;

	return (a > b) - (a < b);
}

/* The sizes a side's messages have, canonical and without X-TUID as far as known. */
static uint64_t *
sizes_of(const struct twins *t, enum side s, size_t *n_r)
{
	uint64_t *sizes = mem_alloc((2 * t->n[s] + 1) * sizeof *sizes), size;
	size_t i, n = 0;

	for (i = 0; i < t->items.n; i++) {
		if (t->items.at[i].side != s)
			continue;
		if (t->items.at[i].ident.has & IDENT_SIZE) {
			sizes[n++] = t->items.at[i].ident.size;
			continue;
		}
		size = record_of(t, &t->items.at[i])->half[s].size;
		sizes[n++] = size;
		sizes[n++] = size - TUID_LINE;
	}
	qsort(sizes, n, sizeof *sizes, cmp_u64);
	*n_r = n;
	return sizes;
}

static bool
fits(const struct twins *t, uint64_t size)
{
	return t->fit_n > 0 && bsearch(&size, t->fit, t->fit_n, sizeof size, cmp_u64) != NULL;
}

static bool
lacks_header(const struct twins *t, const struct adopt_item *i)
{
	return !is_local(t, i->side) && !(i->ident.has & IDENT_HEADER) && !i->is_unreadable;
}

static bool
wants_header_by_size(const struct twins *t, const struct adopt_item *i)
{
	uint64_t size = record_of(t, i)->half[i->side].size;

	return lacks_header(t, i) && (size == 0 || fits(t, size) || fits(t, size - TUID_LINE));
}

static bool
wants_full(const struct twins *t, const struct adopt_item *i)
{
	(void)t;
	return (i->want & IDENT_FULL) != 0;
}

/* Headers of the remote side s: all of them where that costs little, else where the size fits. */
static int
learn_headers(struct twins *t, enum side s, bool by_size, struct err *e)
{
	uint64_t *sizes;
	int status;

	if (is_local(t, s))
		return 0;
	if (!by_size || t->n[s] <= FEW)
		return identify(t, IDENT_HEADER | IDENT_SIZE, lacks_header, e);
	sizes = sizes_of(t, side_other(s), &t->fit_n);
	t->fit = sizes;
	status = identify(t, IDENT_HEADER | IDENT_SIZE, wants_header_by_size, e);
	t->fit = NULL;
	t->fit_n = 0;
	free(sizes);
	return status;
}

/* Decides, learning whole digests where that is needed. */
static int
decide(struct twins *t, struct adopt_pairs *pairs, struct err *e)
{
	while (adopt_twins(t->items.at, t->items.n, pairs))
		if (identify(t, IDENT_SIZE | IDENT_HEADER | IDENT_FULL, wants_full, e) < 0)
			return -1;
	return 0;
}

/* Might the unread message a and the message b of the other side be one? A file has fewer octets than the
 * canonical form, by its line ends; and what mbsync copied has another line. */
static bool
may_be_twins(const struct twins *t, const struct record *a, enum side as, const struct record *b)
{
	uint64_t size = a->half[as].size, other = b->half[side_other(as)].size, slack = 3 * TUID_LINE;

	if (b->ident.has & IDENT_SIZE)
		other = b->ident.size;
	if (size == 0 || other == 0)
		return true;
	if (is_local(t, as) || is_local(t, side_other(as)))
		slack += (size > other ? size : other) / 8;
	return size <= other + slack && other <= size + slack;
}

static bool
is_linked(const struct plan_input *in, size_t from, uint32_t id)
{
	size_t i;

	for (i = from; i < in->links.n; i++)
		if (in->links.at[i].a == id || in->links.at[i].b == id)
			return true;
	return false;
}

/* Sets aside what could not be read and whatever may be its twin. */
static void
hold_unread(struct twins *t, struct plan_input *in, size_t first_link)
{
	const struct record *unread, *rec;
	bool is_doubtful;
	size_t i, k;
	enum side s;

	for (i = 0; i < t->unread.n; i++) {
		unread = in->messages.at[t->unread.at[i]].rec;
		s = unread->half[FAR].presence == PRESENCE_HERE ? FAR : NEAR;
		is_doubtful = false;
		for (k = 0; k < t->items.n; k++) {
			rec = in->messages.at[t->items.at[k].id].rec;
			if (t->items.at[k].side == s || !may_be_twins(t, unread, s, rec) ||
			    is_linked(in, first_link, t->items.at[k].id))
				continue;
			is_doubtful = true;
			recover_set_aside(in, t->items.at[k].id, &t->run->arena);
		}
		if (is_doubtful)
			recover_set_aside(in, t->unread.at[i], &t->run->arena);
	}
}

static int
find_in_box(struct twins *t, struct plan_input *in, struct err *e)
{
	struct adopt_pairs pairs = { { 0 } };
	size_t i, first_link = in->links.n, least = t->n[FAR] < t->n[NEAR] ? t->n[FAR] : t->n[NEAR];
	size_t most = t->n[FAR] < t->n[NEAR] ? t->n[NEAR] : t->n[FAR];
	int status;

	if (least == 0)
		return 0;
	status = identify(t, IDENT_SIZE | IDENT_HEADER | IDENT_FULL, wants_local, e);
	if (status == 0)
		status = learn_headers(t, FAR, true, e);
	if (status == 0)
		status = learn_headers(t, NEAR, true, e);
	if (status == 0)
		status = decide(t, &pairs, e);
	/* Sizes that fit hardly anything may be misstated: look at all headers if that is in proportion. */
	if (status == 0 && pairs.v.n < least / 2 && most <= RATIO * least) {
		status = learn_headers(t, FAR, false, e);
		if (status == 0)
			status = learn_headers(t, NEAR, false, e);
		if (status == 0)
			status = decide(t, &pairs, e);
	}
	for (i = 0; i < pairs.v.n && status == 0; i++)
		vec_push(&in->links, (struct plan_link){ .kind = LINK_TWIN, .side = NEAR,
			.a = pairs.v.at[i].far, .b = pairs.v.at[i].near });
	if (status == 0)
		hold_unread(t, in, first_link);
	if (pairs.v.n > 0)
		log_line(LOG_RUN, "%s: %zu twins among %zu far and %zu near", t->box->name, pairs.v.n, t->n[FAR],
		    t->n[NEAR]);
	vec_release(&pairs.v);
	return status;
}

static void
add_item(struct twins *t, uint32_t index)
{
	const struct record *rec = t->in->messages.at[index].rec;
	enum side s = rec->half[FAR].presence == PRESENCE_HERE ? FAR : NEAR;

	if (record_is_pair(rec) || rec->half[s].presence != PRESENCE_HERE || rec->mark == MARK_ORPHAN ||
	    rec->mark == MARK_TOMBSTONE)
		return;
	vec_push(&t->items, (struct adopt_item){ .side = s, .id = index, .ident = rec->ident,
		.date = rec->half[s].date, .key = rec->half[s].key,
		.is_awaited = recover_has_id(&t->awaited, rec->id),
		.is_deleted = (rec->half[s].flags.sys & FLAG_DELETED) != 0 });
	t->n[s]++;
}

int
twins_find(struct run *r, struct plan_input *in, struct err *e)
{
	struct twins t = { .run = r, .in = in };
	uint32_t i, box;
	int status = recover_awaited(r, &t.awaited, e);

	/* prepare() gives the messages of one mailbox in a row. */
	for (i = 0; i < in->messages.n && status == 0;) {
		box = in->messages.at[i].box;
		t.box = &r->boxes.at[box];
		t.items.n = t.unread.n = t.n[FAR] = t.n[NEAR] = 0;
		for (; i < in->messages.n && in->messages.at[i].box == box; i++)
			add_item(&t, i);
		status = find_in_box(&t, in, e);
		if (t.box->side[FAR].has_failed || t.box->side[NEAR].has_failed)
			in->boxes.at[box].side[FAR].is_readable = in->boxes.at[box].side[NEAR].is_readable = false;
		if (status == 0)
			status = run_check_cancel(r, e);
	}
	vec_release(&t.items);
	vec_release(&t.unread);
	vec_release(&t.awaited.v);
	return status;
}
