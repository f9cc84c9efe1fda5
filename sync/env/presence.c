/* Asks a store whether a mailbox is there (R6 gone if denied). */
#include "sync/env/env.h"

struct exists_job {
	struct job job;
	enum side side;
	const char *name, *above;
	enum mailbox_state answer;
	struct err why;			/* AWAY, NOT_KNOWN */
};

static int
run_exists(struct job *j, struct session *session[SIDES], struct err *e)
{
	struct exists_job *x = (struct exists_job *)j;
	struct session *c = session[x->side];

	x->answer = c->store->ops->mailbox_state(c, x->name, x->above, &x->why);
	if (x->answer != MAILBOX_NOT_KNOWN || x->why.scope < ERR_STORE)
		return 0;
	/* Not known is an answer, unless the session died of the question. */
	*e = x->why;
	return -1;
}

int
presence_ask(struct env *env, enum side s, const char *full, const char *above, struct err *why, struct err *e)
{
	struct exists_job x = { .job = { .run = run_exists }, .side = s, .name = full, .above = above };

	x.job.needs[s] = true;
	if (pool_run(env->pool, &x.job, e) < 0)
		return -2;
	if (why != NULL)
		*why = x.why;
	return (int)x.answer;
}

int
presence_denied(struct env *env, struct box_record *rec, enum side s, const char *full, struct err *e)
{
	struct box_side *bs = &rec->side[s];
	int answer = presence_ask(env, s, full, bs->above, NULL, e);

	if (answer == MAILBOX_REFUSED)
		return -1;
	if (answer != MAILBOX_NOT_KNOWN)
		return answer == -2 ? -2 : answer == MAILBOX_ABSENT;
	if (bs->missing_runs >= MISSING_RUNS)
		return 1;
	bs->missing_runs++;
	return box_put(env->state, rec, e) < 0 ? -2 : -1;
}
