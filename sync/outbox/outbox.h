/* An outbox: a mailbox of a Maildir whose messages are sent, and then filed in another one.
 *
 * Use: fill a struct outbox, then
 *
 *   outbox_send()		in a run, before the channel is synchronised, so that what it files in Sent travels at once
 *   outbox_look()		behind that: what a server has filed there by itself has come by now
 *   outbox_list(), outbox_retry(), outbox_drop()	for a person
 *   outbox_check()		whether its account is as it should be: nothing is sent
 *   outbox_enqueue()		sync/outbox/enqueue.h, for programs
 *
 * What is known of its messages (record.h) is in a base of its own, ".mailtwin-outbox.mdb" in the directory of the mailbox: whatever channel or
 * configuration sends from it, there is one of it, and its lock keeps a second one out.
 *
 * Invariants:
 *   1. Never twice: an intent with those who get it is durable before DATA; whose outcome is not known is held.
 *   2. Never lost: a file leaves the outbox when all have it and it is durable in Sent, or a person drops it.
 *   3. Never silent: what waits for a day, is held or not known is told, once, and counts for the exit code as long as it is so.
 */
#ifndef SYNC_OUTBOX_OUTBOX_H
#define SYNC_OUTBOX_OUTBOX_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "state/base/buf.h"
#include "state/base/err.h"
#include "state/base/finding.h"
#include "state/base/mem.h"
#include "state/base/vec.h"
#include "sync/store/settings.h"

struct outbox {
	const char *name;		/* of its channel or store, for messages */
	const struct store_settings *store;	/* a Maildir */
	const char *box, *sent;		/* mailboxes of it */
	bool keeps_copy;		/* SentCopy */
	const struct account_settings *account;
	struct store_env env;		/* user, secret, transcripts, what is cancelled, who is warned, FSync */
	bool is_dry;
	int64_t now;			/* seconds since 1970 */
	const atomic_int *cancel;	/* not NULL and set: stop at the next safe point */
};

/* One thing to tell. class: ERR_TEMPORARY waits, ERR_FAILED is held. */
struct outbox_told {
	enum err_class class;
	bool is_new;			/* not told before: it is said now; else it counts alone */
	const char *text;
};

struct outbox_report {
	struct arena arena;
	VEC(struct outbox_told) told;
	uint64_t sent;			/* messages that went out; dry: would go */
	struct buf plan;		/* dry: what would be done, a line each */
	bool has_unknown;		/* outbox_look() has something to look for, and tells it if it is not there */
};
void outbox_report_release(struct outbox_report *r);

/* Whether there is a file in it: what a run without mail to send costs. Not an error where it is not there. */
bool outbox_has_mail(const struct outbox *o);

/* 0: what could be done was, and the rest is in the report; -1 with *e: the outbox itself cannot be used now. */
int outbox_send(const struct outbox *o, struct outbox_report *report_r, struct err *e);
int outbox_look(const struct outbox *o, struct outbox_report *report_r, struct err *e);

void outbox_check(const struct outbox *o, const struct findings *out);

/* A message as a person sees it. */
struct outbox_item {
	char id[9];			/* by which it is named: eight hexadecimal digits of its key */
	const char *state;		/* "waiting", "held", "unknown", "new", "sent" */
	int64_t written, next;		/* seconds since 1970; next 0 = none */
	unsigned tries;
	const char *to, *subject, *words;
};
int outbox_list(const struct outbox *o, struct arena *a, struct outbox_item **items_r, size_t *n_r, struct err *e);
/* id: its first digits suffice where no other has them. -1 with ERR_USAGE: there is none, or more than one. what_r: what was done, in the arena. */
int outbox_retry(const struct outbox *o, const char *id, struct arena *a, const char **what_r, struct err *e);
int outbox_drop(const struct outbox *o, const char *id, struct arena *a, const char **what_r, struct err *e);

#endif
