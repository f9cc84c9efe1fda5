#include "cmd/config_keywords.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "cmd/ops.h"
#include "cmd/settings.h"

#define IN_STORE (IN_MAILDIR | IN_IMAP)
#define IN_LOGIN (IN_ACCOUNT | IN_IMAP)
#define IN_RULES (IN_GLOBAL | IN_CHANNEL)

#define GLOBAL(field) IN_GLOBAL, OWNER_GLOBAL, .offset = offsetof(struct settings, field)
#define STORE(where, field) where, OWNER_STORE, .offset = offsetof(struct store_settings, field)
#define LOGIN(field) IN_LOGIN, OWNER_ACCOUNT, .offset = offsetof(struct account_settings, field)
#define RULE(where, field) where, OWNER_CHANNEL, .offset = offsetof(struct channel_settings, field)
#define GROUP(field) IN_GROUP, OWNER_GROUP, .offset = offsetof(struct group_settings, field)
#define NOT_YET .flags = KEYWORD_NOT_YET
#define ALIAS .flags = KEYWORD_ALIAS
#define DEPRECATED(name) .flags = KEYWORD_DEPRECATED | KEYWORD_ALIAS, .instead = name
#define REFUSED(where, why) where, OWNER_ACCOUNT, .type = KW_REFUSED, .flags = KEYWORD_ALIAS, .instead = why
#define OLD_TLS "is of isync before 1.5: TLSType and TLSVersions say it now"

/* In the order of the enums they name. */
static const char *const sides[] = { "Far", "Near", NULL };
static const char *const tls_types[] = { "None", "STARTTLS", "IMAPS", NULL };
static const char *const sub_folders[] = { "", "Verbatim", "Maildir++", "Legacy", "", NULL };

/* mbsync's, then those that mailtwin uses beyond them. */
static const char *const extensions[] = {
	"IMAP4REV1", "LOGINDISABLED", "SASL-IR", "STARTTLS", "UIDPLUS", "LITERAL+", "LITERAL-", "MOVE",
	"NAMESPACE", "UTF8=ACCEPT", "UTF8=ONLY", "COMPRESS=DEFLATE",
	"APPENDLIMIT", "CONDSTORE", "ENABLE", "ESEARCH", "ID", "IDLE", "IMAP4REV2", "LIST-EXTENDED",
	"LIST-STATUS", "MULTIAPPEND", "OBJECTID", "QRESYNC", "SEARCHRES", "SPECIAL-USE",
	"CREATE-SPECIAL-USE", "STATUS=SIZE", "UNSELECT", "X-GM-EXT-1", NULL,
};

