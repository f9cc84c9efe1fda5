/* Looks at an LMDB data file before LMDB maps it: what does not begin like one, or lacks what its beginning promises, is told.
 *
 * Reads the layout of LMDB's format 1 (all releases of 0.9), in the host's byte order and word size.
 */
#ifndef STATE_DB_META_H
#define STATE_DB_META_H

#include <stddef.h>

#include "state/base/err.h"

/* Fills *e: `path` is damaged, how, and what to do about it. Returns -1. */
int db_meta_failed(const char *path, const char *how, struct err *e);

/* Both meta pages are there and sound, and the file reaches as far as they say its trees begin. Constant time. */
int db_meta_check(const char *path, struct err *e);

/* Where the map of a data file begins in which `inside` is, a record of a page that holds no more than itself; NULL if that is not so.
 * Pages have page_size octets, last_page is the number of the last. */
const char *db_meta_base(const void *inside, size_t page_size, size_t last_page);

#endif
