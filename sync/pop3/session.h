/* One connection to a POP3 server, logged in (RFC 1939, RFC 2449).
 *
 *   pop3_session_open -> pop3_uidl, pop3_list, pop3_texts, pop3_delete -> pop3_quit -> pop3_session_close
 *
 * What is deleted is marked, and goes once QUIT is answered +OK; a session that ends otherwise deletes nothing. The numbers of messages
 * hold for one session.
 *
 * Invariants:
 *   1. Commands that are unanswered at once are short, and no more than a thousand: two full buffers never face each other. Without
 *      PIPELINING each waits for the answer to the one before.
 *   2. Any error on the wire closes the connection. From then on every call returns -1 with it.
 *   3. What a server says before STLS is neither kept nor shown: it may be anybody's.
 */
#ifndef SYNC_POP3_SESSION_H
#define SYNC_POP3_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "state/base/err.h"
#include "sync/net/net.h"
#include "sync/pop3/caps.h"
#include "sync/net/lines.h"

struct auth_settings;
struct pop3_session;

struct pop3_open {
	struct net *net;
	const struct auth_settings *auth;	/* borrowed for the call */
	unsigned pipeline_depth;	/* commands unanswered at most; 0 = no limit */
	unsigned offered_before;	/* as auth_settings has it */
	void (*warn)(void *ctx, const char *text);	/* what people should know of this server. NULL = nobody listens */
	void *ctx;
};

/* The first line of an answer. */
struct pop3_reply {
	bool is_ok;
	bool is_challenge;		/* "+ ": RFC 5034 */
	char code[32];			/* "IN-USE"; "" = none (RFC 2449 section 8) */
	char text[512];			/* behind the code, for people; of a challenge all of it */
};

/* NULL with *e: ERR_TEMPORARY where it is to be tried later ([IN-USE], [LOGIN-DELAY], [SYS/TEMP]), ERR_REFUSED where the login is
 * refused. */
struct pop3_session *pop3_session_open(const struct pop3_open *o, struct err *e);
/* Without QUIT. Takes NULL; leaves NULL. */
void pop3_session_close(struct pop3_session **s);

bool pop3_session_is_alive(const struct pop3_session *s);
const struct pop3_caps *pop3_session_caps(const struct pop3_session *s);
const char *pop3_session_greeting(const struct pop3_session *s);	/* "" = it may be anybody's */
const char *pop3_session_mechanism(const struct pop3_session *s);	/* of the login: "PLAIN", "APOP", "USER" */
/* auth_strength() of what it offered. */
unsigned pop3_session_offered(const struct pop3_session *s);

/* Fills *e: what a refusal means, of `what`, in words. Returns -1. */
int pop3_refused(const struct pop3_session *s, const struct pop3_reply *reply, enum err_scope scope, const char *what, struct err *e);

/* The list of UIDs, or of sizes: each message's number and the word behind it. -1 of on_item ends the session. 1: all came; 0: refused, as
 * *reply_r says. */
typedef int pop3_item(void *ctx, uint32_t number, const char *word, struct err *e);
int pop3_uidl(struct pop3_session *s, pop3_item *on_item, void *ctx, struct pop3_reply *reply_r, struct err *e);
int pop3_list(struct pop3_session *s, pop3_item *on_item, void *ctx, struct pop3_reply *reply_r, struct err *e);

/* Who takes texts, one after the other. */
struct pop3_text_sink {
	int (*begin)(void *ctx, size_t i);		/* -1: it is not wanted, and passed over */
	lines_sink *data;
	/* refusal: why it did not come; NULL = it came, and is_whole: all of it was taken. -1 ends the session. */
	int (*end)(void *ctx, size_t i, const struct pop3_reply *refusal, bool is_whole);
	void *ctx;
};

/* RETR of these, or TOP for their headers alone. */
int pop3_texts(struct pop3_session *s, const uint32_t *numbers, size_t n, bool is_header, const struct pop3_text_sink *sink,
    struct err *e);

/* DELE of these; is_marked_r[i]: the server took it. */
int pop3_delete(struct pop3_session *s, const uint32_t *numbers, size_t n, bool *is_marked_r, struct err *e);

/* QUIT. The session is over, however it is answered; -1: it was not. */
int pop3_quit(struct pop3_session *s, struct pop3_reply *reply_r, struct err *e);

#endif
