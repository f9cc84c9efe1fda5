/* What a query finds in the mailboxes of a channel: `mailtwin search`.
 *
 *   channel_search()	asks the server, all mailboxes in one flight, and joins what it finds with the base: where each message is on the disk
 *   channel_search_here()	reads the headers on the disk alone
 *
 * Must hold: nothing is written anywhere. The state is a copy (set.state.is_dry), mailboxes are EXAMINEd, no flag is set.
 */
#ifndef SYNC_CHANNEL_SEARCH_H
#define SYNC_CHANNEL_SEARCH_H

#include "sync/channel.h"
#include "sync/search/query.h"

struct search_want {
	const struct query *query;
	bool is_fuzzy;
	bool has_uids;			/* channel_search_here(): the other side gives UIDs */
	size_t limit;			/* the newest so many are wanted; 0 = all */
};

/* A message that was found. */
struct search_hit {
	const char *box;		/* as the channel calls it */
	uint32_t uid;			/* on the server; 0 = not known, or it is not there */
	uint64_t uidvalidity;		/* 0 = not known */
	const char *path;		/* its file; NULL = it is not on the disk */
	const char *missing;		/* then: why, in words; NULL = it has none, for neither side is a disk */
	const char *remedy;		/* options of a run that brings it; NULL = there is no such run */
	int64_t date;			/* of its Date line, else of its arrival; seconds since 1970; 0 = not known */
	uint64_t size;
	const char *from, *subject, *message_id;	/* for people: decoded; "" = it has none, or it is not known */
};

struct search_note { enum err_class class; bool is_error; const char *box, *text; };

struct search_result {
	struct arena arena;
	VEC(struct search_hit) hits;	/* the newest first */
	VEC(struct search_note) notes;
	uint64_t found;			/* before the limit */
	bool is_here;			/* the headers on the disk were searched, no server */
};
void search_result_release(struct search_result *r);

/* Which side is asked, and which has the files. -1 = neither. */
int search_server(const struct channel *set);
int search_disk(const struct channel *set);

/* -1: the server could not be asked, for this reason. What concerns one mailbox is a note. *r is zeroed by this; search_result_release() in any
 * case. */
int channel_search(const struct channel *set, const struct search_want *want, struct search_result *r, struct err *e);
/* set->store[] of the other side may be NULL. */
int channel_search_here(const struct channel *set, const struct search_want *want, struct search_result *r, struct err *e);

#endif
