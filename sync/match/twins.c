/* Before anything is copied: which new messages of the two sides are the same mail (R10 adoption).
 *
 * Identities are learnt as cheaply as they can be. A local message is read whole. Of a remote one the header is read, if its size fits
 * something on the other side. Bodies travel only where that leaves a doubt (sync/pair/adopt.h).
 *
 * Must hold: a message that may be, by its size, the twin of one that could not be identified is not copied. Both wait for a run in which
 * that one can be read. What stands for a message, or has a twin that stands for it (P21), has a twin of any size.
 */
#include "sync/match/search.h"

#include <stdlib.h>

#include "state/base/log.h"

enum {
	FEW = 50,			/* up to so many headers are fetched without looking at sizes */
	RATIO = 20,			/* and up to so many for one on the other side, where sizes failed */
};

/* The sizes the messages of a side have, canonical and without X-TUID as far as known. */
static void
sizes_of(const struct search *x, enum side s, struct sizes *out)
{
	uint64_t size;
	size_t i;

	for (i = 0; i < x->items.n; i++) {
		if (x->items.at[i].side != s)
			continue;
		if (x->items.at[i].ident.has & IDENT_SIZE) {
			sizes_add(out, x->items.at[i].ident.size);
			continue;
		}
		size = search_record(x, &x->items.at[i])->half[s].size;
		sizes_add(out, size);
		if (size > TUID_LINE)
			sizes_add(out, size - TUID_LINE);
	}
	sizes_sort(out);
}

/* fit NULL = whatever its size; is_paired NULL = whether it has a twin by now or not. */
struct wanted { enum side side; const struct sizes *fit, *near; const bool *is_paired; };

static bool
wants_header(const struct search *x, const struct adopt_item *item, const void *ctx)
{
	const struct wanted *w = ctx;

	uint64_t size = search_record(x, item)->half[item->side].size;

	return item->side == w->side && search_lacks_header(x, item) && (w->fit == NULL || sizes_fit(w->fit, size)) &&
	    (w->near == NULL || (!w->is_paired[item->id] && sizes_are_near(w->near, size)));
}

/* All of them where that costs little, else where the size fits; sizes are the caller's to release. */
static struct wanted
want_headers(const struct search *x, enum side s, bool by_size, struct sizes *sizes)
{
	struct wanted w = { .side = s };

	if (by_size && x->n[s] > FEW) {
		sizes_of(x, side_other(s), sizes);
		w.fit = sizes;
	}
	return w;
}

/* Headers of the remote side s. */
static int
learn_headers(struct search *x, enum side s, bool by_size, struct err *e)
{
	struct sizes fit = { { 0 } };
	struct wanted w;
	int status;

	if (search_is_local(x, s))
		return 0;
	w = want_headers(x, s, by_size, &fit);
	status = search_learn(x, IDENT_HEADER | IDENT_SIZE, wants_header, &w, e);
	sizes_release(&fit);
	return status;
}

/* Of what found no twin by its size: the headers of all whose size is near that of another on the other side, to which a store
 * may have added something. */
static int
learn_near(struct search *x, const struct adopt_pairs *pairs, bool *has_learnt_r, struct err *e)
{
	bool *is_paired = mem_alloc(x->in->messages.n + 1);
	struct search alone = { .env = x->env, .in = x->in, .at = { FAR, NEAR } };
	struct sizes near = { { 0 } };
	struct wanted w = { .near = &near, .is_paired = is_paired };
	size_t i, k;
	int s, status = 0;

	*has_learnt_r = false;
	for (i = 0; i < pairs->v.n; i++)
		is_paired[pairs->v.at[i].far] = is_paired[pairs->v.at[i].near] = true;
	for (i = 0; i < x->items.n; i++)
		if (!is_paired[x->items.at[i].id])
			search_add(&alone, x->items.at[i].side, x->items.at[i].id);
	for (s = 0; s < SIDES && status == 0 && alone.n[FAR] > 0 && alone.n[NEAR] > 0; s++) {
		if (x->n[s] <= FEW || search_is_local(x, (enum side)s))
			continue;
		w.side = (enum side)s;
		near.v.n = 0;
		sizes_of(&alone, side_other((enum side)s), &near);
		for (k = 0; k < x->items.n && !*has_learnt_r; k++)
			*has_learnt_r = wants_header(x, &x->items.at[k], &w);
		status = search_learn(x, IDENT_HEADER | IDENT_SIZE, wants_header, &w, e);
	}
	sizes_release(&near);
	search_release(&alone);
	free(is_paired);
	return status;
}

