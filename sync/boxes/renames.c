/* Which mailboxes were renamed, and on which side (R12 folder renames).
 *
 * The base knows a mailbox by its number, and its name on each side. One that is not under its name is searched for under the names that no
 * other mailbox has:
 *   by the identity that the store itself gives (MAILBOXID; the inode and birth of a directory, with half its names);
 *   else by its epoch (UIDVALIDITY), and a sample of its messages under the same keys.
 * Found, it stays itself: its records, under its number, with the new name. The plan then renames it on the other side (P14). Until then,
 * and where that may not be, the two go on as twins of two names.
 *
 * Some are not recognised. They count as one mailbox that is missing and another that is new, whose messages were moved (R9 moves): INBOX;
 * one that the other side does not have any more; one whose new name the other side has given to another, or under which it would take
 * another's name below it; one that the other side has refused to rename (is_apart); one that the patterns do not select any more.
 *
 * Must hold: nothing is concluded from a list that is not complete, nor where a sample cannot be read for the moment. A name that is not
 * listed must be denied by the store, or refused without a reason in two runs (R6 gone if denied).
 */
#include "sync/boxes/rename.h"

#include "state/base/log.h"
#include "state/model/name.h"

/* ---- conclusions ---- */

/* Copies that were sent there, and may have arrived: if they have, they went with it. */
static int
guess_awaited(struct env *env, const struct box_record *rec, enum side s, const struct flag_mask masks[SIDES], struct err *e)
{
	struct arena a = { 0 };
	struct intent in;
	struct record m;
	uint64_t after = 0;
	int got;

	while ((got = intent_next(env->state, &a, after, &in, e)) > 0) {
		after = in.id;
		if (in.side != s || in.kind == INTENT_RENAME || in.kind == INTENT_EXPUNGE ||
		    (in.kind == INTENT_DELIVER ? in.box : in.to_box) != rec->id)
			continue;
		if ((got = message_get(env->state, &a, rec->id, in.record, &m, e)) < 0)
			break;
		if (got == 0 || !record_is_single(&m, side_other(s)))
			continue;
		m.half[s] = half_guessed();
		if ((got = message_put(env->state, &m, masks, e)) < 0)
			break;
	}
	arena_release(&a);
	return got < 0 ? -1 : 0;
}

/* The mailbox of side s went elsewhere with its messages, and these are moved one by one (R9 moves). */
static int
box_vanished(struct env *env, struct box_record *rec, enum side s, struct err *e)
{
	const struct flag_mask masks[SIDES] = { rec->side[FAR].mask, rec->side[NEAR].mask };
	struct arena a = { 0 };
	struct record m;
	uint64_t after = 0;
	int got;

	while ((got = message_next(env->state, &a, rec->id, after, &m, e)) > 0) {
		after = m.id;
		if (m.half[s].presence == PRESENCE_HERE) {
			m.half[s].presence = PRESENCE_GONE;
			if (message_put(env->state, &m, masks, e) < 0) {
				got = -1;
				break;
			}
		}
		arena_release(&a);
	}
	arena_release(&a);
	/* Should it be found again, it is listed, whatever it was when it was left. */
	rec->side[s].cursor = (struct cursor){ .epoch = rec->side[s].cursor.epoch };
	return got < 0 || box_put(env->state, rec, e) < 0 ? -1 : guess_awaited(env, rec, s, masks, e);
}

int
renames_apart(struct env *env, struct box_record *rec, enum side s, struct err *e)
{
	enum side other = side_other(s);

	rec->name = arena_strdup(&env->arena, name_now(rec, s));
	rec->side[FAR].now = rec->side[NEAR].now = "";
	rec->side[other].is_apart = true;
	rec->side[other].mailbox_id = "";
	return box_vanished(env, rec, other, e);
}

static bool
is_linked(const struct place *p)
{
	return p->on[FAR] != NULL && p->on[NEAR] != NULL;
}

static bool
has_moved(const struct place *p, enum side s)
{
	return !p->is_home[s] && !p->is_ours[s];
}

