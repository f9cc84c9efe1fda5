/* How the last runs of a channel ended, as its state keeps it: for `mailtwin status`, and so that what has lasted is told.
 *
 * When a run last ended with all in order stands in the lock file (state_done()). What a run leaves in error is a remembered value of the state,
 * "run.end CHANNEL"; it is written when it has changed, so a run without news writes nothing. Its form, a line, and then one for each error, and
 * for some messages that are held back and have no file here, as their server showed them once:
 *
 *	1 STATE SINCE LAST TOLD MORE		version; enum channel_ended; seconds since 1970, 0 = none; errors that have no line
 *	CLASS US MAILBOX US TEXT		enum err_class; "" = the channel. US is octet 31
 *	m US MAILBOX US UID US DATE US FROM US SUBJECT
 *
 * What must always hold: an error of a mailbox stays until a run has looked at that mailbox and come to its end.
 */
#ifndef SYNC_CHANNEL_END_H
#define SYNC_CHANNEL_END_H

#include "state/state.h"
#include "sync/channel.h"

enum channel_ended {
	CHANNEL_FAILING,		/* the last run left errors */
	CHANNEL_RECOVERED,		/* it did not; these are of the last one that did */
};

enum { CHANNEL_END_MOST = 50, CHANNEL_END_TEXT_MOST = 800, CHANNEL_END_HELD_MOST = 5 };	/* errors; octets; messages of a mailbox */

struct channel_end_message {
	const char *box;
	uint32_t uid;
	int64_t date;			/* of its Date line; 0 = none */
	const char *from, *subject;
};

struct channel_end {
	enum channel_ended state;
	int64_t since;			/* of the failures in a row: the first */
	int64_t last;			/* RECOVERED: the last of them */
	int64_t told;			/* when it was last said that it lasts; 0 = never */
	uint64_t more;			/* errors beyond CHANNEL_END_MOST */
	VEC(struct report_error) errors;
	VEC(struct channel_end_message) held;
};
void channel_end_release(struct channel_end *end);

/* 1/0/-1. Strings live in the arena; channel_end_release() in any case. */
int channel_end_get(struct state *s, const char *channel, struct arena *a, struct channel_end *end_r, struct err *e);

struct env;
/* At the end of a run: status and e as it has them. Fills is_lasting of its report. What cannot be kept is no error. */
void channel_end_keep(struct env *env, int status, const struct err *e);

/* A run that did not get as far as its state: for this reason. Nothing is kept where another run has the state, or there is none yet. */
void channel_end_failed(const struct channel *set, const struct err *why, struct channel_report *report);

#endif
