/* A store that keeps equal messages once. What it took and does not show as a message of its own is there as the message of an equal one
 * (BASIS_SHARED). It is not sent again, and when its equal is deleted the pair goes on with it (rekeyed.c).
 *
 * All that share a message have one set of flags: what is changed on any of them is changed on all (P16). What each has agreed on with
 * the message is its record's `agreed`.
 *
 * An APPENDUID that names the equal message says so (apply/op_copy.c, BASIS_SHARED_TOLD). Without UIDPLUS the list does: the store said OK, an equal
 * message is paired there, and nothing else came that may be it. A store that lost the message would look the same. So when the equal one
 * goes, only what an APPENDUID named goes with it; the rest is sent anew.
 */
#include "sync/match/match_inside.h"

#define KEPT_ONCE "the server keeps equal messages once"

void
shared_mark(struct record *rec, enum side s, enum half_basis how)
{
	rec->mark = MARK_SKIPPED;
	rec->half[s].basis = how;
	rec->half[s].is_sent = rec->has_agreed = false;
	rec->agreed = FLAGS_NONE;
	rec->why = KEPT_ONCE;
}

static bool
is_equal(const struct ident *a, const struct ident *b)
{
	unsigned enough = IDENT_SIZE | IDENT_HEADER;

	return (a->has & enough) == enough && (b->has & enough) == enough && ident_compare(a, b) == IDENT_SAME;
}

/* Another record of the mailbox that is the same message. 1/0/-1 */
static int
find_equal(struct env *env, const struct intent *in, bool (*is)(const struct record *rec, enum side s), struct record *rec_r, struct arena *a,
    struct err *e)
{
	uint64_t after = 0, tag;
	int got;

	if (!(in->ident.has & IDENT_HEADER))
		return 0;
	tag = message_tag_header(&in->ident);
	while ((got = message_next_tagged(env->state, a, tag, after, rec_r, e)) > 0) {
		after = rec_r->id;
		if (rec_r->box == in->box && rec_r->id != in->record && is(rec_r, in->side) && is_equal(&rec_r->ident, &in->ident))
			return 1;
	}
	return got;
}

/* A pair that is there as far as is known; one that has gone; one that is there by itself. */
static bool
is_pair_here(const struct record *rec, enum side s)
{
	return record_is_pair(rec) && rec->half[s].presence == PRESENCE_HERE;
}

static bool
is_pair_gone(const struct record *rec, enum side s)
{
	return record_is_pair(rec) && rec->half[s].presence == PRESENCE_GONE;
}

static bool
is_alone(const struct record *rec, enum side s)
{
	return rec->half[s].presence == PRESENCE_HERE && rec->half[side_other(s)].presence != PRESENCE_HERE;
}

/* The equal message is there by itself: an orphan, or left alone for another reason. It is not sent for what nobody wants there any more, but it is
 * what this one has become. 1/0/-1 */
static int
join_single(struct env *env, const struct intent *like, struct record *rec, struct arena *a, struct err *e)
{
	struct run_box *home = env_box_by_id(env, like->box);
	struct flag_mask masks[SIDES];
	struct record single;
	int got = home != NULL ? find_equal(env, like, is_alone, &single, a, e) : 0;

	if (got <= 0)
		return got;
	rec->half[like->side] = single.half[like->side];
	rec->mark = MARK_NEW;
	rec->why = "";
	record_agree(a, rec, box_masks(home, masks));
	env->observe_state->is_short = true;
	if (message_delete(env->state, single.box, single.id, e) < 0 || message_put(env->state, rec, masks, e) < 0)
		return -1;
	return 1;
}

