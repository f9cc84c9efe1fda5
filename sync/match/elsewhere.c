/* Mail that is filed differently on the two sides, where no base says who moved it: state lost, first run, another UIDVALIDITY or store
 * (R10 adoption).
 *
 *   elsewhere_review  before moves_find: takes back earlier guesses that came to nothing
 *   elsewhere_find    after it: guesses
 *   elsewhere_settle  a move is about to be made for a guess: from here on it is a fact
 *   elsewhere_end     the plan is carried out: whatever was listed has been compared with whatever the other side has
 *
 * A message without a twin in its own mailbox is searched for in all others. An equal message there is taken for the same mail, and the base
 * is written as it would be had one side moved it: the record of the other side's message becomes a pair whose half has gone from the first
 * mailbox (BASIS_GUESSED). moves.c then finds the move, and the planner plans it like any other (P11).
 *
 * Which of the two mailboxes it goes to:
 *   one that the base knew before one that it did not know: there it was since the last run, or came since; but
 *   where it is new in a known one before where it lost its twin because the twin's mailbox was made anew: it was moved before that; else
 *   any mailbox before INBOX, INBOX before Trash and Junk: mail comes to INBOX by itself, and deletions are not inferred;
 *   else far's, unless Sync lets only far's be moved, or the mailbox it would have been moved from is on near alone.
 *
 * Must hold:
 *   1. One of each two was listed where nothing was known (box_side.is_blank), or has lost its twin there. In a mailbox that was known,
 *      new mail is new.
 *   2. A side has as many copies afterwards as before: one is moved, none is removed. So each message is in one pair.
 *   3. A guess never makes a deletion. If its move is not found again it is taken back; where Sync would carry it out as a deletion
 *      (Gone without New) it waits.
 *   4. What went with its mailbox is filed nowhere: the program itself may have removed that, and ended.
 *   5. The mark of a blank mailbox is taken off once all could be read, and all that was found to be one mail is one record. A run that ends before
 *      that has found nothing: until the next one a person may file one of two twins elsewhere.
 */
#include "sync/match/search.h"

#include "state/base/log.h"

static bool
is_blank(const struct search *x, uint32_t msg, enum side s)
{
	return x->env->boxes.at[x->in->messages.at[msg].box].rec.side[s].is_blank;
}

/* What is on side s had a twin, in a mailbox that is another one now. */
static bool
has_lost_twin(const struct search *x, uint32_t msg, enum side s)
{
	return x->in->messages.at[msg].rec->has_agreed && is_blank(x, msg, side_other(s));
}

static bool
may_be_elsewhere(const struct record *rec, enum side s)
{
	return record_is_single(rec, s) && rec->mark == MARK_NEW && !(rec->half[s].flags.sys & FLAG_DELETED);
}

static bool
is_listed(const struct search *x, uint32_t msg, enum side s)
{
	return x->env->boxes.at[x->in->messages.at[msg].box].side[s].listed != NULL;
}

enum which { WHICH_ANY, WHICH_BLANK, WHICH_LOST_TWIN };

static bool
takes_part(const struct search *x, uint32_t msg, enum side s, enum which which)
{
	return which == WHICH_ANY || (which == WHICH_BLANK ? is_blank(x, msg, s) : has_lost_twin(x, msg, s));
}

static void
add_items(struct search *x, const bool *is_taken, const struct id_set *awaited, const enum which which[SIDES])
{
	const struct record *rec;
	uint32_t i;
	int s;

	search_clear(x);
	for (i = 0; i < x->in->messages.n; i++) {
		rec = x->in->messages.at[i].rec;
		for (s = 0; s < SIDES; s++)
			if (may_be_elsewhere(rec, (enum side)s) && is_listed(x, i, (enum side)s) && !is_taken[i] && !id_set_has(awaited, rec->id) &&
			    takes_part(x, i, (enum side)s, which[s]))
				search_add(x, (enum side)s, i);
	}
}

/* ---- whose place counts ---- */

enum rank { RANK_BIN, RANK_INBOX, RANK_PLACE, RANK_LEFT, RANK_KNOWN };

static enum rank
rank(const struct search *x, uint32_t msg, enum side s)
{
	const struct run_box *b = &x->env->boxes.at[x->in->messages.at[msg].box];
	unsigned attrs = 0;
	int i;

	if (!b->rec.side[s].is_blank)
		return has_lost_twin(x, msg, s) ? RANK_LEFT : RANK_KNOWN;
	for (i = 0; i < SIDES; i++)
		attrs |= b->side[i].listed != NULL ? b->side[i].listed->attrs : 0;
	if (attrs & (MAILBOX_TRASH | MAILBOX_JUNK))
		return RANK_BIN;
	return names_is_inbox(b->name) ? RANK_INBOX : RANK_PLACE;
}

