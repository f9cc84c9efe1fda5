/* A POP3 account as a mail store (sync/store/store.h), over the wire layer of sync/pop3: a source. It has one mailbox, INBOX; messages are
 * read and deleted, and nothing else is written. The UID (UIDL) is the key.
 *
 * Use: pop3_store_new() with what the configuration says (sync/store/settings.h); the engine does the rest.
 *
 * Files: pop3.c (the store, its sessions, memory), pop3_list.c (UIDL, LIST), pop3_fetch.c (bodies, identities), pop3_expunge.c (DELE, QUIT).
 */
#ifndef SYNC_STORE_POP3_H
#define SYNC_STORE_POP3_H

#include "sync/store/settings.h"
#include "sync/store/store.h"

/* The settings, their account, and what env points to must outlive the store. NULL with *e (ERR_USAGE) when the settings
 * cannot be. */
struct store *pop3_store_new(const struct store_settings *set, const struct store_env *env, struct err *e);

#endif