/* Of the messages that find their twin in this look, one is equal; or one found none, and may be what was sent. */
static void
look_at_new(const struct matching *input, const struct intent *in, bool *is_paired_r, bool *may_be_r)
{
	const struct record *rec, *near;
	bool *is_linked = matching_linked(input, 0);
	size_t i;

	*is_paired_r = *may_be_r = false;
	for (i = 0; i < input->links.n; i++) {
		rec = input->messages.at[input->links.at[i].a].rec;
		near = input->messages.at[input->links.at[i].b].rec;
		if (input->links.at[i].kind == LINK_TWIN && rec->box == in->box && rec->id != in->record && near->id != in->record)
			*is_paired_r |= is_equal(&rec->ident, &in->ident) || is_equal(&near->ident, &in->ident);
	}
	for (i = 0; i < input->messages.n; i++) {
		rec = input->messages.at[i].rec;
		*may_be_r |= !is_linked[i] && rec->box == in->box && !record_is_pair(rec) && rec->id != in->record &&
		    rec->half[in->side].presence == PRESENCE_HERE && ident_compare(&rec->ident, &in->ident) != IDENT_DIFFER;
	}
	free(is_linked);
}

int
shared_find(struct env *env, const struct matching *input, const struct intent *in, struct arena *a, struct err *e)
{
	struct run_box *home = env_box_by_id(env, in->box);
	struct flag_mask masks[SIDES];
	struct record rec, pair;
	bool is_paired, may_be;
	int got;

	/* Its answer was OK, and did not say under what key. */
	if (in->kind != INTENT_DELIVER || in->tries == 0 || in->key.len > 0 || home == NULL)
		return 0;
	look_at_new(input, in, &is_paired, &may_be);
	if (may_be)
		return 0;
	got = message_get(env->state, a, in->box, in->record, &rec, e);
	if (got <= 0 || !record_is_single(&rec, side_other(in->side)))
		return got < 0 ? -1 : 0;
	got = is_paired ? 1 : find_equal(env, in, is_pair_here, &pair, a, e);
	if (got <= 0)
		return got < 0 ? -1 : join_single(env, in, &rec, a, e);
	shared_mark(&rec, in->side, BASIS_SHARED);
	box_masks(home, masks);
	return message_put(env->state, &rec, masks, e) < 0 ? -1 : 1;
}

/* ---- flags ---- */

static bool
is_sharing(const struct record *rec, enum side s)
{
	return record_half_is_shared(&rec->half[s]) && rec->mark == MARK_SKIPPED &&
	    rec->half[side_other(s)].presence == PRESENCE_HERE;
}

/* Where in the input the pair is, which is put there if it has no work of its own. UINT32_MAX: another link has it. */
static uint32_t
index_of(struct matching *in, const struct record *pair, uint32_t box, struct arena *a)
{
	struct record *kept;
	size_t i, k;

	for (i = 0; i < in->messages.n; i++)
		if (in->messages.at[i].rec->id == pair->id)
			break;
	for (k = 0; k < in->links.n && i < in->messages.n; k++)
		if ((in->links.at[k].a == i && in->links.at[k].kind != LINK_SHARED) || in->links.at[k].b == i)
			return UINT32_MAX;
	if (i == in->messages.n) {
		kept = arena_alloc(a, sizeof *kept);
		*kept = *pair;
		vec_push(&in->messages, (struct match_message){ kept, box });
	}
	return (uint32_t)i;
}

/* What both show is agreed; in what they differ, what was. Until all is, the run looks once more. */
static int
agree(struct env *env, uint32_t box, struct record *rec, const struct record *pair, enum side s, struct arena *a, struct err *e)
{
	struct flags here = rec->half[side_other(s)].flags, there = pair->half[s].flags, on = flags_intersect(a, here, there), differ;
	struct flag_mask masks[SIDES];

	box_masks(&env->boxes.at[box], masks);
	differ = flags_minus(a, flags_union(a, here, there), on);
	/* What one of them cannot keep is no difference (R14 masks). */
	differ = flags_keep(a, flags_keep(a, differ, &masks[FAR]), &masks[NEAR]);
	if (!rec->has_agreed && !flags_is_none(differ))
		return 0;
	on = flags_union(a, on, flags_intersect(a, rec->agreed, differ));
	if (rec->has_agreed && flags_equal(on, rec->agreed))
		return 0;
	rec->has_agreed = true;
	rec->agreed = on;
	return message_put(env->state, rec, masks, e);
}

static bool
was_moved(const struct matching *in, uint64_t id, enum side s)
{
	size_t i;

	for (i = 0; i < in->links.n; i++)
		if (in->links.at[i].kind == LINK_MOVED && in->links.at[i].side == s && in->messages.at[in->links.at[i].a].rec->id == id)
			return true;
	return false;
}

