/* mbsync's lock on the state of a pair of mailboxes: a write lock (fcntl) on PATH.lock, which is removed afterwards. */
#ifndef SYNC_MBSYNC_LOCK_H
#define SYNC_MBSYNC_LOCK_H

#include <stdbool.h>

#include "state/base/err.h"

struct mbsync_lock { int fd; char *path; };
#define MBSYNC_UNLOCKED ((struct mbsync_lock){ .fd = -1 })

/* state: the path of the state. is_dry: nothing is made; it is only asked whether somebody holds it. -1 with *e: ERR_TEMPORARY where
 * mbsync is at work there. */
int mbsync_lock_take(const char *state, bool is_dry, struct mbsync_lock *lock_r, struct err *e);
void mbsync_lock_release(struct mbsync_lock *lock);

#endif
