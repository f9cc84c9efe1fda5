/* What the configuration says of a store and its account: each keyword under its own name, in one struct for
 * stores of all kinds. An adapter takes what is its own (sync/store/maildir.h, imap.h); nobody copies a setting
 * into another struct of another name.
 *
 * Made by cmd/config*.c from a file (cmd/keywords.def says which keyword fills which field), by tests directly.
 * Plain data; strings are whose who made it. NULL, "" and 0 = not set, unless a field says otherwise.
 */
#ifndef SYNC_STORE_SETTINGS_H
#define SYNC_STORE_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "state/base/buf.h"
#include "sync/net/net.h"
#include "sync/pair/names.h"
#include "sync/pair/roles.h"
#include "sync/plan/source.h"
#include "sync/plan/window.h"

struct settings_list {
	const char **at;		/* at[n] is NULL */
	size_t n;
};

/* A command that prints one line. */
struct settings_command {
	const char *shell;		/* for sh -c; NULL = not given */
	bool uses_tty;			/* was written with a leading "+", which is not in shell */
};

/* An IMAPAccount, or the same keywords inside an IMAPStore or a POP3Store; an SMTPAccount. */
struct account_settings {
	const char *name;		/* of an inline account: the store's */
	bool is_inline;
	struct net_settings net;	/* Host, Port, Tunnel, Timeout, TLSType ...; its last three fields are no keywords */
	const char *user;		/* NULL: user_cmd, or ask */
	struct settings_command user_cmd;
	char *pass;			/* NULL: pass_cmd, or ask. Secret: wiped by settings_free() */
	struct settings_command pass_cmd;
	struct settings_list auth_mechs;	/* upper case; "*" among them = all that are safe enough */
	struct settings_list disable_extensions;	/* upper case */
	unsigned pipeline_depth;	/* commands unanswered at most; 0 = no limit */
	uint64_t answer_limit;		/* octets that may be kept of the answers to one request; 0 = no limit */
	unsigned connections;		/* sessions at most; 0 = 4 */
	struct settings_list from;	/* SMTP: addresses of those who send by it, "@example.org" for all of a domain */
};

/* An outbox of a MaildirStore, or of a channel whose near store is one. */
struct outbox_settings {
	struct account_settings *account;	/* NULL = there is none */
	const char *box, *sent;		/* mailboxes; NULL = Outbox, Sent. A prefix of the channel comes before them */
	int sent_copy;			/* SentCopy; -1 = not said, which is yes */
};

/* What a store is given beside its settings, of its program and this run. NULL or "" = none; what it has no use for it does not look at. */
struct store_env {
	const char *user;
	const struct buf *secret;	/* password or token */
	const char *version;		/* of the program, for ID */
	const char *transcript_dir;	/* a file per connection goes there */
	int cancel_fd;			/* readable = give up whatever is under way; 0 = none */
	struct net_wait *wait;		/* NULL = nobody asks how long the server has kept us waiting */
	/* What the server wants its users to see, and what they should know of it; from any thread. */
	void (*alert)(void *ctx, const char *store, const char *text);
	void (*warn)(void *ctx, const char *store, const char *text);
	void *ctx;
	bool fsync;			/* FSync */
	bool copy_arrival_date;		/* CopyArrivalDate */
};

/* What each is: sync/store/kinds.c. */
enum settings_store_kind { SETTINGS_MAILDIR, SETTINGS_IMAP, SETTINGS_POP3, STORE_KINDS };

struct store_settings {
	const char *name;
	enum settings_store_kind kind;
	const char *path;		/* put before mailbox names. Maildir: absolute, a directory ends in '/'. NULL = none */
	const char *map_inbox;
	bool read_only;			/* nothing is ever written */
	bool hub;			/* mail of one channel may go on to another through it */
	const char *role[ROLES];	/* RoleArchive ...; a prefix of the channel comes before it */
	uint64_t max_size;		/* octets; a Channel's MaxSize is already in */
	const char *flatten;
	const char *trash;
	bool trash_new_only, trash_remote_new;

	/* Maildir */
	const char *inbox;		/* absolute */
	char info_delimiter;		/* 0 = ':' */
	enum names_layout sub_folders;	/* any but NAMES_IMAP */
	bool alt_map;
	bool keywords;			/* dovecot-keywords is made where it is missing */
	struct outbox_settings outbox;

	/* IMAP, POP3 */
	struct account_settings *account;	/* NULL: it is on the disk */

	/* IMAP */
	bool use_namespace;
	char path_delimiter;		/* 0 = the server's */
	bool subscribed_only;
	struct window window;

	/* POP3 */
	struct leave leave_on_server;
};

#endif
