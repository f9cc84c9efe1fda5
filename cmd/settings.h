/* What a configuration file says, resolved: every default filled in, every name looked up, every
 * path absolute. Plain data; the file's words and their positions are gone.
 *
 * How it is used: config_load() (cmd/config.h) makes it, the options of the command line are laid
 * over it, cmd/ translates it into what sync/ takes, settings_free() ends it.
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
#include "sync/pair/roles.h"

/* What may be propagated to a side: the types of the keyword Sync. */
enum settings_type {
	SETTINGS_NEW = 1 << 0,
	SETTINGS_OLD = 1 << 1,		/* messages that were passed over earlier: retried */
	SETTINGS_UPGRADE = 1 << 2,
	SETTINGS_GONE = 1 << 3,
	SETTINGS_FLAGS = 1 << 4,
};
#define SETTINGS_DEFAULT_TYPES (SETTINGS_NEW | SETTINGS_UPGRADE | SETTINGS_GONE | SETTINGS_FLAGS)

enum settings_tls { SETTINGS_TLS_NONE, SETTINGS_TLS_STARTTLS, SETTINGS_TLS_IMAPS };

enum settings_tls_version {
	SETTINGS_TLS_1_0 = 1 << 0,
	SETTINGS_TLS_1_1 = 1 << 1,
	SETTINGS_TLS_1_2 = 1 << 2,
	SETTINGS_TLS_1_3 = 1 << 3,
};

enum settings_subfolders {
	SETTINGS_SUB_UNSET,		/* an error as soon as a mailbox with a "/" is met */
	SETTINGS_SUB_VERBATIM,
	SETTINGS_SUB_MAILDIRPP,
	SETTINGS_SUB_LEGACY,
};

enum settings_limit_kind {
	SETTINGS_LIMIT_DEFAULT,		/* R21's own: half of the box with a floor of 20, or 500 */
	SETTINGS_LIMIT_NONE,
	SETTINGS_LIMIT_COUNT,
	SETTINGS_LIMIT_PERCENT,
};

/* MaxDelete: how many deletions one run may carry out in a box without asking. */
struct settings_limit {
	enum settings_limit_kind kind;
	unsigned n;			/* COUNT: > 0; PERCENT: 1 to 100 */
};

/* Window: an IMAP server may show the newest messages of a mailbox only. */
enum settings_window_kind { SETTINGS_WINDOW_UNSET, SETTINGS_WINDOW_NO, SETTINGS_WINDOW_SIZE };
struct settings_window {
	enum settings_window_kind kind;
	unsigned n;			/* SIZE: > 0 */
};

struct settings_list {
	char **at;			/* at[n] is NULL */
	size_t n;
};

/* A command that prints one line (UserCmd, PassCmd). */
struct settings_command {
	char *shell;			/* for sh -c; NULL = not given */
	bool uses_tty;			/* was written with a leading "+", which is not in shell */
};

/* An IMAPAccount, or the account keywords inside an IMAPStore. */
struct account_settings {
	char *name;			/* of an inline account: the store's */
	bool is_inline;
	char *host;			/* NULL only with a tunnel */
	uint16_t port;			/* never 0 */
	unsigned timeout;		/* seconds; 0 = none */
	char *user;			/* NULL: user_cmd, or ask */
	struct settings_command user_cmd;
	char *pass;			/* NULL: pass_cmd, or ask. Secret: wiped by settings_free() */
	struct settings_command pass_cmd;
	char *tunnel;			/* for sh -c; NULL = TCP */
	struct settings_list auth_mechs;	/* upper case; "*" among them = all that are safe enough */
	enum settings_tls tls_type;
	unsigned tls_versions;		/* of enum settings_tls_version, never 0 */
	bool system_certificates;
	char *certificate_file;		/* NULL = none, like the next three */
	char *client_certificate;
	char *client_key;
	char *cipher_string;
	unsigned pipeline_depth;	/* commands in flight; 0 = unlimited */
	uint64_t answer_limit;		/* octets of memory that a list may take, of mailboxes or of messages */
	struct settings_list disabled_extensions;	/* upper case */
	unsigned connections;		/* at most so many sessions; > 0 */
	uint64_t throttle;		/* bytes per second and direction; 0 = unlimited */
};

enum settings_store_kind { SETTINGS_MAILDIR, SETTINGS_IMAP };

struct store_settings {
	char *name;
	enum settings_store_kind kind;
	char *path;			/* put before mailbox names; Maildir: absolute. NULL = none */
	uint64_t max_size;		/* bytes; 0 = unlimited; a Channel's MaxSize is already in */
	char *map_inbox;		/* NULL = none */
	char *flatten;			/* NULL = none */
	char *trash;			/* NULL = none */
	bool trash_new_only, trash_remote_new;
	bool is_read_only;
	bool is_hub;			/* mail of one channel may go on to another through it */
	char *role_box[ROLES];		/* NULL = none; a prefix of the channel comes before it */

	/* Maildir */
	char *inbox;			/* absolute */
	char info_delimiter;
	enum settings_subfolders subfolders;
	bool has_alt_map;
	bool keeps_keywords;

	/* IMAP */
	struct account_settings *account;
	bool use_namespace;
	char path_delimiter;		/* '\0' = the server's */
	bool is_subscribed_only;
	struct settings_window window;
};

struct channel_settings {
	char *name;
	struct store_settings *store[2];
	char *box[2];			/* NULL = none given; with patterns a prefix, else a mailbox */
	bool has_patterns;
	struct settings_list patterns;	/* as written, "!" included; the last match wins */

	unsigned sync[2];		/* of enum settings_type, by the side that receives */
	bool create[2];
	bool remove[2];
	bool expunge[2];
	bool expunge_solo[2];
	unsigned max_messages;		/* 0 = unlimited */
	int expire_unread;		/* -1 = not said */
	enum side expire_side;
	bool copy_arrival_date;
	char *sync_state;		/* NULL = the state directory, "*" = in the near Maildir, else a prefix */
	struct settings_limit max_delete;
	char *post_sync;		/* for sh -c; NULL = none */
	unsigned roles;			/* a set of enum role */
};

/* A Group's members, as written: CHANNEL[:BOX[,BOX...]]. */
struct group_settings {
	char *name;
	struct settings_list channels;
};

struct settings {
	struct arena arena;
	char *file;			/* where it was read from */
	bool fsync;
	char field_delimiter;
	uint64_t buffer_limit;		/* bytes per channel and direction, > 0 */

	struct account_settings **accounts;
	size_t n_accounts;
	struct store_settings **stores;
	size_t n_stores;
	struct channel_settings **channels;
	size_t n_channels;
	struct group_settings **groups;
	size_t n_groups;
};

/* NULL when there is none of that name (names compare exactly). Borrowed. */
struct account_settings *settings_account(const struct settings *s, const char *name);
struct store_settings *settings_store(const struct settings *s, const char *name);
struct channel_settings *settings_channel(const struct settings *s, const char *name);
struct group_settings *settings_group(const struct settings *s, const char *name);

/* A copy of `word` (`len` bytes) at the end of a list; both in the settings' arena. */
void settings_list_add(struct settings *s, struct settings_list *list, const char *word, size_t len);

/* Takes NULL; leaves NULL. */
void settings_free(struct settings **s);

#endif
