/* Which mailboxes there are on both sides, who goes with whom, and which are gone for sure.
 *
 * boxes_list fills run.boxes: every pair that the patterns select and that a side lists or the base knows.
 *
 * Must hold: a mailbox counts as gone only when the listing was complete and the store itself denies
 * the name, or shrugged in two runs (R6); a changed store is never a reason to call anything gone (R7).
 */
#include "sync/run/run.h"

#include "state/base/log.h"
#include "sync/pair/pair.h"
#include "sync/pair/patterns.h"

struct list_job {
	struct job job;
	enum side side;
	struct listing *listing;
};

static int
run_list(struct job *j, struct session *session[SIDES], struct err *e)
{
	struct list_job *l = (struct list_job *)j;
	struct session *c = session[l->side];

	listing_release(l->listing);
	*l->listing = (struct listing){ 0 };
	return c->store->ops->list(c, l->listing, e);
}

struct cursors_job {
	struct job job;
	enum side side;
	VEC(struct mailbox) boxes;
	VEC(uint32_t) index;
};

static int
run_cursors(struct job *j, struct session *session[SIDES], struct err *e)
{
	struct cursors_job *l = (struct cursors_job *)j;
	struct session *c = session[l->side];

	return c->store->ops->cursors(c, l->boxes.at, l->boxes.n, e);
}

int
boxes_cursors(struct run *r, enum side s, struct mailbox *boxes, size_t n, struct err *e)
{
	struct cursors_job j = { .job = { .run = run_cursors }, .side = s, .boxes = { boxes, n, n } };

	j.job.needs[s] = true;
	return pool_run(r->pool, &j.job, e);
}

struct exists_job {
	struct job job;
	enum side side;
	const char *name;
	int answer;
};

static int
run_exists(struct job *j, struct session *session[SIDES], struct err *e)
{
	struct exists_job *x = (struct exists_job *)j;
	struct session *c = session[x->side];

	x->answer = c->store->ops->mailbox_exists(c, x->name, e);
	/* Not known is an answer, unless the session died of the question. */
	return x->answer < 0 && e->scope >= ERR_STORE ? -1 : 0;
}

static bool
is_named(const struct channel_names *names, const char *box)
{
	size_t i;

	for (i = 0; i < names->n; i++)
		if (strcmp(names->at[i], box) == 0 || strcmp(names->at[i], "*") == 0)
			return true;
	return false;
}

/* Both listings at the same time. */
static int
list_both(struct run *r, struct err *e)
{
	struct list_job l[SIDES];
	struct job *j;
	int s, status = 0;

	for (s = 0; s < SIDES; s++) {
		l[s] = (struct list_job){ .job = { .run = run_list }, .side = (enum side)s,
			.listing = &r->listing[s] };
		l[s].job.needs[s] = true;
		pool_submit(r->pool, &l[s].job);
	}
	while ((j = pool_wait(r->pool)) != NULL)
		if (j->status < 0 && status == 0) {
			*e = j->err;
			status = err_widen(e, ERR_STORE);
		}
	for (s = 0; s < SIDES && status == 0; s++)
		listing_sort(&r->listing[s]);
	return status;
}

/* R7: another store than last time. Every cursor of that side is made one that cannot match, which
 * makes each mailbox go through adoption, or be forgotten on that side where it is missing (check_foreign).
 * A store without a mark where one is known is another one too: a dry run makes none. */
static int
check_fingerprint(struct run *r, enum side s, struct err *e)
{
	const char *name = s == FAR ? "fingerprint.far" : "fingerprint.near";
	const char *is = r->listing[s].fingerprint, *was = NULL;
	struct box_record *all;
	size_t n, i;

	if (is == NULL)
		is = "";
	if (memory_get(r->state, &r->arena, name, &was, e) < 0)
		return -1;
	if (strcmp(was != NULL ? was : "", is) == 0)
		return 0;
	if (was != NULL) {
		report_note(r, NOTE_WARNING, NULL, arena_printf(&r->arena,
		    "the %s store is not the one of the last run (%s, was %s): equal messages are paired anew, "
		    "nothing is deleted for what is missing there", side_name(s), *is != '\0' ? is : "without a mark",
		    *was != '\0' ? was : "without a mark"));
		if (box_all(r->state, &r->arena, &all, &n, e) < 0)
			return -1;
		for (i = 0; i < n; i++) {
			if (all[i].side[s].cursor.epoch == 0)
				continue;
			all[i].side[s].cursor = (struct cursor){ .epoch = EPOCH_FOREIGN };
			all[i].side[s].is_blank = true;
			if (box_put(r->state, &all[i], e) < 0)
				return -1;
		}
	}
	return memory_put(r->state, name, is, e);
}

