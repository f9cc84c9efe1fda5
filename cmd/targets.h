/* What a command works on: the channels and groups of its arguments, resolved.
 *
 * An argument is a group, or CHANNEL[:BOX[,BOX...]]; a group hides a channel of its name. Boxes are
 * parted by "," or newline, an empty one is INBOX, and only a channel with Patterns takes them.
 */
#ifndef CMD_TARGETS_H
#define CMD_TARGETS_H

#include <stdbool.h>
#include <stddef.h>

#include "cmd/settings.h"
#include "state/base/err.h"
#include "state/base/mem.h"
#include "state/base/vec.h"

struct target {
	const struct channel_settings *channel;	/* the settings' */
	const char **boxes;		/* the targets'; n_boxes = 0: all that the channel has */
	size_t n_boxes;
};

/* Zero-initialised = none. */
struct targets {
	VEC(struct target) all;		/* in the order of the arguments */
	struct arena arena;
};

/* -a: every channel of the configuration, in its order. */
void targets_add_all(struct targets *t, const struct settings *s);

/* One argument. -1 (class ERR_USAGE) if it names nothing, or boxes that cannot be named; the nearest
 * right one, of `commands` too (ending with NULL, may be NULL), is told. */
int targets_add(struct targets *t, const struct settings *s, const char *arg,
    const char *const *commands, struct err *e);
void targets_release(struct targets *t);

#endif
