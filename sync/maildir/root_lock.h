/* One mailtwin at a time writes into a Maildir, whatever state, configuration or user it has: a lock on the file that the
 * Maildir is known by (marker.h).
 *
 *	root_lock_take()	once the mark is there; 75 for the second (ERR_TEMPORARY)
 *	root_lock_drop()	as often as it was taken
 *
 * It is the kernel's, so that it ends with its holder, however that ends. Within a process it is shared: channels, stores and
 * sessions of one run may all have it. Where a file system has no locks (some network ones), nobody is kept out. Thread-safe.
 */
#ifndef SYNC_MAILDIR_ROOT_LOCK_H
#define SYNC_MAILDIR_ROOT_LOCK_H

#include "state/base/err.h"

struct root_lock;

/* 0 with *lock_r NULL: the directory has no mark yet. -1: another process has it, or it cannot be read (ERR_STORE). */
int root_lock_take(const char *root, struct root_lock **lock_r, struct err *e);
/* NULL is fine; leaves NULL. */
void root_lock_drop(struct root_lock **lock);

#endif
