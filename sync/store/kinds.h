/* The kinds of stores that can be configured. A row for each says what the program must know of it beside its own files and its section of
 * the configuration (cmd/keywords.def); nothing else asks for a kind by its name.
 */
#ifndef SYNC_STORE_KINDS_H
#define SYNC_STORE_KINDS_H

#include <stdbool.h>
#include <stdint.h>

#include "state/base/err.h"
#include "sync/store/settings.h"
#include "sync/store/store.h"

struct store_kind {
	const char *section;		/* the keyword its section begins with */
	const char *scheme;		/* of where its mailboxes are, to compare them (cmd/overlap.c); NULL = on the disk */
	const char *tls_word;		/* its TLSType for TLS from the first byte; NULL = it has no account */
	uint16_t port, tls_port;	/* of its account, unless the configuration says another; 0 = it has no account */
	bool may_name_account;		/* its account may have a section of its own */
	bool is_source;			/* one mailbox, INBOX, from which messages come and to which none go (P20) */
	/* What set and env point to must outlive the store. NULL with *e (ERR_USAGE) when the settings cannot be. */
	struct store *(*make)(const struct store_settings *set, const struct store_env *env, struct err *e);
};

extern const struct store_kind store_kinds[STORE_KINDS];

#endif
