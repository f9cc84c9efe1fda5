/* The header passes through a machine that sees canonical octets without bare CRs, so a CR is always followed by the LF that ends
 * the line, in the same piece:
 *
 *	             first octets not decided yet
 *	AT_START ---------------------------------------------> AT_START
 *	   |  \  \
 *	   |   \  `-- one of `stamps`, or a blank behind one -------> IN_DROPPED -- LF --> AT_START
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
#include "sync/message/placeholder.h"

/* How fields begin that stores and tools write into a message: mbsync; mbox, whoever keeps it (Status, X-Keywords ...). */
static const char *const stamps[] = { "X-TUID:", "Status:", "X-Status:", "X-Keywords:", "X-UID:", "X-IMAP", "Content-Length:", "From " };
enum { STAMPS = sizeof stamps / sizeof stamps[0], STAMP_MOST = 16, PIECE_SIZE = 16384 };
/* Blanks that may end a line are held back; more of them in a row are text. */
enum { BLANKS_MOST = 256 };

enum digest_where { AT_START, IN_KEPT, IN_DROPPED, IN_BODY };

struct digest {
	EVP_MD *sha256;
	EVP_MD_CTX *full;		/* everything kept so far */
	EVP_MD_CTX *copy;		/* `full` as it was at the end of the header */
	enum digest_mode mode;
	enum digest_where where;
	bool has_failed;		/* a call into OpenSSL did: digest_end() tells */
	bool is_field_dropped;		/* the field of the line before is one of `stamps` */
	char start[STAMP_MOST];		/* AT_START: first octets of the line, not hashed yet */
	size_t start_len;
	char blanks[BLANKS_MOST];	/* IN_KEPT: the last octets, not hashed yet */
	size_t blanks_len;
	bool is_blanks_long;		/* ... there were too many of them to be held */
	enum { IN_NAME, BEHIND_COLON, IN_VALUE } part;	/* IN_KEPT: of the field */
	bool is_cr_held;		/* the last octet of the piece before was a CR */
	uint64_t dropped;		/* octets not counted */
	unsigned char header[16];	/* known once where == IN_BODY */
	struct lineends_out ends;
	struct placeholder_watch watch;
	bool is_line_empty;		/* DIGEST_LOOSE: in the header, nothing of this line but CRs */
	char piece[1 + 2 * PIECE_SIZE];	/* the first is for a CR that was held */
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
	placeholder_watch_release(&(*d)->watch);
	free(*d);
	*d = NULL;
}

static void
start(struct digest *d, enum digest_mode mode)
{
	d->mode = mode;
	d->where = AT_START;
	d->is_field_dropped = d->is_blanks_long = d->is_cr_held = false;
	d->start_len = d->blanks_len = 0;
	d->dropped = 0;
	d->is_line_empty = true;
	memset(&d->ends, 0, sizeof d->ends);
	d->has_failed = EVP_DigestInit_ex2(d->full, d->sha256, NULL) != 1;
}

