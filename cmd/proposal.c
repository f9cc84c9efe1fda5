#include "cmd/proposal.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "cmd/config_print.h"

static bool
is_taken(const struct settings *s, const char *name, struct arena *a)
{
	return s != NULL && (settings_account(s, name) != NULL || settings_smtp_account(s, arena_printf(a, "%s-out", name)) != NULL ||
	    settings_store(s, arena_printf(a, "%s-server", name)) != NULL || settings_store(s, arena_printf(a, "%s-disk", name)) != NULL ||
	    settings_channel(s, name) != NULL || settings_group(s, name) != NULL);
}

const char *
proposal_name(const struct settings *s, const struct provider *p, const char *domain, struct arena *a)
{
	char *base = p != NULL ? arena_strdup(a, p->name) : arena_strndup(a, domain, strcspn(domain, "."));
	const char *name = base;

	for (char *at = base; *at != '\0'; at++)
		*at = (char)tolower((unsigned char)*at);
	for (unsigned n = 2; is_taken(s, name, a); n++)
		name = arena_printf(a, "%s-%u", base, n);
	return name;
}

const struct account_settings *
proposal_known(const struct settings *s, const struct offer *in)
{
	const struct account_settings *a;

	for (size_t i = 0; s != NULL && i < s->n_stores; i++) {
		a = s->stores[i]->account;
		if (a != NULL && a->net.host != NULL && strcasecmp(a->net.host, in->host) == 0 && a->user != NULL && strcmp(a->user, in->login) == 0)
			return a;
	}
	return NULL;
}

const char *
proposal_path(const struct proposal *p, struct arena *a)
{
	return arena_printf(a, "~/Mail/%s/", p->name);
}

static void
put(struct buf *out, const char *keyword, const char *word)
{
	buf_adds(out, keyword);
	config_put_word(out, word);
	buf_addc(out, '\n');
}

/* usual: the port without a Port; tls: the word for TLS from the first byte. */
static void
put_account(const struct offer *o, const char *pass_cmd, unsigned usual, const char *tls, struct buf *out)
{
	put(out, "Host", o->host);
	if (o->port != usual)
		buf_printf(out, "Port %u\n", o->port);
	put(out, "User", o->login);
	if (pass_cmd != NULL)
		put(out, "PassCmd", pass_cmd);
	buf_printf(out, "TLSType %s\n", o->tls == OFFER_TLS ? tls : "STARTTLS");
	if (o->auth == OFFER_OAUTH)
		buf_adds(out, "AuthMechs XOAUTH2\n");
}

static void
put_server(const struct proposal *p, struct buf *out)
{
	if (p->in->kind == OFFER_POP3) {
		buf_printf(out, "# Its mail is fetched, and stays there; LeaveOnServer says for how long.\nPOP3Store %s-server\n", p->name);
		put_account(p->in, p->pass_cmd, p->in->tls == OFFER_TLS ? 995 : 110, "POP3S", out);
		return;
	}
	buf_printf(out, "IMAPAccount %s\n", p->name);
	put_account(p->in, p->pass_cmd, p->in->tls == OFFER_TLS ? 993 : 143, "IMAPS", out);
	buf_printf(out, "\nIMAPStore %s-server\nAccount %s\n", p->name, p->name);
	if (p->provider != NULL && p->provider->window != NULL)
		buf_printf(out, "# Its server shows the newest messages of a mailbox only.\nWindow %s\n", p->provider->window);
}

static void
put_channel(const struct proposal *p, struct buf *out)
{
	buf_printf(out, "Channel %s\nFar :%s-server:\nNear :%s-disk:\n", p->name, p->name, p->name);
	if (p->in->kind == OFFER_IMAP) {
		buf_printf(out, "Patterns %s\n# Sent, Drafts, Trash, Junk and Archive: by what the server says they are for.\n"
		    "Role All\nCreate Both\nExpunge Both\n", p->provider != NULL && p->provider->patterns != NULL ? p->provider->patterns : "*");
	}
	if (p->out == NULL)
		return;
	buf_printf(out, "# What is filed in the mailbox Outbox is sent by the next run.\nSMTPAccount %s-out\n", p->name);
	if (p->provider != NULL && p->provider->files_sent)
		buf_adds(out, "# The server files by itself what it sends.\nSentCopy no\n");
}

void
proposal_write(const struct proposal *p, struct buf *out)
{
	struct arena a = { 0 };
	const char *path = proposal_path(p, &a);

	buf_printf(out, "# %s\n", p->address);
	put_server(p, out);
	buf_printf(out, "\nMaildirStore %s-disk\nPath %s\nInbox %sINBOX\nSubFolders Verbatim\n", p->name, path, path);
	if (p->out != NULL) {
		buf_printf(out, "\nSMTPAccount %s-out\n", p->name);
		put_account(p->out, p->pass_cmd, p->out->tls == OFFER_TLS ? 465 : 587, "SMTPS", out);
		put(out, "From", p->address);
	}
	buf_addc(out, '\n');
	put_channel(p, out);
	arena_release(&a);
}