/* The name the channel has for it from now on: far's where both were renamed. */
static const char *
new_name(const struct renames *x, const struct place *p)
{
	enum side s = has_moved(p, FAR) ? FAR : NEAR;

	return has_moved(p, s) ? p->on[s] + strlen(x->env->set->box[s]) : p->rec->name;
}

/* Another than p has the name on side s, and keeps it. */
static bool
is_kept_by_another(const struct renames *x, const struct place *p, enum side s, const char *full)
{
	const struct place *q;
	size_t i;

	if (rename_find_listed(x->env, s, full) == NULL) {
		for (i = 0; i < x->n; i++)
			if (x->at[i].is_hidden[s] && strcmp(x->at[i].was[s], full) == 0)
				return true;
		return false;
	}
	for (i = 0; i < x->n; i++) {
		q = &x->at[i];
		if (q != p && q->on[s] != NULL && strcmp(q->on[s], full) == 0)
			return q->is_tied || !is_linked(q) || strcmp(rename_find_full_name(x->env, s, new_name(x, q)), full) == 0;
	}
	/* Another under a known name goes on in its place (R7), and to the name that was to have. */
	for (i = 0; i < x->n; i++) {
		q = &x->at[i];
		if (q != p && q->on[s] == NULL && q->on[side_other(s)] != NULL && q->rec->side[s].is_known &&
		    !q->rec->side[s].is_apart && strcmp(q->was[s], full) == 0)
			return strcmp(rename_find_full_name(x->env, s, q->rec->name), full) == 0;
	}
	return true;
}

/* Another has the new name of p on side s. */
static bool
is_taken(const struct renames *x, const struct place *p, enum side s)
{
	const char *full = rename_find_full_name(x->env, s, new_name(x, p));

	return strcmp(p->on[s], full) != 0 && is_kept_by_another(x, p, s, full);
}

/* Renamed, one that stays below p would meet another. */
static bool
is_met(const struct renames *x, const struct place *p, enum side s)
{
	const char *full = rename_find_full_name(x->env, s, new_name(x, p)), *on = p->on[s];
	const struct mailbox *m;
	size_t i;

	if (strcmp(on, full) == 0 || name_is_below(full, on))
		return false;
	for (i = 0; i < x->env->boxes_state->listing[s].boxes.n; i++) {
		m = &x->env->boxes_state->listing[s].boxes.at[i];
		if (!(m->attrs & MAILBOX_NOSELECT) && name_is_below(m->name, on) && is_kept_by_another(x, p, s, m->name) &&
		    is_kept_by_another(x, p, s, arena_printf(&x->env->arena, "%s%s", full, m->name + strlen(on))))
			return true;
	}
	return false;
}

/* A pair of two names since an earlier run stays with the one that was not renamed. */
static enum side
stays_on(const struct place *p)
{
	if (p->is_home[FAR] && p->is_home[NEAR])
		return *p->rec->side[FAR].now != '\0' ? FAR : NEAR;
	return p->is_home[FAR] ? FAR : NEAR;
}

/* From here on the two go by their names. */
static int
unlink_place(struct renames *x, struct place *p, struct err *e)
{
	struct box_record *rec = p->rec;
	enum side stays = stays_on(p);
	int s;

	if (p->is_home[FAR] && p->is_home[NEAR]) {
		p->is_home[side_other(stays)] = false;
		if (renames_apart(x->env, rec, stays, e) < 0)
			return -1;
	}
	if (p->is_home[stays])
		rec->name = name_now(rec, stays);
	rec->side[FAR].now = rec->side[NEAR].now = "";
	for (s = 0; s < SIDES; s++) {
		p->is_ours[s] = false;
		if (p->is_home[s])
			continue;
		p->on[s] = NULL;
		/* Its name is another's by now where it is listed: then the epoch tells (R7). */
		if (rename_find_listed(x->env, s, p->was[s]) == NULL && box_vanished(x->env, rec, s, e) < 0)
			return -1;
	}
	report_note(x->env, NOTE_INFO, rec->name, "renamed on one side to a name the other side has, too: what is in it is "
	    "moved message by message");
	return box_put(x->env->state, rec, e);
}

