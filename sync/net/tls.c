#include "sync/net/tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "state/base/log.h"
#include "state/base/mem.h"
#include "sync/net/tls_trust.h"
#include "sync/net/tls_words.h"
#include "sync/net/wire.h"

enum { TICKETS_KEPT = 8 };

struct tls {
	const struct net_settings *set;
	const char *label;
	SSL_CTX *ctx;
	STACK_OF(X509) *pins;		/* NULL = none */
	BIO_METHOD *bio;		/* a struct wire as OpenSSL wants it */
	pthread_mutex_t lock;		/* for what follows */
	SSL_SESSION *tickets[TICKETS_KEPT];	/* the newest last, NULL = free */
	/* The last full handshake; NULL, "" = there was none. */
	X509 *leaf, *anchor;		/* the server's certificate; the one that its chain ends in, NULL = it is pinned */
	char words[128];		/* tls_describe() */
};

struct tls_link {
	struct tls *tls;
	struct wire *wire;
	SSL *ssl;
	int is_begun;			/* the handshake is complete */
	int is_broken;			/* OpenSSL must not be called any more */
	struct tls_fault fault;
};

/* A wire as a BIO. */

static int
bio_read(BIO *b, char *p, int len)
{
	ssize_t n = wire_recv(BIO_get_data(b), p, len > 0 ? (size_t)len : 0);

	BIO_clear_retry_flags(b);
	if (n < 0 && errno == EAGAIN)
		BIO_set_retry_read(b);
	return (int)n;
}

static int
bio_write(BIO *b, const char *p, int len)
{
	ssize_t n = wire_send(BIO_get_data(b), p, len > 0 ? (size_t)len : 0);

	BIO_clear_retry_flags(b);
	if (n < 0 && errno == EAGAIN)
		BIO_set_retry_write(b);
	return (int)n;
}

static long
bio_ctrl(BIO *b, int what, long num, void *p)
{
	(void)num, (void)p;
	if (what == BIO_CTRL_EOF)
		return ((struct wire *)BIO_get_data(b))->is_ended;
	return what == BIO_CTRL_FLUSH;
}

static int
bio_create(BIO *b)
{
	BIO_set_init(b, 1);
	return 1;
}

static BIO_METHOD *
bio_method(void)
{
	BIO_METHOD *m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "wire");

	if (m != NULL) {
		BIO_meth_set_read(m, bio_read);
		BIO_meth_set_write(m, bio_write);
		BIO_meth_set_ctrl(m, bio_ctrl);
		BIO_meth_set_create(m, bio_create);
	}
	return m;
}

/* Tickets. */

/* OpenSSL hands over a session that is complete; 1 = we keep its reference. */
static int
keep_ticket(SSL *ssl, SSL_SESSION *session)
{
	struct tls *tls = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));

	pthread_mutex_lock(&tls->lock);
	SSL_SESSION_free(tls->tickets[0]);
	memmove(tls->tickets, tls->tickets + 1, sizeof tls->tickets - sizeof *tls->tickets);
	tls->tickets[TICKETS_KEPT - 1] = session;
	pthread_mutex_unlock(&tls->lock);
	return 1;
}

/* The newest one. TLS 1.3's are for one use (RFC 8446 appendix C.4), older ones stay. */
static SSL_SESSION *
take_ticket(struct tls *tls)
{
	SSL_SESSION *s;

	pthread_mutex_lock(&tls->lock);
	s = tls->tickets[TICKETS_KEPT - 1];
	if (s != NULL && SSL_SESSION_get_protocol_version(s) >= TLS1_3_VERSION) {
		memmove(tls->tickets + 1, tls->tickets, sizeof tls->tickets - sizeof *tls->tickets);
		tls->tickets[0] = NULL;
	} else if (s != NULL) {
		SSL_SESSION_up_ref(s);
	}
	pthread_mutex_unlock(&tls->lock);
	return s;
}

/* Checking the certificate. */

