#include "cmd/discover/autoconfig.h"

#include <expat.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { DEPTH_MOST = 32, TEXT_MOST = 512 };

/* Where the reader is: in <clientConfig>, in a server of it, in an element of that. */
struct reading {
	XML_Parser parser;
	const char *address;
	struct offers *all;
	unsigned depth;
	bool is_config;			/* the root is <clientConfig> */
	bool is_in_server;
	unsigned server_depth;
	struct offer server;
	bool has_tls, has_auth;		/* it says so, and so that we can */
	char host[TEXT_MOST], login[TEXT_MOST];
	struct buf text;		/* of the innermost element */
};

static const char *
attribute(const XML_Char **attributes, const char *name)
{
	for (size_t i = 0; attributes[i] != NULL; i += 2)
		if (strcmp(attributes[i], name) == 0)
			return attributes[i + 1];
	return "";
}

static void
begin_server(struct reading *r, const char *element, const char *type)
{
	static const struct { const char *element, *type; enum offer_kind kind; } kinds[] = {
		{ "incomingServer", "imap", OFFER_IMAP }, { "incomingServer", "pop3", OFFER_POP3 }, { "outgoingServer", "smtp", OFFER_SMTP },
	};

	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		if (strcmp(element, kinds[i].element) != 0 || strcmp(type, kinds[i].type) != 0)
			continue;
		r->server = (struct offer){ .kind = kinds[i].kind, .source = r->server.source };
		r->is_in_server = true;
		r->server_depth = r->depth;
		r->has_tls = r->has_auth = false;
		r->host[0] = '\0';
		strcpy(r->login, "%EMAILADDRESS%");
	}
}

static void
on_begin(void *ctx, const XML_Char *name, const XML_Char **attributes)
{
	struct reading *r = ctx;

	buf_clear(&r->text);
	if (++r->depth > DEPTH_MOST)
		XML_StopParser(r->parser, XML_FALSE);
	if (r->depth == 1)
		r->is_config = strcmp(name, "clientConfig") == 0;
	if (r->is_config && !r->is_in_server && r->depth == 3)
		begin_server(r, name, attribute(attributes, "type"));
}

static void
on_text(void *ctx, const XML_Char *text, int len)
{
	struct reading *r = ctx;

	if (r->text.len + (size_t)len < TEXT_MOST)
		buf_add(&r->text, text, (size_t)len);
}

/* Without blanks around it. */
static char *
text_of(struct reading *r)
{
	char *text = r->text.data != NULL ? r->text.data : (char *)"", *end;

	if (*text == '\0')
		return text;
	text += strspn(text, " \t\r\n");
	for (end = text + strlen(text); end > text && strchr(" \t\r\n", end[-1]) != NULL;)
		end--;
	*end = '\0';
	return text;
}

/* An element of a server; of several ways to log in the first that we know counts. */
static void
take_element(struct reading *r, const char *name)
{
	char *text = text_of(r), *end;
	unsigned long port;

	if (strcmp(name, "hostname") == 0) {
		strcpy(r->host, strlen(text) < sizeof r->host ? text : "");
	} else if (strcmp(name, "username") == 0) {
		strcpy(r->login, strlen(text) < sizeof r->login ? text : "");
	} else if (strcmp(name, "port") == 0) {
		port = strtoul(text, &end, 10);
		r->server.port = *text >= '0' && *text <= '9' && *end == '\0' && port <= 65535 ? (unsigned)port : 0;
	} else if (strcmp(name, "socketType") == 0) {
		r->has_tls = strcasecmp(text, "SSL") == 0 || strcasecmp(text, "STARTTLS") == 0;
		r->server.tls = strcasecmp(text, "SSL") == 0 ? OFFER_TLS : OFFER_STARTTLS;
	} else if (strcmp(name, "authentication") == 0 && !r->has_auth) {
		r->has_auth = strcasecmp(text, "password-cleartext") == 0 || strcasecmp(text, "password-encrypted") == 0 ||
		    strcasecmp(text, "plain") == 0 || strcasecmp(text, "secure") == 0 || strcasecmp(text, "OAuth2") == 0;
		r->server.auth = strcasecmp(text, "OAuth2") == 0 ? OFFER_OAUTH : OFFER_PASSWORD;
	}
}

static void
on_end(void *ctx, const XML_Char *name)
{
	struct reading *r = ctx;

	if (r->is_in_server && r->depth == r->server_depth) {
		r->is_in_server = false;
		if (r->has_tls && r->has_auth)
			(void)offers_add(r->all, &r->server, r->host, r->login, r->address);
	} else if (r->is_in_server && r->depth == r->server_depth + 1) {
		take_element(r, name);
	}
	buf_clear(&r->text);
	r->depth--;
}

/* A document type may define entities that grow without end, and is never part of it. */
static void
on_doctype(void *ctx, const XML_Char *name, const XML_Char *system, const XML_Char *public, int has_subset)
{
	struct reading *r = ctx;

	(void)name, (void)system, (void)public, (void)has_subset;
	XML_StopParser(r->parser, XML_FALSE);
}

int
autoconfig_read(const char *data, size_t len, const char *address, enum offer_source source, struct offers *all)
{
	struct reading r = { .parser = XML_ParserCreate(NULL), .address = address, .all = all, .server = { .source = source } };
	const size_t before = all->all.n;
	int rc = -1;

	if (r.parser == NULL || len > INT32_MAX)
		goto done;
	XML_SetUserData(r.parser, &r);
	XML_SetElementHandler(r.parser, on_begin, on_end);
	XML_SetCharacterDataHandler(r.parser, on_text);
	XML_SetStartDoctypeDeclHandler(r.parser, on_doctype);
	rc = XML_Parse(r.parser, data, (int)len, 1) == XML_STATUS_OK && r.is_config ? 0 : -1;
	/* What stands in half a document is not believed. */
	if (rc < 0)
		all->all.n = before;
done:
	if (r.parser != NULL)
		XML_ParserFree(r.parser);
	buf_release(&r.text);
	return rc;
}
