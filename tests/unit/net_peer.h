/* The other side for the tests of sync/net: a listener on loopback whose connections a function
 * serves in a thread, certificates made on the spot, and a directory for files.
 *
 * Included by each test program that needs it; every function is static. */
#ifndef TESTS_UNIT_NET_PEER_H
#define TESTS_UNIT_NET_PEER_H

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "state/base/buf.h"
#include "state/base/mem.h"
#include "sync/net/stream.h"

#define UNUSED __attribute__((unused))

enum { PEER_SECONDS = 20 };		/* alarm() for a whole program that hangs */

/* A directory that goes away with the program. */

static char peer_dir[64];

UNUSED static const char *
peer_path(const char *name)
{
	static char path[8][160];
	static int next;
	char *p = path[next = (next + 1) % 8];

	snprintf(p, sizeof *path, "%s/%s", peer_dir, name);
	return p;
}

UNUSED static int
peer_set_up(void **state)
{
	(void)state;
	alarm(PEER_SECONDS * (getenv("VALGRIND") != NULL ? 20 : 2));
	signal(SIGPIPE, SIG_DFL);	/* the code under test must not depend on it being ignored */
	strcpy(peer_dir, "/tmp/mailtwin-net-XXXXXX");
	return mkdtemp(peer_dir) == NULL;
}

static void
peer_remove(const char *dir)
{
	struct dirent *d;
	char path[512];
	DIR *list = opendir(dir);

	while (list != NULL && (d = readdir(list)) != NULL) {
		if (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0)
			continue;
		snprintf(path, sizeof path, "%s/%s", dir, d->d_name);
		if (unlink(path) < 0)
			peer_remove(path);
	}
	if (list != NULL)
		closedir(list);
	rmdir(dir);
}

UNUSED static int
peer_tear_down(void **state)
{
	(void)state;
	peer_remove(peer_dir);
	return 0;
}

UNUSED static char *
peer_slurp(const char *path)
{
	struct buf b = { NULL, 0, 0, 0 };
	char part[4096];
	FILE *f = fopen(path, "r");
	size_t n;

	assert_non_null(f);
	while ((n = fread(part, 1, sizeof part, f)) > 0)
		buf_add(&b, part, n);
	fclose(f);
	return buf_take(&b);
}

/* A listener served by a thread. */

struct peer {
	int fd;				/* listening */
	unsigned port;
	void (*talk)(struct peer *, int fd, SSL *ssl);	/* ssl: NULL without ctx */
	SSL_CTX *ctx;			/* TLS from the first byte */
	int connections;		/* how many to serve, one after the other */
	void *arg;
	pthread_t thread;
};

UNUSED static void
peer_say(int fd, SSL *ssl, const char *text)
{
	size_t len = strlen(text);

	if (ssl != NULL)
		SSL_write(ssl, text, (int)len);
	else if (send(fd, text, len, MSG_NOSIGNAL) < 0)
		return;
}

/* A line without its CRLF; "" at the end. */
UNUSED static void
peer_hear(int fd, SSL *ssl, char *line, size_t size)
{
	size_t n = 0;
	char c;

	while (n + 1 < size && (ssl != NULL ? SSL_read(ssl, &c, 1) : recv(fd, &c, 1, 0)) == 1 &&
	    c != '\n')
		if (c != '\r')
			line[n++] = c;
	line[n] = '\0';
}

/* Reads until the other side closes. */
UNUSED static void
peer_drain(int fd, SSL *ssl)
{
	char rest[4096];

	while ((ssl != NULL ? SSL_read(ssl, rest, sizeof rest) : recv(fd, rest, sizeof rest, 0)) > 0)
		;
}

static void *
peer_run(void *arg)
{
	struct peer *p = arg;
	struct timeval limit = { .tv_sec = PEER_SECONDS };
	sigset_t pipe_only;

	sigemptyset(&pipe_only);
	sigaddset(&pipe_only, SIGPIPE);
	pthread_sigmask(SIG_BLOCK, &pipe_only, NULL);
	for (int i = 0; i < p->connections; i++) {
		SSL *ssl = NULL;
		int fd = accept(p->fd, NULL, NULL);

		if (fd < 0)
			break;
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
		if (p->ctx != NULL) {
			ssl = SSL_new(p->ctx);
			SSL_set_fd(ssl, fd);
			if (SSL_accept(ssl) == 1)
				p->talk(p, fd, ssl);
			SSL_shutdown(ssl);
			SSL_free(ssl);
		} else {
			p->talk(p, fd, NULL);
		}
		close(fd);
	}
	return NULL;
}

