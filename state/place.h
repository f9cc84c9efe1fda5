/* Where a base may live: never on a network file system, whose locks and mapped memory are not one
 * machine's. Calls of one kernel only are kept here, with a fallback that asks nothing. */
#ifndef STATE_PLACE_H
#define STATE_PLACE_H

#include "state/base/err.h"

/* `path`: of a file that is to be created; its nearest directory that exists is looked at. -1 names
 * the file system and the line of configuration to use instead. */
int place_check(const char *path, struct err *e);

/* The directory of `path`, and `path`.mdb and .lock where they are there: -1 where they are another user's, where others may
 * write into the directory, or read the files. */
int place_check_owner(const char *path, struct err *e);

/* The name of a file system that is refused, by its number as statfs(2) gives it; NULL = a local one. */
const char *place_network_name(unsigned long magic);

/* Makes place_check's error for a directory on a file system called `name`. Returns -1. */
int place_refuse(const char *dir, const char *name, struct err *e);

#endif
