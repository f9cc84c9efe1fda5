/* Authentication: which mechanism is chosen, and what is said; with the examples of the RFCs where
 * they have some, and a SCRAM server of our own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "state/base/mem.h"
#include "sync/sasl/auth.h"
#include "sync/sasl/auth_token.h"
#include "sync/sasl/base64.h"

static struct buf secret = { .is_secret = 1 };

static struct auth_settings
settings(const char *user, const char *password)
{
	struct auth_settings set = { .label = "test", .service = "imap", .host = "server.example.com",
		.port = 143, .user = user, .is_tls = true, .has_initial = true, .has_login = true };

	buf_clear(&secret);
	if (password != NULL) {
		buf_adds(&secret, password);
		set.secret = &secret;
	}
	return set;
}

/* Splits a list at its blanks; 16 names at most. */
static size_t
split(const char *text, char *copy, size_t size, const char **list)
{
	size_t n = 0;

	snprintf(copy, size, "%s", text);
	for (char *s = strtok(copy, " "); s != NULL && n < 16; s = strtok(NULL, " "))
		list[n++] = s;
	return n;
}

static struct auth *
make(struct auth_settings set, const char *offered, const char *allowed, struct err *e)
{
	static char a[256], b[256];
	static const char *offers[16], *allows[16];
	size_t n = split(offered, a, sizeof a, offers);

	set.n_allowed = split(allowed, b, sizeof b, allows);
	set.allowed = allows;
	return auth_new(&set, offers, n, e);
}

static void
expect_initial(struct auth *a, const char *want)
{
	struct buf out = { NULL, 0, 0, 0 };

	assert_non_null(a);
	assert_int_equal(auth_initial(a, &out), 1);
	assert_string_equal(buf_str(&out), want);
	assert_true(out.is_secret);
	buf_release(&out);
}

static void
expect_answer(struct auth *a, const char *challenge, const char *want)
{
	struct buf out = { NULL, 0, 0, 0 };
	struct err e = { 0 };

	if (auth_step(a, challenge, strlen(challenge), &out, &e) < 0)
		fail_msg("%s", e.text);
	assert_string_equal(buf_str(&out), want);
	buf_release(&out);
}

static void
expect_no_answer(struct auth *a, const char *challenge, const char *words)
{
	struct buf out = { NULL, 0, 0, 0 };
	struct err e = { 0 };

	assert_int_equal(auth_step(a, challenge, strlen(challenge), &out, &e), -1);
	assert_non_null(strstr(e.text, words));
	assert_int_equal(e.class, ERR_REFUSED);
	buf_release(&out);
}

static void
test_base64(void **state)
{
	static const char *const pairs[][2] = { { "", "" }, { "f", "Zg==" }, { "fo", "Zm8=" },
		{ "foo", "Zm9v" }, { "foob", "Zm9vYg==" }, { "fooba", "Zm9vYmE=" }, { "foobar", "Zm9vYmFy" } };
	static const char *const bad[] = { "Z", "Zg", "Zg=", "Z===", "Zg==Zg==", "Z g=", "Zm9v\n", "====" };
	struct buf b = { NULL, 0, 0, 0 };

	(void)state;
	for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
		buf_clear(&b);
		base64_encode(pairs[i][0], strlen(pairs[i][0]), &b);
		assert_string_equal(buf_str(&b), pairs[i][1]);
		buf_clear(&b);
		assert_int_equal(base64_decode(pairs[i][1], strlen(pairs[i][1]), &b), 0);
		assert_string_equal(buf_str(&b), pairs[i][0]);
	}
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_int_equal(base64_decode(bad[i], strlen(bad[i]), &b), -1);
	buf_release(&b);
}

/* Choosing. */

static void
expect_choice(struct auth_settings set, const char *offered, const char *allowed, const char *want)
{
	struct err e = { 0 };
	struct auth *a = make(set, offered, allowed, &e);

	if (a == NULL)
		fail_msg("%s", e.text);
	assert_string_equal(auth_mechanism(a), want);
	auth_free(&a);
}

static void
expect_none(struct auth_settings set, const char *offered, const char *allowed, const char *words)
{
	struct err e = { 0 };

	assert_null(make(set, offered, allowed, &e));
	if (strstr(e.text, words) == NULL)
		print_error("got: %s\n", e.text);
	assert_non_null(strstr(e.text, words));
	assert_int_equal(e.class, ERR_REFUSED);
}

