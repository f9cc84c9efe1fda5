/* One keyword's arguments, checked and stored: what cmd/config.c calls for each line that is well
 * formed, in its place, and has at least one argument. */
#include <ctype.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "cmd/config_parser.h"
#include "cmd/config_value.h"
#include "cmd/nearest.h"

/* The field a row fills, in the section being read. */
static void *
field(const struct parser *p, const struct keyword *k)
{
	char *owner = NULL;

	switch (k->owner) {
	case OWNER_GLOBAL:
		owner = (char *)p->s;
		break;
	case OWNER_CHANNEL:
		owner = (char *)p->channel;
		break;
	case OWNER_STORE:
		owner = (char *)p->store;
		break;
	case OWNER_ACCOUNT:
		owner = (char *)p->account;
		break;
	case OWNER_GROUP:
		owner = (char *)p->group;
		break;
	}
	return owner + k->offset;
}

static bool
takes_many(enum keyword_type type)
{
	switch (type) {
	case KW_WORDS:
	case KW_EXTENSIONS:
	case KW_MECHANISMS:
	case KW_TLS_VERSIONS:
	case KW_SSL_VERSIONS:
	case KW_SYNC:
	case KW_SIDES:
	case KW_PATTERNS:
	case KW_ROLES:
		return true;
	default:
		return false;
	}
}

/* The i-th word may be a deprecated one. */
static void
deprecated(struct parser *p, size_t i, const char *instead)
{
	if (instead != NULL)
		parser_deprecated(p, parser_word(p, i), p->line->words[i].text, instead);
}

static void
set_sync(struct parser *p, const struct keyword *k, size_t i)
{
	const struct config_word *word = &p->line->words[i];
	const char *instead;

	if (ops_add_sync(&p->ops, word->text, &instead))
		deprecated(p, i, instead);
	else
		parser_unknown_word(p, word, k);
}

static void
set_sides(struct parser *p, const struct keyword *k, size_t i)
{
	const struct config_word *word = &p->line->words[i];
	const char *instead;

	if (ops_add_sides(&p->ops, (enum ops_kind)k->n, word->text, &instead))
		deprecated(p, i, instead);
	else
		parser_unknown_word(p, word, k);
}

/* A role, All of them or None: what stood before does not count then. */
static void
set_role(struct parser *p, const struct keyword *k, size_t i)
{
	const struct config_word *word = &p->line->words[i];
	const struct word *w = word_find(k->words, word->text);
	unsigned *role = field(p, k);

	if (w == NULL)
		parser_unknown_word(p, word, k);
	else if (w->value == 0 || w->value == ROLES_ALL)
		*role = w->value;
	else
		*role |= w->value;
}

/* Adds the word in upper case, once. */
static void
add_upper(struct parser *p, struct settings_list *list, const char *word)
{
	char *upper = arena_strdup(&p->s->arena, word);

	for (size_t i = 0; i < list->n; i++)
		if (strcasecmp(list->at[i], word) == 0)
			return;
	for (char *c = upper; *c != '\0'; c++)
		*c = (char)toupper((unsigned char)*c);
	settings_list_add(&p->s->arena, list, upper, strlen(upper));
}

static void
set_extension(struct parser *p, const struct keyword *k, size_t i)
{
	const struct config_word *word = &p->line->words[i];
	const struct word *w = word_find(k->words, word->text);

	if (w != NULL) {
		add_upper(p, field(p, k), w->name);
		return;
	}
	parser_unknown(p, word, k->words, "\"%s\" is no extension that can be disabled", word->text);
}

/* TLSVersions changes the set it finds: "+1.1", "-1.3". */
static void
set_tls_version(struct parser *p, const struct keyword *k, size_t i)
{
	const char *text = p->line->words[i].text;
	const bool is_signed = *text == '+' || *text == '-';
	const struct word *w = word_find(k->words, text + is_signed);
	unsigned *versions = field(p, k);

	if (w == NULL)
		parser_error(p, parser_word(p, i), "\"%s\" is no TLS version (only +1.0 to +1.3, -1.0 to -1.3)", text);
	else if (!is_signed)
		parser_error(p, parser_word(p, i), "\"%s\" must say whether the version is added (+%s) or "
		    "taken away (-%s)", text, text, text);
	else if (*text == '+')
		*versions |= w->value;
	else
		*versions &= ~w->value;
}

