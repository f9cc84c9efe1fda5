/* What strangers say of servers: read, or refused, at every length that it may be cut to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "cmd/discover/autoconfig.h"
#include "cmd/discover/dns.h"
#include "cmd/discover/pacc.h"

#define ADDRESS "jane@example.test"

static void
hosts_and_logins(void **state)
{
	static const char *const good[] = { "a", "imap.example.org", "x-1.y", "127.0.0.1", "xn--grn-hoa.de" };
	static const char *const bad[] = { "", ".", "a.", ".a", "a..b", "-a", "a-", "a-.b", "a b", "a_b", "a\nb", "a/b", "a:1", "gr\xc3\xbcn", "$a" };
	const char *domain;
	char longest[260];

	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		assert_true(offer_host_ok(good[i], strlen(good[i])));
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_false(offer_host_ok(bad[i], strlen(bad[i])));
	memset(longest, 'a', sizeof longest);
	assert_true(offer_host_ok(longest, 63));
	assert_false(offer_host_ok(longest, 64));
	for (size_t i = 50; i < sizeof longest; i += 51)
		longest[i] = '.';
	assert_true(offer_host_ok(longest, 253));
	assert_false(offer_host_ok(longest, 254));
	assert_true(offer_login_ok("jane+x@example.org", 18));
	for (const char *const *p = (const char *const[]){ "", "a b", "a\"b", "a\\b", "a\nb", "a'b", "a`b", "-a", "a\x7f", NULL }; *p != NULL; p++)
		assert_false(offer_login_ok(*p, strlen(*p)));
	assert_true(offer_address_ok("a@b@example.org", &domain));
	assert_string_equal(domain, "example.org");
	assert_false(offer_address_ok("jane$x@example.org", &domain));
}

static void
lines_there_and_back(void **state)
{
	const struct offer like = { .kind = OFFER_SMTP, .port = 587, .tls = OFFER_STARTTLS, .auth = OFFER_OAUTH, .source = OFFER_OF_ISPDB };
	static const char *const bad[] = { "", "imap", "imap h 993 tls password srv", "imap h 993 tls password srv a b", "imap h 993 tls password srv a ",
		"imap h 99999 tls password srv a", "imap h 0 tls password srv a", "imap h +1 tls password srv a", "imap h_ 1 tls password srv a",
		"pop h 1 tls password srv a", "imap h 1 ssl password srv a", "imap h 1 tls none srv a", "imap h 1 tls password me a", "imap h 1 tls password srv a\"" };
	struct offers all = { { 0 } };
	struct buf line = { 0 };
	struct offer back;

	(void)state;
	assert_true(offers_add(&all, &like, "smtp.%EMAILDOMAIN%", "%EMAILLOCALPART%.x", ADDRESS));
	offer_write(&all.all.at[0], &line);
	assert_string_equal(buf_str(&line), "smtp smtp.example.test 587 starttls oauth ispdb jane.x");
	assert_true(offer_read(buf_str(&line), &back));
	assert_memory_equal(&back, &all.all.at[0], sizeof back);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_false(offer_read(bad[i], &back));
	vec_release(&all.all);
	buf_release(&line);
}

static const char document[] =
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<clientConfig version=\"1.1\">\n<emailProvider id=\"x\"><domain>example.test</domain>\n"
    "<displayName>Gr\xc3\xbc\xc3\x9f" "e</displayName>\n"
    "<incomingServer type=\"imap\"><hostname> imap.%EMAILDOMAIN% </hostname><port>993</port><socketType>SSL</socketType>"
    "<username>%EMAILADDRESS%</username><authentication>OAuth2</authentication><authentication>password-cleartext</authentication></incomingServer>"
    "<incomingServer type=\"imap\"><hostname>b.test</hostname><port>143</port><socketType>STARTTLS</socketType>"
    "<username>u</username><authentication>NTLM</authentication><authentication>password-encrypted</authentication></incomingServer>"
    "<incomingServer type=\"imap\"><hostname>plain.test</hostname><port>143</port><socketType>plain</socketType>"
    "<username>u</username><authentication>password-cleartext</authentication></incomingServer>"
    "<incomingServer type=\"exchange\"><hostname>ex.test</hostname><port>443</port><socketType>SSL</socketType></incomingServer>"
    "<outgoingServer type=\"smtp\"><hostname>smtp.test</hostname><port>465</port><socketType>SSL</socketType>"
    "<authentication>password-cleartext</authentication></outgoingServer>"
    "</emailProvider><hostname>no.test</hostname></clientConfig>";

static void
autoconfig_is_read(void **state)
{
	struct offers all = { { 0 } };

	(void)state;
	assert_int_equal(autoconfig_read(document, sizeof document - 1, ADDRESS, OFFER_OF_AUTOCONFIG, &all), 0);
	assert_int_equal(all.all.n, 3);
	assert_string_equal(all.all.at[0].host, "imap.example.test");
	assert_int_equal(all.all.at[0].auth, OFFER_OAUTH);
	assert_string_equal(all.all.at[1].host, "b.test");
	assert_int_equal(all.all.at[1].tls, OFFER_STARTTLS);
	assert_string_equal(all.all.at[2].login, ADDRESS);
	assert_ptr_equal(offers_best(&all, OFFER_IMAP), &all.all.at[1]);
	assert_null(offers_best(&all, OFFER_POP3));
	all.all.n = 0;
	for (size_t len = 0; len < sizeof document - 1; len++) {
		char *copy = test_malloc(len + 1);	/* whoever reads beyond it is caught */

		memcpy(copy, document, len);
		assert_int_equal(autoconfig_read(copy, len, ADDRESS, OFFER_OF_AUTOCONFIG, &all), -1);
		assert_int_equal(all.all.n, 0);
		test_free(copy);
	}
	vec_release(&all.all);
}

