#include "sync/match/search.h"

enum { PER_JOB = 1000, PARTS_PER_JOB = 64 };

struct identify_job {
	struct job job;
	enum side side;
	unsigned want;
	struct fetch_part part[PARTS_PER_JOB];
	uint32_t box[PARTS_PER_JOB];	/* of env.boxes */
	size_t n_parts, n;
	struct identify_item *items;
	size_t *index;			/* of search.items */
	uint32_t group;			/* of the messages in it (isolate.h) */
};

static int
run_identify(struct job *j, struct session *session[SIDES], struct err *e)
{
	struct identify_job *i = (struct identify_job *)j;
	struct session *c = session[i->side];

	return c->store->ops->identify(c, i->part, i->n_parts, i->items, i->want, e);
}

/* Indexes of search.items. */
struct search_picks { VEC(size_t) v; };

struct record *
search_record(const struct search *x, const struct adopt_item *item)
{
	return x->in->messages.at[item->id].rec;
}

bool
search_is_local(const struct search *x, enum side role)
{
	return x->env->set->store[x->at[role]]->ops->is_local;
}

void
search_add(struct search *x, enum side role, uint32_t msg)
{
	search_add_as(x, role, msg, x->at[role]);
}

void
search_add_as(struct search *x, enum side role, uint32_t msg, enum side s)
{
	const struct record *rec = x->in->messages.at[msg].rec;
	const struct record_half *h = &rec->half[x->at[role]];

	vec_push(&x->items, (struct adopt_item){ .side = role, .id = msg, .ident = record_ident(rec, s), .date = h->date,
		.key = h->key });
	/* What an earlier program learnt of a single message is learnt again: its twin's would be of today. */
	if (!record_is_pair(rec) && ident_is_old(&rec->ident))
		x->items.at[x->items.n - 1].ident.has = 0;
	x->n[role]++;
}

void
search_clear(struct search *x)
{
	x->items.n = x->unread.n = x->n[FAR] = x->n[NEAR] = 0;
}

void
search_keep_unread(struct search *x, struct match_unreads *list)
{
	size_t i;

	for (i = 0; i < x->unread.n; i++)
		vec_push(list, x->unread.at[i]);
	x->unread.n = 0;
}

void
search_release(struct search *x)
{
	vec_release(&x->items);
	vec_release(&x->unread);
}

/* ---- learning ---- */

static struct identify_job *
new_job(enum side s, unsigned want, size_t room)
{
	struct identify_job *j = mem_alloc(sizeof *j);

	j->job.run = run_identify;
	j->job.needs[s] = true;
	j->side = s;
	j->want = want;
	j->items = mem_alloc(room * sizeof *j->items);
	j->index = mem_alloc(room * sizeof *j->index);
	return j;
}

static struct fetch_part *
add_part(const struct search *x, struct identify_job *j, uint32_t box)
{
	const struct run_box *b = &x->env->boxes.at[box];
	struct fetch_part *p = &j->part[j->n_parts];

	j->box[j->n_parts++] = box;
	*p = (struct fetch_part){ .box = b->side[j->side].on, .epoch = b->rec.side[j->side].cursor.epoch, .first = j->n };
	return p;
}

static struct isolate_item
item_of(const struct search *x, const struct adopt_item *item)
{
	return (struct isolate_item){ WORK_IDENTIFY, x->at[item->side], search_record(x, item)->id };
}

/* Whether a message of this mailbox joins the job. Over a network one flight asks in all mailboxes; files are read by as many
 * as there are. most, group: as isolate_most() has them. */
static bool
joins(const struct search *x, const struct identify_job *j, enum side s, uint32_t box, size_t most, uint32_t group)
{
	if (j->side != s || j->n == PER_JOB || j->group != group || (most != 0 && j->n >= most))
		return false;
	return j->box[j->n_parts - 1] == box || (j->n_parts < PARTS_PER_JOB && !x->env->set->store[s]->ops->is_local);
}

static bool
was_lost(const struct identify_job *j)
{
	return j->job.status < 0 && j->job.err.scope >= ERR_STORE && j->job.err.class != ERR_CANCELLED;
}

/* A header that a server refuses to show: the whole message may be had, and says as much. */
static bool
may_ask_whole(const struct search *x, const struct identify_job *j, size_t i)
{
	return !(j->want & IDENT_FULL) && j->items[i].err.retry != ERR_NOW && !x->env->set->store[j->side]->ops->is_local;
}

