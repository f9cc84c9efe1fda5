/* mailtwin-discover ADDRESS: which servers somebody offers for it, a line each (cmd/discover/offer.h); its mail exchangers
 * ("mx aspmx.l.google.com"), and what did not come ("note ..."). A program of its own, so that mailtwin need not load what it is made of (libcurl,
 * expat, jansson), and so that what strangers say is read in a process that holds nothing. `mailtwin init` starts it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/discover/autoconfig.h"
#include "cmd/discover/dns.h"
#include "cmd/discover/https.h"
#include "cmd/discover/pacc.h"

enum { SECONDS_MOST = 60, URL_MOST = 1024 };

static void
note(const char *url, const char *why)
{
	char line[512];

	snprintf(line, sizeof line, "%s: %s", url, why);
	for (char *p = line; *p != '\0'; p++)
		if ((unsigned char)*p < ' ')
			*p = ' ';
	printf("note %s\n", line);
}

/* What may stand in a query of a URL as it is, and "%40" for the rest. */
static void
escape(const char *text, struct buf *out)
{
	for (; *text != '\0'; text++)
		if (strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~", *text) != NULL)
			buf_addc(out, *text);
		else
			buf_printf(out, "%%%02X", (unsigned)(unsigned char)*text);
}

/* A document that no TXT record vouches for is as good as none. */
static void
read_pacc(const struct https_request *r, const char *domain, const char *address, struct offers *all)
{
	struct dns_records records = { { 0 } };
	struct arena a = { 0 };
	bool is_vouched = false;

	dns_ask(arena_printf(&a, "_ua-auto-config.%s", domain), DNS_TXT, &a, &records);
	for (size_t i = 0; i < records.all.n; i++)
		is_vouched |= pacc_is_vouched(buf_str(&r->body), r->body.len, records.all.at[i].text);
	if (!is_vouched)
		note(r->url, "the DNS of the domain has no digest of it (TXT _ua-auto-config), so it is not believed");
	else if (pacc_read(buf_str(&r->body), r->body.len, address, all) < 0)
		note(r->url, "this is no configuration that can be read");
	vec_release(&records.all);
	arena_release(&a);
}

static void
read_autoconfig(const struct https_request *r, const char *address, enum offer_source source, struct offers *all)
{
	if (autoconfig_read(buf_str(&r->body), r->body.len, address, source, all) < 0)
		note(r->url, "this is no configuration that can be read");
}

static void
ask_domain(const char *domain, const char *address, struct offers *all)
{
	char url[4][URL_MOST];
	struct https_request r[4] = { 0 };
	struct buf escaped = { 0 };

	escape(address, &escaped);
	snprintf(url[0], URL_MOST, "https://ua-auto-config.%s/.well-known/user-agent-configuration.json", domain);
	snprintf(url[1], URL_MOST, "https://autoconfig.%s/mail/config-v1.1.xml?emailaddress=%s", domain, buf_str(&escaped));
	snprintf(url[2], URL_MOST, "https://%s/.well-known/autoconfig/mail/config-v1.1.xml", domain);
	snprintf(url[3], URL_MOST, "https://autoconfig.thunderbird.net/v1.1/%s", domain);
	for (size_t i = 0; i < 4; i++)
		r[i].url = url[i];
	if (https_fetch(r, 4) < 0)
		printf("note libcurl cannot be used\n");
	if (r[0].is_there)
		read_pacc(&r[0], domain, address, all);
	for (size_t i = 1; i < 4; i++)
		if (r[i].is_there)
			read_autoconfig(&r[i], address, i == 3 ? OFFER_OF_ISPDB : OFFER_OF_AUTOCONFIG, all);
	for (size_t i = 0; i < 4; i++) {
		if (!r[i].is_there)
			note(r[i].url, r[i].why);
		buf_release(&r[i].body);
	}
	buf_release(&escaped);
}

/* The last two labels of a name: "example.net" of "mx1.example.net". Of "co.uk" the database knows nothing. NULL = it has one. */
static const char *
base_of(const char *host)
{
	const char *dot = strrchr(host, '.');

	while (dot != NULL && dot > host && dot[-1] != '.')
		dot--;
	return dot != NULL && *dot != '.' ? dot : NULL;
}

/* Whose customer the domain is: of its first mail exchanger Thunderbird's database may know. That is asked where nobody else has said anything,
 * and no one but that: who forges the DNS can name a provider, and not what servers it has. */
static void
ask_about(const char *exchanger, const char *address, struct offers *all)
{
	const char *base = base_of(exchanger);
	struct https_request r = { 0 };
	char url[URL_MOST];

	if (base == NULL || all->all.n != 0)
		return;
	snprintf(url, sizeof url, "https://autoconfig.thunderbird.net/v1.1/%s", base);
	r.url = url;
	if (https_fetch(&r, 1) == 0 && r.is_there)
		read_autoconfig(&r, address, OFFER_OF_ISPDB, all);
	else
		note(url, r.why);
	buf_release(&r.body);
}

/* The hosts that take the domain's mail tell whose customer it is (cmd/providers.c). */
static void
ask_exchangers(const char *domain, const char *address, struct offers *all)
{
	struct dns_records records = { { 0 } };
	struct arena a = { 0 };
	size_t n = 0;

	dns_ask(domain, DNS_MX, &a, &records);
	for (size_t i = 0; i < records.all.n; i++) {
		if (!offer_host_ok(records.all.at[i].text, strlen(records.all.at[i].text)))
			continue;
		printf("mx %s\n", records.all.at[i].text);
		if (n++ == 0)
			ask_about(records.all.at[i].text, address, all);
	}
	vec_release(&records.all);
	arena_release(&a);
}

int
main(int argc, char **argv)
{
	struct offers all = { { 0 } };
	struct buf line = { 0 };
	const char *domain;

	alarm(SECONDS_MOST);
	if (argc != 2 || !offer_address_ok(argv[1], &domain)) {
		fprintf(stderr, "usage: mailtwin-discover ADDRESS\n");
		return 2;
	}
	ask_domain(domain, argv[1], &all);
	dns_offers(domain, argv[1], &all);
	ask_exchangers(domain, argv[1], &all);
	for (size_t i = 0; i < all.all.n; i++) {
		buf_clear(&line);
		offer_write(&all.all.at[i], &line);
		printf("%s\n", buf_str(&line));
	}
	vec_release(&all.all);
	buf_release(&line);
	return fflush(stdout) == 0 ? 0 : 1;
}
