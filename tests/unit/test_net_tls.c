/* TLS against a server on loopback: which certificates are accepted, in what words the others are
 * refused, STARTTLS, versions, client certificates, session tickets. */
#include "tests/unit/net_peer.h"

static struct peer_cert ca, good, wrong, expired, future, lonely, other_ca, stray, client;

static void
talk(struct peer *p, int fd, SSL *ssl)
{
	char line[128];

	(void)p;
	peer_say(fd, ssl, "* OK hello\r\n");
	peer_hear(fd, ssl, line, sizeof line);
	peer_say(fd, ssl, "1 OK ");
	peer_say(fd, ssl, line);
	peer_say(fd, ssl, "\r\n");
	peer_drain(fd, ssl);
}

static struct net_settings
settings(void)
{
	struct net_settings set = peer_settings(0);

	set.host = "localhost";
	set.tls_type = NET_TLS_IMPLICIT;
	set.certificate_file = peer_path("ca.pem");
	return set;
}

static void
expect_ok(const struct peer_cert *cert, struct net_settings set)
{
	SSL_CTX *ctx = peer_ctx(cert);
	struct net *net = NULL;
	struct peer p = { 0 };
	struct stream *s;

	peer_start(&p, talk, ctx, 1);
	set.port = p.port;
	s = peer_open(&set, &net);
	assert_true(stream_is_tls(s));
	assert_string_equal(peer_line(s), "* OK hello");
	assert_int_equal(peer_send(s, "1 NOOP\r\n"), 0);
	assert_string_equal(peer_line(s), "1 OK 1 NOOP");
	stream_close(&s);
	net_free(&net);
	peer_stop(&p);
	SSL_CTX_free(ctx);
}

/* The connection is refused, and the words contain a and b. */
static void
expect_refused(const struct peer_cert *cert, struct net_settings set, enum err_class class,
    const char *a, const char *b)
{
	SSL_CTX *ctx = peer_ctx(cert);
	struct net *net;
	struct stream *s;
	struct peer p = { 0 };
	struct err e = { 0 };

	peer_start(&p, talk, ctx, 1);
	set.port = p.port;
	net = net_new(&set, &e);
	assert_non_null(net);
	s = stream_open(net, &e);
	assert_null(s);
	if (strstr(e.text, a) == NULL || strstr(e.text, b) == NULL)
		print_error("got: %s\n", e.text);
	assert_non_null(strstr(e.text, a));
	assert_non_null(strstr(e.text, b));
	assert_int_equal(e.class, class);
	net_free(&net);
	peer_stop(&p);
	SSL_CTX_free(ctx);
}

static void
test_good(void **state)
{
	struct net_settings set = settings();

	(void)state;
	expect_ok(&good, set);
	set.host = "127.0.0.1";
	expect_ok(&good, set);
}

static void
test_versions(void **state)
{
	struct net_settings set = settings();
	SSL_CTX *ctx = peer_ctx(&good);
	struct net *net;
	struct peer p = { 0 };
	struct err e = { 0 };
	struct stream *s;
	char text[128];

	(void)state;
	set.tls_versions = NET_TLS_1_2;
	set.cipher_string = "ECDHE-ECDSA-AES128-GCM-SHA256";
	peer_start(&p, talk, ctx, 1);
	set.port = p.port;
	s = peer_open(&set, &net);
	stream_describe(s, text, sizeof text);
	assert_string_equal(text, "TLSv1.2 ECDHE-ECDSA-AES128-GCM-SHA256");
	stream_close(&s);
	net_free(&net);
	peer_stop(&p);
	SSL_CTX_set_max_proto_version(ctx, TLS1_2_VERSION);
	set = settings();
	set.tls_versions = NET_TLS_1_3;
	peer_start(&p, talk, ctx, 1);
	set.port = p.port;
	net = net_new(&set, &e);
	assert_null(stream_open(net, &e));
	assert_non_null(strstr(e.text, "TLSVersions"));
	net_free(&net);
	peer_stop(&p);
	SSL_CTX_free(ctx);
	set.cipher_string = "NONSENSE";
	net = net_new(&set, &e);
	assert_null(net_tls(net, &e));
	assert_int_equal(e.class, ERR_USAGE);
	assert_non_null(strstr(e.text, "CipherString NONSENSE"));
	net_free(&net);
}