const struct keyword keywords[] = {
	/* Global */
	{ "FSync", GLOBAL(fsync), .type = KW_BOOL },
	{ "FieldDelimiter", GLOBAL(field_delimiter), .type = KW_PUNCTUATION },
	{ "BufferLimit", GLOBAL(buffer_limit), .type = KW_SIZE, .min = 1 },

	/* Any store */
	{ "Path", STORE(IN_MAILDIR, path), .type = KW_PATH },
	{ "Path", STORE(IN_IMAP, path), .type = KW_STRING },
	{ "MaxSize", STORE(IN_STORE, max_size), .type = KW_SIZE, NOT_YET },
	{ "MapInbox", STORE(IN_STORE, map_inbox), .type = KW_STRING },
	{ "Flatten", STORE(IN_STORE, flatten), .type = KW_DELIMITER, NOT_YET },
	{ "Trash", STORE(IN_STORE, trash), .type = KW_STRING, NOT_YET },
	{ "TrashNewOnly", STORE(IN_STORE, trash_new_only), .type = KW_BOOL, NOT_YET },
	{ "TrashRemoteNew", STORE(IN_STORE, trash_remote_new), .type = KW_BOOL, NOT_YET },
	{ "ReadOnly", STORE(IN_STORE, read_only), .type = KW_BOOL },
	{ "Hub", STORE(IN_STORE, hub), .type = KW_BOOL },
	{ "RoleArchive", STORE(IN_STORE, role[ROLE_ARCHIVE]), .type = KW_STRING },
	{ "RoleDrafts", STORE(IN_STORE, role[ROLE_DRAFTS]), .type = KW_STRING },
	{ "RoleJunk", STORE(IN_STORE, role[ROLE_JUNK]), .type = KW_STRING },
	{ "RoleSent", STORE(IN_STORE, role[ROLE_SENT]), .type = KW_STRING },
	{ "RoleTrash", STORE(IN_STORE, role[ROLE_TRASH]), .type = KW_STRING },

	/* MaildirStore */
	{ "Inbox", STORE(IN_MAILDIR, inbox), .type = KW_PATH },
	{ "InfoDelimiter", STORE(IN_MAILDIR, info_delimiter), .type = KW_PUNCTUATION },
	{ "SubFolders", STORE(IN_MAILDIR, sub_folders), .type = KW_CHOICE, .choices = sub_folders },
	{ "AltMap", STORE(IN_MAILDIR, alt_map), .type = KW_BOOL, NOT_YET },
	{ "Keywords", STORE(IN_MAILDIR, keywords), .type = KW_BOOL },

	/* IMAPStore */
	{ "Account", STORE(IN_IMAP, account), .type = KW_ACCOUNT },
	{ "UseNamespace", STORE(IN_IMAP, use_namespace), .type = KW_BOOL },
	{ "PathDelimiter", STORE(IN_IMAP, path_delimiter), .type = KW_CHAR },
	{ "SubscribedOnly", STORE(IN_IMAP, subscribed_only), .type = KW_BOOL },
	{ "Window", STORE(IN_IMAP, window), .type = KW_WINDOW },

	/* IMAPAccount, or inline in an IMAPStore */
	{ "Tunnel", LOGIN(net.tunnel), .type = KW_STRING },
	{ "Host", LOGIN(net.host), .type = KW_STRING },
	{ "Port", LOGIN(net.port), .type = KW_COUNT, .min = 1, .max = 65535 },
	{ "Timeout", LOGIN(net.timeout), .type = KW_COUNT, .max = INT32_MAX / 1000 },
	{ "User", LOGIN(user), .type = KW_STRING },
	{ "UserCmd", LOGIN(user_cmd), .type = KW_COMMAND },
	{ "Pass", LOGIN(pass), .type = KW_SECRET },
	{ "PassCmd", LOGIN(pass_cmd), .type = KW_COMMAND, .flags = KEYWORD_SECRET },
	{ "AuthMechs", LOGIN(auth_mechs), .type = KW_MECHANISMS },
	{ "AuthMech", LOGIN(auth_mechs), .type = KW_MECHANISMS, ALIAS },
	{ "RequireCRAM", LOGIN(auth_mechs), .type = KW_REQUIRE_CRAM, DEPRECATED("AuthMechs CRAM-MD5") },
	{ "TLSType", LOGIN(net.tls_type), .type = KW_CHOICE, .choices = tls_types },
	{ "SSLType", LOGIN(net.tls_type), .type = KW_CHOICE, .choices = tls_types, DEPRECATED("TLSType") },
	{ "TLSVersions", LOGIN(net.tls_versions), .type = KW_TLS_VERSIONS },
	{ "SSLVersions", LOGIN(net.tls_versions), .type = KW_SSL_VERSIONS, DEPRECATED("TLSVersions") },
	{ "SSLVersion", LOGIN(net.tls_versions), .type = KW_SSL_VERSIONS, DEPRECATED("TLSVersions") },
	{ "SystemCertificates", LOGIN(net.system_certificates), .type = KW_BOOL },
	{ "CertificateFile", LOGIN(net.certificate_file), .type = KW_FILE },
	{ "ClientCertificate", LOGIN(net.client_certificate), .type = KW_FILE },
	{ "ClientKey", LOGIN(net.client_key), .type = KW_FILE },
	{ "CipherString", LOGIN(net.cipher_string), .type = KW_STRING },
	{ "PipelineDepth", LOGIN(pipeline_depth), .type = KW_COUNT, .min = 1, .max = INT32_MAX },
	{ "AnswerLimit", LOGIN(answer_limit), .type = KW_SIZE, .min = 1 << 20 },
	{ "DisableExtensions", LOGIN(disable_extensions), .type = KW_EXTENSIONS, .choices = extensions },
	{ "DisableExtension", LOGIN(disable_extensions), .type = KW_EXTENSIONS, .choices = extensions,
	  ALIAS },
	{ "Connections", LOGIN(connections), .type = KW_COUNT, .min = 1, .max = 64 },
	{ "Throttle", LOGIN(net.throttle), .type = KW_SIZE },
	{ "UseKeychain", REFUSED(IN_LOGIN, "is known to macOS builds of mbsync only: use PassCmd") },
	{ "UseUTF8", REFUSED(IN_LOGIN, "was never released: names are always UTF-8 here") },
	{ "RequireSSL", REFUSED(IN_LOGIN, OLD_TLS) },
	{ "UseIMAPS", REFUSED(IN_LOGIN, OLD_TLS) },
	{ "UseSSLv2", REFUSED(IN_LOGIN, OLD_TLS) },
	{ "UseSSLv3", REFUSED(IN_LOGIN, OLD_TLS) },
	{ "UseTLSv1", REFUSED(IN_LOGIN, OLD_TLS) },
	{ "UseTLSv1.1", REFUSED(IN_LOGIN, OLD_TLS) },
	{ "UseTLSv1.2", REFUSED(IN_LOGIN, OLD_TLS) },
	{ "UseTLSv1.3", REFUSED(IN_LOGIN, OLD_TLS) },

	/* Channel */
	{ "Far", RULE(IN_CHANNEL, store[FAR]), .type = KW_MAILBOX, .n = FAR },
	{ "Near", RULE(IN_CHANNEL, store[NEAR]), .type = KW_MAILBOX, .n = NEAR },
	{ "Master", RULE(IN_CHANNEL, store[FAR]), .type = KW_MAILBOX, .n = FAR, DEPRECATED("Far") },
	{ "Slave", RULE(IN_CHANNEL, store[NEAR]), .type = KW_MAILBOX, .n = NEAR, DEPRECATED("Near") },
	{ "Patterns", RULE(IN_CHANNEL, patterns), .type = KW_PATTERNS },
	{ "Pattern", RULE(IN_CHANNEL, patterns), .type = KW_PATTERNS, ALIAS },
	{ "MaxSize", IN_CHANNEL, OWNER_CHANNEL, .type = KW_CHANNEL_MAX_SIZE, NOT_YET },
	{ "Role", RULE(IN_CHANNEL, role), .type = KW_ROLES },

	/* Channel, with defaults for all of them before the first section */
	{ "Sync", RULE(IN_RULES, sync), .type = KW_SYNC },
	{ "Create", RULE(IN_RULES, create), .type = KW_SIDES, .n = OPS_CREATE },
	{ "Remove", RULE(IN_RULES, remove), .type = KW_SIDES, .n = OPS_REMOVE },
	{ "Expunge", RULE(IN_RULES, expunge), .type = KW_SIDES, .n = OPS_EXPUNGE },
	{ "ExpungeSolo", RULE(IN_RULES, expunge_solo), .type = KW_SIDES, .n = OPS_EXPUNGE_SOLO, NOT_YET },
	{ "MaxMessages", RULE(IN_RULES, max_messages), .type = KW_COUNT, .max = INT32_MAX, NOT_YET },
	{ "ExpireUnread", RULE(IN_RULES, expire_unread), .type = KW_TRISTATE, NOT_YET },
	{ "ExpireSide", RULE(IN_RULES, expire_side), .type = KW_CHOICE, .choices = sides, NOT_YET },
	{ "CopyArrivalDate", RULE(IN_RULES, copy_arrival_date), .type = KW_BOOL },
	{ "SyncState", RULE(IN_RULES, sync_state), .type = KW_SYNC_STATE },
	{ "MaxDelete", RULE(IN_RULES, max_delete), .type = KW_LIMIT },
	{ "PostSync", RULE(IN_RULES, post_sync), .type = KW_STRING },

	/* Group */
	{ "Channels", GROUP(channels), .type = KW_WORDS },
	{ "Channel", GROUP(channels), .type = KW_WORDS, ALIAS },
	{ .name = NULL },
};

