/* What stands for a message that is too large for its side (P21), where the base does not say so: its state was lost, the run that made it
 * ended there, a person moved or copied it.
 *
 * It is known by the header behind it (sync/message/placeholder.h), which must be that of a message on the other side. So nobody's mail is
 * taken for one because of its form. Two cases remain in which it is not mail either, though its message is not found beside it, and it is
 * left alone: its message is known elsewhere; and where nothing was known before, for then the message may have gone meanwhile.
 */
#include "sync/match/search.h"

#include <stdlib.h>

#include "state/base/log.h"
#include "sync/plan/plan.h"

enum { NONE = UINT32_MAX };

static bool
stands_for_another(const struct ident *is)
{
	return (is->has & IDENT_PLACEHOLDER) && (is->has & IDENT_HEADER);
}

/* ---- what is replaced ---- */

/* Its message is on this side, for certain; or is nowhere any more. 1/0/-1 */
static int
may_go(struct env *env, const struct record *rec, struct err *e)
{
	enum side s = record_side(rec);
	struct arena a = { 0 };
	struct record message;
	int got = message_get(env->state, &a, rec->box, rec->instead, &message, e);

	/* Sent, and no list has shown it: a server may have said OK, and kept nothing. */
	if (got > 0 && (message.placeholder == PLACEHOLDER_NO_MORE || (message.half[s].presence == PRESENCE_HERE &&
	    (message.half[s].basis != BASIS_LISTED || message.half[s].is_sent)) ||
	    (message.half[s].presence == PRESENCE_NEVER && !record_half_is_shared(&message.half[s]) &&
	    message.half[side_other(s)].presence == PRESENCE_HERE)))
		got = 0;
	else if (got >= 0)
		got = 1;
	arena_release(&a);
	return got;
}

static int
hold_replaced(struct env *env, struct matching *in, struct arena *a, struct err *e)
{
	uint32_t i;
	int got;

	for (i = 0; i < in->messages.n; i++) {
		if (in->messages.at[i].rec->mark != MARK_REPLACED)
			continue;
		/* It has gone with its mailbox. */
		if (side_is_gone(&env->boxes.at[in->messages.at[i].box].side[record_side(in->messages.at[i].rec)]))
			continue;
		if ((got = may_go(env, in->messages.at[i].rec, e)) < 0)
			return -1;
		if (got == 0)
			set_aside(in, i, a);
	}
	return 0;
}

/* ---- what stands for what ---- */

struct looking { enum side t; bool is_blank; };

/* A side on which placeholders may be: it has a limit; or it costs no network to see. */
static bool
wants_identity(const struct search *x, const struct adopt_item *item, const void *ctx)
{
	const struct looking *l = ctx;

	if (item->ident.has & IDENT_HEADER)
		return false;
	if (item->side == l->t)
		return search_is_local(x, l->t) || x->in->policy.max_size[l->t] != 0;
	return true;
}

/* Messages of a mailbox that have no twin, from *at on: those of side t, and of the other those that one of them may stand for. In a mailbox that
 * the other side does not have, those that would be sent there, where nothing is known. */
static void
take_box(struct search *x, enum side t, bool is_blank, const bool *is_linked, uint32_t *at)
{
	const struct matching *in = x->in;
	uint32_t box = in->messages.at[*at].box, i = *at, n;
	const struct record *rec;
	bool any = false, is_there;

	search_clear(x);
	for (n = i; n < in->messages.n && in->messages.at[n].box == box; n++)
		any |= record_is_placeholder(in->messages.at[n].rec, t) || stands_for_another(&in->messages.at[n].rec->ident);
	*at = n;
	is_there = x->env->boxes.at[box].side[side_other(t)].listed != NULL;
	if (x->env->boxes.at[box].side[t].listed == NULL || (!is_there && !is_blank))
		return;
	for (; i < n; i++) {
		rec = in->messages.at[i].rec;
		if (is_linked[i] || !record_may_pair(rec))
			continue;
		if (record_is_single(rec, t))
			search_add(x, t, i);
		else if (is_there && record_is_single(rec, side_other(t)) && (any || plan_is_too_large(&in->policy, rec, t) ||
		    (in->policy.max_size[t] != 0 && rec->half[side_other(t)].size == 0)))
			search_add(x, side_other(t), i);
	}
}

