/* What the files of match/ ask of each other, in the order of match.c. *has_changed_r: the base was corrected, and all is to be matched
 * anew; else it is left as it was. */
#ifndef SYNC_MATCH_MATCH_INSIDE_H
#define SYNC_MATCH_MATCH_INSIDE_H

#include "sync/match/match.h"

/* input.c: in->messages point at records in the arena. */
int input_make(struct env *env, struct matching *in, struct arena *a, struct err *e);

/* confirm_keys.c: judges keys that a server gave and that are doubted. */
int confirm_keys(struct env *env, struct matching *in, bool *has_changed_r, struct err *e);

/* moves.c. moves_supply(): identities known by a server's own ids, before the others search. */
int moves_supply(struct env *env, struct matching *in, struct err *e);
int moves_find(struct env *env, struct matching *in, struct err *e);

/* rekeyed.c */
int rekeyed_find(struct env *env, struct matching *in, bool *has_changed_r, struct err *e);

/* twins.c */
int twins_find(struct env *env, struct matching *in, struct err *e);

/* elsewhere.c. *waiting_r: the messages that wait for the next round are added. */
int elsewhere_review(struct env *env, struct matching *in, bool *has_changed_r, struct err *e);
int elsewhere_find(struct env *env, struct matching *in, bool *has_changed_r, size_t *waiting_r, struct err *e);

/* beyond.c: what may be beyond the window of the other side is not sent. beyond_begin(): which mailboxes are compared for the first time, by
 * index; to be freed. beyond_hold(): once they were. */
bool *beyond_begin(const struct env *env);
int beyond_hold(struct env *env, struct matching *in, const bool *is_first, struct arena *a, struct err *e);

/* copies.c: copies of what both sides have. */
int copies_find(struct env *env, struct matching *in, struct arena *a, bool may_wait, size_t *waiting_r, struct err *e);

/* shared.c. shared_link(): after all other links, which pair has the message of which record; what they agree on is written down.
 * shared_find(): 1 = what was sent is kept as the message of another, and marked so; 0 = not known; -1. */
int shared_link(struct env *env, struct matching *in, struct arena *a, struct err *e);
int shared_find(struct env *env, const struct matching *input, const struct intent *in, struct arena *a, struct err *e);

/* limits.c: where the limits of mailboxes are (P18), with the settled messages that are beyond them. Messages that get their twin just now and
 * may be beyond wait, and are added to *waiting_r. */
int limits_find(struct env *env, struct matching *in, struct arena *a, size_t *waiting_r, struct err *e);

/* recover.c: messages whose write may still show up are set aside; other intents end. */
int recover_hold(struct env *env, struct matching *in, struct arena *a, struct err *e);

/* search.c: mailboxes that could not be read are closed to the plan. */
void search_close_failed(struct env *env, struct matching *in);

/* guard.c: a side that lost the twins of much of what it had (R21 guards). */
void guard_lost(struct env *env, struct matching *in, struct arena *a);

/* set_aside.c: nothing will be planned for this message in this run. */
void set_aside(struct matching *in, uint32_t index, struct arena *a);

/* uploads.c: the message that an intent without a key brought about, though its source is gone. 1 found, 0 not there. */
int uploads_find(struct env *env, const struct intent *in, struct run_box *home, struct arena *a, struct record *found_r, struct err *e);

/* unfinished.c */
/* An intent whose outcome is a message somewhere. */
bool unfinished_is_copy(const struct intent *in);
/* The records that wait for the outcome of a copy or move of theirs, sorted. The caller releases it. */
int unfinished_records(struct env *env, struct id_set *out, struct err *e);
/* What a store said that it took, without saying under what key. */
struct sent { enum side side; uint32_t box; struct ident ident; };
struct sent_set { VEC(struct sent) v; };
int unfinished_sent(struct env *env, struct sent_set *out, struct err *e);

#endif