static int
pins_a_server(const STACK_OF(X509) *pins)
{
	for (int i = 0; i < sk_X509_num(pins); i++)
		if (X509_check_ca(sk_X509_value(pins, i)) == 0)
			return 1;
	return 0;
}

/* Called by OpenSSL in each full handshake: 1 = accepted. */
static int
check_certificate(X509_STORE_CTX *x, void *arg)
{
	SSL *ssl = X509_STORE_CTX_get_ex_data(x, SSL_get_ex_data_X509_STORE_CTX_idx());
	struct tls_link *link = SSL_get_app_data(ssl);
	struct tls *tls = arg;
	X509 *leaf = X509_STORE_CTX_get0_cert(x), *at;

	if (tls->pins != NULL && tls_trust_is_pinned(tls->pins, leaf)) {
		X509_STORE_CTX_set_error(x, X509_V_OK);
		return 1;
	}
	if (tls->set->host == NULL)
		X509_STORE_CTX_set_error(x, X509_V_ERR_APPLICATION_VERIFICATION);
	else if (X509_verify_cert(x) == 1)
		return 1;
	tls_fault_release(&link->fault);
	at = X509_STORE_CTX_get_current_cert(x);
	link->fault.code = X509_STORE_CTX_get_error(x);
	link->fault.depth = X509_STORE_CTX_get_error_depth(x);
	link->fault.has_other_pin = tls->pins != NULL && pins_a_server(tls->pins);
	if (at == NULL)
		at = leaf;
	X509_up_ref(leaf);
	X509_up_ref(at);
	link->fault.leaf = leaf;
	link->fault.at = at;
	return 0;
}

/* The context. */

static int
usage(struct err *e, const char *label, const char *what, const char *value, const char *why)
{
	return err_class(e, ERR_STORE, ERR_USAGE, ERR_NEVER, "%s: %s %s: %s", label, what, value, why);
}

static const char *
last_reason(void)
{
	const char *why = ERR_reason_error_string(ERR_peek_last_error());

	return why != NULL ? why : "not usable";
}

static int
set_versions(struct tls *tls, struct err *e)
{
	static const struct { int version; unsigned bit; uint64_t no; } all[] = {
		{ TLS1_VERSION, NET_TLS_1_0, SSL_OP_NO_TLSv1 },
		{ TLS1_1_VERSION, NET_TLS_1_1, SSL_OP_NO_TLSv1_1 },
		{ TLS1_2_VERSION, NET_TLS_1_2, SSL_OP_NO_TLSv1_2 },
		{ TLS1_3_VERSION, NET_TLS_1_3, SSL_OP_NO_TLSv1_3 },
	};
	int lowest = 0, highest = 0;

	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		if ((tls->set->tls_versions & all[i].bit) == 0) {
			SSL_CTX_set_options(tls->ctx, all[i].no);
			continue;
		}
		if (lowest == 0)
			lowest = all[i].version;
		highest = all[i].version;
	}
	if (lowest == 0 || SSL_CTX_set_min_proto_version(tls->ctx, lowest) != 1 ||
	    SSL_CTX_set_max_proto_version(tls->ctx, highest) != 1)
		return usage(e, tls->label, "TLSVersions", "", "none of them can be used here");
	return 0;
}

/* Without this OpenSSL would ask on the terminal. */
static int
no_passphrase(char *p, int size, int rw, void *arg)
{
	(void)p, (void)size, (void)rw;
	*(int *)arg = 1;
	return -1;
}