/* What was read on side s. Of a pair with a placeholder it tells what is on the other side, which is the one that is looked for. */
static void
take_ident(struct adopt_item *item, struct record *rec, enum side s, const struct ident *is)
{
	struct ident behind;

	if (!record_is_pair(rec) || !record_has_placeholder(rec)) {
		item->ident = rec->ident = *is;
		return;
	}
	behind = ident_behind_placeholder(is);
	if (!record_is_placeholder(rec, s))
		rec->ident = *is;
	else if (behind.has != 0 && !(rec->ident.has & IDENT_HEADER))
		rec->ident = behind;
	item->ident = record_ident(rec, side_other(s));
	/* However often it is read, it tells no more. */
	item->is_unreadable |= record_is_placeholder(rec, s);
}

/* Takes over what a job learnt in one mailbox; keeps it in the base. is_lost: what has no answer is asked for again. */
static int
learn(struct search *x, const struct identify_job *j, size_t p, bool is_lost, struct search_picks *whole, struct err *e)
{
	bool has_failed = !is_lost && (j->job.status < 0 || j->part[p].status < 0);
	struct flag_mask masks[SIDES];
	struct adopt_item *item;
	struct record *rec;
	bool is_told;
	size_t i;

	for (i = j->part[p].first; i < j->part[p].first + j->part[p].n; i++) {
		item = &x->items.at[j->index[i]];
		if (is_lost && j->items[i].status < 0)
			continue;
		if (!has_failed && j->items[i].status < 0 && may_ask_whole(x, j, i)) {
			vec_push(&whole->v, j->index[i]);
			continue;
		}
		if (has_failed || j->items[i].status < 0) {
			item->is_unreadable = true;
			is_told = has_failed || j->items[i].err.retry == ERR_NOW;
			vec_push(&x->unread, (struct match_unread){ item->id, j->items[i].err.class,
				is_told ? NULL : arena_strdup(&x->env->arena, j->items[i].err.text) });
			/* Gone, or left out: what is listed at the end tells. */
			if (!has_failed && is_told)
				left_out_note(x->env, j->box[p], j->side, search_record(x, item)->id);
			continue;
		}
		isolate_done(&x->env->isolate, item_of(x, item));
		/* Its subject is that of a placeholder: the whole tells. */
		if ((j->items[i].ident.has & (IDENT_PLACEHOLDER | IDENT_HEADER)) == IDENT_PLACEHOLDER) {
			vec_push(&whole->v, j->index[i]);
			continue;
		}
		item->has_loose = (j->want & IDENT_LOOSE) != 0;
		memcpy(item->loose, j->items[i].loose, sizeof item->loose);
		rec = search_record(x, item);
		take_ident(item, rec, j->side, &j->items[i].ident);
		if (message_put(x->env->state, rec, box_masks(&x->env->boxes.at[j->box[p]], masks), e) < 0)
			return -1;
	}
	return 0;
}

/* The session of a job was lost: what it had answered counts, the rest is for `again`, but for what ends sessions. *goes_on_r: no
 * more is to be had. */
static int
job_lost(struct search *x, const struct identify_job *j, struct search_picks *again, bool *goes_on_r, struct err *e)
{
	struct env *env = x->env;
	VEC(struct isolate_item) lost = { 0 };
	struct adopt_item *item;
	size_t p, i;
	int status = 0;

	for (i = 0; i < j->n && !j->job.is_unopened; i++)
		if (j->items[i].status < 0)
			vec_push(&lost, item_of(x, &x->items.at[j->index[i]]));
	*goes_on_r = isolate_lost(&env->isolate, j->side, lost.at, lost.n, &j->job.err) && !j->job.is_unopened && j->job.err.retry != ERR_NEVER;
	vec_release(&lost);
	for (p = 0; p < j->n_parts && *goes_on_r; p++)
		for (i = j->part[p].first; i < j->part[p].first + j->part[p].n && status == 0; i++) {
			item = &x->items.at[j->index[i]];
			if (j->items[i].status == 0)
				continue;
			if (!isolate_is_culprit(&env->isolate, item_of(x, item))) {
				vec_push(&again->v, j->index[i]);
				continue;
			}
			item->is_unreadable = true;
			vec_push(&x->unread, (struct match_unread){ item->id, ERR_FAILED, NULL });
			status = culprit_note(env, item_of(x, item), j->box[p], search_record(x, item), j->side, j->job.err.text, e);
		}
	return status;
}

