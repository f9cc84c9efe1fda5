/* What a run does with outboxes: in a worker, before its channel is synchronised and behind that.
 *
 * How it is used: sending_fetch() in the parent; sending_begin(), the channel, sending_end() in the worker. A dry run says what would be sent.
 */
#ifndef CMD_SENDING_H
#define CMD_SENDING_H

#include "cmd/outboxes.h"
#include "cmd/run.h"
#include "sync/outbox/outbox.h"

/* Secrets of accounts by which something is to be sent; all: of each account that an outbox has. */
void sending_fetch(struct run_set *set, bool all);

/* The account's, as the settings and the run have it. */
void sending_fill(struct outbox *o, const struct outbox_place *place, const struct app *app, const struct secrets *secrets);

struct sending_done {
	struct arena arena;
	struct outboxes boxes;
	VEC(size_t) looks;		/* of boxes: something in it is to be looked for */
	struct channel_report sum;
};

void sending_begin(struct run_set *set, size_t target, const struct run_events *ev, struct sending_done *done_r);
/* Looks for what nobody knows of; what came of it all goes into the channel's report; frees. */
void sending_end(struct run_set *set, const struct run_events *ev, struct sending_done *done, struct channel_report *report);

#endif
