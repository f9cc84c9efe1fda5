/* Which messages wait for the outcome of a copy or a move whose end no run has seen yet (R11 recovery). */
#include "sync/match/match_inside.h"

bool
unfinished_is_copy(const struct intent *in)
{
	return in->kind != INTENT_EXPUNGE && in->kind != INTENT_RENAME;
}

int
unfinished_records(struct env *env, struct id_set *out, struct err *e)
{
	struct arena a = { 0 };
	struct intent in;
	uint64_t after = 0;
	int got;

	while ((got = intent_next(env->state, &a, after, &in, e)) > 0) {
		after = in.id;
		if (unfinished_is_copy(&in))
			vec_push(&out->v, in.record);
		arena_release(&a);
	}
	arena_release(&a);
	id_set_sort(out);
	return got;
}

int
unfinished_sent(struct env *env, struct sent_set *out, struct err *e)
{
	struct arena a = { 0 };
	struct intent in;
	uint64_t after = 0;
	int got;

	while ((got = intent_next(env->state, &a, after, &in, e)) > 0) {
		after = in.id;
		if (unfinished_is_copy(&in) && in.tries > 0 && in.key.len == 0)
			vec_push(&out->v, (struct sent){ in.side, in.kind == INTENT_DELIVER ? in.box : in.to_box, in.ident });
		arena_release(&a);
	}
	arena_release(&a);
	return got;
}