/* Whether whatever is listed on a side for the first time is so for want of a base. */
static int
judge_blank(struct run *r, struct err *e)
{
	struct box_record *all;
	size_t n, i;
	int s;

	if (box_all(r->state, &r->arena, &all, &n, e) < 0)
		return -1;
	for (s = 0; s < SIDES; s++) {
		r->is_blank[s] = true;
		for (i = 0; i < n; i++)
			r->is_blank[s] &= !all[i].side[s].is_known || all[i].side[s].is_blank;
	}
	return 0;
}

static struct mailbox *
selectable(const struct listing *l, const char *name)
{
	struct mailbox *m = listing_find(l, name);

	return m != NULL && !(m->attrs & MAILBOX_NOSELECT) ? m : NULL;
}

int
boxes_ask_exists(struct run *r, enum side s, const char *full, struct err *e)
{
	struct exists_job x = { .job = { .run = run_exists }, .side = s, .name = full };

	x.job.needs[s] = true;
	return pool_run(r->pool, &x.job, e) < 0 ? -2 : x.answer;
}

static struct run_box *
add_box(struct run *r, const char *name, const char *far, const char *near)
{
	struct run_box *b = vec_add(&r->boxes);

	b->name = name;
	b->side[FAR].on = b->side[FAR].shown = far;
	b->side[NEAR].on = b->side[NEAR].shown = near;
	b->side[FAR].listed = selectable(&r->listing[FAR], far);
	b->side[NEAR].listed = selectable(&r->listing[NEAR], near);
	b->allow_delete = is_named(&r->set->allow_delete, name);
	b->restore = is_named(&r->set->restore, name);
	return b;
}

static const struct { enum mailbox_attr attr; enum role role; } attr_roles[] = {
	{ MAILBOX_ARCHIVE, ROLE_ARCHIVE }, { MAILBOX_DRAFTS, ROLE_DRAFTS }, { MAILBOX_JUNK, ROLE_JUNK },
	{ MAILBOX_SENT, ROLE_SENT }, { MAILBOX_TRASH, ROLE_TRASH },
};

static unsigned
roles_of(unsigned attrs)
{
	unsigned roles = 0;
	size_t i;

	for (i = 0; i < ROLES; i++)
		if (attrs & attr_roles[i].attr)
			roles |= 1u << attr_roles[i].role;
	return roles;
}

static unsigned
attrs_of(unsigned roles)
{
	unsigned attrs = 0;
	size_t i;

	for (i = 0; i < ROLES; i++)
		if (roles & 1u << attr_roles[i].role)
			attrs |= attr_roles[i].attr;
	return attrs;
}

/* What a record says that its mailbox is called on this side, without the channel's prefix. */
const char *
name_on(const struct box_record *rec, enum side s)
{
	return rec->side[s].on != NULL && *rec->side[s].on != '\0' ? rec->side[s].on : rec->name;
}

const char *
name_now(const struct box_record *rec, enum side s)
{
	return rec->side[s].now != NULL && *rec->side[s].now != '\0' ? rec->side[s].now : name_on(rec, s);
}

static struct pair_known *
known_pairs(struct run *r, const struct box_record *all, size_t n)
{
	struct pair_known *known = arena_alloc(&r->arena, (n + 1) * sizeof *known);
	size_t i;

	for (i = 0; i < n; i++)
		known[i] = (struct pair_known){ all[i].name, { name_on(&all[i], FAR), name_on(&all[i], NEAR) },
			all[i].side[FAR].is_known && all[i].side[NEAR].is_known };
	return known;
}

static struct box_record
blank_record(const char *name)
{
	static const struct box_side blank = { .mailbox_id = "", .on = "", .now = "", .mask = { .kw = "" } };

	return (struct box_record){ .name = name, .side = { blank, blank } };
}

