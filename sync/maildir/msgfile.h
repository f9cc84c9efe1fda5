/* What can be done to one message that is a file: open it, change its flags, remove it, move or copy it.
 *
 * A message is named by its key and a hint (scan_hint()): together its file name when it was last
 * listed. Gone under that name, it is looked for by key in a listing of the mailbox, once, and what to
 * do is decided on the name it has now (R20 nothing overwritten). Held messages (scan.h) are read, never changed.
 *
 * What must always hold:
 *	1. No existing name is ever overwritten.
 *	2. What was changed is durable only after mdir_sync().
 *	3. A message that is not there: ERR_MESSAGE, ERR_NOW; so is one that lost a race twice.
 */
#ifndef SYNC_MAILDIR_MSGFILE_H
#define SYNC_MAILDIR_MSGFILE_H

#include <stdint.h>
#include <sys/stat.h>

#include "state/base/err.h"
#include "state/base/mem.h"
#include "state/model/key.h"
#include "sync/maildir/filename.h"
#include "sync/maildir/mdir.h"

/* Opens it to be read; only regular files are. The caller closes. -1 on error. */
int msgfile_open(struct mdir *m, struct key key, const char *hint, struct stat *st_r, struct err *e);
/* The same, and where it is now; in the arena. */
int msgfile_open_named(struct mdir *m, struct key key, const char *hint, struct arena *a, const char **path_r, struct stat *st_r,
    struct err *e);

/* Adds and removes flags (bits as in sync/maildir/filename.h); other letters stay. A file in new/ whose flags change goes to
 * cur/; one that is un-seen stays there. *flags_r: as they are now. *hint_r in the arena. */
int msgfile_change_flags(struct mdir *m, struct key key, const char *hint, uint32_t add, uint32_t drop,
    struct arena *a, uint32_t *flags_r, const char **hint_r, struct err *e);

/* Gives it another UID (filename_with_uid()), in the directory where it is. */
int msgfile_set_uid(struct mdir *m, struct key key, const char *hint, uint32_t uid, struct err *e);

/* Removes it if its flags, of those in `known`, are `expect`; else ERR_MESSAGE, ERR_NOW. One that is gone for sure is a
 * success. */
int msgfile_remove(struct mdir *m, struct key key, const char *hint, uint32_t expect, uint32_t known,
    struct err *e);

/* What letters a-z become in another mailbox, where they mean something else: the bits of each, 0 = left out. */
struct msgfile_letters { uint32_t to[FILENAME_LETTERS]; };

/* A move out of the way of a removal: only what looks as it did, as with msgfile_remove(); and these flags do not go with it. */
struct msgfile_trash { uint32_t expect, known, off; };

/* Moves, or copies, it to another mailbox (prepared) under the base `to_base`; flags and arrival time
 * stay. The destination is durable only after its own mdir_sync(); where a move has to copy because
 * the mailboxes are on two file systems, that is done here before the original is removed. */
int msgfile_move(struct mdir *m, struct key key, const char *hint, struct mdir *to, const char *to_base,
    const struct msgfile_letters *letters, bool is_copy, struct arena *a, const char **hint_r, struct err *e);
/* The same of what is about to be removed. One that is gone already is done. */
int msgfile_trash(struct mdir *m, struct key key, const char *hint, struct mdir *to, const char *to_base,
    const struct msgfile_letters *letters, const struct msgfile_trash *how, struct err *e);

#endif
