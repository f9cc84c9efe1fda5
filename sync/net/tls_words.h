/* What went wrong in TLS, in words that help: what the certificate says, what was wanted, and how to
 * accept it for good. */
#ifndef SYNC_NET_TLS_WORDS_H
#define SYNC_NET_TLS_WORDS_H

#include <openssl/ssl.h>

#include "state/base/err.h"
#include "state/base/finding.h"
#include "sync/net/net.h"

/* A certificate that was not accepted. */
struct tls_fault {
	int code;			/* X509_V_ERR_*; X509_V_OK = no fault */
	int depth;			/* 0 = the server's own certificate, else an issuer's */
	X509 *leaf;			/* the server's certificate */
	X509 *at;			/* the certificate at fault */
	int has_other_pin;		/* CertificateFile pins another server certificate */
};

void tls_fault_release(struct tls_fault *f);

/* Fills *e: ERR_REFUSED. */
void tls_words_certificate(const struct tls_fault *f, const struct net_settings *set,
    const char *label, struct err *e);

/* Tells of one that was accepted: whom it is for, who says so, until when, and why it is trusted: by the authority `anchor`, which is of
 * CertificateFile or the system's, or (NULL) as CertificateFile holds it. */
void tls_words_trusted(X509 *leaf, X509 *anchor, int is_of_file, const char *where, const struct findings *out);

/* Fills *e from OpenSSL's error `code`: an alert of the server, no TLS spoken there, no version or
 * cipher in common. is_begun: the handshake had been completed. */
void tls_words_failure(unsigned long code, const struct net_settings *set, const char *label,
    int is_begun, struct err *e);

#endif
