/* C6 of check.h: far and near swapped gives the mirrored plan. A part of plan_check(). */
#ifndef TESTS_PLANNER_MIRROR_H
#define TESTS_PLANNER_MIRROR_H

#include "sync/plan/plan.h"

/* NULL when it does, or when one message was moved to two mailboxes (then far wins, P11); else what differs (arena or
 * static). */
const char *mirror_check(const struct plan_input *in, const struct plan *p, struct arena *arena);

#endif