/* Port 0 of 127.0.0.1 bound and listening. */
UNUSED static int
peer_listen(int backlog, unsigned *port_r)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof in;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&in, sizeof in), 0);
	assert_int_equal(listen(fd, backlog), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&in, &len), 0);
	*port_r = ntohs(in.sin_port);
	return fd;
}

UNUSED static void
peer_start(struct peer *p, void (*talk)(struct peer *, int, SSL *), SSL_CTX *ctx, int connections)
{
	p->fd = peer_listen(16, &p->port);
	p->talk = talk;
	p->ctx = ctx;
	p->connections = connections;
	assert_int_equal(pthread_create(&p->thread, NULL, peer_run, p), 0);
}

UNUSED static void
peer_stop(struct peer *p)
{
	shutdown(p->fd, SHUT_RDWR);
	pthread_join(p->thread, NULL);
	close(p->fd);
}

/* Our side. */

UNUSED static struct net_settings
peer_settings(unsigned port)
{
	struct net_settings set = NET_SETTINGS_INIT;

	set.host = "127.0.0.1";
	set.port = port;
	set.timeout = 10;
	set.tls_type = NET_TLS_NONE;
	set.system_certificates = false;
	return set;
}

UNUSED static struct stream *
peer_open(const struct net_settings *set, struct net **net_r)
{
	struct stream *s;
	struct err e = { 0 };

	*net_r = net_new(set, &e);
	assert_non_null(*net_r);
	s = stream_open(*net_r, &e);
	if (s == NULL)
		print_error("stream_open: %s\n", e.text);
	assert_non_null(s);
	return s;
}

/* The next line without CRLF; NULL where there is none. */
UNUSED static char *
peer_line(struct stream *s)
{
	static char line[4096];
	size_t n = 0;

	while (n + 1 < sizeof line && mailstream_read(stream_mail(s), line + n, 1) == 1)
		if (line[n++] == '\n') {
			line[n - 1] = '\0';
			if (n > 1 && line[n - 2] == '\r')
				line[n - 2] = '\0';
			return line;
		}
	return NULL;
}

UNUSED static int
peer_send(struct stream *s, const char *text)
{
	if (mailstream_write(stream_mail(s), text, strlen(text)) < 0)
		return -1;
	return mailstream_flush(stream_mail(s));
}

/* Certificates. */

struct peer_cert {
	X509 *cert;
	EVP_PKEY *key;
};

/* san: as in openssl.cnf ("DNS:a.example,IP:127.0.0.1"), NULL = none. Days from now. issuer NULL =
 * self-signed. */
UNUSED static struct peer_cert
peer_cert(const char *cn, const char *san, int from_days, int to_days, const struct peer_cert *issuer,
    int is_ca)
{
	static long serial = 1000;
	struct peer_cert c = { X509_new(), EVP_EC_gen("P-256") };
	X509_NAME *name = X509_get_subject_name(c.cert);
	X509_EXTENSION *x;

	X509_set_version(c.cert, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(c.cert), serial++);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)cn, -1, -1, 0);
	X509_set_issuer_name(c.cert, issuer != NULL ? X509_get_subject_name(issuer->cert) : name);
	X509_time_adj_ex(X509_getm_notBefore(c.cert), from_days, 0, NULL);
	X509_time_adj_ex(X509_getm_notAfter(c.cert), to_days, 0, NULL);
	X509_set_pubkey(c.cert, c.key);
	x = X509V3_EXT_conf_nid(NULL, NULL, NID_basic_constraints, is_ca ? "critical,CA:TRUE" :
	    "critical,CA:FALSE");
	X509_add_ext(c.cert, x, -1);
	X509_EXTENSION_free(x);
	if (san != NULL) {
		x = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, san);
		X509_add_ext(c.cert, x, -1);
		X509_EXTENSION_free(x);
	}
	assert_true(X509_sign(c.cert, issuer != NULL ? issuer->key : c.key, EVP_sha256()) > 0);
	return c;
}

UNUSED static void
peer_cert_free(struct peer_cert *c)
{
	X509_free(c->cert);
	EVP_PKEY_free(c->key);
}

UNUSED static const char *
peer_cert_write(const char *name, const struct peer_cert *c, int has_key)
{
	const char *path = peer_path(name);
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	PEM_write_X509(f, c->cert);
	if (has_key)
		PEM_write_PrivateKey(f, c->key, NULL, NULL, 0, NULL, NULL);
	fclose(f);
	return path;
}

UNUSED static SSL_CTX *
peer_ctx(const struct peer_cert *c)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

	assert_int_equal(SSL_CTX_use_certificate(ctx, c->cert), 1);
	assert_int_equal(SSL_CTX_use_PrivateKey(ctx, c->key), 1);
	return ctx;
}

#endif
