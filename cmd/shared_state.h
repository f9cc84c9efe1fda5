/* Channels that have one state, as they have with mbsync where it keeps states by mailboxes: a channel for all mailboxes, and one for INBOX
 * alone that runs more often.
 *
 * They are of the same stores, SyncState and no Role, synchronise a mailbox with the same one, and their prefixes are the same but for what
 * the prefix of one has behind that of the other. Their state is that of the first one with the shortest prefix and Patterns; with it
 * the others are that channel with other Patterns, as if these had been changed in between.
 *
 * Must hold: what one of them lets go or sets aside is known to the others as that, and never taken for a deletion.
 */
#ifndef CMD_SHARED_STATE_H
#define CMD_SHARED_STATE_H

#include "cmd/settings.h"

/* Sets state_name and state_of of all channels. */
void shared_state_find(struct settings *s);

/* What the channel's mailboxes are called in the state's channel: `name` of the channel, or one of its Patterns. Arena. */
const char *shared_state_name(const struct channel_settings *c, const char *name, struct arena *arena);

#endif