static size_t
link_found(struct search *x, enum side t)
{
	const struct adopt_item *stand, *message;
	size_t i, k, n = 0;
	struct ident want;
	bool *is_taken = mem_alloc(x->items.n + 1);

	for (k = 0; k < x->items.n; k++) {
		message = &x->items.at[k];
		want = ident_of_placeholder(&message->ident);
		for (i = 0; i < x->items.n && message->side != t && want.has != 0; i++) {
			stand = &x->items.at[i];
			if (stand->side != t || is_taken[i] || !stands_for_another(&stand->ident) || ident_compare(&stand->ident, &want) != IDENT_SAME)
				continue;
			is_taken[i] = true;
			n++;
			vec_push(&x->in->links, (struct plan_link){ .kind = LINK_TWIN, .side = NEAR, .a = t == FAR ? stand->id : message->id,
				.b = t == FAR ? message->id : stand->id, .left = NONE });
			break;
		}
	}
	free(is_taken);
	return n;
}

static bool
has_placeholder(const struct search *x, enum side t)
{
	size_t i;

	for (i = 0; i < x->items.n; i++)
		if (x->items.at[i].side == t && stands_for_another(&x->items.at[i].ident))
			return true;
	return false;
}

static bool
is_on_side(const struct search *x, const struct adopt_item *item, const void *ctx)
{
	const struct looking *l = ctx;

	return item->side == l->t && wants_identity(x, item, ctx);
}

static int
find_on(struct env *env, struct matching *in, enum side t, struct err *e)
{
	struct search x = { .env = env, .in = in, .at = { FAR, NEAR } };
	struct looking l = { t, false };
	bool *is_linked = matching_spoken_for(in);
	const struct run_box *b;
	uint32_t at = 0;
	size_t n = 0;
	int status = 0;

	while (at < in->messages.n && status == 0) {
		b = &env->boxes.at[in->messages.at[at].box];
		l.is_blank = b->rec.side[FAR].is_blank || b->rec.side[NEAR].is_blank;
		take_box(&x, t, l.is_blank, is_linked, &at);
		/* What would be sent is looked at where nothing is known: files of theirs are read for that anyway. */
		if (x.n[t] == 0 || (x.n[side_other(t)] == 0 && (!l.is_blank || (search_is_local(&x, t) && search_is_local(&x, side_other(t))))))
			continue;
		status = search_learn(&x, IDENT_SIZE | IDENT_HEADER | (search_is_local(&x, t) ? IDENT_FULL : 0), is_on_side, &l, e);
		search_keep_unread(&x, &in->unread);
		if (status != 0 || !has_placeholder(&x, t) || x.n[side_other(t)] == 0)
			continue;
		status = search_learn(&x, IDENT_SIZE | IDENT_HEADER, wants_identity, &l, e);
		if (status == 0)
			n += link_found(&x, t);
		search_keep_unread(&x, &in->unread);
	}
	if (n > 0)
		log_line(LOG_RUN, "%zu placeholders on %s are those of messages on %s", n, side_name(t), side_name(side_other(t)));
	search_release(&x);
	free(is_linked);
	return status;
}

/* ---- what is no mail ---- */

/* A record that is not this one's: of the message with the header behind it, or of its equal that is known for what it is. */
static bool
tells_of(const struct record *rec, const struct ident *placeholder, const struct ident *behind)
{
	if (!(rec->ident.has & IDENT_HEADER))
		return false;
	if (rec->ident.has & IDENT_PLACEHOLDER)
		return record_has_placeholder(rec) && ident_compare(&rec->ident, placeholder) == IDENT_SAME;
	return memcmp(rec->ident.header, behind->header, sizeof behind->header) == 0;
}

/* 1/0/-1 */
static int
is_told_by_tag(struct env *env, uint64_t tag, const struct ident *placeholder, const struct ident *behind, struct err *e)
{
	struct arena a = { 0 };
	struct record rec;
	uint64_t after = 0;
	int got;

	while ((got = message_next_tagged(env->state, &a, tag, after, &rec, e)) > 0) {
		after = rec.id;
		if (tells_of(&rec, placeholder, behind))
			break;
	}
	arena_release(&a);
	return got;
}

