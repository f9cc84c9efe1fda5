#include "cmd/discovery.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

enum { SAID_MOST = 256 * 1024, SECONDS_MOST = 70, LINES_MOST = 1000 };

/* Beside this program, as it is built; or where it is installed. NULL = it is not there. */
static const char *
find_program(struct arena *a)
{
	static const char *const places[] = { "mailtwin-discover", "../libexec/mailtwin/mailtwin-discover" };
	char self[4096], *slash;
	const char *path;
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);

	self[n > 0 ? n : 0] = '\0';
	slash = strrchr(self, '/');
	if (slash == NULL)
		return NULL;
	slash[1] = '\0';
	for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
		path = arena_printf(a, "%s%s", self, places[i]);
		if (access(path, X_OK) == 0)
			return path;
	}
	return NULL;
}

static int
start(const char *program, const char *address, int out[2], pid_t *pid_r, struct err *e)
{
	char *argv[] = { (char *)program, (char *)address, NULL };
	posix_spawn_file_actions_t files;
	int sys;

	if (pipe2(out, O_CLOEXEC) < 0)
		return err_sys(e, ERR_RUN, errno, "cannot make a pipe");
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&files, out[1], STDOUT_FILENO);
	sys = posix_spawn(pid_r, program, &files, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&files);
	close(out[1]);
	if (sys == 0)
		return 0;
	close(out[0]);
	return err_sys(e, ERR_RUN, sys, "%s cannot be started", program);
}

/* All it says; false: it says too much, or takes too long. */
static bool
listen_to(int fd, struct buf *said)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	const time_t end = time(NULL) + SECONDS_MOST;
	ssize_t n = 1;

	while (n > 0 && said->len < SAID_MOST && time(NULL) < end) {
		if (poll(&p, 1, 1000) == 0)
			continue;
		buf_reserve(said, 4096);
		n = read(fd, said->data + said->len, 4096);
		if (n < 0 && errno == EINTR)
			n = 1;
		else if (n > 0)
			said->len += (size_t)n;
	}
	return n == 0;
}

static void
take_line(struct discovery *d, const char *line)
{
	struct offer o;

	if (strncmp(line, "note ", 5) == 0) {
		vec_push(&d->notes, arena_strdup(&d->arena, line + 5));
	} else if (strncmp(line, "mx ", 3) == 0) {
		if (offer_host_ok(line + 3, strlen(line + 3)))
			vec_push(&d->exchangers, arena_strdup(&d->arena, line + 3));
	} else if (offer_read(line, &o) && o.source != OFFER_OF_TABLE && o.source != OFFER_OF_PERSON) {
		vec_push(&d->offers.all, o);
	}
}

int
discovery_ask(const char *address, struct discovery *d, struct err *e)
{
	struct buf said = { 0 };
	const char *program;
	char *rest, *line;
	int out[2], status = 0, n = 0;
	bool is_whole;
	pid_t pid;

	*d = (struct discovery){ 0 };
	program = find_program(&d->arena);
	if (program == NULL)
		return err_class(e, ERR_RUN, ERR_FAILED, ERR_NEVER, "mailtwin-discover is not installed beside this program, so the network is not "
		    "asked (it is built where libcurl, expat and jansson are to be had)");
	if (start(program, address, out, &pid, e) < 0)
		return -1;
	is_whole = listen_to(out[0], &said);
	close(out[0]);
	if (!is_whole)
		kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		continue;
	buf_addc(&said, '\0');
	for (rest = said.data; (line = strsep(&rest, "\n")) != NULL && n < LINES_MOST; n++)
		take_line(d, line);
	buf_release(&said);
	if (is_whole && status == 0)
		return 0;
	return err_class(e, ERR_RUN, ERR_FAILED, ERR_LATER, "%s %s", program, !is_whole ? "took too long" : "broke off");
}

void
discovery_release(struct discovery *d)
{
	vec_release(&d->offers.all);
	vec_release(&d->exchangers);
	vec_release(&d->notes);
	arena_release(&d->arena);
}
