/* Sections of the configuration: what each begins with, and what must be true of it as a whole. */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/config_parser.h"
#include "sync/imap/utf7.h"
#include "sync/pair/names.h"

#define SEEN_ACCOUNT(field) parser_seen(p, OWNER_ACCOUNT, offsetof(struct account_settings, field))
#define SEEN_STORE(field) parser_seen(p, OWNER_STORE, offsetof(struct store_settings, field))
#define SEEN_CHANNEL(field) parser_seen(p, OWNER_CHANNEL, offsetof(struct channel_settings, field))

/* A list of pointers that stay valid: the array may move, what it points to does not. */
#define LIST_ADD(list, n, item) do { \
	(list) = mem_realloc(list, (n) + 1, sizeof *(list)); \
	(list)[(n)++] = (item); \
} while (0)

/* Where the first section of this kind and name begins. */
static unsigned
first_line(const struct parser *p, enum config_section section, const char *name)
{
	const struct config_line *line;
	enum config_section opens;

	for (size_t i = 0; i < p->lines->lines.n; i++) {
		line = &p->lines->lines.at[i];
		opens = line->n > 1 && strcmp(line->words[1].text, name) == 0 ? keyword_opens(line->words[0].text) : 0;
		if (opens == section || (opens != 0 && section_kind(opens) != NULL && section_kind(section) != NULL))
			return line->number;
	}
	return 0;
}

/* As mbsync has it: all channels are run, and a name is that of the first. */
static void
warn_taken(struct parser *p, enum config_section section, const char *name)
{
	const char *kind = section_kind(section) != NULL ? "Store" : section_name(section);

	parser_warn(p, parser_word(p, 1), section == IN_CHANNEL ? "%s \"%s\" is defined already, in line %u: both are run with -a, and the name "
	    "means the first" : "%s \"%s\" is defined already, in line %u: the name means that one, and this one is not used", kind, name,
	    first_line(p, section, name));
}

/* The name of the section the line opens, checked; "" if there is none. */
static char *
read_name(struct parser *p, enum config_section section)
{
	const char *name = p->line->n > 1 ? p->line->words[1].text : "";
	bool is_taken = false;

	if (name[0] == '\0') {
		parser_error(p, parser_word(p, p->line->n > 1), "%s has no name", section_name(section));
		return arena_strdup(&p->s->arena, "");
	}
	if (section_kind(section) != NULL) {
		is_taken = settings_store(p->s, name) != NULL;
		if (strchr(name, ':') != NULL)
			parser_error(p, parser_word(p, 1), "a Store's name cannot contain \":\": \"%s\"", name);
	}
	switch (section) {
	case IN_ACCOUNT:
		is_taken = settings_account(p->s, name) != NULL;
		break;
	case IN_SMTP:
		is_taken = settings_smtp_account(p->s, name) != NULL;
		break;
	case IN_CHANNEL:
		is_taken = settings_channel(p->s, name) != NULL;
		break;
	case IN_GROUP:
		is_taken = settings_group(p->s, name) != NULL;
		break;
	default:
		break;
	}
	if (is_taken)
		warn_taken(p, section, name);
	if (section != IN_GROUP && p->line->n > 2)
		parser_error(p, parser_word(p, 2), "nothing may follow the name of a section: \"%s\"",
		    p->line->words[2].text);
	return arena_strdup(&p->s->arena, name);
}

static void
open_account(struct parser *p, char *name, bool is_inline)
{
	struct account_settings *account = arena_alloc(&p->s->arena, sizeof *account);

	account->name = name;
	account->is_inline = is_inline;
	if (p->section == IN_SMTP)
		LIST_ADD(p->s->smtp_accounts, p->s->n_smtp_accounts, account);
	else
		LIST_ADD(p->s->accounts, p->s->n_accounts, account);
	p->account = account;
	parser_set_defaults(p, p->section, OWNER_ACCOUNT);
}