/* One side is given up: what was to be compared waits, and is counted once for all mailboxes. */
static void
all_wait(struct search *x, uint32_t box, const struct err *why)
{
	const struct adopt_item *item;
	size_t i;

	for (i = 0; i < x->items.n; i++) {
		item = &x->items.at[i];
		if (x->in->messages.at[item->id].box == box)
			waiting_add(x->env, box, side_other(x->at[item->side]), search_record(x, item)->id, why);
	}
}

/* again: what is to be asked for once more; whole: for all of it, and not its header alone. */
static int
collect(struct search *x, struct search_picks *again, struct search_picks *whole, struct err *e)
{
	struct identify_job *j;
	struct run_box *b;
	struct job *done;
	bool goes_on;
	size_t p;
	int status = 0;

	while ((done = pool_wait(x->env->pool)) != NULL) {
		j = (struct identify_job *)done;
		goes_on = false;
		if (status == 0 && was_lost(j))
			status = job_lost(x, j, again, &goes_on, e);
		for (p = 0; p < j->n_parts; p++) {
			b = &x->env->boxes.at[j->box[p]];
			if (!goes_on && (done->status < 0 || j->part[p].status < 0)) {
				if (!was_lost(j))
					report_err(x->env, b->name, done->status < 0 ? &done->err : &j->part[p].err);
				else if (!sight_has_failed(&b->side[j->side]))
					all_wait(x, j->box[p], &done->err);
				sight_worsen(&b->side[j->side], SIGHT_FAILED);
			}
			if (status == 0)
				status = learn(x, j, p, goes_on, whole, e);
		}
		free(j->items);
		free(j->index);
		free(j);
	}
	return status;
}

static bool
is_last(const struct search *x, const struct adopt_item *item)
{
	uint32_t group;

	return isolate_most(&x->env->isolate, item_of(x, item), &group) != 0;
}

static int
cmp_place(const void *p, const void *q, void *ctx)
{
	const struct search *x = ctx;
	const struct adopt_item *a = &x->items.at[*(const size_t *)p], *b = &x->items.at[*(const size_t *)q];
	uint32_t box_a = x->in->messages.at[a->id].box, box_b = x->in->messages.at[b->id].box;

	if (is_last(x, a) != is_last(x, b))
		return is_last(x, a) ? 1 : -1;
	if (a->side != b->side)
		return a->side < b->side ? -1 : 1;
	if (box_a != box_b)
		return box_a < box_b ? -1 : 1;
	return key_cmp(a->key, b->key);
}

/* Mail that went with its mailbox is not asked for: the answer would be an error, in every run. */
static bool
is_there(const struct search *x, const struct adopt_item *item)
{
	return x->env->boxes.at[x->in->messages.at[item->id].box].side[x->at[item->side]].listed != NULL;
}

/* Asks for those chosen. */
static void
submit(struct search *x, unsigned want, const struct search_picks *chosen)
{
	struct identify_job *j = NULL;
	struct fetch_part *p = NULL;
	const struct adopt_item *item;
	const struct record_half *h;
	uint32_t box, group;
	size_t i, most;

	for (i = 0; i < chosen->v.n; i++) {
		item = &x->items.at[chosen->v.at[i]];
		box = x->in->messages.at[item->id].box;
		h = &search_record(x, item)->half[x->at[item->side]];
		most = isolate_most(&x->env->isolate, item_of(x, item), &group);
		if (j != NULL && !joins(x, j, x->at[item->side], box, most, group)) {
			pool_submit(x->env->pool, &j->job);
			j = NULL;
		}
		if (j == NULL)
			j = new_job(x->at[item->side], want, PER_JOB < chosen->v.n - i ? PER_JOB : chosen->v.n - i);
		j->group = group;
		if (j->n_parts == 0 || j->box[j->n_parts - 1] != box)
			p = add_part(x, j, box);
		p->n++;
		j->items[j->n] = (struct identify_item){ .key = h->key, .hint = h->hint, .size = h->size };
		j->index[j->n++] = chosen->v.at[i];
	}
	if (j != NULL)
		pool_submit(x->env->pool, &j->job);
}

/* Those that are known to end sessions are asked for alone. */
static void
recall(struct search *x, const struct search_picks *chosen)
{
	const struct adopt_item *item;
	size_t i;

	for (i = 0; i < chosen->v.n; i++) {
		item = &x->items.at[chosen->v.at[i]];
		if (search_record(x, item)->trouble == TROUBLE_SESSION)
			isolate_recall(&x->env->isolate, item_of(x, item));
	}
}

