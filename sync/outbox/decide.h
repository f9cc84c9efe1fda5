/* What is to be done with a message of an outbox, from what is known of it: pure, it knows no clock, no disk and no line.
 *
 *	NEW ---send---> SENDING --all have it--> SENT --filed--> gone
 *	 ^                 |------later--------> WAITING --its time--> SENDING
 *	 |                 |------never--------> HELD ----touched----> NEW
 *	 |                 '------no answer----> UNKNOWN --found in Sent--> SENT
 *	 '----a person lets it go again----------'
 *
 * Invariants:
 *   1. A recipient who has a message, or may have it, is never sent to again unless a person says so.
 *   2. What is HELD or UNKNOWN is not tried by itself.
 */
#ifndef SYNC_OUTBOX_DECIDE_H
#define SYNC_OUTBOX_DECIDE_H

#include "sync/outbox/record.h"
#include "sync/smtp/session.h"

enum outbox_act {
	OUTBOX_ACT_NOTHING,		/* it is not there to be sent: \Deleted */
	OUTBOX_ACT_SEND,
	OUTBOX_ACT_WAIT,		/* not now */
	OUTBOX_ACT_HOLD,
	OUTBOX_ACT_LOOK,		/* perhaps it is in Sent */
	OUTBOX_ACT_FILE,		/* it was sent: into Sent with it */
};

enum {
	OUTBOX_DAY = 24 * 3600,		/* what waits so long is told */
	OUTBOX_FIRST_WAIT = 300, OUTBOX_LONGEST_WAIT = 4 * 3600,
};

/* Makes of the record what it is at the beginning of a run, in which its file has these flags (enum flag_bit), and says what is to be done. is_known:
 * it has a record; else *rec is a new one, with its recipients. */
enum outbox_act outbox_decide(struct outbox_record *rec, bool is_known, uint32_t flags, int64_t now);

/* The next of those who are to get it, no more than `most`: their indexes. */
size_t outbox_choose(const struct outbox_record *rec, size_t *index, size_t most);

/* Before DATA: those who were accepted. */
void outbox_intend(struct outbox_record *rec, const size_t *index, const struct smtp_recipient *to, size_t n, int64_t now);

/* What a session made of it. `why`: for SMTP_NOT_SENT and SMTP_UNKNOWN, the error. True: some of them are to be tried again at once, for the
 * server takes no more than so many at a time. */
bool outbox_settle(struct outbox_record *rec, const size_t *index, const struct smtp_recipient *to, size_t n, const struct smtp_result *result,
    const char *why, int64_t now, struct arena *a);

/* It cannot be sent as it is. */
void outbox_hold(struct outbox_record *rec, const char *why);
/* A person says that it is to be tried again, by all who do not have it for certain. */
void outbox_release(struct outbox_record *rec);
/* Whether somebody has it for certain. */
bool outbox_has_any_got(const struct outbox_record *rec);
/* It was found in Sent: whoever may have it, has it. */
void outbox_found(struct outbox_record *rec, int64_t now);

bool outbox_is_sent_to_any(const struct outbox_record *rec);

#endif
