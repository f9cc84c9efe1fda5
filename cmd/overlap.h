/* Channels that meet in one mailbox.
 *
 * A mailbox that two channels synchronise with different ones carries the mail of each to the other: one account's
 * mail into another account. That is refused unless each store section that names the shared place says "Hub yes". Two
 * channels that synchronise the same pair of mailboxes and have no state in common undo each other's work: always refused.
 *
 * Mailboxes are compared as they really are: directories with their symbolic links followed, servers by host, port and
 * user, under whatever names of stores and accounts; and only those count that both channels mean by their Patterns.
 * Between the same two stores, and between one IMAP account and two Maildirs, it is but told, for no mail goes where it does not belong.
 */
#ifndef CMD_OVERLAP_H
#define CMD_OVERLAP_H

#include "cmd/settings.h"
#include "state/base/err.h"

/* -1 with *e (ERR_USAGE) when two channels may not go together; both are named. 1 with *e where the mail that goes from one mailbox to
 * others stays in the same two stores, or is one account's: that is mbsync's meaning, and to be told. */
int overlap_check(const struct channel_settings *a, const struct channel_settings *b,
    struct err *e);

/* Whether both synchronise some mailbox with the same one. */
bool overlap_is_one_pair(const struct channel_settings *a, const struct channel_settings *b);

#endif
