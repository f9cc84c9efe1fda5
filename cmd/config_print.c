#include "cmd/config_print.h"

#include <string.h>

#include "cmd/config_keywords.h"
#include "cmd/ops.h"

void
config_put_word(struct buf *out, const char *word)
{
	buf_addc(out, ' ');
	if (word[0] != '\0' && word[0] != '#' && word[strcspn(word, " \t\v\f\r\"\\")] == '\0') {
		buf_adds(out, word);
		return;
	}
	buf_addc(out, '"');
	for (; *word != '\0'; word++) {
		if (*word == '"' || *word == '\\')
			buf_addc(out, '\\');
		buf_addc(out, *word);
	}
	buf_addc(out, '"');
}

static void
print_list(struct buf *out, const char *name, const struct settings_list *list)
{
	if (list->n == 0)
		return;
	buf_adds(out, name);
	for (size_t i = 0; i < list->n; i++)
		config_put_word(out, list->at[i]);
	buf_addc(out, '\n');
}

static void
print_string(struct buf *out, const char *name, const char *value)
{
	if (value == NULL)
		return;
	buf_adds(out, name);
	config_put_word(out, value);
	buf_addc(out, '\n');
}

static void
print_command(struct buf *out, const struct keyword *k, const struct settings_command *command)
{
	struct buf shown = { 0 };
	size_t program;

	if (command->shell == NULL)
		return;
	if (command->uses_tty)
		buf_addc(&shown, '+');
	program = k->flags & KEYWORD_SECRET ? strcspn(command->shell, " \t") : strlen(command->shell);
	buf_add(&shown, command->shell, program);
	if (command->shell[program] != '\0')
		buf_adds(&shown, " ...");
	print_string(out, k->name, buf_str(&shown));
	buf_release(&shown);
}

static void
print_sync(struct buf *out, const unsigned sync[SIDES])
{
	const bool is_even = sync[FAR] == sync[NEAR];

	buf_adds(out, "Sync");
	if (sync[FAR] == 0 && sync[NEAR] == 0) {
		buf_adds(out, " None\n");
		return;
	}
	if (is_even || sync[FAR] == 0 || sync[NEAR] == 0) {
		buf_printf(out, "%s%s", sync[NEAR] != 0 ? " Pull" : "", sync[FAR] != 0 ? " Push" : "");
		for (const struct word *t = words_type; t->name != NULL; t++)
			if ((sync[FAR] | sync[NEAR]) & t->value)
				buf_printf(out, " %s", t->name);
	} else {
		for (const struct word *t = words_type; t->name != NULL; t++)
			buf_printf(out, "%s%s%s%s", sync[NEAR] & t->value ? " Pull" : "", sync[NEAR] & t->value ? t->name : "",
			    sync[FAR] & t->value ? " Push" : "", sync[FAR] & t->value ? t->name : "");
	}
	buf_addc(out, '\n');
}

static void
print_sides(struct buf *out, const char *name, const bool sides[SIDES])
{
	buf_printf(out, "%s %s\n", name, word_name(words_sides, (unsigned)sides[FAR] << FAR | (unsigned)sides[NEAR] << NEAR));
}

static void
print_limit(struct buf *out, const char *name, const struct max_delete *limit)
{
	switch (limit->kind) {
	case MAX_DELETE_DEFAULT:
		buf_printf(out, "%s default # 500, and from 20 on half of the mailbox\n", name);
		break;
	case MAX_DELETE_NONE:
		buf_printf(out, "%s none\n", name);
		break;
	case MAX_DELETE_COUNT:
	case MAX_DELETE_PERCENT:
		buf_printf(out, "%s %llu%s\n", name, (unsigned long long)limit->n,
		    limit->kind == MAX_DELETE_PERCENT ? "%" : "");
		break;
	}
}

static void
print_window(struct buf *out, const char *name, const struct window *window)
{
	if (window->kind == WINDOW_NO)
		buf_printf(out, "%s no\n", name);
	else if (window->kind == WINDOW_SIZE)
		buf_printf(out, "%s %llu\n", name, (unsigned long long)window->n);
}

