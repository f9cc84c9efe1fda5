/* The mailboxes of a channel, listed by a worker and told to the parent: EVENT_BEGIN, EVENT_MAILBOX for each, EVENT_LISTED. */
#ifndef CMD_MAILBOXES_H
#define CMD_MAILBOXES_H

#include "cmd/workers.h"

/* What a worker does for struct workers_use; the first warns of what is amiss with a mailbox. */
void mailboxes_send(struct run_set *set, struct link *parent, size_t target);
void mailboxes_send_names(struct run_set *set, struct link *parent, size_t target);

enum mailboxes_kind { MAILBOXES_ONE, MAILBOXES_END, MAILBOXES_FAILED };

struct mailboxes_event {
	enum mailboxes_kind kind;
	struct channel_box box;		/* ONE; borrowed from the event */
	struct err err;			/* FAILED */
};

void mailboxes_read(struct event *ev, struct mailboxes_event *told_r);

#endif
