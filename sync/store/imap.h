/* An IMAP account as a mail store (sync/store/store.h), over the wire layer of sync/imap.
 *
 * Use: imap_store_new() with what cmd/ read from the configuration; the engine does the rest.
 *
 * Files: imap.c (sessions, memory), imap_names.c (names), imap_list.c (LIST, STATUS, cursors),
 * imap_delta.c (what changed), imap_fetch.c (bodies, identities), imap_deliver.c (APPEND), imap_change.c (STORE,
 * EXPUNGE), imap_move.c (MOVE, COPY), imap_folders.c (CREATE, DELETE, RENAME).
 */
#ifndef SYNC_STORE_IMAP_H
#define SYNC_STORE_IMAP_H

#include "state/base/buf.h"
#include "sync/net/net.h"
#include "sync/store/store.h"

/* Borrowed for the call, but for `secret`, which must outlive the store. NULL or "" = not set. */
struct imap_store_settings {
	const char *name;
	struct net_settings net;
	const char *user;
	const struct buf *secret;	/* password or token; NULL = none */
	const char *const *auth_mechs;
	size_t n_auth_mechs;
	const char *const *disabled;	/* DisableExtension */
	size_t n_disabled;
	const char *path;		/* prefix of all mailboxes but INBOX */
	bool has_path;
	bool use_namespace;
	char delimiter;			/* PathDelimiter; 0 = the server's */
	bool is_subscribed_only;
	const char *map_inbox;
	bool is_readonly;
	unsigned connections;		/* 0 = 4 */
	unsigned pipeline_depth;	/* commands unanswered at most; 0 = no limit */
	uint64_t answer_limit;		/* octets that may be kept of the answers to one request; 0 = no limit */
	const char *version;		/* of the program, for ID */
	/* [ALERT]s, from any thread. */
	void (*alert)(void *ctx, const char *store, const char *text);
	void (*warn)(void *ctx, const char *store, const char *text);	/* of ours, about this server; ctx as alert's */
	void *alert_ctx;
};

/* NULL with *e (ERR_USAGE) when the settings cannot be. */
struct store *imap_store_new(const struct imap_store_settings *set, struct err *e);

#endif