static bool
is_called_alike(const struct place *p)
{
	return p->is_home[FAR] && p->is_home[NEAR] && *p->rec->side[FAR].now == '\0' && *p->rec->side[NEAR].now == '\0';
}

/* Where something was renamed: which of the others hold names though no list shows them. */
static int
ask_hidden(struct renames *x, struct err *e)
{
	bool is_any = false;
	struct place *p;
	size_t i;
	int s, got;

	for (i = 0; i < x->n; i++)
		is_any |= is_linked(&x->at[i]) && !is_called_alike(&x->at[i]);
	for (i = 0; i < x->n && is_any; i++)
		for (s = 0; s < SIDES; s++) {
			p = &x->at[i];
			if (p->on[s] != NULL || !p->rec->side[s].is_known || rename_find_listed(x->env, (enum side)s, p->was[s]) != NULL)
				continue;
			got = presence_ask(x->env, (enum side)s, p->was[s], p->rec->side[s].above, NULL, e);
			if (got == -2)
				return -1;
			p->is_hidden[s] = got != MAILBOX_ABSENT;
		}
	return 0;
}

/* On side s q has another name than the channel's, and what it was twinned with has gone: it may go by that name. */
static bool
may_give_name(const struct renames *x, const struct place *q, enum side s)
{
	const struct policy *policy = &x->env->set->policy;
	enum side other = side_other(s);

	return !q->is_tied && q->is_home[s] && q->on[other] == NULL && !q->is_hidden[other] && q->rec->side[other].is_known &&
	    strcmp(name_now(q->rec, s), q->rec->name) != 0 && policy->remove[s] && (policy->sync[s] & SYNC_GONE) &&
	    is_kept_by_another(x, q, other, rename_find_full_name(x->env, other, name_now(q->rec, s)));
}

/* The name that p would go by is the channel's for one whose twin has gone, until that is settled: no two records have one name. */
static bool
is_name_held(const struct renames *x, const struct place *p)
{
	const char *name = name_now(p->rec, stays_on(p));
	const struct place *q;
	size_t i;

	for (i = 0; i < x->n; i++) {
		q = &x->at[i];
		if (q != p && q->rec->id != 0 && strcmp(q->rec->name, name) == 0 && !is_linked(q) && (q->is_home[FAR] || q->is_home[NEAR]) &&
		    !may_give_name(x, q, FAR) && !may_give_name(x, q, NEAR))
			return true;
	}
	return false;
}

/* Another has the new name of p, and keeps it. */
static bool
must_part(const struct renames *x, const struct place *p)
{
	if (p->is_tied || !is_linked(p) || is_called_alike(p))
		return false;
	if (is_met(x, p, FAR) || is_met(x, p, NEAR))
		return true;
	return (is_taken(x, p, FAR) || is_taken(x, p, NEAR)) && !is_name_held(x, p);
}

static int
unlink_taken(struct renames *x, struct err *e)
{
	bool again = true;
	struct place *p;
	size_t i;

	while (again) {
		again = false;
		for (i = 0; i < x->n; i++) {
			p = &x->at[i];
			if (!must_part(x, p))
				continue;
			if (unlink_place(x, p, e) < 0)
				return -1;
			again = true;
		}
	}
	return 0;
}

/* One that is nowhere any more, or on one side alone and no more under this name, makes room for another of its name. */
static int
make_room(struct renames *x, const char *name, const struct box_record *for_, struct err *e)
{
	struct box_record *rec;
	size_t i;

	for (i = 0; i < x->n; i++) {
		rec = x->at[i].rec;
		if (rec == for_ || rec->id == 0 || strcmp(rec->name, name) != 0 || is_linked(&x->at[i]) ||
		    x->at[i].is_home[FAR] || x->at[i].is_home[NEAR])
			continue;
		if (box_delete(x->env->state, rec->id, e) < 0)
			return -1;
		rec->id = 0;
	}
	return 0;
}

