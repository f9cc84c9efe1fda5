/* A command of the configuration, run by sh -c: PassCmd, UserCmd, PostSync.
 *
 * The command gets our standard error, its own defaults for signals, and nothing else of ours. */
#ifndef CMD_SHELL_H
#define CMD_SHELL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "state/base/buf.h"
#include "state/base/err.h"

struct shell {
	const char *what;		/* for messages: "PassCmd of account work" */
	const char *command;
	bool has_terminal;		/* it shares our terminal and process group; else its stdin is empty */
	bool is_quiet;			/* what it prints goes to stderr (only without `out`) */
	unsigned limit;			/* seconds until it is killed with all it started; 0 = none */
	const char *const *env;		/* NAME=VALUE, ending with NULL; NULL = none */
	const atomic_int *cancel;	/* NULL = none */
};

/* Runs it and waits. `out` takes what it prints, up to its first line's end and no more than `most`
 * bytes (the rest is read and dropped); NULL: that goes where ours goes. -1: it could not be started, failed, took too
 * long (class ERR_FAILED) or we were stopped (ERR_CANCELLED). */
int shell_run(const struct shell *sh, struct buf *out, size_t most, struct err *e);

#endif