/* Two names that cannot be told from each other are remembered: either may be another one day. */
static int
note_names(struct run *r, struct run_box *b, bool is_tied, struct err *e)
{
	struct box_record was = b->rec, other;
	const char *on;
	int got = 0, s;

	if (strcmp(b->rec.name, b->name) != 0 && (got = box_find(r->state, &r->arena, b->name, &other, e)) == 0)
		b->rec.name = b->name;
	for (s = 0; s < SIDES; s++) {
		on = b->side[s].shown + strlen(r->set->box[s]);
		b->rec.side[s].on = is_tied && strcmp(on, b->rec.name) != 0 ? on : "";
	}
	if (got < 0 || b->rec.id == 0 || (strcmp(b->rec.name, was.name) == 0 &&
	    strcmp(name_on(&b->rec, FAR), name_on(&was, FAR)) == 0 &&
	    strcmp(name_on(&b->rec, NEAR), name_on(&was, NEAR)) == 0))
		return got < 0 ? -1 : 0;
	return box_put(r->state, &b->rec, e);
}

/* One pair, with what the base knows of it: NULL = nothing. */
static int
add_pair(struct run *r, const struct pair *pair, struct mailbox *const listed[SIDES], const struct box_record *rec,
    struct err *e)
{
	struct run_box *b = add_box(r, pair->name, pair->full[FAR], pair->full[NEAR]);
	int s;

	/* What it is called there now may be another's name by the channel (R12). */
	for (s = 0; s < SIDES; s++) {
		b->side[s].listed = listed[s];
		if (listed[s] != NULL)
			b->side[s].on = listed[s]->name;
	}

	b->roles = attrs_of(pair->roles);
	b->rec = rec != NULL ? *rec : blank_record(b->name);
	if (pair->refused == NULL)
		return note_names(r, b, pair->is_tied, e);
	b->is_excluded = true;
	report_note(r, NOTE_ERROR, b->name, pair->refused);
	return 0;
}

/* A mailbox that the patterns did not select may be listed all the same; but not one that is another's by now. */
static struct mailbox *
selectable_unless_shown(struct run *r, enum side s, const char *full)
{
	return strcmp(renames_shown(r, s, full), full) == 0 ? selectable(&r->listing[s], full) : NULL;
}

/* `all` are the n records of the base, of which is_met tells those that are in a pair. */
static int
pair_listed(struct run *r, const struct box_record *all, size_t n, bool *is_met, struct err *e)
{
	struct pair_rules rules = { .patterns = r->set->patterns.at, .n = r->set->patterns.n,
		.known = known_pairs(r, all, n), .n_known = n, .roles = r->set->roles };
	VEC(struct pair_box) found[SIDES] = { { 0 }, { 0 } };
	struct pair_list pairs = { 0 };
	VEC(struct mailbox *) index[SIDES] = { { 0 }, { 0 } };
	struct mailbox *listed[SIDES], *m;
	const struct listing *l;
	size_t i;
	int s, status = 0;

	for (s = 0; s < SIDES; s++) {
		l = &r->listing[s];
		for (i = 0; i < l->boxes.n; i++) {
			m = &l->boxes.at[i];
			if (m->attrs & MAILBOX_NOSELECT)
				continue;
			vec_push(&index[s], m);
			vec_push(&found[s], (struct pair_box){ renames_shown(r, (enum side)s, m->name), *m->id != '\0' ? m->id : NULL,
				roles_of(m->attrs) });
		}
		rules.side[s] = (struct pair_side){ .boxes = found[s].at, .n = found[s].n,
			.prefix = r->set->box[s], .layout = r->set->store[s]->layout,
			.is_inbox_listed = r->set->store[s]->is_inbox_listed,
			.is_folding = r->set->store[s]->is_folding, .is_partial = !l->is_complete };
		memcpy(rules.side[s].role_box, r->set->store[s]->role_box, sizeof rules.side[s].role_box);
	}
	pair_boxes(&rules, &r->arena, &pairs);
	for (i = 0; i < pairs.n && status == 0; i++) {
		if (pairs.at[i].known != PAIR_NOT_KNOWN)
			is_met[pairs.at[i].known] = true;
		for (s = 0; s < SIDES; s++)
			listed[s] = pairs.at[i].listed[s] != PAIR_NOT_LISTED ? index[s].at[pairs.at[i].listed[s]] :
			    selectable_unless_shown(r, (enum side)s, pairs.at[i].full[s]);
		status = add_pair(r, &pairs.at[i], listed, pairs.at[i].known != PAIR_NOT_KNOWN ? &all[pairs.at[i].known] : NULL, e);
	}
	for (i = 0; i < pairs.n_notes; i++)
		report_note(r, NOTE_INFO, pairs.notes[i].name, pairs.notes[i].text);
	for (s = 0; s < SIDES; s++) {
		vec_release(&found[s]);
		vec_release(&index[s]);
	}
	return status;
}

