#include "sync/run/jobs.h"

static int
flags_run(struct job *j, struct session *session[SIDES], struct err *e)
{
	struct batch *b = (struct batch *)j;
	struct session *c = session[b->side];

	return c->store->ops->change_flags(c, b->on, b->epoch, b->flags, b->n, &b->arena, e);
}

static int
expunge_run(struct job *j, struct session *session[SIDES], struct err *e)
{
	struct batch *b = (struct batch *)j;
	struct session *c = session[b->side];

	return c->store->ops->expunge(c, b->on, b->epoch, b->expunge, b->n, e);
}

static int
move_run(struct job *j, struct session *session[SIDES], struct err *e)
{
	struct batch *b = (struct batch *)j;
	struct session *c = session[b->side];

	return c->store->ops->move(c, b->on, b->epoch, b->to_on, b->to_epoch, b->kind == OP_CLONE, b->move, b->n,
	    &b->arena, e);
}

/* A mailbox that came to be since the list was made may hold mail that nobody has looked at: it is not taken for new. */
static int
create_run(struct job *j, struct session *session[SIDES], struct err *e)
{
	struct batch *b = (struct batch *)j;
	struct session *c = session[b->side];
	int there = b->is_container ? 0 : c->store->ops->mailbox_exists(c, b->on, e);

	if (there < 0 && e->scope >= ERR_STORE)
		return -1;
	if (there == 1) {
		b->is_there = true;
		b->outcome = OUTCOME_FAILED;
		return 0;
	}
	return c->store->ops->create_mailbox(c, b->on, b->role, &b->outcome, e);
}

/* A mailbox goes with all that is in it: only as it was when it was read (R13). Cursors that do not stand still tell
 * as much as they can. */
static int
remove_run(struct job *j, struct session *session[SIDES], struct err *e)
{
	struct batch *b = (struct batch *)j;
	struct session *c = session[b->side];
	struct mailbox now = { .name = b->on, .id = "" };

	if (c->store->ops->cursors(c, &now, 1, e) < 0)
		return -1;
	now.cursor.is_steady = b->cursor.is_steady = true;
	if (!now.has_cursor || !cursor_stands(&b->cursor, &now.cursor)) {
		b->is_there = true;
		b->outcome = OUTCOME_FAILED;
		return 0;
	}
	return c->store->ops->remove_mailbox(c, b->on, &b->outcome, e);
}

static int
rename_run(struct job *j, struct session *session[SIDES], struct err *e)
{
	struct batch *b = (struct batch *)j;
	struct session *c = session[b->side];

	return c->store->ops->rename_mailbox(c, b->on, b->to_on, &b->outcome, e);
}

static void
make_copy(struct batch *b, size_t room)
{
	b->fetch = mem_alloc(room * sizeof *b->fetch);
	b->deliver = mem_alloc(room * sizeof *b->deliver);
	b->ident = mem_alloc(room * sizeof *b->ident);
	b->size = mem_alloc(room * sizeof *b->size);
	b->job.needs[side_other(b->side)] = true;
	b->job.run = copy_run;
}

struct batch *
batch_new(enum op_kind kind, enum side side, size_t room)
{
	struct batch *b = mem_alloc(sizeof *b);

	b->kind = kind;
	b->side = side;
	b->job.needs[side] = true;
	b->op = mem_alloc(room * sizeof *b->op);
	b->intent = mem_alloc(room * sizeof *b->intent);
	switch (kind) {
	case OP_COPY:
		make_copy(b, room);
		break;
	case OP_FLAGS:
		b->flags = mem_alloc(room * sizeof *b->flags);
		b->job.run = flags_run;
		break;
	case OP_EXPUNGE:
		b->expunge = mem_alloc(room * sizeof *b->expunge);
		b->job.run = expunge_run;
		break;
	case OP_MOVE:
	case OP_CLONE:
		b->move = mem_alloc(room * sizeof *b->move);
		b->job.run = move_run;
		break;
	case OP_RENAME_BOX:
		b->job.run = rename_run;
		break;
	case OP_CREATE_BOX:
		b->job.run = create_run;
		break;
	default:
		b->job.run = remove_run;
		break;
	}
	return b;
}

void
batch_free(struct batch **batch)
{
	struct batch *b = *batch;

	if (b == NULL)
		return;
	free(b->op);
	free(b->intent);
	free(b->fetch);
	free(b->deliver);
	free(b->ident);
	free(b->size);
	free(b->flags);
	free(b->expunge);
	free(b->move);
	arena_release(&b->arena);
	free(b);
	*batch = NULL;
}
