#include "cmd/providers.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define APP_PASSWORD(where) "it wants a password made for programs, not the one of the web site: " where

static const struct provider providers[] = {
	{ .name = "gmail", .domains = "gmail.com googlemail.com", .exchangers = "google.com googlemail.com",
		.imap = "imap.gmail.com 993 tls", .smtp = "smtp.gmail.com 465 tls", .files_sent = true,
		.patterns = "* \"![Gmail]/All Mail\" \"![Gmail]/Important\" \"![Gmail]/Starred\"",
		.note = APP_PASSWORD("https://myaccount.google.com/apppasswords") },
	{ .name = "outlook", .domains = "outlook.com hotmail.com live.com msn.com outlook.de hotmail.de live.de outlook.fr hotmail.fr hotmail.co.uk",
		.exchangers = "protection.outlook.com olc.protection.outlook.com", .imap = "outlook.office365.com 993 tls",
		.smtp = "smtp.office365.com 587 starttls", .auth = OFFER_OAUTH, .files_sent = true,
		.note = "it takes no password but a token, which a helper gets: https://github.com/pdobsan/oama, or pizauth" },
	{ .name = "icloud", .domains = "icloud.com me.com mac.com", .exchangers = "mail.icloud.com", .imap = "imap.mail.me.com 993 tls",
		.smtp = "smtp.mail.me.com 587 starttls", .note = APP_PASSWORD("https://account.apple.com, App-Specific Passwords") },
	{ .name = "fastmail", .domains = "fastmail.com fastmail.fm", .exchangers = "messagingengine.com", .imap = "imap.fastmail.com 993 tls",
		.smtp = "smtp.fastmail.com 465 tls", .note = APP_PASSWORD("https://app.fastmail.com/settings/security/integrations") },
	{ .name = "yahoo", .domains = "yahoo.com yahoo.de yahoo.fr yahoo.it yahoo.es yahoo.co.uk yahoo.ca yahoo.com.br yahoo.co.in ymail.com "
		"rocketmail.com", .exchangers = "yahoodns.net", .imap = "imap.mail.yahoo.com 993 tls", .smtp = "smtp.mail.yahoo.com 465 tls",
		.window = "10000", .note = APP_PASSWORD("https://login.yahoo.com/account/security") },
	{ .name = "aol", .domains = "aol.com", .exchangers = "", .imap = "imap.aol.com 993 tls", .smtp = "smtp.aol.com 465 tls", .window = "10000",
		.note = APP_PASSWORD("https://login.aol.com/account/security") },
	{ .name = "gmx", .domains = "gmx.net gmx.de gmx.at gmx.ch", .exchangers = "gmx.net", .imap = "imap.gmx.net 993 tls",
		.smtp = "mail.gmx.net 465 tls", .note = "IMAP is switched on there first: E-Mail, Einstellungen, POP3/IMAP Abruf" },
	{ .name = "gmx", .domains = "gmx.com gmx.us gmx.co.uk gmx.fr gmx.es", .exchangers = "gmx.com", .imap = "imap.gmx.com 993 tls",
		.smtp = "mail.gmx.com 465 tls", .note = "IMAP is switched on there first: Email, Settings, POP3 & IMAP" },
	{ .name = "web", .domains = "web.de", .exchangers = "web.de", .imap = "imap.web.de 993 tls", .smtp = "smtp.web.de 587 starttls",
		.note = "IMAP is switched on there first: E-Mail, Einstellungen, POP3/IMAP Abruf" },
	{ .name = "t-online", .domains = "t-online.de magenta.de", .exchangers = "t-online.de", .imap = "secureimap.t-online.de 993 tls",
		.smtp = "securesmtp.t-online.de 465 tls", .note = APP_PASSWORD("https://account.idm.telekom.com, Passwort fuer E-Mail-Programme") },
	{ .name = "mailbox", .domains = "mailbox.org", .exchangers = "mailbox.org", .imap = "imap.mailbox.org 993 tls",
		.smtp = "smtp.mailbox.org 465 tls" },
	{ .name = "posteo", .domains = "posteo.de posteo.net posteo.org posteo.eu", .exchangers = "posteo.de", .imap = "posteo.de 993 tls",
		.smtp = "posteo.de 465 tls" },
	{ .name = "migadu", .domains = "", .exchangers = "migadu.com", .imap = "imap.migadu.com 993 tls", .smtp = "smtp.migadu.com 465 tls" },
	{ .name = "zoho", .domains = "zoho.com zohomail.com", .exchangers = "mx.zoho.com", .imap = "imap.zoho.com 993 tls",
		.smtp = "smtp.zoho.com 465 tls", .files_sent = true, .note = "IMAP is switched on there first: Settings, Mail Accounts, IMAP Access" },
	{ .name = "yandex", .domains = "yandex.com yandex.ru ya.ru", .exchangers = "mx.yandex.net mx.yandex.ru", .imap = "imap.yandex.com 993 tls",
		.smtp = "smtp.yandex.com 465 tls", .note = APP_PASSWORD("https://id.yandex.com/security/app-passwords") },
	{ .name = "proton", .domains = "proton.me protonmail.com pm.me", .exchangers = "mail.protonmail.ch mailsec.protonmail.ch",
		.imap = "127.0.0.1 1143 starttls", .smtp = "127.0.0.1 1025 starttls", .files_sent = true,
		.note = "it is reached through Proton Mail Bridge, which shows the password; save its certificate (Settings, Export TLS certificates) and "
		    "write CertificateFile with it" },
	{ .name = NULL },
};

/* Whether `word` is one of them, or (of hosts) ends in "." and one of them. */
static bool
is_in(const char *words, const char *word, bool may_end)
{
	const size_t n = strlen(word);
	size_t len;

	for (; *words != '\0'; words += len) {
		words += strspn(words, " ");
		len = strcspn(words, " ");
		if (len == n && strncasecmp(words, word, len) == 0)
			return true;
		if (may_end && len > 0 && n > len && word[n - len - 1] == '.' && strncasecmp(word + n - len, words, len) == 0)
			return true;
	}
	return false;
}

const struct provider *
provider_of_domain(const char *domain)
{
	for (const struct provider *p = providers; p->name != NULL; p++)
		if (is_in(p->domains, domain, false))
			return p;
	return NULL;
}

const struct provider *
provider_of_exchanger(const char *host)
{
	for (const struct provider *p = providers; p->name != NULL; p++)
		if (is_in(p->exchangers, host, true))
			return p;
	return NULL;
}

static void
add(const struct provider *p, enum offer_kind kind, const char *words, const char *login, const char *address, struct offers *all)
{
	struct offer like = { .kind = kind, .auth = p->auth, .source = OFFER_OF_TABLE };
	char host[OFFER_HOST_MOST + 1], tls[12];

	if (sscanf(words, "%253s %u %11s", host, &like.port, tls) != 3)
		return;
	like.tls = strcmp(tls, "tls") == 0 ? OFFER_TLS : OFFER_STARTTLS;
	(void)offers_add(all, &like, host, login, address);
}

void
provider_offers(const struct provider *p, const char *address, struct offers *all)
{
	add(p, OFFER_IMAP, p->imap, p->login != NULL ? p->login : "%EMAILADDRESS%", address, all);
	add(p, OFFER_SMTP, p->smtp, "%EMAILADDRESS%", address, all);
}
