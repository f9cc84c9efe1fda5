/* Whether anybody but us changed a mailbox, so that what we changed ourselves need not be listed (R5 the clock's grain).
 *
 *	watch_begin()		before the first change of ours in an open mailbox; once more does nothing
 *	watch_act()		behind each name that we made or removed (mdir_touched())
 *	watch_doubt()		something there is not as it was last listed
 *	watch_end()		"the mailbox stood at these stamps, stands at those now, and between them there
 *				were our acts alone": a delta, and its cursor
 *
 * The system reports every name that comes or goes (inotify(7)). That is proof for these reasons, all of them needed:
 *	1. Watch, barrier, stamps. A barrier looks up a name that nobody has: the system does so under the
 *	   directory's lock, which whoever changes it holds until its event is in the queue. So a change is in the
 *	   stamps taken behind the barrier, or its event will come.
 *	2. Stamps, barrier, events. A change that the stamps show has its event in the queue by the time it is
 *	   read; where the stamps are steady, one that came later moves them, and the next run sees it.
 *	3. Each act makes events of its own, and no two acts share any. So the events are ours, name by name, or
 *	   somebody else was there; and where one of ours is missing, the file system does not report all.
 *
 * All else is "not known", and the mailbox is listed: an event that is not ours, a queue that ran over, a directory that
 * was replaced, one whose times are not to be trusted, a system that watches nothing or no more, names by the thousand
 * (what made them costs more than a list), files that share a base name.
 *
 * A store has one of these for all its mailboxes and sessions.
 */
#ifndef SYNC_MAILDIR_WATCH_H
#define SYNC_MAILDIR_WATCH_H

#include <stdbool.h>

#include "state/base/vec.h"
#include "state/model/key.h"
#include "sync/maildir/scan.h"

struct mdir;
struct watch;

enum watch_act { WATCH_MADE, WATCH_GONE };

struct watch_changes {
	struct stamps since;		/* where the mailbox stood */
	struct scan scan;		/* of the names that changed, those that are there; and where it stands now */
	VEC(struct key) gone;		/* in the scan's arena */
};
void watch_changes_release(struct watch_changes *c);

/* NULL where the system has nothing of the kind, which all the others take as well. Thread-safe. */
struct watch *watch_new(void);
void watch_free(struct watch **w);

/* m is prepared (mdir_prepare()). Failing is no error: then nothing is known in the end. */
void watch_begin(struct watch *w, const struct mdir *m);
void watch_act(struct watch *w, const struct mdir *m, bool is_new, const char *name, enum watch_act act);
void watch_doubt(struct watch *w, const struct mdir *m);

/* True: *c_r says all that happened since watch_begin(). False: not known, *c_r is empty. Either way the mailbox is
 * watched no more. Waits for the clock as stamp_settle() does, and may make a probe file. */
bool watch_end(struct watch *w, const struct mdir *m, struct watch_changes *c_r);

/* Nothing is watched any more: of what is left nobody will ask, as its mailbox was removed or the sync broke off. */
void watch_forget(struct watch *w);

#endif