static void
open_store(struct parser *p, char *name, const struct store_kind *kind)
{
	struct store_settings *store = arena_alloc(&p->s->arena, sizeof *store);

	store->name = name;
	store->kind = (enum settings_store_kind)(kind - store_kinds);
	store->info_delimiter = p->s->field_delimiter;
	store->outbox.sent_copy = -1;
	store->sub_folders = kind->scheme == NULL ? NAMES_UNSET : NAMES_IMAP;
	LIST_ADD(p->s->stores, p->s->n_stores, store);
	p->store = store;
	parser_set_defaults(p, p->section, OWNER_STORE);
}

static void
open_channel(struct parser *p, char *name)
{
	struct channel_settings *channel = arena_alloc(&p->s->arena, sizeof *channel);

	*channel = p->defaults;
	channel->name = name;
	LIST_ADD(p->s->channels, p->s->n_channels, channel);
	p->channel = channel;
	parser_set_defaults(p, p->section, OWNER_CHANNEL);
}

static void
open_group(struct parser *p, char *name)
{
	struct group_settings *group = arena_alloc(&p->s->arena, sizeof *group);

	group->name = name;
	LIST_ADD(p->s->groups, p->s->n_groups, group);
	p->group = group;
	for (size_t i = 2; i < p->line->n; i++) {
		settings_list_add(&p->s->arena, &group->channels, p->line->words[i].text,
		    strlen(p->line->words[i].text));
		vec_push(&p->members, (struct member){ .place = parser_word(p, i),
		    .name = group->channels.at[group->channels.n - 1] });
	}
}

void
section_open(struct parser *p, enum config_section section)
{
	const struct store_kind *kind = section_kind(section);
	char *name;

	section_close(p);
	p->section = section;
	p->opened = parser_word(p, 0);
	p->is_unclear = false;
	name = read_name(p, section);
	switch (section) {
	case IN_ACCOUNT:
	case IN_SMTP:
		open_account(p, name, false);
		break;
	case IN_CHANNEL:
		open_channel(p, name);
		break;
	case IN_GROUP:
		open_group(p, name);
		break;
	default:
		if (kind->port != 0)
			open_account(p, name, true);
		open_store(p, name, kind);
		break;
	}
}

/* Of two settings that exclude each other, the later one is the offending one. */
static void
exclude(struct parser *p, struct place a, const char *a_name, struct place b, const char *b_name)
{
	if (a.line == 0 || b.line == 0)
		return;
	if (a.line > b.line)
		parser_error(p, a, "%s beside %s (line %u): only one of them can be given", a_name, b_name,
		    b.line);
	else
		parser_error(p, b, "%s beside %s (line %u): only one of them can be given", b_name, a_name,
		    a.line);
}

/* One that is missing between two others would take those below it along: a client offers a range. */
static void
fill_tls_versions(struct parser *p, unsigned *versions)
{
	unsigned v, highest = 0, lowest = 0;

	for (v = NET_TLS_1_0; v <= NET_TLS_1_3; v <<= 1) {
		if (*versions & v) {
			lowest = lowest == 0 ? v : lowest;
			highest = v;
		}
	}
	if (highest == 0)
		parser_error(p, SEEN_ACCOUNT(net.tls_versions), "no TLS version is left");
	for (v = lowest; v < highest; v <<= 1) {
		if (*versions & v)
			continue;
		*versions |= v;
		parser_warn(p, SEEN_ACCOUNT(net.tls_versions), "TLS 1.%c lies between versions that may be used, and is used "
		    "as well: +1.%c says so", v == NET_TLS_1_1 ? '1' : '2', v == NET_TLS_1_1 ? '1' : '2');
	}
}

/* The words of isync before 1.2, with the meaning isync 1.4 gives them: UseIMAPS yes is IMAPS; else STARTTLS, whether
 * RequireSSL says so or not, unless no version is left. The versions are those that are said to be used; where none is, the
 * usual ones without those that are said not to be. */
