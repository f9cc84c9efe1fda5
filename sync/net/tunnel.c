#include "sync/net/tunnel.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sync/net/clock.h"

enum { LEAVE_MS = 2000, TERM_MS = 1000, AT_ONCE_MS = 150, LOOK_MS = 5 };

static void
close_above(int fd, long max)
{
#ifdef SYS_close_range
	if (syscall(SYS_close_range, (unsigned)fd + 1, ~0U, 0U) == 0)
		return;
#endif
	for (int i = fd + 1; i < max; i++)
		close(i);
}

/* Between fork and exec, in a program with threads: async-signal-safe calls only. */
static _Noreturn void
become(const char *command, int fd, long max)
{
	const int reset[] = { SIGPIPE, SIGINT, SIGTERM, SIGHUP, SIGCHLD, SIGQUIT };
	struct sigaction sa;
	sigset_t none;

	memset(&sa, 0, sizeof sa);
	sa.sa_handler = SIG_DFL;
	for (size_t i = 0; i < sizeof reset / sizeof *reset; i++)
		sigaction(reset[i], &sa, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	/* fd is above 2: see tunnel_start(). */
	dup2(fd, STDIN_FILENO);
	dup2(fd, STDOUT_FILENO);
	close_above(STDERR_FILENO, max);
	execl("/bin/sh", "sh", "-c", command, (char *)NULL);
	_exit(127);
}

static int
start_here(void *ctx, const char *command, pid_t *pid_r, int *sys_r)
{
	long max = sysconf(_SC_OPEN_MAX);
	int pair[2], fd;

	(void)ctx;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) {
		*sys_r = errno;
		return -1;
	}
	/* With standard descriptors closed, the child's end could be one of them. */
	fd = fcntl(pair[1], F_DUPFD_CLOEXEC, 3);
	close(pair[1]);
	*pid_r = fd < 0 ? -1 : fork();
	if (*pid_r == 0)
		become(command, fd, max > 0 && max < 65536 ? max : 65536);
	*sys_r = errno;
	if (fd >= 0)
		close(fd);
	if (*pid_r > 0)
		return pair[0];
	close(pair[0]);
	return -1;
}

static pid_t
reap_here(void *ctx, pid_t pid, int *status_r)
{
	pid_t r;

	(void)ctx;
	while ((r = waitpid(pid, status_r, WNOHANG)) < 0 && errno == EINTR)
		continue;
	return r;
}

static void
kill_here(void *ctx, pid_t pid, int number)
{
	(void)ctx;
	kill(pid, number);
}

static const struct tunnel_host here = { start_here, reap_here, kill_here, NULL };
static const struct tunnel_host *host = &here;	/* set before any thread is started */

void
tunnel_install(const struct tunnel_host *other)
{
	host = other != NULL ? other : &here;
}

int
tunnel_start(const char *command, const char *label, pid_t *pid_r, struct err *e)
{
	int sys = 0, fd = host->start(host->ctx, command, pid_r, &sys);

	if (fd < 0)
		return err_sys(e, ERR_STORE, sys, "%s: cannot start the command", label);
	if (fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) < 0) {
		err_sys(e, ERR_STORE, errno, "%s: cannot start the command", label);
		close(fd);
		tunnel_stop(*pid_r, true);
		return -1;
	}
	return fd;
}

int
tunnel_wait(pid_t pid, int ms, char *text, size_t size)
{
	long long until = clock_now() + ms;
	int status = 0;
	pid_t r;

	while ((r = host->reap(host->ctx, pid, &status)) == 0) {
		if (clock_now() >= until)
			return 0;
		poll(NULL, 0, LOOK_MS);
	}
	if (r < 0)
		snprintf(text, size, "ended");
	else if (WIFSIGNALED(status))
		snprintf(text, size, "was killed by signal %d", WTERMSIG(status));
	else
		snprintf(text, size, "exited with status %d", WEXITSTATUS(status));
	return 1;
}

void
tunnel_stop(pid_t pid, bool at_once)
{
	char text[64];

	if (tunnel_wait(pid, at_once ? AT_ONCE_MS : LEAVE_MS, text, sizeof text))
		return;
	host->kill(host->ctx, pid, SIGTERM);
	if (tunnel_wait(pid, at_once ? AT_ONCE_MS : TERM_MS, text, sizeof text))
		return;
	host->kill(host->ctx, pid, SIGKILL);
	while (!tunnel_wait(pid, TERM_MS, text, sizeof text))
		continue;
}
