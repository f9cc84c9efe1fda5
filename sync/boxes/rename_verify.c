/* Whether a mailbox of another name holds the messages of one that is known (R12 folder renames).
 *
 * A sample of messages under their keys decides. UIDNEXT need not be equal, so mail that came meanwhile does not hide a rename.
 */
#include "sync/boxes/rename.h"

enum { SAMPLE = 3, NAMES_MOST = 200 };

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
	struct identify_item *item;

	if (store_identify_one(c, q->on, q->epoch, q->items, q->n, IDENT_HEADER, e) < 0)
		return -1;
	/* What may be a placeholder tells only by the whole of it. */
	for (item = q->items; item < q->items + q->n; item++)
		if (item->status == 0 && (item->ident.has & (IDENT_PLACEHOLDER | IDENT_HEADER)) == IDENT_PLACEHOLDER &&
		    store_identify_one(c, q->on, q->epoch, item, 1, IDENT_FULL, e) < 0)
			return -1;
	return 0;
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
take_sample(struct env *env, const struct box_record *rec, enum side s, size_t most, bool wants_header,
    struct sample_job *q, struct err *e)
{
	uint64_t every = rec->side[s].here / most, seen = 0, after = 0;
	struct arena a = { 0 };
	struct record m;
	struct ident is;
	int got = 1;

	while (q->n < most && (got = message_next(env->state, &a, rec->id, after, &m, e)) > 0) {
		after = m.id;
		is = record_ident(&m, s);
		if (m.half[s].presence == PRESENCE_HERE && (!wants_header || (is.has & IDENT_HEADER)) && (every == 0 || seen++ % every == 0)) {
			q->keys[q->n] = key_dup(&env->arena, m.half[s].key);
			q->ident[q->n++] = is;
		}
		arena_release(&a);
	}
	arena_release(&a);
	return got < 0 ? -1 : 0;
}

int
rename_verify_sample(struct renames *x, const struct box_record *rec, enum side s, const struct mailbox *m, struct err *e)
{
	struct env *env = x->env;
	struct sample_job *q = mem_alloc(sizeof *q);
	bool is_unread = false;
	size_t i, equal = 0;
	int status = -1;

	*q = (struct sample_job){ .job = { .run = run_sample }, .side = s, .on = m->name, .epoch = m->cursor.epoch };
	q->job.needs[s] = true;
	if (take_sample(env, rec, s, SAMPLE, true, q, e) < 0)
		goto done;
	for (i = 0; i < q->n; i++)
		q->items[i] = (struct identify_item){ .key = q->keys[i], .hint = "" };
	/* Of one that was empty nothing can be mistaken. */
	if (rec->side[s].here == 0)
		status = 1;
	else
		status = q->n > 0 ? pool_run(env->pool, &q->job, e) : 0;
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
			if (memcmp(q->items[i].ident.header, q->ident[i].header, sizeof q->ident[i].header) == 0)
				equal++;
			else if (!ident_is_old(&q->ident[i]))
				goto done;
		}
		status = q->n > 0 && 2 * equal >= q->n;
		x->is_unsure[s] |= !status && is_unread;
	}
done:
	free(q);
	return status;
}

int
rename_verify_names(struct renames *x, const struct box_record *rec, enum side s, const struct mailbox *m, struct err *e)
{
	struct env *env = x->env;
	struct sample_job *q;
	size_t i, here = 0;
	int status;

	if (!(env->set->store[s]->can & STORE_CONFIRM_GONE) ||
	    (m->has_cursor && cursor_stands(&rec->side[s].cursor, &m->cursor)))
		return 1;
	q = mem_alloc(sizeof *q);
	*q = (struct sample_job){ .job = { .run = run_names }, .side = s, .on = m->name };
	q->job.needs[s] = true;
	status = take_sample(env, rec, s, NAMES_MOST, false, q, e);
	if (status == 0 && q->n > 0)
		status = pool_run(env->pool, &q->job, e);
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
