/* Where each mailbox of the base is on a side: under its name, under another one, or nowhere (R12 folder renames). */
#include "sync/boxes/rename.h"

#include "state/base/log.h"
#include "state/model/name.h"
#include "sync/pair/patterns.h"

/* ---- names ---- */

const char *
rename_find_full_name(struct env *env, enum side s, const char *name)
{
	return arena_printf(&env->arena, "%s%s", env->set->box[s], name);
}

/* Without the channel's prefix; NULL = not a name of the channel's. */
static const char *
channel_name(const struct env *env, enum side s, const char *full)
{
	return patterns_select(env->set->patterns.at, env->set->patterns.n, env->set->box[s], env->set->store[s]->is_inbox_listed,
	    full);
}

struct mailbox *
rename_find_listed(const struct env *env, enum side s, const char *full)
{
	return listing_selectable(&env->boxes_state->listing[s], full);
}

/* ---- who is at home ---- */

int
rename_find_is_same(const struct box_side *known, const struct mailbox *m)
{
	if (known->is_apart)
		return -1;
	if (*known->mailbox_id != '\0' && *m->id != '\0')
		return strcmp(known->mailbox_id, m->id) == 0;
	if (!m->has_cursor || (known->cursor.epoch == 0 && known->identity == IDENTITY_KEPT))
		return -1;
	return known->cursor.epoch == m->cursor.epoch ? -1 : 0;
}

void
rename_find_own(struct renames *x, enum side s, const struct mailbox *m)
{
	x->owned[s][x->owned_n[s]++] = m;
}

static bool
is_owned(const struct renames *x, enum side s, const struct mailbox *m)
{
	size_t i;

	for (i = 0; i < x->owned_n[s]; i++)
		if (x->owned[s][i] == m)
			return true;
	return false;
}

static bool
is_apart(const struct place *p, enum side s)
{
	return p->rec->side[s].is_apart;
}

static bool
may_move(const struct place *p, enum side s)
{
	return !p->is_tied && p->rec->side[s].is_known && !names_is_inbox(p->rec->name) && !names_is_inbox(p->was[s]) &&
	    !is_apart(p, s);
}

/* One that has nothing but its name there is at home where that is nobody else's. */
static void
find_homes(struct renames *x, enum side s)
{
	struct mailbox *m;
	struct place *p;
	size_t i;
	int by_name;

	x->owned_n[s] = 0;
	for (by_name = false; by_name <= true; by_name++)
		for (i = 0; i < x->n; i++) {
			p = &x->at[i];
			if (is_apart(p, s) != by_name)
				continue;
			p->on[s] = NULL;
			p->is_home[s] = false;
			m = p->rec->side[s].is_known ? rename_find_listed(x->env, s, p->was[s]) : NULL;
			if (m == NULL || (by_name && is_owned(x, s, m)) || (may_move(p, s) && rename_find_is_same(&p->rec->side[s], m) == 0))
				continue;
			p->is_home[s] = true;
			p->on[s] = p->was[s];
			rename_find_own(x, s, m);
		}
}

static bool
is_anyone_away(const struct renames *x, enum side s)
{
	size_t i;

	for (i = 0; i < x->n; i++)
		if (!x->at[i].is_home[s] && may_move(&x->at[i], s))
			return true;
	return false;
}

/* ---- identities that a list does not give ---- */

struct ids_job {
	struct job job;
	enum side side;
	VEC(struct mailbox) boxes;
	struct arena arena;
};

static int
run_ids(struct job *j, struct session *session[SIDES], struct err *e)
{
	struct ids_job *q = (struct ids_job *)j;
	struct session *c = session[q->side];

	return c->store->ops->identities(c, q->boxes.at, q->boxes.n, &q->arena, e);
}

/* Moved since, and of an epoch that others share: it may be another's place by now. */
static bool
is_doubtful(const struct renames *x, enum side s, size_t i)
{
	const struct box_side *bs = &x->at[i].rec->side[s], *other;
	const struct mailbox *m = rename_find_listed(x->env, s, x->at[i].was[s]);
	size_t k;

	if (m == NULL || *m->id != '\0' || *bs->mailbox_id == '\0' || !may_move(&x->at[i], s) || !m->has_cursor ||
	    cursor_stands(&bs->cursor, &m->cursor))
		return false;
	for (k = 0; k < x->n; k++) {
		other = &x->at[k].rec->side[s];
		if (k != i && other->is_known && other->cursor.epoch == bs->cursor.epoch && other->identity == bs->identity && may_move(&x->at[k], s) &&
		    (!x->at[k].is_home[s] || !cursor_stands(&other->cursor, &rename_find_listed(x->env, s, x->at[k].was[s])->cursor)))
			return true;
	}
	return false;
}

static int
ask_ids(struct renames *x, enum side s, struct err *e)
{
	struct env *env = x->env;
	struct ids_job q = { .job = { .run = run_ids }, .side = s };
	bool is_away = is_anyone_away(x, s);
	struct mailbox *m;
	size_t i;
	int status = 0;

	if (!(env->set->store[s]->can & STORE_IDENTITIES))
		return 0;
	for (i = 0; i < x->n; i++)
		if (is_doubtful(x, s, i))
			vec_push(&q.boxes, *rename_find_listed(env, s, x->at[i].was[s]));
	for (i = 0; i < env->boxes_state->listing[s].boxes.n && is_away; i++) {
		m = &env->boxes_state->listing[s].boxes.at[i];
		if (*m->id == '\0' && !(m->attrs & MAILBOX_NOSELECT) && !is_owned(x, s, m) && channel_name(env, s, m->name) != NULL)
			vec_push(&q.boxes, *m);
	}
	q.job.needs[s] = true;
	if (q.boxes.n > 0)
		status = pool_run(env->pool, &q.job, e);
	for (i = 0; i < q.boxes.n && status == 0; i++)
		listing_find(&env->boxes_state->listing[s], q.boxes.at[i].name)->id = arena_strdup(&env->arena, q.boxes.at[i].id);
	vec_release(&q.boxes);
	arena_release(&q.arena);
	return status;
}

