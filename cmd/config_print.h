/* Settings written as a configuration again, resolved: what `check-config` shows. The result can be
 * parsed, and printing what that gives yields the same text. Passwords are blanked, of PassCmd only
 * the program is shown; what is not set is a comment with what holds instead.
 * state_dir: where the state is of a channel without SyncState (cmd/config_file.h); NULL = not to be shown. */
#ifndef CMD_CONFIG_PRINT_H
#define CMD_CONFIG_PRINT_H

#include "cmd/settings.h"
#include "state/base/buf.h"

/* A blank and one argument, quoted where the reader would otherwise see something else. */
void config_put_word(struct buf *out, const char *word);

void config_print(const struct settings *s, const char *state_dir, struct buf *out);

#endif
