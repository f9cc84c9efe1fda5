/* What a person moved: messages that vanished from one mailbox and are new in another of the same side (R9 moves).
 *
 *   moves_supply   before twins.c: takes the identities that a server's own ids give for nothing
 *   moves_find     after it: what found a twin is no move any more
 *
 * Identity decides (sync/pair/adopt.h). That of the pair is known since it was copied or adopted. That of the new message is learnt as
 * cheaply as it can be: by the server's id; whole, where reading costs no network; by its header, where its size as the same store
 * counts it fits one that vanished.
 *
 * Within one mailbox there is no move, unless the program itself had begun to move the message out and a person moved it back. A draft that
 * was saved again is a new message, and the very same message is its old pair under another key (rekeyed.c).
 *
 * Must hold: a message is in one link only, but for one that was moved on both sides (sync/plan/plan.h).
 */
#include "sync/match/search.h"

#include "state/base/log.h"

/* ---- server ids ---- */

struct known_id { const char *id; const struct ident *ident; };
struct known_ids { VEC(struct known_id) v; };

static int
cmp_id(const void *x, const void *y)
{
	const struct known_id *a = x, *b = y;

	return strcmp(a->id, b->id);
}

/* By itself, or with its mailbox: which goes with all that is in it, unless what was moved out of it may follow. */
bool
moves_has_vanished(const struct env *env, const struct match_message *m, enum side s)
{
	const struct run_side *rs = &env->boxes.at[m->box].side[s];
	enum presence p = m->rec->half[s].presence;

	return record_is_pair(m->rec) && m->rec->mark == MARK_NEW &&
	    (p == PRESENCE_GONE || (p == PRESENCE_HERE && side_is_gone(rs) &&
	    (env->set->policy.sync[side_other(s)] & SYNC_GONE)));
}

/* What shares a message with its equals was sent before: it has come from nowhere now. */
static bool
is_new(const struct record *rec, enum side s)
{
	return record_is_single(rec, s) && record_may_pair(rec) && !record_half_is_shared(&rec->half[side_other(s)]);
}

static void
know(struct known_ids *ids, const char *id, const struct ident *ident)
{
	if (*id != '\0' && (ident->has & IDENT_HEADER) && (ident->has & (IDENT_SIZE | IDENT_PLACEHOLDER)))
		vec_push(&ids->v, (struct known_id){ id, ident });
}

/* What was on its way on side s when its new key was not told (no COPYUID). */
static int
know_intents(struct env *env, enum side s, struct known_ids *ids, struct err *e)
{
	struct intent in, *kept;
	uint64_t after = 0;
	int got;

	while ((got = intent_next(env->state, &env->arena, after, &in, e)) > 0) {
		after = in.id;
		if (in.side != s || *in.server_id == '\0')
			continue;
		kept = arena_alloc(&env->arena, sizeof *kept);
		*kept = in;
		know(ids, kept->server_id, &kept->ident);
	}
	return got;
}

static const struct ident *
ident_on(struct env *env, const struct record *rec, enum side s)
{
	struct ident *is;

	if (!record_is_placeholder(rec, s))
		return &rec->ident;
	is = arena_alloc(&env->arena, sizeof *is);
	*is = record_ident(rec, s);
	return is;
}

static int
supply_side(struct env *env, struct matching *in, enum side s, struct err *e)
{
	struct flag_mask masks[SIDES];
	struct known_ids ids = { { 0 } };
	struct known_id want, *hit;
	struct record *rec;
	size_t i;
	int status = know_intents(env, s, &ids, e);

	for (i = 0; i < in->messages.n; i++)
		if (moves_has_vanished(env, &in->messages.at[i], s))
			know(&ids, in->messages.at[i].rec->half[s].server_id, ident_on(env, in->messages.at[i].rec, s));
	if (ids.v.n > 1)
		qsort(ids.v.at, ids.v.n, sizeof ids.v.at[0], cmp_id);
	for (i = 0; i < in->messages.n && ids.v.n > 0 && status == 0; i++) {
		rec = in->messages.at[i].rec;
		want.id = rec->half[s].server_id;
		if (!is_new(rec, s) || *want.id == '\0' || (rec->ident.has & IDENT_HEADER))
			continue;
		hit = bsearch(&want, ids.v.at, ids.v.n, sizeof want, cmp_id);
		if (hit == NULL)
			continue;
		rec->ident = *hit->ident;
		status = message_put(env->state, rec, box_masks(&env->boxes.at[in->messages.at[i].box], masks), e);
	}
	vec_release(&ids.v);
	return status;
}

