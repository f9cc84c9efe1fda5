#include "sync/apply/jobs.h"

/* The flags of a mailbox stand together in b->flags, and what is expunged there in b->expunge. */
static void
make_changes(struct batch *b)
{
	struct flag_item *flags = b->flags;
	struct expunge_item *expunges = b->expunge;
	struct box_changes *at;
	size_t i, k;

	b->changes = mem_alloc((b->n_parts + 1) * sizeof *b->changes);
	for (i = 0; i < b->n_parts; i++) {
		at = &b->changes[i];
		*at = (struct box_changes){ .box = b->part[i].on, .epoch = b->part[i].epoch, .seen = b->part[i].seen,
			.flags = flags, .expunges = expunges };
		for (k = b->part[i].first; k < b->part[i].first + b->part[i].n; k++)
			*(b->is_expunge[k] ? &at->n_expunges : &at->n_flags) += 1;
		flags += at->n_flags;
		expunges += at->n_expunges;
	}
}

static int
change_begin(struct batch *b, struct session *session[SIDES], struct err *e)
{
	struct session *c = session[b->side];

	make_changes(b);
	return !(c->store->can & STORE_CHANGE_BEGIN) ? 0 :
	    c->store->ops->change_begin(c, b->changes, b->n_parts, &b->arena, &b->changing, e);
}

static int
change_end(struct batch *b, struct session *session[SIDES], struct err *e)
{
	struct session *c = session[b->side];
	size_t i;
	int status = b->changing != NULL ? c->store->ops->change_end(&b->changing, e) :
	    c->store->ops->change(c, b->changes, b->n_parts, &b->arena, e);

	for (i = 0; i < b->n_parts; i++) {
		b->part[i].status = b->changes[i].status;
		b->part[i].err = b->changes[i].err;
		b->reads_later |= b->changes[i].is_late;
	}
	return status;
}

static int
move_end(struct batch *b, struct session *session[SIDES], struct err *e)
{
	struct session *c = session[b->side];

	return c->store->ops->move(c, b->part[0].on, b->part[0].epoch, b->to_on, b->to_epoch, b->kind == OP_CLONE, b->move, b->n,
	    &b->arena, e);
}

/* A mailbox that came to be since the list was made may hold mail that nobody has read: it is not taken for new. */
static int
create_end(struct batch *b, struct session *session[SIDES], struct err *e)
{
	struct session *c = session[b->side];
	enum mailbox_state there = c->store->ops->mailbox_state(c, b->part[0].on, NULL, e);

	if (there == MAILBOX_NOT_KNOWN && e->scope >= ERR_STORE)
		return -1;
	if (there == MAILBOX_THERE) {
		b->is_there = true;
		b->outcome = OUTCOME_FAILED;
		return 0;
	}
	return c->store->ops->create_mailbox(c, b->part[0].on, b->role, &b->outcome, e);
}

/* A mailbox goes with all that is in it: only as it was when it was read (R13). Cursors that do not stand still tell
 * as much as they can. */
static int
remove_end(struct batch *b, struct session *session[SIDES], struct err *e)
{
	struct session *c = session[b->side];
	struct mailbox now = { .name = b->part[0].on, .id = "" };

	if (c->store->ops->cursors(c, &now, 1, e) < 0)
		return -1;
	now.cursor.is_steady = b->cursor.is_steady = true;
	if (!now.has_cursor || !cursor_stands(&b->cursor, &now.cursor)) {
		b->is_there = true;
		b->outcome = OUTCOME_FAILED;
		return 0;
	}
	return c->store->ops->remove_mailbox(c, b->part[0].on, &b->outcome, e);
}

static int
rename_end(struct batch *b, struct session *session[SIDES], struct err *e)
{
	struct session *c = session[b->side];

	return c->store->ops->rename_mailbox(c, b->part[0].on, b->to_on, &b->outcome, e);
}

/* ---- what shares a job ---- */

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
	if (b->begin != NULL)
		note_end(b, b->begin(b, session, &why), &why, lost);
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
		note_end(b, b->end(b, session, &why), &why, lost);
}

static int
batches_run(struct job *j, struct session *session[SIDES], struct err *e)
{
	const struct batch *lost[SIDES] = { NULL, NULL };
	struct batch *first = (struct batch *)j, *b;
	int s, status = 0;

	for (b = first; b != NULL; b = b->along)
		begin_one(b, session, lost);
	for (s = 0; s < SIDES; s++)
		if (first->closing[s] != NULL && lost[s] == NULL)
			closing_begin(first->closing[s], session[s]);
	end_all(first, session, lost);
	for (s = 0; s < SIDES; s++)
		if (first->closing[s] != NULL)
			closing_end(first->closing[s], session[s]);
	for (b = first; b != NULL; b = b->along) {
		if (b->status == 0 || (status < 0 && b->err.scope <= e->scope))
			continue;
		status = -1;
		*e = b->err;
		j->err_side = b->err_side;
	}
	return status;
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

/* ---- making them ---- */

static void
make_copy(struct batch *b, size_t room)
{
	b->fetch = mem_alloc(room * sizeof *b->fetch);
	b->deliver = mem_alloc(room * sizeof *b->deliver);
	b->ident = mem_alloc(room * sizeof *b->ident);
	b->size = mem_alloc(room * sizeof *b->size);
	b->needs[side_other(b->side)] = true;
	b->begin = copy_begin;
	b->end = copy_end;
}

struct batch *
batch_new(enum op_kind kind, enum side side, size_t room)
{
	struct batch *b = mem_alloc(sizeof *b);

	b->kind = kind;
	b->side = side;
	b->err_side = side;
	b->needs[side] = true;
	b->job.run = batches_run;
	b->op = mem_alloc(room * sizeof *b->op);
	b->at = mem_alloc(room * sizeof *b->at);
	b->intent = mem_alloc(room * sizeof *b->intent);
	b->wire_size = mem_alloc(room * sizeof *b->wire_size);
	b->is_alike = mem_alloc(room * sizeof *b->is_alike);
	switch (kind) {
	case OP_COPY:
		make_copy(b, room);
		break;
	case OP_FLAGS:
		b->flags = mem_alloc(room * sizeof *b->flags);
		b->expunge = mem_alloc(room * sizeof *b->expunge);
		b->is_expunge = mem_alloc(room * sizeof *b->is_expunge);
		b->begin = change_begin;
		b->end = change_end;
		break;
	case OP_MOVE:
	case OP_CLONE:
		b->move = mem_alloc(room * sizeof *b->move);
		b->end = move_end;
		break;
	case OP_RENAME_BOX:
		b->end = rename_end;
		break;
	case OP_CREATE_BOX:
		b->end = create_end;
		break;
	default:
		b->end = remove_end;
		break;
	}
	memcpy(b->job.needs, b->needs, sizeof b->needs);
	return b;
}

void
batch_free(struct batch **batch)
{
	struct batch *b = *batch;

	if (b == NULL)
		return;
	closing_free(&b->closing[FAR]);
	closing_free(&b->closing[NEAR]);
	free(b->op);
	free(b->at);
	free(b->is_expunge);
	free(b->intent);
	free(b->fetch);
	free(b->deliver);
	free(b->ident);
	free(b->size);
	free(b->wire_size);
	free(b->is_alike);
	free(b->flags);
	free(b->expunge);
	free(b->move);
	free(b->changes);
	arena_release(&b->arena);
	free(b);
	*batch = NULL;
}
