/* Processes, one for each group of channels (cmd/groups.h): started here, heard here, and what they send is handed on in the
 * order of the targets, one target's not before the one before it is over.
 *
 *   parent                                            worker (a fork)
 *   workers_run: fork, up to `jobs` at once    ->     work() for one target after the other
 *                begin, told  <- events (cmd/events.h) <-   link_send()
 *                hook, tunnels                 ->     link_ask()
 *                lost, where it broke off
 *
 * What must always hold:
 *   1. The parent alone prints, asks people, and starts commands: PassCmd before, PostSync and Tunnel meanwhile.
 *   2. A worker that breaks takes one target with it: that is told, and another process goes on behind it.
 *   3. A signal to the parent reaches all workers; they end with the parent, however that ends.
 *   4. What a worker sends is not believed: it is checked, and escaped where it is printed.
 */
#ifndef CMD_WORKERS_H
#define CMD_WORKERS_H

#include <stddef.h>
#include <stdint.h>

#include "cmd/events.h"
#include "cmd/link.h"
#include "cmd/run.h"

enum { WORKERS_JOBS = 4 };		/* unless -j says otherwise */

struct workers_use {
	/* In the worker. Sends EVENT_BEGIN (worker_begin()), and in the end `last`. */
	void (*work)(struct run_set *set, struct link *parent, size_t target);
	enum event_kind last;
	/* In the parent, in order. */
	void (*begin)(void *ctx, size_t target, int64_t begun);		/* NULL = it does not matter */
	void (*told)(void *ctx, size_t target, struct event *ev);	/* leaves event_is_whole() */
	void (*lost)(void *ctx, size_t target, const struct err *e);	/* in place of `last` */
	/* In the parent, at once, when `last` came; the worker waits. NULL = nothing to do; -1: *e is told in order. */
	int (*hook)(void *ctx, size_t target, struct event *last, struct err *e);
	void *ctx;
};

/* All targets of the set. Returns when the last process has ended. */
void workers_run(struct run_set *set, const struct workers_use *use);

/* For work(): it begins with this target. */
void worker_begin(struct link *parent, size_t target);
/* In a worker: the event that event_begin() began, which is ended and freed. */
void worker_send(struct link *parent, struct buf *event);

#endif
