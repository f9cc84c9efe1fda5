/* The configuration of one account, as `mailtwin init` proposes it: what was found, and what is the same for everybody, as text. */
#ifndef CMD_PROPOSAL_H
#define CMD_PROPOSAL_H

#include "cmd/providers.h"
#include "cmd/settings.h"

struct proposal {
	const char *address;
	const char *name;		/* of its sections; no other has it */
	const struct offer *in;		/* IMAP or POP3 */
	const struct offer *out;	/* SMTP; NULL = none */
	const struct provider *provider;	/* NULL = it is in no row */
	const char *pass_cmd;		/* of both accounts; NULL = the password is asked for in each run */
};

/* A name that no section has: from the provider, or the domain of the address. settings: NULL = there are none. */
const char *proposal_name(const struct settings *s, const struct provider *p, const char *domain, struct arena *a);
/* The account of the settings that has this server and login; NULL = none. */
const struct account_settings *proposal_known(const struct settings *s, const struct offer *in);
/* "~/Mail/NAME/" */
const char *proposal_path(const struct proposal *p, struct arena *a);
void proposal_write(const struct proposal *p, struct buf *out);

#endif