static void
test_wrong_name(void **state)
{
	struct net_settings set = settings();

	(void)state;
	expect_refused(&wrong, set, ERR_REFUSED, "is not for localhost but for mail.example.net, "
	    "imap.example.net, 192.0.2.1", "openssl s_client -connect localhost:");
	set.host = "127.0.0.1";
	expect_refused(&wrong, set, ERR_REFUSED, "is not for 127.0.0.1", "CertificateFile FILE");
}

static void
test_expired(void **state)
{
	char date[64], want[96];
	time_t then = time(NULL) - 3 * 86400;
	struct tm tm;

	(void)state;
	gmtime_r(&then, &tm);
	strftime(date, sizeof date, "%Y-%m-%d", &tm);
	snprintf(want, sizeof want, "has expired since %s", date);
	expect_refused(&expired, settings(), ERR_REFUSED, want, "SHA-256");
	expect_refused(&future, settings(), ERR_REFUSED, "is valid only from", "clock");
}

static void
test_unknown_issuer(void **state)
{
	struct net_settings set = settings();

	(void)state;
	expect_refused(&stray, set, ERR_REFUSED, "unknown issuer, \"CN=Other CA\"", "SHA-256");
	expect_refused(&lonely, set, ERR_REFUSED, "is self-signed by \"CN=lonely\"", "SHA-256");
	set.certificate_file = NULL;
	expect_refused(&good, set, ERR_REFUSED, "unknown issuer, \"CN=Test CA\"", "SHA-256");
}

/* Pinned: accepted whatever is wrong with it; and only that one. */
static void
test_pinned(void **state)
{
	struct net_settings set = settings();

	(void)state;
	set.certificate_file = peer_cert_write("pin.pem", &expired, 0);
	expect_ok(&expired, set);
	expect_refused(&stray, set, ERR_REFUSED, "holds a different server certificate", "Other CA");
	set.certificate_file = peer_cert_write("pin.pem", &wrong, 0);
	expect_ok(&wrong, set);
	set.certificate_file = peer_cert_write("pin.pem", &lonely, 0);
	expect_ok(&lonely, set);
	/* A pinned server certificate does not make its holder a CA, nor its CA known. */
	set.certificate_file = peer_cert_write("pin.pem", &good, 0);
	expect_refused(&wrong, set, ERR_REFUSED, "Test CA", "different");
}

static void
test_hashed_directory(void **state)
{
	struct net_settings set = settings();
	char name[32];

	(void)state;
	mkdir(peer_path("certs"), 0700);
	snprintf(name, sizeof name, "certs/%08lx.0", X509_subject_name_hash(ca.cert));
	peer_cert_write(name, &ca, 0);
	set.certificate_file = NULL;
	set.system_certificates = true;
	setenv("SSL_CERT_DIR", peer_path("certs"), 1);
	expect_ok(&good, set);
	expect_refused(&stray, set, ERR_REFUSED, "Other CA", "");
	setenv("SSL_CERT_DIR", peer_path("nowhere"), 1);
	setenv("SSL_CERT_FILE", peer_path("ca.pem"), 1);
	expect_ok(&good, set);
	unsetenv("SSL_CERT_FILE");
	expect_refused(&good, set, ERR_REFUSED, "Test CA", "");
	unsetenv("SSL_CERT_DIR");
}