void
digest_start(struct digest *d, enum digest_mode mode)
{
	start(d, mode);
	placeholder_watch_begin(&d->watch);
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

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static void
hold_blanks(struct digest *d, const char *p, size_t len)
{
	if (d->blanks_len + len > BLANKS_MOST || d->is_blanks_long) {
		if (d->part != BEHIND_COLON) {
			hash(d, d->blanks, d->blanks_len);
			hash(d, p, len);
		}
		d->blanks_len = 0;
		d->is_blanks_long = true;
	} else {
		memcpy(d->blanks + d->blanks_len, p, len);
		d->blanks_len += len;
	}
}

/* Text of a line, which ends in no blank; those held are before it. */
static void
field_text(struct digest *d, char *p, size_t len)
{
	size_t i;

	if (d->part == BEHIND_COLON) {
		for (; len > 0 && is_blank(*p); p++, len--)
			;
		hash(d, " ", 1);
		d->part = IN_VALUE;
	} else {
		hash(d, d->blanks, d->blanks_len);
	}
	d->blanks_len = 0;
	d->is_blanks_long = false;
	for (i = 0; i < len; i++)
		if ((unsigned char)p[i] >= 0x80)
			p[i] = 'X';
	hash(d, p, len);
}

/* The name of a field up to its colon. Returns the octets taken. */
static size_t
field_name(struct digest *d, char *p, size_t len)
{
	const char *colon = memchr(p, ':', len);
	size_t name = colon != NULL ? (size_t)(colon - p) : len;

	if (colon == NULL) {
		field_text(d, p, len);
		return len;
	}
	while (name > 0 && is_blank(p[name - 1]))
		name--;
	if (name > 0)
		field_text(d, p, name);
	d->blanks_len = 0;
	d->is_blanks_long = false;
	hash(d, ":", 1);
	d->part = BEHIND_COLON;
	return (size_t)(colon + 1 - p);
}

/* Octets of a line that is kept; its end too, or not. */
static void
header_text(struct digest *d, char *p, size_t len)
{
	bool is_end = len > 0 && p[len - 1] == '\n';
	size_t all = is_end ? len - 2 : len, text = all, taken = 0;

	while (text > 0 && is_blank(p[text - 1]))
		text--;
	if (text > 0 && d->part == IN_NAME)
		taken = field_name(d, p, text);
	if (taken < text)
		field_text(d, p + taken, text - taken);
	hold_blanks(d, p + text, all - text);
	if (!is_end)
		return;
	d->dropped += d->blanks_len;
	d->blanks_len = 0;
	d->is_blanks_long = false;
	hash(d, "\r\n", 2);
}

enum stamp_match { STAMP_NONE, STAMP_PERHAPS, STAMP_FOUND };

static enum stamp_match
match_stamp(const struct digest *d)
{
	enum stamp_match found = STAMP_NONE;
	size_t i, len;

	for (i = 0; i < STAMPS && found != STAMP_FOUND; i++) {
		len = strlen(stamps[i]);
		if (d->start_len <= len && strncasecmp(d->start, stamps[i], d->start_len) == 0)
			found = d->start_len == len ? STAMP_FOUND : STAMP_PERHAPS;
	}
	return found;
}

/* The line that begins with what is held is kept, or dropped. */
static void
header_line_is(struct digest *d, enum digest_where where)
{
	d->where = where;
	d->part = d->start_len > 0 && is_blank(d->start[0]) ? IN_VALUE : IN_NAME;
	if (where == IN_KEPT)
		header_text(d, d->start, d->start_len);
	else
		d->dropped += d->start_len;
	d->start_len = 0;
}

/* One more octet of a line whose kind is not decided yet; false: it is not taken. */
static bool
header_line_start(struct digest *d, char octet)
{
	enum stamp_match match;

	if (octet == '\r' && d->start_len > 0) {
		d->is_field_dropped = false;
		header_line_is(d, IN_KEPT);
		return false;
	}
	d->start[d->start_len++] = octet;
	if (is_blank(d->start[0])) {
		header_line_is(d, d->is_field_dropped ? IN_DROPPED : IN_KEPT);
		return true;
	}
	match = match_stamp(d);
	if (match == STAMP_PERHAPS)
		return true;
	d->is_field_dropped = match == STAMP_FOUND;
	header_line_is(d, d->is_field_dropped ? IN_DROPPED : IN_KEPT);
	return true;
}

/* The empty line: CRLF, in one piece. */
static void
header_is_over(struct digest *d)
{
	d->where = IN_BODY;
	header_ends(d, "");
	hash(d, "\r\n", 2);
}

/* Takes canonical octets until they end or the header does. Returns how many were taken. */
static size_t
header_feed(struct digest *d, char *p, size_t len)
{
	char *at = p, *end = p + len, *lf, *next;

	while (at < end && d->where != IN_BODY) {
		if (d->where == AT_START) {
			if (d->start_len == 0 && *at == '\r') {
				header_is_over(d);
				at += 2;
			} else {
				at += header_line_start(d, *at);
			}
			continue;
		}
		lf = memchr(at, '\n', (size_t)(end - at));
		next = lf != NULL ? lf + 1 : end;
		if (d->where == IN_KEPT)
			header_text(d, at, (size_t)(next - at));
		else
			d->dropped += (uint64_t)(next - at);
		if (lf != NULL)
			d->where = AT_START;
		at = next;
	}
	return (size_t)(at - p);
}

/* Takes bare CRs out of canonical octets: Dovecot drops those before a CRLF and at the end. Returns the octets left. */
static size_t
drop_bare_crs(struct digest *d, char *p, size_t len)
{
	char *at = p, *to = p, *end = p + len, *cr;
	bool is_pair;

	for (; at < end; at = cr) {
		cr = memchr(at, '\r', (size_t)(end - at));
		is_pair = cr != NULL && cr + 1 < end && cr[1] == '\n';
		if (cr == NULL)
			cr = end;
		if (is_pair)
			cr += 2;
		if (to != at)
			memmove(to, at, (size_t)(cr - at));
		to += cr - at;
		if (is_pair || cr == end)
			continue;
		if (++cr == end)
			d->is_cr_held = true;
		else
			d->dropped++;
	}
	return (size_t)(to - p);
}

/* The header, which does not count; returns the octets taken. */
static size_t
loose_header(struct digest *d, const char *p, size_t len)
{
	size_t i;

	for (i = 0; i < len && d->where != IN_BODY; i++) {
		if (p[i] == '\n' && d->is_line_empty)
			d->where = IN_BODY;
		if (p[i] != '\r')
			d->is_line_empty = p[i] == '\n';
	}
	return i;
}

static void
loose_feed(struct digest *d, const char *p, size_t len)
{
	const char *end = p + len, *text;

	for (p += loose_header(d, p, len); p < end;) {
		for (text = p; p < end && *p != '\r' && *p != '\n'; p++)
			;
		hash(d, text, (size_t)(p - text));
		for (; p < end && (*p == '\r' || *p == '\n'); p++)
			;
	}
}

static void
feed(struct digest *d, const void *p, size_t len)
{
	const char *at = p;
	size_t n, made, used, held;
	char *piece;

	while (len > 0) {
		if (d->mode == DIGEST_HEADER && d->where == IN_BODY)
			return;
		n = len < PIECE_SIZE ? len : PIECE_SIZE;
		held = d->is_cr_held;
		d->is_cr_held = false;
		piece = d->piece + 1 - held;
		made = lineends_to_wire(&d->ends, at, n, d->piece + 1);
		if (held)
			piece[0] = '\r';
		made = drop_bare_crs(d, piece, made + held);
		used = header_feed(d, piece, made);
		if (d->mode == DIGEST_MESSAGE)
			hash(d, piece + used, made - used);
		at += n;
		len -= n;
	}
}

void
digest_feed(struct digest *d, const void *p, size_t len)
{
	if (d->mode == DIGEST_LOOSE) {
		loose_feed(d, p, len);
		return;
	}
	placeholder_watch(&d->watch, p, len);
	feed(d, p, len);
}

/* Ends a header that has no empty line behind it. */
static void
header_close(struct digest *d)
{
	if (d->where == IN_BODY)
		return;
	if (d->where == AT_START && d->start_len > 0)
		header_line_is(d, IN_KEPT);
	d->dropped += d->blanks_len;
	d->blanks_len = 0;
	header_ends(d, d->where == IN_KEPT ? "\r\n" : "");
}

/* It is a placeholder: by the header behind it. */
static void
identify_placeholder(struct digest *d, const char *header, size_t len, struct ident *ident_r)
{
	struct ident behind = { .has = IDENT_HEADER };

	start(d, DIGEST_HEADER);
	feed(d, header, len);
	header_close(d);
	memcpy(behind.header, d->header, sizeof behind.header);
	*ident_r = ident_of_placeholder(&behind);
}

int
digest_end(struct digest *d, struct ident *ident_r, struct err *e)
{
	const char *header;
	size_t len;

	assert(d->mode == DIGEST_MESSAGE);
	memset(ident_r, 0, sizeof *ident_r);
	d->dropped += d->is_cr_held;
	header_close(d);
	memcpy(ident_r->header, d->header, sizeof ident_r->header);
	finish(d, d->full, ident_r->full);
	if (d->has_failed)
		return openssl_error(e, "digest a message");
	ident_r->size = d->ends.size - d->dropped;
	ident_r->has = IDENT_SIZE | IDENT_HEADER | IDENT_FULL | IDENT_TRIMMED;
	if (placeholder_watch_end(&d->watch, &header, &len))
		identify_placeholder(d, header, len, ident_r);
	return d->has_failed ? openssl_error(e, "digest a header") : 0;
}

int
digest_end_loose(struct digest *d, unsigned char loose_r[DIGEST_OCTETS], struct err *e)
{
	assert(d->mode == DIGEST_LOOSE);
	finish(d, d->full, loose_r);
	return d->has_failed ? openssl_error(e, "digest a message") : 0;
}

int
digest_end_header(struct digest *d, uint64_t wire_size, struct ident *ident_r, struct err *e)
{
	assert(d->mode == DIGEST_HEADER);
	memset(ident_r, 0, sizeof *ident_r);
	header_close(d);
	if (d->has_failed)
		return openssl_error(e, "digest a header");
	if (placeholder_watch_may_be(&d->watch)) {
		ident_r->has = IDENT_PLACEHOLDER;
		return 0;
	}
	memcpy(ident_r->header, d->header, sizeof ident_r->header);
	ident_r->has = IDENT_HEADER | IDENT_TRIMMED;
	if (wire_size != DIGEST_SIZE_UNKNOWN && wire_size >= d->dropped) {
		ident_r->size = wire_size - d->dropped;
		ident_r->has |= IDENT_SIZE;
	}
	return 0;
}
