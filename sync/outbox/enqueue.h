/* Putting a message into an outbox, for programs: durably, beside whatever else goes on there, without a lock and without the line. */
#ifndef SYNC_OUTBOX_ENQUEUE_H
#define SYNC_OUTBOX_ENQUEUE_H

#include "sync/outbox/envelope.h"
#include "sync/outbox/outbox.h"

/* Writes envelope and message, whose header has what it needs. 0: it is in the outbox, for good (FSync). -1 with *e: nothing of it is; ERR_TEMPORARY
 * where that may be otherwise later. */
int outbox_enqueue(const struct outbox *o, const struct envelope *v, const char *message, size_t len, struct err *e);

#endif