static void
test_choice(void **state)
{
	struct auth_settings set = settings("tom", "pw");
	const char *all = "PLAIN LOGIN CRAM-MD5 XOAUTH2 OAUTHBEARER SCRAM-SHA-1 SCRAM-SHA-256 EXTERNAL";

	(void)state;
	expect_choice(set, all, "", "SCRAM-SHA-256");
	expect_choice(set, all, "*", "SCRAM-SHA-256");
	expect_choice(set, all, "plain", "PLAIN");
	expect_choice(set, all, "PLAIN CRAM-MD5", "CRAM-MD5");
	expect_choice(set, all, "XOAUTH2", "XOAUTH2");
	expect_choice(set, all, "xoauth2 PLAIN", "XOAUTH2");
	expect_choice(set, "PLAIN XOAUTH2", "*", "PLAIN");
	expect_choice(set, "", "*", "LOGIN");
	set.has_client_certificate = true;
	expect_choice(set, all, "*", "EXTERNAL");
	set.has_client_certificate = false;
	set.has_login = false;
	expect_choice(set, "LOGIN", "*", "LOGIN");
	expect_none(set, "", "*", "no way to log in");
	expect_none(set, "XOAUTH2 OAUTHBEARER", "*", "want a token");
	expect_none(set, "PLAIN", "SCRAM-SHA-256", "offers PLAIN; AuthMechs allows SCRAM-SHA-256");
	/* Nobody is anonymous by "*". */
	expect_none(set, "ANONYMOUS", "*", "offers ANONYMOUS");
}

static void
test_clear_text(void **state)
{
	struct auth_settings set = settings("tom", "pw");

	(void)state;
	set.is_tls = false;
	expect_none(set, "PLAIN LOGIN", "*", "without TLS");
	expect_none(set, "PLAIN LOGIN", "", "without TLS");
	expect_none(set, "", "*", "without TLS");
	expect_choice(set, "PLAIN LOGIN", "PLAIN", "PLAIN");
	expect_choice(set, "PLAIN LOGIN", "* LOGIN", "LOGIN");
	/* Who listens can find the password behind MD5's challenges by trying. */
	expect_none(set, "PLAIN CRAM-MD5 DIGEST-MD5", "*", "without TLS");
	expect_choice(set, "PLAIN CRAM-MD5", "* CRAM-MD5", "CRAM-MD5");
	set.is_tls = true;
	expect_choice(set, "PLAIN CRAM-MD5", "*", "CRAM-MD5");
}

/* A better mechanism that was offered before may have been taken out by somebody on the way. */
static void
test_weaker_than_before(void **state)
{
	static const char *const sha2[] = { "PLAIN", "SCRAM-SHA-256" }, *const sha1[] = { "CRAM-MD5", "SCRAM-SHA-1" },
	    *const clear[] = { "PLAIN", "LOGIN" };
	struct auth_settings set = settings("tom", "pw");

	(void)state;
	assert_true(auth_strength(sha2, 2) > auth_strength(sha1, 2) && auth_strength(sha1, 2) > auth_strength(clear, 2));
	set.is_tls = false;
	set.offered_before = auth_strength(sha2, 2);
	expect_choice(set, "SCRAM-SHA-256 SCRAM-SHA-1", "*", "SCRAM-SHA-256");
	expect_none(set, "SCRAM-SHA-1", "*", "has offered a better one before");
	expect_none(set, "PLAIN", "* PLAIN", "has offered a better one before");
	expect_none(set, "PLAIN CRAM-MD5", "SCRAM-SHA-256 PLAIN", "has offered a better one before");
	expect_none(set, "", "SCRAM-SHA-256 LOGIN", "name LOGIN alone in AuthMechs");
	expect_choice(set, "PLAIN", "PLAIN", "PLAIN");
	expect_choice(set, "SCRAM-SHA-1 PLAIN", "SCRAM-SHA-1", "SCRAM-SHA-1");
	set.offered_before = auth_strength(sha1, 2);
	expect_choice(set, "SCRAM-SHA-1", "*", "SCRAM-SHA-1");
	expect_none(set, "PLAIN", "* PLAIN", "has offered a better one before");
	set.is_tls = true;
	expect_choice(set, "PLAIN", "*", "PLAIN");
}

