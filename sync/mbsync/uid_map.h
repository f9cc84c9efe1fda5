/* .isyncuidmap.db, in which mbsync keeps the UIDs of a Maildir's messages with AltMap: by names, which then bear none.
 *
 * It is a hash file of Berkeley DB (libdb 4 and 5), read here without that library, for all there is to know is which pairs are in it:
 *
 *	page 0		at 12 magic 0x061561, 20 size of a page, 25 type 8, 26 flags (0: no checksums, not encrypted), 32 number of the last page
 *	each page	at 20 (16 bits) how many items, 25 type: 13 or 2 holds pairs; at 26 their places in the page, 16 bits each. The first
 *			item ends at the page's end, each of the others where the one before it begins. An item is a byte that says what it
 *			is (1: octets, which follow) and these. A key, then its value, and so on
 *	key		the name of a file up to its first "," or delimiter; value: UID, 32 bits
 *	"UIDVALIDITY"	value: UIDVALIDITY and the highest UID that was given, 32 bits each
 *
 * All numbers are in the order of the machine that wrote it.
 */
#ifndef SYNC_MBSYNC_UID_MAP_H
#define SYNC_MBSYNC_UID_MAP_H

#include <stdbool.h>

#include "state/base/mem.h"
#include "state/base/vec.h"
#include "sync/mbsync/uid_scheme.h"

#define MBSYNC_UIDMAP ".isyncuidmap.db"

struct mbsync_map_entry { const char *name; uint32_t uid; };

struct mbsync_uid_map {
	struct mbsync_scheme scheme;
	VEC(struct mbsync_map_entry) v;	/* by name, each once, as is each UID */
	struct arena arena;
};

/* Of the mailbox in this directory. 1; 0 there is no such file; -1 with *e: it cannot be read, or is not whole and as mbsync writes it.
 * mbsync_uid_map_release() in any case. */
int mbsync_uid_map_read(const char *directory, struct mbsync_uid_map *map_r, struct err *e);
/* The file's octets. False: not so, and nothing in it counts. */
bool mbsync_uid_map_parse(const char *data, size_t len, struct mbsync_uid_map *map_r);
void mbsync_uid_map_release(struct mbsync_uid_map *map);

/* The UID of the file whose name begins so, up to a "," or the end; 0 = none. */
uint32_t mbsync_uid_map_find(const struct mbsync_uid_map *map, const char *name, size_t len);

#endif
