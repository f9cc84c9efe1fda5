/* Where the limits of mailboxes are (P18 expiry, sync/plan/expire.h): from which message on they are within, and which are too old.
 *
 * All of a mailbox counts, the planner is given what is not settled: here the whole is counted. It is counted from the side that has the limit,
 * where there are not many; what the other side has beside them does not matter, unless it is about to come.
 *
 * A mailbox in which nothing changed is not counted again, as long as the limit is the one of the last time (box_record.limit) and no message
 * has grown too old since. What is to go
 * comes into the planner's input; until it has gone, the mailbox is counted in each run.
 */
#include "sync/match/match_inside.h"

#include "state/base/log.h"
#include "sync/plan/expire.h"
#include "sync/plan/merge.h"

#include <stdlib.h>

enum { NONE = UINT32_MAX };

struct counted {
	uint64_t order, id;
	bool is_pair, is_old;
	bool is_important, is_unread;
	int64_t date;			/* see expire_date() */
};

struct counting {
	struct env *env;
	struct matching *in;
	uint32_t box;			/* index */
	enum side x;			/* has the limit */
	bool is_by_uid;
	bool may_flag[SIDES];
	struct flag_mask mask[SIDES];
	const uint32_t *twin;		/* of each message: the one that it is paired with just now, or NONE */
	VEC(struct counted) at;
	size_t leaving;			/* they will be the newest, and pairs, once the other side has them */
};

static struct box_limit
limit_of(const struct policy *p, const struct run_box *b)
{
	return (struct box_limit){ .max = (uint32_t)p->limit.max, .days = p->limit.days, .side = p->limit.side,
		.unread = (unsigned)p->limit.unread, .here = { (uint32_t)b->rec.side[FAR].here, (uint32_t)b->rec.side[NEAR].here } };
}

/* All but when the next one is too old. */
static bool
is_same(const struct box_limit *a, const struct box_limit *b)
{
	return a->max == b->max && a->days == b->days && a->side == b->side && a->unread == b->unread && a->here[FAR] == b->here[FAR] &&
	    a->here[NEAR] == b->here[NEAR];
}