int
search_learn(struct search *x, unsigned want, search_choice *choose, const void *ctx, struct err *e)
{
	struct search_picks chosen = { { 0 } }, again = { { 0 } }, whole = { { 0 } };
	size_t i;
	int status;

	for (i = 0; i < x->items.n; i++)
		if (!is_there(x, &x->items.at[i]))
			x->items.at[i].is_unreadable = true;
	for (i = 0; i < x->items.n; i++)
		if (!x->items.at[i].is_unreadable && choose(x, &x->items.at[i], ctx))
			vec_push(&chosen.v, i);
	recall(x, &chosen);
	do {
		if (chosen.v.n > 1)
			qsort_r(chosen.v.at, chosen.v.n, sizeof chosen.v.at[0], cmp_place, x);
		submit(x, want, &chosen);
		again.v.n = 0;
		status = collect(x, &again, &whole, e);
		chosen.v.n = 0;
		if (again.v.n == 0 && whole.v.n > 0) {
			want |= IDENT_FULL;
			for (i = 0; i < whole.v.n; i++)
				vec_push(&again.v, whole.v.at[i]);
			whole.v.n = 0;
		}
		for (i = 0; i < again.v.n; i++)
			vec_push(&chosen.v, again.v.at[i]);
	} while (status == 0 && chosen.v.n > 0 && !env_is_cancelled(x->env));
	vec_release(&chosen.v);
	vec_release(&again.v);
	vec_release(&whole.v);
	return status;
}

static bool
lacks_full(const struct search *x, const struct adopt_item *item, const void *ctx)
{
	(void)ctx;
	return search_is_local(x, item->side) && !(item->ident.has & IDENT_FULL);
}

int
search_learn_local(struct search *x, struct err *e)
{
	return search_learn(x, IDENT_SIZE | IDENT_HEADER | IDENT_FULL, lacks_full, NULL, e);
}

bool
search_lacks_header(const struct search *x, const struct adopt_item *item)
{
	return !search_is_local(x, item->side) && !(item->ident.has & IDENT_HEADER) && !item->is_unreadable;
}

static bool
wants_more(const struct search *x, const struct adopt_item *item, const void *ctx)
{
	(void)x;
	(void)ctx;
	return item->want != 0;
}

/* What any of them wants. */
static unsigned
all_want(const struct search *x)
{
	unsigned want = IDENT_SIZE | IDENT_HEADER | IDENT_FULL;
	size_t i;

	for (i = 0; i < x->items.n; i++)
		want |= x->items.at[i].want;
	return want;
}

int
search_decide(struct search *x, bool (*adopt)(struct adopt_item *, size_t, struct adopt_pairs *),
    struct adopt_pairs *pairs, struct err *e)
{
	while (adopt(x->items.at, x->items.n, pairs))
		if (search_learn(x, all_want(x), wants_more, NULL, e) < 0)
			return -1;
	return 0;
}

void
search_close_failed(struct env *env, struct matching *in)
{
	size_t i;

	for (i = 0; i < in->boxes.n; i++)
		if (sight_has_failed(&env->boxes.at[i].side[FAR]) || sight_has_failed(&env->boxes.at[i].side[NEAR]))
			in->boxes.at[i].side[FAR].is_readable = in->boxes.at[i].side[NEAR].is_readable = false;
}

/* ---- sizes ---- */

static int
cmp_u64(const void *x, const void *y)
{
	uint64_t a = *(const uint64_t *)x, b = *(const uint64_t *)y;

	return (a > b) - (a < b);
}

void
sizes_add(struct sizes *s, uint64_t size)
{
	if (size != 0)
		vec_push(&s->v, size);
}

void
sizes_sort(struct sizes *s)
{
	if (s->v.n > 1)
		qsort(s->v.at, s->v.n, sizeof s->v.at[0], cmp_u64);
}

static bool
has_size(const struct sizes *s, uint64_t size)
{
	return s->v.n > 0 && bsearch(&size, s->v.at, s->v.n, sizeof size, cmp_u64) != NULL;
}

bool
sizes_fit(const struct sizes *s, uint64_t size)
{
	return size == 0 || has_size(s, size) || (size > TUID_LINE && has_size(s, size - TUID_LINE));
}

bool
sizes_are_near(const struct sizes *s, uint64_t size)
{
	size_t low = 0, high = s->v.n, at;

	/* The first that is not too small. */
	while (low < high) {
		at = low + (high - low) / 2;
		if (s->v.at[at] + STAMPS_MOST < size)
			low = at + 1;
		else
			high = at;
	}
	return size == 0 || (low < s->v.n && s->v.at[low] <= size + STAMPS_MOST);
}

void
sizes_release(struct sizes *s)
{
	vec_release(&s->v);
}
