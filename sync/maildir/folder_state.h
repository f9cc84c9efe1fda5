/* Whether a mailbox that is not found any more was removed, or is only out of sight.
 *
 * A directory is known again by its inode and, where the file system has it, the time of its birth. The identities of the
 * directories that a mailbox lies in, from the top on ("12:1700000000/13:1700000001"), are kept while it is seen
 * (folders.h).
 *
 * What must always hold: a mailbox is absent only if its very name, or that of a directory above it, is missing from the
 * directory of last time. All else may come back: a directory without cur/, a link to nowhere, what is below a mount point
 * while nothing is mounted there.
 */
#ifndef SYNC_MAILDIR_FOLDER_STATE_H
#define SYNC_MAILDIR_FOLDER_STATE_H

#include "state/base/err.h"
#include "state/base/mem.h"
#include "sync/maildir/layout.h"
#include "sync/maildir/stamp.h"

/* The identities down to the directory `dir`, which lies in those of `above`. */
const char *folder_identities(struct arena *a, const char *above, const struct stamp *dir);

enum folder_state { FOLDER_NOT_KNOWN = -1, FOLDER_ABSENT, FOLDER_THERE, FOLDER_AWAY };

/* above: as it was when the mailbox was last seen; NULL or "" = not known. NOT_KNOWN and AWAY: *e says why. */
enum folder_state folder_state(const struct layout *l, const char *name, const char *above, struct err *e);

#endif