static void
print_leave(struct buf *out, const char *name, const struct leave *leave)
{
	if (leave->kind == LEAVE_DAYS)
		buf_printf(out, "%s %llud\n", name, (unsigned long long)leave->days);
	else
		buf_printf(out, "%s %s\n", name, leave->kind == LEAVE_ALL ? "yes" : "no");
}

static void
print_tls_versions(struct buf *out, const char *name, unsigned versions)
{
	buf_adds(out, name);
	for (const struct word *w = words_tls_version; w->name != NULL; w++)
		buf_printf(out, " %c%s", versions & w->value ? '+' : '-', w->name);
	buf_addc(out, '\n');
}

static void
print_mailbox(struct buf *out, const struct keyword *k, const struct channel_settings *channel)
{
	const char *box = channel->box[k->n];
	struct buf word = { 0 };

	if (channel->store[k->n] == NULL)
		return;
	buf_printf(&word, ":%s:%s", channel->store[k->n]->name, box != NULL ? box : "");
	print_string(out, k->name, buf_str(&word));
	buf_release(&word);
}

static void
print_size(struct buf *out, const char *name, uint64_t bytes)
{
	if (bytes == 0)
		return;
	if (bytes % (1 << 20) == 0)
		buf_printf(out, "%s %llum\n", name, (unsigned long long)(bytes >> 20));
	else if (bytes % (1 << 10) == 0)
		buf_printf(out, "%s %lluk\n", name, (unsigned long long)(bytes >> 10));
	else
		buf_printf(out, "%s %llu\n", name, (unsigned long long)bytes);
}

static void
print_roles(struct buf *out, const char *name, unsigned roles)
{
	if (word_name(words_role, roles) != NULL) {
		buf_printf(out, "%s %s\n", name, word_name(words_role, roles));
		return;
	}
	buf_adds(out, name);
	for (const struct word *w = words_role; w->name != NULL; w++)
		if (w->value != ROLES_ALL && (roles & w->value))
			config_put_word(out, w->name);
	buf_addc(out, '\n');
}

/* One row of the table, from the struct it belongs to. */
static void
print_row(struct buf *out, const struct keyword *k, const void *owner)
{
	const void *field = (const char *)owner + k->offset;
	const struct account_settings *account;
	unsigned choice;

	switch (k->type) {
	case KW_BOOL:
		buf_printf(out, "%s %s\n", k->name, *(const bool *)field ? "yes" : "no");
		break;
	case KW_TRISTATE:
		if (*(const int *)field >= 0)
			buf_printf(out, "%s %s\n", k->name, *(const int *)field ? "yes" : "no");
		break;
	case KW_COUNT:
		if (*(const unsigned *)field >= k->min)
			buf_printf(out, "%s %u\n", k->name, *(const unsigned *)field);
		break;
	case KW_SIZE:
		print_size(out, k->name, *(const uint64_t *)field);
		break;
	case KW_CHAR:
	case KW_PUNCTUATION:
		if (*(const char *)field != '\0')
			print_string(out, k->name, (const char[]){ *(const char *)field, '\0' });
		break;
	case KW_CHOICE:
		memcpy(&choice, field, sizeof choice);
		if (word_name(k->words, choice) != NULL)
			buf_printf(out, "%s %s\n", k->name, word_name(k->words, choice));
		break;
	case KW_SECRET:
		if (*(char *const *)field != NULL)
			buf_printf(out, "%s ********\n", k->name);
		break;
	case KW_COMMAND:
		print_command(out, k, field);
		break;
	case KW_WORDS:
	case KW_EXTENSIONS:
	case KW_MECHANISMS:
	case KW_PATTERNS:
		print_list(out, k->name, field);
		break;
	case KW_ROLES:
		print_roles(out, k->name, *(const unsigned *)field);
		break;
	case KW_TLS_VERSIONS:
		print_tls_versions(out, k->name, *(const unsigned *)field);
		break;
	case KW_ACCOUNT:
		account = *(struct account_settings *const *)field;
		if (account != NULL && !account->is_inline)
			print_string(out, k->name, account->name);
		break;
	case KW_SMTP_ACCOUNT:
		account = *(struct account_settings *const *)field;
		print_string(out, k->name, account != NULL ? account->name : NULL);
		break;
	case KW_SYNC:
		print_sync(out, field);
		break;
	case KW_SIDES:
		print_sides(out, k->name, field);
		break;
	case KW_MAILBOX:
		print_mailbox(out, k, owner);
		break;
	case KW_WINDOW:
		print_window(out, k->name, field);
		break;
	case KW_DAYS:
		buf_printf(out, *(const unsigned *)field != 0 ? "%s %ud\n" : "%s %u\n", k->name, *(const unsigned *)field);
		break;
	case KW_LEAVE:
		print_leave(out, k->name, field);
		break;
	case KW_LIMIT:
		print_limit(out, k->name, field);
		break;
	case KW_STRING:
	case KW_PATH:
	case KW_FILE:
	case KW_DELIMITER:
	case KW_SYNC_STATE:
	case KW_STORE_PATH:
		print_string(out, k->name, *(char *const *)field);
		break;
	case KW_SSL_VERSIONS:
	case KW_REQUIRE_CRAM:
	case KW_CHANNEL_MAX_SIZE:
	case KW_OLD_TLS:
	case KW_ALIAS:
	case KW_REFUSED:
		break;
	}
}

