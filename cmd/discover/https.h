/* Documents by HTTPS, several at once (libcurl). Bounded: 256 kB each, three redirections, which lead to HTTPS alone, and ten seconds. The
 * server's certificate must be for its name and by an authority that the system trusts (SSL_CERT_FILE and SSL_CERT_DIR as OpenSSL has them). */
#ifndef DISCOVER_HTTPS_H
#define DISCOVER_HTTPS_H

#include <stdbool.h>
#include <stddef.h>

#include "state/base/buf.h"

struct https_request {
	const char *url;
	/* answer */
	struct buf body;		/* the caller's to release */
	bool is_there;			/* it came whole, with status 200 */
	char why[256];			/* if not */
};

/* All of them. -1: libcurl cannot be used, and none was asked for. */
int https_fetch(struct https_request *requests, size_t n);

#endif