static struct run_box *
find_box(struct run *r, const char *name)
{
	size_t i;

	for (i = 0; i < r->boxes.n; i++)
		if (strcmp(r->boxes.at[i].name, name) == 0)
			return &r->boxes.at[i];
	return NULL;
}

/* Whether the channel still means a mailbox that only the base knows. */
static bool
is_selected(const struct run *r, const struct box_record *rec)
{
	struct arena a = { 0 };
	const char *full = arena_printf(&a, "%s%s", r->set->box[FAR], rec->name);
	const char *const on[SIDES] = { name_on(rec, FAR), name_on(rec, NEAR) };
	bool is = strcmp(on[FAR], on[NEAR]) != 0 ? patterns_select_tied(r->set->patterns.at, r->set->patterns.n, on) :
	    patterns_select(r->set->patterns.at, r->set->patterns.n, r->set->box[FAR],
		r->set->store[FAR]->is_inbox_listed, full) != NULL;

	arena_release(&a);
	return is;
}

static int
cmp_box_order(const void *x, const void *y)
{
	const struct run_box *a = x, *b = y;

	return names_compare(a->name, b->name);
}

/* A channel of one mailbox. */
static void
add_only(struct run *r, const struct box_record *all, size_t n, bool *is_met)
{
	const char *far = *r->set->box[FAR] ? r->set->box[FAR] : "INBOX";
	struct run_box *b = add_box(r, far, far, *r->set->box[NEAR] ? r->set->box[NEAR] : "INBOX");
	size_t i;

	b->rec = blank_record(b->name);
	for (i = 0; i < n; i++)
		if (strcmp(all[i].name, b->name) == 0) {
			is_met[i] = true;
			b->rec = all[i];
		}
}

/* Whether a mailbox of the pair is listed and in another pair by now: its former twin waits for nothing then. */
static bool
is_elsewhere(struct run *r, const struct box_record *rec)
{
	const char *full;
	size_t i;
	int s;

	for (s = 0; s < SIDES; s++) {
		full = arena_printf(&r->arena, "%s%s", r->set->box[s], name_on(rec, (enum side)s));
		if (selectable(&r->listing[s], full) == NULL)
			continue;
		for (i = 0; i < r->boxes.n; i++)
			if (!r->boxes.at[i].is_excluded && strcmp(r->boxes.at[i].side[s].on, full) == 0)
				return true;
	}
	return false;
}

/* Pairs what is listed, and adds what only the base knows. */
static int
pair_all(struct run *r, struct err *e)
{
	struct box_record *all;
	bool *is_met;
	size_t n, i;

	if (box_all(r->state, &r->arena, &r->base, &r->base_n, e) < 0 || renames_find(r, e) < 0)
		return -1;
	all = r->base;
	n = r->base_n;
	is_met = arena_alloc(&r->arena, n + 1);
	if (r->set->patterns.n == 0)
		add_only(r, all, n, is_met);
	else if (pair_listed(r, all, n, is_met, e) < 0)
		return -1;
	for (i = 0; i < n; i++)
		if (!is_met[i] && r->set->patterns.n > 0 && is_selected(r, &all[i]) && !is_elsewhere(r, &all[i]))
			add_box(r, all[i].name, arena_printf(&r->arena, "%s%s", r->set->box[FAR], name_now(&all[i], FAR)),
			    arena_printf(&r->arena, "%s%s", r->set->box[NEAR], name_now(&all[i], NEAR)))->rec = all[i];
	qsort(r->boxes.at, r->boxes.n, sizeof r->boxes.at[0], cmp_box_order);
	return 0;
}

