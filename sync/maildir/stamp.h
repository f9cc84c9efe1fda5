/* When a directory last changed, by its file system, and the cursor made of that (R5 the clock's grain).
 *
 * A cursor stands for a mailbox as it was listed. A change made later must show in it, so it is steady
 * only if the directories' clock had moved on from their last change before the listing began: every
 * later change is then stamped later.
 *
 *	stamp_settle()		waits for that (some milliseconds at most) and says whether it is so
 *	list the directories
 *	stamp_take() again	equal to before: nothing changed meanwhile (R4 stable scans)
 *	stamp_cursor()
 *
 * sync/maildir/watch.h does without the list where all changes are known to be ours.
 *
 * The cursor's data, 48 octets, all numbers big-endian: inode, mtime and ctime in nanoseconds since
 * 1970 of `cur`, then of `new` (all zero where there is none). st_dev is no part of it: it changes when
 * a disk is mounted anew. epoch is the inode of `cur`.
 */
#ifndef SYNC_MAILDIR_STAMP_H
#define SYNC_MAILDIR_STAMP_H

#include <stdbool.h>
#include <stdint.h>

#include "state/model/cursor.h"

struct stamp {
	uint64_t ino;			/* 0 = the directory is not there */
	uint64_t dev;
	int64_t mtime, ctime;		/* nanoseconds since 1970 */
	int64_t btime;			/* of birth; 0 = not known */
};

/* A mailbox's two. */
struct stamps { struct stamp cur, new; };

/* 0, or -1 with errno. name NULL or "" = the directory at_fd itself. Symbolic links are followed. */
int stamp_take(int at_fd, const char *name, struct stamp *s_r);

/* Of the mailbox directory at_fd. A missing `new` is no error. */
int stamp_take_both(int at_fd, struct stamps *s_r);

bool stamps_equal(const struct stamps *a, const struct stamps *b);

enum stamp_state {
	STAMP_DIRTY,			/* may still change without showing it */
	STAMP_QUIET,			/* by our own clock they cannot */
	STAMP_STEADY,			/* by the file system's clock they cannot: fit for a cursor */
};

/* Takes both stamps, and waits up to some 20 ms for the clock to pass them. tmp_fd: where a probe file
 * may be made to ask the file server's clock, -1 = write nothing; it is made only when a directory
 * changed within the last two seconds. -1 with errno. */
int stamp_settle(int box_fd, int tmp_fd, struct stamps *s_r, enum stamp_state *state_r);

/* By how much (nanoseconds) the last change of either is ahead of the clock, as far as that is more than a grain; 0 = it is not. */
int64_t stamp_ahead(const struct stamps *s);

/* What a cursor has of them: inode and times. False: it is none of these. */
bool stamp_of_cursor(const struct cursor *c, struct stamps *s_r);

void stamp_cursor(const struct stamps *s, bool is_steady, struct cursor *c_r);

#endif
