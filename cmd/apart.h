/* A command that reads a state does so in a process of its own: a damaged file ends that one (state/db_disk.h), and this one
 * tells it. */
#ifndef CMD_APART_H
#define CMD_APART_H

#include "cmd/app.h"

/* Runs `work` in a child, whose output goes where ours goes and whose findings count as ours. `channel` and `state` (its place, NULL =
 * not known) are named if it breaks. */
void apart_run(struct app *app, const char *channel, const char *state, void (*work)(struct app *app, void *ctx), void *ctx);

/* Fills *e with how a process ended (a status of waitpid()) that was at work on a channel. */
void apart_broken(const char *channel, const char *state, int status, struct err *e);

#endif
