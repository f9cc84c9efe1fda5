/* The order of matching: first what became of unfinished work, then which of the messages are one mail, last what has to wait.
 *
 * Keys that are doubted come first, for all else is told by keys. What got another key in its own mailbox is neither gone nor new, so it
 * comes before twins, and twins before moves: a message that has its twin in its own mailbox was not moved there from another.
 */
#include "sync/match/match_inside.h"

#include <stdlib.h>

/* One message, one record: what the base itself has wrong is put right. */
static int
correct(struct env *env, struct matching *m, bool *has_changed_r, struct err *e)
{
	if (confirm_keys(env, m, has_changed_r, e) < 0)
		return -1;
	if (*has_changed_r)
		return 0;
	return moves_supply(env, m, e) < 0 ? -1 : rekeyed_find(env, m, has_changed_r, e);
}

static int
find_links(struct env *env, struct matching *m, struct arena *a, bool *has_changed_r, size_t *waiting_r, struct err *e)
{
	bool *is_first;
	int status;

	if (twins_find(env, m, e) < 0 || placeholders_find(env, m, a, e) < 0)
		return -1;
	twins_hold(env, m);
	if (moves_find(env, m, e) < 0 || elsewhere_review(env, m, has_changed_r, e) < 0)
		return -1;
	if (*has_changed_r)
		return 0;
	unread_hold_moved(env, m, a);
	/* What is filed elsewhere there has its twin; after that a mailbox is as any other. */
	is_first = beyond_begin(env);
	status = elsewhere_find(env, m, has_changed_r, waiting_r, e);
	if (status == 0 && !*has_changed_r)
		status = beyond_hold(env, m, is_first, a, e);
	free(is_first);
	return status;
}

int
match(struct env *env, bool may_wait, struct matching *m, struct arena *a, size_t *waiting_r, struct err *e)
{
	bool has_changed;

	env->match_state->ends_blank = false;
	if (recover(env, e) < 0)
		return -1;
	do {
		has_changed = false;
		*waiting_r = 0;
		matching_release(m);
		arena_release(a);
		if (input_make(env, m, a, e) < 0 || correct(env, m, &has_changed, e) < 0 ||
		    (!has_changed && find_links(env, m, a, &has_changed, waiting_r, e) < 0))
			return -1;
	} while (has_changed);
	if (copies_find(env, m, a, may_wait, waiting_r, e) < 0 || placeholders_hold(env, m, a, e) < 0 || shared_link(env, m, a, e) < 0 || recover_hold(env, m, a, e) < 0)
		return -1;
	if (limits_find(env, m, a, waiting_r, e) < 0)
		return -1;
	search_close_failed(env, m);
	guard_lost(env, m, a);
	return 0;
}