/* What cannot start gives way to the next; the best one's reason is told. */
static void
test_giving_way(void **state)
{
	struct auth_settings set = settings("tom", "pw");

	(void)state;
	expect_choice(set, "X-UNHEARD-OF PLAIN", "X-UNHEARD-OF PLAIN", "PLAIN");
	expect_none(set, "X-UNHEARD-OF PLAIN", "X-UNHEARD-OF", "X-UNHEARD-OF cannot be used");
	expect_none(settings("tom", NULL), "PLAIN", "*", "PLAIN needs Pass or PassCmd");
	expect_none(settings(NULL, "pw"), "PLAIN", "*", "PLAIN needs User");
}

/* Clear-text mechanisms. */

static void
test_plain(void **state)
{
	struct auth_settings set = settings("tim", "tanstaaftanstaaf");
	struct buf out = { NULL, 0, 0, 0 };
	struct err e = { 0 };
	struct auth *a = make(set, "PLAIN", "*", &e);

	(void)state;
	assert_true(auth_is_one_flight(a));
	assert_false(auth_is_login(a));
	expect_initial(a, "AHRpbQB0YW5zdGFhZnRhbnN0YWFm");
	expect_no_answer(a, "", "asks for more");
	assert_int_equal(auth_finish(a, true, NULL, "done", &e), 0);
	auth_free(&a);
	/* Without SASL-IR the response follows an empty challenge. */
	set.has_initial = false;
	a = make(set, "PLAIN", "*", &e);
	assert_int_equal(auth_initial(a, &out), 0);
	expect_answer(a, "", "AHRpbQB0YW5zdGFhZnRhbnN0YWFm");
	auth_free(&a);
}

static void
test_login(void **state)
{
	struct auth_settings set = settings("tim", "secret");
	struct buf out = { NULL, 0, 0, 0 };
	struct err e = { 0 };
	struct auth *a = make(set, "LOGIN", "LOGIN", &e);

	(void)state;
	assert_true(auth_is_login(a));
	auth_free(&a);
	set.has_login = false;
	a = make(set, "LOGIN", "LOGIN", &e);
	assert_false(auth_is_login(a));
	assert_int_equal(auth_initial(a, &out), 0);
	expect_answer(a, "VXNlcm5hbWU6", "dGlt");
	expect_answer(a, "UGFzc3dvcmQ6", "c2VjcmV0");
	expect_no_answer(a, "", "asks for more");
	auth_free(&a);
}

static void
test_external(void **state)
{
	struct auth_settings set = settings(NULL, NULL);
	struct err e = { 0 };
	struct auth *a = make(set, "EXTERNAL PLAIN", "EXTERNAL", &e);

	(void)state;
	expect_initial(a, "=");
	auth_free(&a);
	set = settings("tim", NULL);
	a = make(set, "EXTERNAL", "EXTERNAL", &e);
	expect_initial(a, "dGlt");
	auth_free(&a);
}

/* Tokens. */

static void
test_xoauth2(void **state)
{
	struct auth_settings set = settings("someuser@example.com",
	    "vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg==\n");
	struct err e = { 0 };
	struct auth *a = make(set, "XOAUTH2", "XOAUTH2", &e);

	(void)state;
	assert_true(auth_is_one_flight(a));
	expect_initial(a, "dXNlcj1zb21ldXNlckBleGFtcGxlLmNvbQFhdXRoPUJlYXJlciB2RjlkZnQ0cW1UYzJOdmIzUmxja"
	    "0JoZEhSaGRtbHpkR0V1WTI5dENnPT0BAQ==");
	expect_answer(a, "eyJzdGF0dXMiOiI0MDEiLCJzY2hlbWVzIjoiYmVhcmVyIG1hYyIsInNjb3BlIjoiaHR0cHM6Ly9t"
	    "YWlsLmdvb2dsZS5jb20vIn0K", "");
	expect_no_answer(a, "", "asks for more");
	assert_int_equal(auth_finish(a, false, NULL, "Invalid credentials", &e), -1);
	assert_int_equal(e.class, ERR_REFUSED);
	assert_string_equal(e.text, "test: the server refuses to log someuser@example.com in (XOAUTH2): "
	    "Invalid credentials (the token: status 401, schemes bearer mac, scope https://mail.google.com/)");
	auth_free(&a);
}

