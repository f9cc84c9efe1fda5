/* The mailboxes that a Maildir store has.
 *
 * A mailbox is a directory that has cur/. A directory without, but with mailboxes below it, is a
 * container. Finding reads only directories that may hold mailboxes, never cur/, new/ or tmp/.
 *
 * What must always hold:
 *	1. Names found have passed names_check() and lead back to where they were found.
 *	2. No directory appears under two names: of those that share an inode (symbolic links, a file
 *	   system that ignores case), the first by name counts, the others are refused (R8 one name).
 */
#ifndef SYNC_MAILDIR_FOLDERS_H
#define SYNC_MAILDIR_FOLDERS_H

#include <stdbool.h>

#include "state/base/err.h"
#include "state/base/mem.h"
#include "state/base/vec.h"
#include "sync/maildir/layout.h"
#include "sync/maildir/stamp.h"

struct folder {
	const char *name;		/* canonical; INBOX for its MapInbox alias too */
	const char *path;
	const char *above;		/* the identities of the directories it lies in */
	bool is_box;			/* false: a container */
	struct stamps stamps;		/* of a box */
};

struct folder_refused { const char *name, *why; };

struct folders {
	struct arena arena;
	VEC(struct folder) at;		/* sorted by name */
	VEC(struct folder_refused) refused;
	bool is_complete;		/* false: some directory could not be read */
};

/* -1 (ERR_STORE) when Path is missing or cannot be read: what cannot be seen is not empty. A missing
 * Inbox is no error; INBOX is then not among them. */
int folders_find(const struct layout *l, struct folders *f, struct err *e);
void folders_release(struct folders *f);

#endif
