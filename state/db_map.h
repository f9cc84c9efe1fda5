/* Keeps what a large data file occupies of our memory small.
 *
 * LMDB reads through a map of the whole file. Its pages are the kernel's cache and cost nothing, but each one that was
 * looked at counts as ours until it is let go, and the kernel maps its neighbours along with it: a first download of
 * 200,000 messages ended with 140 MB so. A page let go is there again at the next look, without reading the disk.
 *
 * Use: db_map_tick() before each call into LMDB. Where there is no /proc nothing happens.
 */
#ifndef STATE_DB_MAP_H
#define STATE_DB_MAP_H

#include <stddef.h>

struct db_map {				/* zeroed = new */
	unsigned calls;			/* since the last look */
	size_t others;			/* pages of files that are ours at the first look: libraries, mostly */
};

/* Lets the map of the file at `path` go, now and then, if it has become large. */
void db_map_tick(struct db_map *m, const char *path);

#endif
