/* Whether both sides of a channel hold the same: `mailtwin verify`.
 *
 * Both are listed afresh, whatever cursors and base say, and compared mailbox by mailbox: which messages there are, by the lines Message-ID,
 * Date, From, To and Subject; their flags, as far as both sides can keep them; and, if wanted, their text. The base gives names of mailboxes,
 * and the reason where a message is known to be on one side only.
 *
 * Must hold: nothing is written anywhere. A list that is not complete proves nothing to be missing: that is a note.
 */
#ifndef SYNC_CHANNEL_VERIFY_H
#define SYNC_CHANNEL_VERIFY_H

#include "sync/channel.h"

struct verify_want {
	bool has_bodies;		/* their text as well, by digest */
	bool has_since;
	int64_t since;			/* messages older than this, seconds since 1970 by their Date line, are left out */
};

enum verify_kind {
	VERIFY_BOX,			/* a mailbox is on `side` only */
	VERIFY_MISSING,			/* a message is on `side` only */
	VERIFY_FLAGS,			/* they have other flags */
	VERIFY_TEXT,			/* they have another text */
};

struct verify_difference {
	enum verify_kind kind;
	enum side side;
	const char *box;
	const char *place;		/* of the message on that side: "UID 4", or its file */
	int64_t date;			/* seconds since 1970; 0 = not known */
	const char *from, *subject, *message_id;	/* decoded; "" = none */
	const char *why;		/* what is different, or why it is missing */
};

struct verify_events {
	void (*difference)(void *ctx, const struct verify_difference *d);
	void (*error)(void *ctx, const char *box, const struct err *e);	/* this mailbox could not be compared, or not all of it */
	void *ctx;
};

struct verify_report { uint64_t boxes, messages[SIDES], differences; };

/* set->is_dry. -1: not all was compared, for this reason. */
int channel_verify(const struct channel *set, const struct verify_want *want, const struct verify_events *ev, struct verify_report *r,
    struct err *e);

#endif
