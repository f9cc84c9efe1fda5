/* What imap_delta.c knows of a mailbox while it reads it, and imap_proof.c judges (R25 a witness). */
#ifndef SYNC_STORE_IMAP_DELTA_H
#define SYNC_STORE_IMAP_DELTA_H

#include "sync/store/imap_inside.h"
#include "sync/store/imap_plain.h"

enum delta_how { HOW_QRESYNC, HOW_CONDSTORE, HOW_PLAIN, HOW_FULL, HOW_SEARCH };

enum delta_status { STATUS_NOT_ASKED, STATUS_ASKED, STATUS_AGREES, STATUS_DIFFERS };

struct delta_work {
	struct imap_conn *c;
	struct delta *d;
	const char *what;		/* "mailbox x" */
	enum delta_how how;
	bool is_readonly_run, asked_guid;
	unsigned ticket;		/* of the SELECT */
	bool is_answered;		/* the SELECT was, with OK, and what follows is a snapshot of its mailbox */
	struct imap_box box;		/* without its strings */
	const char *kw;			/* of the mask; the delta's arena */
	const char *unreadable;		/* as in box; the delta's arena */
	bool has_failed, is_broken;	/* is_broken: a FETCH or SEARCH failed, the mailbox itself did not */
	struct err err;
	uint32_t since_next, since_count;
	uint64_t since_modseq;
	uint64_t kept;			/* octets, of the connection's count */
	size_t joined;			/* ranges of d->gone that were joined */
	struct imap_plain plain;	/* HOW_PLAIN: what the list showed */
	uint32_t last;			/* highest UID shown */
	bool is_same;			/* HOW_PLAIN: it is what the base knows */
	bool has_uidnext;		/* the SELECT gave it; else it is a guess */
	uint32_t page;			/* messages of a page; 0 = all in one */
	unsigned lists;			/* full lists so far */
	struct imap_pages list, fresh;	/* what is asked of all, and of what is new */
	struct imap_uidset found;	/* by SEARCH */
	struct imap_uidset vanished;	/* since the SELECT was answered */
	bool is_resumed;		/* selected once more, for a rest; `before`: as it was left */
	struct imap_box before;
	uint32_t n_shown, n_fresh;	/* messages that were shown and are there: all; from since_next on */
	/* STATUS, asked for again where it had another number than EXISTS */
	enum delta_status status;
	struct mailbox status_box;
};

/* imap_proof.c: is what was shown of a mailbox all of it? */
/* Brings d->entries into the order of their UIDs, without those that vanished meanwhile; counts. */
void imap_proof_tidy(struct delta_work *w);
/* How many messages the answers were about, if nothing was left out. After tidy. */
uint64_t imap_proof_expects(const struct delta_work *w);
/* A list, or a SEARCH, showed as many as EXISTS said at that same moment, and nothing was refused or cut off. */
bool imap_proof_holds(const struct delta_work *w);
/* It would show that messages vanished, or is the first, and STATUS had another number. Asks; once it is answered, proof_holds knows. */
bool imap_proof_wants_status(const struct delta_work *w);
int imap_proof_ask_status(struct delta_work *w, struct err *e);
/* Fills is_complete, exists, present and unproved. */
void imap_proof_conclude(struct delta_work *w);

#endif
