/* A search for equal messages: which there are, what is known of them, and learning the rest.
 *
 * Use: fill run, in, at; search_add() for each message; search_learn() as cheaply as will do; search_decide(),
 * which learns what is in doubt; search_release().
 *
 * The two sides of an adopt_item are roles here: far and near for twins; what vanished and what is new on one
 * side for moves. `at` says on which side the messages of a role can be read.
 *
 * Must hold:
 *   1. What was learnt is kept in the base.
 *   2. A message whose identity cannot be learnt is never taken for another's equal.
 */
#ifndef SYNC_MATCH_SEARCH_H
#define SYNC_MATCH_SEARCH_H

#include "sync/pair/adopt.h"
#include "sync/match/match_inside.h"

enum {
	TUID_LINE = 22,			/* octets of mbsync's "X-TUID: 123456789012\r\n" */
	STAMPS_MOST = 2048,		/* of all that stores and tools may have added to a message (sync/message/digest.h), about */
};

/* Sizes of some messages, in order. */
struct sizes { VEC(uint64_t) v; };

struct search {
	struct env *env;
	struct matching *in;
	enum side at[SIDES];		/* by role */
	VEC(struct adopt_item) items;	/* id = index into in->messages */
	VEC(struct match_unread) unread;
	size_t n[SIDES];		/* by role */
};

typedef bool search_choice(const struct search *x, const struct adopt_item *item, const void *ctx);

void search_add(struct search *x, enum side role, uint32_t msg);
/* As what it is on side s, whichever side it is read on: of a pair one half of which is a placeholder. */
void search_add_as(struct search *x, enum side role, uint32_t msg, enum side s);
void search_clear(struct search *x);
void search_release(struct search *x);
struct record *search_record(const struct search *x, const struct adopt_item *item);
bool search_is_local(const struct search *x, enum side role);
/* Learns `want` (enum ident_has) of the items that `choose` takes, spread over the workers. */
int search_learn(struct search *x, unsigned want, search_choice *choose, const void *ctx, struct err *e);
/* Whole digests of all that costs no network. */
int search_learn_local(struct search *x, struct err *e);
/* A remote message whose header was not read yet. */
bool search_lacks_header(const struct search *x, const struct adopt_item *item);
/* Decides by adopt_twins or adopt_moved, learning whole and loose digests where that is needed. */
int search_decide(struct search *x, bool (*adopt)(struct adopt_item *, size_t, struct adopt_pairs *),
    struct adopt_pairs *pairs, struct err *e);
/* twins.c: which of the items are twins, their identities learnt as cheaply as can be. doubts_sizes: where sizes fit
 * hardly anything they may be misstated, and all headers are read. */
int twins_decide(struct search *x, bool doubts_sizes, struct adopt_pairs *pairs, struct err *e);
/* moves.c: identities of what vanished from side s and is new there, as far as their sizes fit each other. Roles: far vanished, near is
 * new. */
int moves_learn(struct search *x, enum side s, struct err *e);
/* Sets aside what could not be read, and whatever may be its twin and is in none of the input's links from first_link on. */
void twins_hold_unread(struct search *x, size_t first_link);
/* Keeps what could not be read: in `unread` for twins_hold(), in `unread_moved` for unread_hold_moved(). */
void search_keep_unread(struct search *x, struct match_unreads *list);
/* unread.c: message `id` of the input waits, being unread itself or perhaps the twin of one that is, which is on side s. */
void unread_note(struct env *env, const struct matching *in, uint32_t id, const struct match_unread *unread, enum side s);

void sizes_add(struct sizes *s, uint64_t size);	/* 0 = not known: ignored */
void sizes_sort(struct sizes *s);
/* 0 = not known: fits if it is to; else by itself, or without a line of mbsync's. */
bool sizes_fit(const struct sizes *s, uint64_t size);
/* Within STAMPS_MOST of one of them. */
bool sizes_are_near(const struct sizes *s, uint64_t size);
void sizes_release(struct sizes *s);

#endif
