/* By which UIDs mbsync knows the messages of a Maildir: ",U=NUMBER" in their names, and the file .uidvalidity beside them, whose lines
 * are the UIDVALIDITY and the highest UID that was given. (Of AltMap: uid_map.h)
 */
#ifndef SYNC_MBSYNC_UID_SCHEME_H
#define SYNC_MBSYNC_UID_SCHEME_H

#include <stddef.h>
#include <stdint.h>

#include "state/base/err.h"

#define MBSYNC_UIDVALIDITY ".uidvalidity"

struct mbsync_scheme { uint32_t validity, highest; };

/* Of the mailbox in this directory. 1; 0 there is no such file; -1 with *e: it cannot be read or is not of this form. */
int mbsync_scheme_read(const char *directory, struct mbsync_scheme *scheme_r, struct err *e);

/* The UID in what follows the base of a name, or in a name: 0 = none. */
uint32_t mbsync_uid_of(const char *name, size_t len);

#endif
