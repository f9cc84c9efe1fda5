/* What the DNS says of a domain: SRV (RFC 6186, RFC 8314), MX and TXT. Asked and read by the system's resolver library. */
#ifndef DISCOVER_DNS_H
#define DISCOVER_DNS_H

#include "cmd/discover/offer.h"
#include "state/base/mem.h"

enum dns_type { DNS_MX, DNS_SRV, DNS_TXT };

struct dns_record {
	unsigned priority, weight, port;	/* of MX and SRV */
	const char *text;		/* a host without its last dot ("" = the root: the service is not offered), or all of a TXT */
};

/* In the order in which they are to be tried; strings in the arena. */
struct dns_records { VEC(struct dns_record) all; };

/* A message of the DNS, as it came. Records of other types and other names are passed over. -1: it is none. */
int dns_read(const unsigned char *answer, size_t len, enum dns_type type, struct arena *a, struct dns_records *out);

/* Asks; nothing where there is no answer. */
void dns_ask(const char *name, enum dns_type type, struct arena *a, struct dns_records *out);

/* The servers that SRV records of the domain name. */
void dns_offers(const char *domain, const char *address, struct offers *all);

#endif