/* SSLVersions, of isync before 1.5, lists the whole set. */
static void
set_ssl_version(struct parser *p, const struct keyword *k, size_t i)
{
	const struct config_word *word = &p->line->words[i];
	const struct word *w = word_find(k->words, word->text);
	unsigned *versions = field(p, k);

	if (i == 1)
		*versions = 0;
	if (w == NULL)
		parser_unknown(p, word, k->words, "\"%s\" is no SSL version", word->text);
	else if (w->value == 0)
		parser_warn(p, parser_word(p, i), "%s is no longer supported", w->name);
	else
		*versions |= w->value;
}

/* RequireSSL, UseTLSv1 and the like are put together when the section ends. */
static void
set_old_tls(struct parser *p, const struct keyword *k)
{
	const struct config_word *word = &p->line->words[1];
	bool value;

	if (!value_bool(word->text, &value)) {
		parser_unknown(p, word, words_bool, "%s takes yes or no, not \"%s\"", k->name, word->text);
		return;
	}
	if (k->n == OLD_TLS_GONE && value)
		parser_warn(p, parser_word(p, 0), "%s is no longer supported", k->name + strlen("Use"));
	if (p->old_tls_at.line == 0)
		p->old_tls_at = parser_word(p, 0);
	p->old_tls[k->n] = value;
}

/* Another Store or Account of that name; `what` is how to call it. */
static void
unknown_name(struct parser *p, size_t i, const char *name, unsigned kinds, const char *what)
{
	struct nearest near;

	for (const struct config_line *l = p->line + 1; l < p->lines->lines.at + p->lines->lines.n; l++) {
		if (l->fault == NULL && l->n >= 2 && (keyword_opens(l->words[0].text) & kinds) != 0 &&
		    strcmp(l->words[1].text, name) == 0) {
			parser_error(p, parser_word(p, i), "%s \"%s\" must be defined before it is used; "
			    "it is in line %u", what, name, l->number);
			return;
		}
	}
	nearest_init(&near, name);
	for (size_t j = 0; kinds == IN_ACCOUNT && j < p->s->n_accounts; j++)
		if (!p->s->accounts[j]->is_inline)
			nearest_try(&near, p->s->accounts[j]->name);
	for (size_t j = 0; kinds == IN_SMTP && j < p->s->n_smtp_accounts; j++)
		nearest_try(&near, p->s->smtp_accounts[j]->name);
	for (size_t j = 0; kinds != IN_ACCOUNT && kinds != IN_SMTP && j < p->s->n_stores; j++)
		nearest_try(&near, p->s->stores[j]->name);
	parser_error(p, parser_word(p, i), "there is no %s \"%s\"%s%s%s", what, name,
	    nearest_word(&near) != NULL ? "; did you mean \"" : "", nearest_word(&near) != NULL ? nearest_word(&near) : "",
	    nearest_word(&near) != NULL ? "\"?" : "");
}

/* Far and Near: ":store:" or ":store:mailbox". */
static void
set_mailbox(struct parser *p, const struct keyword *k)
{
	const char *word = p->line->words[1].text, *box;
	struct store_settings *store;
	char *name;

	if (word[0] != ':' || (box = strchr(word + 1, ':')) == NULL) {
		parser_error(p, parser_word(p, 1), "%s takes \":store:\" or \":store:mailbox\", not \"%s\"",
		    k->name, word);
		return;
	}
	name = arena_strndup(&p->s->arena, word + 1, (size_t)(box - word - 1));
	if ((store = settings_store(p->s, name)) == NULL) {
		unknown_name(p, 1, name, section_stores(), "Store");
		return;
	}
	p->channel->store[k->n] = store;
	p->channel->box[k->n] = box[1] != '\0' ? arena_strdup(&p->s->arena, box + 1) : NULL;
}