static void
test_bearer(void **state)
{
	struct auth_settings set = settings("user@example.com", "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==");
	struct buf out = { NULL, 0, 0, 0 };
	struct err e = { 0 };
	struct auth *a = make(set, "OAUTHBEARER XOAUTH2", "XOAUTH2 OAUTHBEARER", &e);

	(void)state;
	/* RFC 7628 section 4.1, and the error of section 4.3. */
	expect_initial(a, "bixhPXVzZXJAZXhhbXBsZS5jb20sAWhvc3Q9c2VydmVyLmV4YW1wbGUuY29tAXBvcnQ9MTQzAWF1d"
	    "Gg9QmVhcmVyIHZGOWRmdDRxbVRjMk52YjNSbGNrQmhiSFJoZG1semRHRXVZMjl0Q2c9PQEB");
	expect_answer(a, "eyJzdGF0dXMiOiJpbnZhbGlkX3Rva2VuIiwic2NvcGUiOiJleGFtcGxlX3Njb3BlIiwib3Blbmlk"
	    "LWNvbmZpZ3VyYXRpb24iOiJodHRwczovL2V4YW1wbGUuY29tLy53ZWxsLWtub3duL29wZW5pZC1jb25maWd1cmF0aW9uI"
	    "n0=", "AQ==");
	assert_int_equal(auth_finish(a, false, "AUTHENTICATIONFAILED", "no", &e), -1);
	assert_non_null(strstr(e.text, "status invalid_token, scope example_scope"));
	auth_free(&a);
	/* A name with the characters GS2 quotes. */
	a = make(settings("a=b,c", "t"), "OAUTHBEARER", "OAUTHBEARER", &e);
	assert_int_equal(auth_initial(a, &out), 1);
	{
		struct buf raw = { NULL, 0, 0, 0 };

		assert_int_equal(base64_decode(out.data, out.len, &raw), 0);
		assert_memory_equal(raw.data, "n,a=a=3Db=2Cc,\001host=", 20);
		buf_release(&raw);
	}
	buf_release(&out);
	auth_free(&a);
}

static void
test_token_length(void **state)
{
	char *token = mem_alloc(100001);
	struct buf out = { NULL, 0, 0, 0 };
	struct err e = { 0 };
	struct auth *a;

	(void)state;
	memset(token, 'x', 100000);
	a = make(settings("u", token), "XOAUTH2", "XOAUTH2", &e);
	assert_int_equal(auth_initial(a, &out), 1);
	assert_true(out.len > 133000);
	auth_free(&a);
	buf_release(&out);
	free(token);
	expect_none(settings("u", "  \n"), "XOAUTH2", "XOAUTH2", "is empty");
	expect_none(settings("u", "two words"), "XOAUTH2", "XOAUTH2", "is it a password?");
	expect_none(settings("u", "a\001b"), "OAUTHBEARER", "OAUTHBEARER", "is it a password?");
}

static void
expect_words(const char *json, const char *want)
{
	struct buf b = { NULL, 0, 0, 0 };

	auth_token_explain(json, strlen(json), &b);
	assert_string_equal(buf_str(&b), want);
	buf_release(&b);
}

static void
test_token_errors(void **state)
{
	char *deep = mem_alloc(60001);

	(void)state;
	expect_words("{\"status\":\"400\"}", "status 400");
	expect_words("{ \"status\" : 400 , \"ok\" : false }", "status 400, ok false");
	expect_words("{\"a\":\"x\\u00e9\\n\\\"\\u001b\",\"b\":[1,{\"c\":\"]\"}],\"d\":\"e\"}",
	    "a x\xc3\xa9 \"?, d e");
	expect_words("not JSON\x1b", "not JSON ");
	expect_words("{\"a\":\"unended", "{\"a\":\"unended");
	expect_words("{}", "{}");
	expect_words("", "");
	memset(deep, '[', 60000);
	memcpy(deep, "{\"a\":", 5);
	{
		struct buf b = { NULL, 0, 0, 0 };

		auth_token_explain(deep, 60000, &b);
		assert_int_equal(b.len, 300);
		buf_release(&b);
	}
	free(deep);
}

/* Through Cyrus SASL. */

