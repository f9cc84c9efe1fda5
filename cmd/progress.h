/* How far a run is, in one line of a terminal.
 *
 * How it is used: progress_begin() per channel, progress_update() with whatever the engine tells, which draws at
 * most a few times a second. progress_render() is the line itself, without a clock or a screen, for tests.
 */
#ifndef CMD_PROGRESS_H
#define CMD_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "state/base/buf.h"
#include "sync/channel.h"

/* The server that all of its connections wait for, and how long. on: NULL = none; as it came. */
struct progress_waiting { const char *on; uint64_t seconds; };

struct progress_view {
	const char *channel;		/* escaped */
	size_t number, channels;	/* this is the number-th (from 1) of so many */
	struct run_progress run;
	uint64_t rate;			/* bytes per second; 0 = not known */
	int64_t left;			/* seconds; -1 = not known */
	struct progress_waiting waiting;	/* on: escaped; NULL = not for so long that it is worth a word */
};

/* Appends a line of at most `width` columns. What does not fit is left out, the least telling first; what is
 * still too long is cut. */
void progress_render(const struct progress_view *v, unsigned width, struct buf *out);

/* Zero-initialised = off: nothing is ever drawn. */
struct progress {
	bool is_on;
	struct progress_view view;
	struct buf channel, on, line;
	int64_t drawn;			/* milliseconds of a steady clock */
	int64_t carried_since;		/* when the first message was; 0 = none yet */
	uint64_t carried, carried_bytes;	/* by then */
	int64_t window;			/* when the bytes of the rate began to be counted */
	uint64_t window_bytes;
};

/* begun: when the channel began, as of progress_now(). */
void progress_begin(struct progress *p, const char *channel, size_t number, size_t channels, int64_t begun);
void progress_update(struct progress *p, const struct run_progress *run, const struct progress_waiting *waiting);
void progress_release(struct progress *p);

/* Milliseconds of a steady clock. */
int64_t progress_now(void);

#endif
