/* A Maildir tree as a store: the contract of sync/store/store.h on top of sync/maildir.
 *
 * What is particular here:
 *	- list() reads the folder structure only; a cursor costs two stats. No cur/ or new/ is opened before
 *	  its delta is asked for.
 *	- A cursor from list() or cursors() says where a mailbox is, never that it cannot change any more:
 *	  only the cursor of a delta may be stored. It is steady on file systems with true times (R5 the clock's grain).
 *	- A delta is a full list, or, where nobody but this store changed the mailbox since the cursor asked for, what
 *	  it changed (sync/maildir/watch.h). Its mask stands then: a word that is new to the mailbox makes a full list.
 *	- INBOX always exists: while its directory is missing it is listed without a cursor, its delta is
 *	  empty, and a run that may write makes it when its delta is asked for.
 *	- The epoch is the inode of cur/. The fingerprint is "maildir:ID" (sync/maildir/marker.h), or "" where
 *	  there is no mark and none may be made: then it is not known.
 *	- Messages have no size in a delta: looking at each file would cost what a no-op must not.
 *	- Keywords are letters of file names where dovecot-keywords says what they mean (sync/maildir/keywords.h), else
 *	  they are not for this store to keep. A change of that file alone moves no cursor; Keywords does.
 */
#ifndef SYNC_STORE_MAILDIR_H
#define SYNC_STORE_MAILDIR_H

#include <stdbool.h>

#include "sync/store/settings.h"
#include "sync/store/store.h"

/* Copies what it takes of the settings. fsync: FSync. copy_arrival_date: mtime is the arrival date, also where an item has
 * none. The engine's store->is_dry has the effect of read_only for one run. Does not touch the disk. */
struct layout;
struct mdir_settings;
struct store *maildir_store_new(const struct store_settings *set, bool fsync, bool copy_arrival_date);

/* Where its mailboxes lie, and what holds for each, for whoever works beside the store; without a watch. Copies into the arena. */
void maildir_layout(const struct store_settings *set, bool fsync, struct arena *a, struct layout *layout_r, struct mdir_settings *mdir_r);

#endif