static void
close_old_tls(struct parser *p, struct net_settings *net)
{
	const int *old = p->old_tls;
	unsigned used = 0, unused = 0;

	if (p->old_tls_at.line == 0)
		return;
	exclude(p, SEEN_ACCOUNT(net.tls_type), "TLSType", p->old_tls_at, "RequireSSL, UseIMAPS or UseTLSv1");
	exclude(p, SEEN_ACCOUNT(net.tls_versions), "TLSVersions", p->old_tls_at, "RequireSSL, UseIMAPS or UseTLSv1");
	for (unsigned v = 0; v < 4; v++) {
		used |= old[OLD_TLS_1_0 + v] == 1 ? NET_TLS_1_0 << v : 0;
		unused |= old[OLD_TLS_1_0 + v] == 0 ? NET_TLS_1_0 << v : 0;
	}
	net->tls_versions = used != 0 ? used : net->tls_versions & ~unused;
	net->tls_type = old[OLD_TLS_IMAPS] == 1 ? NET_TLS_IMPLICIT : NET_TLS_STARTTLS;
	if (old[OLD_TLS_REQUIRE] == 0 && net->tls_versions == 0) {
		net->tls_type = NET_TLS_NONE;
		net->tls_versions = NET_TLS_1_2 | NET_TLS_1_3;
	} else if (old[OLD_TLS_REQUIRE] == 0) {
		parser_warn(p, p->old_tls_at, "\"RequireSSL no\" is ignored: TLSType None says it now");
	}
}

static void
close_account(struct parser *p)
{
	struct account_settings *account = p->account;
	const struct store_kind *kind = section_kind(p->section);
	/* Of an account by itself: those that may name one are of one protocol. */
	const struct store_kind *protocol = kind != NULL ? kind : section_account_kind();

	exclude(p, SEEN_ACCOUNT(user), "User", SEEN_ACCOUNT(user_cmd), "UserCmd");
	exclude(p, SEEN_ACCOUNT(pass), "Pass", SEEN_ACCOUNT(pass_cmd), "PassCmd");
	if (SEEN_ACCOUNT(net.host).line == 0 && SEEN_ACCOUNT(net.tunnel).line == 0 && !p->is_unclear)
		parser_error(p, p->opened, "%s \"%s\" has neither %sHost nor Tunnel", section_name(p->section),
		    account->name, kind != NULL && kind->may_name_account ? "Account nor " : "");
	close_old_tls(p, &account->net);
	fill_tls_versions(p, &account->net.tls_versions);
	if (p->old_tls_at.line == 0 && SEEN_ACCOUNT(net.tls_type).line == 0)
		account->net.tls_type = account->net.tunnel != NULL ? NET_TLS_NONE : NET_TLS_STARTTLS;
	if (account->net.port == 0 && p->section == IN_SMTP)
		account->net.port = account->net.tls_type == NET_TLS_IMPLICIT ? 465 : 587;
	else if (account->net.port == 0)
		account->net.port = account->net.tls_type == NET_TLS_IMPLICIT ? protocol->tls_port : protocol->port;
}

/* RequireCRAM and AuthMechs fill the same list, but the first is not a way to add to the second. */
static void
check_mechanisms(struct parser *p)
{
	struct place cram = { 0, 0 }, named = { 0, 0 };

	for (size_t i = 0; keywords[i].name != NULL; i++) {
		if (keywords[i].type == KW_REQUIRE_CRAM)
			cram = p->seen[i];
		else if (keywords[i].type == KW_MECHANISMS && p->seen[i].line > named.line)
			named = p->seen[i];
	}
	exclude(p, named, "AuthMechs", cram, "RequireCRAM");
}

