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

static const char *const booleans[] = { "yes", "true", "on", "no", "false", "off", NULL };

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

/* A deprecated word was met. */
static void
deprecated(struct parser *p, size_t i, const char *instead)
{
	if (instead != NULL)
		parser_warn(p, parser_word(p, i), "\"%s\" is deprecated: write \"%s\"",
		    p->line->words[i].text, instead);
}

static void
set_sync(struct parser *p, size_t i)
{
	const struct config_word *word = &p->line->words[i];
	const char *instead;

	if (ops_add_sync(&p->ops, word->text, &instead))
		deprecated(p, i, instead);
	else
		parser_unknown(p, word, ops_sync_words(), "Sync knows no \"%s\"", word->text);
}

static void
set_sides(struct parser *p, const struct keyword *k, size_t i)
{
	const struct config_word *word = &p->line->words[i];
	const char *instead;

	if (ops_add_sides(&p->ops, (enum ops_kind)k->n, word->text, &instead))
		deprecated(p, i, instead);
	else
		parser_unknown(p, word, ops_sides_words(), "%s knows no \"%s\" (only None, Far, Near, Both)",
		    k->name, word->text);
}

/* A role, All of them or None: what stood before does not count then. */
static void
set_role(struct parser *p, const struct keyword *k, size_t i)
{
	const struct config_word *word = &p->line->words[i];
	const char *words[ROLES + 3] = { "All", "None" };
	unsigned *roles = field(p, k);

	for (enum role role = 0; role < ROLES; role++) {
		words[role + 2] = role_word(role);
		if (strcasecmp(role_word(role), word->text) == 0) {
			*roles |= 1u << role;
			return;
		}
	}
	if (strcasecmp(word->text, words[0]) == 0)
		*roles = ROLES_ALL;
	else if (strcasecmp(word->text, words[1]) == 0)
		*roles = 0;
	else
		parser_unknown(p, word, words, "%s knows no \"%s\" (only Archive, Drafts, Junk, Sent, Trash, All, None)",
		    k->name, word->text);
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
	settings_list_add(p->s, list, upper, strlen(upper));
}

static void
set_extension(struct parser *p, const struct keyword *k, size_t i)
{
	const struct config_word *word = &p->line->words[i];

	for (const char *const *c = k->choices; *c != NULL; c++) {
		if (strcasecmp(*c, word->text) == 0) {
			add_upper(p, field(p, k), *c);
			return;
		}
	}
	parser_unknown(p, word, k->choices, "\"%s\" is no extension that can be disabled", word->text);
}

/* TLSVersions changes the set it finds: "+1.1", "-1.3". */
static void
set_tls_version(struct parser *p, size_t i)
{
	const struct config_word *word = &p->line->words[i];
	const char *w = word->text;
	const bool is_signed = *w == '+' || *w == '-';
	unsigned version;

	w += is_signed;
	if (strncmp(w, "1.", 2) != 0 || w[2] < '0' || w[2] > '3' || w[3] != '\0') {
		parser_error(p, parser_word(p, i), "\"%s\" is no TLS version (only +1.0 to +1.3, -1.0 to -1.3)",
		    word->text);
		return;
	}
	if (!is_signed) {
		parser_error(p, parser_word(p, i), "\"%s\" must say whether the version is added (+%s) or "
		    "taken away (-%s)", w, w, w);
		return;
	}
	version = NET_TLS_1_0 << (w[2] - '0');
	if (word->text[0] == '+')
		p->account->net.tls_versions |= version;
	else
		p->account->net.tls_versions &= ~version;
}

/* SSLVersions, of isync before 1.5, lists the whole set. */
static void
set_ssl_version(struct parser *p, size_t i)
{
	static const char *const names[] = { "TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3", NULL };
	const struct config_word *word = &p->line->words[i];

	if (i == 1)
		p->account->net.tls_versions = 0;
	for (unsigned v = 0; names[v] != NULL; v++) {
		if (strcasecmp(names[v], word->text) == 0) {
			p->account->net.tls_versions |= NET_TLS_1_0 << v;
			return;
		}
	}
	if (strcasecmp(word->text, "SSLv2") == 0 || strcasecmp(word->text, "SSLv3") == 0)
		parser_warn(p, parser_word(p, i), "%s is no longer supported", word->text);
	else
		parser_unknown(p, word, names, "\"%s\" is no SSL version", word->text);
}

