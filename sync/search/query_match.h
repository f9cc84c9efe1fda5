/* Whether a message that is a file is one that a query finds: by its header, its flags, its size. Its body is not looked into.
 *
 * As IMAP SEARCH has it (RFC 9051 section 6.4.4): a text is found anywhere in a line, whatever the case of its letters; days are those of
 * the zone in which the date was written.
 */
#ifndef SYNC_SEARCH_QUERY_MATCH_H
#define SYNC_SEARCH_QUERY_MATCH_H

#include "state/model/flags.h"
#include "sync/search/query.h"

struct query_message {
	const char *header;		/* up to its empty line, or as much of it as was read */
	size_t len;
	struct flags flags;
	uint64_t size;			/* octets */
	int64_t arrived;		/* seconds since 1970, where the Date line says nothing */
	int64_t now;
};

/* What a query asks, in words, that this cannot tell: the body, Gmail. NULL = it can tell all. */
const char *query_cannot_here(const struct query *q);

/* q: without in: (query_in_box()), and query_cannot_here() has nothing against it. text: is looked for in the header alone. */
bool query_matches(const struct query *q, const struct query_message *m);

#endif
