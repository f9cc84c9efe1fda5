/* A Maildir tree as a store: the contract of sync/store/store.h on top of sync/maildir.
 *
 * What is particular here:
 *	- list() reads the folder structure only; a cursor costs two stats. No cur/ or new/ is opened before
 *	  its delta is asked for.
 *	- A cursor from list() or cursors() says where a mailbox is, never that it cannot change any more:
 *	  only the cursor of a delta may be stored. It is steady on file systems with true times (R5).
 *	- A delta is a full list, or, where nobody but this store changed the mailbox since the cursor asked for, what
 *	  it changed (sync/maildir/watch.h). Its mask stands then: a word that is new to the mailbox makes a full list.
 *	- INBOX always exists: while its directory is missing it is listed without a cursor, its delta is
 *	  empty, and a run that may write makes it when its delta is asked for.
 *	- The epoch is the inode of cur/. The fingerprint is "maildir:ID" (sync/maildir/marker.h), or "" where
 *	  there is no mark and none may be made: then it is not known.
 *	- Messages have no size in a delta: looking at each file would cost what a no-op must not.
 *	- Keywords are letters of file names where dovecot-keywords says what they mean (sync/maildir/keywords.h), else
 *	  they are not for this store to keep. A change of that file alone moves no cursor; makes_keywords does.
 */
#ifndef SYNC_STORE_MAILDIR_H
#define SYNC_STORE_MAILDIR_H

#include <stdbool.h>

#include "sync/pair/names.h"
#include "sync/store/store.h"

struct maildir_settings {
	const char *name;		/* as configured, for messages */
	const char *path;		/* absolute, put before names: a directory ends in '/'; NULL = none */
	const char *inbox;		/* absolute */
	const char *map_inbox;		/* NULL = none */
	enum names_layout layout;	/* any but NAMES_IMAP */
	char info_delimiter;		/* 0 = ':' */
	bool is_readonly;		/* ReadOnly yes: nothing is ever written */
	bool keeps_date;		/* CopyArrivalDate: mtime is the arrival date, also where an item has none */
	bool is_synced;			/* FSync */
	bool makes_keywords;		/* Keywords yes: dovecot-keywords is made where it is missing */
};

/* Copies the settings. The engine's store->is_dry has the effect of is_readonly for one run. Does not touch the disk. */
struct store *maildir_store_new(const struct maildir_settings *settings);

#endif