static void
set_choice(struct parser *p, const struct keyword *k)
{
	const struct config_word *word = &p->line->words[1];
	const struct word *w = word_find(k->words, word->text);

	if (w == NULL) {
		parser_unknown_word(p, word, k);
		return;
	}
	deprecated(p, 1, w->instead);
	memcpy(field(p, k), &w->value, sizeof w->value);
}

static void
set_bool(struct parser *p, const struct keyword *k)
{
	const struct config_word *word = &p->line->words[1];
	bool value;

	if (!value_bool(word->text, &value)) {
		parser_unknown(p, word, words_bool, "%s takes yes or no, not \"%s\"", k->name, word->text);
		return;
	}
	if (k->type == KW_TRISTATE)
		*(int *)field(p, k) = value;
	else if (k->type == KW_BOOL)
		*(bool *)field(p, k) = value;
	else if (value) {		/* RequireCRAM */
		*(struct settings_list *)field(p, k) = (struct settings_list){ .n = 0 };
		add_upper(p, field(p, k), "CRAM-MD5");
	}
}

static void
set_number(struct parser *p, const struct keyword *k)
{
	const char *word = p->line->words[1].text;
	unsigned long value;

	if (!value_count(word, k->max, &value) || value < k->min)
		parser_error(p, parser_word(p, 1), "%s takes a number from %lu to %lu, not \"%s\"", k->name,
		    k->min, k->max, word);
	else
		*(unsigned *)field(p, k) = (unsigned)value;
}

static void
set_size(struct parser *p, const struct keyword *k)
{
	const char *word = p->line->words[1].text;
	uint64_t bytes;

	if (!value_size(word, &bytes))
		parser_error(p, parser_word(p, 1), "%s takes a size such as 500k or 10m, not \"%s\"", k->name,
		    word);
	else if (bytes < k->min)
		parser_error(p, parser_word(p, 1), "%s must be more than 0", k->name);
	else if (k->type == KW_CHANNEL_MAX_SIZE)
		p->channel_max_size = bytes;
	else
		*(uint64_t *)field(p, k) = bytes;
}

static void
set_character(struct parser *p, const struct keyword *k)
{
	const char *word = p->line->words[1].text;

	if (word[0] == '\0' || word[1] != '\0')
		parser_error(p, parser_word(p, 1), "%s takes exactly one character, not \"%s\"", k->name, word);
	else if (k->type == KW_PUNCTUATION && !ispunct((unsigned char)word[0]))
		parser_error(p, parser_word(p, 1), "%s takes a punctuation character, not \"%s\"", k->name,
		    word);
	else if (k->type == KW_PUNCTUATION && (word[0] == '/' || word[0] == ','))
		parser_error(p, parser_word(p, 1), "%s cannot be \"%s\", which has a meaning in file names",
		    k->name, word);
	else
		*(char *)field(p, k) = word[0];
}

static void
set_path(struct parser *p, const struct keyword *k)
{
	const char *word = p->line->words[1].text;
	char *path;

	if (k->type == KW_SYNC_STATE && strcmp(word, "*") == 0) {
		*(const char **)field(p, k) = arena_strdup(&p->s->arena, word);
		return;
	}
	if (word[0] == '\0') {
		parser_error(p, parser_word(p, 1), "%s cannot be empty", k->name);
		return;
	}
	if (!value_path(word, p->dir, p->home, &p->s->arena, &path)) {
		parser_error(p, parser_word(p, 1), "there is no user \"%.*s\"", (int)strcspn(word, "/") - 1,
		    word + 1);
		return;
	}
	if (k->type == KW_FILE && access(path, R_OK) != 0) {
		parser_error(p, parser_word(p, 1), "%s cannot be read: %s: %s", k->name, path,
		    strerror(errno));
		return;
	}
	*(const char **)field(p, k) = path;
}

