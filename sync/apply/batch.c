/* The life of a batch: made, run by a worker together with those that share its job, freed. */
#include "sync/apply/batch.h"

/* Which of the sides it needs has been lost to a batch before; SIDES = none. */
static int
lost_side(const struct batch *b, const struct batch *lost[SIDES])
{
	int s;

	for (s = 0; s < SIDES && (!b->needs[s] || lost[s] == NULL); s++)
		;
	return s;
}

/* How one step of a batch ended. */
static void
note_end(struct batch *b, int status, const struct err *why, const struct batch *lost[SIDES])
{
	if (status == 0 || b->status < 0)
		return;
	b->status = -1;
	b->err = *why;
	if (!b->needs[b->err_side])
		b->err_side = b->side;
	if (why->scope >= ERR_STORE)
		lost[b->err_side] = b;
}

static void
begin_one(struct batch *b, struct session *session[SIDES], const struct batch *lost[SIDES])
{
	struct err why = { 0 };
	int s = lost_side(b, lost);

	if (s < SIDES) {
		b->err_side = (enum side)s;
		note_end(b, -1, &lost[s]->err, lost);
		return;
	}
	b->has_begun = true;
	if (b->how->begin != NULL)
		note_end(b, b->how->begin(b, session, &why), &why, lost);
}

/* The last first: what has only begun waits for its answers, what has not even asked does so before. What has begun is
 * ended, whatever happened to the session: it knows what it sent. */
static void
end_all(struct batch *b, struct session *session[SIDES], const struct batch *lost[SIDES])
{
	struct err why = { 0 };

	if (b->along != NULL)
		end_all(b->along, session, lost);
	if (b->has_begun)
		note_end(b, b->how->end(b, session, &why), &why, lost);
}

static int
tell(struct job *j, struct err *e)
{
	struct batch *b;
	int status = 0;

	for (b = (struct batch *)j; b != NULL; b = b->along) {
		if (b->status == 0 || (status < 0 && b->err.scope <= e->scope))
			continue;
		status = -1;
		*e = b->err;
		j->err_side = b->err_side;
	}
	return status;
}

static int
batches_rest(struct job *j, struct session *session[SIDES], struct err *e)
{
	const struct batch *lost[SIDES] = { NULL, NULL };
	struct batch *b = (struct batch *)j;
	struct err why = { 0 };

	(void)session;
	note_end(b, b->how->rest(b, &why), &why, lost);
	return tell(j, e);
}

static int
batches_run(struct job *j, struct session *session[SIDES], struct err *e)
{
	const struct batch *lost[SIDES] = { NULL, NULL };
	struct batch *first = (struct batch *)j, *b;
	int s;

	first->may_rest = first->along == NULL && first->closing[FAR] == NULL && first->closing[NEAR] == NULL;
	for (b = first; b != NULL; b = b->along)
		begin_one(b, session, lost);
	for (s = 0; s < SIDES; s++)
		if (first->closing[s] != NULL && lost[s] == NULL)
			closing_begin(first->closing[s], session[s]);
	end_all(first, session, lost);
	for (s = 0; s < SIDES; s++)
		if (first->closing[s] != NULL)
			closing_end(first->closing[s], session[s]);
	j->rest = first->has_rest ? batches_rest : NULL;
	return tell(j, e);
}

void
batch_join(struct batch *with, struct batch *b)
{
	int s;

	for (s = 0; s < SIDES; s++)
		with->job.needs[s] |= b->needs[s];
	with->job.turns += b->job.turns;
	while (with->along != NULL)
		with = with->along;
	with->along = b;
}

void
batch_take_answers(struct batch *first)
{
	struct batch *b;

	for (b = first; b != NULL; b = b->along) {
		if (b->has_begun || b->status < 0 || first->job.status == 0)
			continue;
		b->status = -1;
		b->err = first->job.err;
		b->err_side = b->needs[first->job.err_side] ? first->job.err_side : b->side;
	}
}

bool
batch_has_lost_store(const struct batch *b)
{
	return b->status < 0 && b->err.scope >= ERR_STORE && b->err.class != ERR_CANCELLED;
}

struct batch *
batch_new(const struct operation *how, enum op_kind kind, enum side side, size_t room)
{
	struct batch *b = mem_alloc(sizeof *b);

	b->how = how;
	b->kind = kind;
	b->side = side;
	b->err_side = side;
	b->needs[side] = true;
	b->job.run = batches_run;
	b->task = mem_alloc(room * sizeof *b->task);
	if (how->make != NULL)
		how->make(b, room);
	memcpy(b->job.needs, b->needs, sizeof b->needs);
	return b;
}

static void
batch_free(struct batch *b)
{
	closing_free(&b->closing[FAR]);
	closing_free(&b->closing[NEAR]);
	free(b->task);
	free(b->fetch);
	free(b->deliver);
	free(b->flags);
	free(b->expunge);
	free(b->move);
	free(b->changes);
	removed_free(b);
	arena_release(&b->arena);
	free(b);
}

void
batch_free_all(struct batch *first)
{
	struct batch *next;

	for (; first != NULL; first = next) {
		next = first->along;
		batch_free(first);
	}
}