/* R12: by what each mailbox is known again under another name. */
static int
keep_identities(struct run *r, struct err *e)
{
	struct box_side *bs;
	struct run_box *b;
	size_t i;
	int s;

	for (i = 0; i < r->boxes.n; i++)
		for (s = 0; s < SIDES; s++) {
			b = &r->boxes.at[i];
			bs = &b->rec.side[s];
			if (b->is_excluded || b->side[s].listed == NULL || *b->side[s].listed->id == '\0' ||
			    strcmp(bs->mailbox_id, BOX_ID_APART) == 0 || strcmp(bs->mailbox_id, b->side[s].listed->id) == 0)
				continue;
			bs->mailbox_id = b->side[s].listed->id;
			if (b->rec.id != 0 && box_put(r->state, &b->rec, e) < 0)
				return -1;
		}
	return 0;
}

/* Keeps only what was named on the command line; a name that does not exist is said. */
static void
keep_named(struct run *r)
{
	const struct channel_names *only = &r->set->only;
	size_t i, k = 0;

	if (only->n == 0)
		return;
	for (i = 0; i < only->n; i++)
		if (find_box(r, only->at[i]) == NULL)
			report_note(r, NOTE_ERROR, only->at[i],
			    "no mailbox of this name on either side that the channel's Patterns select");
	for (i = 0; i < r->boxes.n; i++)
		if (is_named(only, r->boxes.at[i].name))
			r->boxes.at[k++] = r->boxes.at[i];
	r->boxes.n = k;
}

enum { MISSING_RUNS = 1 };	/* a bare NO says little: it counts in the run after so many */

/* R6: asks the store about a mailbox it did not list though the base knows it. */
static int
check_gone(struct run *r, struct run_box *b, enum side s, struct err *e)
{
	struct box_side *bs = &b->rec.side[s];
	int answer = boxes_ask_exists(r, s, b->side[s].on, e);

	if (answer == -2)
		return -1;
	if (answer == 0) {
		b->side[s].is_gone = true;
	} else if (answer < 0) {
		b->side[s].is_gone = bs->missing_runs >= MISSING_RUNS;
		if (!b->side[s].is_gone)
			report_note(r, NOTE_WARNING, b->name, arena_printf(&r->arena,
			    "not listed on the %s side, and the server does not say that it is gone; "
			    "waiting for the next run", side_name(s)));
	} else {
		b->side[s].has_failed = true;
		report_note(r, NOTE_WARNING, b->name, arena_printf(&r->arena,
		    "not listed on the %s side, though the server says that it exists; left alone",
		    side_name(s)));
	}
	/* Counted no further than it matters, so that a mailbox missing for long does not make every run write. */
	if (bs->missing_runs >= MISSING_RUNS)
		return 0;
	bs->missing_runs++;
	return box_put(r->state, &b->rec, e);
}

static bool
is_foreign(const struct run_box *b, enum side s)
{
	return !b->is_excluded && b->side[s].listed == NULL && b->rec.id != 0 && b->rec.side[s].is_known &&
	    b->rec.side[s].cursor.epoch == EPOCH_FOREIGN && !b->allow_delete && !b->restore;
}

/* R7: mailboxes that are missing because the store is another one were not removed by anybody. They are
 * forgotten on that side, and so made there again, unless so much is missing that the store may be an empty
 * directory where a disk should be (R21). */
static int
check_foreign(struct run *r, enum side s, struct err *e)
{
	struct run_box *b;
	uint64_t known = 0;
	size_t i;

	for (i = 0; i < r->boxes.n; i++)
		if (is_foreign(&r->boxes.at[i], s))
			known += r->boxes.at[i].rec.side[s].here;
	for (i = 0; i < r->boxes.n; i++) {
		b = &r->boxes.at[i];
		if (!is_foreign(b, s))
			continue;
		if (known >= GUARD_FLOOR) {
			b->side[s].has_failed = true;
			r->report->held++;
			report_note(r, NOTE_ERROR, b->name, arena_printf(&r->arena,
			    "held: the %s store is another one than in the last run and has no such mailbox, where %llu "
			    "messages were known; --allow-delete %s carries their deletion over, --restore %s copies "
			    "them back", side_name(s), (unsigned long long)b->rec.side[s].here, b->name, b->name));
			continue;
		}
		if (fold_reset(r, b, s, e) < 0)
			return -1;
		b->rec.side[s].is_known = false;
		b->rec.side[s].missing_runs = 0;
		b->rec.side[s].cursor = (struct cursor){ .epoch = 0 };
		/* The counts are the base's own: what lost its half is unsettled now. */
		if (box_put(r->state, &b->rec, e) < 0 || box_get(r->state, &r->arena, b->rec.id, &b->rec, e) < 0)
			return -1;
	}
	return 0;
}

