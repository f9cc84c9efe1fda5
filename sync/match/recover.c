/* Looks before doing again (R11 recovery): what became of writes whose outcome an earlier run, or this one, never learnt.
 *
 * The deltas are recorded when this runs, so whatever arrived is in the base, without its twin.
 *
 *   DELIVER with a name (Maildir): the name is searched for in its mailbox, then in all others of that side (a person may have filed the
 *     message meanwhile). Found, it is paired; else the copy is made again. What may be a placeholder (P21) must be read for that: until it
 *     can be, both wait.
 *   DELIVER without a name (IMAP): twins.c pairs it by identity. What is not found is not sent again in the run that sent it, nor, where
 *     the server claimed to have taken it, within ten minutes.
 *   MOVE, CLONE: the deltas show them; what was half done is planned again. What arrived for a message that is not in its new mailbox any
 *     more is searched for like a delivery.
 *   EXPUNGE: what may be in the trash is remembered, so that it is looked for there (apply/trash.c) before it is put there again. The
 *     message went by our own act, which is nobody's deletion. If the reason for it has been taken back since, the message is
 *     copied back.
 */
#include "sync/match/search.h"

#include "state/base/log.h"
#include "sync/plan/merge.h"

enum { TEN_MINUTES = 600 };

/* What a pair is was told by its bytes as they were sent, and is lost with the run that sent them. Moves and equal mail are known by it: where it
 * costs no network it is read once more. */
static int
learn_claimed(struct env *env, const struct run_box *home, enum side s, struct record *rec, struct err *e)
{
	struct matching tmp = { 0 };
	struct search x = { .env = env, .in = &tmp, .at = { s, s } };
	int status;

	vec_push(&tmp.messages, (struct match_message){ rec, (uint32_t)(home - env->boxes.at) });
	search_add(&x, FAR, 0);
	status = search_learn_local(&x, e);
	search_release(&x);
	matching_release(&tmp);
	return status;
}

/* What became of a search for what arrived. */
enum found { FOUND_NOT, FOUND_CLAIMED, FOUND_UNREAD };	/* or -1 */

/* The half that arrived in mailbox `at` becomes the twin of `rec`; where it has been filed elsewhere, rec remembers it
 * as gone from where it was delivered, which makes it a move. enum found, or -1. */
static int
claim(struct env *env, const struct intent *in, struct record *rec, struct record *found, struct run_box *home,
    struct run_box *at, struct arena *a, struct err *e)
{
	struct flag_mask masks[SIDES];
	int got;

	if (record_is_pair(found) || found->half[in->side].presence != PRESENCE_HERE)
		return FOUND_NOT;
	if ((got = placeholders_claim(env, in, rec, found, at, e)) < 0)
		return -1;
	if (got == 0) {
		vec_push(&env->match_state->unclaimed, (struct run_unread){ .box = (uint32_t)(home - env->boxes.at), .side = side_other(in->side), .id = rec->id });
		return FOUND_UNREAD;
	}
	if (rec->ident.has == 0 && !(in->ident.has & IDENT_PLACEHOLDER))
		rec->ident = in->ident;
	if (rec->half[in->side].is_sent)
		kept_seen(env, home, in->side, a, rec, found->half[in->side].flags);
	rec->half[in->side] = found->half[in->side];
	/* It has what flags its original had by then, and nobody marked the copy: a \Deleted on it is taken back (as in op_move.c). */
	if (in->kind == INTENT_CLONE && (found->half[in->side].flags.sys & FLAG_DELETED)) {
		rec->agreed = merge_base(a, rec);
		rec->agreed.sys |= FLAG_DELETED;
		rec->has_agreed = true;
	}
	if (at == home) {
		rec->mark = MARK_NEW;
		if (message_delete(env->state, found->box, found->id, e) < 0)
			return -1;
	} else {
		rec->half[in->side].presence = PRESENCE_GONE;
	}
	box_masks(home, masks);
	/* What both show now is agreed: the next change on one side must be seen as one. */
	if (rec->half[FAR].presence == PRESENCE_HERE && rec->half[NEAR].presence == PRESENCE_HERE)
		record_agree(a, rec, masks);
	if (message_put(env->state, rec, masks, e) < 0 || (at == home && learn_claimed(env, home, in->side, rec, e) < 0))
		return -1;
	return FOUND_CLAIMED;
}