static void
test_cram_md5(void **state)
{
	struct err e = { 0 };
	struct auth *a = make(settings("tim", "tanstaaftanstaaf"), "CRAM-MD5", "*", &e);
	struct buf out = { NULL, 0, 0, 0 };

	(void)state;
	assert_non_null(a);
	assert_int_equal(auth_initial(a, &out), 0);
	/* RFC 2195 section 2. */
	expect_answer(a, "PDE4OTYuNjk3MTcwOTUyQHBvc3RvZmZpY2UucmVzdG9uLm1jaS5uZXQ+",
	    "dGltIGI5MTNhNjAyYzdlZGE3YTQ5NWI0ZTZlNzMzNGQzODkw");
	assert_int_equal(auth_finish(a, true, NULL, "", &e), 0);
	assert_int_equal(auth_finish(a, false, "AUTHENTICATIONFAILED", "wrong", &e), -1);
	assert_int_equal(e.class, ERR_REFUSED);
	assert_null(strstr(e.text, "tanstaaf"));
	assert_int_equal(auth_finish(a, false, "UNAVAILABLE", "busy", &e), -1);
	assert_int_equal(e.class, ERR_TEMPORARY);
	expect_no_answer(a, "***", "not base64");
	auth_free(&a);
}

/* A SCRAM server (RFC 5802 section 3), which knows `password`. */
enum { ROUNDS = 4096 };

struct scram {
	const EVP_MD *md;
	const char *password;
	char first_bare[256], server_first[256], nonce[128];
};

static void
unbase64(const struct buf *in, char *out, size_t size)
{
	struct buf raw = { NULL, 0, 0, 0 };

	assert_int_equal(base64_decode(buf_str(in), in->len, &raw), 0);
	snprintf(out, size, "%s", buf_str(&raw));
	buf_release(&raw);
}

static void
scram_first(struct scram *s, const struct buf *first, struct buf *challenge)
{
	char text[256], *nonce;

	unbase64(first, text, sizeof text);
	assert_memory_equal(text, "n,,n=tom,r=", 11);
	snprintf(s->first_bare, sizeof s->first_bare, "%s", text + 3);
	nonce = strstr(text, "r=") + 2;
	snprintf(s->nonce, sizeof s->nonce, "%.60sserverpart", nonce);
	/* The salt is "saltsalt". */
	snprintf(s->server_first, sizeof s->server_first, "r=%s,s=c2FsdHNhbHQ=,i=%d", s->nonce, ROUNDS);
	base64_encode(s->server_first, strlen(s->server_first), challenge);
}

/* Checks the client's proof; the challenge is the server's own proof. */
static void
scram_final(struct scram *s, const struct buf *final, struct buf *challenge)
{
	unsigned char salted[64], client[64], stored[64], server[64], mac[64], proof[64];
	struct buf sent = { NULL, 0, 0, 0 }, text = { NULL, 0, 0, 0 };
	unsigned len = (unsigned)EVP_MD_get_size(s->md), n;
	char got[512], message[1024], *p;

	unbase64(final, got, sizeof got);
	p = strstr(got, ",p=");
	assert_non_null(p);
	assert_int_equal(base64_decode(p + 3, strlen(p + 3), &sent), 0);
	assert_int_equal(sent.len, len);
	*p = '\0';
	assert_memory_equal(got, "c=biws,r=", 9);
	assert_string_equal(got + 9, s->nonce);
	snprintf(message, sizeof message, "%s,%s,%s", s->first_bare, s->server_first, got);
	PKCS5_PBKDF2_HMAC(s->password, -1, (const unsigned char *)"saltsalt", 8, ROUNDS, s->md, (int)len, salted);
	HMAC(s->md, salted, (int)len, (const unsigned char *)"Client Key", 10, client, &n);
	HMAC(s->md, salted, (int)len, (const unsigned char *)"Server Key", 10, server, &n);
	EVP_Digest(client, len, stored, &n, s->md, NULL);
	HMAC(s->md, stored, (int)len, (const unsigned char *)message, strlen(message), mac, &n);
	for (unsigned i = 0; i < len; i++)
		proof[i] = client[i] ^ mac[i];
	if (strcmp(s->password, "hunter2") == 0)
		assert_memory_equal(proof, sent.data, len);
	HMAC(s->md, server, (int)len, (const unsigned char *)message, strlen(message), mac, &n);
	buf_adds(&text, "v=");
	base64_encode(mac, len, &text);
	base64_encode(text.data, text.len, challenge);
	buf_release(&sent);
	buf_release(&text);
}

