/* The flags of a mailbox whose server has no CONDSTORE (RFC 7162): all of them are shown in every run, and as a rule they are
 * what the base knows.
 *
 * What is shown is kept as two numbers a message, and added up (state/model/seen_digest.h). Where that is the base's own sum,
 * of as many messages as there are, nothing has changed: nothing is compared one by one, nothing is read from the state. Else
 * the messages go on as entries of a delta.
 *
 *   imap_plain_see for each -> imap_plain_is_known, or imap_plain_expand -> imap_plain_release
 */
#ifndef SYNC_STORE_IMAP_PLAIN_H
#define SYNC_STORE_IMAP_PLAIN_H

#include "state/base/vec.h"
#include "sync/imap/replies.h"
#include "sync/store/store.h"

struct imap_plain_message { uint32_t uid, sys; const char *kw; };

struct imap_plain {
	VEC(struct imap_plain_message) seen;	/* in the order shown; kw is the delta's arena's */
	uint64_t digest;
};

/* A message was shown with its UID and flags. */
void imap_plain_see(struct imap_plain *p, struct delta *d, const struct imap_fetch *f);

/* What was shown is what the base knows, in a mailbox of `exists` messages. */
bool imap_plain_is_known(const struct imap_plain *p, const struct delta *d, uint32_t exists);

/* Adds them to d->entries and forgets them. */
void imap_plain_expand(struct imap_plain *p, struct delta *d);

void imap_plain_clear(struct imap_plain *p);	/* before another list */
void imap_plain_release(struct imap_plain *p);

#endif
