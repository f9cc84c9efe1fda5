/* A batch of messages written into one mailbox: all of it to tmp/ first, then made durable, then
 * renamed to its place, then the directories made durable, once for all.
 *
 *	d = deliver_new(&mdir, n)
 *	per message, one after the other, in any order:
 *		deliver_begin(d, i, ...), deliver_data()..., deliver_end()
 *	deliver_finish(d)
 *	deliver_result(d, i) for each
 *	deliver_free(&d)
 *
 * States of a message:
 *	ABSENT --deliver_begin--> OPEN --deliver_end--> WRITTEN --deliver_finish--> PLACED --> DONE
 *	any of them --error--> FAILED (nothing of it remains); PLACED --directory not durable--> UNKNOWN
 *
 * Where it goes: unseen into new/, seen into cur/. Without any flag its name has no info; an unseen
 * message that has other flags is put into new/ with them in its name, as mbsync does: programs that
 * ignore info there see it as new all the same.
 *
 * What must always hold:
 *	1. A file is in new/ or cur/ only when its content is complete and (FSync) durable.
 *	2. No existing name is ever overwritten.
 *	3. After a failure, unless the program "died" at a step, tmp/ holds nothing of that message.
 */
#ifndef SYNC_MAILDIR_DELIVER_H
#define SYNC_MAILDIR_DELIVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "state/base/err.h"
#include "sync/maildir/mdir.h"

enum deliver_state {
	DELIVER_ABSENT,			/* its content never came */
	DELIVER_OPEN,
	DELIVER_WRITTEN,
	DELIVER_PLACED,
	DELIVER_DONE,
	DELIVER_FAILED,
	DELIVER_UNKNOWN,		/* in its place, but perhaps not after a power cut */
};

struct deliver_result {
	enum deliver_state state;
	const char *name;		/* as delivered */
	bool is_new;
	struct err err;			/* with FAILED and UNKNOWN */
};

#define DELIVER_SIZE_UNKNOWN UINT64_MAX

struct deliver_body {
	const char *base;		/* of the name it gets */
	uint32_t flags;			/* as in sync/maildir/filename.h */
	bool is_wire;			/* CRLF: to be made LF where that can be undone (R23 line ends) */
	uint64_t size;			/* octets that come; DELIVER_SIZE_UNKNOWN = as many as do */
	int64_t date;			/* seconds since 1970 for its mtime; 0 = leave it at now */
};

struct deliver;

/* For up to n messages; m is borrowed and prepared (mdir_prepare()). */
struct deliver *deliver_new(struct mdir *m, size_t n);
void deliver_free(struct deliver **d);

/* -1 only when going on makes no sense: the disk is full, the directory cannot be written, the program
 * "died". What concerns one message is kept for its result; its data is then swallowed. */
int deliver_begin(struct deliver *d, size_t i, const struct deliver_body *body, struct err *e);
int deliver_data(struct deliver *d, const void *p, size_t len, struct err *e);
/* failed not NULL: the content broke off. */
int deliver_end(struct deliver *d, const struct err *failed, struct err *e);

/* Places all that was written in full. -1: as above. */
int deliver_finish(struct deliver *d, struct err *e);

/* Borrowed; strings live as long as d. */
const struct deliver_result *deliver_result(const struct deliver *d, size_t i);

#endif