static void
scram(const char *mechanism, const EVP_MD *md, bool has_initial, const char *servers_password)
{
	struct auth_settings set = settings("tom", "hunter2");
	struct buf say = { NULL, 0, 0, 0 }, hear = { NULL, 0, 0, 0 };
	struct scram s = { .md = md, .password = servers_password };
	struct err e = { 0 };
	struct auth *a;

	set.has_initial = has_initial;
	a = make(set, mechanism, "*", &e);
	if (a == NULL)
		fail_msg("%s", e.text);
	assert_string_equal(auth_mechanism(a), mechanism);
	assert_false(auth_is_one_flight(a));
	assert_int_equal(auth_initial(a, &say), has_initial);
	if (!has_initial)
		assert_int_equal(auth_step(a, "", 0, &say, &e), 0);
	scram_first(&s, &say, &hear);
	assert_int_equal(auth_step(a, hear.data, hear.len, &say, &e), 0);
	/* An OK now would come from a server that has not shown that it knows anything. */
	assert_int_equal(auth_finish(a, true, NULL, "welcome", &e), -1);
	assert_int_equal(e.class, ERR_REFUSED);
	assert_non_null(strstr(e.text, "may not be the right server"));
	buf_clear(&hear);
	scram_final(&s, &say, &hear);
	if (strcmp(servers_password, "hunter2") == 0) {
		assert_int_equal(auth_step(a, hear.data, hear.len, &say, &e), 0);
		assert_int_equal(say.len, 0);
		assert_int_equal(auth_finish(a, true, NULL, "welcome", &e), 0);
	} else {
		assert_int_equal(auth_step(a, hear.data, hear.len, &say, &e), -1);
		assert_int_equal(e.class, ERR_REFUSED);
		assert_int_equal(auth_finish(a, true, NULL, "welcome", &e), -1);
	}
	buf_release(&say);
	buf_release(&hear);
	auth_free(&a);
}

static void
test_scram(void **state)
{
	(void)state;
	scram("SCRAM-SHA-1", EVP_sha1(), true, "hunter2");
	scram("SCRAM-SHA-1", EVP_sha1(), false, "hunter2");
	scram("SCRAM-SHA-256", EVP_sha256(), true, "hunter2");
	scram("SCRAM-SHA-256", EVP_sha256(), true, "not hunter2");
}

/* What the client says first, for which binding and list of mechanisms. */
static void
says_first(struct auth_settings set, const char *offered, const char *allowed, const char *mechanism, const char *begin)
{
	struct buf say = { NULL, 0, 0, 0 };
	struct err e = { 0 };
	struct auth *a = make(set, offered, allowed, &e);
	char text[256];

	if (a == NULL)
		fail_msg("%s", e.text);
	assert_string_equal(auth_mechanism(a), mechanism);
	assert_int_equal(auth_initial(a, &say), 1);
	unbase64(&say, text, sizeof text);
	if (strncmp(text, begin, strlen(begin)) != 0)
		fail_msg("%s begins otherwise than %s", text, begin);
	buf_release(&say);
	auth_free(&a);
}

static void
test_scram_plus(void **state)
{
	struct buf data = { NULL, 0, 0, 0 }, say = { NULL, 0, 0, 0 }, hear = { NULL, 0, 0, 0 }, c = { NULL, 0, 0, 0 };
	struct auth_settings set = settings("tom", "hunter2");
	const char *both = "SCRAM-SHA-256 SCRAM-SHA-256-PLUS SCRAM-SHA-512";
	struct err e = { 0 };
	struct auth *a;
	char text[512], *nonce, first[128], bound[128];

	(void)state;
	says_first(set, both, "*", "SCRAM-SHA-512", "n,,n=tom");
	buf_adds(&data, "0123456789abcdef0123456789abcdef");
	set.binding = "tls-exporter";
	set.binding_data = &data;
	says_first(set, both, "*", "SCRAM-SHA-256-PLUS", "p=tls-exporter,,n=tom,r=");
	says_first(set, "PLAIN SCRAM-SHA-1-PLUS", "*", "SCRAM-SHA-1-PLUS", "p=tls-exporter,,n=tom,r=");
	says_first(set, both, "SCRAM-SHA-256-PLUS SCRAM-SHA-512", "SCRAM-SHA-256-PLUS", "p=tls-exporter,,");
	says_first(set, "SCRAM-SHA-256", "*", "SCRAM-SHA-256", "n,,n=tom,r=");
	says_first(set, both, "SCRAM-SHA-256", "SCRAM-SHA-256", "n,,n=tom,r=");
	/* And the proof covers the binding's data. */
	a = make(set, both, "*", &e);
	assert_int_equal(auth_initial(a, &say), 1);
	unbase64(&say, text, sizeof text);
	nonce = strstr(text, "r=") + 2;
	snprintf(first, sizeof first, "r=%.60sserver,s=c2FsdHNhbHQ=,i=4096", nonce);
	base64_encode(first, strlen(first), &hear);
	assert_int_equal(auth_step(a, hear.data, hear.len, &say, &e), 0);
	unbase64(&say, text, sizeof text);
	snprintf(bound, sizeof bound, "p=tls-exporter,,%s", data.data);
	base64_encode(bound, strlen(bound), &c);
	assert_memory_equal(text, "c=", 2);
	assert_memory_equal(text + 2, c.data, c.len);
	auth_free(&a);
	buf_release(&data);
	buf_release(&say);
	buf_release(&hear);
	buf_release(&c);
}

