/* Making, removing and renaming the mailboxes of a Maildir store. What they do is durable when they return
 * (FSync).
 *
 * What must always hold:
 *	1. cur/ is made last and removed last: what has it is a mailbox.
 *	2. Mail that came while a mailbox was being removed is not removed.
 *	3. A directory that the file system takes for another name's (letter case) is not taken for ours.
 */
#ifndef SYNC_MAILDIR_FOLDEROPS_H
#define SYNC_MAILDIR_FOLDEROPS_H

#include <stdbool.h>

#include "state/base/err.h"
#include "sync/maildir/layout.h"
#include "sync/maildir/mdir.h"

/* Makes a mailbox, and directories above it where they are missing. One that is there is fine. */
int folderops_create(const struct layout *l, const struct mdir_settings *set, const char *name, struct err *e);

/* Removes a mailbox and its messages; mailboxes below it stay, and so do files of others. One that is
 * gone is fine. -1 with ERR_BOX, ERR_NOW: mail came meanwhile. *is_begun_r: something was removed. */
int folderops_remove(const struct layout *l, const struct mdir_settings *set, const char *name,
    bool *is_begun_r, struct err *e);

/* Renames a mailbox together with those below it, as IMAP does. */
int folderops_rename(const struct layout *l, const struct mdir_settings *set, const char *from, const char *to,
    bool *is_begun_r, struct err *e);

#endif