/* Might the unread message a and the message b of the other side be one? A file has fewer octets than the
 * canonical form, by its line ends; and what mbsync copied has another line. */
static bool
may_be_twins(const struct search *x, const struct record *a, enum side as, const struct record *b)
{
	uint64_t size = a->half[as].size, other = b->half[side_other(as)].size, slack = STAMPS_MOST;

	if (b->ident.has & IDENT_SIZE)
		other = b->ident.size;
	if (size == 0 || other == 0)
		return true;
	if (b->ident.has & IDENT_PLACEHOLDER)
		return true;
	if (plan_is_too_large(&x->in->policy, b, as) && size <= other + slack)
		return true;
	if (search_is_local(x, as) || search_is_local(x, side_other(as)))
		slack += (size > other ? size : other) / 8;
	return size <= other + slack && other <= size + slack;
}

void
twins_hold_unread(struct search *x, size_t first_link)
{
	struct matching *in = x->in;
	const struct record *unread, *rec;
	bool is_doubtful, *is_linked;
	size_t i, k;
	enum side s;

	if (x->unread.n == 0)
		return;
	is_linked = matching_linked(in, first_link);
	for (i = 0; i < x->unread.n; i++) {
		if (is_linked[x->unread.at[i].id])	/* its header was enough */
			continue;
		unread = in->messages.at[x->unread.at[i].id].rec;
		s = record_side(unread);
		is_doubtful = false;
		for (k = 0; k < x->items.n; k++) {
			rec = in->messages.at[x->items.at[k].id].rec;
			if (x->items.at[k].side == s || !may_be_twins(x, unread, s, rec) ||
			    is_linked[x->items.at[k].id])
				continue;
			is_doubtful = true;
			unread_note(x->env, in, x->items.at[k].id, &x->unread.at[i], s);
			set_aside(in, x->items.at[k].id, &x->env->arena);
		}
		if (is_doubtful) {
			unread_note(x->env, in, x->unread.at[i].id, &x->unread.at[i], s);
			set_aside(in, x->unread.at[i].id, &x->env->arena);
		}
	}
	free(is_linked);
}

int
twins_decide(struct search *x, bool doubts_sizes, struct adopt_pairs *pairs, struct err *e)
{
	size_t least = x->n[FAR] < x->n[NEAR] ? x->n[FAR] : x->n[NEAR];
	size_t most = x->n[FAR] < x->n[NEAR] ? x->n[NEAR] : x->n[FAR];
	bool has_learnt = false;
	int status = search_learn_local(x, e);

	if (status == 0)
		status = learn_headers(x, FAR, true, e);
	if (status == 0)
		status = learn_headers(x, NEAR, true, e);
	if (status == 0)
		status = search_decide(x, adopt_twins, pairs, e);
	/* Sizes that fit hardly anything may be misstated: look at all headers if that is in proportion. */
	if (status == 0 && doubts_sizes && 2 * pairs->v.n < least && most <= RATIO * least) {
		status = learn_headers(x, FAR, false, e);
		if (status == 0)
			status = learn_headers(x, NEAR, false, e);
		if (status == 0)
			status = search_decide(x, adopt_twins, pairs, e);
	}
	if (status == 0)
		status = learn_near(x, pairs, &has_learnt, e);
	if (status == 0 && has_learnt)
		status = search_decide(x, adopt_twins, pairs, e);
	return status;
}

static int
find_in_box(struct search *x, struct matching *in, const char *name, struct err *e)
{
	struct adopt_pairs pairs = { { 0 } };
	size_t i;
	int status;

	if (x->n[FAR] == 0 || x->n[NEAR] == 0)
		return 0;
	status = twins_decide(x, true, &pairs, e);
	for (i = 0; i < pairs.v.n && status == 0; i++)
		vec_push(&in->links, (struct plan_link){ .kind = LINK_TWIN, .side = NEAR,
			.a = pairs.v.at[i].far, .b = pairs.v.at[i].near, .left = UINT32_MAX });
	search_keep_unread(x, &x->in->unread);
	if (pairs.v.n > 0)
		log_line(LOG_RUN, "%s: %zu twins among %zu far and %zu near", name, pairs.v.n, x->n[FAR],
		    x->n[NEAR]);
	vec_release(&pairs.v);
	return status;
}

