/* The worker's end of the socket between it and the parent: events go out from any thread, and questions are answered.
 *
 * What must always hold:
 *   1. A frame is written whole, whichever thread sends it.
 *   2. Without a parent there is nobody to work for: the process ends where it would have to be told something.
 */
#ifndef CMD_LINK_H
#define CMD_LINK_H

#include <pthread.h>
#include <stdint.h>

#include "state/base/buf.h"

struct link {
	int fd;
	pthread_mutex_t sending, asking;
};

/* What the parent answers; beside it may come a descriptor. */
struct link_answer {
	int64_t value;
	int32_t sys;			/* errno, or a status of waitpid() */
};

void link_init(struct link *l, int fd);
void link_send(struct link *l, const struct buf *frames);
/* Sends a question (NULL: it was asked before) and waits. *fd_r: what came along, -1 = nothing; NULL where nothing may. */
void link_ask(struct link *l, const struct buf *question, struct link_answer *answer_r, int *fd_r);

/* The parent's end. fd: goes along, -1 = nothing. -1: the worker does not listen any more. */
int link_answer(int socket, const struct link_answer *answer, int fd);

#endif