static void
test_bad_files(void **state)
{
	struct net_settings set = settings();
	struct err e = { 0 };
	struct net *net;
	FILE *f;

	(void)state;
	set.certificate_file = peer_path("missing.pem");
	net = net_new(&set, &e);
	assert_null(net_tls(net, &e));
	assert_int_equal(e.class, ERR_USAGE);
	assert_non_null(strstr(e.text, "No such file"));
	net_free(&net);
	set.certificate_file = peer_path("junk.pem");
	f = fopen(set.certificate_file, "w");
	fputs("hello\n", f);
	fclose(f);
	net = net_new(&set, &e);
	assert_null(net_tls(net, &e));
	assert_non_null(strstr(e.text, "holds no certificate"));
	net_free(&net);
	set.certificate_file = NULL;
	set.client_certificate = peer_cert_write("nokey.pem", &client, 0);
	set.client_key = peer_cert_write("otherkey.pem", &good, 1);
	net = net_new(&set, &e);
	assert_null(net_tls(net, &e));
	assert_non_null(strstr(e.text, "does not belong to ClientCertificate"));
	net_free(&net);
	f = fopen(peer_path("locked.pem"), "w");
	PEM_write_PKCS8PrivateKey(f, client.key, EVP_aes_128_cbc(), NULL, 0, NULL, (void *)(uintptr_t)"pw");
	fclose(f);
	set.client_key = peer_path("locked.pem");
	net = net_new(&set, &e);
	assert_null(net_tls(net, &e));
	assert_non_null(strstr(e.text, "is encrypted"));
	net_free(&net);
}

static void
test_client_certificate(void **state)
{
	struct net_settings set = settings();
	SSL_CTX *ctx = peer_ctx(&good);
	struct err e = { 0 };
	struct peer p = { 0 };
	struct net *net;
	struct stream *s;

	(void)state;
	X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), ca.cert);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	SSL_CTX_set_session_id_context(ctx, (const unsigned char *)"t", 1);
	peer_start(&p, talk, ctx, 2);
	set.port = p.port;
	/* In TLS 1.3 the server's refusal comes after our side of the handshake is complete. */
	s = peer_open(&set, &net);
	assert_null(peer_line(s));
	assert_int_equal(stream_fail(s, &e), -1);
	assert_int_equal(e.class, ERR_REFUSED);
	assert_non_null(strstr(e.text, "requires a ClientCertificate"));
	stream_close(&s);
	net_free(&net);
	set.client_certificate = peer_cert_write("client.pem", &client, 1);
	s = peer_open(&set, &net);
	assert_string_equal(peer_line(s), "* OK hello");
	stream_close(&s);
	net_free(&net);
	peer_stop(&p);
	SSL_CTX_free(ctx);
}

static void
test_resumption(void **state)
{
	struct net_settings set = settings();
	SSL_CTX *ctx = peer_ctx(&good);
	struct peer p = { 0 };
	struct net *net;
	struct stream *s[3];
	char text[128];
	struct err e;

	(void)state;
	peer_start(&p, talk, ctx, 3);
	set.port = p.port;
	s[0] = peer_open(&set, &net);
	for (int i = 0; i < 3; i++) {
		if (i > 0)
			s[i] = stream_open(net, &e);
		assert_non_null(s[i]);
		assert_string_equal(peer_line(s[i]), "* OK hello");
		stream_describe(s[i], text, sizeof text);
		assert_int_equal(strstr(text, "resumed") != NULL, i > 0);
		stream_close(&s[i]);
	}
	net_free(&net);
	peer_stop(&p);
	SSL_CTX_free(ctx);
}

/* Tells, in hexadecimal digits, what the server takes for the connection's channel binding. */
static void
talk_binding(struct peer *p, int fd, SSL *ssl)
{
	static const char label[] = "EXPORTER-Channel-Binding";
	unsigned char data[EVP_MAX_MD_SIZE];
	char line[3 * EVP_MAX_MD_SIZE];
	unsigned len = 32;

	(void)p;
	if (SSL_version(ssl) == TLS1_3_VERSION)
		assert_int_equal(SSL_export_keying_material(ssl, data, len, label, sizeof label - 1, NULL, 0, 1), 1);
	else
		assert_int_equal(X509_digest(good.cert, EVP_sha256(), data, &len), 1);
	for (unsigned i = 0; i < len; i++)
		snprintf(line + 2 * i, 3, "%02x", data[i]);
	snprintf(line + 2 * len, 3, "\r\n");
	peer_say(fd, ssl, line);
	peer_drain(fd, ssl);
}

