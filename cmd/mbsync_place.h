/* Where mbsync would keep its state of a channel, by the configuration they share (sync/mbsync/find.h). */
#ifndef CMD_MBSYNC_PLACE_H
#define CMD_MBSYNC_PLACE_H

#include "cmd/settings.h"
#include "sync/mbsync/find.h"

/* `state_home` and `home` as for state_place(). Strings live in the arena or the settings. */
void mbsync_place(const struct settings *s, const struct channel_settings *c, const char *state_home, const char *home,
    struct arena *arena, struct mbsync_place *place_r);

/* Makes a directory for it where there is none: the one that mbsync of any version knows. */
void mbsync_place_make(const struct mbsync_place *place);

#endif
