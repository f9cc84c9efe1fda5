/* Tunnel: the parent starts a worker's commands, and hands over the socket to each; a worker may start nothing itself.
 *
 * How it is used: in the worker tunnels_borrow(), before any thread; in the parent tunnels_answer() for each EVENT_TUNNEL, and
 * tunnels_end() when the worker is gone.
 *
 * What must always hold: a worker gets no other command run than the Tunnel of an account that is its own, and no other process
 * of ours ended than those.
 */
#ifndef CMD_TUNNELS_H
#define CMD_TUNNELS_H

#include <sys/types.h>

#include "cmd/events.h"
#include "cmd/link.h"
#include "state/base/vec.h"

struct tunnels {			/* of one worker; zero-initialised = none */
	VEC(pid_t) pids;
};

void tunnels_borrow(struct link *parent);

/* is_allowed: whether this command is one of the worker's. -1: the question makes no sense. */
int tunnels_answer(struct tunnels *t, int socket, struct event *question, bool (*is_allowed)(void *ctx, const char *command),
    void *ctx);
void tunnels_end(struct tunnels *t, bool at_once);	/* tunnel_stop() */

#endif
