/* The same message under another key in its own mailbox (R9 moves): moved out and in again, moved onto itself, delivered again under
 * another name, restored.
 *
 *   rekeyed_find   before twins_find: what replaces a message under its old key is no new message
 *
 * Its pair goes on with the new key as if the key had not changed: with the flags it has now, and with all that the other side did
 * meanwhile. What was moved there is moved here, and what was deleted there is deleted here: a new key is no change of anybody's mind.
 *
 * It is the same only if it is equal in full: by the server's own id, or by the digest of the whole message. A header is not enough: a draft
 * that was saved again is a new message. Where nothing can be read any more of the message that went (from both sides, and never read in
 * full), header and size are enough, unless it was flagged as a draft.
 *
 * An equal message is a new one, and not the old one come back, where
 *   the program itself has begun to remove or move the old one, or to delete its twin for having gone (BASIS_OURS, BASIS_MOVING);
 *   the program sent one there, and the store took it without saying under what key: so many of the equal new ones are that;
 *   it was known before this run, and the old one's twin was deleted: it was there along with the old one. Not so if the earlier run ended
 *   before it had searched, and a list that showed the one lacked others (box_side.fresh).
 *
 * Where the other side keeps equal messages once (an APPEND is answered with a UID that is known), the record of one of them has that UID
 * and the others wait: when the first goes, its pair goes on with another, and nothing is deleted there.
 * Of several equal ones that went, those go first whose other half is there and stays.
 */
#include "sync/match/search.h"

#include <stdlib.h>

#include "state/base/log.h"

#define VANISHED FAR			/* roles of a search */
#define NEW NEAR

/* Pairs whose other half is there and stays, first; then those whose other half has gone or is marked to. */
enum round { STAYS, GOES, ROUNDS };

struct choice {
	enum side s;
	enum round round;
	const struct id_set *awaited;	/* copies on their way: left alone */
	const struct sent_set *sent;	/* and taken by the store without a word about its key */
	bool *is_taken;
};

static bool
stays(const struct record *rec, enum side s)
{
	return rec->half[s].presence == PRESENCE_HERE && !(rec->half[s].flags.sys & FLAG_DELETED);
}

static bool
has_vanished(const struct record *rec, const struct choice *c)
{
	return record_is_pair(rec) && rec->mark == MARK_NEW && rec->half[c->s].presence == PRESENCE_GONE &&
	    rec->half[c->s].basis != BASIS_OURS && rec->half[c->s].basis != BASIS_MOVING && stays(rec, side_other(c->s)) == (c->round == STAYS);
}

/* No run has looked at it that knew what was lacking when it came. */
static bool
is_fresh(const struct env *env, const struct run_box *b, enum side s, uint64_t id)
{
	return id >= env->match_state->first_record || (b->rec.side[s].fresh != 0 && id >= b->rec.side[s].fresh);
}

static bool
is_new(const struct search *x, const struct run_box *b, const struct record *rec, const struct choice *c)
{
	/* What the other side keeps once is that of whichever of its equals is left. */
	if (rec->half[c->s].presence == PRESENCE_HERE && record_half_is_shared(&rec->half[side_other(c->s)]))
		return c->round == STAYS;
	return record_is_single(rec, c->s) && record_may_pair(rec) &&
	    (c->round == STAYS || is_fresh(x->env, b, c->s, rec->id)) && !id_set_has(c->awaited, rec->id);
}

static void
add_item(struct search *x, enum side role, const struct choice *c, uint32_t i)
{
	const struct record *rec = x->in->messages.at[i].rec;
	struct adopt_item *item;

	search_add_as(x, role, i, c->s);
	item = &x->items.at[x->items.n - 1];
	item->key = rec->half[c->s].key;
	item->store_size = rec->half[c->s].size;
	item->is_unreadable = role == VANISHED && (rec->half[side_other(c->s)].presence != PRESENCE_HERE ||
	    record_is_placeholder(rec, side_other(c->s)));
}

/* Messages of mailboxes in which some went and some came; they are in a row in the input. */
static void
add_items(struct search *x, const struct choice *c)
{
	const struct matching *in = x->in;
	const struct run_box *b;
	const struct record *rec;
	size_t n[SIDES], i, k, end;

	search_clear(x);
	for (i = 0; i < in->messages.n; i = end) {
		b = &x->env->boxes.at[in->messages.at[i].box];
		n[VANISHED] = n[NEW] = 0;
		for (end = i; end < in->messages.n && in->messages.at[end].box == in->messages.at[i].box; end++) {
			n[VANISHED] += has_vanished(in->messages.at[end].rec, c);
			n[NEW] += is_new(x, b, in->messages.at[end].rec, c);
		}
		if (n[VANISHED] == 0 || n[NEW] == 0 || b->side[c->s].listed == NULL)
			continue;
		for (k = i; k < end; k++) {
			rec = in->messages.at[k].rec;
			if (!c->is_taken[k] && has_vanished(rec, c))
				add_item(x, VANISHED, c, (uint32_t)k);
			else if (!c->is_taken[k] && is_new(x, b, rec, c))
				add_item(x, NEW, c, (uint32_t)k);
		}
	}
}