static void
count_warning(void *ctx, const char *text)
{
	assert_non_null(strstr(text, "rounds of SCRAM-SHA-256"));
	(*(int *)ctx)++;
}

/* The answer to a first message with so many rounds: whether it is given, and how often that was warned of. */
static void
rounds(const char *n, bool is_tls, const char *refusal, int warnings)
{
	struct buf say = { NULL, 0, 0, 0 }, hear = { NULL, 0, 0, 0 };
	struct auth_settings set = settings("tom", "hunter2");
	struct err e = { 0 };
	struct auth *a;
	char text[256], first[256];
	int warned = 0;

	set.is_tls = is_tls;
	set.warn = count_warning;
	set.warn_ctx = &warned;
	a = make(set, "SCRAM-SHA-256", "*", &e);
	assert_int_equal(auth_initial(a, &say), 1);
	unbase64(&say, text, sizeof text);
	snprintf(first, sizeof first, "r=%.60sserver,s=c2FsdHNhbHQ=,i=%s", strstr(text, "r=") + 2, n);
	base64_encode(first, strlen(first), &hear);
	assert_int_equal(auth_step(a, hear.data, hear.len, &say, &e), refusal != NULL ? -1 : 0);
	if (refusal != NULL && strstr(e.text, refusal) == NULL)
		fail_msg("%s: %s", n, e.text);
	assert_int_equal(warned, warnings);
	auth_free(&a);
	buf_release(&say);
	buf_release(&hear);
}

static void
test_scram_rounds(void **state)
{
	(void)state;
	rounds("4096", false, NULL, 0);
	rounds("4096", true, NULL, 0);
	rounds("4095", false, "no more than 4095 rounds", 0);
	rounds("1", false, "no more than 1 rounds", 0);
	rounds("4095", true, NULL, 1);
	rounds("1000", true, NULL, 1);
	rounds("1000001", true, "wants 1000001 rounds", 0);
	rounds("4294967295", true, "rounds", 0);
	rounds("99999999999999999999999", false, "rounds", 0);
}

static void
test_scram_nonsense(void **state)
{
	static const char *const challenges[] = { "", "AAAA", "cj0xLHM9eCxpPTE=", "ZT1vdGhlci1lcnJvcg==" };
	struct buf out = { NULL, 0, 0, 0 };
	struct err e = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof challenges / sizeof *challenges; i++) {
		struct auth *a = make(settings("tom", "hunter2"), "SCRAM-SHA-256", "*", &e);

		assert_int_equal(auth_initial(a, &out), 1);
		assert_int_equal(auth_step(a, challenges[i], strlen(challenges[i]), &out, &e), -1);
		assert_null(strstr(e.text, "hunter2"));
		auth_free(&a);
	}
	buf_release(&out);
}

static int
set_up(void **state)
{
	(void)state;
	alarm(60);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	buf_release(&secret);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_base64),
		cmocka_unit_test(test_choice),
		cmocka_unit_test(test_clear_text),
		cmocka_unit_test(test_giving_way),
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_login),
		cmocka_unit_test(test_external),
		cmocka_unit_test(test_xoauth2),
		cmocka_unit_test(test_bearer),
		cmocka_unit_test(test_token_length),
		cmocka_unit_test(test_token_errors),
		cmocka_unit_test(test_cram_md5),
		cmocka_unit_test(test_scram), cmocka_unit_test(test_scram_plus), cmocka_unit_test(test_scram_rounds),
		cmocka_unit_test(test_weaker_than_before),
		cmocka_unit_test(test_scram_nonsense),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
