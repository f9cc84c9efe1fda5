/* The header passes through a machine that sees canonical octets only, so a LF always ends a line:
 *
 *	             first octets (at most 7) not decided yet
 *	AT_START ---------------------------------------------> AT_START
 *	   |  \  \
 *	   |   \  `-- "X-TUID:", or a blank behind such a field --> IN_DROPPED -- LF --> AT_START
 *	   |    `---- CRLF: the header ends -----------------------> IN_BODY
 *	   `--------- anything else -----------------------------> IN_KEPT ----- LF --> AT_START
 *
 * (header_line_start() decides, header_feed() moves.) One context hashes the message; where the header
 * ends its state is copied, so that header and full digest together cost one pass.
 */
#include "sync/message/digest.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/err.h>
#include <openssl/evp.h>

#include "state/base/mem.h"
#include "sync/message/lineends.h"

static const char tuid_name[] = "X-TUID:";
enum { TUID_LEN = sizeof tuid_name - 1, PIECE_SIZE = 16384 };

enum digest_where { AT_START, IN_KEPT, IN_DROPPED, IN_BODY };

struct digest {
	EVP_MD *sha256;
	EVP_MD_CTX *full;		/* everything kept so far */
	EVP_MD_CTX *copy;		/* `full` as it was at the end of the header */
	enum digest_mode mode;
	enum digest_where where;
	bool has_failed;		/* a call into OpenSSL did: digest_end() tells */
	bool is_field_dropped;		/* the field of the line before is an X-TUID */
	char start[TUID_LEN];		/* AT_START: first octets of the line, not hashed yet */
	size_t start_len;
	uint64_t dropped;		/* octets not counted */
	unsigned char header[16];	/* known once where == IN_BODY */
	struct lineends_out ends;
	char piece[2 * PIECE_SIZE];
};

static int
openssl_error(struct err *e, const char *what)
{
	unsigned long code = ERR_get_error();
	const char *reason = code != 0 ? ERR_reason_error_string(code) : NULL;

	return err_set(e, ERR_MESSAGE, "cannot %s with OpenSSL: %s", what,
	    reason != NULL ? reason : "no reason given");
}

struct digest *
digest_new(struct err *e)
{
	struct digest *d = mem_alloc(sizeof *d);

	d->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	d->full = EVP_MD_CTX_new();
	d->copy = EVP_MD_CTX_new();
	if (d->sha256 == NULL || d->full == NULL || d->copy == NULL) {
		openssl_error(e, "make a SHA-256 digest");
		err_widen(e, ERR_RUN);
		digest_free(&d);
		return NULL;
	}
	digest_start(d, DIGEST_MESSAGE);
	return d;
}

void
digest_free(struct digest **d)
{
	if (*d == NULL)
		return;
	EVP_MD_CTX_free((*d)->full);
	EVP_MD_CTX_free((*d)->copy);
	EVP_MD_free((*d)->sha256);
	free(*d);
	*d = NULL;
}

void
digest_start(struct digest *d, enum digest_mode mode)
{
	d->mode = mode;
	d->where = AT_START;
	d->is_field_dropped = false;
	d->start_len = 0;
	d->dropped = 0;
	memset(&d->ends, 0, sizeof d->ends);
	d->has_failed = EVP_DigestInit_ex2(d->full, d->sha256, NULL) != 1;
}

static void
hash(struct digest *d, const void *p, size_t len)
{
	if (len != 0 && EVP_DigestUpdate(d->full, p, len) != 1)
		d->has_failed = true;
}

/* Ends a context and keeps the first 16 octets. */
static void
finish(struct digest *d, EVP_MD_CTX *ctx, unsigned char out[16])
{
	unsigned char whole[EVP_MAX_MD_SIZE];

	if (EVP_DigestFinal_ex(ctx, whole, NULL) != 1)
		d->has_failed = true;
	else
		memcpy(out, whole, 16);
}

/* The header ends with what is hashed so far, and `missing`. */
static void
header_ends(struct digest *d, const char *missing)
{
	if (EVP_MD_CTX_copy_ex(d->copy, d->full) != 1 ||
	    EVP_DigestUpdate(d->copy, missing, strlen(missing)) != 1) {
		d->has_failed = true;
		return;
	}
	finish(d, d->copy, d->header);
}