/* What is not set is a comment that says what holds instead. */
static void
print_unset(struct buf *out, const struct keyword *k)
{
	buf_printf(out, "# %s ", k->name);
	for (const char *c = k->shown; *c != '\0'; c++)
		if (*c != '`')
			buf_addc(out, *c);
	buf_addc(out, '\n');
}

static void
print_rows(struct buf *out, enum config_section section, enum keyword_owner owned, const void *owner)
{
	size_t len;

	for (const struct keyword *k = keywords; k->name != NULL; k++) {
		if (!(k->where & section) || k->owner != owned || (k->flags & KEYWORD_ALIAS))
			continue;
		len = out->len;
		print_row(out, k, owner);
		if (out->len == len && k->shown != NULL)
			print_unset(out, k);
	}
}

static void
print_header(struct buf *out, enum config_section section, const char *name)
{
	buf_addc(out, '\n');
	print_string(out, section_name(section), name);
}

void
config_print(const struct settings *s, const char *state_dir, struct buf *out)
{
	struct channel_settings channel;
	enum config_section section;

	print_rows(out, IN_GLOBAL, OWNER_GLOBAL, s);
	for (size_t i = 0; i < s->n_accounts; i++) {
		if (s->accounts[i]->is_inline)
			continue;
		print_header(out, IN_ACCOUNT, s->accounts[i]->name);
		print_rows(out, IN_ACCOUNT, OWNER_ACCOUNT, s->accounts[i]);
	}
	for (size_t i = 0; i < s->n_smtp_accounts; i++) {
		print_header(out, IN_SMTP, s->smtp_accounts[i]->name);
		print_rows(out, IN_SMTP, OWNER_ACCOUNT, s->smtp_accounts[i]);
	}
	for (size_t i = 0; i < s->n_stores; i++) {
		section = keyword_opens(store_kinds[s->stores[i]->kind].section);
		print_header(out, section, s->stores[i]->name);
		print_rows(out, section, OWNER_STORE, s->stores[i]);
		if (s->stores[i]->account != NULL && s->stores[i]->account->is_inline)
			print_rows(out, section, OWNER_ACCOUNT, s->stores[i]->account);
	}
	for (size_t i = 0; i < s->n_channels; i++) {
		print_header(out, IN_CHANNEL, s->channels[i]->name);
		channel = *s->channels[i];
		channel.sync_state = channel.sync_state != NULL ? channel.sync_state : state_dir;
		print_rows(out, IN_CHANNEL, OWNER_CHANNEL, &channel);
	}
	for (size_t i = 0; i < s->n_groups; i++) {
		print_header(out, IN_GROUP, s->groups[i]->name);
		print_rows(out, IN_GROUP, OWNER_GROUP, s->groups[i]);
	}
}
