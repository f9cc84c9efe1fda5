/* Which mailboxes were renamed, and on which side (R12).
 *
 * The base knows each mailbox by its number, and what it is called on either side. One that is not where it was is looked for
 * under the names that nobody else has:
 *   by the identity the store itself gives (MAILBOXID; the inode and birth of a directory, with half its names);
 *   else by its epoch (UIDVALIDITY), and a sample of its messages that are under the same keys.
 * Found, it stays itself: its records, under its number, with the new name. What the other side calls it is then put right by
 * the plan (P14); until then, and where that may not be, the two go on as twins of two names.
 *
 * Not recognised, and so a mailbox that is missing and another that is new, whose messages were moved (R9): INBOX; one that
 * the other side does not have any more; a name that the other side has given to another, or would take another's below it; one
 * the other side has refused to rename (BOX_ID_APART); one that left the channel's patterns.
 *
 * Must hold: nothing is concluded from a list that is not complete, nor where a sample cannot be read for the moment; a name
 * that is not listed must be denied by the store, or shrugged at in two runs (R6).
 */
#include "sync/run/run.h"

#include "state/base/log.h"
#include "state/model/name.h"
#include "sync/pair/patterns.h"

/* A mailbox of the base, and where it is. */
struct place {
	struct box_record *rec;
	const char *was[SIDES];		/* its full name there in the last run */
	const char *on[SIDES];		/* now; NULL = nowhere, or not known where */
	bool is_home[SIDES];		/* on == was, and it is that mailbox as far as can be told */
	bool is_replaced[SIDES];	/* on == was, and it is another; its twin was renamed, and it goes along (R7) */
	bool is_tied;
	bool is_hidden[SIDES];		/* not listed under its name, which the store does not deny */
	bool is_ours[SIDES];		/* renamed there by a run that did not learn so */
};

struct renames {
	struct run *run;
	struct arena *arena;
	struct place *at;
	size_t n;
	VEC(struct intent) intents;
	const struct mailbox **owned[SIDES];	/* listed mailboxes that are somebody's home or new place */
	size_t owned_n[SIDES];
	bool is_unsure[SIDES];		/* evidence could not be read, or the store did not say whether a name is free */
};

/* ---- names ---- */

static const char *
full_name(struct run *r, enum side s, const char *name)
{
	return arena_printf(&r->arena, "%s%s", r->set->box[s], name);
}

/* Without the channel's prefix; NULL = not a name of the channel's. */
static const char *
channel_name(const struct run *r, enum side s, const char *full)
{
	return patterns_select(r->set->patterns.at, r->set->patterns.n, r->set->box[s], r->set->store[s]->is_inbox_listed,
	    full);
}

static struct mailbox *
listed(const struct run *r, enum side s, const char *full)
{
	return listing_selectable(&r->listing[s], full);
}

/* ---- who is at home ---- */

/* 1 it is, 0 it is not, -1 the two cannot be compared. */
static int
is_same(const struct box_side *known, const struct mailbox *m)
{
	if (strcmp(known->mailbox_id, BOX_ID_APART) == 0)
		return -1;
	if (*known->mailbox_id != '\0' && *m->id != '\0')
		return strcmp(known->mailbox_id, m->id) == 0;
	if (!m->has_cursor || known->cursor.epoch == 0)
		return -1;
	return known->cursor.epoch == m->cursor.epoch ? -1 : 0;
}

static void
own(struct renames *x, enum side s, const struct mailbox *m)
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

/* Twins of two names that are to stay so, or below such: their names tell nothing of each other's (Roles). */
static bool
is_tied(const struct run *r, const struct box_record *rec)
{
	size_t i;
	int s;

	for (i = 0; i < r->base_n; i++) {
		if (strcmp(name_on(&r->base[i], FAR), name_on(&r->base[i], NEAR)) == 0)
			continue;
		for (s = 0; s < SIDES; s++)
			if (rec == &r->base[i] || name_is_below(rec->name, name_on(&r->base[i], (enum side)s)))
				return true;
	}
	return false;
}

