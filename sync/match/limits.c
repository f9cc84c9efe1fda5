/* Where the limits of mailboxes are (P18 expiry, sync/plan/expire.h): from which message on they are within.
 *
 * All of a mailbox counts, the planner is given what is not settled: here the whole is counted. It is counted from the side that has the limit,
 * where there are not many; what the other side has beside them does not matter, unless it is about to come.
 *
 * A mailbox in which nothing changed is not counted again, as long as the limit is the one of the last time (box_record.limit). What is to go
 * comes into the planner's input; until it has gone, the mailbox is counted in each run.
 */
#include "sync/match/match_inside.h"

#include "state/base/log.h"
#include "sync/plan/expire.h"

#include <stdlib.h>

struct counted {
	uint64_t order, id;
	bool is_pair;
	bool is_important, is_unread;
};

struct counting {
	struct env *env;
	struct matching *in;
	uint32_t box;			/* index */
	enum side x;			/* has the limit */
	bool is_by_uid;
	bool may_flag[SIDES];
	struct flag_mask mask[SIDES];
	VEC(struct counted) at;
	size_t leaving;			/* they will be the newest */
};

static struct box_limit
limit_of(const struct policy *p)
{
	return (struct box_limit){ (uint32_t)p->limit.max, p->limit.side, (unsigned)p->limit.unread };
}

static bool
is_same(const struct box_limit *a, const struct box_limit *b)
{
	return a->max == b->max && a->side == b->side && a->unread == b->unread;
}

/* limit.max 0: it is to be counted in the next run, too. */
static int
remember(struct env *env, struct run_box *b, const struct box_limit *limit, struct err *e)
{
	if (is_same(&b->rec.limit, limit) || env->set->is_dry)
		return 0;
	b->rec.limit = *limit;
	return box_put(env->state, &b->rec, e);
}

static void
count_record(struct counting *c, const struct record *rec)
{
	const struct policy *p = &c->in->policy;
	enum standing standing = expire_standing(p, rec, c->mask);

	c->leaving += standing == STANDING_LEAVING;
	if (standing == STANDING_PAIR || standing == STANDING_COMING)
		vec_push(&c->at, (struct counted){ expire_order(p, rec, c->is_by_uid), rec->id, standing == STANDING_PAIR,
			expire_is_important(p, rec, c->mask, c->may_flag), expire_is_unread(rec, c->mask) });
}

/* Pairs: by what is on the side that has the limit. */
static int
count_pairs(struct counting *c, struct err *e)
{
	uint32_t id = c->env->boxes.at[c->box].rec.id;
	struct message_scan *scan = NULL;
	struct message_seen seen;
	struct arena a = { 0 };
	struct record rec;
	int got;

	if (message_scan_begin(c->env->state, id, c->x, &scan, e) < 0)
		return -1;
	while ((got = message_scan_next(scan, &seen, e)) > 0) {
		if (seen.presence != PRESENCE_HERE)
			continue;
		if ((got = message_get(c->env->state, &a, id, seen.id, &rec, e)) < 0)
			break;
		if (got > 0 && record_is_pair(&rec))
			count_record(c, &rec);
		arena_release(&a);
	}
	message_scan_end(&scan);
	arena_release(&a);
	return got < 0 ? -1 : 0;
}

/* What is to be copied. In slices, what the later ones have counts as well. A message that found its twin is one with it. */
static int
count_single(struct counting *c, const bool *is_twin, struct err *e)
{
	struct arena a = { 0 };
	struct record rec;
	uint64_t after = 0;
	size_t i;
	int got = 0;

	if (c->env->observe_state->slicing != SLICING_YES) {
		for (i = 0; i < c->in->messages.n; i++)
			if (c->in->messages.at[i].box == c->box && !is_twin[i] && !record_is_pair(c->in->messages.at[i].rec))
				count_record(c, c->in->messages.at[i].rec);
		return 0;
	}
	while ((got = message_next_unsettled(c->env->state, &a, c->env->boxes.at[c->box].rec.id, after, &rec, e)) > 0) {
		after = rec.id;
		if (!record_is_pair(&rec))
			count_record(c, &rec);
		arena_release(&a);
	}
	arena_release(&a);
	return got;
}

