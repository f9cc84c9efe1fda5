/* Which mailboxes there are, which go with which, what is missing, and what was renamed (R6 gone if denied, R7 another store, R8 one name,
 * R12 folder renames).
 *
 * Gives: run.boxes, one for each pair, with what the base knows of it; run.base with every name corrected.
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

#include "sync/env/run.h"

/* asks.c: asks_set() before a session is opened, asks_forget() before the run ends */
int asks_set(struct run *r, struct err *e);
void asks_forget(struct run *r);

/* list.c */
int boxes_list(struct run *r, struct err *e);
/* Marks the mailboxes that want a delta: those that were written to, and on the sides in `looks` those whose cursors moved since they were
 * read. Asks for these cursors. */
int boxes_refresh(struct run *r, const bool looks[SIDES], struct err *e);

/* Adds the mailboxes of a side that are read and not written to. */
void boxes_to_look_at(const struct run *r, enum side s, struct run_look *look);
/* Cursors of some mailboxes of a side as they are now; boxes[i].name is the store's. */
int boxes_cursors(struct run *r, enum side s, struct mailbox *boxes, size_t n, struct err *e);

/* pair_boxes.c */
/* Whether the patterns select this mailbox of side s, by that name. */
bool pairing_selects(const struct run *r, enum side s, const char *full);
unsigned pairing_roles(unsigned attrs);		/* enum mailbox_attr -> a set of enum role */
/* Fills run.base, run.is_blank and run.boxes: pairs what is listed, and adds what only the base knows. */
int pairing_make(struct run *r, struct err *e);
/* Stores by what each mailbox is recognised under another name (R12). */
int pairing_keep_identities(struct run *r, struct err *e);
/* Keeps only what was named on the command line; a name that does not exist is reported. */
void pairing_keep_named(struct run *r);

/* encoded.c: mailboxes of a disk that older programs named as the server does are held, and their twins */
void encoded_hold(struct run *r);

/* missing.c */
/* R7: another store than last time. */
int missing_check_fingerprint(struct run *r, enum side s, struct err *e);
/* Which mailboxes that the base knows are gone, or are others (R6, R7). */
int missing_check(struct run *r, struct err *e);

/* renames.c */
/* Puts right the names in r->base, and keeps them. */
int renames_find(struct run *r, struct err *e);
/* The mailbox of side s went elsewhere with its messages, and these are moved one by one (R9 moves). */
int renames_vanished(struct run *r, struct box_record *rec, enum side s, struct err *e);
/* From here on the two mailboxes of rec are known by their names alone; rec stays with that of side s. */
int renames_apart(struct run *r, struct box_record *rec, enum side s, struct err *e);
/* The list was not complete, so renames were not searched for: m may be a known mailbox under another name. */
bool renames_may_be(struct run *r, enum side s, const struct mailbox *m);
/* The record whose mailbox this is on side s; NULL = nobody's. */
const struct box_record *renames_owner(const struct run *r, enum side s, const char *full);
/* The full name under which a listed mailbox is paired: what it will be called once all renames are carried out. */
const char *renames_shown(struct run *r, enum side s, const char *full);

/* replaced.c: the store is another one and does not have what was known; reported once for all mailboxes. */
void replaced_hold(struct run *r, struct run_box *b, enum side s);
bool replaced_is_held(const struct run *r, enum side s);
void replaced_tell(struct run *r);

#endif
