/* Which mailboxes both sides have, with their cursors, and which of them moved.
 *
 * boxes_list() fills env.boxes: every pair that the patterns select and that a side lists or the base knows (pair_boxes.c). boxes_judge()
 * says which of them are gone for sure (missing.c), and which want a delta.
 */
#include "sync/boxes/boxes.h"

#include "state/base/log.h"

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
	struct mailbox *boxes;
	size_t n;
};

static int
run_cursors(struct job *j, struct session *session[SIDES], struct err *e)
{
	struct cursors_job *l = (struct cursors_job *)j;
	struct session *c = session[l->side];

	return c->store->ops->cursors(c, l->boxes, l->n, e);
}

int
boxes_cursors(struct env *env, enum side s, struct mailbox *boxes, size_t n, struct err *e)
{
	struct cursors_job j = { .job = { .run = run_cursors }, .side = s, .boxes = boxes, .n = n };

	j.job.needs[s] = true;
	return pool_run(env->pool, &j.job, e);
}

/* The listings of these sides at the same time. */
static int
list_sides(struct env *env, const bool which[SIDES], struct err *e)
{
	struct list_job l[SIDES];
	struct job *j;
	int s, status = 0;

	for (s = 0; s < SIDES; s++) {
		if (!which[s])
			continue;
		l[s] = (struct list_job){ .job = { .run = run_list, .is_repeatable = true }, .side = (enum side)s, .listing = &env->boxes_state->listing[s] };
		l[s].job.needs[s] = true;
		pool_submit(env->pool, &l[s].job);
	}
	while ((j = pool_wait(env->pool)) != NULL) {
		if (j->status == 0)
			continue;
		/* Neither hides the other: a directory that is missing, and a server that is. */
		if (status < 0)
			report_err(env, NULL, e);
		*e = j->err;
		status = err_widen(e, ERR_STORE);
	}
	for (s = 0; s < SIDES && status == 0; s++)
		if (which[s])
			listing_sort(&env->boxes_state->listing[s]);
	return status;
}

/* R2 equal cursors: each mailbox is listed in full once a week, whatever its cursor says, should a store ever have missed a change. */
static bool
is_weekly_due(const struct env *env, const struct run_box *b, enum side s)
{
	enum { WEEK = 7 * 24 * 3600 };
	const struct box_side *bs = &b->rec.side[s];
	/* Spread out, so that not all mailboxes fall due on one day. */
	int64_t spread = (int64_t)(b->rec.id * 7919u % (WEEK / 7));

	return bs->listed != 0 && env->set->now - bs->listed > WEEK + spread;
}

/* A limit of age is new to it: its messages came without a date. */
static bool
lacks_dates(const struct env *env, const struct run_box *b, enum side s)
{
	return limit_needs_dates(&env->set->policy.limit, s) && b->rec.id != 0 && b->rec.side[s].is_known && !b->rec.side[s].has_dates;
}

/* Whether a mailbox that stands on one side only would be created on the other or refused there. */
static bool
is_wanted(const struct env *env, const struct run_box *b)
{
	bool far = b->side[FAR].listed != NULL, near = b->side[NEAR].listed != NULL;
	enum side missing = far ? NEAR : FAR;

	if (far && near)
		return true;
	if (!far && !near)
		return false;
	if (b->rec.id != 0 && b->rec.side[missing].is_known)
		return true;
	return names_is_inbox(b->side[missing].on) || env->set->policy.create[missing];
}

static void
mark_wanted(struct env *env)
{
	struct run_box *b;
	struct run_side *rs;
	size_t i;
	int s;

	for (i = 0; i < env->boxes.n; i++) {
		b = &env->boxes.at[i];
		for (s = 0; s < SIDES; s++) {
			rs = &b->side[s];
			if (b->is_excluded || rs->listed == NULL || sight_has_failed(rs) || !is_wanted(env, b))
				continue;
			if (is_weekly_due(env, b, (enum side)s) || lacks_dates(env, b, (enum side)s))
				sight_worsen(rs, SIGHT_WANTED_IN_FULL);
			if (!rs->listed->has_cursor || b->rec.id == 0 || !b->rec.side[s].is_known ||
			    !cursor_stands(&b->rec.side[s].cursor, &rs->listed->cursor))
				sight_worsen(rs, SIGHT_WANTED);
		}
	}
}

/* Whether a pattern says that very name. */
static bool
is_meant(const struct env *env, const char *name)
{
	size_t i;

	for (i = 0; i < env->set->patterns.n; i++)
		if (strcmp(env->set->patterns.at[i], name) == 0)
			return true;
	return false;
}

/* Mailboxes that show what others hold (Gmail's All Mail), caught by a wildcard: the first time, before they are
 * copied, with the line that leaves them out. */
static void
note_views(struct env *env)
{
	static const struct { enum mailbox_attr attr; const char *word; } views[] = {
		{ MAILBOX_ALL, "\\All" }, { MAILBOX_IMPORTANT, "\\Important" }, { MAILBOX_FLAGGED, "\\Flagged" },
	};
	struct run_box *b;
	struct buf line = { 0 };
	const char *p;
	size_t i, k;
	int s;

	for (i = 0; i < env->boxes.n; i++) {
		b = &env->boxes.at[i];
		for (s = 0; s < SIDES; s++)
			for (k = 0; k < sizeof views / sizeof views[0]; k++) {
				if (b->rec.id != 0 || b->is_excluded || b->side[s].listed == NULL || is_meant(env, b->name) ||
				    !(b->side[s].listed->attrs & views[k].attr) || !is_wanted(env, b))
					continue;
				buf_clear(&line);
				for (p = b->name; *p != '\0'; p++)
					buf_printf(&line, "%s%c", *p == '"' || *p == '\\' ? "\\" : "", *p);
				report_note(env, NOTE_WARNING, b->name, arena_printf(&env->arena, "holds messages of other "
				    "mailboxes a second time (%s on %s); this line in the channel leaves it out: "
				    "Patterns \"!%s\"", views[k].word, side_name((enum side)s), buf_str(&line)));
			}
	}
	buf_release(&line);
}

