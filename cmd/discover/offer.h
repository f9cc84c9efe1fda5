/* A server that somebody offers for an address, as plain data: what discovery finds, checked as what a stranger says, and handed from
 * mailtwin-discover to `mailtwin init` as lines.
 *
 *   imap imap.example.org 993 tls password autoconfig jane@example.org
 *
 * What must always hold: a host is a name of letters, digits, '-' and '.', or an address of IPv4; a port is a port; a login is of ASCII, without
 * blanks, quotation marks and backslashes, and begins with no '-'. What is not so is no offer, whoever says it.
 */
#ifndef DISCOVER_OFFER_H
#define DISCOVER_OFFER_H

#include <stdbool.h>
#include <stddef.h>

#include "state/base/buf.h"
#include "state/base/vec.h"

enum offer_kind { OFFER_IMAP, OFFER_POP3, OFFER_SMTP, OFFER_KINDS };
enum offer_tls { OFFER_STARTTLS, OFFER_TLS };
enum offer_auth { OFFER_PASSWORD, OFFER_OAUTH };

/* Who says so, from whom is to be believed most to least. */
enum offer_source {
	OFFER_OF_TABLE,			/* mailtwin's own table of providers */
	OFFER_OF_PACC,			/* the domain itself, by HTTPS, and its DNS */
	OFFER_OF_AUTOCONFIG,		/* the domain itself, by HTTPS */
	OFFER_OF_ISPDB,			/* Thunderbird's database, by HTTPS */
	OFFER_OF_SRV,			/* DNS, which anybody on the way may have written */
	OFFER_OF_PERSON,
	OFFER_SOURCES,
};

enum { OFFER_HOST_MOST = 253, OFFER_LOGIN_MOST = 320 };

struct offer {
	enum offer_kind kind;
	char host[OFFER_HOST_MOST + 1];
	unsigned port;
	enum offer_tls tls;
	enum offer_auth auth;
	enum offer_source source;
	char login[OFFER_LOGIN_MOST + 1];
};

struct offers { VEC(struct offer) all; };

bool offer_host_ok(const char *host, size_t len);
bool offer_login_ok(const char *login, size_t len);
/* "jane@example.org": a login whose part behind its last '@' is a host. *domain_r borrows. */
bool offer_address_ok(const char *address, const char **domain_r);

/* Adds one if it is one, and not there yet; with it a login in which %EMAILADDRESS%, %EMAILLOCALPART% and %EMAILDOMAIN% stand for parts of
 * `address` (so in host). false: it is none. */
bool offers_add(struct offers *all, const struct offer *like, const char *host, const char *login, const char *address);

/* As a line without its end; and back. */
void offer_write(const struct offer *o, struct buf *out);
bool offer_read(const char *line, struct offer *o_r);

/* The first of a kind, as believed; NULL = there is none. */
const struct offer *offers_best(const struct offers *all, enum offer_kind kind);

/* "Thunderbird's database": for people. */
const char *offer_source_words(enum offer_source source);

#endif
