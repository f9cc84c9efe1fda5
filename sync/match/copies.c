/* Copies a person made (P12): a message is new on one side, and a pair equal to it is in another mailbox, or in this one. The store of the
 * other side makes the copy itself; no body travels.
 *
 * The pair is found by the server's own id, or by the digest where reading the message costs no network (state/idents.c). Nothing is
 * fetched to find out: a server without ids of its own gives its copies as new mail.
 *
 * Where a list of its side is not certain, what is new may be no copy, but a pair's message itself under another key, or moved: it waits until
 * a list is (R4 stable scans).
 *
 * A message in several mailboxes of an account (labels) of which no pair is known travels once. One of them is copied, and the others wait
 * until that is a pair, for the second round of the run.
 *
 * Must hold: a message that is in a link already is not put into another.
 */
#include "sync/match/search.h"

#include "state/base/log.h"

struct place { uint64_t id; uint32_t index; };

struct clones {
	struct env *env;
	struct matching *in;
	struct arena *arena;		/* of the input */
	bool *is_linked;		/* by message, of those that input_make() gave */
	size_t n;			/* how many */
	bool *is_cloned;
	size_t waiting;			/* set aside until a list is certain */
	VEC(struct place) places;	/* record id -> index of those that input_make() gave, sorted */
};

static int
cmp_place(const void *x, const void *y)
{
	const struct place *a = x, *b = y;

	return (a->id > b->id) - (a->id < b->id);
}

static bool
is_new(const struct clones *c, uint32_t i, enum side s)
{
	const struct record *rec = c->in->messages.at[i].rec;

	return !c->is_linked[i] && !c->is_cloned[i] && rec->mark == MARK_NEW && record_is_single(rec, s) &&
	    !rec->has_agreed && rec->half[side_other(s)].basis != BASIS_BEYOND;
}

/* A copy that was found, and the pair it is of. */
struct found { struct record *original; uint32_t copy; };

static int
cmp_found(const void *x, const void *y)
{
	const struct found *a = x, *b = y;

	if (a->original->id != b->original->id)
		return a->original->id < b->original->id ? -1 : 1;
	return (a->copy > b->copy) - (a->copy < b->copy);
}

/* The original's place in the input, where it may have to be put first. UINT32_MAX: it cannot be a source. */
static uint32_t
place_of(struct clones *c, struct record *rec)
{
	struct place want = { .id = rec->id }, *hit;
	uint32_t box;

	hit = c->places.n > 0 ? bsearch(&want, c->places.at, c->places.n, sizeof want, cmp_place) : NULL;
	if (hit != NULL)	/* one that a link takes elsewhere is no source */
		return c->is_linked[hit->index] ? UINT32_MAX : hit->index;
	for (box = 0; box < c->env->boxes.n; box++)
		if (c->env->boxes.at[box].rec.id == rec->box && !c->env->boxes.at[box].is_excluded)
			break;
	if (box == c->env->boxes.n)
		return UINT32_MAX;
	vec_push(&c->in->messages, (struct match_message){ rec, box });
	return (uint32_t)(c->in->messages.n - 1);
}

/* A pair that is equal to it, and is there on its side as far as is known. */
static bool
is_equal_pair(const struct record *rec, const struct record *copy, enum side s)
{
	const struct ident is = record_ident(rec, s);
	unsigned enough = copy->ident.has & IDENT_PLACEHOLDER ? IDENT_HEADER | IDENT_FULL : IDENT_SIZE | IDENT_HEADER;

	if (rec->id == copy->id || rec->mark != MARK_NEW || rec->half[s].presence != PRESENCE_HERE || !record_is_pair(rec))
		return false;
	if (*copy->half[s].server_id != '\0' && strcmp(copy->half[s].server_id, rec->half[s].server_id) == 0)
		return true;
	return (copy->ident.has & enough) == enough && (is.has & enough) == enough && ident_compare(&copy->ident, &is) == IDENT_SAME;
}

/* Perhaps it is that pair's message under another key, or moved, and the list does not show that it has gone. Where its twin went at the same
 * time, that was a move or a deletion of what is new here. */