/* Until no directory is renamed any more (encoded.c), which only those of a disk are. */
static int
list_both(struct env *env, struct err *e)
{
	bool which[SIDES] = { true, true }, is_renamed;
	int s;

	do {
		if (list_sides(env, which, e) < 0 || encoded_rename(env, &is_renamed, e) < 0)
			return -1;
		for (s = 0; s < SIDES; s++)
			which[s] = env->set->store[s]->ops->is_local;
	} while (is_renamed);
	return 0;
}

static int
list_and_pair(struct env *env, struct err *e)
{
	const struct listing *l;
	size_t i;
	int s;

	if (list_both(env, e) < 0)
		return -1;
	for (s = 0; s < SIDES; s++) {
		l = &env->boxes_state->listing[s];
		log_line(LOG_RUN, "%s lists %zu mailboxes%s", side_name((enum side)s), l->boxes.n,
		    l->is_complete ? "" : ", not completely");
		for (i = 0; i < l->refused.n; i++)
			report_note(env, l->refused.at[i].is_unreadable ? NOTE_ERROR : NOTE_WARNING, l->refused.at[i].name,
			    l->refused.at[i].why);
		if (missing_check_fingerprint(env, (enum side)s, e) < 0)
			return -1;
	}
	return pairing_make(env, e);
}

/* With the cursors of all of them. */
static int
list_anew(struct env *env, struct err *e)
{
	log_line(LOG_RUN, "not only what has news is looked at: some of it is not what it was");
	env->news = NULL;
	env->boxes.n = env->boxes_state->contested.n = 0;
	return asks_set(env, e) < 0 ? -1 : list_and_pair(env, e);
}

int
boxes_list(struct env *env, struct err *e)
{
	if (list_and_pair(env, e) < 0 || (env->news != NULL && !news_keep(env) && list_anew(env, e) < 0))
		return -1;
	pairing_keep_named(env);
	encoded_hold(env);
	return 0;
}

int
boxes_judge(struct env *env, struct err *e)
{
	if (missing_check(env, e) < 0 || pairing_keep_identities(env, e) < 0)
		return -1;
	mark_wanted(env);
	note_views(env);
	env->progress.boxes = env->report->boxes = env->boxes.n;
	return 0;
}

void
boxes_to_look_at(const struct env *env, enum side s, struct run_look *look)
{
	const struct run_box *b;
	size_t i;

	for (i = 0; i < env->boxes.n; i++) {
		b = &env->boxes.at[i];
		if (b->is_excluded || b->side[s].listed == NULL || b->side[s].sight == SIGHT_WRITTEN || sight_has_failed(&b->side[s]) ||
		    !b->rec.side[s].is_known)
			continue;
		vec_push(&look->boxes, (struct mailbox){ .name = b->side[s].on, .id = "" });
		vec_push(&look->index, (uint32_t)i);
	}
}

/* What was written is read again in any case. */
static void
want_written(struct env *env, enum side s)
{
	struct run_side *rs;
	size_t i;

	for (i = 0; i < env->boxes.n; i++) {
		rs = &env->boxes.at[i].side[s];
		if (rs->sight == SIGHT_WRITTEN && !env->boxes.at[i].is_excluded && rs->listed != NULL)
			rs->sight = SIGHT_WANTED;
	}
}

static void
want_moved(struct env *env, enum side s, const struct run_look *look)
{
	struct run_box *b;
	size_t i;

	for (i = 0; i < look->boxes.n; i++) {
		b = &env->boxes.at[look->index.at[i]];
		if (b->side[s].listed == NULL)
			continue;
		if (!look->boxes.at[i].has_cursor || !cursor_stands(&b->rec.side[s].cursor, &look->boxes.at[i].cursor))
			sight_worsen(&b->side[s], SIGHT_WANTED);
	}
}

int
boxes_refresh(struct env *env, const bool looks[SIDES], struct err *e)
{
	struct cursors_job j[SIDES];
	struct job *done;
	int s, status = 0;

	for (s = 0; s < SIDES; s++) {
		if (!looks[s] || env->look[s].is_answered)
			continue;
		env->look[s].boxes.n = env->look[s].index.n = 0;
		boxes_to_look_at(env, (enum side)s, &env->look[s]);
		if (env->look[s].boxes.n == 0)
			continue;
		j[s] = (struct cursors_job){ .job = { .run = run_cursors }, .side = (enum side)s, .boxes = env->look[s].boxes.at,
			.n = env->look[s].boxes.n };
		j[s].job.needs[s] = true;
		pool_submit(env->pool, &j[s].job);
	}
	for (s = 0; s < SIDES; s++)
		want_written(env, (enum side)s);
	while ((done = pool_wait(env->pool)) != NULL)
		if (done->status < 0 && status == 0) {
			*e = done->err;
			status = -1;
		}
	for (s = 0; s < SIDES && status == 0; s++)
		if (looks[s])
			want_moved(env, (enum side)s, &env->look[s]);
	/* Whatever it told is of before what comes now. */
	env->look[FAR].is_answered = env->look[NEAR].is_answered = false;
	return status;
}
