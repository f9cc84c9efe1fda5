#include "cmd/apart.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmd/confine.h"
#include "cmd/steps.h"
#include "state/db.h"

/* The exit status of a child that came to its end: what classes of errors it told (enum err_class), above what else may come. */
enum { ENDED = 128, CLASSES = 31 };

/* What sets a file aside. */
#define WAY_OUT "mv '%s.mdb' '%s.mdb.damaged' sets it aside, and the next run pairs anew what is there: nothing is deleted or copied twice"

static bool
is_sign_of_damage(int status)
{
	if (WIFEXITED(status))
		return WEXITSTATUS(status) == DB_DAMAGED_EXIT;
	return WTERMSIG(status) == SIGSEGV || WTERMSIG(status) == SIGBUS || WTERMSIG(status) == SIGABRT;
}

void
apart_broken(const char *channel, const char *state, int status, struct err *e)
{
	char *how = WIFSIGNALED(status) ? mem_printf("was ended by signal %d (%s)", WTERMSIG(status), strsignal(WTERMSIG(status))) :
	    mem_printf("ended with status %d before its work was done", WEXITSTATUS(status));

	if (state == NULL)
		err_class(e, ERR_STORE, ERR_FAILED, ERR_LATER, "channel %s: the process at work on it %s", channel, how);
	else if (WIFEXITED(status) && is_sign_of_damage(status))
		err_class(e, ERR_STORE, ERR_FAILED, ERR_NEVER, "channel %s: its state %s.mdb is damaged: " WAY_OUT, channel, state, state, state);
	else if (is_sign_of_damage(status))
		err_class(e, ERR_STORE, ERR_FAILED, ERR_LATER, "channel %s: the process at work on it %s; its state is %s.mdb. What it had begun is "
		    "looked into by the next run. If this comes again, the state may be damaged: " WAY_OUT, channel, how, state, state, state);
	else
		err_class(e, ERR_STORE, ERR_FAILED, ERR_LATER, "channel %s: the process at work on it %s; its state is %s.mdb. What it had begun is "
		    "looked into by the next run, and nothing is lost", channel, how, state);
	free(how);
}

static _Noreturn void
be_child(struct app *app, pid_t parent, void (*work)(struct app *app, void *ctx), void *ctx)
{
	confine_to_parent(parent);
	app->status.classes = 0;
	work(app, ctx);
	app_flush(app);
	exit(ENDED + (int)(app->status.classes & CLASSES));
}

void
apart_run(struct app *app, const char *channel, const char *state, void (*work)(struct app *app, void *ctx), void *ctx)
{
	const pid_t parent = getpid();
	int status = 0;
	struct err e;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid == 0)
		be_child(app, parent, work, ctx);
	if (pid < 0) {
		err_class(&e, ERR_RUN, ERR_TEMPORARY, ERR_LATER, "no process is to be had (%s); try again later", strerror(errno));
		app_fail_at(app, channel, NULL, &e);
		return;
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		continue;
	steps_ended(status);
	if (WIFEXITED(status) && WEXITSTATUS(status) >= ENDED) {
		app->status.classes |= (unsigned)WEXITSTATUS(status) - ENDED;
		return;
	}
	apart_broken(channel, state, status, &e);
	app_fail_at(app, channel, NULL, &e);
}
