/* What a run does to single messages and mailboxes (-V, --json): sent by its worker, told by the parent.
 *
 *	worker: acts_send(), acts_send_changed()	parent: acts_told(), which is false for an event of another kind
 */
#ifndef CMD_ACTS_H
#define CMD_ACTS_H

#include "cmd/events.h"
#include "cmd/link.h"
#include "cmd/tell.h"

void acts_send(struct link *parent, const struct run_act *a);
void acts_send_changed(struct link *parent, const struct run_changed *c);
bool acts_told(const struct tell *t, struct event *ev);

#endif
