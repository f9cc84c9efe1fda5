#include "cmd/words.h"

#include <stddef.h>
#include <strings.h>

#include "state/model/side.h"
#include "sync/net/net.h"
#include "sync/pair/names.h"
#include "sync/pair/roles.h"
#include "sync/plan/policy.h"

#define BOTH (WORD_PULL | WORD_PUSH)
#define ALL_BUT_OLD (SYNC_NEW | SYNC_UPGRADE | SYNC_GONE | SYNC_FLAGS)
#define CELLS(direction, name) \
	{ name "New", WORD_CELL | (direction) | SYNC_NEW, NULL }, \
	{ name "Old", WORD_CELL | (direction) | SYNC_OLD, NULL }, \
	{ name "Upgrade", WORD_CELL | (direction) | SYNC_UPGRADE, NULL }, \
	{ name "Gone", WORD_CELL | (direction) | SYNC_GONE, NULL }, \
	{ name "Flags", WORD_CELL | (direction) | SYNC_FLAGS, NULL }, \
	{ name "ReNew", WORD_CELL | (direction) | SYNC_UPGRADE, name "Upgrade" }, \
	{ name "Delete", WORD_CELL | (direction) | SYNC_GONE, name "Gone" }

const struct word words_bool[] = {
	{ "yes", 1, NULL }, { "true", 1, NULL }, { "on", 1, NULL }, { "1", 1, NULL },
	{ "no", 0, NULL }, { "false", 0, NULL }, { "off", 0, NULL }, { "0", 0, NULL },
	{ .name = NULL },
};

const struct word words_side[] = {
	{ "Far", FAR, NULL }, { "Near", NEAR, NULL }, { "Master", FAR, "Far" }, { "Slave", NEAR, "Near" },
	{ .name = NULL },
};

const struct word words_sides[] = {
	{ "None", 0, NULL }, { "Far", 1u << FAR, NULL }, { "Near", 1u << NEAR, NULL },
	{ "Both", 1u << FAR | 1u << NEAR, NULL },
	{ "Master", 1u << FAR, "Far" }, { "Slave", 1u << NEAR, "Near" },
	{ .name = NULL },
};

const struct word words_type[] = {
	{ "New", SYNC_NEW, NULL }, { "Old", SYNC_OLD, NULL }, { "Upgrade", SYNC_UPGRADE, NULL },
	{ "Gone", SYNC_GONE, NULL }, { "Flags", SYNC_FLAGS, NULL },
	{ .name = NULL },
};

const struct word words_sync[] = {
	{ "None", WORD_NONE, NULL }, { "Full", BOTH | ALL_BUT_OLD, NULL },
	{ "Pull", WORD_PULL, NULL }, { "Push", WORD_PUSH, NULL },
	{ "New", SYNC_NEW, NULL }, { "Old", SYNC_OLD, NULL }, { "Upgrade", SYNC_UPGRADE, NULL },
	{ "Gone", SYNC_GONE, NULL }, { "Flags", SYNC_FLAGS, NULL },
	CELLS(WORD_PULL, "Pull"),
	CELLS(WORD_PUSH, "Push"),
	{ "All", BOTH | ALL_BUT_OLD, NULL }, { "Noop", WORD_NONE, NULL },
	{ "ReNew", SYNC_UPGRADE, "Upgrade" }, { "Delete", SYNC_GONE, "Gone" },
	/* mbsync's old words for all there is of one direction. */
	{ "PullFull", WORD_CELL | WORD_PULL | ALL_BUT_OLD, "Pull" }, { "PushFull", WORD_CELL | WORD_PUSH | ALL_BUT_OLD, "Push" },
	{ .name = NULL },
};

const struct word words_role[] = {
	{ "None", 0, NULL }, { "All", ROLES_ALL, NULL }, { "Archive", 1u << ROLE_ARCHIVE, NULL },
	{ "Drafts", 1u << ROLE_DRAFTS, NULL }, { "Junk", 1u << ROLE_JUNK, NULL }, { "Sent", 1u << ROLE_SENT, NULL },
	{ "Trash", 1u << ROLE_TRASH, NULL },
	{ .name = NULL },
};

const struct word words_tls_type[] = {
	{ "None", NET_TLS_NONE, NULL }, { "STARTTLS", NET_TLS_STARTTLS, NULL }, { "IMAPS", NET_TLS_IMPLICIT, NULL },
	{ .name = NULL },
};