/* A store with an account is one, or names it. */
static void
close_account_store(struct parser *p)
{
	const struct place named = SEEN_STORE(account);
	struct place at;

	if (named.line == 0) {
		p->store->account = p->account;
		close_account(p);
		return;
	}
	for (size_t i = 0; keywords[i].name != NULL; i++) {
		at = p->seen[i];
		if (keywords[i].owner == OWNER_ACCOUNT && at.line != 0)
			parser_error(p, at, "%s beside Account (line %u): it belongs to the account's section",
			    keywords[i].name, named.line);
	}
	/* The inline account, added last by section_open(), is not needed. */
	if (p->account->pass == NULL)
		p->s->n_accounts--;
}

static void
check_role_boxes(struct parser *p)
{
	const char *name, *fault;

	for (enum role role = 0; role < ROLES; role++) {
		name = p->store->role[role];
		if (name == NULL)
			continue;
		fault = names_is_inbox(name) ? "has no role of its own" : names_fault(name, strlen(name));
		if (fault != NULL)
			parser_error(p, SEEN_STORE(role[role]), "Role%s cannot be \"%s\": it %s", role_word(role), name,
			    fault);
	}
}

/* The mailboxes of an outbox, whose keywords stood at these places. */
static void
check_outbox(struct parser *p, const struct outbox_settings *o, struct place account, struct place box, struct place sent, struct place copy)
{
	const struct { const char *word, *name; struct place at; } names[] = { { "Outbox", o->box, box }, { "Sent", o->sent, sent } };
	const char *fault;

	if (account.line == 0 && (box.line != 0 || sent.line != 0 || copy.line != 0)) {
		parser_error(p, box.line != 0 ? box : sent.line != 0 ? sent : copy, "%s needs an SMTPAccount beside it, which sends",
		    box.line != 0 ? "Outbox" : sent.line != 0 ? "Sent" : "SentCopy");
		return;
	}
	for (size_t i = 0; i < 2; i++) {
		if (names[i].name == NULL)
			continue;
		fault = names_is_inbox(names[i].name) ? "is where mail arrives" : names_fault(names[i].name, strlen(names[i].name));
		if (fault == NULL && (strpbrk(names[i].name, "*%") != NULL || names[i].name[0] == '!'))
			fault = "has a character that means something else in Patterns";
		if (fault != NULL)
			parser_error(p, names[i].at, "%s cannot be \"%s\": it %s", names[i].word, names[i].name, fault);
	}
	if (strcmp(o->box != NULL ? o->box : "Outbox", o->sent != NULL ? o->sent : "Sent") == 0)
		parser_error(p, sent.line != 0 ? sent : box, "Outbox and Sent are the same mailbox: what was sent would be sent again");
}

/* Meant as the directory that mailboxes are in, and without the slash that says so: it is Inbox, or above it. */
static bool
is_directory_above(const char *path, const char *inbox)
{
	size_t len = strlen(path);

	return len != 0 && path[len - 1] != '/' && strncmp(path, inbox, len) == 0 && (inbox[len] == '/' || inbox[len] == '\0');
}

static void
close_maildir_store(struct parser *p)
{
	struct store_settings *store = p->store;
	size_t len;

	check_outbox(p, &store->outbox, SEEN_STORE(outbox.account), SEEN_STORE(outbox.box), SEEN_STORE(outbox.sent), SEEN_STORE(outbox.sent_copy));
	if (store->outbox.account != NULL && store->read_only)
		parser_error(p, SEEN_STORE(outbox.account), "SMTPAccount needs a store that may be written, and this one is ReadOnly");
	for (len = strlen(store->inbox); len > 1 && store->inbox[len - 1] == '/'; len--)
		continue;
	store->inbox = arena_strndup(&p->s->arena, store->inbox, len);
	if (store->path == NULL)
		return;
	if (store->sub_folders == NAMES_MAILDIRPP)
		parser_error(p, SEEN_STORE(path), "Path has no meaning with \"SubFolders Maildir++\": all "
		    "mailboxes lie in Inbox");
	else if (strncmp(store->path, store->inbox, len) == 0 && store->path[len] == '/' &&
	    store->path[len + strspn(store->path + len, "/")] != '\0')
		parser_error(p, SEEN_STORE(path), "Path (%s) lies inside Inbox (%s)", store->path, store->inbox);
	else if (is_directory_above(store->path, store->inbox))
		parser_warn(p, SEEN_STORE(path), "Path (%s) does not end in \"/\": the mailbox \"archive\" would be %sarchive", store->path,
		    store->path);
}

