/* A message as its file on the disk has it, for people: explain and status, which ask no server. */
#ifndef CMD_ON_DISK_H
#define CMD_ON_DISK_H

#include "state/state.h"
#include "sync/channel.h"

enum { ON_DISK_WORDS_MOST = 500 };	/* octets of a field that is shown */

struct on_disk {
	const char *path;		/* NULL = it has no file, or that is gone */
	const char *from, *subject, *message_id;	/* decoded; "" = none, or not known */
	int64_t date;			/* of its Date line, else of its file; 0 = not known */
};

/* What the mailbox is called in the store of a side. */
const char *on_disk_box(const struct channel *channel, const struct box_record *b, enum side s, struct arena *a);

/* Side s is a disk. That it is gone is no error. Strings live in the arena. */
void on_disk_read(const struct channel *channel, const struct box_record *b, enum side s, struct key key, const char *hint, struct arena *a,
    struct on_disk *m_r);

#endif