int
moves_supply(struct env *env, struct matching *in, struct err *e)
{
	int s, status = 0;

	for (s = 0; s < SIDES && status == 0; s++)
		if (!env->set->store[s]->ops->is_local)
			status = supply_side(env, in, (enum side)s, e);
	return status;
}

/* ---- identities ---- */

/* Roles of a search. */
#define VANISHED FAR
#define NEW NEAR

/* What the store on side s counts for a message: its own number, which one store gives alike for equal messages. */
static uint64_t
size_on(const struct record *rec, enum side s)
{
	return rec->half[s].size != 0 ? rec->half[s].size : (rec->ident.has & IDENT_SIZE) && !record_is_placeholder(rec, s) ? rec->ident.size : 0;
}

struct choice { enum side s; const struct sizes *fit; bool has_placeholder; };

/* A pair from before its identity was taken: its other half tells. */
static bool
wants_old_header(const struct search *x, const struct adopt_item *item, const void *ctx)
{
	const struct choice *c = ctx;
	const struct record *rec = search_record(x, item);

	return item->side == VANISHED && (!(item->ident.has & IDENT_HEADER) || ident_is_old(&item->ident)) &&
	    rec->half[side_other(c->s)].presence == PRESENCE_HERE && sizes_fit(c->fit, size_on(rec, c->s));
}

static bool
wants_new_header(const struct search *x, const struct adopt_item *item, const void *ctx)
{
	const struct choice *c = ctx;

	/* What may be a placeholder is looked at more closely: its message hangs on it (P21). */
	return item->side == NEW && search_lacks_header(x, item) && (sizes_fit(c->fit, size_on(search_record(x, item), c->s)) ||
	    (c->has_placeholder && sizes_are_near(c->fit, size_on(search_record(x, item), c->s))));
}

static bool
wants_new_file(const struct search *x, const struct adopt_item *item, const void *ctx)
{
	(void)ctx;
	return item->side == NEW && search_is_local(x, NEW) && !(item->ident.has & IDENT_FULL);
}

static void
sizes_of(const struct search *x, enum side role, enum side s, struct sizes *out)
{
	const struct record *rec;
	size_t i;

	for (i = 0; i < x->items.n; i++) {
		if (x->items.at[i].side != role)
			continue;
		rec = search_record(x, &x->items.at[i]);
		sizes_add(out, rec->half[s].size);
		if (rec->ident.has & IDENT_SIZE)
			sizes_add(out, rec->ident.size);
	}
	sizes_sort(out);
}

static int
learn_by_size(struct search *x, enum side s, enum side role, search_choice *choose, struct err *e)
{
	struct sizes fit = { { 0 } };
	struct choice c = { s, &fit, false };
	size_t i;
	int status;

	for (i = 0; i < x->items.n; i++)
		c.has_placeholder |= x->items.at[i].side == VANISHED && record_is_placeholder(search_record(x, &x->items.at[i]), s);

	sizes_of(x, role == VANISHED ? NEW : VANISHED, s, &fit);
	status = search_learn(x, IDENT_HEADER | IDENT_SIZE, choose, &c, e);
	sizes_release(&fit);
	return status;
}

int
moves_learn(struct search *x, enum side s, struct err *e)
{
	if (search_learn(x, IDENT_SIZE | IDENT_HEADER | IDENT_FULL, wants_new_file, NULL, e) < 0 ||
	    learn_by_size(x, s, VANISHED, wants_old_header, e) < 0)
		return -1;
	return learn_by_size(x, s, NEW, wants_new_header, e);
}

/* ---- moves ---- */

