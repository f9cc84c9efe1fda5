/* PACC (draft-ietf-mailmaint-pacc): a JSON document with the servers of a provider, at ua-auto-config.DOMAIN, for which the DNS of the domain
 * vouches: a TXT record _ua-auto-config.DOMAIN "v=UAAC1; a=sha256; d=..." has its SHA-256. Ports are those of TLS from the first byte, and
 * the login is the address. */
#ifndef DISCOVER_PACC_H
#define DISCOVER_PACC_H

#include "cmd/discover/offer.h"

/* -1: it is no such document. */
int pacc_read(const char *data, size_t len, const char *address, struct offers *all);

/* Whether a TXT record vouches for the document, octet by octet. */
bool pacc_is_vouched(const char *data, size_t len, const char *record);

#endif
