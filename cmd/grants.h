/* The files that a worker may see (cmd/confine.h): what its channels' Maildirs and states are, to write; what is needed to trust,
 * to find a host and to log in, to read.
 *
 * How it is used: grants_for() each channel of the group, grants_system() once; grants_release().
 *
 * A Maildir may have links that lead out of it. Looking for them costs a reading of all folders, so it is done only where
 * one is known to be (grants_links()): a worker that meets one says so, and is started again.
 */
#ifndef CMD_GRANTS_H
#define CMD_GRANTS_H

#include <stdbool.h>
#include <stddef.h>

#include "cmd/settings.h"
#include "state/base/mem.h"
#include "state/base/vec.h"
#include "sync/mbsync/find.h"

enum grant_right {
	GRANT_NAMES,			/* what is there, and nothing of it */
	GRANT_READ,
	GRANT_WRITE,
};

struct grant {
	const char *path;
	enum grant_right right;
};

struct grants {				/* zero-initialised = none */
	VEC(struct grant) all;
	struct arena arena;
};

/* state: the place of its state (cmd/state_place.h); NULL = none. */
void grants_for(struct grants *g, const struct channel_settings *c, const char *state, const char *transcript_dir);
/* Where mbsync's states are, and its locks. */
void grants_mbsync(struct grants *g, const struct mbsync_place *place);
void grants_system(struct grants *g);
/* Where the links of the channel's Maildirs lead. */
void grants_links(struct grants *g, const struct channel_settings *c);
/* Whether a directory lies in what may be written, as it really is. */
bool grants_has(const struct grants *g, const char *real_path);

#endif
