/* Who we are, proved to a server: the choice of a mechanism and its conversation (SASL, RFC 4422), as
 * a machine that knows nothing of the wire. The session drives it:
 *
 *   auth_new             chooses from what the server offers
 *   auth_is_login        -> send LOGIN user password (RFC 9051 section 6.2.3), no further calls but
 *                           auth_finish
 *   auth_initial         1: AUTHENTICATE mechanism response     0: AUTHENTICATE mechanism
 *   auth_step            for each "+ challenge": the line to answer with. -1: answer "*"
 *   auth_finish          with the tagged response: whether we are in, or the words why not
 *   auth_free
 *
 * Mechanisms. PLAIN, LOGIN, EXTERNAL, XOAUTH2 and OAUTHBEARER compute nothing; they are written out
 * here, which keeps their secret in buffers that are wiped, loads no plugin, and lets them work where
 * none is installed. SCRAM, CRAM-MD5, DIGEST-MD5, GSSAPI and whatever else is named in AuthMechs go
 * through Cyrus SASL, the plugins installed permitting.
 *
 * Choice: the first of the following that AuthMechs allows and the server offers. "*" allows those
 * that give nothing away, and with TLS the clear-text ones too; the token mechanisms only where they
 * are named, as a password is no token; EXTERNAL with a client certificate.
 *   EXTERNAL GSSAPI GSS-SPNEGO, SCRAM-SHA-512 -384 -256 -224 -1 each with -PLUS, then each without,
 *   OAUTHBEARER XOAUTH2 DIGEST-MD5 CRAM-MD5, others that are named, PLAIN, LOGIN
 * -PLUS ties the exchange to the TLS connection (RFC 5802 section 6): "*" means it, and so does its own name; SCRAM-SHA-256
 * named is that alone. MD5's challenges are for TLS, or to be named.
 * One that fails before anything was sent (no ticket, no plugin) gives way to the next.
 *
 * Invariants:
 *   1. Without TLS no clear-text mechanism is used unless AuthMechs names it; and none that is weaker than what the server once
 *      offered, as long as AuthMechs allows that.
 *   2. The secret, and responses that hold it, live in wiped buffers only; no error text holds them.
 *   3. With SCRAM and the like, an OK that comes before the server proved itself is an error.
 *   4. With SCRAM no fewer than 4096 rounds without TLS, which make a guess cheap for who listens; and no more than a million,
 *      which are this side's work.
 */
#ifndef SYNC_SASL_AUTH_H
#define SYNC_SASL_AUTH_H

#include <stdbool.h>
#include <stddef.h>

#include "state/base/buf.h"
#include "state/base/err.h"

/* Everything is borrowed for the life of the struct auth. */
struct auth_settings {
	const char *label;		/* the server, for messages */
	const char *service;		/* "imap" */
	const char *host;		/* NULL = not known (tunnel) */
	unsigned port;
	const char *user;		/* NULL = none: only EXTERNAL and GSSAPI can do without */
	const struct buf *secret;	/* password or token, NULL = none */
	const char *const *allowed;	/* AuthMechs, in any case */
	size_t n_allowed;		/* 0 = "*" */
	bool is_tls;
	bool has_client_certificate;
	bool has_initial;		/* the server takes an initial response (SASL-IR) */
	bool has_login;			/* the LOGIN command is there: IMAP without LOGINDISABLED */
	const char *binding;		/* kind of channel binding; NULL = none, or the server has refused it */
	const struct buf *binding_data;
	unsigned offered_before;	/* auth_strength() of what this server offered in earlier runs; 0 = not known */
	/* Words for people about what is used all the same. NULL = nobody listens. */
	void (*warn)(void *ctx, const char *text);
	void *warn_ctx;
};

struct auth;

/* offered: the mechanisms of AUTH=. NULL with *e: ERR_REFUSED, with what is offered and allowed. */
struct auth *auth_new(const struct auth_settings *set, const char *const *offered, size_t n_offered,
    struct err *e);
void auth_free(struct auth **auth);

/* How strong the best of these is against who listens, 1 (clear text) to 4 (SCRAM-SHA-256 and better); 0 = none is known. */
unsigned auth_strength(const char *const *offered, size_t n);

const char *auth_mechanism(const struct auth *auth);	/* "SCRAM-SHA-256"; "LOGIN" for both LOGINs */
bool auth_is_login(const struct auth *auth);

/* Whether the whole conversation is one initial response, so that commands may follow it unseen
 * (PLAIN, EXTERNAL, XOAUTH2, OAUTHBEARER; R24 one flight). */
bool auth_is_one_flight(const struct auth *auth);

/* 1: the initial response, base64 ("=" if empty), appended to out, which is made secret. 0: there is
 * none, or the server takes none. */
int auth_initial(struct auth *auth, struct buf *out);

/* challenge: what follows "+ ", base64. The answer, base64 without CRLF and possibly empty, replaces
 * out's contents. -1 with *e: the conversation cannot go on. */
int auth_step(struct auth *auth, const char *challenge, size_t len, struct buf *out, struct err *e);

/* The tagged response: is_ok, its response code ("UNAVAILABLE", NULL = none) and text. 0: we are in.
 * -1 with *e: ERR_REFUSED, or ERR_TEMPORARY where the server says that it is not about us. */
int auth_finish(struct auth *auth, bool is_ok, const char *code, const char *text, struct err *e);

#endif