/* It is not shared any more: it has lost its twin (GONE), or is sent anew (NEVER). */
static void
become_single(struct record *rec, enum side s, enum presence becomes)
{
	rec->half[s] = RECORD_HALF_NEVER;
	rec->half[s].presence = becomes;
	rec->mark = MARK_NEW;
	rec->why = "";
}

static int
part(struct env *env, uint32_t box, struct record *rec, enum side s, enum presence becomes, struct err *e)
{
	struct flag_mask masks[SIDES];

	become_single(rec, s, becomes);
	return message_put(env->state, rec, box_masks(&env->boxes.at[box], masks), e);
}

/* The message went with its mailbox, and this has lost its twin with it (P8). To the planner alone: the mailbox may be back before anything
 * follows from that. */
static void
present_lost(struct matching *in, uint32_t i, enum side s, struct arena *a)
{
	struct record *copy = arena_alloc(a, sizeof *copy);

	*copy = *in->messages.at[i].rec;
	become_single(copy, s, copy->half[s].basis == BASIS_SHARED_TOLD ? PRESENCE_GONE : PRESENCE_NEVER);
	in->messages.at[i].rec = copy;
}

/* A person took it away from there: not we, for its twin was moved or deleted. */
static bool
was_taken(const struct record *pair, enum side s)
{
	return pair->half[side_other(s)].presence == PRESENCE_HERE ||
	    (pair->half[s].basis != BASIS_OURS && pair->half[s].basis != BASIS_MOVING);
}

/* No message is there any more that is this one as well. A person took it away: this has lost its twin with the other. Or it was
 * moved, or it is we who expunged it, or nobody knows that it was shared, and this is sent anew. */
static int
share_no_more(struct env *env, const struct matching *in, uint32_t box, struct record *rec, const struct intent *like, struct arena *a,
    struct err *e)
{
	enum side s = like->side;
	bool has_lost;
	struct record pair;
	int got = find_equal(env, like, is_pair_gone, &pair, a, e);

	if (got < 0)
		return -1;
	has_lost = got > 0 && rec->half[s].basis == BASIS_SHARED_TOLD && was_taken(&pair, s) && !was_moved(in, pair.id, s);
	return part(env, box, rec, s, has_lost ? PRESENCE_GONE : PRESENCE_NEVER, e);
}

static bool
is_to_be_expunged(const struct env *env, const struct record *pair, enum side s)
{
	return env->set->policy.expunge[s] && (pair->half[s].flags.sys & FLAG_DELETED) && !(pair->half[side_other(s)].flags.sys & FLAG_DELETED);
}

static int
share_one(struct env *env, struct matching *in, uint32_t i, enum side s, struct arena *a, struct err *e)
{
	struct record *rec = in->messages.at[i].rec, pair;
	struct intent like = { .box = rec->box, .record = rec->id, .side = s, .ident = rec->ident };
	uint32_t box = in->messages.at[i].box, at;
	int got = find_equal(env, &like, is_pair_here, &pair, a, e);

	if (got < 0)
		return -1;
	if (got == 0 && (got = join_single(env, &like, rec, a, e)) != 0) {
		set_aside(in, i, a);
		return got < 0 ? -1 : 0;
	}
	if (got == 0)
		return share_no_more(env, in, box, rec, &like, a, e);
	if (side_is_gone(&env->boxes.at[box].side[s])) {
		present_lost(in, i, s, a);
		return 0;
	}
	/* A person has marked it to be expunged where it is kept: with it this has lost its twin as well. */
	if (rec->half[s].basis == BASIS_SHARED_TOLD && is_to_be_expunged(env, &pair, s))
		return part(env, box, rec, s, PRESENCE_GONE, e);
	/* One that has gone from the other side is about to be deleted, or replaced by this (rekeyed.c). */
	if (pair.half[side_other(s)].presence != PRESENCE_HERE || (at = index_of(in, &pair, box, a)) == UINT32_MAX)
		return 0;
	if (agree(env, box, rec, &pair, s, a, e) < 0)
		return -1;
	env->observe_state->is_short |= !flags_equal(rec->half[side_other(s)].flags, pair.half[s].flags);
	vec_push(&in->links, (struct plan_link){ .kind = LINK_SHARED, .side = s, .a = at, .b = i, .left = UINT32_MAX });
	return 0;
}

