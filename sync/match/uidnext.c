/* The least UID that what is put into a mailbox can get: its UIDNEXT, or, of one that was not read in this run, one more than the largest
 * that is known. A server that tells a smaller one of what it took (APPENDUID, COPYUID) tells that of another message (R16).
 *
 *   uidnext_learn  before a plan is carried out, which may remove the message with the largest
 */
#include "sync/match/match_inside.h"

static int
learn(struct env *env, struct run_box *b, enum side s, struct err *e)
{
	struct message_scan *scan = NULL;
	struct message_seen seen;
	int got;

	if (b->rec.id == 0 || b->side[s].uidnext != 0 || !env->set->store[s]->ops->has_uid_keys)
		return 0;
	if (message_scan_begin(env->state, b->rec.id, s, &scan, e) < 0)
		return -1;
	b->side[s].uidnext = 1;
	while ((got = message_scan_next(scan, &seen, e)) > 0)
		if (key_uid(seen.key) >= b->side[s].uidnext && key_uid(seen.key) != UINT32_MAX)
			b->side[s].uidnext = key_uid(seen.key) + 1;
	message_scan_end(&scan);
	return got;
}

int
uidnext_learn(struct env *env, const struct plan_input *in, const struct plan *p, struct err *e)
{
	const struct op *op;
	uint32_t to;
	size_t i;

	for (i = 0; i < p->ops.n; i++) {
		op = &p->ops.at[i];
		if (op->is_held || (op->kind != OP_COPY && op->kind != OP_MOVE && op->kind != OP_CLONE))
			continue;
		to = op->kind != OP_COPY && op->other != UINT32_MAX ? in->messages.at[op->other].box : op->box;
		if (learn(env, &env->boxes.at[to], op->side, e) < 0)
			return -1;
	}
	return 0;
}