/* A document with one server, whose parts are as given; how many offers come of it. */
static size_t
offers_of(const char *host, const char *port, const char *tls, const char *login, const char *how)
{
	struct offers all = { { 0 } };
	struct buf b = { 0 };
	size_t n;

	buf_printf(&b, "<clientConfig><emailProvider><incomingServer type=\"imap\"><hostname>%s</hostname><port>%s</port><socketType>%s</socketType>"
	    "<username>%s</username><authentication>%s</authentication></incomingServer></emailProvider></clientConfig>", host, port, tls, login, how);
	assert_int_equal(autoconfig_read(buf_str(&b), b.len, ADDRESS, OFFER_OF_AUTOCONFIG, &all), 0);
	n = all.all.n;
	vec_release(&all.all);
	buf_release(&b);
	return n;
}

static void
values_that_are_none(void **state)
{
	static const char *const hosts[] = { "", "a b", "$(id)", "-oProxy", "a..b", "imap.test\nPassCmd x", "a&amp;b", "%EMAILADDRESS%" };
	static const char *const ports[] = { "", "0", "65536", "-1", "+993", "993x", "0x3e1", "99999999999999999999" };
	static const char *const logins[] = { "a&quot; b", "a\nPass x", "a;`id`", "-x", "a&#13;b", "a\\", "gr\xc3\xbcn", "%EMAILADDRESS% x" };
	char longest[600];

	(void)state;
	assert_int_equal(offers_of("h.test", "993", "SSL", "jane", "password-cleartext"), 1);
	for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++)
		assert_int_equal(offers_of(hosts[i], "993", "SSL", "jane", "password-cleartext"), 0);
	for (size_t i = 0; i < sizeof ports / sizeof *ports; i++)
		assert_int_equal(offers_of("h.test", ports[i], "SSL", "jane", "password-cleartext"), 0);
	for (size_t i = 0; i < sizeof logins / sizeof *logins; i++)
		assert_int_equal(offers_of("h.test", "993", "SSL", logins[i], "password-cleartext"), 0);
	memset(longest, 'x', sizeof longest);
	for (size_t n = 250; n < sizeof longest; n += 7) {
		longest[n] = '\0';
		assert_int_equal(offers_of(longest, "993", "SSL", "jane", "password-cleartext"), 0);
		assert_int_equal(offers_of("h.test", "993", "SSL", longest, "password-cleartext"), n <= OFFER_LOGIN_MOST);
		longest[n] = 'x';
	}
	for (const char *const *p = (const char *const[]){ "plain", "", "ssl3", NULL }; *p != NULL; p++)
		assert_int_equal(offers_of("h.test", "993", *p, "jane", "password-cleartext"), 0);
	for (const char *const *p = (const char *const[]){ "none", "", "client-IP-address", NULL }; *p != NULL; p++)
		assert_int_equal(offers_of("h.test", "993", "SSL", "jane", *p), 0);
}

static void
documents_that_are_none(void **state)
{
	static const char *const none[] = { "", "x", "<html/>", "<other><emailProvider/></other>", "\xff\xff\xff\xff", "<clientConfig>&a;</clientConfig>",
		"<!DOCTYPE clientConfig [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;\">]><clientConfig>&b;</clientConfig>",
		"<!DOCTYPE clientConfig SYSTEM \"file:///etc/passwd\"><clientConfig/>" };
	struct offers all = { { 0 } };
	struct buf deep = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof none / sizeof *none; i++)
		assert_int_equal(autoconfig_read(none[i], strlen(none[i]), ADDRESS, OFFER_OF_AUTOCONFIG, &all), -1);
	buf_adds(&deep, "<clientConfig>");
	for (int i = 0; i < 100000; i++)
		buf_adds(&deep, "<a>");
	assert_int_equal(autoconfig_read(buf_str(&deep), deep.len, ADDRESS, OFFER_OF_AUTOCONFIG, &all), -1);
	buf_clear(&deep);
	for (int i = 0; i < 100000; i++)
		buf_adds(&deep, "[");
	assert_int_equal(pacc_read(buf_str(&deep), deep.len, ADDRESS, &all), -1);
	assert_int_equal(all.all.n, 0);
	vec_release(&all.all);
	buf_release(&deep);
}