static void
binds(unsigned versions, const char *name)
{
	struct net_settings set = settings();
	SSL_CTX *ctx = peer_ctx(&good);
	struct peer p = { 0 };
	struct buf data = { 0 }, hex = { 0 };
	struct net *net;
	struct stream *s;
	struct err e;

	peer_start(&p, talk_binding, ctx, 2);
	set.port = p.port;
	set.tls_versions = versions;
	s = peer_open(&set, &net);
	for (int i = 0; i < 2; i++) {
		if (i > 0)
			s = stream_open(net, &e);
		assert_non_null(s);
		buf_clear(&data);
		buf_clear(&hex);
		assert_string_equal(name, stream_binding(s, &data));
		for (size_t k = 0; k < data.len; k++)
			buf_printf(&hex, "%02x", (unsigned char)data.data[k]);
		assert_string_equal(peer_line(s), buf_str(&hex));
		stream_close(&s);
	}
	buf_release(&data);
	buf_release(&hex);
	net_free(&net);
	peer_stop(&p);
	SSL_CTX_free(ctx);
}

/* Both ends have the same, also where the session is resumed. */
static void
test_binding(void **state)
{
	(void)state;
	binds(NET_TLS_1_3, "tls-exporter");
	binds(NET_TLS_1_2, "tls-server-end-point");
}

/* STARTTLS. */

static void
talk_starttls(struct peer *p, int fd, SSL *none)
{
	const char *injected = p->arg;
	char line[128];
	SSL_CTX *ctx = peer_ctx(&good);
	SSL *ssl = SSL_new(ctx);

	(void)none;
	peer_say(fd, NULL, "* OK plain\r\n");
	peer_hear(fd, NULL, line, sizeof line);
	peer_say(fd, NULL, injected);
	SSL_set_fd(ssl, fd);
	if (SSL_accept(ssl) == 1)
		talk(p, fd, ssl);
	SSL_shutdown(ssl);
	SSL_free(ssl);
	SSL_CTX_free(ctx);
}

static int
starttls(const char *answer, struct err *e)
{
	struct net_settings set = settings();
	struct peer p = { 0 };
	struct net *net;
	struct stream *s;
	int r;

	p.arg = (void *)(uintptr_t)answer;
	peer_start(&p, talk_starttls, NULL, 1);
	set.port = p.port;
	set.tls_type = NET_TLS_STARTTLS;
	s = peer_open(&set, &net);
	assert_string_equal(peer_line(s), "* OK plain");
	assert_int_equal(peer_send(s, "1 STARTTLS\r\n"), 0);
	assert_string_equal(peer_line(s), "1 OK go");
	r = stream_starttls(s, e);
	if (r == 0) {
		assert_string_equal(peer_line(s), "* OK hello");
		assert_true(stream_is_tls(s));
	} else {
		/* Nothing goes out any more on that connection. */
		assert_int_equal(peer_send(s, "2 LOGIN a b\r\n"), -1);
		assert_null(peer_line(s));
	}
	stream_close(&s);
	net_free(&net);
	peer_stop(&p);
	return r;
}

static void
test_starttls(void **state)
{
	struct err e = { 0 };

	(void)state;
	assert_int_equal(starttls("1 OK go\r\n", &e), 0);
	assert_int_equal(starttls("1 OK go\r\n* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n", &e), -1);
	assert_int_equal(e.class, ERR_REFUSED);
	assert_non_null(strstr(e.text, "unprotected data"));
}

/* The injected bytes come in a segment of their own. */
static void
talk_late(struct peer *p, int fd, SSL *none)
{
	char line[128];

	(void)p, (void)none;
	peer_say(fd, NULL, "* OK plain\r\n");
	peer_hear(fd, NULL, line, sizeof line);
	peer_say(fd, NULL, "1 OK go\r\n");
	peer_hear(fd, NULL, line, sizeof line);	/* the test has read that line */
	peer_say(fd, NULL, "* BYE\r\n");
	peer_drain(fd, NULL);
}