static bool
may_move(const struct place *p, enum side s)
{
	return !p->is_tied && p->rec->side[s].is_known && !names_is_inbox(p->rec->name) && !names_is_inbox(p->was[s]) &&
	    strcmp(p->rec->side[s].mailbox_id, BOX_ID_APART) != 0;
}

static void
find_homes(struct renames *x, enum side s)
{
	struct mailbox *m;
	struct place *p;
	size_t i;

	x->owned_n[s] = 0;
	for (i = 0; i < x->n; i++) {
		p = &x->at[i];
		p->on[s] = NULL;
		p->is_home[s] = false;
		m = p->rec->side[s].is_known ? listed(x->run, s, p->was[s]) : NULL;
		if (m == NULL || (may_move(p, s) && is_same(&p->rec->side[s], m) == 0))
			continue;
		p->is_home[s] = true;
		p->on[s] = p->was[s];
		own(x, s, m);
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

/* ---- identities that a list does not tell ---- */

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
	const struct mailbox *m = listed(x->run, s, x->at[i].was[s]);
	size_t k;

	if (m == NULL || *m->id != '\0' || *bs->mailbox_id == '\0' || !may_move(&x->at[i], s) || !m->has_cursor ||
	    cursor_stands(&bs->cursor, &m->cursor))
		return false;
	for (k = 0; k < x->n; k++) {
		other = &x->at[k].rec->side[s];
		if (k != i && other->is_known && other->cursor.epoch == bs->cursor.epoch && may_move(&x->at[k], s) &&
		    (!x->at[k].is_home[s] || !cursor_stands(&other->cursor, &listed(x->run, s, x->at[k].was[s])->cursor)))
			return true;
	}
	return false;
}

static int
ask_ids(struct renames *x, enum side s, struct err *e)
{
	struct run *r = x->run;
	struct ids_job q = { .job = { .run = run_ids }, .side = s };
	bool is_away = is_anyone_away(x, s);
	struct mailbox *m;
	size_t i;
	int status = 0;

	if (r->set->store[s]->ops->identities == NULL)
		return 0;
	for (i = 0; i < x->n; i++)
		if (is_doubtful(x, s, i))
			vec_push(&q.boxes, *listed(r, s, x->at[i].was[s]));
	for (i = 0; i < r->listing[s].boxes.n && is_away; i++) {
		m = &r->listing[s].boxes.at[i];
		if (*m->id == '\0' && !(m->attrs & MAILBOX_NOSELECT) && !is_owned(x, s, m) && channel_name(r, s, m->name) != NULL)
			vec_push(&q.boxes, *m);
	}
	q.job.needs[s] = true;
	if (q.boxes.n > 0)
		status = pool_run(r->pool, &q.job, e);
	for (i = 0; i < q.boxes.n && status == 0; i++)
		listing_find(&r->listing[s], q.boxes.at[i].name)->id = arena_strdup(&r->arena, q.boxes.at[i].id);
	vec_release(&q.boxes);
	arena_release(&q.arena);
	return status;
}

/* ---- evidence ---- */

enum { SAMPLE = 3, NAMES_MOST = 200, CANDIDATES_MOST = 4 };

struct sample_job {
	struct job job;
	enum side side;
	const char *on;
	uint64_t epoch;
	struct identify_item items[SAMPLE];
	struct key keys[NAMES_MOST];
	struct ident ident[NAMES_MOST];
	bool gone[NAMES_MOST];
	size_t n;
};

static int
run_sample(struct job *j, struct session *session[SIDES], struct err *e)
{
	struct sample_job *q = (struct sample_job *)j;
	struct session *c = session[q->side];

	return store_identify_one(c, q->on, q->epoch, q->items, q->n, IDENT_HEADER, e);
}

static int
run_names(struct job *j, struct session *session[SIDES], struct err *e)
{
	struct sample_job *q = (struct sample_job *)j;
	struct session *c = session[q->side];

	return c->store->ops->confirm_gone(c, q->on, q->keys, q->n, q->gone, e);
}

/* Messages known there, spread over the mailbox: all of them, or those whose header is known. */
static int
take_sample(struct run *r, const struct box_record *rec, enum side s, size_t most, bool wants_header,
    struct sample_job *q, struct err *e)
{
	uint64_t every = rec->side[s].here / most, seen = 0, after = 0;
	struct arena a = { 0 };
	struct record m;
	int got = 1;

	while (q->n < most && (got = message_next(r->state, &a, rec->id, after, &m, e)) > 0) {
		after = m.id;
		if (m.half[s].presence == PRESENCE_HERE && (!wants_header || (m.ident.has & IDENT_HEADER)) &&
		    (every == 0 || seen++ % every == 0)) {
			q->keys[q->n] = key_dup(&r->arena, m.half[s].key);
			q->ident[q->n++] = m.ident;
		}
		arena_release(&a);
	}
	arena_release(&a);
	return got < 0 ? -1 : 0;
}

/* The messages that are under their keys still are what they were, and half of those asked for are there. 1/0/-1 */
static int
sample_matches(struct renames *x, const struct box_record *rec, enum side s, const struct mailbox *m, struct err *e)
{
	struct run *r = x->run;
	struct sample_job *q = mem_alloc(sizeof *q);
	bool is_unread = false;
	size_t i, equal = 0;
	int status = -1;

	*q = (struct sample_job){ .job = { .run = run_sample }, .side = s, .on = m->name, .epoch = m->cursor.epoch };
	q->job.needs[s] = true;
	if (take_sample(r, rec, s, SAMPLE, true, q, e) < 0)
		goto done;
	for (i = 0; i < q->n; i++)
		q->items[i] = (struct identify_item){ .key = q->keys[i], .hint = "" };
	/* Of one that was empty nothing can be mistaken. */
	if (rec->side[s].here == 0)
		status = 1;
	else
		status = q->n > 0 ? pool_run(r->pool, &q->job, e) : 0;
	x->is_unsure[s] |= status < 0 && e->scope < ERR_STORE;
	if (status < 0 && e->scope < ERR_STORE) {
		status = 0;
	} else if (status == 0) {
		for (i = 0; i < q->n; i++) {
			if (q->items[i].status < 0) {
				is_unread |= q->items[i].err.retry != ERR_NOW;	/* gone is no riddle */
				continue;
			}
			/* The UID says which message it was; sizes are misstated by some servers. */
			q->items[i].ident.has &= IDENT_HEADER;
			if (ident_compare(&q->items[i].ident, &q->ident[i]) == IDENT_DIFFER)
				goto done;
			equal++;
		}
		status = q->n > 0 && 2 * equal >= q->n;
		x->is_unsure[s] |= !status && is_unread;
	}
done:
	free(q);
	return status;
}

/* A directory's inode may have been given away: half the names it had must be in it. 1/0/-1 */
static int
names_match(struct renames *x, const struct box_record *rec, enum side s, const struct mailbox *m, struct err *e)
{
	struct run *r = x->run;
	struct sample_job *q;
	size_t i, here = 0;
	int status;

	if (r->set->store[s]->ops->confirm_gone == NULL ||
	    (m->has_cursor && cursor_stands(&rec->side[s].cursor, &m->cursor)))
		return 1;
	q = mem_alloc(sizeof *q);
	*q = (struct sample_job){ .job = { .run = run_names }, .side = s, .on = m->name };
	q->job.needs[s] = true;
	status = take_sample(r, rec, s, NAMES_MOST, false, q, e);
	if (status == 0 && q->n > 0)
		status = pool_run(r->pool, &q->job, e);
	x->is_unsure[s] |= status < 0 && e->scope < ERR_STORE;
	for (i = 0; i < q->n && status == 0; i++)
		here += !q->gone[i];
	if (status == 0)
		status = 2 * here >= q->n;
	else if (e->scope < ERR_STORE)
		status = 0;
	free(q);
	return status;
}

/* ---- the search ---- */

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

static bool
is_free(const struct renames *x, enum side s, const struct mailbox *m)
{
	return !(m->attrs & MAILBOX_NOSELECT) && !is_owned(x, s, m) && !names_is_inbox(m->name) &&
	    channel_name(x->run, s, m->name) != NULL;
}

/* 1: m is where p is now, as its identity or its epoch tells. *asked counts what was looked into. */
static int
is_its_place(struct renames *x, const struct place *p, enum side s, const struct mailbox *m, int *asked, struct err *e)
{
	const struct box_side *bs = &p->rec->side[s];
	int same = is_same(bs, m);

	/* Only what that makes likely costs anything. */
	if (same == 0 || (same == -1 && (!m->has_cursor || bs->cursor.epoch != m->cursor.epoch)))
		return 0;
	if (went_along(x, p, s, m))
		return 1;
	if (same == 1)
		return names_match(x, p->rec, s, m, e);
	/* A store of directories tells by its identities alone. */
	if (!x->run->set->store[s]->ops->has_uid_keys)
		return 0;
	return (*asked)++ < CANDIDATES_MOST ? sample_matches(x, p->rec, s, m, e) : 0;
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
		m = listed(x->run, s, full_name(x->run, s, x->intents.at[i].server_id));
		if (m != NULL && !is_owned(x, s, m) && is_same(&p->rec->side[s], m) != 0)
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
	struct run *r = x->run;
	struct mailbox *m = by == EVIDENCE_ITSELF ? find_ours(x, p, s) : NULL;
	int got = m != NULL, asked = 0;
	size_t i;

	p->is_ours[s] = m != NULL;
	for (i = 0; i < r->listing[s].boxes.n && got == 0; i++) {
		m = &r->listing[s].boxes.at[i];
		if (is_free(x, s, m))
			got = by == EVIDENCE_ABOVE ? went_along(x, p, s, m) : is_its_place(x, p, s, m, &asked, e);
	}
	if (got <= 0)
		return got;
	if (listing_find(&r->listing[s], p->was[s]) == NULL) {
		got = missing_denied(r, p->rec, s, p->was[s], e);
		x->is_unsure[s] |= got == -1;
		if (got != 1)
			return got == -2 ? -1 : 0;
	}
	p->on[s] = m->name;
	own(x, s, m);
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

static int
find_places(struct renames *x, enum side s, struct err *e)
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

/* ---- conclusions ---- */

int
renames_vanished(struct run *r, const struct box_record *rec, enum side s, struct err *e)
{
	const struct flag_mask masks[SIDES] = { rec->side[FAR].mask, rec->side[NEAR].mask };
	struct arena a = { 0 };
	struct record m;
	uint64_t after = 0;
	int got;

	while ((got = message_next(r->state, &a, rec->id, after, &m, e)) > 0) {
		after = m.id;
		if (m.half[s].presence == PRESENCE_HERE) {
			m.half[s].presence = PRESENCE_GONE;
			if (message_put(r->state, &m, masks, e) < 0) {
				got = -1;
				break;
			}
		}
		arena_release(&a);
	}
	arena_release(&a);
	return got;
}

int
renames_apart(struct run *r, struct box_record *rec, enum side s, struct err *e)
{
	enum side other = side_other(s);

	rec->name = arena_strdup(&r->arena, name_now(rec, s));
	rec->side[FAR].now = rec->side[NEAR].now = "";
	rec->side[other].mailbox_id = BOX_ID_APART;
	return box_put(r->state, rec, e) < 0 ? -1 : renames_vanished(r, rec, other, e);
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

	return has_moved(p, s) ? p->on[s] + strlen(x->run->set->box[s]) : p->rec->name;
}

/* Another than p has the name on side s, and keeps it. */
static bool
is_kept_by_another(const struct renames *x, const struct place *p, enum side s, const char *full)
{
	const struct place *q;
	size_t i;

	if (listed(x->run, s, full) == NULL) {
		for (i = 0; i < x->n; i++)
			if (x->at[i].is_hidden[s] && strcmp(x->at[i].was[s], full) == 0)
				return true;
		return false;
	}
	for (i = 0; i < x->n; i++) {
		q = &x->at[i];
		if (q != p && q->on[s] != NULL && strcmp(q->on[s], full) == 0)
			return q->is_tied || !is_linked(q) || strcmp(full_name(x->run, s, new_name(x, q)), full) == 0;
	}
	/* Another under a known name goes on in its place (R7), and to the name that was to have. */
	for (i = 0; i < x->n; i++) {
		q = &x->at[i];
		if (q != p && q->on[s] == NULL && q->on[side_other(s)] != NULL && q->rec->side[s].is_known &&
		    strcmp(q->was[s], full) == 0)
			return strcmp(full_name(x->run, s, q->rec->name), full) == 0;
	}
	return true;
}

/* The new name of p cannot be had on side s: another has it, or one that stays below p would meet another there. */
static bool
is_taken(const struct renames *x, const struct place *p, enum side s)
{
	const char *full = full_name(x->run, s, new_name(x, p)), *on = p->on[s];
	const struct mailbox *m;
	size_t i;

	if (strcmp(on, full) == 0)
		return false;
	if (is_kept_by_another(x, p, s, full))
		return true;
	for (i = 0; i < x->run->listing[s].boxes.n && !name_is_below(full, on); i++) {
		m = &x->run->listing[s].boxes.at[i];
		if (!(m->attrs & MAILBOX_NOSELECT) && name_is_below(m->name, on) && is_kept_by_another(x, p, s, m->name) &&
		    is_kept_by_another(x, p, s, arena_printf(&x->run->arena, "%s%s", full, m->name + strlen(on))))
			return true;
	}
	return false;
}

/* From here on the two go by their names. A pair of two names since an earlier run stays with the one that was not renamed. */
static int
unlink_place(struct renames *x, struct place *p, struct err *e)
{
	struct box_record *rec = p->rec;
	enum side stays = p->is_home[FAR] ? FAR : NEAR;
	int s;

	if (p->is_home[FAR] && p->is_home[NEAR]) {
		stays = *rec->side[FAR].now != '\0' ? FAR : NEAR;
		p->is_home[side_other(stays)] = false;
		if (renames_apart(x->run, rec, stays, e) < 0)
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
		if (listed(x->run, s, p->was[s]) == NULL && renames_vanished(x->run, rec, s, e) < 0)
			return -1;
	}
	report_note(x->run, NOTE_INFO, rec->name, "renamed on one side to a name the other side has, too: what is in it is "
	    "moved message by message");
	return box_put(x->run->state, rec, e);
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
		is_any |= is_linked(&x->at[i]) && !(x->at[i].is_home[FAR] && x->at[i].is_home[NEAR]);
	for (i = 0; i < x->n && is_any; i++)
		for (s = 0; s < SIDES; s++) {
			p = &x->at[i];
			if (p->on[s] != NULL || !p->rec->side[s].is_known || listed(x->run, (enum side)s, p->was[s]) != NULL)
				continue;
			got = missing_ask(x->run, (enum side)s, p->was[s], e);
			if (got == -2)
				return -1;
			p->is_hidden[s] = got != 0;
		}
	return 0;
}

static bool
is_called_alike(const struct place *p)
{
	return p->is_home[FAR] && p->is_home[NEAR] && *p->rec->side[FAR].now == '\0' && *p->rec->side[NEAR].now == '\0';
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
			if (p->is_tied || !is_linked(p) || is_called_alike(p) || (!is_taken(x, p, FAR) && !is_taken(x, p, NEAR)))
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
		if (box_delete(x->run->state, rec->id, e) < 0)
			return -1;
		rec->id = 0;
	}
	return 0;
}

/* Keeps the names; of one that is on both sides. */
static int
keep_names(struct renames *x, struct place *p, struct err *e)
{
	struct run *r = x->run;
	const char *name = new_name(x, p), *there[SIDES];
	bool is_news;
	int s;

	for (s = 0; s < SIDES; s++) {
		there[s] = p->on[s] + strlen(r->set->box[s]);
		if (strcmp(there[s], name) == 0)
			there[s] = "";
	}
	is_news = strcmp(name, p->rec->name) != 0;
	if (has_moved(p, FAR) && has_moved(p, NEAR) && *there[NEAR] != '\0')
		vec_push(&r->contested, p->rec->id);
	if (!is_news && strcmp(there[FAR], p->rec->side[FAR].now) == 0 && strcmp(there[NEAR], p->rec->side[NEAR].now) == 0)
		return 0;
	if (is_news && make_room(x, name, p->rec, e) < 0)
		return -1;
	p->rec->name = name;
	for (s = 0; s < SIDES; s++)
		p->rec->side[s].now = there[s];
	return 0;
}

/* Another mailbox under its name, as the store's identities tell, though it has its epoch (Cyrus gives one UIDVALIDITY to all
 * that are made within a second): no key in it means what it meant (R7). */
static int
forget_replaced(struct renames *x, struct place *p, enum side s, struct err *e)
{
	const struct mailbox *m = listed(x->run, s, p->was[s]);
	struct box_side *bs = &p->rec->side[s];

	if ((!p->is_replaced[s] && (is_linked(p) || p->is_home[s])) || m == NULL || !bs->is_known || is_same(bs, m) != 0 ||
	    bs->cursor.epoch != m->cursor.epoch)
		return 0;
	bs->cursor = (struct cursor){ .epoch = EPOCH_FOREIGN };
	return box_put(x->run->state, p->rec, e);
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
		m = p->rec->side[s].is_known ? listed(x->run, s, p->was[s]) : NULL;
		if (p->on[s] != NULL || p->on[other] == NULL || p->is_home[other] || m == NULL || !is_free(x, s, m))
			continue;
		p->on[s] = p->was[s];
		p->is_home[s] = p->is_replaced[s] = true;
		own(x, s, m);
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
			if (forget_replaced(x, &x->at[i], (enum side)s, e) < 0)
				return -1;
	for (i = 0; i < x->n; i++)
		if (is_linked(&x->at[i]) && !x->at[i].is_tied && keep_names(x, &x->at[i], e) < 0)
			return -1;
	for (i = 0; i < x->n; i++)
		if (x->at[i].rec->id != 0 && is_linked(&x->at[i]) && !x->at[i].is_tied && box_put(x->run->state, x->at[i].rec, e) < 0)
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

	while ((got = intent_next(x->run->state, &x->run->arena, after, &in, e)) > 0) {
		after = in.id;
		if (in.kind == INTENT_RENAME)
			vec_push(&x->intents, in);
	}
	return got;
}

/* Those of mailboxes that were found, under whatever name, have told what they had to. */
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
		if (!is_open && intent_delete(x->run->state, x->intents.at[i].id, e) < 0)
			return -1;
	}
	return 0;
}