static int
link_moved(struct search *x, enum side s, struct matching *in, struct err *e)
{
	struct adopt_pairs pairs = { { 0 } };
	size_t i;
	int status = search_decide(x, adopt_moved, &pairs, e);

	for (i = 0; i < pairs.v.n && status == 0; i++)
		vec_push(&in->links, (struct plan_link){ .kind = LINK_MOVED, .side = s, .a = pairs.v.at[i].far,
			.b = pairs.v.at[i].near, .left = UINT32_MAX });
	if (pairs.v.n > 0)
		log_line(LOG_RUN, "%zu messages were moved on %s", pairs.v.n, side_name(s));
	vec_release(&pairs.v);
	return status;
}

/* The program ended while it moved this message out of its mailbox, and a person may have moved it back since. */
static bool
may_be_back(const struct record *rec, enum side s)
{
	return rec->half[s].presence == PRESENCE_GONE && rec->half[s].basis == BASIS_MOVING &&
	    rec->half[side_other(s)].presence == PRESENCE_GONE;
}

static void
add_items(struct search *x, enum side s, const bool *is_linked)
{
	const struct record *rec;
	uint32_t i;

	for (i = 0; i < x->in->messages.n; i++) {
		rec = x->in->messages.at[i].rec;
		if (is_linked[i])
			continue;
		if (moves_has_vanished(x->env, &x->in->messages.at[i], s))
			search_add_as(x, VANISHED, i, s);
		else if (is_new(rec, s))
			search_add(x, NEW, i);
		else
			continue;
		/* Within one mailbox nothing is moved; but that one has left it. */
		x->items.at[x->items.n - 1].place = may_be_back(rec, s) ? UINT32_MAX : x->in->messages.at[i].box;
		/* A file that is renamed keeps its base name: of equal messages, those go together. */
		x->items.at[x->items.n - 1].key = rec->half[s].key;
	}
}

static int
find_on(struct env *env, struct matching *in, enum side s, const bool *is_linked, struct err *e)
{
	struct search x = { .env = env, .in = in, .at = { [VANISHED] = side_other(s), [NEW] = s } };
	int status = 0;

	add_items(&x, s, is_linked);
	if (x.n[VANISHED] > 0 && x.n[NEW] > 0) {
		status = moves_learn(&x, s, e);
		if (status == 0)
			status = link_moved(&x, s, in, e);
	}
	search_keep_unread(&x, &in->unread_moved);
	search_release(&x);
	return status;
}

/* What was moved to one mailbox on both sides is twins there, and is what is gone from both: what was agreed of that says who
 * changed which flag. */
static int
find_left(struct env *env, struct matching *in, struct err *e)
{
	struct search x = { .env = env, .in = in, .at = { [VANISHED] = FAR, [NEW] = FAR } };
	struct adopt_pairs pairs = { { 0 } };
	uint32_t i, *link = mem_realloc(NULL, in->messages.n + 1, sizeof *link);
	size_t k;
	int status = 0;

	for (i = 0; i < in->messages.n; i++)
		if (moves_has_vanished(env, &in->messages.at[i], FAR) && moves_has_vanished(env, &in->messages.at[i], NEAR) &&
		    !record_has_placeholder(in->messages.at[i].rec)) {
			search_add(&x, VANISHED, i);
			x.items.at[x.items.n - 1].place = in->messages.at[i].box;
		}
	for (k = 0; k < in->links.n && x.n[VANISHED] > 0; k++) {
		if (in->links.at[k].kind != LINK_TWIN)
			continue;
		i = in->links.at[k].a;
		link[i] = (uint32_t)k;
		search_add(&x, NEW, i);
		x.items.at[x.items.n - 1].place = in->messages.at[i].box;
	}
	if (x.n[VANISHED] > 0 && x.n[NEW] > 0)
		status = search_decide(&x, adopt_moved, &pairs, e);
	for (k = 0; k < pairs.v.n && status == 0; k++)
		in->links.at[link[pairs.v.at[k].near]].left = pairs.v.at[k].far;
	vec_release(&pairs.v);
	search_release(&x);
	free(link);
	return status;
}

int
moves_find(struct env *env, struct matching *in, struct err *e)
{
	int s, status = find_left(env, in, e);
	bool *is_linked = matching_spoken_for(in);

	for (s = 0; s < SIDES && status == 0; s++)
		status = find_on(env, in, (enum side)s, is_linked, e);
	free(is_linked);
	return status < 0 ? -1 : env_check_cancel(env, e);
}