/* Whether it may as well have been moved here from another pair, whose other half is there and waits for that. Not where as many more of its
 * equals have come: one is left for each of those. */
static bool
may_be_moved(const struct search *x, const struct choice *c, const struct record *back)
{
	const struct record *rec;
	enum side s = c->s;
	size_t i, waiting = 0, came = 0;

	for (i = 0; i < x->in->messages.n; i++) {
		rec = x->in->messages.at[i].rec;
		if (record_is_single(rec, s))
			came += !c->is_taken[i] && !id_set_has(c->awaited, rec->id) && ident_compare(&rec->ident, &back->ident) == IDENT_SAME;
		else
			waiting += record_is_pair(rec) && rec->half[s].presence == PRESENCE_GONE && stays(rec, side_other(s)) &&
			    ident_compare(&rec->ident, &back->ident) != IDENT_DIFFER &&
			    (rec->half[s].size == 0 || back->half[s].size == 0 || rec->half[s].size == back->half[s].size);
	}
	return waiting > 0 && waiting >= came;
}

/* Whether all that are new there and equal to it are what the program sent. */
static bool
was_sent(const struct search *x, const struct choice *c, const struct record *back)
{
	const struct record *rec;
	size_t i, sent = 0, came = 0;

	for (i = 0; i < c->sent->v.n; i++)
		sent += c->sent->v.at[i].side == c->s && c->sent->v.at[i].box == back->box &&
		    ident_compare(&c->sent->v.at[i].ident, &back->ident) == IDENT_SAME;
	for (i = 0; i < x->in->messages.n && sent > 0; i++) {
		rec = x->in->messages.at[i].rec;
		came += !c->is_taken[i] && rec->box == back->box && record_is_single(rec, c->s) &&
		    ident_compare(&rec->ident, &back->ident) == IDENT_SAME;
	}
	return sent > 0 && came <= sent;
}

/* ---- the pair goes on ---- */

static int
renew(struct search *x, const struct choice *c, const struct adopt_pair *p, struct err *e)
{
	struct env *env = x->env;
	struct record *rec = x->in->messages.at[p->far].rec;
	const struct record *back = x->in->messages.at[p->near].rec;
	struct flag_mask masks[SIDES];
	enum side s = c->s;

	if (was_sent(x, c, back))
		return 0;
	/* Taken for one that goes, it would go, and with it the last there is. */
	if (!stays(rec, side_other(s)) && may_be_moved(x, c, back))
		return 0;
	c->is_taken[p->far] = c->is_taken[p->near] = true;
	/* Sent, and shown for the first time under this key: what it lacks was not kept. */
	if (rec->half[s].is_sent)
		kept_seen(env, &env->boxes.at[x->in->messages.at[p->far].box], s, &env->arena, rec, back->half[s].flags);
	rec->half[s] = back->half[s];
	if (back->ident.has > rec->ident.has && !record_is_placeholder(rec, s))
		rec->ident = back->ident;
	box_masks(&env->boxes.at[x->in->messages.at[p->far].box], masks);
	if (rec->half[side_other(s)].presence == PRESENCE_HERE)
		record_agree(&env->arena, rec, masks);
	if (message_delete(env->state, back->box, back->id, e) < 0)
		return -1;
	return message_put(env->state, rec, masks, e);
}

/* ---- by the server's own ids ---- */

struct with_id { uint32_t box; const char *id; uint32_t msg; };

static int
cmp_id(const void *x, const void *y)
{
	const struct with_id *a = x, *b = y;

	if (a->box != b->box)
		return a->box < b->box ? -1 : 1;
	return strcmp(a->id, b->id);
}

static int
renew_by_id(struct search *x, const struct choice *c, struct err *e)
{
	VEC(struct with_id) v[SIDES] = { { 0 }, { 0 } };
	const struct adopt_item *item;
	struct adopt_pair p;
	const char *id;
	size_t i, k = 0;
	int role, status = 0;

	for (i = 0; i < x->items.n; i++) {
		item = &x->items.at[i];
		id = search_record(x, item)->half[c->s].server_id;
		if (*id != '\0')
			vec_push(&v[item->side], (struct with_id){ x->in->messages.at[item->id].box, id, item->id });
	}
	for (role = 0; role < SIDES; role++)
		if (v[role].n > 1)
			qsort(v[role].at, v[role].n, sizeof v[role].at[0], cmp_id);
	for (i = 0; i < v[VANISHED].n && status == 0; i++) {
		while (k < v[NEW].n && cmp_id(&v[NEW].at[k], &v[VANISHED].at[i]) < 0)
			k++;
		if (k == v[NEW].n || cmp_id(&v[NEW].at[k], &v[VANISHED].at[i]) != 0)
			continue;
		p = (struct adopt_pair){ v[VANISHED].at[i].msg, v[NEW].at[k++].msg };
		status = renew(x, c, &p, e);
	}
	vec_release(&v[FAR]);
	vec_release(&v[NEAR]);
	return status;
}

