/* Between mbsync and us, both ways: what it knows of a channel's mailboxes becomes our base, and a channel that it still works on is held.
 *
 * Gives: mailboxes of env.boxes that the base did not know, with all that mbsync knew of them.
 * Must hold: mbsync's files stay as they are; no message is read for it; what cannot be read for certain changes nothing. What its
 * entries mean for messages that have vanished since is decided by the deltas that follow, as in any run.
 *
 *   take_over.c   which mailboxes, in which order; what is told
 *   states.c      finds and reads mbsync's files, and remembers how they were
 *   files.c       the files of a Maildir, and their UIDs
 *   records.c     entries become records
 *   give_back.c   records become entries: the way back
 *   give_names.c  the names of directories on that way
 */
#ifndef SYNC_HANDOVER_HANDOVER_H
#define SYNC_HANDOVER_HANDOVER_H

#include "sync/boxes/boxes.h"
#include "sync/mbsync/state_file.h"

/* After boxes_list(), before boxes_judge(). -1: the channel is held, and *e says why. */
int handover_take(struct env *env, struct err *e);

/* give_back.c: after fetch_changes(). Writes mbsync's states of all mailboxes, and UIDs into the names of files. */
int handover_give(struct env *env, struct err *e);

/* give_names.c */
struct handover_renamed { enum side side; const char *from, *to; };
struct handover_renames { VEC(struct handover_renamed) v; };
/* What mbsync before 1.5 would call the mailbox of a Maildir beside a server, with --rename-utf7; else as it is called. In full. */
const char *handover_old_name(struct env *env, const struct run_box *b, enum side s);
/* Renames the directories. */
int handover_rename(struct env *env, const struct handover_renames *what, struct err *e);

/* states.c */
struct handover_file {
	const char *path;		/* arena of the run; NULL = mbsync has none */
	const char *mark;		/* how it is, to be remembered */
	bool is_remembered;		/* so, or otherwise */
	bool has_changed;		/* since that */
	bool is_unfinished;		/* mbsync was stopped at it */
};
/* Looks for the state of the mailbox. -1 with *e: there are two, or it cannot be looked at. */
int handover_look(struct env *env, const struct run_box *b, struct handover_file *file_r, struct err *e);
/* That path's state, whole. */
int handover_read(const char *path, struct mbsync_state *state_r, struct err *e);
/* From here on the file is known to be so. */
int handover_remember(struct env *env, const struct handover_file *file, struct err *e);
/* The mailbox that the base does not know any more is taken over from that path, whatever was known of it. */
int handover_forget(struct env *env, const char *path, struct err *e);

/* The path at which it would make one, of mailboxes called so; NULL: in no directory that is there. */
const char *handover_new_path(struct env *env, const char *const names[SIDES]);

/* files.c */
/* Lists the mailbox of a Maildir in full, whatever the base knows. -1: it could not, for certain; delta_release() in any case. */
int handover_list(struct env *env, const struct run_box *b, enum side s, struct delta *d, struct err *e);
uint32_t handover_uid_of(const struct delta_entry *entry);	/* 0 = none */

/* records.c */
struct handover_counts { uint64_t boxes, pairs, placeholders, expired, left_alone, orphans; };
/* Makes records of the entries, for a mailbox that is not in the base. 1 done; 0 it is to be paired by what its messages are, *why says
 * what is in the way; -1. */
int handover_records(struct env *env, struct run_box *b, const struct mbsync_state *state, struct handover_counts *counts,
    const char **why, struct err *e);

#endif
