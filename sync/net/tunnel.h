/* A command to talk to instead of a server: `sh -c command` with its standard input and output on
 * our socket, standard error left alone, and no other descriptor of ours.
 *
 * A process that must not start others has them started by somebody else: tunnel_install(), before any thread. */
#ifndef SYNC_NET_TUNNEL_H
#define SYNC_NET_TUNNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "state/base/err.h"

/* Returns our end, non-blocking, and the child, which tunnel_wait() must reap; -1 with *e. */
int tunnel_start(const char *command, const char *label, pid_t *pid_r, struct err *e);

/* Waits for the child up to `ms`. 1: it ended, reaped, and text says how ("exited with status 255");
 * 0: it still runs. */
int tunnel_wait(pid_t pid, int ms, char *text, size_t size);

/* After our end is closed: gives the child time to leave, then makes it; little of it `at_once`, when somebody asked us to end. It is
 * reaped on return. */
void tunnel_stop(pid_t pid, bool at_once);

/* Who has the child: this process, or another one that does these for us. Any thread. */
struct tunnel_host {
	/* Our end of the socket, which may block, or -1 and the reason in *sys_r. */
	int (*start)(void *ctx, const char *command, pid_t *pid_r, int *sys_r);
	pid_t (*reap)(void *ctx, pid_t pid, int *status_r);	/* as waitpid() with WNOHANG */
	void (*kill)(void *ctx, pid_t pid, int number);
	void *ctx;
};
void tunnel_install(const struct tunnel_host *host);	/* borrowed; NULL = this process, as without it */

#endif
