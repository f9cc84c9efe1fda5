/* XOAUTH2 (Google's and Microsoft's) and OAUTHBEARER (RFC 7628): messages made of a bearer token. */
#ifndef SYNC_SASL_AUTH_TOKEN_H
#define SYNC_SASL_AUTH_TOKEN_H

#include "state/base/buf.h"
#include "state/base/err.h"
#include "sync/sasl/auth.h"

/* Appends the initial message. The token may have any length; blanks around it are left out.
 * -1 with *e: no token can look like that. */
int auth_token_xoauth2(const struct auth_settings *set, struct buf *out, struct err *e);
int auth_token_bearer(const struct auth_settings *set, struct buf *out, struct err *e);

/* Appends a server's error message, JSON, as words: "status invalid_token, scope mail". */
void auth_token_explain(const char *json, size_t len, struct buf *out);

#endif