static int
check_missing(struct run *r, struct err *e)
{
	struct run_box *b;
	size_t i;
	int s;

	for (s = 0; s < SIDES; s++)
		if (r->listing[s].is_complete && check_foreign(r, (enum side)s, e) < 0)
			return -1;
	for (i = 0; i < r->boxes.n; i++) {
		b = &r->boxes.at[i];
		for (s = 0; s < SIDES; s++) {
			if (b->side[s].listed != NULL && b->rec.side[s].missing_runs != 0) {
				b->rec.side[s].missing_runs = 0;
				if (b->rec.id != 0 && box_put(r->state, &b->rec, e) < 0)
					return -1;
			}
			if (b->is_excluded || b->side[s].listed != NULL || b->rec.id == 0 ||
			    !b->rec.side[s].is_known || b->side[s].has_failed)
				continue;
			if (!r->listing[s].is_complete) {
				b->side[s].has_failed = true;
				report_note(r, NOTE_ERROR, b->name, arena_printf(&r->arena,
				    "not seen on the %s side, where not everything could be read; left alone",
				    side_name((enum side)s)));
			} else if (check_gone(r, b, (enum side)s, e) < 0) {
				return -1;
			}
		}
	}
	return 0;
}

static bool
is_weekly_due(const struct run *r, const struct run_box *b, enum side s)
{
	enum { WEEK = 7 * 24 * 3600 };
	const struct box_side *bs = &b->rec.side[s];
	/* Spread out, so that not all mailboxes fall due on one day. */
	int64_t spread = (int64_t)(b->rec.id * 7919u % (WEEK / 7));

	return bs->listed != 0 && r->set->now - bs->listed > WEEK + spread;
}

/* Whether a mailbox that stands on one side only would be created on the other or refused there. */
static bool
is_wanted(const struct run *r, const struct run_box *b)
{
	bool far = b->side[FAR].listed != NULL, near = b->side[NEAR].listed != NULL;
	enum side missing = far ? NEAR : FAR;

	if (far && near)
		return true;
	if (!far && !near)
		return false;
	if (b->rec.id != 0 && b->rec.side[missing].is_known)
		return true;
	return names_is_inbox(b->side[missing].on) || r->set->policy.create[missing];
}

static void
mark_wanted(struct run *r)
{
	struct run_box *b;
	struct run_side *rs;
	size_t i;
	int s;

	for (i = 0; i < r->boxes.n; i++) {
		b = &r->boxes.at[i];
		for (s = 0; s < SIDES; s++) {
			rs = &b->side[s];
			if (b->is_excluded || rs->listed == NULL || rs->has_failed || !is_wanted(r, b))
				continue;
			rs->is_forced |= is_weekly_due(r, b, (enum side)s);
			rs->wants_delta = rs->is_forced || !rs->listed->has_cursor || b->rec.id == 0 ||
			    !b->rec.side[s].is_known ||
			    !cursor_stands(&b->rec.side[s].cursor, &rs->listed->cursor);
		}
	}
}

/* Whether a pattern says that very name. */
static bool
is_meant(const struct run *r, const char *name)
{
	size_t i;

	for (i = 0; i < r->set->patterns.n; i++)
		if (strcmp(r->set->patterns.at[i], name) == 0)
			return true;
	return false;
}

/* Mailboxes that show what others hold (Gmail's All Mail), caught by a wildcard: the first time, before they are
 * copied, with the line that leaves them out. */
