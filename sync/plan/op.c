/* What an operation is, by its kind. */
#include "sync/plan/plan.h"

bool
op_is_state_only(enum op_kind kind)
{
	return kind == OP_BEYOND || kind == OP_PAIR || kind == OP_EXPIRE || kind == OP_UPGRADE || kind == OP_MARK || kind == OP_DROP || kind == OP_DROP_BOX;
}

bool
op_is_deletion(const struct op *op)
{
	return op->kind == OP_EXPUNGE || op->kind == OP_REMOVE_BOX ||
	    (op->kind == OP_FLAGS && (op->add.sys & FLAG_DELETED));
}

bool
op_is_guarded(const struct op *op)
{
	return op->is_held && !op->is_window && op_is_deletion(op) && (op->reason == REASON_GONE ||
	    op->reason == REASON_DELETED_THERE || op->reason == REASON_BOX_GONE);
}