static void
test_starttls_late(void **state)
{
	struct net_settings set = settings();
	struct peer p = { 0 };
	struct err e = { 0 };
	struct net *net;
	struct stream *s;
	struct pollfd f = { .events = POLLIN };

	(void)state;
	peer_start(&p, talk_late, NULL, 1);
	set.port = p.port;
	set.tls_type = NET_TLS_STARTTLS;
	s = peer_open(&set, &net);
	assert_string_equal(peer_line(s), "* OK plain");
	assert_int_equal(peer_send(s, "1 STARTTLS\r\n"), 0);
	assert_string_equal(peer_line(s), "1 OK go");
	assert_int_equal(peer_send(s, "\r\n"), 0);
	f.fd = mailstream_low_get_fd(mailstream_get_low(stream_mail(s)));
	assert_int_equal(poll(&f, 1, 5000), 1);
	assert_int_equal(stream_starttls(s, &e), -1);
	assert_non_null(strstr(e.text, "unprotected data"));
	stream_close(&s);
	net_free(&net);
	peer_stop(&p);
}

static void
test_no_tls_there(void **state)
{
	struct net_settings set = settings();
	struct peer p = { 0 };
	struct err e = { 0 };
	struct net *net;

	(void)state;
	peer_start(&p, talk, NULL, 1);
	set.port = p.port;
	net = net_new(&set, &e);
	assert_null(stream_open(net, &e));
	assert_non_null(strstr(e.text, "does not speak TLS (TLSType STARTTLS"));
	net_free(&net);
	peer_stop(&p);
}

static void
talk_silent(struct peer *p, int fd, SSL *ssl)
{
	(void)p;
	peer_drain(fd, ssl);
}

static void
test_handshake_timeout(void **state)
{
	struct net_settings set = settings();
	struct peer p = { 0 };
	struct err e = { 0 };
	struct net *net;

	(void)state;
	peer_start(&p, talk_silent, NULL, 1);
	set.port = p.port;
	set.timeout = 1;
	net = net_new(&set, &e);
	assert_null(stream_open(net, &e));
	assert_int_equal(e.class, ERR_TEMPORARY);
	assert_non_null(strstr(e.text, "TLS handshake"));
	assert_non_null(strstr(e.text, "no answer for 1 seconds"));
	net_free(&net);
	peer_stop(&p);
}

/* stream_wait() must not take TLS's own messages (tickets) for input. */
static void
talk_tickets(struct peer *p, int fd, SSL *ssl)
{
	char line[64];

	(void)p;
	peer_say(fd, ssl, "* OK hello\r\n");
	peer_hear(fd, ssl, line, sizeof line);
	SSL_new_session_ticket(ssl);
	SSL_do_handshake(ssl);
	peer_hear(fd, ssl, line, sizeof line);
	peer_say(fd, ssl, "* 1 EXISTS\r\n");
	peer_drain(fd, ssl);
}

static void
test_wait(void **state)
{
	struct net_settings set = settings();
	SSL_CTX *ctx = peer_ctx(&good);
	struct peer p = { 0 };
	struct err e = { 0 };
	struct net *net;
	struct stream *s;

	(void)state;
	peer_start(&p, talk_tickets, ctx, 1);
	set.port = p.port;
	s = peer_open(&set, &net);
	assert_int_equal(stream_wait(s, 5000, &e), 1);
	assert_string_equal(peer_line(s), "* OK hello");
	assert_int_equal(peer_send(s, "\r\n"), 0);
	assert_int_equal(stream_wait(s, 100, &e), 0);
	assert_int_equal(peer_send(s, "\r\n"), 0);
	assert_int_equal(stream_wait(s, -1, &e), 1);
	assert_string_equal(peer_line(s), "* 1 EXISTS");
	stream_close(&s);
	net_free(&net);
	peer_stop(&p);
	SSL_CTX_free(ctx);
}

/* Nearly a megabyte each way through TLS while both sides only write at first: input is taken in meanwhile. */
enum { BULK = 900000 };

