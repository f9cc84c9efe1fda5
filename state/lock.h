/* One run per channel.
 *
 * The lock is an advisory lock of the whole file (OFD where there is one, else fcntl), so that it dies with its holder:
 * a lock left by a dead process is simply taken. The holder writes "pid seconds-since-1970" into it
 * for the message others print. A dry run takes it shared and never creates the file.
 *
 * The process that holds it may work for another one, which is the one that is named. Where that one was killed, the holder is
 * about to end with it: that is waited for.
 *
 * What stands in the file, a line: "PID SECONDS DONE" while a run holds it, "left DONE" afterwards; times in seconds since 1970. DONE is when a run
 * last ended with all in order; 0, or nothing, as long as none has. The time of the file is when the last run began or ended. It is kept here
 * because each run writes here anyway.
 */
#ifndef STATE_LOCK_H
#define STATE_LOCK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "state/base/err.h"

/* Whom this process works for, before any lock is taken. Without it, and with 0: itself. */
void lock_set_owner(pid_t pid);

struct lock {
	int fd;
	bool is_shared;
	int64_t done;			/* what is to stand there as DONE once it is left */
	int64_t touched;		/* the file's time, before it was taken; 0 = there was none */
};
#define LOCK_NONE ((struct lock){ .fd = -1 })

/* `what` names the thing in messages ("channel work"). -1 with ERR_TEMPORARY: somebody holds it. A shared lock of a
 * file that does not exist succeeds and holds nothing. */
int lock_take(const char *path, const char *what, bool is_shared, struct lock *lock_r, struct err *e);
/* The last thing before lock_drop: the file does not name its holder any more. */
void lock_leave(struct lock *lock);
void lock_drop(struct lock *lock);

/* What a lock file says; nothing is taken. */
struct lock_seen {
	bool is_there;
	bool is_held;			/* a run that writes has it */
	long pid;			/* of that run, or of one that was killed; 0 = it was left */
	int64_t begun;			/* when it took it */
	int64_t done, touched;		/* as in struct lock */
};
void lock_look(const char *path, struct lock_seen *seen_r);

#endif