static int
claim_named(struct env *env, const struct intent *in, struct record *rec, struct run_box *home, struct run_box *at,
    struct arena *a, struct err *e)
{
	struct record found;
	int got;

	/* It went with its mailbox. */
	if (side_is_gone(&at->side[in->side]))
		return FOUND_NOT;
	got = message_find(env->state, a, at->rec.id, in->side, in->key, &found, e);
	return got <= 0 ? got : claim(env, in, rec, &found, home, at, a, e);
}

/* Sent, and its source deleted since: what arrived follows it. */
static int
claim_orphaned(struct env *env, const struct intent *in, struct record *rec, struct run_box *home, struct arena *a,
    struct err *e)
{
	struct record found;
	int got;

	if (rec->half[side_other(in->side)].presence != PRESENCE_GONE)
		return 0;
	got = uploads_find(env, in, home, a, &found, e);
	return got <= 0 ? got : claim(env, in, rec, &found, home, home, a, e);
}

/* A delivered file by its name. enum found, or -1. */
static int
find_named(struct env *env, const struct intent *in, struct record *rec, struct run_box *home, struct arena *a,
    struct err *e)
{
	int got = claim_named(env, in, rec, home, home, a, e);
	size_t i;

	for (i = 0; i < env->boxes.n && got == FOUND_NOT; i++)
		if (&env->boxes.at[i] != home && env->boxes.at[i].rec.id != 0)
			got = claim_named(env, in, rec, home, &env->boxes.at[i], a, e);
	return got;
}

/* A list that was not complete may have left out what is looked for: in its mailbox, or, by a name, in any other. And one that was read before
 * the program wrote there says nothing of that. */
static bool
is_unsure(struct env *env, const struct intent *in)
{
	uint32_t home = in->kind == INTENT_DELIVER ? in->box : in->to_box;
	const struct run_box *b;
	size_t i;

	for (i = 0; i < env->boxes.n; i++) {
		b = &env->boxes.at[i];
		if (b->rec.id == home && b->side[in->side].sight != SIGHT_CURRENT)
			return true;
		if ((b->rec.id == home || in->key.len > 0) && (b->side[in->side].is_unsure || sight_has_failed(&b->side[in->side])))
			return true;
	}
	return false;
}

/* DELIVER: settled if its twin is there, or its name. */
static int
recover_delivery(struct env *env, struct intent *in, struct arena *a, struct err *e)
{
	struct run_box *home = env_box_by_id(env, in->box);
	struct record rec;
	int got;

	if (home == NULL)
		return 0;		/* not part of this run */
	got = message_get(env->state, a, in->box, in->record, &rec, e);
	if (got < 0)
		return -1;
	if (got == 0 || record_is_pair(&rec))
		return intent_delete(env->state, in->id, e);
	if (sight_has_failed(&home->side[in->side]))
		return 0;
	if (in->key.len > 0) {
		got = find_named(env, in, &rec, home, a, e);
		if (got < 0)
			return -1;
		return got == FOUND_UNREAD || (got == FOUND_NOT && is_unsure(env, in)) ? 0 : intent_delete(env->state, in->id, e);
	}
	got = claim_orphaned(env, in, &rec, home, a, e);
	return got != FOUND_CLAIMED ? (got < 0 ? -1 : 0) : intent_delete(env->state, in->id, e);
}

static enum ident_match
ident_compare_on(const struct record *rec, const struct intent *in)
{
	const struct ident is = record_ident(rec, in->side);

	return ident_compare(&is, &in->ident);
}

/* The twin that a MOVE followed is where it was moved from again: then what arrived is that one's. 1/0/-1. */
static int
came_back(struct env *env, const struct intent *in, struct err *e)
{
	struct arena a = { 0 };
	struct record rec;
	uint64_t after = 0;
	bool is = false;
	int got = 0;

	while (in->kind == INTENT_MOVE && !is && (got = message_next(env->state, &a, in->box, after, &rec, e)) > 0) {
		after = rec.id;
		is = rec.half[in->side].presence == PRESENCE_GONE && rec.half[in->side].basis == BASIS_MOVING &&
		    rec.half[side_other(in->side)].presence == PRESENCE_HERE && ident_compare_on(&rec, in) != IDENT_DIFFER;
		arena_release(&a);
	}
	arena_release(&a);
	return got < 0 ? -1 : is;
}

