#ifdef MAILTWIN_STEPS
#include "cmd/steps.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "state/base/step.h"

enum { EXIT_STATUS = 86, SANITIZER_STATUS = 99 };

static unsigned long exit_at;		/* 0 = not at all */
static const char *log_path;		/* NULL = none */

static void
append_line(unsigned long number, enum step_kind kind, const char *what)
{
	FILE *f = fopen(log_path, "a");

	if (f == NULL)
		return;
	fprintf(f, "%lu %s ", number, step_kind_name(kind));
	for (; *what; what++)
		fputc(*what == '\n' ? '\t' : *what, f);
	fputc('\n', f);
	fclose(f);
}

static bool
on_step(void *ctx, unsigned long number, enum step_kind kind, const char *what)
{
	(void)ctx;
	if (log_path != NULL)
		append_line(number, kind, what != NULL ? what : "");
	if (number == exit_at)
		_exit(EXIT_STATUS);
	return false;
}

void
steps_install(void)
{
	const char *n = getenv("MAILTWIN_STEP_EXIT");

	log_path = getenv("MAILTWIN_STEP_LOG");
	exit_at = n != NULL ? strtoul(n, NULL, 10) : 0;
	if (exit_at != 0 || log_path != NULL)
		step_install(on_step, NULL);
}

static void
try_outside(const char *file, void (*say)(void *ctx, const char *text), void *ctx)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC), status = 0;
	char text[512];
	pid_t pid;

	snprintf(text, sizeof text, "step: open %s: %s", file, fd >= 0 ? "done" : strerror(errno));
	say(ctx, text);
	if (fd >= 0)
		close(fd);
	pid = fork();
	if (pid == 0) {
		execl("/bin/true", "true", (char *)NULL);
		_exit(1);
	}
	snprintf(text, sizeof text, "step: a process: %s", pid > 0 && waitpid(pid, &status, 0) == pid && status == 0 ? "done" : "denied");
	say(ctx, text);
}

bool
steps_is_confined(void)
{
	const char *wanted = getenv("MAILTWIN_SANDBOX");

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	return wanted != NULL && strcmp(wanted, "on") == 0;
#else
	return wanted == NULL || strcmp(wanted, "off") != 0;
#endif
}

const char *
steps_log(void)
{
	return log_path;
}

void
steps_target(const char *channel, void (*say)(void *ctx, const char *text), void *ctx)
{
	const char *file = getenv("MAILTWIN_STEP_OPEN");
	const char *crash = getenv("MAILTWIN_STEP_CRASH");
	const size_t len = strlen(channel);

	if (file != NULL)
		try_outside(file, say, ctx);
	if (crash != NULL && strncmp(crash, channel, len) == 0 && crash[len] == ':') {
		signal(atoi(crash + len + 1), SIG_DFL);
		raise(atoi(crash + len + 1));
	}
}

void
steps_ended(int status)
{
	if (WIFEXITED(status) && (WEXITSTATUS(status) == EXIT_STATUS || WEXITSTATUS(status) == SANITIZER_STATUS))
		_exit(WEXITSTATUS(status));
}
#endif