static void
set_command(struct parser *p, const struct keyword *k)
{
	const char *word = p->line->words[1].text;
	struct settings_command *command = field(p, k);

	command->uses_tty = *word == '+';
	word += command->uses_tty;
	if (*word == '\0')
		parser_error(p, parser_word(p, 1), "%s has no command", k->name);
	else
		command->shell = arena_strdup(&p->s->arena, word);
}

static void
set_secret(struct parser *p, const struct keyword *k)
{
	char **secret = field(p, k);

	if (*secret != NULL)
		mem_wipe(*secret, strlen(*secret));
	free(*secret);
	*secret = mem_strdup(p->line->words[1].text);
}

static void
set_delimiter(struct parser *p, const struct keyword *k)
{
	const char *word = p->line->words[1].text;

	if (word[0] == '\0' || strchr(word, '/') != NULL)
		parser_error(p, parser_word(p, 1), "%s takes a delimiter without \"/\", not \"%s\"", k->name,
		    word);
	else
		*(const char **)field(p, k) = arena_strdup(&p->s->arena, word);
}

/* Keywords of one argument. */
static void
set_one(struct parser *p, const struct keyword *k)
{
	const char *word = p->line->words[1].text;

	switch (k->type) {
	case KW_BOOL:
	case KW_TRISTATE:
	case KW_REQUIRE_CRAM:
		set_bool(p, k);
		break;
	case KW_COUNT:
		set_number(p, k);
		break;
	case KW_SIZE:
	case KW_CHANNEL_MAX_SIZE:
		set_size(p, k);
		break;
	case KW_CHAR:
	case KW_PUNCTUATION:
		set_character(p, k);
		break;
	case KW_STORE_PATH:
		if (p->store->kind == SETTINGS_MAILDIR)
			set_path(p, k);
		else
			*(const char **)field(p, k) = arena_strdup(&p->s->arena, word);
		break;
	case KW_PATH:
	case KW_FILE:
	case KW_SYNC_STATE:
		set_path(p, k);
		break;
	case KW_CHOICE:
		set_choice(p, k);
		break;
	case KW_COMMAND:
		set_command(p, k);
		break;
	case KW_SECRET:
		set_secret(p, k);
		break;
	case KW_OLD_TLS:
		set_old_tls(p, k);
		break;
	case KW_DELIMITER:
		set_delimiter(p, k);
		break;
	case KW_MAILBOX:
		set_mailbox(p, k);
		break;
	case KW_ACCOUNT:
		p->store->account = settings_account(p->s, word);
		if (p->store->account == NULL)
			unknown_name(p, 1, word, IN_ACCOUNT, "IMAPAccount");
		break;
	case KW_SMTP_ACCOUNT:
		*(struct account_settings **)field(p, k) = settings_smtp_account(p->s, word);
		if (settings_smtp_account(p->s, word) == NULL)
			unknown_name(p, 1, word, IN_SMTP, "SMTPAccount");
		break;
	case KW_WINDOW:
		if (!value_window(word, field(p, k)))
			parser_error(p, parser_word(p, 1), "%s takes the number of messages that the server shows, or no, not "
			    "\"%s\"", k->name, word);
		break;
	case KW_LEAVE:
		if (!value_leave(word, field(p, k)))
			parser_error(p, parser_word(p, 1), "%s takes yes, no, or a number of days such as 30d, not \"%s\"", k->name, word);
		break;
	case KW_DAYS:
		if (!value_days(word, field(p, k)))
			parser_error(p, parser_word(p, 1), "%s takes a number of days such as 90d, or 0, not \"%s\"", k->name, word);
		break;
	case KW_LIMIT:
		if (!value_limit(word, field(p, k)))
			parser_error(p, parser_word(p, 1), "%s takes a number, a percentage or none, not "
			    "\"%s\"", k->name, word);
		break;
	default:
		*(const char **)field(p, k) = arena_strdup(&p->s->arena, word);
		break;
	}
}