/* ---- by what they are ---- */

/* What a header and a size must do for: of those that went what cannot be read any more, and was no draft. */
static bool
may_be_by_header(const struct search *x, const struct adopt_item *item)
{
	const struct record *rec = search_record(x, item);
	enum side s = side_other(x->at[VANISHED]);

	return item->side == NEW || (item->is_unreadable && !(item->ident.has & IDENT_FULL) && !(rec->half[s].flags.sys & FLAG_DRAFT));
}

/* Of one mailbox. */
static int
renew_by_ident(struct search *x, const struct choice *c, uint32_t box, bool in_full, struct err *e)
{
	struct search own = { .env = x->env, .in = x->in, .at = { x->at[FAR], x->at[NEAR] } };
	struct adopt_pairs pairs = { { 0 } };
	const struct adopt_item *item;
	size_t i;
	int status = 0;

	for (i = 0; i < x->items.n; i++) {
		item = &x->items.at[i];
		if (x->in->messages.at[item->id].box != box || c->is_taken[item->id] || (!in_full && !may_be_by_header(x, item)))
			continue;
		vec_push(&own.items, *item);
		own.n[item->side]++;
		/* Apart from each other, or adopt_moved() would not pair them. */
		own.items.at[own.items.n - 1].place = item->side;
	}
	if (own.n[VANISHED] > 0 && own.n[NEW] > 0)
		status = search_decide(&own, in_full ? adopt_rekeyed : adopt_moved, &pairs, e);
	for (i = 0; i < pairs.v.n && status == 0; i++)
		status = renew(x, c, &pairs.v.at[i], e);
	vec_release(&pairs.v);
	search_keep_unread(&own, &own.in->unread_moved);
	search_release(&own);
	return status;
}

static int
renew_all(struct search *x, const struct choice *c, struct err *e)
{
	bool *is_wanted = mem_alloc(x->in->boxes.n + 1);
	uint32_t box;
	size_t i;
	int status = renew_by_id(x, c, e);

	for (i = 0; i < x->items.n; i++)
		is_wanted[x->in->messages.at[x->items.at[i].id].box] = true;
	for (box = 0; box < x->in->boxes.n && status == 0; box++) {
		if (!is_wanted[box])
			continue;
		status = renew_by_ident(x, c, box, true, e);
		if (status == 0)
			status = renew_by_ident(x, c, box, false, e);
	}
	free(is_wanted);
	return status;
}

/* All that came has been looked at, knowing what was lacking. */
static int
end_fresh(struct env *env, struct err *e)
{
	struct run_box *b;
	bool is_news;
	size_t i;
	int s;

	for (i = 0; i < env->boxes.n; i++) {
		b = &env->boxes.at[i];
		is_news = false;
		for (s = 0; s < SIDES; s++) {
			if (b->rec.side[s].fresh == 0 || b->side[s].is_unsure || b->side[s].sight >= SIGHT_WANTED)
				continue;
			b->rec.side[s].fresh = 0;
			is_news = true;
		}
		if (is_news && b->rec.id != 0 && box_put(env->state, &b->rec, e) < 0)
			return -1;
	}
	return 0;
}

int
rekeyed_find(struct env *env, struct matching *in, bool *has_changed_r, struct err *e)
{
	struct id_set awaited = { { 0 } };
	struct search x = { .env = env, .in = in };
	bool *is_taken = mem_alloc(in->messages.n + 1);
	struct sent_set sent = { { 0 } };
	struct choice c = { .awaited = &awaited, .sent = &sent, .is_taken = is_taken };
	size_t i, n = 0;
	int turn, status = unfinished_records(env, &awaited, e) < 0 ? -1 : unfinished_sent(env, &sent, e);

	for (turn = 0; turn < SIDES * ROUNDS && status == 0; turn++) {
		c.s = turn % SIDES == 0 ? FAR : NEAR;
		c.round = turn < SIDES ? STAYS : GOES;
		x.at[VANISHED] = side_other(c.s);
		x.at[NEW] = c.s;
		add_items(&x, &c);
		if (x.n[VANISHED] == 0 || x.n[NEW] == 0)
			continue;
		status = moves_learn(&x, c.s, e);
		if (status == 0)
			status = renew_all(&x, &c, e);
		search_keep_unread(&x, &in->unread_moved);
	}
	for (i = 0; i < in->messages.n; i++)
		n += is_taken[i];
	if (n > 0)
		log_line(LOG_RUN, "%zu messages have another key in their mailbox", n / 2);
	*has_changed_r = n > 0;
	if (status == 0 && in->unread_moved.n == 0)
		status = end_fresh(env, e);
	search_release(&x);
	vec_release(&awaited.v);
	vec_release(&sent.v);
	free(is_taken);
	return status;
}
