/* What may end the process runs in another one: a damaged data file does (state/db_disk.h). */
#ifndef TESTS_UNIT_ENDS_H
#define TESTS_UNIT_ENDS_H

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "state/base/err.h"

enum ending { END_FINE, END_TOLD, END_BROKEN, END_WRONG };	/* WRONG: it hung, or told nonsense */

enum { ENDS_FINE = 40, ENDS_TOLD, ENDS_WRONG };

/* work: 0, or -1 and an error that must speak of damage. Broken: by a signal of memory or an assertion, or with any other status. */
static inline enum ending
end_of(int (*work)(void *ctx, struct err *e), void *ctx)
{
	int status = 0, rc;
	struct err e;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		signal(SIGSEGV, SIG_DFL);
		signal(SIGBUS, SIG_DFL);
		signal(SIGABRT, SIG_DFL);
		signal(SIGALRM, SIG_DFL);
		alarm(20);
		/* What a sanitizer says of it is not for the screen. */
		if (freopen("/dev/null", "w", stderr) == NULL)
			_exit(ENDS_WRONG);
		rc = work(ctx, &e);
		_exit(rc == 0 ? ENDS_FINE : strstr(e.text, "damaged") != NULL ? ENDS_TOLD : ENDS_WRONG);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return END_WRONG;
	if (WIFSIGNALED(status))
		return WTERMSIG(status) == SIGALRM ? END_WRONG : END_BROKEN;
	return WEXITSTATUS(status) == ENDS_FINE ? END_FINE : WEXITSTATUS(status) == ENDS_TOLD ? END_TOLD :
	    WEXITSTATUS(status) == ENDS_WRONG ? END_WRONG : END_BROKEN;
}

#endif