static int
find(struct run *r, struct err *e)
{
	struct renames x = { .run = r, .n = r->base_n };
	bool has_ties = false;
	size_t i;
	int s, status = 0;

	for (i = 0; i < x.n; i++)
		has_ties |= strcmp(name_on(&r->base[i], FAR), name_on(&r->base[i], NEAR)) != 0;
	x.at = mem_alloc(x.n * sizeof *x.at);
	for (s = 0; s < SIDES; s++)
		x.owned[s] = mem_alloc((r->listing[s].boxes.n + x.n + 1) * sizeof *x.owned[s]);
	for (i = 0; i < x.n; i++) {
		x.at[i].rec = &r->base[i];
		x.at[i].is_tied = has_ties && is_tied(r, &r->base[i]);
		for (s = 0; s < SIDES; s++)
			x.at[i].was[s] = full_name(r, (enum side)s, name_now(&r->base[i], (enum side)s));
	}
	if (load_intents(&x, e) < 0)
		status = -1;
	for (s = 0; s < SIDES && status == 0; s++)
		status = find_places(&x, (enum side)s, e);
	/* As after a list that is not complete: nothing is concluded in this run. */
	for (s = 0; s < SIDES; s++)
		r->listing[s].is_complete &= !x.is_unsure[s];
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
drop_doubles(struct run *r, struct err *e)
{
	struct box_record *a, *b, *less;
	size_t i, k;

	for (i = 0; i < r->base_n; i++)
		for (k = i + 1; k < r->base_n; k++) {
			a = &r->base[i];
			b = &r->base[k];
			if (a->id == 0 || b->id == 0 || strcmp(a->name, b->name) != 0)
				continue;
			less = sides_known(a) < sides_known(b) ? a : b;
			if (box_delete(r->state, less->id, e) < 0 || box_put(r->state, less == a ? b : a, e) < 0)
				return -1;
			less->id = 0;
		}
	for (i = k = 0; i < r->base_n; i++)
		if (r->base[i].id != 0)
			r->base[k++] = r->base[i];
	r->base_n = k;
	return 0;
}

int
renames_find(struct run *r, struct err *e)
{
	size_t i, n = 0;
	int s;

	if (drop_doubles(r, e) < 0)
		return -1;
	if (r->listing[FAR].is_complete && r->listing[NEAR].is_complete && r->set->patterns.n > 0 && r->base_n > 0 &&
	    (find(r, e) < 0 || drop_doubles(r, e) < 0))
		return -1;
	for (i = 0; i < r->base_n; i++)
		if (r->base[i].id != 0)
			r->base[n++] = r->base[i];
	r->base_n = n;
	for (s = 0; s < SIDES; s++) {
		r->has_other_names[s] = false;
		for (i = 0; i < r->base_n; i++)
			r->has_other_names[s] |= r->base[i].id != 0 && *r->base[i].side[s].now != '\0';
	}
	return 0;
}

bool
renames_may_be(struct run *r, enum side s, const struct mailbox *m)
{
	const struct box_side *known;
	const struct mailbox *home;
	size_t i;
	int same;

	for (i = 0; i < r->base_n; i++) {
		known = &r->base[i].side[s];
		if (r->base[i].id == 0 || !known->is_known || strcmp(known->mailbox_id, BOX_ID_APART) == 0)
			continue;
		home = listed(r, s, full_name(r, s, name_now(&r->base[i], s)));
		if (home == m || (home != NULL && is_same(known, home) != 0))
			continue;
		same = is_same(known, m);
		if (same == 1 || (same == -1 && m->has_cursor && known->cursor.epoch == m->cursor.epoch))
			return true;
	}
	return false;
}

/* ---- names as the channel will have them ---- */

/* The record whose mailbox this is on side s. */
static const struct box_record *
owner_of(struct run *r, enum side s, const char *full)
{
	const char *name = full + strlen(r->set->box[s]);
	const struct box_record *rec;
	size_t i;

	for (i = 0; i < r->base_n; i++) {
		rec = &r->base[i];
		if (rec->id != 0 && rec->side[s].is_known &&
		    strcmp(name_now(rec, s), name) == 0)
			return rec;
	}
	return NULL;
}

const char *
renames_shown(struct run *r, enum side s, const char *full)
{
	const char *prefix = r->set->box[s], *best = NULL, *shown = full;
	const struct box_record *rec;
	size_t i;

	if (!r->has_other_names[s] || strncmp(full, prefix, strlen(prefix)) != 0)
		return full;
	rec = owner_of(r, s, full);
	if (rec != NULL)
		return *rec->side[s].now != '\0' ? full_name(r, s, name_on(rec, s)) : full;
	/* Nobody's: it goes with what lies above it. */
	for (i = 0; i < r->base_n; i++) {
		rec = &r->base[i];
		if (rec->id == 0 || *rec->side[s].now == '\0' || !name_is_below(full + strlen(prefix), rec->side[s].now) ||
		    (best != NULL && strlen(best) > strlen(rec->side[s].now)))
			continue;
		best = rec->side[s].now;
		shown = arena_printf(&r->arena, "%s%s%s", prefix, rec->name, full + strlen(prefix) + strlen(best));
	}
	return shown;
}
