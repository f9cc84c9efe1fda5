/* TLS for the client, over a struct wire.
 *
 * One struct tls per account holds what its connections share: the OpenSSL context made from the
 * settings (trusted CAs, pinned certificates, client certificate) and the session tickets that
 * shorten the next handshake. Each connection has a struct tls_link.
 *
 *   tls_link_new -> tls_handshake until it says TLS_DONE -> tls_read, tls_write -> tls_link_free
 *
 * Invariants:
 *   1. No link passes bytes before the certificate was accepted: by a chain to a trusted CA together
 *      with the name or address in the settings, or because CertificateFile holds that very
 *      certificate (then whatever its name, issuer and dates). A resumed session was accepted so once.
 *   2. No early data is sent. 3. No call blocks.
 */
#ifndef SYNC_NET_TLS_H
#define SYNC_NET_TLS_H

#include <stdbool.h>
#include <stddef.h>

#include "state/base/buf.h"
#include "state/base/err.h"
#include "state/base/finding.h"
#include "sync/net/net.h"

struct wire;
struct tls;
struct tls_link;

/* Answers of the calls below besides a count of bytes. */
enum tls_answer {
	TLS_DONE = 0,			/* the handshake is complete */
	TLS_FAILED = -1,		/* a fault of TLS or of the certificate: *e says which */
	TLS_WANT_READ = -2,
	TLS_WANT_WRITE = -3,
	TLS_CLOSED = -4,		/* the other side ended the connection */
	TLS_SOCKET = -5,		/* the wire failed, with errno in wire->sys */
};

/* label names the server in messages; both are borrowed for the life of the struct.
 * NULL with *e, ERR_USAGE: a file or setting is wrong. */
struct tls *tls_new(const struct net_settings *set, const char *label, struct err *e);
void tls_free(struct tls **tls);

/* wire is borrowed. Thread-safe for the shared part. */
struct tls_link *tls_link_new(struct tls *tls, struct wire *wire, struct err *e);

/* Says goodbye to the other side where that can be done without waiting. */
void tls_link_free(struct tls_link **link);

enum tls_answer tls_handshake(struct tls_link *link, struct err *e);

/* Count of bytes, at least 1 (TLS_DONE does not occur), or an answer. A write that was told to wait
 * must be repeated with the same bytes, or more behind them. */
long tls_read(struct tls_link *link, void *p, size_t len, struct err *e);
long tls_write(struct tls_link *link, const void *p, size_t len, struct err *e);

/* What ties an authentication to this connection: the name of the kind and its data. tls-exporter with TLS 1.3 (RFC 9266),
 * tls-server-end-point before (RFC 5929). NULL where there is none. */
const char *tls_binding(const struct tls_link *link, struct buf *data);

/* What the last full handshake of all links showed: version and cipher, the certificate and why it is trusted. Nothing before the first one. */
void tls_tell(struct tls *tls, const struct findings *out);

/* "TLSv1.3 TLS_AES_256_GCM_SHA384, resumed" */
void tls_describe(const struct tls_link *link, char *text, size_t size);

#endif
