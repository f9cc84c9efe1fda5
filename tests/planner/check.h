/* What every plan must satisfy, as code: run by unit tests, the simulation, and every program that is built for
 * tests (plan_checked).
 *
 *   C1 no message here at the start is absent from both sides at the end, unless a person deleted it on one
 *      side (gone, \Deleted, or its mailbox removed) and that side was readable
 *   C2 no message gets two twins, and none is copied that has a twin
 *   C3 an operation's source exists when it runs, and its target mailbox exists or is created before
 *   C4 deletions depend on every operation that could need their source or must be known before
 *   C5 applying the plan in any order its dependencies allow, and planning again, gives no operation on a store
 *      (applied here in plan order and in reverse where dependencies allow)
 *   C6 far and near swapped gives the mirrored plan (moves in conflict aside: far wins)
 *   C7 nothing is planned against a readonly or unreadable side, nor outside what Sync allows
 *   C8 dependencies point backwards (to ops before it), and ops come in the order of phases within what depends
 */
#ifndef TESTS_PLANNER_CHECK_H
#define TESTS_PLANNER_CHECK_H

#include "sync/plan/plan.h"

/* NULL when all hold, else what does not, in words (arena). */
const char *plan_check(const struct plan_input *in, const struct plan *p, struct arena *a);

#endif