/* The base has something that tells what it stands for. 1/0/-1 */
static int
is_known(struct env *env, const struct matching *in, const struct ident *placeholder, struct err *e)
{
	const struct ident behind = ident_behind_placeholder(placeholder);
	size_t i;
	int got;

	for (i = 0; i < in->messages.n; i++)
		if (tells_of(in->messages.at[i].rec, placeholder, &behind))
			return 1;
	got = is_told_by_tag(env, message_tag_header(&behind), placeholder, &behind, e);
	return got != 0 ? got : is_told_by_tag(env, message_tag_header(placeholder), placeholder, &behind, e);
}

static int
put(struct env *env, uint32_t box, struct record *rec, struct err *e)
{
	struct flag_mask masks[SIDES];

	return message_put(env->state, rec, box_masks(&env->boxes.at[box], masks), e);
}

/* It stays in the planner's input: should its like be found to have gone elsewhere, it was moved. */
static int
hold(struct env *env, struct matching *in, uint32_t i, size_t *n, struct err *e)
{
	struct record *rec = in->messages.at[i].rec;

	rec->placeholder = placeholder_on(record_side(rec));
	(*n)++;
	return put(env, in->messages.at[i].box, rec, e);
}

static bool
is_alone(const struct record *rec)
{
	return rec->mark == MARK_NEW && (record_is_single(rec, FAR) || record_is_single(rec, NEAR)) && stands_for_another(&rec->ident) &&
	    !record_has_placeholder(rec);
}

static void
tell(struct env *env, size_t n)
{
	if (n > 0)
		report_note(env, NOTE_INFO, NULL, arena_printf(&env->arena, "%zu placeholder%s without the message beside %s: left alone, and sent nowhere",
		    n, n == 1 ? "" : "s", n == 1 ? "it" : "them"));
}

/* Where nothing was known. */
static int
hold_blank(struct env *env, struct matching *in, struct err *e)
{
	bool *is_linked = matching_spoken_for(in);
	const struct run_box *b;
	uint32_t i;
	size_t n = 0;
	int status = 0;

	for (i = 0; i < in->messages.n && status == 0; i++) {
		b = &env->boxes.at[in->messages.at[i].box];
		if (!is_linked[i] && (b->rec.side[FAR].is_blank || b->rec.side[NEAR].is_blank) && is_alone(in->messages.at[i].rec))
			status = hold(env, in, i, &n, e);
	}
	tell(env, n);
	free(is_linked);
	return status;
}

/* Of this mailbox, replaced, and gone: what is new there and equal to it is the same under another key (rekeyed.c). NULL = none. */
static const struct record *
replaced_before(const struct matching *in, uint32_t i, enum side s)
{
	const struct record *rec = in->messages.at[i].rec, *old;
	struct ident was;
	uint32_t k;

	for (k = 0; k < in->messages.n; k++) {
		old = in->messages.at[k].rec;
		if (in->messages.at[k].box != in->messages.at[i].box || old->instead == 0 || old->half[s].presence != PRESENCE_GONE)
			continue;
		was = record_ident(old, s);
		if (ident_compare(&rec->ident, &was) == IDENT_SAME)
			return old;
	}
	return NULL;
}

/* It goes as that would have gone. */
static int
replace_again(struct env *env, struct matching *in, uint32_t i, enum side s, const struct record *old, struct arena *a, struct err *e)
{
	struct record *rec = in->messages.at[i].rec;
	int got;

	rec->placeholder = placeholder_on(s);
	rec->mark = MARK_REPLACED;
	rec->instead = old->instead;
	if (put(env, in->messages.at[i].box, rec, e) < 0 || (got = may_go(env, rec, e)) < 0)
		return -1;
	if (got == 0)
		set_aside(in, i, a);
	return 0;
}

/* It may be what the program was putting on side s when it ended, for a message of which nothing was read: a person has moved the one or the
 * other since. What is to have a placeholder there is read for that. */
static bool
may_be_awaited(const struct matching *in, enum side s, const struct id_set *awaited)
{
	const struct record *rec;
	size_t i;

	for (i = 0; i < in->messages.n; i++) {
		rec = in->messages.at[i].rec;
		if (record_is_single(rec, side_other(s)) && !(rec->ident.has & IDENT_HEADER) && (id_set_has(awaited, rec->id) || plan_is_too_large(&in->policy, rec, s)))
			return true;
	}
	return false;
}