static bool
may_move(const struct search *x, enum side t)
{
	const struct policy *p = &x->in->policy;

	return (p->sync[t] & SYNC_NEW) && (p->sync[t] & SYNC_GONE) && !p->read_only[t];
}

/* The side whose place counts. */
static enum side
choose(const struct search *x, const struct adopt_pair *p)
{
	enum rank far = rank(x, p->far, FAR), near = rank(x, p->near, NEAR);

	if (far != near)
		return far > near ? FAR : NEAR;
	if (!may_move(x, NEAR) && may_move(x, FAR))
		return NEAR;
	return !is_listed(x, p->near, FAR) && is_listed(x, p->far, NEAR) && may_move(x, FAR) ? NEAR : FAR;
}

/* ---- guesses ---- */

static bool
is_guess(const struct record *rec, enum side s)
{
	return rec->half[s].presence == PRESENCE_GONE && rec->half[s].basis == BASIS_GUESSED;
}

static int
put(struct env *env, uint32_t box, struct record *rec, struct err *e)
{
	struct flag_mask masks[SIDES];

	return message_put(env->state, rec, box_masks(&env->boxes.at[box], masks), e);
}

static int
take_back(struct env *env, uint32_t box, struct record *rec, enum side s, struct err *e)
{
	rec->half[s] = RECORD_HALF_NEVER;
	return put(env, box, rec, e);
}

static int
guess(struct env *env, uint32_t box, struct record *rec, enum side s, struct err *e)
{
	rec->half[s] = half_guessed();
	return put(env, box, rec, e);
}

/* Nothing is planned for it in this look; its mailbox is made where it is missing. */
static void
leave(struct env *env, struct matching *in, uint32_t i)
{
	struct record *copy = arena_alloc(&env->arena, sizeof *copy);

	*copy = *in->messages.at[i].rec;
	copy->mark = MARK_TOMBSTONE;
	in->messages.at[i].rec = copy;
}

static bool
makes_deletion(const struct matching *in, enum side t)
{
	return (in->policy.sync[t] & SYNC_GONE) && !(in->policy.sync[t] & SYNC_NEW);
}

int
elsewhere_review(struct env *env, struct matching *in, bool *has_changed_r, struct err *e)
{
	bool *is_moved = mem_alloc(in->messages.n + 1);
	struct record *rec;
	uint32_t i;
	int s, status = 0;

	for (i = 0; i < in->links.n; i++)
		is_moved[in->links.at[i].a] |= in->links.at[i].kind == LINK_MOVED;
	for (i = 0; i < in->messages.n && status == 0; i++) {
		rec = in->messages.at[i].rec;
		for (s = 0; s < SIDES && status == 0; s++) {
			if (!is_guess(rec, (enum side)s))
				continue;
			if (!is_moved[i] && env_sees_all(env)) {
				status = take_back(env, in->messages.at[i].box, rec, (enum side)s, e);
				*has_changed_r = true;
			} else if (!is_moved[i] || makes_deletion(in, side_other((enum side)s))) {
				leave(env, in, i);
			}
		}
	}
	free(is_moved);
	return status;
}

int
elsewhere_settle(struct env *env, uint32_t box, struct record *rec, enum side t, struct err *e)
{
	if (!is_guess(rec, side_other(t)))
		return 0;
	rec->half[side_other(t)] = half_gone_unkeyed();
	return put(env, box, rec, e);
}

struct guesses {
	size_t made[SIDES];		/* by the side whose place counts */
	size_t waiting;			/* for the mailbox that it would have been moved from, or for another Sync */
};

/* A guess whose move is not found is taken back, and would be made again: with mail that changes under us, for ever. */
enum { ROUNDS_MOST = 16 };

static int
guess_all(struct search *x, const struct adopt_pairs *pairs, bool *is_taken, struct guesses *g, struct err *e)
{
	struct matching *in = x->in;
	const struct adopt_pair *p;
	uint32_t left;
	enum side s;
	size_t i;

	for (i = 0; i < pairs->v.n; i++) {
		p = &pairs->v.at[i];
		if (in->messages.at[p->far].box == in->messages.at[p->near].box)
			continue;
		s = choose(x, p);
		left = s == FAR ? p->near : p->far;
		is_taken[p->far] = is_taken[p->near] = true;
		if (x->env->match_state->guess_rounds < ROUNDS_MOST && is_listed(x, left, s) && !makes_deletion(in, side_other(s))) {
			if (guess(x->env, in->messages.at[left].box,
			    in->messages.at[left].rec, s, e) < 0)
				return -1;
			g->made[s]++;
		} else {
			leave(x->env, in, p->far);
			leave(x->env, in, p->near);
			g->waiting++;
		}
	}
	return 0;
}