/* All that is known of the mailbox on side s has gone, and no key in the one that has its place means what it meant. */
static int
leave_behind(struct env *env, const struct box_record *rec, enum side s, struct err *e)
{
	const struct flag_mask masks[SIDES] = { rec->side[FAR].mask, rec->side[NEAR].mask };
	struct arena a = { 0 };
	struct record m;
	uint64_t after = 0;
	int got;

	while ((got = message_next(env->state, &a, rec->id, after, &m, e)) > 0) {
		after = m.id;
		if (m.half[s].presence != PRESENCE_NEVER) {
			m.half[s].presence = PRESENCE_GONE;
			m.half[s].key = KEY_NONE;
			if (message_put(env->state, &m, masks, e) < 0) {
				got = -1;
				break;
			}
		}
		arena_release(&a);
	}
	arena_release(&a);
	return got;
}

/* On side s p has a name that it was about to lose, and what it was twinned with is gone: where the other side has given that name to
 * another, it goes by it. What was in it has gone over there message by message. */
static int
give_name(struct renames *x, struct place *p, enum side s, struct err *e)
{
	enum side other = side_other(s);
	struct env *env = x->env;
	struct box_side *bs = &p->rec->side[other];
	const char *name = name_now(p->rec, s);
	int got;

	if (!may_give_name(x, p, s))
		return 0;
	got = presence_denied(env, p->rec, other, p->was[other], e);
	if (got != 1)
		return got == -2 ? -1 : 0;
	if (leave_behind(env, p->rec, other, e) < 0 || make_room(x, name, p->rec, e) < 0)
		return -1;
	log_line(LOG_RUN, "%s %s: goes by that name, which %s has given to another", side_name(s), name, side_name(other));
	p->rec->name = name;
	p->rec->side[FAR].now = p->rec->side[NEAR].now = "";
	bs->is_known = false;
	bs->listed = 0;
	bs->identity = IDENTITY_KEPT;
	bs->cursor = (struct cursor){ 0 };
	bs->mailbox_id = "";
	bs->is_apart = false;
	return box_put(env->state, p->rec, e);
}

/* Keeps the names; of one that is on both sides. */
static int
keep_names(struct renames *x, struct place *p, struct err *e)
{
	struct env *env = x->env;
	const char *name = new_name(x, p), *there[SIDES];
	bool is_news;
	int s;

	for (s = 0; s < SIDES; s++) {
		there[s] = p->on[s] + strlen(env->set->box[s]);
		if (strcmp(there[s], name) == 0)
			there[s] = "";
	}
	is_news = strcmp(name, p->rec->name) != 0;
	if (has_moved(p, FAR) && has_moved(p, NEAR) && *there[NEAR] != '\0')
		vec_push(&env->boxes_state->contested, p->rec->id);
	if (!is_news && strcmp(there[FAR], p->rec->side[FAR].now) == 0 && strcmp(there[NEAR], p->rec->side[NEAR].now) == 0)
		return 0;
	if (is_news && make_room(x, name, p->rec, e) < 0)
		return -1;
	p->rec->name = name;
	for (s = 0; s < SIDES; s++)
		p->rec->side[s].now = there[s];
	return 0;
}

/* Another mailbox under its name, by the store's identities, though it has its epoch (Cyrus gives one UIDVALIDITY to all
 * that are made within a second): no key in it means what it meant (R7). */
static int
forget_replaced(struct renames *x, struct place *p, enum side s, struct err *e)
{
	const struct mailbox *m = rename_find_listed(x->env, s, p->was[s]);
	struct box_side *bs = &p->rec->side[s];

	if ((!p->is_replaced[s] && (is_linked(p) || p->is_home[s])) || m == NULL || !bs->is_known || rename_find_is_same(bs, m) != 0 ||
	    bs->cursor.epoch != m->cursor.epoch)
		return 0;
	bs->cursor = (struct cursor){ 0 };
	bs->identity = IDENTITY_FOREIGN;
	return box_put(x->env->state, p->rec, e);
}

