/* The planner's input out of the base: every mailbox with its counts, and the messages not settled. */
#include "sync/match/match_inside.h"

enum { DAY = 24 * 3600 };

static size_t
slice_of(const struct env *env)
{
	return env->set->slice != 0 ? env->set->slice : 5000;
}

/* Two spellings that are one name on a side. */
static bool
is_alike(const char *a, const char *b)
{
	struct buf x = { 0 }, y = { 0 };
	bool is;

	names_key(a, strlen(a), &x);
	names_key(b, strlen(b), &y);
	is = strcmp(buf_str(&x), buf_str(&y)) == 0;
	buf_release(&x);
	buf_release(&y);
	return is;
}

/* What its store calls so; a name of INBOX is one in any spelling. */
static bool
is_trash(const struct env *env, const struct run_box *b, enum side s)
{
	const char *trash = env->set->policy.trash[s].name, *on = b->side[s].on;

	if (trash == NULL || on == NULL)
		return false;
	return strcmp(trash, on) == 0 || ((env->set->store[s]->is_folding || strcasecmp(trash, "INBOX") == 0) && is_alike(trash, on));
}

/* The store lists what the channel does not mean. */
static bool
has_others(const struct env *env, enum side s)
{
	const struct listing *l = &env->boxes_state->listing[s];
	size_t i;

	for (i = 0; i < l->boxes.n; i++)
		if (listing_selectable(l, l->boxes.at[i].name) != NULL && !pairing_selects(env, s, l->boxes.at[i].name))
			return true;
	return false;
}

static void
fill_side(const struct env *env, const struct run_box *b, enum side s, struct arena *a, struct plan_box_side *out)
{
	bool is_list_complete = env->boxes_state->listing[s].is_complete, is_folding = env->set->store[s]->is_folding;
	size_t prefix = strlen(env->set->box[s]);
	const struct box_side *bs = &b->rec.side[s];
	const struct run_side *rs = &b->side[s];

	out->exists = rs->listed != NULL;
	if (out->exists && rs->shown != NULL && strcmp(rs->on, rs->shown) != 0 && !(is_folding && is_alike(rs->on, rs->shown)))
		out->name = rs->on + prefix;
	/* Not in a list that is not complete: it may be there (R6). */
	out->was_known = bs->is_known || !is_list_complete;
	out->is_gone = rs->is_gone;
	out->may_be_renamed = rs->is_gone && has_others(env, s);
	out->is_readable = !b->is_excluded && !sight_has_failed(rs);
	/* Never listed in full since it is what it is, or not now that the other side is paired anew: what the other side has
	 * may be here already, unseen. */
	out->is_readonly = rs->is_readonly || rs->is_part || (out->exists && bs->is_known && bs->listed == 0) ||
	    (rs->is_unsure && b->rec.side[side_other(s)].is_blank);
	out->is_trash = is_trash(env, b, s);
	out->here = bs->here;
	out->known = bs->here;
	out->mask = bs->mask;
	if (!bs->is_known)
		out->mask = (struct flag_mask){ .sys = FLAG_ALL, .has_any_keyword = true, .kw = "" };
	out->refuses = out->exists ? NULL : env->boxes_state->listing[s].no_create;
	out->allow_delete = b->allow_delete;
	out->restore = b->restore;
	out->was_held = bs->was_held;
	week_sum(bs, env->set->now, out);
	out->shown = (struct plan_shown){ bs->shown.last, bs->shown.most, bs->shown.suspected, bs->shown.held,
		bs->shown.judged != 0 ? key_from_uid(a, bs->shown.judged) : KEY_NONE };
}

static struct record *
keep(struct arena *a, const struct record *rec)
{
	struct record *copy = arena_alloc(a, sizeof *copy);

	*copy = *rec;
	return copy;
}

static bool
is_retried(const struct env *env, const struct record *rec)
{
	const struct policy *p = &env->set->policy;

	if (rec->mark == MARK_FAILED && p->retry_failed)
		return true;
	return (rec->mark == MARK_FAILED || rec->mark == MARK_SKIPPED || rec->mark == MARK_EXPIRED || record_has_placeholder(rec)) &&
	    ((p->sync[FAR] | p->sync[NEAR]) & SYNC_OLD);
}

/* Not shown before its mailbox was made anew (fold_reset), and perhaps shown by the new one. */
static bool
may_be_shown(const struct run_box *b, const struct record *rec)
{
	return rec->mark == MARK_SKIPPED && !record_is_pair(rec) && (b->rec.side[FAR].is_blank || b->rec.side[NEAR].is_blank);
}

/* A mailbox that has vanished on a side is judged by all its messages (P8). */
static bool
needs_all(const struct run_box *b)
{
	return b->side[FAR].is_gone || b->side[NEAR].is_gone;
}