static int
set_client_certificate(struct tls *tls, struct err *e)
{
	const char *cert = tls->set->client_certificate, *key = tls->set->client_key;
	int asked = 0, ret = -1;

	if (cert == NULL && key == NULL)
		return 0;
	if (cert == NULL)
		return usage(e, tls->label, "ClientKey", key, "is of no use without ClientCertificate");
	if (key == NULL)
		key = cert;
	if (access(cert, R_OK) < 0)
		return usage(e, tls->label, "ClientCertificate", cert, strerror(errno));
	if (access(key, R_OK) < 0)
		return usage(e, tls->label, "ClientKey", key, strerror(errno));
	SSL_CTX_set_default_passwd_cb(tls->ctx, no_passphrase);
	SSL_CTX_set_default_passwd_cb_userdata(tls->ctx, &asked);
	if (SSL_CTX_use_certificate_chain_file(tls->ctx, cert) != 1)
		usage(e, tls->label, "ClientCertificate", cert, last_reason());
	else if (SSL_CTX_use_PrivateKey_file(tls->ctx, key, SSL_FILETYPE_PEM) == 1)
		ret = 0;
	else if (asked)
		usage(e, tls->label, "ClientKey", key,
		    "is encrypted; store it without a passphrase, readable by its owner only");
	else if (ERR_GET_REASON(ERR_peek_last_error()) == X509_R_KEY_VALUES_MISMATCH ||
	    ERR_GET_REASON(ERR_peek_last_error()) == X509_R_KEY_TYPE_MISMATCH)
		usage(e, tls->label, "ClientKey", key, "does not belong to ClientCertificate");
	else
		usage(e, tls->label, "ClientKey", key, last_reason());
	SSL_CTX_set_default_passwd_cb_userdata(tls->ctx, NULL);
	SSL_CTX_set_default_passwd_cb(tls->ctx, NULL);
	return ret;
}

static int
set_up(struct tls *tls, struct err *e)
{
	SSL_CTX *ctx = tls->ctx;

	if (set_versions(tls, e) < 0)
		return -1;
	if (tls->set->cipher_string != NULL && SSL_CTX_set_cipher_list(ctx, tls->set->cipher_string) != 1)
		return usage(e, tls->label, "CipherString", tls->set->cipher_string, "names no cipher");
	if (tls_trust_load(ctx, tls->set, tls->label, &tls->pins, e) < 0 ||
	    set_client_certificate(tls, e) < 0)
		return -1;
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_cert_verify_callback(ctx, check_certificate, tls);
	SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_app_data(ctx, tls);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(ctx, keep_ticket);
	return 0;
}

struct tls *
tls_new(const struct net_settings *set, const char *label, struct err *e)
{
	struct tls *tls = mem_alloc(sizeof *tls);

	tls->set = set;
	tls->label = label;
	pthread_mutex_init(&tls->lock, NULL);
	ERR_clear_error();
	tls->ctx = SSL_CTX_new(TLS_client_method());
	tls->bio = bio_method();
	if (tls->ctx == NULL || tls->bio == NULL) {
		err_set(e, ERR_RUN, "%s: OpenSSL cannot be set up: %s", label, last_reason());
		tls_free(&tls);
		return NULL;
	}
	if (set_up(tls, e) < 0)
		tls_free(&tls);
	ERR_clear_error();
	return tls;
}

void
tls_free(struct tls **tls)
{
	struct tls *t = *tls;

	*tls = NULL;
	if (t == NULL)
		return;
	for (size_t i = 0; i < TICKETS_KEPT; i++)
		SSL_SESSION_free(t->tickets[i]);
	X509_free(t->leaf);
	X509_free(t->anchor);
	sk_X509_pop_free(t->pins, X509_free);
	SSL_CTX_free(t->ctx);
	BIO_meth_free(t->bio);
	pthread_mutex_destroy(&t->lock);
	free(t);
}

/* One connection. */

/* What the certificate must be for, and the name the server may choose it by (SNI). */
static int
set_host(SSL *ssl, const char *host)
{
	unsigned char ip[16];
	char name[256];
	size_t len = strlen(host);

	if (inet_pton(AF_INET, host, ip) == 1 || inet_pton(AF_INET6, host, ip) == 1)
		return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host);
	/* "example.org." is a name with its root label, which certificates leave out. */
	if (len > 0 && host[len - 1] == '.')
		len--;
	if (len == 0 || len >= sizeof name)
		return 0;
	memcpy(name, host, len);
	name[len] = '\0';
	SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	return SSL_set1_host(ssl, name) == 1 && SSL_set_tlsext_host_name(ssl, name) == 1;
}

