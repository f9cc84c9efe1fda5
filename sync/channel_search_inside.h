/* What both ways to search share, for sync/channel_search*.c alone. */
#ifndef SYNC_CHANNEL_SEARCH_INSIDE_H
#define SYNC_CHANNEL_SEARCH_INSIDE_H

#include "sync/boxes/boxes.h"
#include "sync/channel_search.h"
#include "sync/search/query_match.h"

/* One mailbox whose headers are read on the disk. */
struct search_here {
	struct env *env;		/* its state, its pool */
	const struct search_want *want;
	enum side side;			/* the disk */
	int server;			/* -1 = none */
	const char *box, *on;		/* as the channel calls it, and its store */
	const struct box_record *rec;	/* NULL = the base does not know it */
};

/* Mailboxes in which headers cannot answer the query. */
struct search_unanswered {
	const char *box;		/* the first of them */
	const char *why;
	size_t n;
};

/* channel_search_here.c */
/* -1: no further mailbox can be read. What is wrong with this one is a note; or it is counted in *u. */
int search_box_here(const struct search_here *h, struct search_result *r, struct search_unanswered *u, struct err *e);
/* One note for all of them. */
void search_note_unanswered(struct search_result *r, const struct search_unanswered *u);

/* channel_search_result.c */
void search_fill(struct search_result *r, struct search_hit *hit, const struct message_header *h);
void search_note(struct search_result *r, const char *box, bool is_error, enum err_class class, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));
/* The newest first; what is beyond the limit (0 = none) is dropped. */
void search_sort(struct search_result *r, size_t limit);

#endif