static int
cmp_newest_first(const void *p, const void *q)
{
	const struct counted *a = p, *b = q;

	if (a->order != b->order)
		return a->order > b->order ? -1 : 1;
	return (a->id < b->id) - (a->id > b->id);
}

/* Settled, and beyond: the planner is to see it. */
static int
supply(struct counting *c, const struct id_set *known, uint64_t id, struct arena *a, struct err *e)
{
	struct record *rec = arena_alloc(a, sizeof *rec);
	int got = id_set_has(known, id) ? 0 : message_get(c->env->state, a, c->env->boxes.at[c->box].rec.id, id, rec, e);

	if (got > 0)
		vec_push(&c->in->messages, (struct match_message){ rec, c->box });
	return got < 0 ? -1 : 0;
}

static void
tell_unread(struct counting *c, size_t n)
{
	struct run_box *b = &c->env->boxes.at[c->box];

	b->is_beyond_unsaid = true;
	report_note(c->env, NOTE_ERROR, b->name, arena_printf(&c->env->arena, "%zu unread messages are beyond MaxMessages %llu: nothing is done "
	    "in this mailbox before ExpireUnread says whether they are to go from %s (yes) or to stay there (no)", n,
	    (unsigned long long)c->in->policy.limit.max, side_name(c->x)));
}

/* All that is older than the first `keep` of them. *to_go_r: so many are to go. */
static int
judge(struct counting *c, size_t keep, struct arena *a, size_t *to_go_r, struct err *e)
{
	struct plan_limit *limit = &c->in->boxes.at[c->box].limit;
	struct id_set known = { { 0 } };
	size_t i, unread = 0;
	int status = 0;

	*limit = (struct plan_limit){ .is_set = true, .is_by_uid = c->is_by_uid, .from = keep > 0 ? c->at.at[keep - 1].order : UINT64_MAX };
	for (i = 0; i < c->in->messages.n; i++)
		if (c->in->messages.at[i].box == c->box)
			vec_push(&known.v, c->in->messages.at[i].rec->id);
	id_set_sort(&known);
	for (i = keep; i < c->at.n && status == 0; i++) {
		unread += c->at.at[i].is_unread;
		if (c->at.at[i].is_important)
			continue;
		(*to_go_r)++;
		if (c->at.at[i].is_pair)
			status = supply(c, &known, c->at.at[i].id, a, e);
	}
	vec_release(&known.v);
	if (status == 0 && c->in->policy.limit.unread == EXPIRE_UNREAD_UNSET && 2 * unread > c->in->policy.limit.max)
		tell_unread(c, unread);
	return status;
}

/* They are not planned for by themselves. */
static size_t
count_linked_beyond(const struct counting *c)
{
	const struct plan_limit *limit = &c->in->boxes.at[c->box].limit;
	const struct record *rec;
	size_t i, n = 0;

	for (i = 0; i < c->in->links.n && limit->is_set; i++) {
		const struct plan_link *l = &c->in->links.at[i];
		uint32_t at = l->kind == LINK_TWIN && c->x == NEAR ? l->a : l->b;

		rec = c->in->messages.at[at].rec;
		n += l->kind != LINK_SHARED && c->in->messages.at[at].box == c->box &&
		    expire_standing(&c->in->policy, rec, c->mask) == STANDING_COMING &&
		    !expire_is_important(&c->in->policy, rec, c->mask, c->may_flag) &&
		    expire_order(&c->in->policy, rec, c->is_by_uid) < limit->from;
	}
	return n;
}

/* Or it may be created on the side that has the limit. */
static bool
is_there(const struct matching *in, uint32_t box, enum side s)
{
	const struct plan_box_side *side = &in->boxes.at[box].side[s];

	return side->exists ? side->is_readable : s == in->policy.limit.side;
}

