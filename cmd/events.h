/* What a worker and the parent send each other, as frames on a socket: a length, a kind, then numbers and texts in the order
 * that each kind names. Both ends are the same program, so numbers have the host's byte order.
 *
 * How it is used: the sender event_begin(), event_number() and event_text() as the kind says, event_end(), and writes the buffer;
 * the reader event_next() on what has arrived, then event_get_number() and event_get_text() in the same order.
 *
 * What must always hold:
 *   1. The parent believes nothing of what a worker sends: a frame that does not fit its kind leaves event_is_whole() false.
 *   2. A text is NULL, or without NUL.
 */
#ifndef CMD_EVENTS_H
#define CMD_EVENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "state/base/buf.h"
#include "state/base/err.h"
#include "state/base/mem.h"
#include "sync/channel.h"

enum event_kind {
	/* From a worker. */
	EVENT_BEGIN = 1,		/* target, milliseconds: it begins with this one */
	EVENT_NOTE,			/* level, channel, box, text */
	EVENT_ACT,			/* as struct run_act */
	EVENT_CHANGED,			/* as struct run_changed */
	EVENT_PROGRESS,			/* as struct run_progress, then as struct progress_waiting */
	EVENT_SAID,			/* enum app_voice, text: not of a channel (an alert of a server) */
	EVENT_DEBUG,			/* a whole line */
	EVENT_REPORT,			/* event_put_report(), milliseconds: the target is over */
	EVENT_MAILBOX,			/* name, far, near, on[FAR], on[NEAR] */
	EVENT_LISTED,			/* rc, error: the target's mailboxes have been sent */
	EVENT_HIT,			/* as struct search_hit (cmd/found.h) */
	EVENT_SEARCH_NOTE,		/* as struct search_note */
	EVENT_SEARCHED,			/* rc, then hits found and whether on the disk alone, or an error */
	EVENT_DIFFERENCE,		/* as struct verify_difference (sync/channel_verify.h) */
	EVENT_NOT_VERIFIED,		/* mailbox or NULL, error */
	EVENT_VERIFIED,			/* rc, then the numbers of struct verify_report, or an error */
	EVENT_FINDING,			/* as struct finding (state/base/finding.h) */
	EVENT_CHECKED,			/* the target has been checked */
	EVENT_TUNNEL,			/* enum tunnel_ask, command or NULL, number: is answered */
	EVENT_FILE,			/* a temporary file is wanted: is answered with one */
	EVENT_OUTSIDE,			/* a directory leads out of what was granted; it ends, and wants to be started again */
	/* From the parent, about a channel that is over. */
	EVENT_HOOK,			/* error: PostSync failed */
};

enum { EVENT_MOST = 1 << 28 };		/* octets of one frame */

void event_begin(struct buf *b, enum event_kind kind);
void event_number(struct buf *b, uint64_t n);
void event_text(struct buf *b, const char *text);
void event_err(struct buf *b, const struct err *e);
/* Of one side. */
void event_counts(struct buf *b, const struct side_counts *n);
void event_report(struct buf *b, const struct channel_report *r);
void event_end(struct buf *b);			/* of the frame that was begun last; a buffer may hold several */

struct event {
	enum event_kind kind;
	const char *at, *end;		/* what is left to be read; borrowed from the buffer */
	bool is_bad;
};

/* The first frame of what has arrived. 1: *ev_r has it, and *used_r octets of `p` are its; 0: more must come first; -1: what
 * stands there is no frame. */
int event_next(const char *p, size_t len, struct event *ev_r, size_t *used_r);
uint64_t event_get_number(struct event *ev);
/* Borrowed from the buffer. NULL where NULL was sent, or the frame is bad: a text that must be there is event_get_words(). */
const char *event_get_text(struct event *ev);
const char *event_get_words(struct event *ev);		/* never NULL */
void event_get_err(struct event *ev, struct err *e);
void event_get_counts(struct event *ev, struct side_counts *n);
/* *r is zeroed by this; report_release() in any case. */
void event_get_report(struct event *ev, struct channel_report *r);
/* All was read, and all of it fitted. */
bool event_is_whole(const struct event *ev);

#endif
