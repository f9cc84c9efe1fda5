/* Providers that many people have, with what nobody publishes of them: that they want a password for programs, that they file what they send,
 * that they show a part. A row each in cmd/providers.c. */
#ifndef CMD_PROVIDERS_H
#define CMD_PROVIDERS_H

#include "cmd/discover/offer.h"

struct provider {
	const char *name;		/* of its sections: "gmail" */
	const char *domains;		/* of its addresses, parted by blanks */
	const char *exchangers;		/* what the names of its mail exchangers end in, parted by blanks; "" = none */
	const char *imap, *smtp;	/* "imap.gmail.com 993 tls" */
	const char *login;		/* of IMAP, as autoconfig has it; NULL = the address */
	const char *patterns;		/* NULL = all mailboxes */
	const char *window;		/* Window; NULL = it shows all */
	enum offer_auth auth;
	bool files_sent;		/* it files by itself what it sends */
	const char *note;		/* what a person is to do there first; NULL = nothing */
};

/* NULL = it is in no row. */
const struct provider *provider_of_domain(const char *domain);
const struct provider *provider_of_exchanger(const char *host);
void provider_offers(const struct provider *p, const char *address, struct offers *all);

#endif