/* MOVE, CLONE: settled once the record at the destination has its twin, by identity. What arrived for one that has been moved on or
 * deleted since, follows it. */
static int
recover_move(struct env *env, struct intent *in, struct arena *a, struct err *e)
{
	struct run_box *home = env_box_by_id(env, in->to_box);
	struct record rec;
	int got = message_get(env->state, a, in->to_box, in->record, &rec, e);

	if (got < 0)
		return -1;
	if (got == 0 || record_is_pair(&rec))
		return intent_delete(env->state, in->id, e);
	if (home == NULL || sight_has_failed(&home->side[in->side]) || rec.half[side_other(in->side)].presence != PRESENCE_GONE)
		return 0;
	if ((got = came_back(env, in, e)) != 0)
		return got < 0 ? -1 : 0;
	got = env->set->store[in->side]->ops->has_uid_keys ? claim_orphaned(env, in, &rec, home, a, e) :
	    find_named(env, in, &rec, home, a, e);
	return got != FOUND_CLAIMED ? (got < 0 ? -1 : 0) : intent_delete(env->state, in->id, e);
}

/* It is here still: an attempt to put it into the trash has broken off. That took \Deleted off, which nobody else did, as often as a delta
 * shows it so. */
static int
recover_trash(struct env *env, const struct intent *in, struct record *rec, const struct flag_mask masks[SIDES], struct err *e)
{
	struct record_half *ours = &rec->half[in->side];
	const struct record_half *other = &rec->half[side_other(in->side)];

	if (in->was_deleted && !(ours->flags.sys & FLAG_DELETED)) {
		ours->flags.sys |= FLAG_DELETED;
		if (message_put(env->state, rec, masks, e) < 0)
			return -1;
	}
	if (other->presence == PRESENCE_HERE && !((ours->flags.sys | other->flags.sys) & FLAG_DELETED))
		return intent_delete(env->state, in->id, e);
	vec_push(&env->match_state->trashed, (struct run_trashed){ in->box, in->side, in->record, in->id, in->trash == INTENT_IN_TRASH });
	return 0;
}

/* A message that was expunged because it was gone, or \Deleted, on the other side, and is there again without that. */
static int
recover_expunge(struct env *env, const struct intent *in, struct arena *a, struct err *e)
{
	struct run_box *home = env_box_by_id(env, in->box);
	struct flag_mask masks[SIDES];
	struct record rec;
	struct record_half *ours = &rec.half[in->side];
	const struct record_half *other = &rec.half[side_other(in->side)];
	int got;

	if (home == NULL)
		return 0;		/* not part of this run */
	got = message_get(env->state, a, in->box, in->record, &rec, e);
	if (got < 0)
		return -1;
	if (got == 1 && ours->presence == PRESENCE_HERE && in->trash != INTENT_NO_TRASH)
		return recover_trash(env, in, &rec, box_masks(home, masks), e);
	if (got == 1 && ours->presence == PRESENCE_GONE && other->presence == PRESENCE_HERE &&
	    !((ours->flags.sys | other->flags.sys) & FLAG_DELETED)) {
		*ours = RECORD_HALF_NEVER;
		if (message_put(env->state, &rec, box_masks(home, masks), e) < 0)
			return -1;
	}
	/* Nothing of it was done: should it go now, a person did that. */
	if (got == 1 && ours->presence == PRESENCE_HERE && ours->basis == BASIS_OURS && rec.mark == MARK_NEW &&
	    !(ours->flags.sys & FLAG_DELETED) && !sight_has_failed(&home->side[in->side]) && !home->side[in->side].is_unsure) {
		ours->basis = BASIS_LISTED;
		if (message_put(env->state, &rec, box_masks(home, masks), e) < 0)
			return -1;
	}
	return intent_delete(env->state, in->id, e);
}

