/* The inside of queries, for sync/search/query*.c alone. */
#ifndef SYNC_SEARCH_QUERY_INSIDE_H
#define SYNC_SEARCH_QUERY_INSIDE_H

#include "state/model/flags.h"
#include "sync/search/query.h"

struct query_word {
	const char *name;		/* lower case */
	enum query_takes {
		TAKES_TEXT, TAKES_HEADER, TAKES_DATE, TAKES_AGE, TAKES_SIZE, TAKES_FLAG, TAKES_KEYWORD, TAKES_ATTACHMENT,
	} takes;
	enum query_kind kind;
	const char *field;
	int n;				/* enum query_date; is_more */
	enum query_relation rel;
	const char *usage, *help;	/* NULL = explained with another */
};
struct query_flag { const char *name; uint32_t flag; bool is_unset; };

/* query_words.c; the table ends with a row whose name is NULL */
extern const struct query_flag query_flags[];
const char *const *query_flag_words(void);
const struct query_word *query_word_find(const char *word, size_t len);

/* query_value.c: -1 = it is no such value */
int query_read_age(const char *s, int64_t *seconds_r);
int query_read_size(const char *s, uint64_t *octets_r);

#endif
