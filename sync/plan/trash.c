/* P17: what is kept in a trash before it is expunged, and in which (mbsync's Trash, TrashNewOnly, TrashRemoteNew).
 *
 * A value of the operation, set once all of them are there: no other rule hangs on it, and a trash changes nothing in what is deleted.
 */
#include "sync/plan/build.h"

/* The other side never had it. What is taken up by a link has its twin there. */
static bool
is_not_there(const struct build *b, uint32_t msg, enum side other)
{
	return !b->messages[msg].is_taken && build_presence(b, msg, other) == PRESENCE_NEVER;
}

static bool
is_trash_itself(const struct build *b, uint32_t box)
{
	return b->in->boxes.at[box].side[FAR].is_trash || b->in->boxes.at[box].side[NEAR].is_trash;
}

static enum op_trash
find_trash(const struct build *b, const struct op *op)
{
	enum side other = side_other(op->side);
	const struct trash *own = &b->in->policy.trash[op->side], *far_away = &b->in->policy.trash[other];
	bool is_new = is_not_there(b, op->msg, other);

	if (is_trash_itself(b, op->box) || op->reason == REASON_EXPIRED || build_record(b, op->msg)->mark == MARK_EXPIRED ||
	    record_is_placeholder(build_record(b, op->msg), op->side))
		return TRASH_NONE;
	if (own->name != NULL)
		return own->new_only && !is_new ? TRASH_NONE : TRASH_OWN;
	return far_away->name != NULL && far_away->remote_new && is_new && !b->in->policy.read_only[other] ? TRASH_OTHER : TRASH_NONE;
}

void
build_trash(struct build *b)
{
	struct op *op;
	size_t i;

	if (b->in->policy.trash[FAR].name == NULL && b->in->policy.trash[NEAR].name == NULL)
		return;
	for (i = 0; i < b->ops.n; i++) {
		op = &b->ops.at[i].op;
		if (op->kind == OP_EXPUNGE)
			op->trash = find_trash(b, op);
	}
}
