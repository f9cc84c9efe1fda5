#include "sync/net/tls_words.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "state/base/buf.h"

enum { NAMES_SHOWN = 6, NAME_MAX_SHOWN = 80 };

void
tls_fault_release(struct tls_fault *f)
{
	X509_free(f->leaf);
	X509_free(f->at);
	memset(f, 0, sizeof *f);
}

/* Text of a certificate is the other side's: nothing in it may steer a terminal. */
static void
add_foreign(struct buf *b, const char *s, size_t len)
{
	size_t i, shown = len < NAME_MAX_SHOWN ? len : NAME_MAX_SHOWN;

	for (i = 0; i < shown; i++)
		buf_addc(b, (unsigned char)s[i] < 0x20 || s[i] == 0x7f ? '?' : s[i]);
	if (shown < len)
		buf_adds(b, "...");
}

static void
add_name(struct buf *b, const X509_NAME *name)
{
	const unsigned long how = (XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB) | ASN1_STRFLGS_UTF8_CONVERT;
	BIO *mem = BIO_new(BIO_s_mem());
	char *text;
	long len;

	buf_addc(b, '"');
	if (mem != NULL && X509_NAME_print_ex(mem, name, 0, how) >= 0) {
		len = BIO_get_mem_data(mem, &text);
		add_foreign(b, text, len > 0 ? (size_t)len : 0);
	}
	buf_addc(b, '"');
	BIO_free(mem);
}

static void
add_date(struct buf *b, const ASN1_TIME *t)
{
	char text[64];
	struct tm tm;

	if (ASN1_TIME_to_tm(t, &tm) == 1 && strftime(text, sizeof text, "%Y-%m-%d %H:%M UTC", &tm) > 0)
		buf_adds(b, text);
	else
		buf_adds(b, "a date that cannot be read");
}

static int
add_alternative(struct buf *b, const GENERAL_NAME *name, const char *before)
{
	const ASN1_STRING *s;
	char text[INET6_ADDRSTRLEN];
	int len;

	if (name->type == GEN_DNS) {
		s = name->d.dNSName;
		buf_adds(b, before);
		add_foreign(b, (const char *)ASN1_STRING_get0_data(s), (size_t)ASN1_STRING_length(s));
		return 1;
	}
	if (name->type == GEN_IPADD) {
		s = name->d.iPAddress;
		len = ASN1_STRING_length(s);
		if ((len == 4 || len == 16) && inet_ntop(len == 4 ? AF_INET : AF_INET6,
		    ASN1_STRING_get0_data(s), text, sizeof text) != NULL) {
			buf_adds(b, before);
			buf_adds(b, text);
			return 1;
		}
	}
	return 0;
}

/* The names a certificate is for: its subjectAltName, or the subject where there is none. */
static void
add_names(struct buf *b, X509 *cert)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
	int i, n = names != NULL ? sk_GENERAL_NAME_num(names) : 0, shown = 0, left = 0;

	for (i = 0; i < n; i++)
		if (shown == NAMES_SHOWN)
			left++;
		else
			shown += add_alternative(b, sk_GENERAL_NAME_value(names, i), shown ? ", " : "");
	if (left > 0)
		buf_printf(b, " and %d more", left);
	if (shown == 0)
		add_name(b, X509_get_subject_name(cert));
	GENERAL_NAMES_free(names);
}

static void
add_issuer_fault(struct buf *b, const struct tls_fault *f)
{
	if (f->depth == 0 && X509_NAME_cmp(X509_get_subject_name(f->at),
	    X509_get_issuer_name(f->at)) == 0) {
		buf_adds(b, "is self-signed by ");
		add_name(b, X509_get_issuer_name(f->at));
		return;
	}
	buf_adds(b, "comes from an unknown issuer, ");
	add_name(b, X509_get_issuer_name(f->at));
	if (X509_NAME_cmp(X509_get_subject_name(f->at), X509_get_issuer_name(f->at)) == 0)
		buf_adds(b, " (self-signed)");
}

