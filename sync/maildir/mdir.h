/* One mailbox of a Maildir, open: its directories, and what was found in them.
 *
 *	mdir_open()		fails with ERR_BOX where there is none
 *	mdir_prepare()		before anything is written into it
 *	... sync/maildir/scan.h, msgfile.h, deliver.h ...
 *	mdir_sync()		once, after the last change: from here on the changes are durable
 *	mdir_close()
 *
 * What must always hold:
 *	1. All work is done relative to the directories opened at the start: a mailbox replaced by
 *	   another one meanwhile is never touched under the old one's name.
 *	2. A directory's times are never set.
 *	3. A directory in which a name was made, changed or removed is marked touched, and the watch knows of it.
 */
#ifndef SYNC_MAILDIR_MDIR_H
#define SYNC_MAILDIR_MDIR_H

#include <stdbool.h>
#include <stdint.h>

#include "state/base/err.h"
#include "sync/maildir/scan.h"
#include "sync/maildir/watch.h"

/* What holds for every mailbox of a store. */
struct mdir_settings {
	char info_delimiter;			/* of the info: ':' */
	bool fsync;			/* FSync: what is reported done is durable */
	bool keywords;		/* Keywords: dovecot-keywords is made where it is missing */
	struct watch *watch;		/* of the store; NULL = none */
};

struct mdir {
	const struct mdir_settings *set;
	char *name;			/* as people know it, for messages */
	char *path;
	int fd, cur_fd;
	int new_fd, tmp_fd;		/* -1 = not there; mdir_prepare() makes them */
	uint64_t epoch, dev;		/* inode of cur, and its device */
	bool is_cur_touched, is_new_touched;

	/* Listings made to find renamed files, at most two in the life of this struct: the first to look
	 * in, the second because one listing proves no absence (R4 stable scans). */
	struct scan scans[2];
	int scans_made;
};
#define MDIR_CLOSED ((struct mdir){ .fd = -1, .cur_fd = -1, .new_fd = -1, .tmp_fd = -1 })

/* Opens the mailbox at `path`. epoch: as the caller knows it, 0 = any; another one is ERR_BOX, ERR_NOW.
 * set and nothing else is borrowed. On -1 *m is closed; errno of the cause in e->sys. */
int mdir_open(struct mdir *m, const struct mdir_settings *set, const char *name, const char *path,
    uint64_t epoch, struct err *e);
void mdir_close(struct mdir *m);

/* Makes new/ and tmp/ where they are missing; from here on others are watched (sync/maildir/watch.h). */
int mdir_prepare(struct mdir *m, struct err *e);

/* Removes what we left in tmp/ more than 36 hours ago. -1 only where the program "died". */
int mdir_clean(struct mdir *m, struct err *e);

/* A name was made or is gone by our act, in new/ or cur/. */
void mdir_touched(struct mdir *m, bool is_new, const char *name, enum watch_act act);

/* Makes the file `name` in tmp/, to be written and read; -1 with errno. One that is there already was left
 * by a run that died: names are used by nobody else, so it is replaced. No step. */
int mdir_make_tmp(const struct mdir *m, const char *name);

/* True for a file in tmp/ that nobody has touched for 36 hours. */
bool mdir_is_old_tmp(int tmp_fd, const char *name);

/* Makes the touched directories durable. */
int mdir_sync(struct mdir *m, struct err *e);

/* "PATH/cur/NAME" in the arena, for steps and messages. */
const char *mdir_shown(struct mdir *m, struct arena *a, const char *sub, const char *name);

/* The directory of a message. */
static inline int
mdir_sub_fd(const struct mdir *m, bool is_new)
{
	return is_new ? m->new_fd : m->cur_fd;
}

static inline const char *
mdir_sub(bool is_new)
{
	return is_new ? "new" : "cur";
}

/* Finds a message by its key in a listing of this mailbox, which is made on the first call. NULL with
 * *e filled: not there (ERR_MESSAGE, ERR_NOW), or the listing failed. */
const struct scan_entry *mdir_find(struct mdir *m, struct key key, struct err *e);

/* 1: gone, as two listings agree that were each undisturbed (R4). 0: not so sure. -1: error. */
int mdir_is_gone(struct mdir *m, struct key key, struct err *e);

#endif
