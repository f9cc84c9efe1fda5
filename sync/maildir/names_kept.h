/* Whether a file system keeps file names as they are written. Some lowercase them, replace or drop ':' (network shares, FAT), and
 * flags that are letters of the name would be lost, and then taken off on the other side.
 *
 * A name is written and read back, once: a store that has passed remembers its directory and is not asked again.
 */
#ifndef SYNC_MAILDIR_NAMES_KEPT_H
#define SYNC_MAILDIR_NAMES_KEPT_H

#include "state/base/err.h"

/* 0: they are kept, or nobody knows (nothing may be written there). -1: they are not (ERR_STORE, ERR_NEVER); *e says what
 * helps. The file that it makes in `dir` is gone again. */
int names_kept_check(const char *dir, char info_delimiter, struct err *e);

#endif