static int
count_box(struct counting *c, const bool *is_twin, struct arena *a, size_t *waiting_r, struct err *e)
{
	const struct box_limit now = limit_of(&c->in->policy), again = { 0 };
	struct run_box *b = &c->env->boxes.at[c->box];
	uint64_t max = c->in->policy.limit.max;
	size_t keep, to_go = 0;

	box_masks(b, c->mask);
	/* There cannot be more of them than this. */
	if (b->rec.side[c->x].here + b->rec.unsettled + c->in->messages.n > max && (count_pairs(c, e) < 0 || count_single(c, is_twin, e) < 0))
		return -1;
	keep = c->leaving < max ? (size_t)max - c->leaving : 0;
	if (c->at.n > 1)
		qsort(c->at.at, c->at.n, sizeof c->at.at[0], cmp_newest_first);
	if (c->at.n > keep && judge(c, keep, a, &to_go, e) < 0)
		return -1;
	/* What gets its twin just now, and is beyond, goes once that is in the base. */
	*waiting_r += count_linked_beyond(c) + (c->leaving > max ? c->leaving : 0);
	if (to_go > 0)
		log_line(LOG_RUN, "%s: %zu messages beyond the limit are to go", b->name, to_go);
	return remember(c->env, b, to_go > 0 || b->is_beyond_unsaid ? &again : &now, e);
}

static bool
is_due(const struct run_box *b, const struct box_limit *now)
{
	return b->rec.unsettled > 0 || b->side[FAR].was_read || b->side[NEAR].was_read || !is_same(&b->rec.limit, now);
}

static int
count_one(struct env *env, struct matching *in, uint32_t box, const bool *is_twin, struct arena *a, size_t *waiting_r, struct err *e)
{
	const struct policy *p = &in->policy;
	const struct box_limit now = limit_of(p);
	struct run_box *b = &env->boxes.at[box];
	struct counting c = { .env = env, .in = in, .box = box, .x = p->limit.side,
		.is_by_uid = env->set->store[side_other(p->limit.side)]->ops->has_uid_keys };
	int s, status;

	if (b->is_excluded || b->rec.id == 0 || !is_due(b, &now) || !is_there(in, box, FAR) || !is_there(in, box, NEAR))
		return 0;
	for (s = 0; s < SIDES; s++)
		c.may_flag[s] = (p->sync[s] & SYNC_FLAGS) && !p->read_only[s] && !in->boxes.at[box].side[s].is_readonly;
	b->is_beyond_unsaid = false;
	status = count_box(&c, is_twin, a, waiting_r, e);
	vec_release(&c.at);
	if (b->is_beyond_unsaid)
		in->boxes.at[box].side[FAR].is_readable = in->boxes.at[box].side[NEAR].is_readable = false;
	return status;
}

/* A limit that comes back is another one. */
static int
forget(struct env *env, struct err *e)
{
	const struct box_limit none = { 0 };
	size_t i;

	for (i = 0; i < env->boxes.n; i++)
		if (env->boxes.at[i].rec.id != 0 && remember(env, &env->boxes.at[i], &none, e) < 0)
			return -1;
	return 0;
}

int
limits_find(struct env *env, struct matching *in, struct arena *a, size_t *waiting_r, struct err *e)
{
	bool *is_twin;
	size_t i;
	uint32_t box;
	int status = 0;

	if (!expire_is_on(&in->policy))
		return in->policy.limit.max == 0 ? forget(env, e) : 0;
	is_twin = mem_alloc(in->messages.n + 1);
	/* Of twins the one on the other side counts. */
	for (i = 0; i < in->links.n; i++)
		if (in->links.at[i].kind == LINK_TWIN)
			is_twin[in->policy.limit.side == FAR ? in->links.at[i].a : in->links.at[i].b] = true;
	for (box = 0; box < in->boxes.n && status == 0; box++)
		status = count_one(env, in, box, is_twin, a, waiting_r, e);
	free(is_twin);
	return status;
}
