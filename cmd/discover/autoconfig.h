/* Mozilla's autoconfig (draft-ietf-mailmaint-autoconfig): an XML document with the servers of a provider. Read by expat, without what is
 * outside of it; what is not understood is passed over. */
#ifndef DISCOVER_AUTOCONFIG_H
#define DISCOVER_AUTOCONFIG_H

#include "cmd/discover/offer.h"

/* Adds its servers, but those without TLS. -1: it is no such document. */
int autoconfig_read(const char *data, size_t len, const char *address, enum offer_source source, struct offers *all);

#endif
