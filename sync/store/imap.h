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

#include "state/base/buf.h"
#include "sync/store/settings.h"
#include "sync/store/store.h"

/* What the store is given beside its settings. NULL or "" = none. */
struct imap_store_env {
	const char *user;
	const struct buf *secret;	/* password or token */
	const char *version;		/* of the program, for ID */
	const char *transcript_dir;	/* a file per connection goes there */
	int cancel_fd;			/* readable = give up whatever is under way; 0 = none */
	/* [ALERT]s, from any thread. */
	void (*alert)(void *ctx, const char *store, const char *text);
	void (*warn)(void *ctx, const char *store, const char *text);	/* of ours, about this server; ctx as alert's */
	void *alert_ctx;
};

/* The settings, their account, and what env points to must outlive the store. NULL with *e (ERR_USAGE) when the settings
 * cannot be. */
struct store *imap_store_new(const struct store_settings *set, const struct imap_store_env *env, struct err *e);

#endif
