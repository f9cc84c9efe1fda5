/* Looks at an LMDB data file before LMDB maps it, so that a damaged one is told, not crashed into.
 *
 * Reads the layout of LMDB's format 1 (all releases of 0.9), in the host's byte order and word size.
 */
#ifndef STATE_DB_CHECK_H
#define STATE_DB_CHECK_H

#include "state/base/err.h"

/* Fills *e: `path` is damaged, how, and what to do about it. Returns -1. */
int db_check_failed(const char *path, const char *how, struct err *e);

/* Both meta pages are there and sound. Constant time. */
int db_check_meta(const char *path, struct err *e);

/* Also every page that can be reached from them: in the file, well-formed, used once, keys in order.
 * Time and memory follow the size of the file (a bit per page is kept). */
int db_check_pages(const char *path, struct err *e);

#endif