/* What the operations of the section come to, over `channel`. */
static void
close_ops(struct parser *p, struct channel_settings *channel)
{
	const char *name, *why = ops_apply(&p->ops, channel, &name);
	struct place at = p->opened;

	if (why == NULL)
		return;
	for (size_t i = 0; keywords[i].name != NULL; i++)
		if (strcmp(keywords[i].name, name) == 0 && p->seen[i].line != 0)
			at = p->seen[i];
	parser_error(p, at, "%s %s", name, why);
}

static bool
is_source(const struct store_settings *s)
{
	return s != NULL && store_kinds[s->kind].is_source;
}

/* A source is one mailbox that messages come from. */
static void
check_source(struct parser *p, const struct channel_settings *c)
{
	const char *word;

	if (is_source(c->store[NEAR]))
		parser_error(p, SEEN_CHANNEL(store[NEAR]), "Near cannot be the %s \"%s\": messages come from there, and none go "
		    "there", store_kinds[c->store[NEAR]->kind].section, c->store[NEAR]->name);
	if (!is_source(c->store[FAR]))
		return;
	word = store_kinds[c->store[FAR]->kind].section;
	if (c->has_patterns)
		parser_error(p, SEEN_CHANNEL(patterns), "Patterns has no meaning here: the %s \"%s\" has one mailbox, INBOX",
		    word, c->store[FAR]->name);
	if (c->box[FAR] != NULL && !names_is_inbox(c->box[FAR]))
		parser_error(p, SEEN_CHANNEL(store[FAR]), "the %s \"%s\" has no mailbox but INBOX, and no \"%s\"",
		    word, c->store[FAR]->name, c->box[FAR]);
}

/* mbsync before 1.5 had names as a server writes them (modified UTF-7). What is exactly that is nothing else. */
static const char *
plain_name(struct parser *p, struct place at, const char *name)
{
	struct buf plain = { 0 };
	const char *out = name;

	if (name != NULL && strchr(name, '&') != NULL && utf7_decode(&plain, name, strlen(name)) == 0 && strcmp(buf_str(&plain), name) != 0) {
		out = arena_strdup(&p->s->arena, buf_str(&plain));
		parser_deprecated(p, at, name, out);
	}
	buf_release(&plain);
	return out;
}

static void
take_plain_names(struct parser *p, struct channel_settings *c)
{
	bool is_on_server = false;

	for (enum side side = FAR; side <= NEAR; side++) {
		if (c->store[side]->account == NULL)
			continue;
		is_on_server = true;
		c->box[side] = plain_name(p, SEEN_CHANNEL(store[side]), c->box[side]);
	}
	for (size_t i = 0; is_on_server && i < c->patterns.n; i++)
		c->patterns.at[i] = plain_name(p, SEEN_CHANNEL(patterns), c->patterns.at[i]);
}

static void
check_channel_outbox(struct parser *p, const struct channel_settings *c)
{
	const struct place account = SEEN_CHANNEL(outbox.account);
	const struct store_settings *near = c->store[NEAR];

	check_outbox(p, &c->outbox, account, SEEN_CHANNEL(outbox.box), SEEN_CHANNEL(outbox.sent), SEEN_CHANNEL(outbox.sent_copy));
	if (account.line == 0 || near == NULL)
		return;
	if (near->kind != SETTINGS_MAILDIR)
		parser_error(p, account, "SMTPAccount needs a MaildirStore at Near, in which mail waits to be sent, not \"%s\"", near->name);
	else if (near->read_only)
		parser_error(p, account, "SMTPAccount needs a Near that may be written: \"%s\" is ReadOnly", near->name);
}

