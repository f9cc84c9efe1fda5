/* One connection to an SMTP server that takes mail for the world (submission: RFC 6409, RFC 5321).
 *
 *   smtp_session_open -> smtp_send ... -> smtp_session_close
 *
 * Invariants:
 *   1. Any error on the wire, and 421, closes the connection: every later call returns -1.
 *   2. Commands that are unanswered at once are short, and no more than a hundred. Without PIPELINING each waits for the answer to the
 *      one before; DATA waits for all.
 *   3. What a server says before STARTTLS is neither kept nor shown: it may be anybody's.
 *   4. A message of which the last octet was not written is not delivered by anybody: its outcome is known. Behind that it is what the
 *      server says, and unknown if it says nothing.
 *   5. No address ends a line: those with an octet that may not be there are refused before anything is sent.
 */
#ifndef SYNC_SMTP_SESSION_H
#define SYNC_SMTP_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "state/base/err.h"
#include "sync/net/net.h"
#include "sync/smtp/caps.h"
#include "sync/smtp/reply.h"

struct auth_settings;
struct smtp_session;

struct smtp_open {
	struct net *net;
	const struct auth_settings *auth;	/* borrowed for the call; NULL = nobody logs in */
	const char *name;		/* ours, for EHLO: a host name, or "[127.0.0.1]" */
	unsigned pipeline_depth;	/* commands unanswered at most; 0 = no limit */
	unsigned offered_before;	/* as auth_settings has it */
	void (*warn)(void *ctx, const char *text);
	void *ctx;
};

/* NULL with *e: ERR_TEMPORARY where it is to be tried later, ERR_REFUSED where the login is refused. */
struct smtp_session *smtp_session_open(const struct smtp_open *o, struct err *e);
/* With QUIT where the session is alive, whose answer is not waited for. Takes NULL; leaves NULL. */
void smtp_session_close(struct smtp_session **s);

bool smtp_session_is_alive(const struct smtp_session *s);
const struct smtp_caps *smtp_session_caps(const struct smtp_session *s);
const char *smtp_session_greeting(const struct smtp_session *s);	/* "" = it may be anybody's */
const char *smtp_session_mechanism(const struct smtp_session *s);	/* of the login; "" = there was none */
unsigned smtp_session_offered(const struct smtp_session *s);	/* auth_strength() of what it offered */

struct smtp_recipient {
	const char *address;
	const char *notify;		/* DSN: "FAILURE,DELAY"; NULL = not said */
	struct smtp_reply reply;	/* answer, to RCPT; code 0 = it was not asked */
};

struct smtp_mail {
	const char *sender;		/* "" = nobody */
	struct smtp_recipient *to;
	size_t n;			/* SMTP_RECIPIENTS_MAX at most */
	uint64_t size;			/* octets as they are sent, dots not counted */
	bool is_8bit;			/* has octets past 127 */
	bool is_utf8;			/* needs SMTPUTF8: an address or the header has them */
	const char *ret, *envid;	/* DSN: "HDRS", xtext; NULL = not said */
	/* Before DATA: who was accepted stands in `to`. -1: DATA is not said. */
	int (*before_data)(void *ctx, struct err *e);
	/* Calls smtp_data() with the whole message. -1: it breaks off, which ends the session. */
	int (*write)(void *ctx, struct smtp_session *s, struct err *e);
	void *ctx;
};

enum { SMTP_RECIPIENTS_MAX = 100 };

enum smtp_outcome {
	SMTP_NOT_SENT,			/* nobody has it; *e of the call says why */
	SMTP_NOBODY,			/* no recipient was accepted: their replies say why */
	SMTP_REFUSED,			/* those who were accepted did not get it: `reply` */
	SMTP_WAITS,			/* the same for now */
	SMTP_TAKEN,			/* those who were accepted have it */
	SMTP_UNKNOWN,			/* all was sent, and there is no answer */
};

struct smtp_result {
	enum smtp_outcome outcome;
	struct smtp_reply reply;	/* to MAIL, DATA or the end of it; code 0 = to none of these */
};

/* -1 with *e: the session is over, or (it is alive) before_data said so; result_r is filled in any case. ERR_MESSAGE: the server cannot take such a
 * message, whoever it is for; outcome SMTP_REFUSED, with the words in reply.text and code 0. */
int smtp_send(struct smtp_session *s, struct smtp_mail *mail, struct smtp_result *result_r, struct err *e);

/* A piece of the message, with CRLF line ends; for smtp_mail.write. Dots are put before dots. */
int smtp_data(struct smtp_session *s, const char *p, size_t len, struct err *e);

/* Whether an address can stand between < and > (RFC 5321 section 4.1.2, RFC 6531): no blanks but quoted, no control characters, 254
 * octets at most. NULL, or why not (a static string). */
const char *smtp_address_fault(const char *address);

#endif