/* One that is set aside in this run: so is the pair that has gone, or nobody would know any more that it was taken away. */
static int
hold_pair(struct env *env, struct matching *in, const struct record *rec, enum side s, struct arena *a, struct err *e)
{
	const struct intent like = { .box = rec->box, .record = rec->id, .side = s, .ident = rec->ident };
	struct record pair;
	size_t i;
	int got = find_equal(env, &like, is_pair_here, &pair, a, e);

	if (got != 0 || (got = find_equal(env, &like, is_pair_gone, &pair, a, e)) <= 0)
		return got < 0 ? -1 : 0;
	for (i = 0; i < in->messages.n; i++)
		if (in->messages.at[i].rec->id == pair.id)
			set_aside(in, (uint32_t)i, a);
	return 0;
}

static bool
is_aside(const struct record *rec, enum side s)
{
	return rec->mark == MARK_TOMBSTONE && record_half_is_shared(&rec->half[s]) && rec->half[side_other(s)].presence == PRESENCE_HERE;
}

int
shared_link(struct env *env, struct matching *in, struct arena *a, struct err *e)
{
	size_t i, n = in->messages.n;
	bool *is_linked = matching_linked(in, 0);
	int s, status = 0;

	for (i = 0; i < n && status == 0; i++)
		for (s = 0; s < SIDES && status == 0; s++)
			if (is_aside(in->messages.at[i].rec, (enum side)s))
				status = hold_pair(env, in, in->messages.at[i].rec, (enum side)s, a, e);

	/* What has found a message of its own shares none. */
	for (i = 0; i < n && status == 0; i++)
		for (s = 0; s < SIDES && status == 0 && !is_linked[i]; s++)
			if (is_sharing(in->messages.at[i].rec, (enum side)s))
				status = share_one(env, in, (uint32_t)i, (enum side)s, a, e);
	free(is_linked);
	return status;
}

/* ---- in words ---- */

static int
tell_one(struct env *env, const struct run_box *b, const struct record *rec, enum side s, struct arena *a, struct err *e)
{
	const struct intent like = { .box = rec->box, .record = rec->id, .side = s, .ident = rec->ident };
	enum side here = side_other(s);
	struct message_words words = culprit_words(env, b, rec, here, env->set->store[here]->ops->is_local), other;
	struct record pair;
	int got = find_equal(env, &like, is_pair_here, &pair, a, e);

	if (got <= 0)
		return got;
	other = culprit_words(env, b, &pair, here, env->set->store[here]->ops->is_local);
	report_note(env, NOTE_WARNING, b->name, arena_printf(&env->arena, "%s shares its message on %s with %s, to which it is equal (%s): "
	    "it is deleted there with the last of them", store_words_text(&env->arena, &words), side_name(s), store_words_text(&env->arena, &other), KEPT_ONCE));
	return 0;
}

static int
tell_box(struct env *env, const struct run_box *b, struct err *e)
{
	enum { TOLD_MOST = 20 };
	struct arena a = { 0 };
	struct record rec;
	uint64_t after = 0;
	int s, got, status = 0;
	size_t n = 0;

	while (status == 0 && n < TOLD_MOST && (got = message_next(env->state, &a, b->rec.id, after, &rec, e)) != 0) {
		if (got < 0) {
			status = -1;
			break;
		}
		after = rec.id;
		for (s = 0; s < SIDES && status == 0; s++)
			if (record_half_is_shared(&rec.half[s]) &&
			    rec.half[side_other((enum side)s)].presence == PRESENCE_HERE) {
				n++;
				status = tell_one(env, b, &rec, (enum side)s, &a, e);
			}
		arena_release(&a);
	}
	arena_release(&a);
	return status;
}

int
shared_tell(struct env *env, struct err *e)
{
	size_t i;

	for (i = 0; i < env->boxes.n; i++)
		if (!env->boxes.at[i].is_excluded && env->boxes.at[i].rec.id != 0 && tell_box(env, &env->boxes.at[i], e) < 0)
			return -1;
	return 0;
}