/* Another mailbox under its own name, whose twin was renamed, is called as that is from here on. */
static void
find_replaced(struct renames *x, enum side s)
{
	enum side other = side_other(s);
	const struct mailbox *m;
	struct place *p;
	size_t i;

	for (i = 0; i < x->n; i++) {
		p = &x->at[i];
		m = p->rec->side[s].is_known ? rename_find_listed(x->env, s, p->was[s]) : NULL;
		if (p->on[s] != NULL || p->on[other] == NULL || p->is_home[other] || m == NULL || !rename_find_is_free(x, s, m))
			continue;
		p->on[s] = p->was[s];
		p->is_home[s] = p->is_replaced[s] = true;
		rename_find_own(x, s, m);
	}
}

/* Names are swapped: all records get theirs before any is looked up by it. */
static int
conclude(struct renames *x, struct err *e)
{
	size_t i;
	int s;

	for (s = 0; s < SIDES; s++)
		find_replaced(x, (enum side)s);
	if (ask_hidden(x, e) < 0 || unlink_taken(x, e) < 0)
		return -1;
	for (i = 0; i < x->n; i++)
		for (s = 0; s < SIDES; s++)
			if (give_name(x, &x->at[i], (enum side)s, e) < 0)
				return -1;
	for (i = 0; i < x->n; i++)
		for (s = 0; s < SIDES; s++)
			if (forget_replaced(x, &x->at[i], (enum side)s, e) < 0)
				return -1;
	for (i = 0; i < x->n; i++)
		if (is_linked(&x->at[i]) && !x->at[i].is_tied && keep_names(x, &x->at[i], e) < 0)
			return -1;
	for (i = 0; i < x->n; i++)
		if (x->at[i].rec->id != 0 && is_linked(&x->at[i]) && !x->at[i].is_tied && box_put(x->env->state, x->at[i].rec, e) < 0)
			return -1;
	return 0;
}

/* ---- intents ---- */

static int
load_intents(struct renames *x, struct err *e)
{
	struct intent in;
	uint64_t after = 0;
	int got;

	while ((got = intent_next(x->env->state, &x->env->arena, after, &in, e)) > 0) {
		after = in.id;
		if (in.kind == INTENT_RENAME)
			vec_push(&x->intents, in);
	}
	return got;
}

int
renames_intended(struct env *env, uint32_t box, enum side s, const char **full_r, struct err *e)
{
	struct intent in;
	uint64_t after = 0;
	int got;

	*full_r = NULL;
	while ((got = intent_next(env->state, &env->arena, after, &in, e)) > 0) {
		after = in.id;
		if (in.kind == INTENT_RENAME && in.box == box && in.side == s)
			*full_r = rename_find_full_name(env, s, in.server_id);
	}
	return got;
}

/* Those of mailboxes that were found, under whatever name, have served their purpose. */
static int
end_intents(struct renames *x, struct err *e)
{
	const struct place *p;
	bool is_open;
	size_t i, k;

	for (i = 0; i < x->intents.n; i++) {
		is_open = false;
		for (k = 0; k < x->n; k++) {
			p = &x->at[k];
			is_open |= p->rec->id == x->intents.at[i].box && p->on[x->intents.at[i].side] == NULL;
		}
		if (!is_open && intent_delete(x->env->state, x->intents.at[i].id, e) < 0)
			return -1;
	}
	return 0;
}

/* ---- all of it ---- */

/* Twins of two names that are to stay so, or below such: their names say nothing of each other's (roles). */
static bool
is_tied(const struct env *env, const struct box_record *rec)
{
	size_t i;
	int s;

	for (i = 0; i < env->boxes_state->base_n; i++) {
		if (strcmp(name_on(&env->boxes_state->base[i], FAR), name_on(&env->boxes_state->base[i], NEAR)) == 0)
			continue;
		for (s = 0; s < SIDES; s++)
			if (rec == &env->boxes_state->base[i] || name_is_below(rec->name, name_on(&env->boxes_state->base[i], (enum side)s)))
				return true;
	}
	return false;
}

