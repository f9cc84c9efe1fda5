/* Whom to trust: the system's CAs, those of CertificateFile, and the server certificates in it. */
#ifndef SYNC_NET_TLS_TRUST_H
#define SYNC_NET_TLS_TRUST_H

#include <openssl/ssl.h>

#include "state/base/err.h"
#include "sync/net/net.h"

/* Sets up ctx's store. System CAs come from the hashed directory where there is one, which reads
 * single files when they are needed; a bundle is parsed only where there is none.
 * *pins_r: every certificate of CertificateFile, NULL = none; the caller frees. -1: *e, ERR_USAGE. */
int tls_trust_load(SSL_CTX *ctx, const struct net_settings *set, const char *label,
    STACK_OF(X509) **pins_r, struct err *e);

/* Whether the certificate is one of pins, byte by byte. */
int tls_trust_is_pinned(const STACK_OF(X509) *pins, const X509 *cert);

#endif
