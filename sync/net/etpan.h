/* libetpan as we use it: its stream, and the functions of libetpan.so.20 whose headers are not
 * installed (mailstream_cancel.h). */
#ifndef SYNC_NET_ETPAN_H
#define SYNC_NET_ETPAN_H

#include <libetpan/mailstream.h>

struct mailstream_cancel;

struct mailstream_cancel *mailstream_cancel_new(void);
void mailstream_cancel_free(struct mailstream_cancel *cancel);
void mailstream_cancel_notify(struct mailstream_cancel *cancel);
int mailstream_cancel_cancelled(struct mailstream_cancel *cancel);
int mailstream_cancel_get_fd(struct mailstream_cancel *cancel);

#endif
