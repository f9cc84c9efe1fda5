/* The mark by which a Maildir store is known again (R7 another store): the file `.mailtwin-id` in its root, 32
 * hexadecimal digits and a newline, random, written once.
 *
 * A restored backup has the same mark; another disk mounted in its place, or none, has not.
 */
#ifndef SYNC_MAILDIR_MARKER_H
#define SYNC_MAILDIR_MARKER_H

#include <stdbool.h>

#include "state/base/err.h"

#define MARKER_FILE ".mailtwin-id"
enum { MARKER_SIZE = 33 };

/* 1: id_r is the mark of the directory `root`; 0: it has none (and may_create was false, or root is not
 * there): id_r is "". A damaged mark counts as none. With may_create a missing one is made. -1: error
 * (ERR_STORE). */
int marker_get(const char *root, bool may_create, bool fsync, char id_r[MARKER_SIZE], struct err *e);

#endif
