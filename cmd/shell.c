#include "cmd/shell.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cmd/process.h"
#include "state/base/mem.h"
#include "state/base/vec.h"

enum { TICK = 50, KILL_AFTER = 1000 };	/* milliseconds */

struct child {
	const struct shell *sh;
	pid_t pid;
	int fd;				/* what it prints; -1 = not read, or over */
	int status;			/* of waitpid */
	bool is_over;
};

static int64_t
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Ours and what is added; the strings are borrowed, the array is the caller's to free. */
static char **
join_env(const char *const *more)
{
	VEC(char *) env = { 0 };

	for (char **at = environ; *at != NULL; at++)
		vec_push(&env, *at);
	for (; more != NULL && *more != NULL; more++)
		vec_push(&env, (char *)*more);
	vec_push(&env, NULL);
	return env.at;
}

static int
spawn(const struct shell *sh, int out, pid_t *pid_r)
{
	/* What a person's command makes has the modes they want. */
	char *command = mem_printf("umask %04o\n%s", (unsigned)process_umask(), sh->command);
	char *argv[] = { (char *)"sh", (char *)"-c", command, NULL };
	char **env = join_env(sh->env);
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	sigset_t defaults, none;
	int rc;

	posix_spawn_file_actions_init(&files);
	posix_spawnattr_init(&attr);
	sigemptyset(&none);
	sigemptyset(&defaults);
	sigaddset(&defaults, SIGPIPE);
	sigaddset(&defaults, SIGALRM);
	sigaddset(&defaults, SIGXFSZ);
	posix_spawnattr_setsigdefault(&attr, &defaults);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setpgroup(&attr, 0);
	posix_spawnattr_setflags(&attr, (short)(POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK |
	    (sh->has_terminal ? 0 : POSIX_SPAWN_SETPGROUP)));
	if (!sh->has_terminal)
		posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	if (out >= 0)
		posix_spawn_file_actions_adddup2(&files, out, STDOUT_FILENO);
	else if (sh->is_quiet)
		posix_spawn_file_actions_adddup2(&files, STDERR_FILENO, STDOUT_FILENO);
	rc = posix_spawn(pid_r, "/bin/sh", &files, &attr, argv, env);
	posix_spawn_file_actions_destroy(&files);
	posix_spawnattr_destroy(&attr);
	free(env);
	free(command);
	return rc;
}

static bool
reap(struct child *c, int flags)
{
	if (!c->is_over)
		c->is_over = waitpid(c->pid, &c->status, flags) == c->pid;
	return c->is_over;
}

/* Waits a moment for output or the end. */
static void
wait_a_tick(struct child *c)
{
	struct pollfd p = { .fd = c->fd, .events = POLLIN };

	poll(&p, c->fd >= 0 ? 1 : 0, TICK);
	reap(c, WNOHANG);
}

/* Ends it: politely, then not. Leaves nothing running that it started, unless that shares our group. */
static void
end_child(struct child *c)
{
	const pid_t whom = c->sh->has_terminal ? c->pid : -c->pid;
	const int64_t deadline = now_ms() + KILL_AFTER;

	kill(whom, SIGTERM);
	while (!reap(c, WNOHANG) && now_ms() < deadline)
		poll(NULL, 0, TICK);
	if (!c->is_over || !c->sh->has_terminal)
		kill(whom, SIGKILL);
	while (!reap(c, 0) && errno == EINTR)
		continue;
}

/* Reads what is there; true when there was something. Of it, the first line counts. */
static bool
read_some(struct child *c, struct buf *out, size_t most, bool *has_line)
{
	char piece[4096], *newline;
	ssize_t n = read(c->fd, piece, sizeof piece);
	size_t take = n > 0 ? (size_t)n : 0;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (n <= 0) {
		close(c->fd);
		c->fd = -1;
		return false;
	}
	newline = memchr(piece, '\n', take);
	if (newline != NULL)
		take = (size_t)(newline - piece);
	if (!*has_line && out->len <= most)
		buf_add(out, piece, take < most + 1 - out->len ? take : most + 1 - out->len);
	*has_line |= newline != NULL;
	mem_wipe(piece, sizeof piece);
	return true;
}

static int
judge(const struct child *c, struct err *e)
{
	if (WIFEXITED(c->status) && WEXITSTATUS(c->status) == 0)
		return 0;
	if (WIFSIGNALED(c->status))
		return err_set(e, ERR_STORE, "%s was ended by signal %d (%s)", c->sh->what, WTERMSIG(c->status),
		    strsignal(WTERMSIG(c->status)));
	if (WEXITSTATUS(c->status) == 127)
		return err_set(e, ERR_STORE, "%s failed: the shell found no such command (exit code 127)",
		    c->sh->what);
	return err_set(e, ERR_STORE, "%s failed with exit code %d", c->sh->what, WEXITSTATUS(c->status));
}

static int
attend(struct child *c, struct buf *out, size_t most, struct err *e)
{
	const struct shell *sh = c->sh;
	const int64_t deadline = sh->limit != 0 ? now_ms() + (int64_t)sh->limit * 1000 : INT64_MAX;
	bool has_line = false;

	for (;;) {
		wait_a_tick(c);
		while (c->fd >= 0 && read_some(c, out, most, &has_line))
			continue;
		/* Something it left in the background may hold the pipe open: that is not waited for. */
		if (c->is_over)
			return judge(c, e);
		if (sh->cancel != NULL && *sh->cancel != 0) {
			end_child(c);
			return err_class(e, ERR_RUN, ERR_CANCELLED, ERR_LATER, "stopped on request in %s", sh->what);
		}
		if (now_ms() >= deadline) {
			end_child(c);
			return err_set(e, ERR_STORE, "%s was ended because it took more than %u seconds without a "
			    "terminal; does it wait for somebody?", sh->what, sh->limit);
		}
	}
}

int
shell_run(const struct shell *sh, struct buf *out, size_t most, struct err *e)
{
	struct child c = { .sh = sh, .fd = -1 };
	int ends[2] = { -1, -1 }, rc;

	if (out != NULL && pipe2(ends, O_CLOEXEC) < 0)
		return err_sys(e, ERR_STORE, errno, "%s cannot be run", sh->what);
	if (out != NULL)
		fcntl(ends[0], F_SETFL, O_NONBLOCK);
	rc = spawn(sh, ends[1], &c.pid);
	if (ends[1] >= 0)
		close(ends[1]);
	c.fd = ends[0];
	if (rc == EAGAIN || rc == ENOMEM)
		err_class(e, ERR_STORE, ERR_TEMPORARY, ERR_LATER, "%s cannot be run now: no process is to be had (%s)", sh->what,
		    strerror(rc));
	else if (rc != 0)
		err_sys(e, ERR_STORE, rc, "%s cannot be run", sh->what);
	else
		rc = attend(&c, out, most, e);
	if (c.fd >= 0)
		close(c.fd);
	return rc != 0 ? -1 : 0;
}
