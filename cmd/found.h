/* What a search found, from the worker that searched to the parent that prints. */
#ifndef CMD_FOUND_H
#define CMD_FOUND_H

#include "cmd/events.h"
#include "cmd/link.h"
#include "sync/channel_search.h"

/* In the worker: all of a result, and that it is all. rc < 0: it failed with *e. */
void found_send(struct link *parent, const struct search_result *r, int rc, const struct err *e);

/* In the parent: one of the events. Texts are borrowed from it. */
struct found_event {
	enum { FOUND_HIT, FOUND_NOTE, FOUND_END, FOUND_FAILED } kind;
	struct search_hit hit;
	struct search_note note;
	uint64_t found;			/* FOUND_END: before the limit */
	bool is_here;
	struct err err;			/* FOUND_FAILED */
};
void found_read(struct event *ev, struct found_event *told_r);

#endif