/* One of a pair of two names that is not listed, where another has the name that it was to have: that would be taken for it. */
static int
ask_lost(struct renames *x, enum side s, struct err *e)
{
	struct box_side *bs;
	struct place *p;
	size_t i;
	int got;

	for (i = 0; i < x->n; i++) {
		p = &x->at[i];
		bs = &p->rec->side[s];
		if (p->on[s] != NULL || !bs->is_known || *bs->now == '\0' || rename_find_listed(x->env, s, p->was[s]) != NULL ||
		    rename_find_listed(x->env, s, rename_find_full_name(x->env, s, name_on(p->rec, s))) == NULL)
			continue;
		got = presence_denied(x->env, p->rec, s, p->was[s], e);
		x->is_unsure[s] |= got == 0 || got == -1;
		if (got == 1)
			bs->now = "";
		if (got == -2 || (got == 1 && box_put(x->env->state, p->rec, e) < 0))
			return -1;
	}
	return 0;
}

static int
find(struct env *env, struct err *e)
{
	struct renames x = { .env = env, .n = env->boxes_state->base_n };
	bool has_ties = false;
	size_t i;
	int s, status = 0;

	for (i = 0; i < x.n; i++)
		has_ties |= strcmp(name_on(&env->boxes_state->base[i], FAR), name_on(&env->boxes_state->base[i], NEAR)) != 0;
	x.at = mem_alloc(x.n * sizeof *x.at);
	for (s = 0; s < SIDES; s++)
		x.owned[s] = mem_alloc((env->boxes_state->listing[s].boxes.n + x.n + 1) * sizeof *x.owned[s]);
	for (i = 0; i < x.n; i++) {
		x.at[i].rec = &env->boxes_state->base[i];
		x.at[i].is_tied = has_ties && is_tied(env, &env->boxes_state->base[i]);
		for (s = 0; s < SIDES; s++)
			x.at[i].was[s] = rename_find_full_name(env, (enum side)s, name_now(&env->boxes_state->base[i], (enum side)s));
	}
	if (load_intents(&x, e) < 0)
		status = -1;
	for (s = 0; s < SIDES && status == 0; s++)
		status = rename_find_find(&x, (enum side)s, e);
	for (s = 0; s < SIDES && status == 0; s++)
		status = ask_lost(&x, (enum side)s, e);
	/* As after a list that is not complete: nothing is concluded in this run. */
	for (s = 0; s < SIDES; s++)
		env->boxes_state->listing[s].is_complete &= !x.is_unsure[s];
	if (status == 0 && !x.is_unsure[FAR] && !x.is_unsure[NEAR] && (conclude(&x, e) < 0 || end_intents(&x, e) < 0))
		status = -1;
	for (s = 0; s < SIDES; s++)
		free(x.owned[s]);
	vec_release(&x.intents);
	free(x.at);
	return status;
}

static int
sides_known(const struct box_record *rec)
{
	return rec->side[FAR].is_known + rec->side[NEAR].is_known;
}

/* Names that could not be had may leave two records of one name: the one that knows more stands, what the other knew is
 * paired anew. */
static int
drop_doubles(struct env *env, struct err *e)
{
	struct box_record *a, *b, *less;
	size_t i, k;

	for (i = 0; i < env->boxes_state->base_n; i++)
		for (k = i + 1; k < env->boxes_state->base_n; k++) {
			a = &env->boxes_state->base[i];
			b = &env->boxes_state->base[k];
			if (a->id == 0 || b->id == 0 || strcmp(a->name, b->name) != 0)
				continue;
			less = sides_known(a) < sides_known(b) ? a : b;
			if (box_delete(env->state, less->id, e) < 0 || box_put(env->state, less == a ? b : a, e) < 0)
				return -1;
			less->id = 0;
		}
	for (i = k = 0; i < env->boxes_state->base_n; i++)
		if (env->boxes_state->base[i].id != 0)
			env->boxes_state->base[k++] = env->boxes_state->base[i];
	env->boxes_state->base_n = k;
	return 0;
}