static void
close_channel(struct parser *p)
{
	struct channel_settings *c = p->channel;
	struct place at;

	close_ops(p, c);
	for (enum side side = FAR; side <= NEAR; side++) {
		if (SEEN_CHANNEL(store[side]).line == 0 && !p->is_unclear)
			parser_error(p, p->opened, "Channel \"%s\" has no %s", c->name,
			    side == FAR ? "Far" : "Near");
		if (c->policy.expunge[side] && c->policy.expunge_solo[side]) {
			at = SEEN_CHANNEL(policy.expunge_solo).line != 0 ? SEEN_CHANNEL(policy.expunge_solo) : p->opened;
			parser_error(p, at, "ExpungeSolo excludes Expunge on the same side (%s)",
			    side == FAR ? "Far" : "Near");
		}
		if (c->store[side] != NULL && p->channel_max_size != UINT64_MAX)
			c->store[side]->max_size = p->channel_max_size;
	}
	if (c->role != 0 && !c->has_patterns)
		parser_error(p, SEEN_CHANNEL(role), "Role needs Patterns: a channel of one mailbox has one pair");
	check_source(p, c);
	check_channel_outbox(p, c);
	if (c->store[FAR] == NULL || c->store[NEAR] == NULL)
		return;
	take_plain_names(p, c);
	if (c->store[FAR] == c->store[NEAR] &&
	    strcmp(c->box[FAR] != NULL ? c->box[FAR] : "", c->box[NEAR] != NULL ? c->box[NEAR] : "") == 0)
		parser_error(p, SEEN_CHANNEL(store[NEAR]), "Far and Near are the same mailbox");
	if (c->sync_state != NULL && strcmp(c->sync_state, "*") == 0 &&
	    c->store[NEAR]->kind != SETTINGS_MAILDIR) {
		at = SEEN_CHANNEL(sync_state).line != 0 ? SEEN_CHANNEL(sync_state) : p->opened;
		parser_error(p, at, "\"SyncState *\" needs a MaildirStore at Near, not \"%s\"",
		    c->store[NEAR]->name);
	}
}

static void
close_store(struct parser *p, const struct store_kind *kind)
{
	check_role_boxes(p);
	if (kind->port == 0) {
		close_maildir_store(p);
		return;
	}
	check_mechanisms(p);
	close_account_store(p);
}

void
section_begin(struct parser *p)
{
	parser_set_defaults(p, IN_GLOBAL, OWNER_GLOBAL);
	parser_set_defaults(p, IN_GLOBAL, OWNER_CHANNEL);
	close_ops(p, &p->defaults);
	p->defaults.policy.says_full = false;	/* nobody has */
	p->ops = (struct ops){ .has_sync = false };
}

void
section_close(struct parser *p)
{
	switch (p->section) {
	case IN_GLOBAL:
		close_ops(p, &p->defaults);
		break;
	case IN_ACCOUNT:
	case IN_SMTP:
		check_mechanisms(p);
		close_account(p);
		break;
	case IN_CHANNEL:
		close_channel(p);
		break;
	case IN_GROUP:
		break;
	default:
		if (p->section != 0)
			close_store(p, section_kind(p->section));
		break;
	}
	p->section = 0;
	memset(p->seen, 0, sizeof p->seen);
	p->ops = (struct ops){ .has_sync = false };
	p->channel_max_size = UINT64_MAX;
	p->old_tls_at = (struct place){ 0, 0 };
	memset(p->old_tls, -1, sizeof p->old_tls);
	p->opened = (struct place){ 0, 0 };
	p->account = NULL;
	p->store = NULL;
	p->channel = NULL;
	p->group = NULL;
}