/* One more octet of a line whose kind is not decided yet. */
static void
header_line_start(struct digest *d, char octet)
{
	d->start[d->start_len++] = octet;
	if (d->start[0] == '\r') {
		if (d->start_len == 1)
			return;
		if (octet == '\n') {
			d->where = IN_BODY;
			header_ends(d, "");
		}
		d->is_field_dropped = false;
	} else if (d->start[0] == ' ' || d->start[0] == '\t') {
		if (d->is_field_dropped)
			d->where = IN_DROPPED;
	} else if (strncasecmp(d->start, tuid_name, d->start_len) == 0) {
		if (d->start_len < TUID_LEN)
			return;
		d->where = IN_DROPPED;
		d->is_field_dropped = true;
	} else {
		d->is_field_dropped = false;
	}
	if (d->where == IN_DROPPED) {
		d->dropped += d->start_len;
	} else {
		if (d->where == AT_START)
			d->where = IN_KEPT;
		hash(d, d->start, d->start_len);
	}
	d->start_len = 0;
}

/* Takes canonical octets until they end or the header does. Returns how many were taken. */
static size_t
header_feed(struct digest *d, const char *p, size_t len)
{
	const char *at = p, *end = p + len, *lf, *next;

	while (at < end && d->where != IN_BODY) {
		if (d->where == AT_START) {
			header_line_start(d, *at++);
			continue;
		}
		lf = memchr(at, '\n', (size_t)(end - at));
		next = lf != NULL ? lf + 1 : end;
		if (d->where == IN_KEPT)
			hash(d, at, (size_t)(next - at));
		else
			d->dropped += (uint64_t)(next - at);
		if (lf != NULL)
			d->where = AT_START;
		at = next;
	}
	return (size_t)(at - p);
}

void
digest_feed(struct digest *d, const void *p, size_t len)
{
	const char *at = p;
	size_t n, made, used;

	while (len > 0) {
		if (d->mode == DIGEST_HEADER && d->where == IN_BODY)
			return;
		n = len < PIECE_SIZE ? len : PIECE_SIZE;
		made = lineends_to_wire(&d->ends, at, n, d->piece);
		used = header_feed(d, d->piece, made);
		if (d->mode == DIGEST_MESSAGE)
			hash(d, d->piece + used, made - used);
		at += n;
		len -= n;
	}
}

bool
digest_is_header_complete(const struct digest *d)
{
	return d->where == IN_BODY;
}

/* Ends a header that has no empty line behind it. */
static void
header_close(struct digest *d)
{
	if (d->where == IN_BODY)
		return;
	if (d->where == AT_START && d->start_len > 0) {
		hash(d, d->start, d->start_len);
		d->start_len = 0;
		d->where = IN_KEPT;
	}
	header_ends(d, d->where == IN_KEPT ? "\r\n" : "");
}

int
digest_end(struct digest *d, struct ident *ident_r, struct err *e)
{
	assert(d->mode == DIGEST_MESSAGE);
	memset(ident_r, 0, sizeof *ident_r);
	header_close(d);
	memcpy(ident_r->header, d->header, sizeof ident_r->header);
	finish(d, d->full, ident_r->full);
	if (d->has_failed)
		return openssl_error(e, "digest a message");
	ident_r->size = d->ends.size - d->dropped;
	ident_r->has = IDENT_SIZE | IDENT_HEADER | IDENT_FULL;
	return 0;
}

int
digest_end_header(struct digest *d, uint64_t wire_size, struct ident *ident_r, struct err *e)
{
	assert(d->mode == DIGEST_HEADER);
	memset(ident_r, 0, sizeof *ident_r);
	header_close(d);
	if (d->has_failed)
		return openssl_error(e, "digest a header");
	memcpy(ident_r->header, d->header, sizeof ident_r->header);
	ident_r->has = IDENT_HEADER;
	if (wire_size != DIGEST_SIZE_UNKNOWN && wire_size >= d->dropped) {
		ident_r->size = wire_size - d->dropped;
		ident_r->has |= IDENT_SIZE;
	}
	return 0;
}
