/* Messages at which sessions end (isolate.h): remembered in the base, and named so that a person can find them.
 *
 * They are named while no job is under way: their store is asked for the subject, and that may end one more session.
 */
#include "sync/env/env.h"

#include "state/base/log.h"

enum { DESCRIBED_MOST = 10 };

int
culprit_note(struct env *env, struct isolate_item item, uint32_t box, struct record *rec, enum side lost, const char *why,
    struct err *e)
{
	struct flag_mask masks[SIDES];

	vec_push(&env->culprits, (struct run_culprit){ item, box, lost, rec->id, arena_strdup(&env->arena, why) });
	env->report->failed++;
	rec->trouble = TROUBLE_SESSION;
	if (rec->troubled < 255)
		rec->troubled++;
	rec->why = env->culprits.at[env->culprits.n - 1].why;
	return message_put(env->state, rec, box_masks(&env->boxes.at[box], masks), e);
}

struct describe_job {
	struct job job;
	enum side side;
	const char *box;
	uint64_t epoch;
	struct record_half half;
	struct arena *arena;
	struct message_words words;
};

static int
run_describe(struct job *j, struct session *session[SIDES], struct err *e)
{
	struct describe_job *d = (struct describe_job *)j;
	struct session *c = session[d->side];

	return c->store->ops->describe(c, d->box, d->epoch, d->half.key, d->half.hint, d->arena, &d->words, e);
}

/* Whatever can be had: at least its key. */
struct message_words
culprit_words(struct env *env, const struct run_box *b, const struct record *rec, enum side s, bool may_ask)
{
	const struct store *store = env->set->store[s];
	struct describe_job d = { .job = { .run = run_describe, .turns = 2 }, .side = s, .box = b->side[s].on,
		.epoch = b->rec.side[s].cursor.epoch, .half = rec->half[s], .arena = &env->arena };
	struct err ignored;

	d.job.needs[s] = true;
	d.words = (struct message_words){ .place = key_text(&env->arena, rec->half[s].key, store->ops->has_uid_keys) };
	if (may_ask && !env->is_ending && (store->can & STORE_DESCRIBE) && d.box != NULL && !isolate_is_given_up(&env->isolate, s) &&
	    pool_run(env->pool, &d.job, &ignored) < 0)
		log_line(LOG_RUN, "a message cannot be described: %s", ignored.text);
	return d.words;
}

static const char *
verb_of(const struct run_culprit *c)
{
	switch (c->item.work) {
	case WORK_COPY:
		return c->lost == c->item.side ? "delivered" : "fetched";
	case WORK_CHANGE:
		return "changed";
	case WORK_MOVE:
		return "moved";
	default:
		return "looked at";
	}
}

static int
tell(struct env *env, const struct run_culprit *c, bool may_ask, struct err *e)
{
	struct run_box *b = &env->boxes.at[c->box];
	enum side s = c->item.work == WORK_COPY ? side_other(c->item.side) : c->item.side;
	struct arena a = { 0 };
	struct message_words words;
	struct record rec;
	struct err told;
	int got = message_get(env->state, &a, b->rec.id, c->id, &rec, e);

	if (got == 1 && rec.half[s].presence == PRESENCE_HERE) {
		words = culprit_words(env, b, &rec, s, may_ask);
		err_class(&told, ERR_MESSAGE, ERR_FAILED, ERR_LATER, "a message (%s) ends each session in which it is %s: %s; all "
		    "others go on, and it is tried again in each run, last and by itself", store_words_text(&a, &words), verb_of(c), c->why);
		report_err(env, b->name, &told);
	}
	arena_release(&a);
	return got < 0 ? -1 : 0;
}

int
culprits_tell(struct env *env, struct err *e)
{
	size_t i;

	for (i = 0; i < env->culprits.n; i++)
		if (tell(env, &env->culprits.at[i], env->culprits_told + i < DESCRIBED_MOST, e) < 0)
			return -1;
	env->culprits_told += env->culprits.n;
	env->culprits.n = 0;
	return 0;
}
