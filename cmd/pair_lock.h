/* One mailtwin at a time between two accounts, whatever state and configuration it has: what two programs send to servers at once
 * neither can find before it sends. (A Maildir has a lock of its own: sync/maildir/root_lock.h.)
 *
 * It is a name that only one process of this user and machine can have, and that ends with it. Another machine or user is not kept out:
 * against these the run looks at what it writes to before it sends (sync/channel.c).
 */
#ifndef CMD_PAIR_LOCK_H
#define CMD_PAIR_LOCK_H

#include "cmd/settings.h"
#include "state/base/err.h"

/* *fd_r: to be closed when the channel is done; -1 = this channel needs none, or the system has none. -1: another process has it
 * (ERR_TEMPORARY). */
int pair_lock_take(const struct channel_settings *c, int *fd_r, struct err *e);

#endif
