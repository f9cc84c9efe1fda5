#include "cmd/tunnels.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sync/net/tunnel.h"

enum tunnel_ask { ASK_START, ASK_REAP, ASK_KILL };

/* ---- the worker's part ---- */

static int64_t
ask(struct link *l, enum tunnel_ask what, const char *command, pid_t pid, int number, int *sys_r, int *fd_r)
{
	struct link_answer answer;
	struct buf b = { 0 };

	event_begin(&b, EVENT_TUNNEL);
	event_number(&b, (uint64_t)what);
	event_text(&b, command);
	event_number(&b, (uint64_t)pid);
	event_number(&b, (uint64_t)number);
	event_end(&b);
	link_ask(l, &b, &answer, fd_r);
	buf_release(&b);
	*sys_r = answer.sys;
	return answer.value;
}

static int
start_there(void *ctx, const char *command, pid_t *pid_r, int *sys_r)
{
	int fd = -1;

	*pid_r = (pid_t)ask(ctx, ASK_START, command, 0, 0, sys_r, &fd);
	return fd;
}

static pid_t
reap_there(void *ctx, pid_t pid, int *status_r)
{
	return (pid_t)ask(ctx, ASK_REAP, NULL, pid, 0, status_r, NULL);
}

static void
kill_there(void *ctx, pid_t pid, int number)
{
	int sys;

	ask(ctx, ASK_KILL, NULL, pid, number, &sys, NULL);
}

void
tunnels_borrow(struct link *parent)
{
	static struct tunnel_host there = { start_there, reap_there, kill_there, NULL };

	there.ctx = parent;
	tunnel_install(&there);
}

/* ---- the parent's part ---- */

static size_t
find(const struct tunnels *t, pid_t pid)
{
	size_t i;

	for (i = 0; i < t->pids.n && t->pids.at[i] != pid; i++)
		continue;
	return i;
}

static int
start(struct tunnels *t, const char *command, struct link_answer *answer)
{
	struct err e;
	pid_t pid = 0;
	int fd = tunnel_start(command, "tunnel", &pid, &e);

	answer->sys = fd < 0 ? e.sys : 0;
	answer->value = fd < 0 ? -1 : pid;
	if (fd >= 0)
		vec_push(&t->pids, pid);
	return fd;
}

static void
reap(struct tunnels *t, size_t at, struct link_answer *answer)
{
	int status = 0;

	if (at >= t->pids.n) {
		answer->value = -1;
		return;
	}
	answer->value = waitpid(t->pids.at[at], &status, WNOHANG);
	answer->sys = status;
	if (answer->value != 0)
		t->pids.at[at] = t->pids.at[--t->pids.n];
}

int
tunnels_answer(struct tunnels *t, int socket, struct event *question, bool (*is_allowed)(void *ctx, const char *command),
    void *ctx)
{
	const uint64_t what = event_get_number(question);
	const char *command = event_get_text(question);
	const size_t at = find(t, (pid_t)event_get_number(question));
	const int number = (int)event_get_number(question);
	struct link_answer answer = { 0 };
	int fd = -1, rc;

	if (!event_is_whole(question) || what > ASK_KILL || (what == ASK_START && (command == NULL || !is_allowed(ctx, command))))
		return -1;
	if (what == ASK_START)
		fd = start(t, command, &answer);
	else if (what == ASK_REAP)
		reap(t, at, &answer);
	else if (at < t->pids.n && (number == SIGTERM || number == SIGKILL))
		kill(t->pids.at[at], number);
	rc = link_answer(socket, &answer, fd);
	if (fd >= 0)
		close(fd);
	return rc;
}

void
tunnels_end(struct tunnels *t, bool at_once)
{
	for (size_t i = 0; i < t->pids.n; i++)
		tunnel_stop(t->pids.at[i], at_once);
	vec_release(&t->pids);
}
