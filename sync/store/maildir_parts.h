/* What the parts of the Maildir adapter share: maildir.c (the store, its mailboxes), maildir_read.c and
 * maildir_write.c. Nobody else includes this.
 */
#ifndef SYNC_STORE_MAILDIR_PARTS_H
#define SYNC_STORE_MAILDIR_PARTS_H

#include <pthread.h>
#include <stdbool.h>

#include "sync/maildir/layout.h"
#include "sync/maildir/mdir.h"
#include "sync/maildir/root_lock.h"
#include "sync/maildir/stamp.h"
#include "sync/message/digest.h"
#include "sync/store/store.h"

struct maildir_store {
	struct store base;
	struct arena arena;
	struct layout layout;
	struct mdir_settings mdir;
	bool copy_arrival_date;
	const char *names_kept;		/* where names are known to come back as written; NULL = not known yet */
	pthread_mutex_t mutex;		/* of what follows */
	unsigned sessions;		/* open; with the last of them the lock is let go */
	struct root_lock *lock;		/* NULL = nothing is written, or there is no mark yet */
};

struct maildir_session {
	struct session base;
	struct digest *digest;		/* NULL until needed */
	char *piece;			/* for reading; NULL until needed */
};

static inline struct maildir_store *
maildir_store_of(struct session *c)
{
	return (struct maildir_store *)c->store;
}

/* False in a dry run and for ReadOnly stores: nothing at all is written then. */
static inline bool
maildir_may_write(const struct maildir_store *s)
{
	return !s->base.read_only && !s->base.is_dry;
}

/* Its file system ignores the case of letters, as far as that can be seen. */
bool maildir_is_folding(const struct maildir_store *s);

/* Opens a mailbox to be read; epoch 0 = any. On -1 *m is closed. */
int maildir_open_box(struct session *c, const char *box, uint64_t epoch, struct mdir *m, struct err *e);

/* As the contract has it. */
const char *maildir_directory(struct store *store, const char *box, struct arena *a);

/* -1 with *e where nothing may be written. */
int maildir_check_write(const struct maildir_store *s, struct err *e);

/* Where a mailbox stands; with Keywords turned on later, it stands elsewhere. */
void maildir_cursor(const struct maildir_store *s, const struct stamps *stamps, bool is_steady, struct cursor *c_r);

/* By inode and birth (R12 folder renames): file systems give a freed inode away at once. "" = not known. */
const char *maildir_id(struct arena *a, const struct stamps *stamps);

/* maildir_read.c, as the contract has them */
int maildir_delta(struct session *c, struct delta *d, size_t n, bool is_readonly_run, struct delta_look *look, struct err *e);
int maildir_confirm_gone(struct session *c, const char *box, const struct key *keys, size_t n, bool *gone,
    struct err *e);
int maildir_identify(struct session *c, struct fetch_part *parts, size_t n, struct identify_item *items, unsigned want,
    struct err *e);
int maildir_describe(struct session *c, const char *box, uint64_t epoch, struct key key, const char *hint, struct arena *a,
    struct message_words *words_r, struct err *e);
int maildir_fetch(struct session *c, struct fetch_part *parts, size_t n, const struct fetch_item *items,
    const struct body_sink *sink, struct err *e);

/* maildir_check.c, likewise */
int maildir_check(struct store *s, struct listing *l_r, const struct findings *out);

/* maildir_headers.c, likewise */
int maildir_headers(struct session *c, struct fetch_part *parts, size_t n, const struct fetch_item *items, const struct header_sink *sink,
    struct err *e);

/* maildir_number.c, likewise */
int maildir_number(struct session *c, const char *box, uint32_t validity, uint32_t highest, const struct number_item *items, size_t n,
    struct err *e);

/* maildir_write.c, likewise */
struct key maildir_choose_name(struct store *s, struct arena *a);
int maildir_deliver(struct session *c, const char *box, uint64_t epoch, struct deliver_item *items, size_t n,
    struct arena *a, struct delivery **d_r, struct err *e);
int maildir_change(struct session *c, struct box_changes *boxes, size_t n, struct arena *a, struct err *e);
int maildir_move(struct session *c, const char *box, uint64_t epoch, const char *to, uint64_t to_epoch, bool keep,
    struct move_item *items, size_t n, struct arena *a, struct err *e);

#endif
