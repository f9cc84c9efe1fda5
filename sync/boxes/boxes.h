/* Which mailboxes there are, which go with which, what is missing, and what was renamed (R6 gone if denied, R7 another store, R8 one name,
 * R12 folder renames).
 *
 * Gives: env.boxes, one for each pair, with what the base knows of it; env.base with every name corrected.
 * Must hold: a mailbox counts as gone only if its store denies it (missing.c). Another store, or another mailbox under the name,
 * is paired anew and deletes nothing.
 *
 *   asks.c           what the stores are asked about: nothing that the patterns leave out
 *   list.c           lists both sides, finds which mailboxes moved since the last run
 *   pair_boxes.c     which go with which, and with which record of the base
 *   missing.c        which are gone, which are others under the same name
 *   encoded.c        names that a disk still has in modified UTF-7
 *   replaced.c       a whole store that is another one
 *   renames.c        what was renamed: rename_find.c searches, rename_verify.c compares messages
 */
#ifndef SYNC_BOXES_BOXES_H
#define SYNC_BOXES_BOXES_H

#include "sync/env/env.h"

/* A directory that is in modified UTF-7 yet: what it will be called, in full. */
struct boxes_encoded { enum side side; const char *from, *to; };

/* What is known of the mailboxes of both stores, beside env.boxes. */
struct boxes_state {
	struct listing listing[SIDES];
	struct box_record *base;	/* the mailboxes the base knew when they were listed; id 0 = forgotten since */
	size_t base_n;
	bool has_other_names[SIDES];	/* some of them are called otherwise there */
	VEC(uint32_t) contested;	/* those renamed on both sides, to two names */
	const char *replaced[SIDES];	/* words on a store that is another one than in the last run; NULL = it is the same */
	VEC(struct boxes_encoded) encoded;	/* dry, with --rename-utf7: they would be renamed */
	uint64_t held;			/* messages held back for mailboxes that nothing is planned for */
	bool is_blank[SIDES];		/* the base knows nothing of this side, or all it knows is to be paired anew (R7 another store) */
};

/* asks.c: asks_set() before a session is opened, asks_forget() before the run ends */
int asks_set(struct env *env, struct err *e);
void asks_forget(struct env *env);

/* news.c */
bool news_has(const struct env *env, const char *box);
/* Whether each of env.news is a pair in the base, and no earlier write is unfinished. 1/0/-1 */
int news_are_known(const struct env *env, const struct box_record *all, size_t n, struct err *e);
/* Leaves them alone in env.boxes. false: one of them is no longer what it was, and all is to be looked at. */
bool news_keep(struct env *env);

/* list.c */
/* Fills env.boxes; with env.news, which it gives up where that is not enough, with these alone. */
int boxes_list(struct env *env, struct err *e);
/* Which of them are missing, held, or want a delta. */
int boxes_judge(struct env *env, struct err *e);
/* Marks the mailboxes that want a delta: those that were written to, and on the sides in `looks` those whose cursors moved since they were
 * read. Asks for these cursors. */
int boxes_refresh(struct env *env, const bool looks[SIDES], struct err *e);

/* Adds the mailboxes of a side that are read and not written to. */
void boxes_to_look_at(const struct env *env, enum side s, struct run_look *look);
/* Cursors of some mailboxes of a side as they are now; boxes[i].name is the store's. */
int boxes_cursors(struct env *env, enum side s, struct mailbox *boxes, size_t n, struct err *e);

/* pair_boxes.c */
/* Whether the patterns select this mailbox of side s, by that name. */
bool pairing_selects(const struct env *env, enum side s, const char *full);
unsigned pairing_roles(unsigned attrs);		/* enum mailbox_attr -> a set of enum role */
/* Fills env.base, env.is_blank and env.boxes: pairs what is listed, and adds what only the base knows. */
int pairing_make(struct env *env, struct err *e);
/* Stores by what each mailbox is recognised under another name (R12). */
int pairing_keep_identities(struct env *env, struct err *e);
/* Keeps only what was named on the command line; a name that does not exist is reported. */
void pairing_keep_named(struct env *env);

/* encoded.c: mailboxes of a disk that older programs named as the server does are held, and their twins */
void encoded_hold(struct env *env);
/* --rename-utf7: renames one of their directories, after which the sides are to be listed again. In a dry run all are in
 * boxes_state.encoded instead, and paired by what they would be called. */
int encoded_rename(struct env *env, bool *is_renamed_r, struct err *e);
/* Renames one, with all that lies below it; names in full. */
int encoded_rename_directory(struct env *env, enum side s, const char *from, const char *to, struct err *e);

/* missing.c */
/* R7: another store than last time. */
int missing_check_fingerprint(struct env *env, enum side s, struct err *e);
/* Which mailboxes that the base knows are gone, or are others (R6, R7). */
int missing_check(struct env *env, struct err *e);

/* renames.c */
/* Puts right the names in env->boxes_state->base, and keeps them. */
int renames_find(struct env *env, struct err *e);
/* From here on the two mailboxes of rec are known by their names alone; rec stays with that of side s. */
int renames_apart(struct env *env, struct box_record *rec, enum side s, struct err *e);
/* The list was not complete, so renames were not searched for: m may be that mailbox, or any that is known, under another name. */
bool renames_may_be(struct env *env, enum side s, const struct box_record *rec, const struct mailbox *m);
bool renames_may_be_any(struct env *env, enum side s, const struct mailbox *m);
/* The full name that an unfinished rename was about to give it; NULL = there is none. 0, -1 error. */
int renames_intended(struct env *env, uint32_t box, enum side s, const char **full_r, struct err *e);
/* The record whose mailbox this is on side s; NULL = nobody's. */
const struct box_record *renames_owner(const struct env *env, enum side s, const char *full);
/* The full name under which a listed mailbox is paired: what it will be called once all renames are carried out. */
const char *renames_shown(struct env *env, enum side s, const char *full);

/* replaced.c: the store is another one and does not have what was known; reported once for all mailboxes. */
void replaced_hold(struct env *env, struct run_box *b, enum side s);
bool replaced_is_held(const struct env *env, enum side s);
void replaced_tell(struct env *env);

#endif