struct tls_link *
tls_link_new(struct tls *tls, struct wire *wire, struct err *e)
{
	struct tls_link *link = mem_alloc(sizeof *link);
	SSL_SESSION *ticket = take_ticket(tls);
	BIO *bio;

	link->tls = tls;
	link->wire = wire;
	ERR_clear_error();
	link->ssl = SSL_new(tls->ctx);
	bio = BIO_new(tls->bio);
	if (link->ssl == NULL || bio == NULL) {
		err_set(e, ERR_STORE, "%s: OpenSSL cannot be set up: %s", tls->label, last_reason());
		BIO_free(bio);
		tls_link_free(&link);
		goto done;
	}
	BIO_set_data(bio, wire);
	SSL_set_bio(link->ssl, bio, bio);
	SSL_set_app_data(link->ssl, link);
	SSL_set_connect_state(link->ssl);
	if (tls->set->host != NULL && !set_host(link->ssl, tls->set->host)) {
		err_class(e, ERR_STORE, ERR_USAGE, ERR_NEVER, "%s: Host cannot be the name of a certificate",
		    tls->label);
		tls_link_free(&link);
		goto done;
	}
	if (ticket != NULL)
		SSL_set_session(link->ssl, ticket);
done:
	SSL_SESSION_free(ticket);
	return link;
}

void
tls_link_free(struct tls_link **link)
{
	struct tls_link *l = *link;

	*link = NULL;
	if (l == NULL)
		return;
	if (l->ssl != NULL && l->is_begun && !l->is_broken)
		SSL_shutdown(l->ssl);
	ERR_clear_error();
	SSL_free(l->ssl);
	tls_fault_release(&l->fault);
	free(l);
}

/* Why an OpenSSL call did not do what it was to do. */
static enum tls_answer
explain(struct tls_link *l, int r, struct err *e)
{
	unsigned long code;
	int why = SSL_get_error(l->ssl, r);

	switch (why) {
	case SSL_ERROR_WANT_READ:
		return TLS_WANT_READ;
	case SSL_ERROR_WANT_WRITE:
		return TLS_WANT_WRITE;
	case SSL_ERROR_ZERO_RETURN:
		return TLS_CLOSED;
	}
	l->is_broken = 1;
	if (l->fault.code != X509_V_OK) {
		tls_words_certificate(&l->fault, l->tls->set, l->tls->label, e);
		return TLS_FAILED;
	}
	code = ERR_peek_last_error();
	ERR_clear_error();
	if (code != 0 && !(ERR_GET_LIB(code) == ERR_LIB_SSL &&
	    ERR_GET_REASON(code) == SSL_R_UNEXPECTED_EOF_WHILE_READING)) {
		tls_words_failure(code, l->tls->set, l->tls->label, l->is_begun, e);
		return TLS_FAILED;
	}
	return l->wire->sys != 0 && !l->wire->is_ended ? TLS_SOCKET : TLS_CLOSED;
}

static bool
is_resumed(const struct tls_link *link)
{
	return SSL_session_reused(link->ssl) == 1;
}

/* For tls_tell(). A resumed session shows no chain. */
static void
keep_peer(struct tls_link *link)
{
	struct tls *tls = link->tls;
	STACK_OF(X509) *chain = SSL_get0_verified_chain(link->ssl);
	X509 *leaf = SSL_get0_peer_certificate(link->ssl), *anchor = NULL;

	if (is_resumed(link) || leaf == NULL)
		return;
	if (tls->pins == NULL || !tls_trust_is_pinned(tls->pins, leaf))
		anchor = sk_X509_num(chain) > 0 ? sk_X509_value(chain, sk_X509_num(chain) - 1) : leaf;
	X509_up_ref(leaf);
	if (anchor != NULL)
		X509_up_ref(anchor);
	pthread_mutex_lock(&tls->lock);
	X509_free(tls->leaf);
	X509_free(tls->anchor);
	tls->leaf = leaf;
	tls->anchor = anchor;
	tls_describe(link, tls->words, sizeof tls->words);
	pthread_mutex_unlock(&tls->lock);
}