/* Another Store or Account of that name; `what` is how to call it. */
static void
unknown_name(struct parser *p, size_t i, const char *name, unsigned kinds, const char *what)
{
	const struct config_word word = { .text = name, .column = p->line->words[i].column };
	struct settings_list names = { 0 };

	for (const struct config_line *l = p->line + 1; l < p->lines->lines.at + p->lines->lines.n; l++) {
		if (l->fault == NULL && l->n >= 2 && (keyword_opens(l->words[0].text) & kinds) != 0 &&
		    strcmp(l->words[1].text, name) == 0) {
			parser_error(p, parser_word(p, i), "%s \"%s\" must be defined before it is used; "
			    "it is in line %u", what, name, l->number);
			return;
		}
	}
	settings_list_add(p->s, &names, "", 0);
	names.n = 0;
	if (kinds == IN_ACCOUNT) {
		for (size_t j = 0; j < p->s->n_accounts; j++)
			if (!p->s->accounts[j]->is_inline)
				settings_list_add(p->s, &names, p->s->accounts[j]->name,
				    strlen(p->s->accounts[j]->name));
	} else {
		for (size_t j = 0; j < p->s->n_stores; j++)
			settings_list_add(p->s, &names, p->s->stores[j]->name, strlen(p->s->stores[j]->name));
	}
	names.at[names.n] = NULL;
	parser_unknown(p, &word, (const char *const *)names.at, "there is no %s \"%s\"", what, name);
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
		unknown_name(p, 1, name, IN_MAILDIR | IN_IMAP, "Store");
		return;
	}
	p->channel->store[k->n] = store;
	p->channel->box[k->n] = box[1] != '\0' ? arena_strdup(&p->s->arena, box + 1) : NULL;
}

static void
set_choice(struct parser *p, const struct keyword *k)
{
	const struct config_word *word = &p->line->words[1];

	for (unsigned i = 0; k->choices[i] != NULL; i++) {
		if (k->choices[i][0] != '\0' && strcasecmp(k->choices[i], word->text) == 0) {
			memcpy(field(p, k), &i, sizeof i);
			return;
		}
	}
	parser_unknown(p, word, k->choices, "%s knows no \"%s\"", k->name, word->text);
}

static void
set_bool(struct parser *p, const struct keyword *k)
{
	const struct config_word *word = &p->line->words[1];
	bool value;

	if (!value_bool(word->text, &value)) {
		parser_unknown(p, word, booleans, "%s takes yes or no, not \"%s\"", k->name, word->text);
		return;
	}
	if (k->type == KW_TRISTATE)
		*(int *)field(p, k) = value;
	else if (k->type == KW_BOOL)
		*(bool *)field(p, k) = value;
	else if (value)			/* RequireCRAM */
		add_upper(p, field(p, k), "CRAM-MD5");
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
	case KW_WINDOW:
		if (!value_window(word, field(p, k)))
			parser_error(p, parser_word(p, 1), "%s takes the number of messages that the server shows, or no, not "
			    "\"%s\"", k->name, word);
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
		set_sync(p, i);
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
		set_tls_version(p, i);
		break;
	case KW_SSL_VERSIONS:
		set_ssl_version(p, i);
		break;
	case KW_PATTERNS:
		p->channel->has_patterns = true;
		settings_list_add(p->s, field(p, k), word, strlen(word));
		break;
	default:
		settings_list_add(p->s, field(p, k), word, strlen(word));
		if (k->owner == OWNER_GROUP)
			vec_push(&p->members, (struct member){ .place = parser_word(p, i),
			    .name = p->group->channels.at[p->group->channels.n - 1] });
		break;
	}
}

void
parser_set(struct parser *p, const struct keyword *k)
{
	struct place *seen = &p->seen[k - keywords];

	if (k->type == KW_REFUSED) {
		parser_error(p, parser_word(p, 0), "\"%s\" %s", k->name, k->instead);
		return;
	}
	if (k->flags & KEYWORD_NOT_YET)
		parser_error(p, parser_word(p, 0), "%s is not available yet", k->name);
	if (k->flags & KEYWORD_DEPRECATED)
		parser_warn(p, parser_word(p, 0), "\"%s\" is deprecated: write \"%s\"", k->name, k->instead);
	if (takes_many(k->type)) {
		*seen = parser_word(p, 0);
		for (size_t i = 1; i < p->line->n; i++)
			set_many(p, k, i);
		return;
	}
	if (seen->line != 0)
		parser_warn(p, parser_word(p, 0), "%s was given in line %u already: this one counts", k->name,
		    seen->line);
	*seen = parser_word(p, 0);
	set_one(p, k);
	/* An argument in several words is most often a command without quotes, or a password. */
	if (p->line->n > 2 && (k->type == KW_COMMAND || k->type == KW_SECRET || k->type == KW_STRING))
		parser_error(p, parser_word(p, 2), "%s takes one argument: one with blanks in it needs quotes",
		    k->name);
	else if (p->line->n > 2)
		parser_error(p, parser_word(p, 2), "nothing may follow the argument of %s: \"%s\"", k->name,
		    p->line->words[2].text);
}