int
placeholders_find(struct env *env, struct matching *in, struct arena *a, struct err *e)
{
	return hold_replaced(env, in, a, e) < 0 || find_on(env, in, FAR, e) < 0 || find_on(env, in, NEAR, e) < 0 || hold_blank(env, in, e) < 0 ? -1 : 0;
}

int
placeholders_hold(struct env *env, struct matching *in, struct arena *a, struct err *e)
{
	bool *is_linked = matching_spoken_for(in);
	struct id_set awaited = { { 0 } };
	const struct plan_link *l;
	const struct record *old;
	enum side s;
	uint32_t i;
	size_t n = 0;
	int status = unfinished_records(env, &awaited, e), got;

	/* What a person moved or copied is a placeholder still. */
	for (i = 0; i < in->links.n && status == 0; i++) {
		l = &in->links.at[i];
		if ((l->kind != LINK_MOVED && l->kind != LINK_CLONED) || !record_is_placeholder(in->messages.at[l->a].rec, l->side) ||
		    record_is_placeholder(in->messages.at[l->b].rec, l->side))
			continue;
		/* Whatever becomes of its message, and of all that is known of that. */
		in->messages.at[l->b].rec->placeholder = placeholder_on(l->side);
		status = put(env, in->messages.at[l->b].box, in->messages.at[l->b].rec, e);
	}
	for (i = 0; i < in->messages.n && status == 0; i++) {
		if (is_linked[i] || !is_alone(in->messages.at[i].rec))
			continue;
		s = record_side(in->messages.at[i].rec);
		if ((old = replaced_before(in, i, s)) != NULL) {
			status = replace_again(env, in, i, s, old, a, e);
			continue;
		}
		got = is_known(env, in, &in->messages.at[i].rec->ident, e);
		status = got > 0 ? hold(env, in, i, &n, e) : got;
		if (got == 0 && may_be_awaited(in, s, &awaited))
			set_aside(in, i, a);
	}
	tell(env, n);
	vec_release(&awaited.v);
	free(is_linked);
	return status;
}

/* ---- what has arrived ---- */

static bool
lacks_full(const struct search *x, const struct adopt_item *item, const void *ctx)
{
	(void)x;
	(void)ctx;
	return !(item->ident.has & IDENT_FULL) && !item->is_unreadable;
}

/* It could not be read; in what words, if there are any. */
static void
note_unread(const struct search *x, const struct record *found)
{
	const struct match_unread *why = x->unread.n > 0 ? &x->unread.at[0] : NULL;

	vec_push(&x->env->match_state->unclaimed, (struct run_unread){ x->in->messages.at[0].box, x->at[FAR], found->id,
		why != NULL ? why->class : ERR_FAILED, why != NULL ? why->why : NULL });
}

int
placeholders_claim(struct env *env, const struct intent *in, struct record *rec, struct record *found, const struct run_box *at,
    struct err *e)
{
	struct matching tmp = { 0 };
	struct search x = { .env = env, .in = &tmp, .at = { in->side, in->side } };
	int got = 1;

	if (env->set->policy.max_size[in->side] == 0 || record_is_pair(found) || found->half[in->side].presence != PRESENCE_HERE)
		return 1;
	vec_push(&tmp.messages, (struct match_message){ found, (uint32_t)(at - env->boxes.at) });
	search_add(&x, FAR, 0);
	if (rec->placeholder != PLACEHOLDER_NO_MORE && search_learn(&x, IDENT_SIZE | IDENT_HEADER | IDENT_FULL, lacks_full, NULL, e) < 0)
		got = -1;
	else if (rec->placeholder != PLACEHOLDER_NO_MORE && !(found->ident.has & IDENT_HEADER))
		got = 0;
	if (got == 0)
		note_unread(&x, found);
	if (got > 0) {
		rec->placeholder = PLACEHOLDER_NONE;
		if (stands_for_another(&found->ident) && !(rec->ident.has & IDENT_PLACEHOLDER)) {
			rec->placeholder = placeholder_on(in->side);
			if (!(rec->ident.has & IDENT_HEADER))
				rec->ident = ident_behind_placeholder(&found->ident);
		}
	}
	search_release(&x);
	matching_release(&tmp);
	return got;
}
