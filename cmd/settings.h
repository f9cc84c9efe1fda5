/* What a configuration file says, resolved: every default filled in, every name looked up, every
 * path absolute. Plain data; the file's words and their positions are gone.
 *
 * How it is used: config_load() (cmd/config.h) makes it, the options of the command line are laid
 * over it, cmd/ translates it into what sync/ takes, settings_free() ends it.
 *
 * What stores and accounts are told is in sync/store/settings.h, which stores read themselves.
 *
 * What must always hold:
 *   1. Strings, lists and structs belong to the settings' arena, passwords to their account: all of
 *      it dies with settings_free(), which wipes the passwords.
 *   2. Arrays of two are indexed by enum side: [NEAR] is what happens to near, i.e. what is pulled.
 *   3. Pointers of lists (stores, accounts, ...) stay valid while the settings live.
 */
#ifndef CMD_SETTINGS_H
#define CMD_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "state/base/mem.h"
#include "state/model/side.h"
#include "sync/plan/policy.h"
#include "sync/store/settings.h"

/* What Sync means without a type that it names. */
#define SETTINGS_DEFAULT_TYPES (SYNC_NEW | SYNC_UPGRADE | SYNC_GONE | SYNC_FLAGS)

struct channel_settings {
	const char *name;
	struct store_settings *store[SIDES];
	const char *box[SIDES];			/* NULL = none given; with patterns a prefix, else a mailbox */
	bool has_patterns;
	struct settings_list patterns;	/* as written, "!" included; the last match wins */

	struct policy policy;		/* Sync, Create, Remove, Expunge, MaxDelete; what else is in it comes from stores and options */
	unsigned max_messages;		/* 0 = unlimited */
	unsigned max_age;		/* days; 0 = unlimited */
	int expire_unread;		/* -1 = not said */
	enum side expire_side;
	bool copy_arrival_date;
	const char *sync_state;		/* NULL = the state directory, "*" = in the near Maildir, else a prefix */
	const char *post_sync;		/* for sh -c; NULL = none */
	struct outbox_settings outbox;
	unsigned role;			/* a set of enum role */
	const char *state_name;		/* of its state: its own name, or that of the channel it shares one with (cmd/shared_state.h) */
	const struct channel_settings *state_of;	/* ... in whose prefix and Patterns its mailboxes are known; NULL = in its own */
};

/* A Group's members, as written: CHANNEL[:BOX[,BOX...]]. */
struct group_settings {
	const char *name;
	struct settings_list channels;
};

struct settings {
	struct arena arena;
	const char *file;		/* where it was read from */
	bool fsync;
	char field_delimiter;
	const char *sync_state;		/* SyncState before all sections: that of channels which have none of their own; NULL = none */
	uint64_t buffer_limit;		/* bytes per channel and direction, > 0 */

	struct account_settings **accounts;
	size_t n_accounts;
	struct account_settings **smtp_accounts;
	size_t n_smtp_accounts;
	struct store_settings **stores;
	size_t n_stores;
	struct channel_settings **channels;
	size_t n_channels;
	struct group_settings **groups;
	size_t n_groups;
};

/* NULL when there is none of that name (names compare exactly). Borrowed. */
struct account_settings *settings_account(const struct settings *s, const char *name);
struct account_settings *settings_smtp_account(const struct settings *s, const char *name);
struct store_settings *settings_store(const struct settings *s, const char *name);
struct channel_settings *settings_channel(const struct settings *s, const char *name);
struct group_settings *settings_group(const struct settings *s, const char *name);

/* What stands for a channel where something is done with a store alone: it has the store on both sides, and no mailbox. In the arena. */
struct channel_settings *settings_alone(struct store_settings *store, struct arena *a);
bool settings_is_alone(const struct channel_settings *c);

/* A copy of `word` (`len` bytes) at the end of a list; both in the arena. */
void settings_list_add(struct arena *a, struct settings_list *list, const char *word, size_t len);

/* Takes NULL; leaves NULL. */
void settings_free(struct settings **s);

#endif
