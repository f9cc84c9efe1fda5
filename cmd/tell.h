/* What is told of a run while it goes on and when it is over: findings, progress, summaries; as text or,
 * with --json, as one object per line, whose fields cmd/README.md lists.
 *
 * How it is used: tell_init(); for each channel tell_channel(), tell_note() and tell_progress() as it goes on,
 * tell_channel_end(); tell_end().
 *
 * What must always hold:
 *   1. An error of the engine is told once, when it comes up, and counts for the exit code.
 *   2. Without a terminal, -V and --json, a run in which nothing is wrong prints nothing.
 *   3. With -q neither does one in which all that is wrong may pass by itself, and has not lasted.
 */
#ifndef CMD_TELL_H
#define CMD_TELL_H

#include "cmd/app.h"
#include "cmd/progress.h"
#include "sync/channel.h"

struct tell {
	struct app *app;
	const char *channel;		/* at present; NULL = none */
	size_t number, channels;
	struct progress progress;
	struct channel_report sum;	/* of all channels; its counts and what was removed are used */
	size_t errors;
	int64_t begun, channel_begun;	/* milliseconds of a steady clock */
	int64_t json_progress;		/* when it was last told */
	bool is_any;			/* a channel ran */
	VEC(char *) held_notes;		/* dry: notes that the plan's text may hold anyway */
	VEC(char *) held_errors;	/* -q: which of them are said, the report tells */
};

void tell_init(struct tell *t, struct app *app, size_t channels);

/* Times as of progress_now(). */
void tell_channel(struct tell *t, const char *name, int64_t begun);
void tell_note(struct tell *t, enum note_level level, const char *box, const char *text);
void tell_progress(struct tell *t, const struct run_progress *p, const struct progress_waiting *w);
/* Whether anybody would see that. */
bool tell_wants_progress(const struct app *app);
/* `rc` and `e` as channel_run() left them. */
void tell_channel_end(struct tell *t, const struct channel_report *r, int rc, const struct err *e, int64_t ended);
/* A channel, or something about it, failed outside of the engine. */
void tell_error(struct tell *t, const struct err *e);

/* The members of one side, for --json. */
void tell_json_counts(struct buf *out, const struct side_counts *c);

/* The summary of the run; frees. */
void tell_end(struct tell *t);

#endif