/* A source that does not keep all is judged by all that is there: what is settled goes in its time (P20). */
static bool
empties(const struct env *env, const struct run_box *b)
{
	bool is = false;
	int s;

	for (s = 0; s < SIDES; s++)
		is |= env->set->store[s]->ops->is_source && env->set->policy.source[s].leave.kind != LEAVE_ALL && b->rec.side[s].here > 0;
	return is;
}

/* Whether this mailbox's messages may be planned in slices. is_new: there are some on that side. */
static int
judge_slices(struct env *env, const struct run_box *b, bool is_new[SIDES], bool *may_r, struct err *e)
{
	struct arena a = { 0 };
	struct record rec;
	uint64_t after = 0;
	int got, s;

	while ((got = message_next_unsettled(env->state, &a, b->rec.id, after, &rec, e)) > 0 && *may_r) {
		after = rec.id;
		for (s = 0; s < SIDES; s++) {
			/* Nor are keys that may have been told in a false order looked at one by one. */
			*may_r &= rec.half[s].presence != PRESENCE_GONE && rec.half[s].basis != BASIS_DOUBTED;
			/* Deletions are counted together (R21). */
			*may_r &= !record_is_pair(&rec) || !(rec.half[s].flags.sys & FLAG_DELETED);
			is_new[s] |= rec.half[side_other(s)].presence == PRESENCE_NEVER;
		}
		*may_r &= !is_new[FAR] || !is_new[NEAR];
		if (after % 256 == 0)
			arena_release(&a);
	}
	arena_release(&a);
	return got < 0 ? -1 : 0;
}

/* What is new in one mailbox may be the twin of what is new in another (elsewhere.c). */
static bool
is_any_blank(const struct env *env)
{
	size_t i;

	for (i = 0; i < env->boxes.n; i++)
		if (env->boxes.at[i].rec.side[FAR].is_blank || env->boxes.at[i].rec.side[NEAR].is_blank)
			return true;
	return false;
}

/* A second chance for old ones takes all there are; few messages need no slices. */
static int
choose_slicing(struct env *env, struct err *e)
{
	const struct policy *p = &env->set->policy;
	uint64_t total = 0;
	bool may = true, is_blank = is_any_blank(env), is_new[SIDES] = { false, false };
	size_t i;

	for (i = 0; i < env->boxes.n; i++) {
		total += env->boxes.at[i].rec.unsettled;
		may &= !needs_all(&env->boxes.at[i]);
	}
	may &= total > slice_of(env) && !env->set->is_dry && !p->retry_failed && !((p->sync[FAR] | p->sync[NEAR]) & SYNC_OLD);
	for (i = 0; i < env->boxes.n && may; i++) {
		if (!is_blank)
			is_new[FAR] = is_new[NEAR] = false;
		if (!env->boxes.at[i].is_excluded && env->boxes.at[i].rec.unsettled > 0 &&
		    judge_slices(env, &env->boxes.at[i], is_new, &may, e) < 0)
			return -1;
	}
	env->observe_state->slicing = may ? SLICING_YES : SLICING_NO;
	env->ahead = may ? total : 0;
	return 0;
}

void
match_anew(struct env *env)
{
	size_t i;

	env->observe_state->slicing = SLICING_UNKNOWN;
	env->ahead = 0;
	env->match_state->is_further = env->match_state->has_more = false;
	for (i = 0; i < env->boxes.n; i++)
		env->boxes.at[i].sliced_to = env->boxes.at[i].slice_end = 0;
}

void
match_further(struct env *env)
{
	size_t i;

	env->match_state->is_further = true;
	for (i = 0; i < env->boxes.n; i++)
		env->boxes.at[i].sliced_to = env->boxes.at[i].slice_end;
}