void
tls_tell(struct tls *tls, const struct findings *out)
{
	pthread_mutex_lock(&tls->lock);
	if (tls->leaf != NULL) {
		finding_ok(out, "tls", tls->set->name, "%s", tls->words);
		tls_words_trusted(tls->leaf, tls->anchor, tls->anchor != NULL && tls->pins != NULL &&
		    tls_trust_is_pinned(tls->pins, tls->anchor), tls->set->name, out);
	}
	pthread_mutex_unlock(&tls->lock);
}

enum tls_answer
tls_handshake(struct tls_link *link, struct err *e)
{
	char text[128];
	int r;

	ERR_clear_error();
	if ((r = SSL_do_handshake(link->ssl)) != 1)
		return explain(link, r, e);
	link->is_begun = 1;
	keep_peer(link);
	if (log_is_on(LOG_NET)) {
		tls_describe(link, text, sizeof text);
		log_line(LOG_NET, "%s: %s", link->tls->label, text);
	}
	return TLS_DONE;
}

long
tls_read(struct tls_link *link, void *p, size_t len, struct err *e)
{
	size_t n = 0;
	int r;

	if (link->is_broken)
		return TLS_CLOSED;
	ERR_clear_error();
	if ((r = SSL_read_ex(link->ssl, p, len, &n)) == 1)
		return (long)n;
	return explain(link, r, e);
}

long
tls_write(struct tls_link *link, const void *p, size_t len, struct err *e)
{
	size_t n = 0;
	int r;

	if (link->is_broken)
		return TLS_CLOSED;
	ERR_clear_error();
	if ((r = SSL_write_ex(link->ssl, p, len, &n)) == 1)
		return (long)n;
	/* A write that the socket refuses leaves the way in alone: an alert may be waiting there. */
	if (SSL_get_error(link->ssl, r) == SSL_ERROR_SYSCALL && link->wire->sys != 0) {
		ERR_clear_error();
		return TLS_SOCKET;
	}
	return explain(link, r, e);
}

/* The hash of the server's certificate by the hash it is signed with, or SHA-256 where that is MD5 or SHA-1. */
static bool
end_point(const SSL *ssl, struct buf *data)
{
	unsigned char hash[EVP_MAX_MD_SIZE];
	X509 *leaf = SSL_get0_peer_certificate(ssl);
	unsigned len = 0;
	int md = NID_undef;

	if (leaf == NULL || X509_get_signature_info(leaf, &md, NULL, NULL, NULL) != 1 || md == NID_undef)
		return false;
	if (md == NID_md5 || md == NID_sha1)
		md = NID_sha256;
	if (EVP_get_digestbynid(md) == NULL || X509_digest(leaf, EVP_get_digestbynid(md), hash, &len) != 1)
		return false;
	buf_add(data, hash, len);
	return true;
}

const char *
tls_binding(const struct tls_link *link, struct buf *data)
{
	static const char label[] = "EXPORTER-Channel-Binding";
	unsigned char key[32];
	const char *name = NULL;

	ERR_clear_error();
	if (SSL_version(link->ssl) < TLS1_3_VERSION) {
		name = end_point(link->ssl, data) ? "tls-server-end-point" : NULL;
	} else if (SSL_export_keying_material(link->ssl, key, sizeof key, label, sizeof label - 1, NULL, 0, 1) == 1) {
		buf_add(data, key, sizeof key);
		name = "tls-exporter";
	}
	ERR_clear_error();
	return name;
}

void
tls_describe(const struct tls_link *link, char *text, size_t size)
{
	const char *cipher = SSL_get_cipher_name(link->ssl);

	snprintf(text, size, "%s %s%s", SSL_get_version(link->ssl), cipher != NULL ? cipher : "",
	    is_resumed(link) ? ", resumed" : "");
}
