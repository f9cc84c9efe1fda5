#include "cmd/discover/offer.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char *const kinds[] = { [OFFER_IMAP] = "imap", [OFFER_POP3] = "pop3", [OFFER_SMTP] = "smtp" };
static const char *const tlses[] = { [OFFER_STARTTLS] = "starttls", [OFFER_TLS] = "tls" };
static const char *const auths[] = { [OFFER_PASSWORD] = "password", [OFFER_OAUTH] = "oauth" };
static const char *const sources[] = { [OFFER_OF_TABLE] = "table", [OFFER_OF_PACC] = "pacc", [OFFER_OF_AUTOCONFIG] = "autoconfig",
	[OFFER_OF_ISPDB] = "ispdb", [OFFER_OF_SRV] = "srv", [OFFER_OF_PERSON] = "person" };

const char *
offer_source_words(enum offer_source source)
{
	static const char *const words[] = { [OFFER_OF_TABLE] = "mailtwin's own list of providers", [OFFER_OF_PACC] = "the domain itself (PACC)",
		[OFFER_OF_AUTOCONFIG] = "the domain itself (autoconfig)", [OFFER_OF_ISPDB] = "Thunderbird's database of providers",
		[OFFER_OF_SRV] = "the domain's DNS (SRV)", [OFFER_OF_PERSON] = "you" };

	return words[source];
}

bool
offer_host_ok(const char *host, size_t len)
{
	size_t label = 0;

	if (len == 0 || len > OFFER_HOST_MOST)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (host[i] == '.') {
			if (label == 0 || host[i - 1] == '-')
				return false;
			label = 0;
		} else if (!isalnum((unsigned char)host[i]) && (host[i] != '-' || label == 0)) {
			return false;
		} else if ((unsigned char)host[i] >= 0x80 || ++label > 63) {
			return false;
		}
	}
	return label != 0 && host[len - 1] != '-';
}

bool
offer_login_ok(const char *login, size_t len)
{
	if (len == 0 || len > OFFER_LOGIN_MOST || login[0] == '-')
		return false;
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)login[i] <= ' ' || (unsigned char)login[i] >= 0x7f || strchr("\"'\\`", login[i]) != NULL)
			return false;
	return true;
}

bool
offer_address_ok(const char *address, const char **domain_r)
{
	const char *at = strrchr(address, '@');

	*domain_r = at != NULL ? at + 1 : "";
	return at != NULL && at != address && offer_login_ok(address, strlen(address)) && offer_host_ok(at + 1, strlen(at + 1)) &&
	    address[0] != '-' && strpbrk(address, "<>()[],:; %$|&*?~") == NULL;
}

/* The template with parts of the address in it; "" = it is too long. */
static void
fill(const char *template, const char *address, char *out, size_t size)
{
	const size_t local = (size_t)(strrchr(address, '@') - address);
	const struct { const char *name; const char *text; size_t len; } parts[] = {
		{ "%EMAILADDRESS%", address, strlen(address) }, { "%EMAILLOCALPART%", address, local },
		{ "%EMAILDOMAIN%", address + local + 1, strlen(address) - local - 1 },
	};
	struct buf b = { 0 };
	size_t i;

	while (*template != '\0' && b.len < size) {
		for (i = 0; i < sizeof parts / sizeof *parts; i++)
			if (strncmp(template, parts[i].name, strlen(parts[i].name)) == 0)
				break;
		if (i == sizeof parts / sizeof *parts) {
			buf_addc(&b, *template++);
			continue;
		}
		buf_add(&b, parts[i].text, parts[i].len);
		template += strlen(parts[i].name);
	}
	snprintf(out, size, "%s", b.len < size && strlen(buf_str(&b)) == b.len ? buf_str(&b) : "");
	buf_release(&b);
}

bool
offers_add(struct offers *all, const struct offer *like, const char *host, const char *login, const char *address)
{
	enum { MOST = 100 };
	struct offer o = *like;

	fill(host, address, o.host, sizeof o.host);
	fill(login, address, o.login, sizeof o.login);
	if (!offer_host_ok(o.host, strlen(o.host)) || !offer_login_ok(o.login, strlen(o.login)) || o.port == 0 || o.port > 65535 || all->all.n >= MOST)
		return false;
	vec_push(&all->all, o);
	return true;
}

void
offer_write(const struct offer *o, struct buf *out)
{
	buf_printf(out, "%s %s %u %s %s %s %s", kinds[o->kind], o->host, o->port, tlses[o->tls], auths[o->auth], sources[o->source], o->login);
}

/* Which of the words; n = none of them. */
static size_t
word_of(const char *const *words, size_t n, const char *word)
{
	size_t i = 0;

	while (i < n && strcmp(words[i], word) != 0)
		i++;
	return i;
}

bool
offer_read(const char *line, struct offer *o_r)
{
	char kind[8], port[8], tls[12], auth[12], source[12], host[OFFER_HOST_MOST + 1] = "", login[OFFER_LOGIN_MOST + 1] = "";
	size_t k, t, a, s;
	unsigned long number;
	char *end;
	int used = 0;

	if (sscanf(line, "%7s %253s %7s %11s %11s %11s %320s%n", kind, host, port, tls, auth, source, login, &used) != 7 || line[used] != '\0')
		return false;
	k = word_of(kinds, OFFER_KINDS, kind);
	t = word_of(tlses, 2, tls);
	a = word_of(auths, 2, auth);
	s = word_of(sources, OFFER_SOURCES, source);
	number = strtoul(port, &end, 10);
	if (k == OFFER_KINDS || t == 2 || a == 2 || s == OFFER_SOURCES || *end != '\0' || !isdigit((unsigned char)port[0]) || number == 0 ||
	    number > 65535 || !offer_host_ok(host, strlen(host)) || !offer_login_ok(login, strlen(login)))
		return false;
	*o_r = (struct offer){ .kind = (enum offer_kind)k, .port = (unsigned)number, .tls = (enum offer_tls)t, .auth = (enum offer_auth)a,
		.source = (enum offer_source)s };
	memcpy(o_r->host, host, sizeof host);
	memcpy(o_r->login, login, sizeof login);
	return true;
}

const struct offer *
offers_best(const struct offers *all, enum offer_kind kind)
{
	const struct offer *best = NULL, *o;

	for (size_t i = 0; i < all->all.n; i++) {
		o = &all->all.at[i];
		if (o->kind != kind)
			continue;
		/* Of one source a password, which needs no helper, comes before a token, and TLS from the first byte before STARTTLS. */
		if (best == NULL || o->source < best->source || (o->source == best->source && (o->auth < best->auth ||
		    (o->auth == best->auth && o->tls > best->tls))))
			best = o;
	}
	return best;
}