static int
add_messages(struct env *env, uint32_t index, struct matching *in, struct arena *a, struct err *e)
{
	const struct policy *p = &env->set->policy;
	struct run_box *b = &env->boxes.at[index];
	struct plan_box *pb = &in->boxes.at[index];
	bool all = p->retry_failed || ((p->sync[FAR] | p->sync[NEAR]) & SYNC_OLD) || needs_all(b) ||
	    empties(env, b) || ((b->rec.side[FAR].is_blank || b->rec.side[NEAR].is_blank) && env->observe_state->slicing != SLICING_YES);
	struct flag_mask masks[SIDES];
	struct record rec;
	enum side source;
	uint64_t after = env->match_state->is_further ? b->sliced_to : 0;
	int got, s;

	box_masks(b, masks);
	for (;;) {
		if (env->observe_state->slicing == SLICING_YES && in->messages.n >= slice_of(env)) {
			env->match_state->has_more = true;
			return 0;
		}
		got = all ? message_next(env->state, a, b->rec.id, after, &rec, e) :
		    message_next_unsettled(env->state, a, b->rec.id, after, &rec, e);
		if (got <= 0)
			return got;
		after = rec.id;
		if (all && !needs_all(b) && record_is_settled(&rec, masks) && !is_retried(env, &rec) && !may_be_shown(b, &rec) &&
		    !plan_is_fetched(&in->policy, &rec, &source))
			continue;
		report_unkept(env, b, &rec);
		b->slice_end = after;
		vec_push(&in->messages, (struct match_message){ keep(a, &rec), index });
		for (s = 0; s < SIDES; s++)
			pb->side[s].known += rec.half[s].presence == PRESENCE_GONE;
		for (s = 0; s < SIDES; s++)
			if (rec.half[s].presence == PRESENCE_GONE && pb->side[s].oldest.len == 0 &&
			    window_oldest(env, b, (enum side)s, a, &pb->side[s].oldest, e) < 0)
				return -1;
	}
}

static int
cmp_deletion(const void *p, const void *q)
{
	const struct run_deletion *a = p, *b = q;

	if (a->box != b->box)
		return a->box < b->box ? -1 : 1;
	if (a->side != b->side)
		return a->side < b->side ? -1 : 1;
	return (a->id > b->id) - (a->id < b->id);
}

/* Whether it was done: else it is planned again, and counted there. -1 error. */
static int
has_gone(struct env *env, const struct run_deletion *d, struct err *e)
{
	struct arena a = { 0 };
	struct record rec;
	int got = message_get(env->state, &a, d->box, d->id, &rec, e);

	if (got == 1)
		got = rec.half[d->side].presence == PRESENCE_HERE && !(rec.half[d->side].flags.sys & FLAG_DELETED);
	arena_release(&a);
	return got < 0 ? -1 : !got;
}

/* R21: what earlier looks of this run deleted counts in the later ones. */
static int
count_deletions(struct env *env, struct matching *in, struct err *e)
{
	const struct run_deletion *d = env->match_state->deletions.at, *end = d + env->match_state->deletions.n;
	struct run_box *b;
	int got;

	if (env->match_state->deletions.n > 1)
		qsort(env->match_state->deletions.at, env->match_state->deletions.n, sizeof *d, cmp_deletion);
	for (; d < end; d++) {
		if (d > env->match_state->deletions.at && cmp_deletion(d - 1, d) == 0)
			continue;
		b = env_box_by_id(env, d->box);
		got = b != NULL ? has_gone(env, d, e) : 0;
		if (got < 0)
			return -1;
		if (got > 0)
			in->boxes.at[b - env->boxes.at].side[side_other(d->side)].deleted++;
	}
	return 0;
}

int
input_make(struct env *env, struct matching *in, struct arena *a, struct err *e)
{
	const struct run_box *b;
	struct plan_box pb;
	size_t i, k;
	int s;

	env->match_state->has_more = false;
	if (env->observe_state->slicing == SLICING_UNKNOWN && choose_slicing(env, e) < 0)
		return -1;
	in->policy = env->set->policy;
	in->policy.limit.before = in->policy.limit.days != 0 ? env->set->now - (int64_t)in->policy.limit.days * DAY : 0;
	in->hint = env_hint(env);
	for (s = 0; s < SIDES; s++) {
		in->policy.read_only[s] |= env->set->store[s]->read_only;
		in->policy.source[s].is = env->set->store[s]->ops->is_source;
		in->policy.source[s].before = env->set->now - (int64_t)in->policy.source[s].leave.days * DAY;
	}
	for (i = 0; i < env->boxes.n; i++) {
		b = &env->boxes.at[i];
		pb = (struct plan_box){ .id = b->rec.id, .name = b->name };
		for (k = 0; k < env->boxes_state->contested.n; k++)
			pb.is_contested |= b->rec.id != 0 && env->boxes_state->contested.at[k] == b->rec.id;
		for (s = 0; s < SIDES; s++)
			fill_side(env, b, (enum side)s, a, &pb.side[s]);
		vec_push(&in->boxes, pb);
	}
	for (i = 0; i < env->boxes.n; i++) {
		b = &env->boxes.at[i];
		if (b->is_excluded || b->rec.id == 0)
			continue;
		if (b->rec.unsettled == 0 && !needs_all(b) && !empties(env, b) && !in->policy.retry_failed &&
		    !((in->policy.sync[FAR] | in->policy.sync[NEAR]) & SYNC_OLD))
			continue;
		if (add_messages(env, (uint32_t)i, in, a, e) < 0)
			return -1;
	}
	return count_deletions(env, in, e);
}