int
renames_find(struct env *env, struct err *e)
{
	size_t i, n = 0;
	int s;

	if (drop_doubles(env, e) < 0)
		return -1;
	/* Of what has no news nothing is known but its name. */
	if (env->news == NULL && env->boxes_state->listing[FAR].is_complete && env->boxes_state->listing[NEAR].is_complete && env->set->patterns.n > 0 && env->boxes_state->base_n > 0 &&
	    (find(env, e) < 0 || drop_doubles(env, e) < 0))
		return -1;
	for (i = 0; i < env->boxes_state->base_n; i++)
		if (env->boxes_state->base[i].id != 0)
			env->boxes_state->base[n++] = env->boxes_state->base[i];
	env->boxes_state->base_n = n;
	for (s = 0; s < SIDES; s++) {
		env->boxes_state->has_other_names[s] = false;
		for (i = 0; i < env->boxes_state->base_n; i++)
			env->boxes_state->has_other_names[s] |= env->boxes_state->base[i].id != 0 && *env->boxes_state->base[i].side[s].now != '\0';
	}
	return 0;
}

bool
renames_may_be(struct env *env, enum side s, const struct box_record *rec, const struct mailbox *m)
{
	const struct box_side *known = &rec->side[s];
	const struct mailbox *home;
	int same;

	if (rec->id == 0 || !known->is_known || known->is_apart)
		return false;
	home = rename_find_listed(env, s, rename_find_full_name(env, s, name_now(rec, s)));
	if (home == m || (home != NULL && rename_find_is_same(known, home) != 0))
		return false;
	same = rename_find_is_same(known, m);
	return same == 1 || (same == -1 && m->has_cursor && known->cursor.epoch == m->cursor.epoch);
}

bool
renames_may_be_any(struct env *env, enum side s, const struct mailbox *m)
{
	size_t i;

	for (i = 0; i < env->boxes_state->base_n; i++)
		if (renames_may_be(env, s, &env->boxes_state->base[i], m))
			return true;
	return false;
}

/* ---- names as the channel will have them ---- */

/* How sure it is that a mailbox of this name on side s is that of rec. */
enum claim { CLAIM_NONE, CLAIM_NAME, CLAIM_KNOWN, CLAIM_FOUND };

static enum claim
claim(const struct box_record *rec, enum side s, const char *name)
{
	if (rec->id == 0 || !rec->side[s].is_known || strcmp(name_now(rec, s), name) != 0)
		return CLAIM_NONE;
	if (rec->side[s].is_apart)
		return CLAIM_NAME;
	return *rec->side[s].now != '\0' ? CLAIM_FOUND : CLAIM_KNOWN;
}

const struct box_record *
renames_owner(const struct env *env, enum side s, const char *full)
{
	const char *name = full + strlen(env->set->box[s]);
	const struct box_record *best = NULL;
	enum claim most = CLAIM_NONE, is;
	size_t i;

	for (i = 0; i < env->boxes_state->base_n; i++) {
		is = claim(&env->boxes_state->base[i], s, name);
		if (is > most) {
			most = is;
			best = &env->boxes_state->base[i];
		}
	}
	return best;
}

const char *
renames_shown(struct env *env, enum side s, const char *full)
{
	const char *prefix = env->set->box[s], *best = NULL, *shown = full;
	const struct box_record *rec;
	size_t i;

	for (i = 0; i < env->boxes_state->encoded.n; i++)
		if (env->boxes_state->encoded.at[i].side == s && strcmp(env->boxes_state->encoded.at[i].from, full) == 0)
			return env->boxes_state->encoded.at[i].to;
	if (!env->boxes_state->has_other_names[s] || strncmp(full, prefix, strlen(prefix)) != 0)
		return full;
	rec = renames_owner(env, s, full);
	if (rec != NULL)
		return *rec->side[s].now != '\0' ? rename_find_full_name(env, s, name_on(rec, s)) : full;
	/* Nobody's: it goes with what lies above it. */
	for (i = 0; i < env->boxes_state->base_n; i++) {
		rec = &env->boxes_state->base[i];
		if (rec->id == 0 || *rec->side[s].now == '\0' || !name_is_below(full + strlen(prefix), rec->side[s].now) ||
		    (best != NULL && strlen(best) > strlen(rec->side[s].now)))
			continue;
		best = rec->side[s].now;
		shown = arena_printf(&env->arena, "%s%s%s", prefix, rec->name, full + strlen(prefix) + strlen(best));
	}
	return shown;
}
