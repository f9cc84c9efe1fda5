/* One run per channel.
 *
 * The lock is an advisory lock of the whole file (OFD where there is one, else fcntl), so that it dies with its holder:
 * a lock left by a dead process is simply taken. The holder writes "pid seconds-since-1970" into it
 * for the message others print. A dry run takes it shared and never creates the file.
 *
 * The process that holds it may work for another one, which is the one that is named. Where that one was killed, the holder is
 * about to end with it: that is waited for.
 */
#ifndef STATE_LOCK_H
#define STATE_LOCK_H

#include <stdbool.h>
#include <sys/types.h>

#include "state/base/err.h"

/* Whom this process works for, before any lock is taken. Without it, and with 0: itself. */
void lock_set_owner(pid_t pid);

struct lock {
	int fd;
	bool is_shared;
};
#define LOCK_NONE ((struct lock){ .fd = -1 })

/* `what` names the thing in messages ("channel work"). -1 with ERR_TEMPORARY: somebody holds it. A shared lock of a
 * file that does not exist succeeds and holds nothing. */
int lock_take(const char *path, const char *what, bool is_shared, struct lock *lock_r, struct err *e);
/* The last thing before lock_drop: the file does not name its holder any more. */
void lock_leave(struct lock *lock);
void lock_drop(struct lock *lock);

#endif
