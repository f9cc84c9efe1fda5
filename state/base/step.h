/* Every durable act is a numbered step (R22 numbered steps), so that a test can stop the program at step N and a
 * recorder can rebuild what a power cut would leave.
 *
 * Call step() immediately BEFORE the act. In production no hook is installed and it costs one load.
 * With a hook that returns true the program behaves as if it had died before the act: step() returns
 * -1 for this and every later call, the act must not be done, and the caller returns its error.
 * The hook that a test sets from outside is cmd/steps.c, which is not in the program that is installed.
 */
#ifndef STATE_BASE_STEP_H
#define STATE_BASE_STEP_H

#include <stdbool.h>

#include "state/base/err.h"

enum step_kind {
	STEP_COMMIT,		/* a state transaction is committed */
	STEP_CREATE,		/* a file is created and written */
	STEP_FSYNC,		/* a file or directory is made durable */
	STEP_RENAME,		/* rename or link; what = "from\nto" */
	STEP_UNLINK,		/* a file or directory is removed */
	STEP_MKDIR,
	STEP_SEND,		/* a command that changes a server leaves */
	STEP_ANSWER,		/* its answer was read */
};

const char *step_kind_name(enum step_kind kind);

/* 0: go on. -1: the program "died" here; *e says so (scope ERR_RUN). Thread-safe. */
int step(enum step_kind kind, const char *what, struct err *e);

/* True once a hook has said stop: code that cleans up must then leave everything as it is. */
bool step_is_dead(void);

/* Tests: `hook` is asked at each step; returns true to die there. NULL = none. Resets the counter. */
void step_install(bool (*hook)(void *ctx, unsigned long n, enum step_kind kind, const char *what),
    void *ctx);

#endif