static void
note_views(struct run *r)
{
	static const struct { enum mailbox_attr attr; const char *word; } views[] = {
		{ MAILBOX_ALL, "\\All" }, { MAILBOX_IMPORTANT, "\\Important" }, { MAILBOX_FLAGGED, "\\Flagged" },
	};
	struct run_box *b;
	struct buf line = { 0 };
	const char *p;
	size_t i, k;
	int s;

	for (i = 0; i < r->boxes.n; i++) {
		b = &r->boxes.at[i];
		for (s = 0; s < SIDES; s++)
			for (k = 0; k < sizeof views / sizeof views[0]; k++) {
				if (b->rec.id != 0 || b->is_excluded || b->side[s].listed == NULL || is_meant(r, b->name) ||
				    !(b->side[s].listed->attrs & views[k].attr) || !is_wanted(r, b))
					continue;
				buf_clear(&line);
				for (p = b->name; *p != '\0'; p++)
					buf_printf(&line, "%s%c", *p == '"' || *p == '\\' ? "\\" : "", *p);
				report_note(r, NOTE_WARNING, b->name, arena_printf(&r->arena, "holds messages of other "
				    "mailboxes a second time (%s on %s); this line in the channel leaves it out: "
				    "Patterns \"!%s\"", views[k].word, side_name((enum side)s), buf_str(&line)));
			}
	}
	buf_release(&line);
}

int
boxes_list(struct run *r, struct err *e)
{
	const struct listing *l;
	size_t i;
	int s;

	if (list_both(r, e) < 0)
		return -1;
	for (s = 0; s < SIDES; s++) {
		l = &r->listing[s];
		log_line(LOG_RUN, "%s lists %zu mailboxes%s", side_name((enum side)s), l->boxes.n,
		    l->is_complete ? "" : ", not completely");
		for (i = 0; i < l->refused.n; i++)
			report_note(r, NOTE_WARNING, l->refused.at[i].name, l->refused.at[i].why);
		if (check_fingerprint(r, (enum side)s, e) < 0)
			return -1;
	}
	if (judge_blank(r, e) < 0 || pair_all(r, e) < 0)
		return -1;
	keep_named(r);
	if (check_missing(r, e) < 0 || keep_identities(r, e) < 0)
		return -1;
	mark_wanted(r);
	note_views(r);
	r->progress.boxes = r->report->boxes = r->boxes.n;
	return 0;
}

/* What was written is read again in any case; of the rest, those whose cursor is to be asked for go into the job. */
static void
ask_again(struct run *r, struct cursors_job *j, bool looks)
{
	struct run_box *b;
	struct run_side *rs;
	size_t i;

	for (i = 0; i < r->boxes.n; i++) {
		b = &r->boxes.at[i];
		rs = &b->side[j->side];
		if (b->is_excluded || rs->has_failed || rs->listed == NULL)
			continue;
		if (rs->was_written) {
			rs->wants_delta = true;
		} else if (looks && b->rec.side[j->side].is_known) {
			vec_push(&j->boxes, (struct mailbox){ .name = rs->on, .id = "" });
			vec_push(&j->index, (uint32_t)i);
		}
	}
}

int
boxes_refresh(struct run *r, const bool looks[SIDES], struct err *e)
{
	struct cursors_job j[SIDES];
	struct job *done;
	struct run_box *b;
	size_t i;
	int s, status = 0;

	for (s = 0; s < SIDES; s++) {
		j[s] = (struct cursors_job){ .job = { .run = run_cursors }, .side = (enum side)s };
		j[s].job.needs[s] = true;
		ask_again(r, &j[s], looks[s]);
		if (j[s].boxes.n > 0)
			pool_submit(r->pool, &j[s].job);
	}
	while ((done = pool_wait(r->pool)) != NULL)
		if (done->status < 0 && status == 0) {
			*e = done->err;
			status = -1;
		}
	for (s = 0; s < SIDES; s++) {
		for (i = 0; i < j[s].boxes.n && status == 0; i++) {
			b = &r->boxes.at[j[s].index.at[i]];
			b->side[s].wants_delta = !j[s].boxes.at[i].has_cursor ||
			    !cursor_stands(&b->rec.side[s].cursor, &j[s].boxes.at[i].cursor);
		}
		vec_release(&j[s].boxes);
		vec_release(&j[s].index);
	}
	return status;
}
