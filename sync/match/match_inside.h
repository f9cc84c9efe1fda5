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
/* From its mailbox on side s, by itself or with it: what is new elsewhere may be it. */
bool moves_has_vanished(const struct env *env, const struct match_message *m, enum side s);

/* unread.c: what went and what came are set aside, where one of the two could not be read and they may be one message. */
void unread_hold_moved(struct env *env, struct matching *in, struct arena *a);

/* rekeyed.c */
int rekeyed_find(struct env *env, struct matching *in, bool *has_changed_r, struct err *e);

/* twins.c. twins_hold(): once placeholders have found what they stand for, what could not be read is set aside, with all that may be its twin. */
int twins_find(struct env *env, struct matching *in, struct err *e);
void twins_hold(struct env *env, struct matching *in);

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

/* placeholders.c (P21). placeholders_find(): which of what has no twin stands for what has none on the other side; what is replaced, and
 * whose message is not there yet, is set aside. placeholders_hold(): after copies_find(), what stands for another message is no mail; and what was
 * replaced and has another key now is that still.
 * placeholders_claim(): `found` arrived in mailbox `at` as the twin of rec: as its placeholder, or as itself. 1; 0 = it cannot be read now, so
 * that it is not known as which: noted in match_state.unclaimed; -1. */
int placeholders_find(struct env *env, struct matching *in, struct arena *a, struct err *e);
int placeholders_hold(struct env *env, struct matching *in, struct arena *a, struct err *e);
int placeholders_claim(struct env *env, const struct intent *in, struct record *rec, struct record *found, const struct run_box *at,
    struct err *e);

/* limits.c: where the limits of mailboxes are (P18), with the settled messages that are beyond them. Messages that get their twin just now and
 * may be beyond wait, and are added to *waiting_r. */
int limits_find(struct env *env, struct matching *in, struct arena *a, size_t *waiting_r, struct err *e);

/* recover.c: messages whose write may still show up are set aside; other intents end. */
int recover_hold(struct env *env, struct matching *in, struct arena *a, struct err *e);

/* search.c: mailboxes that could not be read are closed to the plan. */
void search_close_failed(struct env *env, struct matching *in);

/* guard.c: a side that lost the twins of much of what it had (R21 guards). */
void guard_lost(struct env *env, struct matching *in, struct arena *a);

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
