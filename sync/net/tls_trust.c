#include "sync/net/tls_trust.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "state/base/log.h"

/* Where systems keep CAs beside OpenSSL's own default. */
static const char *const directories[] = { "/etc/ssl/certs", "/etc/pki/tls/certs" };
static const char *const bundles[] = {
	"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt",
	"/etc/ssl/ca-bundle.pem", "/etc/ssl/cert.pem",
};

/* "4a6481c9.0", as `openssl rehash` links certificates. */
static int
is_hash_name(const char *name)
{
	int i;

	for (i = 0; i < 8; i++)
		if (!isxdigit((unsigned char)name[i]))
			return 0;
	return name[8] == '.' && isdigit((unsigned char)name[9]);
}

static int
is_hashed(const char *path)
{
	DIR *dir = path != NULL ? opendir(path) : NULL;
	struct dirent *d;
	int found = 0;

	if (dir == NULL)
		return 0;
	while (!found && (d = readdir(dir)) != NULL)
		found = is_hash_name(d->d_name);
	closedir(dir);
	return found;
}

static int
add_directory(X509_STORE *store, const char *path)
{
	X509_LOOKUP *lookup;

	if (!is_hashed(path))
		return 0;
	lookup = X509_STORE_add_lookup(store, X509_LOOKUP_hash_dir());
	if (lookup == NULL || X509_LOOKUP_add_dir(lookup, path, X509_FILETYPE_PEM) != 1)
		return 0;
	log_line(LOG_NET, "system certificates: directory %s", path);
	return 1;
}

static int
add_bundle(X509_STORE *store, const char *path)
{
	if (path == NULL || access(path, R_OK) < 0 || X509_STORE_load_file(store, path) != 1)
		return 0;
	log_line(LOG_NET, "system certificates: bundle %s", path);
	return 1;
}

/* SSL_CERT_DIR and SSL_CERT_FILE choose as they do for OpenSSL's own tools. */
static void
add_system(X509_STORE *store)
{
	const char *dir = getenv(X509_get_default_cert_dir_env());
	const char *file = getenv(X509_get_default_cert_file_env());
	int found = 0;
	size_t i;

	if (dir != NULL || file != NULL) {
		if (dir != NULL)
			add_directory(store, dir);
		if (file != NULL)
			add_bundle(store, file);
		return;
	}
	found = add_directory(store, X509_get_default_cert_dir());
	for (i = 0; !found && i < sizeof directories / sizeof *directories; i++)
		found = add_directory(store, directories[i]);
	if (!found)
		found = add_bundle(store, X509_get_default_cert_file());
	for (i = 0; !found && i < sizeof bundles / sizeof *bundles; i++)
		found = add_bundle(store, bundles[i]);
	if (!found)
		log_line(LOG_NET, "system certificates: none found");
}

/* Every certificate of the file becomes a pin, and the CAs among them are trusted as issuers: an
 * intermediate CA in the file is enough, its own issuer need not be known. */
static int
add_file(X509_STORE *store, const char *path, const char *label, STACK_OF(X509) *pins, struct err *e)
{
	BIO *in = NULL;
	X509 *cert;
	int ret = -1;

	if (access(path, R_OK) < 0) {
		err_class(e, ERR_STORE, ERR_USAGE, ERR_NEVER, "%s: CertificateFile %s: %s", label, path,
		    strerror(errno));
		return -1;
	}
	ERR_clear_error();
	if ((in = BIO_new_file(path, "r")) == NULL) {
		err_class(e, ERR_STORE, ERR_USAGE, ERR_NEVER, "%s: CertificateFile %s cannot be read", label,
		    path);
		return -1;
	}
	while ((cert = PEM_read_bio_X509_AUX(in, NULL, NULL, NULL)) != NULL) {
		sk_X509_push(pins, cert);
		if (X509_check_ca(cert) > 0)
			X509_STORE_add_cert(store, cert);
	}
	if (ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
		err_class(e, ERR_STORE, ERR_USAGE, ERR_NEVER,
		    "%s: CertificateFile %s: certificate number %d cannot be read", label, path,
		    sk_X509_num(pins) + 1);
	else if (sk_X509_num(pins) == 0)
		err_class(e, ERR_STORE, ERR_USAGE, ERR_NEVER,
		    "%s: CertificateFile %s holds no certificate (PEM: BEGIN CERTIFICATE)", label, path);
	else
		ret = 0;
	ERR_clear_error();
	BIO_free(in);
	X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN);
	return ret;
}

int
tls_trust_load(SSL_CTX *ctx, const struct net_settings *set, const char *label,
    STACK_OF(X509) **pins_r, struct err *e)
{
	X509_STORE *store = SSL_CTX_get_cert_store(ctx);

	*pins_r = NULL;
	if (set->system_certificates)
		add_system(store);
	ERR_clear_error();
	if (set->certificate_file == NULL)
		return 0;
	*pins_r = sk_X509_new_null();
	return add_file(store, set->certificate_file, label, *pins_r, e);
}

int
tls_trust_is_pinned(const STACK_OF(X509) *pins, const X509 *cert)
{
	for (int i = 0; i < sk_X509_num(pins); i++)
		if (X509_cmp(sk_X509_value(pins, i), cert) == 0)
			return 1;
	return 0;
}
