/* What is known of a message in an outbox, beside what it says itself: how often it was tried, who has it, what the server said.
 *
 * It lives in the outbox's own base (state/state.h), a remembered value for each message, "outbox KEY", KEY being that of the Maildir
 * (state/model/key.h). Its form, a line for each field and then one for each recipient:
 *
 *	1 STATE TRIES FIRST NEXT FLAGS		version; numbers; times in seconds since 1970; FLAGS of enum outbox_record_flag
 *	Message-ID				"" = the message has its own
 *	Date					the same
 *	Name in Sent				the base of its file there
 *	words					of the server, or why it is held
 *	STATE ADDRESS TAB words			a recipient
 */
#ifndef SYNC_OUTBOX_RECORD_H
#define SYNC_OUTBOX_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "state/base/mem.h"
#include "state/model/key.h"
#include "state/state.h"

enum outbox_state {
	OUTBOX_NEW,			/* to be sent; also what a person has let go again */
	OUTBOX_WAITING,			/* the server said "later", or was not there: tried again at `next` */
	OUTBOX_SENDING,			/* DATA was about to be said: the intent */
	OUTBOX_SENT,			/* nobody needs it any more but Sent */
	OUTBOX_HELD,			/* refused, or it cannot be sent: until somebody touches it */
	OUTBOX_UNKNOWN,			/* all of it was sent, and there was no answer: until it is found in Sent, or a person decides */
	OUTBOX_STATES
};

enum outbox_got {
	OUTBOX_GOT_NOT,			/* to be sent to */
	OUTBOX_GOT_PERHAPS,		/* it is in the message that is being sent, or that nobody answered for */
	OUTBOX_GOT,			/* never again */
	OUTBOX_GOT_REFUSED,
	OUTBOX_GOTS
};

enum outbox_record_flag {
	OUTBOX_IS_FLAGGED = 1 << 0,	/* its file was given \Flagged: without it, later, somebody has touched it */
	OUTBOX_TOLD_WAITING = 1 << 1,	/* that it waits for a day was told */
	OUTBOX_TOLD_HELD = 1 << 2,	/* what was refused of it */
	OUTBOX_TOLD_UNKNOWN = 1 << 3,
	OUTBOX_TOLD_SOME = 1 << 4,	/* what was refused of it, while others wait yet */
};

struct outbox_recipient {
	enum outbox_got got;
	const char *address, *words;
};

struct outbox_record {
	enum outbox_state state;
	unsigned tries, flags;
	int64_t first, next;
	const char *message_id, *date, *name, *words;	/* never NULL */
	struct outbox_recipient *to;
	size_t n;
};

/* 1/0/-1; all of it lives in the arena. */
int outbox_record_get(struct state *s, struct arena *a, struct key key, struct outbox_record *rec_r, struct err *e);
int outbox_record_forget(struct state *s, struct key key, struct err *e);
/* The keys of those that there are, one behind the other; after KEY_NONE = the first. 1/0/-1 */
int outbox_record_next(struct state *s, struct arena *a, struct key after, struct key *key_r, struct err *e);

/* Each in a transaction of its own, durable when it returns. rec NULL = forget. */
int outbox_record_keep(struct state *s, struct key key, const struct outbox_record *rec, struct err *e);

#endif
