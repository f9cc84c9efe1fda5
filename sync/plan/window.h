/* Servers that show the newest messages of a mailbox only (R21 guards): as new mail comes the oldest drop out of sight, honestly
 * reported as gone. Nobody has deleted them.
 *
 * The rule, of one side of a mailbox. Counted are messages that vanished there, are still on the other side, were not
 * marked \Deleted, were not moved, and are older than all that is shown ("the oldest vanished").
 *   Window no      they are deleted, like any others
 *   Window n       they are beyond the window where n messages are shown, give or take one percent; else deleted
 *                  What had no twin when nothing was known of the mailbox may be beyond it, and is not sent (sync/match/beyond.c)
 *   not set        they may be, and are held back, where WINDOW_FLOOR messages or more are shown and
 *                    as many came in as went (as many are shown as before, or as ever), or
 *                    a round number is shown, more than ever: the window has just become full
 *                  and are deleted after all once so many more or fewer are shown, while no more of the oldest vanish, that
 *                  there cannot be such a window
 * What was judged to be deleted once stays so, by its UID, until that has been done: it does not count again (not set).
 * A message that vanished from among those that are shown was deleted: behind a window an older one takes its place.
 */
#ifndef SYNC_PLAN_WINDOW_H
#define SYNC_PLAN_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

enum window_kind { WINDOW_UNSET, WINDOW_NO, WINDOW_SIZE };

/* The keyword Window of a store. */
struct window { enum window_kind kind; uint64_t n; };

enum { WINDOW_FLOOR = 10 };

enum window_verdict {
	WINDOW_DELETED,			/* what vanished was deleted */
	WINDOW_SUSPECTED,		/* held back: a person says which */
	WINDOW_BEYOND,			/* there, and not shown */
};

struct window_facts {
	struct window set;
	uint64_t vanished;		/* the oldest that vanished, and were not judged before */
	uint64_t here;			/* shown now */
	uint64_t last, most;		/* shown before that, and the most ever shown; 0 = not known */
	uint64_t suspected, held;	/* the last run suspected this window, and held back so many; 0 = none */
};

/* So many messages are shown by a full window of n: it is given or taken one percent. */
uint64_t window_full(uint64_t n);
enum window_verdict window_judge(const struct window_facts *f);

#endif