/* ---- the search ---- */

enum { CANDIDATES_MOST = 4 };

/* One above it was renamed so. */
static bool
went_along(const struct renames *x, const struct place *p, enum side s, const struct mailbox *m)
{
	const struct place *q;
	size_t i;

	for (i = 0; i < x->n; i++) {
		q = &x->at[i];
		if (q->on[s] != NULL && !q->is_home[s] && name_is_below(p->was[s], q->was[s]) && name_is_below(m->name, q->on[s]) &&
		    strcmp(p->was[s] + strlen(q->was[s]), m->name + strlen(q->on[s])) == 0)
			return true;
	}
	return false;
}

bool
rename_find_is_free(const struct renames *x, enum side s, const struct mailbox *m)
{
	return !(m->attrs & MAILBOX_NOSELECT) && !is_owned(x, s, m) && !names_is_inbox(m->name) &&
	    channel_name(x->env, s, m->name) != NULL;
}

/* 1: m is where p is now, by its identity or its epoch. *asked counts the mailboxes that were read for that. */
static int
is_its_place(struct renames *x, const struct place *p, enum side s, const struct mailbox *m, int *asked, struct err *e)
{
	const struct box_side *bs = &p->rec->side[s];
	int same = rename_find_is_same(bs, m);

	/* Only what that makes likely costs anything. */
	if (same == 0 || (same == -1 && (!m->has_cursor || bs->cursor.epoch != m->cursor.epoch)))
		return 0;
	if (went_along(x, p, s, m))
		return 1;
	if (same == 1)
		return rename_verify_names(x, p->rec, s, m, e);
	/* A store of directories tells by its identities alone. */
	if (!x->env->set->store[s]->ops->has_uid_keys)
		return 0;
	return (*asked)++ < CANDIDATES_MOST ? rename_verify_sample(x, p->rec, s, m, e) : 0;
}

/* What an earlier run was about to name it, if that is where it is. */
static struct mailbox *
find_ours(const struct renames *x, const struct place *p, enum side s)
{
	struct mailbox *m;
	size_t i;

	for (i = 0; i < x->intents.n; i++) {
		if (x->intents.at[i].box != p->rec->id || x->intents.at[i].side != s)
			continue;
		m = rename_find_listed(x->env, s, rename_find_full_name(x->env, s, x->intents.at[i].server_id));
		if (m != NULL && !is_owned(x, s, m) && rename_find_is_same(&p->rec->side[s], m) != 0)
			return m;
	}
	return NULL;
}

/* How a mailbox is known where it is now: as itself; or, when no other is left, as one of another epoch that is where what
 * lay above it has taken it (R7). */
enum evidence { EVIDENCE_ITSELF, EVIDENCE_ABOVE };

static int
find_place(struct renames *x, struct place *p, enum side s, enum evidence by, struct err *e)
{
	struct env *env = x->env;
	struct mailbox *m = by == EVIDENCE_ITSELF ? find_ours(x, p, s) : NULL;
	int got = m != NULL, asked = 0;
	size_t i;

	p->is_ours[s] = m != NULL;
	for (i = 0; i < env->boxes_state->listing[s].boxes.n && got == 0; i++) {
		m = &env->boxes_state->listing[s].boxes.at[i];
		if (rename_find_is_free(x, s, m))
			got = by == EVIDENCE_ABOVE ? went_along(x, p, s, m) : is_its_place(x, p, s, m, &asked, e);
	}
	if (got <= 0)
		return got;
	if (listing_find(&env->boxes_state->listing[s], p->was[s]) == NULL) {
		got = presence_denied(env, p->rec, s, p->was[s], e);
		x->is_unsure[s] |= got == -1;
		if (got != 1)
			return got == -2 ? -1 : 0;
	}
	p->on[s] = m->name;
	rename_find_own(x, s, m);
	log_line(LOG_RUN, "%s %s: is called %s now%s", side_name(s), p->was[s], m->name, p->is_ours[s] ? " (ours)" : "");
	return 0;
}

static int
cmp_was_far(const void *a, const void *b)
{
	return strcmp(((const struct place *)a)->was[FAR], ((const struct place *)b)->was[FAR]);
}

static int
cmp_was_near(const void *a, const void *b)
{
	return strcmp(((const struct place *)a)->was[NEAR], ((const struct place *)b)->was[NEAR]);
}

int
rename_find_find(struct renames *x, enum side s, struct err *e)
{
	enum evidence by;
	size_t i;

	/* What was taken along is told by what took it. */
	qsort(x->at, x->n, sizeof *x->at, s == FAR ? cmp_was_far : cmp_was_near);
	find_homes(x, s);
	if (ask_ids(x, s, e) < 0)
		return -1;
	find_homes(x, s);
	for (by = EVIDENCE_ITSELF; by <= EVIDENCE_ABOVE; by++)
		for (i = 0; i < x->n; i++)
			if (x->at[i].on[s] == NULL && may_move(&x->at[i], s) && find_place(x, &x->at[i], s, by, e) < 0)
				return -1;
	return 0;
}