int
recover_begin(struct env *env, struct err *e)
{
	struct arena a = { 0 };
	struct intent in;
	int got;

	env->match_state->first_record = message_next_id(env->state);
	while ((got = intent_next(env->state, &a, env->match_state->last_intent, &in, e)) > 0) {
		env->match_state->last_intent = in.id;
		arena_release(&a);
	}
	arena_release(&a);
	return got;
}

int
recover(struct env *env, struct err *e)
{
	struct arena a = { 0 };
	struct intent in;
	uint64_t after = 0;
	int got;

	env->match_state->trashed.n = env->match_state->unclaimed.n = 0;
	while ((got = intent_next(env->state, &a, after, &in, e)) > 0) {
		after = in.id;
		if (in.kind == INTENT_RENAME)
			continue;		/* renames.c looks into those */
		log_line(LOG_RUN, "looking into intent %llu", (unsigned long long)in.id);
		if (in.kind == INTENT_DELIVER)
			got = recover_delivery(env, &in, &a, e);
		else
			got = in.kind == INTENT_EXPUNGE ? recover_expunge(env, &in, &a, e) : recover_move(env, &in, &a, e);
		if (got < 0)
			break;
		arena_release(&a);
	}
	arena_release(&a);
	return got < 0 ? -1 : 0;
}

/* Whether a write that was not found may still show up. */
static bool
may_come(struct env *env, const struct intent *in)
{
	const struct run_box *b = env_box_by_id(env, in->kind == INTENT_DELIVER ? in->box : in->to_box);

	return b == NULL || is_unsure(env, in) || in->id > env->match_state->last_intent ||
	    (in->tries > 0 && env->set->now - in->when < TEN_MINUTES);
}

/* Records that found their twin just now. */
static void
linked_ids(const struct matching *in, struct id_set *out)
{
	size_t i;

	for (i = 0; i < in->links.n; i++) {
		if (in->links.at[i].kind != LINK_TWIN)
			continue;
		vec_push(&out->v, in->messages.at[in->links.at[i].a].rec->id);
		vec_push(&out->v, in->messages.at[in->links.at[i].b].rec->id);
	}
	id_set_sort(out);
}

/* And what a link makes depend on it: a message on its way to its new place is not deleted in the old one. */
static void
set_aside_linked(struct matching *in, uint32_t index, struct arena *a)
{
	size_t i;

	for (i = 0; i < in->links.n; i++)
		if (in->links.at[i].kind == LINK_MOVED && in->links.at[i].b == index)
			set_aside(in, in->links.at[i].a, a);
	set_aside(in, index, a);
}

static const struct run_unread *
find_unclaimed(const struct env *env, uint64_t id)
{
	size_t i;

	for (i = 0; i < env->match_state->unclaimed.n; i++)
		if (env->match_state->unclaimed.at[i].id == id)
			return &env->match_state->unclaimed.at[i];
	return NULL;
}

/* What has arrived and is not known as what, and the one that it came for: nothing is concluded from them. */
static void
hold_unclaimed(struct env *env, struct matching *in, const struct id_set *linked, struct arena *a)
{
	const struct run_unread *u;
	uint32_t i;

	for (i = 0; i < in->messages.n && env->match_state->unclaimed.n > 0; i++) {
		u = find_unclaimed(env, in->messages.at[i].rec->id);
		if (u == NULL || id_set_has(linked, u->id))
			continue;
		unread_note(env, in, i, &(struct match_unread){ i, u->class, u->why }, u->side);
		set_aside_linked(in, i, a);
	}
}

/* Of earlier runs what a store took, and a list has been read since; of this one a delivery whose outcome is not known. */
static bool
is_missed(const struct env *env, const struct intent *in)
{
	if (in->tries == 0)
		return in->kind == INTENT_DELIVER && !env->set->is_dry;
	return unfinished_is_copy(in) && in->id <= env->match_state->last_intent;
}

