/* Where a channel keeps its base: the keyword SyncState, as a path (state/state.h says what lies there).
 *
 *	not given	$XDG_STATE_HOME/mailtwin/CHANNEL, or ~/.local/state/mailtwin/CHANNEL
 *	PREFIX		PREFIXCHANNEL: a directory ends in "/"
 *	*		.mailtwin.CHANNEL in the directory of the near Maildir
 *
 * CHANNEL is the channel's name (or that of the one with which it shares its state) with every byte but A-Z a-z 0-9 . _ - as %XX; so is a dot at its
 * beginning, so that no name hides or climbs.
 */
#ifndef CMD_STATE_PLACE_H
#define CMD_STATE_PLACE_H

#include "cmd/settings.h"
#include "state/base/err.h"
#include "state/base/mem.h"

/* The path without ".mdb", in the arena. `state_home` is $XDG_STATE_HOME (NULL, "" or a relative path =
 * not set), `home` the home directory. NULL (ERR_USAGE): "*" without a Maildir on the near side. */
char *state_place(const struct channel_settings *c, const char *state_home, const char *home,
    struct arena *arena, struct err *e);

#endif
