/* A listing of one mailbox: new/, then cur/ (R4 stable scans).
 *
 * readdir() may miss, or show twice, a file that is renamed while it runs. So each listing is framed by
 * the stamps of both directories; if they changed it is made again, three times at most. What is still
 * disturbed then is good for additions and flags, never for a conclusion that something is gone.
 *
 * What must always hold:
 *	1. Entries are sorted by key, keys are unique.
 *	2. A key is the name's base; of files that share a base, the name before ":2,". Files that share
 *	   even that are indistinguishable: the first by name is shown, held (R20 nothing overwritten), the others are odd.
 *	3. Entries of a disturbed listing that share a base were checked again one by one, so that one
 *	   file renamed meanwhile is not taken for two.
 */
#ifndef SYNC_MAILDIR_SCAN_H
#define SYNC_MAILDIR_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "state/base/err.h"
#include "state/base/mem.h"
#include "state/base/vec.h"
#include "state/model/key.h"
#include "sync/maildir/stamp.h"

struct scan_entry {
	struct key key;			/* its data is the whole name, with a NUL behind it */
	uint32_t flags;			/* as in sync/maildir/filename.h */
	bool is_new;			/* in new/, else in cur/ */
	bool is_held;			/* shares its key with another file: changed or removed by nobody */
};

/* A name that is no message, and why. */
struct scan_odd {
	const char *name, *why;
	bool is_new;
	bool is_replaced;		/* a message could have this name, but it is no regular file: what had it is not gone */
};

struct scan {
	struct arena arena;
	VEC(struct scan_entry) entries;
	VEC(struct scan_odd) odd;
	bool is_stable;			/* nothing changed while it was made */
	bool is_steady;			/* nothing can change any more without moving the cursor (R5 the clock's grain) */
	int64_t ahead;			/* nanoseconds that the directories' times are ahead of the clock: it cannot be stable then;
					 * 0 = they are not */
	struct stamps stamps;		/* from before it was made */
};

struct mdir;

/* Lists an open mailbox. may_probe: a probe file may be made in tmp/ (stamp_settle()). -1: a directory
 * could not be read to its end (ERR_BOX). */
int scan_make(struct scan *s, const struct mdir *m, bool may_probe, struct err *e);
void scan_release(struct scan *s);

/* NULL = not in it. */
const struct scan_entry *scan_find(const struct scan *s, struct key key);

/* True if some file's base is `key`, even if it is listed under a longer key for want of uniqueness. */
bool scan_has_base(const struct scan *s, struct key key, char info_delimiter);

/* True if there is something of that name that is no regular file. */
bool scan_is_replaced(const struct scan *s, struct key key);

/* What is kept as a message's hint: 'n' or 'c' for its directory, in capitals when it is held, and the
 * name behind the key. */
const char *scan_hint(struct arena *a, const struct scan_entry *entry);
char scan_hint_letter(const struct scan_entry *entry);

#endif
