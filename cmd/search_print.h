/* How what a search found is printed: results to stdout, so that other programs read nothing else there; what is not on the disk is named on
 * stderr. */
#ifndef CMD_SEARCH_PRINT_H
#define CMD_SEARCH_PRINT_H

#include "cmd/app.h"
#include "sync/channel_search.h"

/* A hit and whose it is. Strings are the finds' arena's. */
struct find { const struct channel_settings *channel; size_t turn; struct search_hit hit; };
struct finds {
	struct arena arena;
	VEC(struct find) all;
	uint64_t found;			/* before limits */
};
void finds_add(struct finds *f, const struct channel_settings *c, size_t turn, const struct search_hit *hit);
void finds_release(struct finds *f);

/* The newest first, as the options say. */
void finds_print(const struct app *app, struct finds *f);

#endif