static bool
may_be_it(const struct clones *c, const struct record *rec, const struct record *copy, enum side s)
{
	const struct run_box *b = env_box_by_id(c->env, rec->box);

	return b != NULL && b->side[s].is_unsure &&
	    (rec->box == copy->box || rec->half[side_other(s)].presence == PRESENCE_GONE);
}

/* A pair that is the same message, and can be copied, or is it. 1/0/-1 */
static int
find_original(struct clones *c, const struct record *copy, enum side s, struct record *rec_r, bool *is_it_r, struct err *e)
{
	const struct ident behind = ident_behind_placeholder(&copy->ident);
	uint64_t tags[3], after;
	size_t n = 0, i;
	int got;

	if (*copy->half[s].server_id != '\0')
		tags[n++] = message_tag_server(s, copy->half[s].server_id);
	if (copy->ident.has & IDENT_HEADER)
		tags[n++] = message_tag_header(&copy->ident);
	/* A placeholder's is kept with its message. */
	if (behind.has & IDENT_HEADER)
		tags[n++] = message_tag_header(&behind);
	for (i = 0; i < n; i++)
		for (after = 0; (got = message_next_tagged(c->env->state, c->arena, tags[i], after, rec_r, e)) != 0;
		    after = rec_r->id) {
			if (got < 0)
				return -1;
			if (!is_equal_pair(rec_r, copy, s))
				continue;
			*is_it_r = may_be_it(c, rec_r, copy, s);
			if (*is_it_r || rec_r->half[side_other(s)].presence == PRESENCE_HERE)
				return 1;
		}
	return 0;
}

/* Copies of one original in a row: it is put into the input once. */
static void
link_found(struct clones *c, enum side s, struct found *v, size_t n)
{
	uint32_t at = UINT32_MAX;
	size_t i;

	if (n > 1)
		qsort(v, n, sizeof *v, cmp_found);
	for (i = 0; i < n; i++) {
		if (i == 0 || v[i].original->id != v[i - 1].original->id)
			at = place_of(c, v[i].original);
		if (at == UINT32_MAX)
			continue;
		vec_push(&c->in->links, (struct plan_link){ .kind = LINK_CLONED, .side = s, .a = at, .b = v[i].copy,
			.left = UINT32_MAX });
		c->is_cloned[v[i].copy] = true;
	}
}

/* It waits until a list is certain: in the next round, or in the next run. */
static void
hold(struct clones *c, uint32_t i, enum side s)
{
	const struct match_message *m = &c->in->messages.at[i];
	enum side t = side_other(s);

	if ((c->in->policy.sync[t] & SYNC_NEW) && !c->in->policy.read_only[t])
		vec_push(&c->env->match_state->unread, (struct run_unread){ m->box, s, m->rec->id, ERR_TEMPORARY, arena_printf(&c->env->arena,
		    "it may be a message of which the last list of %s did not show whether it is still there", c->env->set->store[s]->name) });
	set_aside(c->in, i, c->arena);
	c->waiting++;
}

static int
find_on(struct clones *c, enum side s, struct err *e)
{
	VEC(struct found) found = { 0 };
	struct record original, *kept;
	bool is_it;
	uint32_t i;
	int got = 0;

	for (i = 0; i < c->n && got >= 0; i++) {
		if (!is_new(c, i, s))
			continue;
		got = find_original(c, c->in->messages.at[i].rec, s, &original, &is_it, e);
		if (got <= 0)
			continue;
		if (is_it) {
			hold(c, i, s);
			continue;
		}
		kept = arena_alloc(c->arena, sizeof *kept);
		*kept = original;
		vec_push(&found, (struct found){ kept, i });
	}
	if (got >= 0)
		link_found(c, s, found.at, found.n);
	if (found.n > 0)
		log_line(LOG_RUN, "%zu messages were copied on %s", found.n, side_name(s));
	vec_release(&found);
	return got < 0 ? -1 : 0;
}

/* ---- what is in several mailboxes ---- */

struct label { const char *id; uint32_t index; };