static void
add_fault(struct buf *b, const struct tls_fault *f, const struct net_settings *set)
{
	if (f->depth > 0 && f->at != NULL) {
		buf_adds(b, "'s issuer ");
		add_name(b, X509_get_subject_name(f->at));
	}
	buf_addc(b, ' ');
	switch (f->code) {
	case X509_V_ERR_CERT_HAS_EXPIRED:
		buf_adds(b, "has expired since ");
		add_date(b, X509_get0_notAfter(f->at));
		break;
	case X509_V_ERR_CERT_NOT_YET_VALID:
		buf_adds(b, "is valid only from ");
		add_date(b, X509_get0_notBefore(f->at));
		buf_adds(b, " on (is the clock right?)");
		break;
	case X509_V_ERR_HOSTNAME_MISMATCH:
	case X509_V_ERR_IP_ADDRESS_MISMATCH:
		buf_printf(b, "is not for %s but for ", set->host != NULL ? set->host : "this host");
		add_names(b, f->leaf);
		break;
	case X509_V_ERR_APPLICATION_VERIFICATION:
		buf_adds(b, "cannot be checked without Host, and is not in CertificateFile");
		break;
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
		add_issuer_fault(b, f);
		break;
	default:
		buf_printf(b, "is not accepted: %s", X509_verify_cert_error_string(f->code));
	}
}

static void
add_pinning(struct buf *b, const struct tls_fault *f, const struct net_settings *set)
{
	unsigned char md[EVP_MAX_MD_SIZE];
	unsigned i, len = 0;
	int is_v6 = set->host != NULL && strchr(set->host, ':') != NULL;

	if (X509_digest(f->leaf, EVP_sha256(), md, &len) != 1)
		return;
	buf_adds(b, "; if it is known to be right (SHA-256 ");
	for (i = 0; i < len; i++)
		buf_printf(b, "%s%02X", i ? ":" : "", md[i]);
	if (set->tunnel != NULL || set->host == NULL) {
		buf_adds(b, "), save it in a file and name that with CertificateFile");
		return;
	}
	buf_printf(b, "), accept it with: openssl s_client -connect %s%s%s:%u", is_v6 ? "[" : "",
	    set->host, is_v6 ? "]" : "", set->port);
	if (set->tls_type == NET_TLS_STARTTLS)
		buf_printf(b, " -starttls %s", set->protocol);
	buf_printf(b, " -servername %s </dev/null | openssl x509 >FILE, and in the configuration"
	    " CertificateFile FILE", set->host);
}

void
tls_words_certificate(const struct tls_fault *f, const struct net_settings *set,
    const char *label, struct err *e)
{
	struct buf b = { NULL, 0, 0, 0 };

	add_fault(&b, f, set);
	if (f->has_other_pin)
		buf_adds(&b, "; CertificateFile holds a different server certificate");
	add_pinning(&b, f, set);
	err_class(e, ERR_STORE, ERR_REFUSED, ERR_NEVER, "%s: the server's certificate%s", label,
	    buf_str(&b));
	buf_release(&b);
}

/* The one name of several that people know: CN, else O, else all of it. */
static void
add_short_name(struct buf *b, const X509_NAME *name)
{
	static const int parts[] = { NID_commonName, NID_organizationName };
	unsigned char *text = NULL;
	int at = -1, len;

	for (size_t i = 0; i < sizeof parts / sizeof *parts && at < 0; i++)
		at = X509_NAME_get_index_by_NID(name, parts[i], -1);
	len = at < 0 ? -1 : ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)));
	if (len < 0) {
		add_name(b, name);
		return;
	}
	buf_addc(b, '"');
	add_foreign(b, (const char *)text, (size_t)len);
	buf_addc(b, '"');
	OPENSSL_free(text);
}

void
tls_words_trusted(X509 *leaf, X509 *anchor, int is_of_file, const char *where, const struct findings *out)
{
	enum { SOON = 14 };
	struct buf b = { NULL, 0, 0, 0 };
	int days = 0, seconds = 0;

	buf_adds(&b, "of ");
	add_names(&b, leaf);
	buf_adds(&b, ", issued by ");
	add_short_name(&b, X509_get_issuer_name(leaf));
	if (ASN1_TIME_diff(&days, &seconds, NULL, X509_get0_notAfter(leaf)) != 1)
		days = SOON;
	buf_adds(&b, days < 0 || seconds < 0 ? ", expired since " : ", valid until ");
	add_date(&b, X509_get0_notAfter(leaf));
	if (anchor == NULL) {
		buf_adds(&b, "; trusted because CertificateFile holds this very certificate, whatever its dates");
	} else {
		buf_printf(&b, "; trusted by the authority ");
		add_short_name(&b, X509_get_subject_name(anchor));
		buf_adds(&b, is_of_file ? " of CertificateFile" : " of the system");
	}
	if (anchor != NULL && days < SOON)
		finding_warn(out, "certificate", where, "ask the provider to renew it, unless that is done by itself", "%s: that is in %d days",
		    buf_str(&b), days);
	else
		finding_ok(out, "certificate", where, "%s", buf_str(&b));
	buf_release(&b);
}

