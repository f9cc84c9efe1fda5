/* What a sync, a list, a search or a comparison stands on: its state of each chapter, and what is remembered of the stores from one to the
 * next. Private to channel*.c. */
#ifndef SYNC_CHAPTERS_H
#define SYNC_CHAPTERS_H

#include "sync/apply/apply.h"

struct chapters {
	struct env env;
	struct boxes_state boxes;
	struct observe_state observe;
	struct match_state match;
	struct apply_state apply;
};

/* Borrows all it is given; env.state and env.pool are the caller's, who sets them. */
struct env *chapters_begin(struct chapters *c, const struct channel *set, const struct run_events *ev, struct channel_report *report);
void chapters_end(struct env *env);

/* For what only reads, once: opens the state that `at` names and begins its transaction, and makes a pool. chapters_close() follows, whatever
 * came of it; it ends what chapters_begin() began, with the report. */
int chapters_open(struct env *env, const struct state_place *at, struct err *e);
void chapters_close(struct env *env);

/* What the servers showed of themselves, from the last run and for the next (R24 one flight). */
int chapters_recall(struct env *env, struct err *e);
int chapters_remember(struct env *env, struct err *e);

#endif
