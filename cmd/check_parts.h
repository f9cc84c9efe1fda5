/* What `mailtwin check` (cmd/check.c) finds beside what stores and channels say of themselves. */
#ifndef CMD_CHECK_PARTS_H
#define CMD_CHECK_PARTS_H

#include "cmd/app.h"
#include "state/base/finding.h"
#include "sync/store/store.h"

/* near_misses.c: what the configuration says and hardly means. */
void near_misses(const struct app *app, const struct findings *out);

/* other_programs.c: what else synchronises on this machine, in crontabs and in systemd's timers of the user. */
void other_programs(const char *home, const struct findings *out);

/* check_patterns.c: whether there is what a channel means, on one side at least. */
void check_patterns(const struct channel_settings *c, const struct store *const store[SIDES], const struct listing *const list[SIDES],
    const struct findings *out);

#endif
