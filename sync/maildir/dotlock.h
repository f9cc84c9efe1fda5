/* A lock that is a file, as Dovecot and older mail programs take it: NAME.lock beside NAME, made with O_EXCL.
 *
 *	dotlock_take(fd, "dovecot-keywords", ...)	waits ten seconds at most
 *	dotlock_drop(fd, "dovecot-keywords", ...)
 *
 * The file says "PID:HOST". One whose process is dead on this host, or that is two minutes old, was left
 * behind and is removed (Dovecot's own measure).
 */
#ifndef SYNC_MAILDIR_DOTLOCK_H
#define SYNC_MAILDIR_DOTLOCK_H

#include "state/base/err.h"

/* shown: the directory's path. -1: somebody holds it, or it cannot be made (ERR_BOX, ERR_LATER). */
int dotlock_take(int dir_fd, const char *name, const char *shown, struct err *e);

/* After a "death" at a step the file stays, as it would. */
void dotlock_drop(int dir_fd, const char *name, const char *shown);

#endif