static int
cmp_label(const void *x, const void *y)
{
	const struct label *a = x, *b = y;
	int c = strcmp(a->id, b->id);

	return c != 0 ? c : (a->index > b->index) - (a->index < b->index);
}

/* Will be copied to t, as far as is known. */
static bool
may_lead(const struct clones *c, uint32_t i, enum side t)
{
	const struct plan_box *b = &c->in->boxes.at[c->in->messages.at[i].box];

	return b->side[FAR].is_readable && b->side[NEAR].is_readable && !b->side[t].is_readonly && b->side[t].exists &&
	    !(c->in->messages.at[i].rec->half[side_other(t)].flags.sys & FLAG_DELETED);
}

/* All but one of each wait. Returns how many. */
static size_t
hold_labels(struct clones *c, enum side s)
{
	VEC(struct label) v = { 0 };
	const struct record *rec;
	size_t i, k, lead, waiting = 0;

	if (!(c->in->policy.sync[side_other(s)] & SYNC_NEW) || c->in->policy.read_only[side_other(s)])
		return 0;
	for (i = 0; i < c->n; i++) {
		rec = c->in->messages.at[i].rec;
		if (is_new(c, (uint32_t)i, s) && *rec->half[s].server_id != '\0')
			vec_push(&v, (struct label){ rec->half[s].server_id, (uint32_t)i });
	}
	if (v.n > 1)
		qsort(v.at, v.n, sizeof v.at[0], cmp_label);
	for (i = 0; i < v.n; i = k) {
		lead = v.n;
		for (k = i; k < v.n && strcmp(v.at[k].id, v.at[i].id) == 0; k++)
			if (lead == v.n && may_lead(c, v.at[k].index, side_other(s)))
				lead = k;
		for (; i < k && lead < v.n; i++)
			if (i != lead) {
				set_aside(c->in, v.at[i].index, c->arena);
				waiting++;
			}
	}
	vec_release(&v);
	return waiting;
}

/* ---- identities ---- */

static bool
wants_file(const struct search *x, const struct adopt_item *item, const void *ctx)
{
	(void)x;
	(void)ctx;
	return !(item->ident.has & IDENT_FULL);
}

/* Files that are new are read, where there is a pair at all that they could be a copy of. */
static int
learn_files(struct clones *c, enum side s, struct err *e)
{
	struct search x = { .env = c->env, .in = c->in, .at = { s, s } };
	uint64_t known = 0;
	size_t i;
	int status = 0;

	for (i = 0; i < c->env->boxes.n; i++)
		known += c->env->boxes.at[i].rec.side[side_other(s)].here;
	for (i = 0; i < c->n && known > 0; i++)
		if (is_new(c, (uint32_t)i, s))
			search_add(&x, s, (uint32_t)i);
	if (x.items.n > 0)
		status = search_learn(&x, IDENT_SIZE | IDENT_HEADER | IDENT_FULL, wants_file, NULL, e);
	search_release(&x);
	return status;
}

int
copies_find(struct env *env, struct matching *in, struct arena *a, bool may_wait, size_t *waiting_r, struct err *e)
{
	struct clones c = { .env = env, .in = in, .arena = a, .n = in->messages.n };
	size_t i;
	int s, status = 0;

	c.is_linked = matching_linked(in, 0);
	c.is_cloned = mem_alloc(c.n + 1);
	for (i = 0; i < c.n; i++)
		vec_push(&c.places, (struct place){ in->messages.at[i].rec->id, (uint32_t)i });
	if (c.places.n > 1)
		qsort(c.places.at, c.places.n, sizeof c.places.at[0], cmp_place);
	for (s = 0; s < SIDES && status == 0; s++) {
		if (env->set->store[s]->ops->is_local)
			status = learn_files(&c, (enum side)s, e);
		if (status == 0)
			status = find_on(&c, (enum side)s, e);
		if (status == 0 && may_wait)
			*waiting_r += hold_labels(&c, (enum side)s);
	}
	*waiting_r += c.waiting;
	free(c.is_linked);
	vec_release(&c.places);
	free(c.is_cloned);
	return status < 0 ? -1 : env_check_cancel(env, e);
}