/* ---- the search ---- */

static int
find(struct search *x, bool *is_taken, const struct id_set *awaited, struct guesses *g, struct err *e)
{
	/* What is new where nothing was known, with all there is on the other side; then what lost its twin where nothing is
	 * known now, with all on that side: it may have been moved before. */
	static const enum which turns[][SIDES] = {
		{ [FAR] = WHICH_BLANK, [NEAR] = WHICH_ANY }, { [FAR] = WHICH_ANY, [NEAR] = WHICH_BLANK },
		{ [FAR] = WHICH_ANY, [NEAR] = WHICH_LOST_TWIN }, { [FAR] = WHICH_LOST_TWIN, [NEAR] = WHICH_ANY },
	};
	struct adopt_pairs pairs = { { 0 } };
	size_t turn;
	int s, status = 0;

	for (turn = 0; turn < sizeof turns / sizeof turns[0] && status == 0; turn++) {
		add_items(x, is_taken, awaited, turns[turn]);
		if (x->n[FAR] == 0 || x->n[NEAR] == 0)
			continue;
		status = twins_decide(x, false, &pairs, e);
		if (status == 0)
			status = guess_all(x, &pairs, is_taken, g, e);
		if (status == 0 && g->made[FAR] + g->made[NEAR] == 0)
			twins_hold_unread(x, x->in->links.n);
	}
	for (s = 0; s < SIDES; s++)
		if (g->made[s] > 0)
			report_note(x->env, NOTE_INFO, NULL, arena_printf(&x->env->arena, "%zu messages are filed elsewhere on %s "
			    "than on %s, and nothing is known of who moved them: their place on %s counts", g->made[s],
			    side_name(side_other((enum side)s)), side_name((enum side)s), side_name((enum side)s)));
	vec_release(&pairs.v);
	return status;
}

int
elsewhere_end(struct env *env, struct err *e)
{
	struct run_box *b;
	size_t i;
	int s;

	for (i = 0; i < env->boxes.n; i++)
		for (s = 0; s < SIDES; s++)
			if (sight_has_failed(&env->boxes.at[i].side[s]) || env->boxes.at[i].side[s].is_unsure)
				return 0;
	for (i = 0; i < env->boxes.n; i++) {
		b = &env->boxes.at[i];
		if (!b->rec.side[FAR].is_blank && !b->rec.side[NEAR].is_blank)
			continue;
		b->rec.side[FAR].is_blank = b->rec.side[NEAR].is_blank = false;
		if (b->rec.id != 0 && box_put(env->state, &b->rec, e) < 0)
			return -1;
	}
	env->boxes_state->is_blank[FAR] = env->boxes_state->is_blank[NEAR] = false;
	return 0;
}

int
elsewhere_find(struct env *env, struct matching *in, bool *has_changed_r, size_t *waiting_r, struct err *e)
{
	struct search x = { .env = env, .in = in, .at = { FAR, NEAR } };
	struct id_set awaited = { { 0 } };
	struct guesses g = { .waiting = 0 };
	bool *is_taken, any = false;
	size_t i;
	int status;

	for (i = 0; i < env->boxes.n && !any; i++)
		any = env->boxes.at[i].rec.side[FAR].is_blank || env->boxes.at[i].rec.side[NEAR].is_blank;
	if (!any)
		return 0;
	is_taken = mem_alloc(in->messages.n + 1);
	for (i = 0; i < in->links.n; i++)
		is_taken[in->links.at[i].a] = is_taken[in->links.at[i].b] = true;
	status = unfinished_records(env, &awaited, e);
	if (status == 0)
		status = find(&x, is_taken, &awaited, &g, e);
	*has_changed_r = g.made[FAR] + g.made[NEAR] > 0;
	env->match_state->guess_rounds += *has_changed_r;
	*waiting_r += g.waiting;
	env->match_state->ends_blank = status == 0 && !*has_changed_r && g.waiting == 0 && !env->match_state->has_more && env_sees_all(env);
	search_release(&x);
	vec_release(&awaited.v);
	free(is_taken);
	return status < 0 ? -1 : env_check_cancel(env, e);
}
