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
#define LINE(field) IN_LOGIN | IN_POP3 | IN_SMTP, OWNER_ACCOUNT, .offset = offsetof(struct account_settings, field)
#define ANSWERS(field) IN_LOGIN | IN_POP3, OWNER_ACCOUNT, .offset = offsetof(struct account_settings, field)
#define SMTP_LINE(field) IN_SMTP, OWNER_ACCOUNT, .offset = offsetof(struct account_settings, field)
#define STORE_LINE(field) IN_POP3, OWNER_ACCOUNT, .offset = offsetof(struct account_settings, field)
#define LOGIN(field) IN_LOGIN, OWNER_ACCOUNT, .offset = offsetof(struct account_settings, field)
#define CHANNEL(field) IN_CHANNEL, OWNER_CHANNEL, .offset = offsetof(struct channel_settings, field)
#define RULE(field) IN_RULES, OWNER_CHANNEL, .offset = offsetof(struct channel_settings, field)
#define GROUP(field) IN_GROUP, OWNER_GROUP, .offset = offsetof(struct group_settings, field)
#define OWN .flags = KEYWORD_OWN
#define OLD(name) .flags = KEYWORD_DEPRECATED | KEYWORD_ALIAS, .instead = name
#define ROLE_SHOWN "what the server says, or the English word"

#define KEYWORD(...) { __VA_ARGS__ },
#define ALIAS(name, where, of) { name, where, .type = KW_ALIAS, .flags = KEYWORD_ALIAS, .instead = of },
#define DEPRECATED(name, where, of) { name, where, .type = KW_ALIAS, OLD(of) },
#define REFUSED(name, where, why) { name, where, .type = KW_REFUSED, .flags = KEYWORD_ALIAS, .instead = why },

const struct keyword keywords[] = {
#include "cmd/keywords.def"
	{ .name = NULL },
};

static const struct {
	enum config_section section;
	const char *name;
} sections[] = {
	{ IN_ACCOUNT, "IMAPAccount" },
	{ IN_SMTP, "SMTPAccount" },
	{ IN_IMAP, "IMAPStore" },
	{ IN_POP3, "POP3Store" },
	{ IN_MAILDIR, "MaildirStore" },
	{ IN_CHANNEL, "Channel" },
	{ IN_GROUP, "Group" },
};

const char *const section_names[] = { "IMAPAccount", "SMTPAccount", "IMAPStore", "POP3Store", "MaildirStore", "Channel", "Group", NULL };

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

/* The words of a list that are not deprecated, parted by " | ". */
static const char *
join_words(const struct word *words, char *buf, size_t size)
{
	size_t len = 0;

	buf[0] = '\0';
	for (const struct word *w = words; w->name != NULL && len < size; w++)
		if (w->instead == NULL)
			len += (size_t)snprintf(buf + len, size - len, "%s`%s`", len != 0 ? " | " : "", w->name);
	return buf;
}

const char *
keyword_argument(const struct keyword *k, char *buf, size_t size)
{
	if (k->arg != NULL)
		return k->arg;
	switch (k->type) {
	case KW_BOOL:
	case KW_TRISTATE:
	case KW_REQUIRE_CRAM:
	case KW_OLD_TLS:
		return "boolean";
	case KW_PATH:
	case KW_FILE:
	case KW_STORE_PATH:
		return "path";
	case KW_COUNT:
		return "number";
	case KW_SIZE:
	case KW_CHANNEL_MAX_SIZE:
		return "size";
	case KW_CHAR:
	case KW_PUNCTUATION:
		return "character";
	case KW_COMMAND:
		return "command";
	default:
		break;
	}
	if (k->words == NULL)
		return "argument";
	join_words(k->words, buf, size);
	if (k->type == KW_ROLES && strlen(buf) + 5 < size)
		strcat(buf, " ...");
	return buf;
}

bool
keyword_has_field(const struct keyword *k)
{
	return k->type != KW_REFUSED && k->type != KW_ALIAS && k->type != KW_OLD_TLS;
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

const struct store_kind *
section_kind(enum config_section section)
{
	for (size_t i = 0; i < STORE_KINDS; i++)
		if (strcmp(store_kinds[i].section, section_name(section)) == 0)
			return &store_kinds[i];
	return NULL;
}

const struct store_kind *
section_account_kind(void)
{
	size_t i = 0;

	while (!store_kinds[i].may_name_account)
		i++;
	return &store_kinds[i];
}

unsigned
section_stores(void)
{
	unsigned where = 0;

	for (size_t i = 0; i < STORE_KINDS; i++)
		where |= keyword_opens(store_kinds[i].section);
	return where;
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