int
recover_count(struct env *env, struct err *e)
{
	struct arena a = { 0 };
	struct err why;
	struct intent in;
	struct record rec;
	struct run_box *b;
	uint64_t after = 0;
	uint32_t box;
	int got;

	while ((got = intent_next(env->state, &a, after, &in, e)) > 0) {
		after = in.id;
		box = in.kind == INTENT_DELIVER ? in.box : in.to_box;
		b = is_missed(env, &in) ? env_box_by_id(env, box) : NULL;
		if (b != NULL && (got = message_get(env->state, &a, box, in.record, &rec, e)) < 0)
			break;
		if (b != NULL && got == 1 && !record_is_pair(&rec) && rec.trouble != TROUBLE_SESSION) {
			err_class(&why, ERR_BOX, ERR_TEMPORARY, ERR_LATER, in.tries == 0 ?
			    "whether %s took what was sent before the connection was lost is not known yet" :
			    "%s answered that it had taken what was sent, and does not show it", env->set->store[in.side]->name);
			waiting_add(env, (uint32_t)(b - env->boxes.at), in.side, rec.id, &why);
		}
		arena_release(&a);
	}
	arena_release(&a);
	return got < 0 ? -1 : 0;
}

/* The store took it, and shows it nowhere. What it takes in run after run and never shows would be sent for ever. 1: no more. */
static int
count_vain(struct env *env, struct matching *input, const struct intent *in, struct arena *a, struct err *e)
{
	struct run_box *b = env_box_by_id(env, in->box);
	struct flag_mask masks[SIDES];
	struct record rec;
	size_t i;
	int got;

	if (in->kind != INTENT_DELIVER || in->tries == 0 || b == NULL)
		return 0;
	got = message_get(env->state, a, in->box, in->record, &rec, e);
	if (got <= 0 || record_is_pair(&rec) || rec.mark != MARK_NEW)
		return got < 0 ? -1 : 0;
	if (refused_once_more(&rec, arena_printf(a, "%s took it in %d runs, and shows it nowhere", env->set->store[in->side]->name,
	    REFUSED_RUNS))) {
		env->report->failed++;
		report_note(env, NOTE_ERROR, b->name, arena_printf(&env->arena, "a message (%s) is not sent again; %s does so: %s",
		    culprit_words(env, b, &rec, side_other(in->side), env->set->store[side_other(in->side)]->ops->is_local).place,
		    env_hint_option(env, "--retry-failed", NULL), rec.why));
	}
	for (i = 0; i < input->messages.n; i++)
		if (input->messages.at[i].rec->id == rec.id && input->messages.at[i].rec->box == rec.box)
			input->messages.at[i].rec->refusals = rec.refusals;
	return message_put(env->state, &rec, box_masks(b, masks), e) < 0 ? -1 : rec.mark == MARK_FAILED;
}

int
recover_hold(struct env *env, struct matching *in, struct arena *a, struct err *e)
{
	struct id_set linked = { { 0 } }, held = { { 0 } };
	struct intent intent;
	uint64_t after = 0;
	uint32_t i;
	int got;

	linked_ids(in, &linked);
	while ((got = intent_next(env->state, a, after, &intent, e)) > 0) {
		after = intent.id;
		if (!unfinished_is_copy(&intent) || id_set_has(&linked, intent.record))
			continue;
		got = is_unsure(env, &intent) ? 0 : shared_find(env, in, &intent, a, e);
		if (got < 0)
			break;
		if (got > 0) {
			vec_push(&held.v, intent.record);
			if (intent_delete(env->state, intent.id, e) < 0) {
				got = -1;
				break;
			}
		} else if (may_come(env, &intent) || find_unclaimed(env, intent.record) != NULL) {
			vec_push(&held.v, intent.record);
			log_line(LOG_RUN, "a write of an earlier run is still awaited; not sent again");
		} else {
			got = count_vain(env, in, &intent, a, e);
			if (got > 0)
				vec_push(&held.v, intent.record);
			if (got < 0 || intent_delete(env->state, intent.id, e) < 0) {
				got = -1;
				break;
			}
		}
	}
	id_set_sort(&held);
	for (i = 0; i < in->messages.n && held.v.n > 0; i++)
		if (id_set_has(&held, in->messages.at[i].rec->id) && !id_set_has(&linked, in->messages.at[i].rec->id))
			set_aside_linked(in, i, a);
	hold_unclaimed(env, in, &linked, a);
	vec_release(&linked.v);
	vec_release(&held.v);
	return got < 0 ? -1 : 0;
}