/* The i-th word of a keyword that takes any number. */
static void
set_many(struct parser *p, const struct keyword *k, size_t i)
{
	const char *word = p->line->words[i].text;

	switch (k->type) {
	case KW_SYNC:
		set_sync(p, k, i);
		break;
	case KW_SIDES:
		set_sides(p, k, i);
		break;
	case KW_EXTENSIONS:
		set_extension(p, k, i);
		break;
	case KW_ROLES:
		set_role(p, k, i);
		break;
	case KW_MECHANISMS:
		add_upper(p, field(p, k), word);
		break;
	case KW_TLS_VERSIONS:
		set_tls_version(p, k, i);
		break;
	case KW_SSL_VERSIONS:
		set_ssl_version(p, k, i);
		break;
	case KW_PATTERNS:
		p->channel->has_patterns = true;
		settings_list_add(&p->s->arena, field(p, k), word, strlen(word));
		break;
	default:
		settings_list_add(&p->s->arena, field(p, k), word, strlen(word));
		if (k->owner == OWNER_GROUP)
			vec_push(&p->members, (struct member){ .place = parser_word(p, i),
			    .name = p->group->channels.at[p->group->channels.n - 1] });
		break;
	}
}

/* A list with a default begins anew with the first line that names it. */
static void
set_words(struct parser *p, const struct keyword *k, bool is_first)
{
	if (is_first && k->type == KW_MECHANISMS)
		*(struct settings_list *)field(p, k) = (struct settings_list){ .n = 0 };
	for (size_t i = 1; i < p->line->n; i++)
		set_many(p, k, i);
}

/* An argument in several words is most often a command without quotes, or a password. */
static void
check_one(struct parser *p, const struct keyword *k)
{
	if (p->line->n <= 2)
		return;
	if (k->type == KW_COMMAND || k->type == KW_SECRET || k->type == KW_STRING)
		parser_error(p, parser_word(p, 2), "%s takes one argument: one with blanks in it needs quotes", k->name);
	else
		parser_error(p, parser_word(p, 2), "nothing may follow the argument of %s: \"%s\"", k->name,
		    p->line->words[2].text);
}

void
parser_set(struct parser *p, const struct keyword *k)
{
	struct place *seen, before;
	bool is_asked;

	if (k->type == KW_REFUSED) {
		if (!value_bool(p->line->words[1].text, &is_asked) || is_asked)
			parser_error(p, parser_word(p, 0), "\"%s\" %s", k->name, k->instead);
		return;
	}
	if (k->flags & KEYWORD_DEPRECATED)
		parser_deprecated(p, parser_word(p, 0), k->name, k->instead);
	if (k->type == KW_ALIAS)
		k = keyword_find(k->instead, p->section);
	seen = &p->seen[k - keywords];
	before = *seen;
	*seen = parser_word(p, 0);
	if (takes_many(k->type)) {
		set_words(p, k, before.line == 0);
	} else {
		if (before.line != 0)
			parser_warn(p, parser_word(p, 0), "%s was given in line %u already: this one counts", k->name, before.line);
		set_one(p, k);
		check_one(p, k);
	}
}

void
parser_set_defaults(struct parser *p, enum config_section section, enum keyword_owner owner)
{
	struct config_lines lines = { 0 };
	const struct config_line *line = p->line;

	for (const struct keyword *k = keywords; k->name != NULL; k++) {
		if (!(k->where & section) || k->owner != owner || k->value == NULL)
			continue;
		if (section == IN_CHANNEL && (k->where & IN_GLOBAL))
			continue;		/* from the global section */
		char *text = mem_printf("%s %s", k->name, k->value);

		config_lex(text, strlen(text), &lines);
		p->line = lines.lines.at;
		if (takes_many(k->type))
			set_words(p, k, true);
		else
			set_one(p, k);
		config_lines_release(&lines);
		free(text);
	}
	p->line = line;
}
