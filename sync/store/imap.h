/* An IMAP account as a mail store (sync/store/store.h), over the wire layer of sync/imap.
 *
 * Use: imap_store_new() with what the configuration says (sync/store/settings.h); the engine does the rest.
 *
 * Files: imap.c (sessions, memory), imap_names.c (names), imap_list.c (LIST, STATUS, cursors),
 * imap_delta.c (what changed), imap_fetch.c (bodies, identities), imap_deliver.c (APPEND), imap_change.c (STORE,
 * EXPUNGE), imap_move.c (MOVE, COPY), imap_folders.c (CREATE, DELETE, RENAME).
 */
#ifndef SYNC_STORE_IMAP_H
#define SYNC_STORE_IMAP_H

#include "sync/store/settings.h"
#include "sync/store/store.h"

/* The settings, their account, and what env points to must outlive the store. NULL with *e (ERR_USAGE) when the settings
 * cannot be. */
struct store *imap_store_new(const struct store_settings *set, const struct store_env *env, struct err *e);

#endif
