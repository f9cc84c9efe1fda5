#include "sync/run/jobs.h"

/* The flags of a mailbox stand together in b->flags, and what is expunged there in b->expunge. */
static int
change_run(struct job *j, struct session *session[SIDES], struct err *e)
{
	struct batch *b = (struct batch *)j;
	struct session *c = session[b->side];
	struct box_changes at[BATCH_PARTS] = { { 0 } };
	struct flag_item *flags = b->flags;
	struct expunge_item *expunges = b->expunge;
	size_t i, k;
	int status;

	for (i = 0; i < b->n_parts; i++) {
		at[i] = (struct box_changes){ .box = b->part[i].on, .epoch = b->part[i].epoch, .flags = flags,
			.expunges = expunges };
		for (k = b->part[i].first; k < b->part[i].first + b->part[i].n; k++)
			*(b->is_expunge[k] ? &at[i].n_expunges : &at[i].n_flags) += 1;
		flags += at[i].n_flags;
		expunges += at[i].n_expunges;
	}
	status = c->store->ops->change(c, at, b->n_parts, &b->arena, e);
	for (i = 0; i < b->n_parts; i++) {
		b->part[i].status = at[i].status;
		b->part[i].err = at[i].err;
	}
	return status;
}

static int
move_run(struct job *j, struct session *session[SIDES], struct err *e)
{
	struct batch *b = (struct batch *)j;
	struct session *c = session[b->side];

	return c->store->ops->move(c, b->part[0].on, b->part[0].epoch, b->to_on, b->to_epoch, b->kind == OP_CLONE, b->move, b->n,
	    &b->arena, e);
}

/* A mailbox that came to be since the list was made may hold mail that nobody has looked at: it is not taken for new. */
static int
create_run(struct job *j, struct session *session[SIDES], struct err *e)
{
	struct batch *b = (struct batch *)j;
	struct session *c = session[b->side];
	int there = b->is_container ? 0 : c->store->ops->mailbox_exists(c, b->part[0].on, e);

	if (there < 0 && e->scope >= ERR_STORE)
		return -1;
	if (there == 1) {
		b->is_there = true;
		b->outcome = OUTCOME_FAILED;
		return 0;
	}
	return c->store->ops->create_mailbox(c, b->part[0].on, b->role, &b->outcome, e);
}

/* A mailbox goes with all that is in it: only as it was when it was read (R13). Cursors that do not stand still tell
 * as much as they can. */
static int
remove_run(struct job *j, struct session *session[SIDES], struct err *e)
{
	struct batch *b = (struct batch *)j;
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
rename_run(struct job *j, struct session *session[SIDES], struct err *e)
{
	struct batch *b = (struct batch *)j;
	struct session *c = session[b->side];

	return c->store->ops->rename_mailbox(c, b->part[0].on, b->to_on, &b->outcome, e);
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
	b->at = mem_alloc(room * sizeof *b->at);
	b->intent = mem_alloc(room * sizeof *b->intent);
	switch (kind) {
	case OP_COPY:
		make_copy(b, room);
		break;
	case OP_FLAGS:
		b->flags = mem_alloc(room * sizeof *b->flags);
		b->expunge = mem_alloc(room * sizeof *b->expunge);
		b->is_expunge = mem_alloc(room * sizeof *b->is_expunge);
		b->job.run = change_run;
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
	free(b->at);
	free(b->is_expunge);
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