static const char pacc[] = "{\"protocols\":{\"imap\":{\"host\":\"imap.example.test\"},\"submit\":{\"host\":\"out.example.test\"},\"pop3\":{\"host\":\"%EMAILDOMAIN%\"},"
    "\"jmap\":{\"url\":\"https://x.test/\"}},\"authentication\":{\"password\":true,\"oauth-public\":{\"issuer\":\"https://x.test\"}},"
    "\"info\":{\"provider\":{\"name\":\"x\"}}}";

static void
pacc_is_read(void **state)
{
	static const char *const none[] = { "null", "[]", "{\"protocols\":[]}", "{\"protocols\":{\"imap\":1},\"protocols\":{}}", "" };
	struct offers all = { { 0 } };

	(void)state;
	assert_int_equal(pacc_read(pacc, sizeof pacc - 1, ADDRESS, &all), 0);
	assert_int_equal(all.all.n, 2);
	assert_int_equal(all.all.at[0].port, 993);
	assert_int_equal(all.all.at[1].port, 465);
	assert_string_equal(all.all.at[1].host, "out.example.test");
	all.all.n = 0;
	for (size_t len = 0; len < sizeof pacc - 1; len++) {
		char *copy = test_malloc(len + 1);

		memcpy(copy, pacc, len);
		assert_int_equal(pacc_read(copy, len, ADDRESS, &all), -1);
		assert_int_equal(all.all.n, 0);
		test_free(copy);
	}
	for (size_t i = 0; i < sizeof none / sizeof *none; i++)
		assert_int_equal(pacc_read(none[i], strlen(none[i]), ADDRESS, &all), -1);
	vec_release(&all.all);
}

static void
pacc_is_vouched_for(void **state)
{
	static const char *const bad[] = { "", "v=UAAC1", "v=UAAC1; a=sha256", "v=UAAC1; a=sha256; d=", "a=sha256; d=ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=",
		"v=UAAC2; a=sha256; d=ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=", "v=UAAC1; a=sha1; d=ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=",
		"v=UAAC1; a=sha256; d=ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa1=", "v=UAAC1; a=sha256; xd=ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=" };

	(void)state;
	/* SHA-256 of "abc" (FIPS 180-2). */
	assert_true(pacc_is_vouched("abc", 3, "v=UAAC1; a=sha256; d=ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0="));
	assert_true(pacc_is_vouched("abc", 3, "v=UAAC1;a=sha256;d=ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=;"));
	assert_false(pacc_is_vouched("abd", 3, "v=UAAC1; a=sha256; d=ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0="));
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_false(pacc_is_vouched("abc", 3, bad[i]));
}

/* Two SRV records of _imaps._tcp.a.test, the second one first in order; the name of the first is compressed. */
static const unsigned char srv[] =
    "\x12\x34\x81\x80\0\1\0\2\0\0\0\0" "\6_imaps\4_tcp\1a\4test\0\0\x21\0\1"
    "\xc0\x0c\0\x21\0\1\0\0\0\x3c\0\xb" "\0\5\0\1\3\xe1\2mx\xc0\x18"
    "\xc0\x0c\0\x21\0\1\0\0\0\x3c\0\x10" "\0\0\0\1\3\xe1\1b\1a\4test\0";

static void
dns_is_read(void **state)
{
	struct dns_records records = { { 0 } };
	struct arena a = { 0 };

	(void)state;
	assert_int_equal(dns_read(srv, sizeof srv - 1, DNS_SRV, &a, &records), 0);
	assert_int_equal(records.all.n, 2);
	assert_string_equal(records.all.at[0].text, "b.a.test");
	assert_int_equal(records.all.at[0].port, 993);
	assert_string_equal(records.all.at[1].text, "mx.a.test");
	assert_int_equal(records.all.at[1].priority, 5);
	records.all.n = 0;
	assert_int_equal(dns_read(srv, sizeof srv - 1, DNS_TXT, &a, &records), 0);
	assert_int_equal(records.all.n, 0);
	for (size_t len = 0; len < sizeof srv - 1; len++) {
		unsigned char *copy = test_malloc(len + 1);

		memcpy(copy, srv, len);
		records.all.n = 0;
		assert_int_equal(dns_read(copy, len, DNS_SRV, &a, &records), -1);
		test_free(copy);
	}
	vec_release(&records.all);
	arena_release(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hosts_and_logins),
		cmocka_unit_test(lines_there_and_back),
		cmocka_unit_test(autoconfig_is_read),
		cmocka_unit_test(values_that_are_none),
		cmocka_unit_test(documents_that_are_none),
		cmocka_unit_test(pacc_is_read),
		cmocka_unit_test(pacc_is_vouched_for),
		cmocka_unit_test(dns_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
