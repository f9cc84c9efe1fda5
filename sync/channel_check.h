/* Whether a channel's state is as it should be, for `mailtwin check`. */
#ifndef SYNC_CHANNEL_CHECK_H
#define SYNC_CHANNEL_CHECK_H

#include "state/base/finding.h"
#include "sync/channel.h"

/* Its directory, its file, and all that is in it: read, and nothing written. A damaged file may end the process (state/db_disk.h). */
void channel_check(const struct channel *set, const struct findings *out);

#endif