static const struct {
	enum config_section section;
	const char *name;
} sections[] = {
	{ IN_ACCOUNT, "IMAPAccount" },
	{ IN_IMAP, "IMAPStore" },
	{ IN_MAILDIR, "MaildirStore" },
	{ IN_CHANNEL, "Channel" },
	{ IN_GROUP, "Group" },
};

const struct keyword *
keyword_find(const char *name, enum config_section section)
{
	for (const struct keyword *k = keywords; k->name != NULL; k++)
		if ((k->where & section) && strcasecmp(k->name, name) == 0)
			return k;
	return NULL;
}

const struct keyword *
keyword_find_anywhere(const char *name, unsigned *where_r)
{
	const struct keyword *found = NULL;

	*where_r = 0;
	for (const struct keyword *k = keywords; k->name != NULL; k++) {
		if (strcasecmp(k->name, name) == 0) {
			found = k;
			*where_r |= k->where;
		}
	}
	return found;
}

enum config_section
keyword_opens(const char *name)
{
	for (size_t i = 0; i < sizeof sections / sizeof *sections; i++)
		if (strcasecmp(sections[i].name, name) == 0)
			return sections[i].section;
	return 0;
}

const char *
section_name(enum config_section section)
{
	for (size_t i = 0; i < sizeof sections / sizeof *sections; i++)
		if (sections[i].section == section)
			return sections[i].name;
	return "";
}

const char *
section_list(unsigned where, char *buf, size_t size)
{
	size_t len = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < sizeof sections / sizeof *sections; i++) {
		if (!(where & sections[i].section) || len >= size)
			continue;
		len += (size_t)snprintf(buf + len, size - len, "%s%s", len != 0 ? " or " : "",
		    sections[i].name);
	}
	return buf;
}
