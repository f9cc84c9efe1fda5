/* Settings written as a configuration again, resolved: what `check-config` shows. The result can be
 * parsed, and printing what that gives yields the same text. Passwords are blanked, of PassCmd only
 * the program is shown; keywords that are not available yet and what was not given are left out. */
#ifndef CMD_CONFIG_PRINT_H
#define CMD_CONFIG_PRINT_H

#include "cmd/settings.h"
#include "state/base/buf.h"

void config_print(const struct settings *s, struct buf *out);

#endif