/* A limit of nothing: it is to be counted in the next run, too. */
static int
remember(struct env *env, struct run_box *b, const struct box_limit *limit, struct err *e)
{
	bool is_known = is_same(&b->rec.limit, limit) && b->rec.limit.next == limit->next;

	if (is_known || (!box_limit_is_set(&b->rec.limit) && !box_limit_is_set(limit)) || env->set->is_dry)
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
		vec_push(&c->at, (struct counted){ .order = expire_order(p, rec, c->is_by_uid), .id = rec->id, .is_pair = standing == STANDING_PAIR,
			.is_old = expire_is_old(p, rec), .is_important = expire_is_important(p, rec, c->mask, c->may_flag),
			.is_unread = expire_is_unread(rec, c->mask), .date = expire_date(p, rec) });
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

/* Of twins that are paired just now there is one: the one that the other side has. */
static bool
is_other_of_two(const struct counting *c, uint32_t i)
{
	return c->twin[i] != NONE && record_is_single(c->in->messages.at[i].rec, c->x);
}

/* A message as it will be in the base: with the half of its twin, under the record of the far one. */
static struct record
joined(const struct counting *c, uint32_t i, struct arena *a)
{
	struct record rec = *c->in->messages.at[i].rec;
	const struct record *other = c->twin[i] != NONE ? c->in->messages.at[c->twin[i]].rec : NULL;

	if (other == NULL)
		return rec;
	rec.agreed = c->x == FAR ? merge_base_twin(a, other, &rec, NULL) : merge_base_twin(a, &rec, other, NULL);
	rec.has_agreed = true;
	rec.half[c->x] = other->half[c->x];
	rec.id = c->x == FAR ? other->id : rec.id;
	rec.mark = MARK_NEW;
	return rec;
}

/* What is to be copied, or paired. In slices, what the later ones have counts as well. */
static int
count_single(struct counting *c, struct err *e)
{
	struct arena a = { 0 };
	struct record rec;
	uint64_t after = 0;
	size_t i;
	int got = 0;

	if (c->env->observe_state->slicing != SLICING_YES) {
		for (i = 0; i < c->in->messages.n; i++) {
			if (c->in->messages.at[i].box != c->box || record_is_pair(c->in->messages.at[i].rec) || is_other_of_two(c, (uint32_t)i))
				continue;
			rec = joined(c, (uint32_t)i, &a);
			count_record(c, &rec);
		}
		arena_release(&a);
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

/* When the first of those that are within is too old, unless it is important then; 0 = never. */
static int64_t
next_too_old(const struct counting *c)
{
	int64_t oldest = 0;

	for (size_t i = 0; i < c->at.n; i++)
		if (c->at.at[i].date != 0 && !c->at.at[i].is_old && !c->at.at[i].is_important && (oldest == 0 || c->at.at[i].date < oldest))
			oldest = c->at.at[i].date;
	return oldest == 0 ? 0 : c->env->set->now + (oldest - c->in->policy.limit.before) + 1;
}

/* All but the first `keep` of them, and those that are too old. *to_go_r: so many are to go. */
static int
judge(struct counting *c, size_t keep, struct arena *a, size_t *to_go_r, struct err *e)
{
	struct plan_limit *limit = &c->in->boxes.at[c->box].limit;
	struct id_set known = { { 0 } };
	size_t i, unread = 0;
	int status = 0;

	*limit = (struct plan_limit){ .is_set = true, .is_by_uid = c->is_by_uid, 
		.from = keep >= c->at.n ? 0 : keep > 0 ? c->at.at[keep - 1].order : UINT64_MAX };
	for (i = 0; i < c->in->messages.n; i++)
		if (c->in->messages.at[i].box == c->box)
			vec_push(&known.v, c->in->messages.at[i].rec->id);
	id_set_sort(&known);
	for (i = 0; i < c->at.n && status == 0; i++) {
		unread += i >= keep && c->at.at[i].is_unread;
		if (c->at.at[i].is_important || (i < keep && !c->at.at[i].is_old))
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
	struct arena a = { 0 };
	enum standing standing;
	struct record rec;
	size_t i, n = 0;
	uint32_t at;

	for (i = 0; i < c->in->links.n && limit->is_set; i++) {
		const struct plan_link *l = &c->in->links.at[i];

		at = l->kind == LINK_TWIN && c->x == NEAR ? l->a : l->b;
		if (l->kind == LINK_SHARED || l->kind == LINK_CLONED || c->in->messages.at[at].box != c->box)
			continue;
		rec = joined(c, at, &a);
		standing = expire_standing(&c->in->policy, &rec, c->mask);
		n += (standing == STANDING_COMING || standing == STANDING_PAIR) &&
		    !expire_is_important(&c->in->policy, &rec, c->mask, c->may_flag) && expire_is_beyond(&c->in->policy, &rec, limit);
	}
	arena_release(&a);
	return n;
}

/* Or it may be created. */
static bool
is_there(const struct matching *in, uint32_t box, enum side s)
{
	const struct plan_box_side *side = &in->boxes.at[box].side[s];

	return !side->exists || side->is_readable;
}

static int
count_box(struct counting *c, struct arena *a, size_t *waiting_r, struct err *e)
{
	struct run_box *b = &c->env->boxes.at[c->box];
	struct box_limit now = limit_of(&c->in->policy, b);
	const struct box_limit again = { 0 };
	const uint64_t max = c->in->policy.limit.max != 0 ? c->in->policy.limit.max : UINT64_MAX;
	const bool is_of_age = c->in->policy.limit.days != 0;
	size_t to_go = 0, waiting;

	box_masks(b, c->mask);
	/* There cannot be more of them than this. */
	if ((is_of_age || b->rec.side[c->x].here + b->rec.unsettled + c->in->messages.n > max) && (count_pairs(c, e) < 0 || count_single(c, e) < 0))
		return -1;
	if (c->at.n > 1)
		qsort(c->at.at, c->at.n, sizeof c->at.at[0], cmp_newest_first);
	if ((is_of_age || c->at.n > max) && judge(c, c->at.n < max ? c->at.n : (size_t)max, a, &to_go, e) < 0)
		return -1;
	now.next = is_of_age ? next_too_old(c) : 0;
	/* What gets its twin just now, and is beyond, goes once that is in the base; and so does what is beyond for what the other side gets, if
	 * it takes that. */
	waiting = count_linked_beyond(c) + (is_of_age || c->at.n + c->leaving > max ? c->leaving : 0);
	*waiting_r += waiting;
	if (to_go > 0)
		log_line(LOG_RUN, "%s: %zu messages beyond the limit are to go", b->name, to_go);
	return remember(c->env, b, to_go + waiting > 0 || b->is_beyond_unsaid ? &again : &now, e);
}

static bool
is_due(const struct env *env, const struct run_box *b, const struct box_limit *now)
{
	return b->rec.unsettled > 0 || b->side[FAR].was_read || b->side[NEAR].was_read || !is_same(&b->rec.limit, now) ||
	    (b->rec.limit.next != 0 && env->set->now >= b->rec.limit.next);
}

static int
count_one(struct env *env, struct matching *in, uint32_t box, const uint32_t *twin, struct arena *a, size_t *waiting_r, struct err *e)
{
	const struct policy *p = &in->policy;
	struct run_box *b = &env->boxes.at[box];
	const struct box_limit now = limit_of(p, b);
	struct counting c = { .env = env, .in = in, .box = box, .x = p->limit.side, .twin = twin,
		.is_by_uid = env->set->store[side_other(p->limit.side)]->ops->has_uid_keys };
	int s, status;

	if (b->is_excluded || b->rec.id == 0 || !is_due(env, b, &now) || !is_there(in, box, FAR) || !is_there(in, box, NEAR))
		return 0;
	/* All that the other side is taken to have was in its list: what goes for the limit has its twin there for certain. */
	if (b->side[side_other(c.x)].is_unsure)
		return 0;
	for (s = 0; s < SIDES; s++)
		c.may_flag[s] = (p->sync[s] & SYNC_FLAGS) && !p->read_only[s] && !in->boxes.at[box].side[s].is_readonly;
	b->is_beyond_unsaid = false;
	status = count_box(&c, a, waiting_r, e);
	vec_release(&c.at);
	if (b->is_beyond_unsaid)
		in->boxes.at[box].side[FAR].is_readable = in->boxes.at[box].side[NEAR].is_readable = false;
	return status;
}

/* Not counted in this run: nor, what changed in it, if there is a limit that this run does not keep; a limit that comes back is another one. */
static int
forget(struct env *env, const struct policy *p, struct err *e)
{
	const struct box_limit none = { 0 };
	struct run_box *b;
	size_t i;

	for (i = 0; i < env->boxes.n; i++) {
		b = &env->boxes.at[i];
		if (b->rec.id == 0 || (limit_is_on(&p->limit) && b->rec.unsettled == 0 && !b->side[FAR].was_read && !b->side[NEAR].was_read))
			continue;
		if (remember(env, b, &none, e) < 0)
			return -1;
	}
	return 0;
}

int
limits_find(struct env *env, struct matching *in, struct arena *a, size_t *waiting_r, struct err *e)
{
	const struct plan_link *l;
	uint32_t *twin, box;
	size_t i;
	int status = 0;

	if (!expire_is_on(&in->policy))
		return forget(env, &in->policy, e);
	twin = mem_alloc((in->messages.n + 1) * sizeof *twin);
	for (i = 0; i < in->messages.n; i++)
		twin[i] = NONE;
	for (i = 0; i < in->links.n; i++) {
		l = &in->links.at[i];
		if (l->kind != LINK_TWIN)
			continue;
		twin[l->a] = l->b;
		twin[l->b] = l->a;
	}
	for (box = 0; box < in->boxes.n && status == 0; box++)
		status = count_one(env, in, box, twin, a, waiting_r, e);
	free(twin);
	return status;
}