/* TLS alerts (RFC 8446 section 6) a user can do something about. */
static const struct alert {
	int number;
	enum err_class class;
	const char *words;
} alerts[] = {
	{ SSL_AD_HANDSHAKE_FAILURE, ERR_FAILED,
	    "it has no TLS version and cipher in common with us, or wants a client certificate" },
	{ SSL_AD_BAD_CERTIFICATE, ERR_REFUSED, "it does not accept our ClientCertificate" },
	{ SSL_AD_UNSUPPORTED_CERTIFICATE, ERR_REFUSED, "it cannot use our ClientCertificate" },
	{ SSL_AD_CERTIFICATE_REVOKED, ERR_REFUSED, "our ClientCertificate is revoked" },
	{ SSL_AD_CERTIFICATE_EXPIRED, ERR_REFUSED, "our ClientCertificate has expired" },
	{ SSL_AD_CERTIFICATE_UNKNOWN, ERR_REFUSED, "it does not accept our ClientCertificate" },
	{ SSL_AD_UNKNOWN_CA, ERR_REFUSED, "it does not know who issued our ClientCertificate" },
	{ SSL_AD_ACCESS_DENIED, ERR_REFUSED, "it denies access to our ClientCertificate" },
	{ SSL_AD_PROTOCOL_VERSION, ERR_FAILED, "it does not speak our TLS versions (TLSVersions)" },
	{ SSL_AD_INSUFFICIENT_SECURITY, ERR_FAILED, "it wants stronger ciphers (CipherString)" },
	{ SSL_AD_INTERNAL_ERROR, ERR_TEMPORARY, "it has an internal error" },
	{ SSL_AD_UNRECOGNIZED_NAME, ERR_FAILED, "it does not know that host name" },
	{ SSL_AD_CERTIFICATE_REQUIRED, ERR_REFUSED, "it requires a ClientCertificate" },
};

static void
alert_words(int number, const char *label, struct err *e)
{
	const struct alert *a = NULL;

	for (size_t i = 0; i < sizeof alerts / sizeof *alerts; i++)
		if (alerts[i].number == number)
			a = &alerts[i];
	err_class(e, ERR_STORE, a != NULL ? a->class : ERR_FAILED,
	    a != NULL && a->class == ERR_TEMPORARY ? ERR_LATER : ERR_NEVER,
	    "%s: the server ended TLS: %s (alert %d)", label,
	    a != NULL ? a->words : SSL_alert_desc_string_long(number), number);
}

void
tls_words_failure(unsigned long code, const struct net_settings *set, const char *label,
    int is_begun, struct err *e)
{
	int reason = ERR_GET_REASON(code);
	const char *why = ERR_reason_error_string(code);

	if (ERR_GET_LIB(code) == ERR_LIB_SSL && reason > SSL_AD_REASON_OFFSET)
		alert_words(reason - SSL_AD_REASON_OFFSET, label, e);
	else if (ERR_GET_LIB(code) == ERR_LIB_SSL && !is_begun &&
	    (reason == SSL_R_WRONG_VERSION_NUMBER || reason == SSL_R_HTTP_REQUEST))
		err_class(e, ERR_STORE, ERR_FAILED, ERR_NEVER, "%s: what answers there does not speak TLS%s",
		    label, set->tls_type == NET_TLS_IMPLICIT ?
		    " (TLSType STARTTLS, or another Port, may be right)" : "");
	else if (ERR_GET_LIB(code) == ERR_LIB_SSL && !is_begun &&
	    (reason == SSL_R_UNSUPPORTED_PROTOCOL || reason == SSL_R_NO_PROTOCOLS_AVAILABLE))
		err_class(e, ERR_STORE, ERR_FAILED, ERR_NEVER,
		    "%s: the server speaks none of the TLS versions allowed here (TLSVersions)", label);
	else
		err_class(e, ERR_STORE, ERR_FAILED, ERR_LATER, "%s: TLS failed: %s", label,
		    why != NULL ? why : "unknown reason");
}