static void
talk_bulk(struct peer *p, int fd, SSL *ssl)
{
	char *block = mem_alloc(BULK);
	size_t n = 0;
	int r;

	(void)p, (void)fd;
	memset(block, 'x', BULK);
	for (n = 0; n < BULK && (r = SSL_write(ssl, block + n, (int)(BULK - n))) > 0; n += (size_t)r)
		;
	for (n = 0; n < BULK && (r = SSL_read(ssl, block, BULK)) > 0; n += (size_t)r)
		;
	peer_say(fd, ssl, n == BULK ? "got all\r\n" : "lost some\r\n");
	free(block);
	peer_drain(fd, ssl);
}

static void
test_bulk(void **state)
{
	struct net_settings set = settings();
	SSL_CTX *ctx = peer_ctx(&good);
	char *block = mem_alloc(BULK);
	struct peer p = { 0 };
	struct net *net;
	struct stream *s;
	size_t n = 0;
	ssize_t r;

	(void)state;
	peer_start(&p, talk_bulk, ctx, 1);
	set.port = p.port;
	set.timeout = 5;
	s = peer_open(&set, &net);
	memset(block, 'y', BULK);
	assert_int_equal(mailstream_write(stream_mail(s), block, BULK), BULK);
	assert_int_equal(mailstream_flush(stream_mail(s)), 0);
	while (n < BULK && (r = mailstream_read(stream_mail(s), block + n, BULK - n)) > 0)
		n += (size_t)r;
	assert_int_equal(n, BULK);
	for (size_t i = 0; i < BULK; i++)
		assert_int_equal(block[i], 'x');
	assert_string_equal(peer_line(s), "got all");
	assert_true(stream_counts(s).wire_up > BULK);
	assert_true(stream_counts(s).data_up == BULK);
	free(block);
	stream_close(&s);
	net_free(&net);
	peer_stop(&p);
	SSL_CTX_free(ctx);
}

static int
make_certificates(void **state)
{
	if (peer_set_up(state) != 0)
		return -1;
	ca = peer_cert("Test CA", NULL, -10, 10, NULL, 1);
	other_ca = peer_cert("Other CA", NULL, -10, 10, NULL, 1);
	good = peer_cert("good", "DNS:localhost,IP:127.0.0.1", -1, 10, &ca, 0);
	wrong = peer_cert("wrong", "DNS:mail.example.net,DNS:imap.example.net,IP:192.0.2.1", -1, 10, &ca, 0);
	expired = peer_cert("expired", "DNS:localhost", -9, -3, &ca, 0);
	future = peer_cert("future", "DNS:localhost", 2, 9, &ca, 0);
	lonely = peer_cert("lonely", "DNS:localhost", -1, 10, NULL, 1);
	stray = peer_cert("stray", "DNS:localhost", -1, 10, &other_ca, 0);
	client = peer_cert("client", NULL, -1, 10, &ca, 0);
	peer_cert_write("ca.pem", &ca, 0);
	return 0;
}

static int
free_certificates(void **state)
{
	struct peer_cert *all[] = { &ca, &good, &wrong, &expired, &future, &lonely, &other_ca, &stray,
		&client };

	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		peer_cert_free(all[i]);
	return peer_tear_down(state);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_versions),
		cmocka_unit_test(test_wrong_name),
		cmocka_unit_test(test_expired),
		cmocka_unit_test(test_unknown_issuer),
		cmocka_unit_test(test_pinned),
		cmocka_unit_test(test_hashed_directory),
		cmocka_unit_test(test_bad_files),
		cmocka_unit_test(test_client_certificate),
		cmocka_unit_test(test_resumption),
		cmocka_unit_test(test_binding),
		cmocka_unit_test(test_starttls),
		cmocka_unit_test(test_starttls_late),
		cmocka_unit_test(test_no_tls_there),
		cmocka_unit_test(test_handshake_timeout),
		cmocka_unit_test(test_wait),
		cmocka_unit_test(test_bulk),
	};

	return cmocka_run_group_tests(tests, make_certificates, free_certificates);
}
