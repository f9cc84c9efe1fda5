/* What the parts of an outbox share. Nobody else includes this. */
#ifndef SYNC_OUTBOX_INSIDE_H
#define SYNC_OUTBOX_INSIDE_H

#include "state/state.h"
#include "sync/maildir/layout.h"
#include "sync/maildir/mdir.h"
#include "sync/maildir/root_lock.h"
#include "sync/outbox/decide.h"
#include "sync/outbox/mail.h"
#include "sync/outbox/outbox.h"
#include "sync/outbox/record.h"

/* One that is open. */
struct outbox_open {
	const struct outbox *o;
	struct arena arena;
	struct layout layout;
	struct mdir_settings settings;
	struct mdir mdir;
	struct scan scan;		/* what was in it when it was opened */
	struct state *state;
	struct root_lock *lock;
};

/* A message of it, as it is named now. */
struct outbox_at { struct key key; const char *hint; uint32_t flags; };

/* box.c: 1 it is open; 0 there is nothing in it, or no such mailbox; -1. Writes, or with o->is_dry does not. */
int outbox_open(const struct outbox *o, struct outbox_open *x_r, struct err *e);
void outbox_close(struct outbox_open *x);
/* Whether the message has a record; a new one where it has not, with the recipients of its envelope. All in the arena. */
int outbox_recall(struct outbox_open *x, struct key key, const struct outbox_mail *mail, struct arena *a, struct outbox_record *rec_r,
    bool *is_known_r, struct err *e);
void outbox_id(struct key key, char id_r[9]);
/* Its file gets \Flagged, or loses it. */
int outbox_flag(struct outbox_open *x, struct outbox_at *at, bool is_on, struct err *e);
int outbox_open_sent(struct outbox_open *x, struct mdir *sent_r, struct err *e);
/* Records of files that are gone for good go, too. */
int outbox_forget_gone(struct outbox_open *x, struct err *e);

/* connect.c: *net is made where it is NULL, and the caller's to free. offered_before: as auth_settings has it. */
struct smtp_session *outbox_connect(const struct outbox *o, struct net **net, unsigned offered_before, struct err *e);

/* file.c: into Sent with it, and out of the outbox; its record goes. was_begun: an earlier run may have got it there. */
int outbox_file(struct outbox_open *x, const struct outbox_at *at, const struct outbox_mail *mail, const struct outbox_record *rec, bool was_begun,
    struct err *e);

/* look.c: 1 a copy in Sent proves that it was sent; 0 none does; -1. */
int outbox_find_sent(struct outbox_open *x, const struct outbox_mail *mail, const struct outbox_record *rec, struct err *e);

#endif
