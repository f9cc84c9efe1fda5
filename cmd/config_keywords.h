/* Every keyword of the configuration language, in one table: where it may stand, what its arguments are, which setting it
 * fills, its default, and what the manual says of it. The rows are in cmd/keywords.def.
 *
 * How it is used: cmd/config.c looks each line's first word up and stores its arguments by `type`; cmd/config_print.c walks the
 * table to print settings as a configuration again; cmd/manual.c to write what people read.
 *
 * What must always hold:
 *   1. offset is that of a field of the C type `type` names, in the struct of `owner`.
 *   2. In one section no name has two rows.
 */
#ifndef CMD_CONFIG_KEYWORDS_H
#define CMD_CONFIG_KEYWORDS_H

#include <stdbool.h>
#include <stddef.h>

#include "cmd/words.h"
#include "sync/store/kinds.h"

/* Where a line stands. Keywords carry a set of them. */
enum config_section {
	IN_GLOBAL = 1 << 0,		/* before the first section */
	IN_MAILDIR = 1 << 1,
	IN_IMAP = 1 << 2,
	IN_ACCOUNT = 1 << 3,
	IN_CHANNEL = 1 << 4,
	IN_GROUP = 1 << 5,
	IN_POP3 = 1 << 6,
	IN_SMTP = 1 << 7,
};

enum keyword_owner {
	OWNER_GLOBAL,			/* struct settings */
	OWNER_CHANNEL,			/* struct channel_settings; globally the defaults of them all */
	OWNER_STORE,
	OWNER_ACCOUNT,
	OWNER_GROUP,
};

enum keyword_type {
	KW_BOOL,			/* bool */
	KW_TRISTATE,			/* int, -1 = not said */
	KW_STRING,			/* const char *, like what is a string below */
	KW_SECRET,			/* char *, never shown */
	KW_PATH,			/* made absolute */
	KW_FILE,			/* the same, of a file that can be read */
	KW_COUNT,			/* unsigned, min to max */
	KW_SIZE,			/* uint64_t, >= min */
	KW_CHAR,			/* char */
	KW_PUNCTUATION,			/* char */
	KW_CHOICE,			/* an enum: the value of one of words */
	KW_COMMAND,			/* struct settings_command */
	KW_WORDS,			/* struct settings_list, added to */
	KW_EXTENSIONS,			/* the same, of words, in upper case */
	KW_MECHANISMS,			/* the same, in upper case */
	/* Of one keyword or one kind each; offset is unused where none is given. */
	KW_DELIMITER,			/* Flatten */
	KW_TLS_VERSIONS,
	KW_SSL_VERSIONS,
	KW_REQUIRE_CRAM,
	KW_ACCOUNT,
	KW_SMTP_ACCOUNT,
	KW_SYNC,
	KW_SIDES,			/* n = enum ops_kind */
	KW_MAILBOX,			/* n = enum side */
	KW_PATTERNS,
	KW_ROLES,			/* unsigned, a set of enum role */
	KW_SYNC_STATE,
	KW_LIMIT,
	KW_WINDOW,
	KW_LEAVE,			/* LeaveOnServer */
	KW_DAYS,			/* `unsigned`, 0 = none */
	KW_CHANNEL_MAX_SIZE,
	KW_STORE_PATH,			/* a path of a MaildirStore, a string of an IMAPStore */
	KW_OLD_TLS,			/* n = enum old_tls */
	KW_ALIAS,			/* what counts is the row called `instead`, of the same section */
	KW_REFUSED,			/* instead says why, as the end of a sentence */
};

/* The words of isync before 1.2 for TLSType and TLSVersions, which make sense together only. */
enum old_tls { OLD_TLS_REQUIRE, OLD_TLS_IMAPS, OLD_TLS_GONE, OLD_TLS_1_0, OLD_TLS_1_1, OLD_TLS_1_2, OLD_TLS_1_3, OLD_TLS_WORDS };

enum keyword_flags {
	KEYWORD_DEPRECATED = 1 << 1,	/* instead is the present way to say it: a notice */
	KEYWORD_ALIAS = 1 << 2,		/* another spelling: neither printed nor suggested */
	KEYWORD_SECRET = 1 << 3,	/* what the command's arguments are is not shown */
	KEYWORD_OWN = 1 << 4,		/* mbsync has none of that name */
};

struct keyword {
	const char *name;
	unsigned where;			/* of enum config_section */
	enum keyword_owner owner;
	enum keyword_type type;
	size_t offset;
	unsigned flags;
	const char *instead;
	unsigned n;
	unsigned long min, max;
	const struct word *words;
	const char *value, *shown;	/* the default: as it would be written; for people. One of them, or both NULL: none */
	const char *arg;		/* the argument, for people; NULL = what keyword_argument() says of the type */
	const char *text;		/* for the manual; NULL = that of the next row */
};

/* The table; ends with a row whose name is NULL. */
extern const struct keyword keywords[];

/* The row for `name` (any letter case) in a section; NULL = none. */
const struct keyword *keyword_find(const char *name, enum config_section section);

/* A row of that name in whatever section, *where_r being all sections that have one; NULL = none. */
const struct keyword *keyword_find_anywhere(const char *name, unsigned *where_r);

/* How the argument is called in the manual: "boolean", "None | Far". Written into buf where it is made of words. */
const char *keyword_argument(const struct keyword *k, char *buf, size_t size);

/* Whether a row fills a field: more than a name or a refusal. */
bool keyword_has_field(const struct keyword *k);

/* The section a keyword opens; 0 = it opens none. */
enum config_section keyword_opens(const char *name);

/* The sections in the order of a file, ending with NULL. */
extern const char *const section_names[];

/* "Channel" for IN_CHANNEL; "" for IN_GLOBAL. */
const char *section_name(enum config_section section);

/* What a section says a store is; NULL = it says none. */
const struct store_kind *section_kind(enum config_section section);
/* The kind that an account by itself is for. */
const struct store_kind *section_account_kind(void);
unsigned section_stores(void);	/* the sections that say a store */

/* Writes "IMAPAccount or IMAPStore" for the set of these two into buf, which it returns. */
const char *section_list(unsigned where, char *buf, size_t size);

#endif
