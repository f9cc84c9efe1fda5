#include "cmd/discover/pacc.h"

#include <jansson.h>
#include <openssl/evp.h>
#include <string.h>
#include <strings.h>

int
pacc_read(const char *data, size_t len, const char *address, struct offers *all)
{
	/* "smtp" in drafts up to 02, "submit" since. */
	static const struct { const char *name; enum offer_kind kind; unsigned port; } known[] = {
		{ "imap", OFFER_IMAP, 993 }, { "pop3", OFFER_POP3, 995 }, { "submit", OFFER_SMTP, 465 }, { "smtp", OFFER_SMTP, 465 },
	};
	json_error_t unread;
	json_t *document = json_loadb(data, len, JSON_REJECT_DUPLICATES, &unread);
	const json_t *protocols = json_object_get(document, "protocols"), *authentication = json_object_get(document, "authentication");
	const bool has_password = json_is_true(json_object_get(authentication, "password"));
	const bool has_token = json_is_object(json_object_get(authentication, "oauth-public"));
	const char *host;
	bool is_one;

	for (size_t i = 0; i < sizeof known / sizeof *known && (has_password || has_token); i++) {
		const struct offer like = { .kind = known[i].kind, .port = known[i].port, .tls = OFFER_TLS, .source = OFFER_OF_PACC,
			.auth = has_password ? OFFER_PASSWORD : OFFER_OAUTH };

		host = json_string_value(json_object_get(json_object_get(protocols, known[i].name), "host"));
		/* A '%' would be a template, which this has none of. */
		if (host != NULL && strchr(host, '%') == NULL)
			(void)offers_add(all, &like, host, "%EMAILADDRESS%", address);
	}
	is_one = json_is_object(protocols);
	json_decref(document);
	return is_one ? 0 : -1;
}

/* The value of a tag ("d") of "v=UAAC1; a=sha256; d=..."; its length in *len_r. NULL = it is not there. */
static const char *
tag(const char *record, const char *name, size_t *len_r)
{
	const size_t n = strlen(name);

	for (const char *p = record;; p++) {
		p += strspn(p, " \t");
		if (strncmp(p, name, n) == 0 && p[n] == '=') {
			*len_r = strcspn(p + n + 1, "; \t");
			return p + n + 1;
		}
		p = strchr(p, ';');
		if (p == NULL)
			return NULL;
	}
}

static bool
is_tag(const char *record, const char *name, const char *value)
{
	size_t len;
	const char *at = tag(record, name, &len);

	return at != NULL && len == strlen(value) && strncmp(at, value, len) == 0;
}

bool
pacc_is_vouched(const char *data, size_t len, const char *record)
{
	unsigned char digest[EVP_MAX_MD_SIZE], text[2 * EVP_MAX_MD_SIZE];
	unsigned n = 0;

	if (!is_tag(record, "v", "UAAC1") || !is_tag(record, "a", "sha256") || EVP_Digest(data, len, digest, &n, EVP_sha256(), NULL) != 1)
		return false;
	EVP_EncodeBlock(text, digest, (int)n);
	return is_tag(record, "d", (const char *)text);
}
