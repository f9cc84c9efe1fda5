/* Where the mailboxes of the base are by now (R12 folder renames): shared by renames.c (what follows), rename_find.c (the search) and
 * rename_verify.c. */
#ifndef SYNC_BOXES_RENAME_H
#define SYNC_BOXES_RENAME_H

#include "sync/boxes/boxes.h"

/* A mailbox of the base, and where it is. */
struct place {
	struct box_record *rec;
	const char *was[SIDES];		/* its full name there in the last run */
	const char *on[SIDES];		/* now; NULL = nowhere, or not known where */
	bool is_home[SIDES];		/* on == was, and nothing says that it is another mailbox */
	bool is_replaced[SIDES];	/* on == was, and it is another; its twin was renamed, and it goes along (R7 another store) */
	bool is_tied;
	bool is_hidden[SIDES];		/* not listed under its name, and not denied by the store */
	bool is_ours[SIDES];		/* renamed there by a run that did not learn so */
};

struct renames {
	struct env *env;
	struct arena *arena;
	struct place *at;
	size_t n;
	VEC(struct intent) intents;	/* of renames */
	const struct mailbox **owned[SIDES];	/* listed mailboxes that are somebody's home or new place */
	size_t owned_n[SIDES];
	bool is_unsure[SIDES];		/* evidence could not be read, or the store did not say whether a name is free */
};

/* ---- rename_find.c ---- */
/* With the channel's prefix. */
const char *rename_find_full_name(struct env *env, enum side s, const char *name);
/* NULL = not listed, or a container only. */
struct mailbox *rename_find_listed(const struct env *env, enum side s, const char *full);
/* 1 it is, 0 it is not, -1 the two cannot be compared. */
int rename_find_is_same(const struct box_side *known, const struct mailbox *m);
/* m is somebody's place by now. */
void rename_find_own(struct renames *x, enum side s, const struct mailbox *m);
/* A mailbox that the channel means, and nobody's place yet. */
bool rename_find_is_free(const struct renames *x, enum side s, const struct mailbox *m);
/* Fills on, is_home and is_ours of every place, on one side. */
int rename_find_find(struct renames *x, enum side s, struct err *e);

/* ---- rename_verify.c: whether what is known of rec is in m. 1/0/-1; where it cannot be read for the moment, 0 and x->is_unsure ---- */
/* The messages that are under their keys still are what they were, and half of those asked for are there. */
int rename_verify_sample(struct renames *x, const struct box_record *rec, enum side s, const struct mailbox *m, struct err *e);
/* A directory's inode may have been given away: half the names it had must be in it. */
int rename_verify_names(struct renames *x, const struct box_record *rec, enum side s, const struct mailbox *m, struct err *e);

#endif