const struct word words_tls_type_pop3[] = {
	{ "None", NET_TLS_NONE, NULL }, { "STARTTLS", NET_TLS_STARTTLS, NULL }, { "POP3S", NET_TLS_IMPLICIT, NULL },
	{ .name = NULL },
};

const struct word words_tls_type_smtp[] = {
	{ "None", NET_TLS_NONE, NULL }, { "STARTTLS", NET_TLS_STARTTLS, NULL }, { "SMTPS", NET_TLS_IMPLICIT, NULL },
	{ .name = NULL },
};

const struct word words_tls_version[] = {
	{ "1.0", NET_TLS_1_0, NULL }, { "1.1", NET_TLS_1_1, NULL }, { "1.2", NET_TLS_1_2, NULL },
	{ "1.3", NET_TLS_1_3, NULL },
	{ .name = NULL },
};

const struct word words_ssl_version[] = {
	{ "TLSv1", NET_TLS_1_0, NULL }, { "TLSv1.1", NET_TLS_1_1, NULL }, { "TLSv1.2", NET_TLS_1_2, NULL },
	{ "TLSv1.3", NET_TLS_1_3, NULL }, { "SSLv2", 0, "TLSVersions" }, { "SSLv3", 0, "TLSVersions" },
	{ .name = NULL },
};

const struct word words_sub_folders[] = {
	{ "Verbatim", NAMES_VERBATIM, NULL }, { "Maildir++", NAMES_MAILDIRPP, NULL }, { "Legacy", NAMES_LEGACY, NULL },
	{ .name = NULL },
};

const struct word words_mechanism[] = {
	{ "*", 0, NULL }, { "PLAIN", 0, NULL }, { "LOGIN", 0, NULL }, { "EXTERNAL", 0, NULL }, { "ANONYMOUS", 0, NULL },
	{ "XOAUTH2", 0, NULL }, { "OAUTHBEARER", 0, NULL }, { "CRAM-MD5", 0, NULL }, { "DIGEST-MD5", 0, NULL },
	{ "SCRAM-SHA-1", 0, NULL }, { "SCRAM-SHA-1-PLUS", 0, NULL }, { "SCRAM-SHA-256", 0, NULL },
	{ "SCRAM-SHA-256-PLUS", 0, NULL }, { "SCRAM-SHA-512", 0, NULL }, { "SCRAM-SHA-512-PLUS", 0, NULL },
	{ "GSSAPI", 0, NULL }, { "NTLM", 0, NULL }, { "APOP", 0, NULL },
	{ .name = NULL },
};

/* mbsync's, then those that mailtwin uses beyond them. */
const struct word words_extension[] = {
	{ "IMAP4REV1", 0, NULL }, { "LOGINDISABLED", 0, NULL }, { "SASL-IR", 0, NULL }, { "STARTTLS", 0, NULL },
	{ "UIDPLUS", 0, NULL }, { "LITERAL+", 0, NULL }, { "LITERAL-", 0, NULL }, { "MOVE", 0, NULL },
	{ "NAMESPACE", 0, NULL }, { "UTF8=ACCEPT", 0, NULL }, { "UTF8=ONLY", 0, NULL }, { "COMPRESS=DEFLATE", 0, NULL },
	{ "APPENDLIMIT", 0, NULL }, { "CONDSTORE", 0, NULL }, { "ENABLE", 0, NULL }, { "ESEARCH", 0, NULL },
	{ "ID", 0, NULL }, { "IDLE", 0, NULL }, { "IMAP4REV2", 0, NULL }, { "LIST-EXTENDED", 0, NULL },
	{ "LIST-STATUS", 0, NULL }, { "MULTIAPPEND", 0, NULL }, { "OBJECTID", 0, NULL }, { "QRESYNC", 0, NULL },
	{ "SEARCHRES", 0, NULL }, { "SPECIAL-USE", 0, NULL }, { "CREATE-SPECIAL-USE", 0, NULL },
	{ "STATUS=SIZE", 0, NULL }, { "UNSELECT", 0, NULL }, { "X-GM-EXT-1", 0, NULL },
	{ .name = NULL },
};

const struct word *
word_find(const struct word *list, const char *name)
{
	for (; list->name != NULL; list++)
		if (strcasecmp(list->name, name) == 0)
			return list;
	return NULL;
}

const char *
word_name(const struct word *list, unsigned value)
{
	for (; list->name != NULL; list++)
		if (list->value == value)
			return list->name;
	return NULL;
}