static void
add_item(struct search *x, uint32_t index, const struct id_set *awaited)
{
	const struct record *rec = x->in->messages.at[index].rec;
	enum side s = record_side(rec);

	/* In a mailbox that is not there any more nothing can be read, and nothing has a twin. */
	if (!record_is_pair(rec) && rec->half[s].presence == PRESENCE_HERE && record_may_pair(rec) &&
	    x->env->boxes.at[x->in->messages.at[index].box].side[s].listed != NULL)
		search_add(x, s, index);
	else
		return;
	x->items.at[x->items.n - 1].is_awaited = id_set_has(awaited, rec->id);
	x->items.at[x->items.n - 1].is_deleted = (rec->half[s].flags.sys & FLAG_DELETED) != 0;
}

/* The messages of the mailbox that message i is of; input_make() gives them in a row. Returns the first of the next one. */
static uint32_t
take_box(struct search *x, uint32_t i, const struct id_set *awaited)
{
	uint32_t box = x->in->messages.at[i].box;

	search_clear(x);
	for (; i < x->in->messages.n && x->in->messages.at[i].box == box; i++)
		add_item(x, i, awaited);
	return i;
}

static bool
any_item(const struct search *x, const struct adopt_item *item, const void *ctx)
{
	(void)x;
	(void)item;
	(void)ctx;
	return true;
}

/* The headers that every mailbox would be asked for by itself, in one go. Where one cannot be had it is asked for once more,
 * and that counts. */
static int
learn_ahead(struct search *x, const struct id_set *awaited, struct err *e)
{
	struct search all = { .env = x->env, .in = x->in, .at = { FAR, NEAR } };
	struct sizes fit = { { 0 } };
	struct wanted w;
	size_t k, boxes = 0;
	uint32_t i = 0;
	int s, status = 0;

	if (search_is_local(x, FAR) && search_is_local(x, NEAR))
		return 0;
	while (i < x->in->messages.n && status == 0) {
		i = take_box(x, i, awaited);
		if (x->n[FAR] == 0 || x->n[NEAR] == 0)
			continue;
		boxes++;
		status = search_learn_local(x, e);
		for (s = 0; s < SIDES && status == 0; s++) {
			if (search_is_local(x, (enum side)s))
				continue;
			w = want_headers(x, (enum side)s, true, &fit);
			for (k = 0; k < x->items.n; k++)
				if (wants_header(x, &x->items.at[k], &w))
					search_add(&all, (enum side)s, x->items.at[k].id);
			sizes_release(&fit);
			fit = (struct sizes){ { 0 } };
		}
	}
	if (status == 0 && boxes > 1)
		status = search_learn(&all, IDENT_HEADER | IDENT_SIZE, any_item, NULL, e);
	search_release(&all);
	return status;
}

int
twins_find(struct env *env, struct matching *in, struct err *e)
{
	struct search x = { .env = env, .in = in, .at = { FAR, NEAR } };
	struct id_set awaited = { { 0 } };
	uint32_t i = 0, box;
	int status = unfinished_records(env, &awaited, e);

	if (status == 0)
		status = learn_ahead(&x, &awaited, e);
	while (i < in->messages.n && status == 0) {
		box = in->messages.at[i].box;
		i = take_box(&x, i, &awaited);
		status = find_in_box(&x, in, env->boxes.at[box].name, e);
		if (status == 0)
			status = env_check_cancel(env, e);
	}
	search_release(&x);
	vec_release(&awaited.v);
	return status;
}

void
twins_hold(struct env *env, struct matching *in)
{
	struct search x = { .env = env, .in = in, .at = { FAR, NEAR } };
	const struct id_set awaited = { { 0 } };
	uint32_t i = 0, first;
	size_t k;

	while (i < in->messages.n && in->unread.n > 0) {
		first = i;
		i = take_box(&x, i, &awaited);
		for (k = 0; k < in->unread.n; k++)
			if (in->unread.at[k].id >= first && in->unread.at[k].id < i)
				vec_push(&x.unread, in->unread.at[k]);
		twins_hold_unread(&x, 0);
	}
	search_release(&x);
}
