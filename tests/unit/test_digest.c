/* R10, R23: what makes two copies of a message equal, and what does not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <cmocka.h>
#include <openssl/sha.h>

#include "state/base/buf.h"
#include "sync/message/digest.h"

static struct digest *d;
static struct err err;

static struct ident
whole(const char *p, size_t len, size_t step)
{
	struct ident ident;
	size_t n;

	digest_start(d, DIGEST_MESSAGE);
	for (; len > 0; p += n, len -= n) {
		n = step < len ? step : len;
		digest_feed(d, p, n);
	}
	assert_int_equal(digest_end(d, &ident, &err), 0);
	assert_int_equal(ident.has, IDENT_SIZE | IDENT_HEADER | IDENT_FULL | IDENT_TRIMMED);
	return ident;
}

static struct ident
header_only(const char *s, uint64_t size)
{
	struct ident ident;
	size_t i;

	digest_start(d, DIGEST_HEADER);
	for (i = 0; s[i] != '\0'; i++)
		digest_feed(d, s + i, 1);
	assert_int_equal(digest_end_header(d, size, &ident, &err), 0);
	return ident;
}

static struct ident
text(const char *s)
{
	return whole(s, strlen(s), SIZE_MAX);
}

static void
same_header(const char *a, const char *b)
{
	struct ident x = text(a), y = text(b);

	assert_memory_equal(x.header, y.header, sizeof x.header);
}

static void
other_header(const char *a, const char *b)
{
	struct ident x = text(a), y = text(b);

	assert_memory_not_equal(x.header, y.header, sizeof x.header);
}

static void
same(const char *a, const char *b)
{
	struct ident x = text(a), y = text(b);

	assert_memory_equal(&x, &y, sizeof x);
}

/* But for so many octets of size. */
static void
same_but_size(const char *a, const char *b, uint64_t more)
{
	struct ident x = text(a), y = text(b);

	assert_int_equal(x.size, y.size + more);
	x.size = y.size;
	assert_memory_equal(&x, &y, sizeof x);
}

static void
other_full(const char *a, const char *b)
{
	struct ident x = text(a), y = text(b);

	assert_memory_not_equal(x.full, y.full, sizeof x.full);
}

/* Octets that are known from outside: sha256sum of the canonical text. */
static void
octets_are_sha256(void **state)
{
	static const char *const lines = "Subject: a\r\nFrom: b\r\n", *const all =
	    "Subject: a\r\nFrom: b\r\n\r\nbody\r\n";
	unsigned char want[32];
	struct ident ident = text("Subject: a\nX-Tuid: 0123456789ab\nFrom: b\n\nbody\n");

	(void)state;
	SHA256((const unsigned char *)lines, strlen(lines), want);
	assert_memory_equal(ident.header, want, 16);
	SHA256((const unsigned char *)all, strlen(all), want);
	assert_memory_equal(ident.full, want, 16);
	assert_int_equal(ident.size, strlen(all));
}

static void
line_ends_do_not_count(void **state)
{
	(void)state;
	same("A: b\nC: d\n\nbody\n.\n", "A: b\r\nC: d\r\n\r\nbody\r\n.\r\n");
	same("A: b\nC: d\r\n\nbody\n", "A: b\r\nC: d\n\r\nbody\r\n");
	same("\n\nx", "\r\n\r\nx");
	other_full("A: b\n\nbody\n", "A: b\n\nbody");
	/* Nor do bare CRs, some of which Dovecot drops. */
	same("A: b\n\nbo\rdy", "A: b\n\nbody");
	same("A: b\r\r\nC: d\r\n\r\nbody\r\r\r\nx\r\r", "A: b\nC: d\n\nbody\nx");
	same("A: b\n\r\r\n", "A: b\n\n");
}

static void
tuid_does_not_count(void **state)
{
	static const char *const plain = "A: b\nC: d\n\nX-TUID: in the body\n";

	(void)state;
	same(plain, "X-TUID: 123456789012\nA: b\nC: d\n\nX-TUID: in the body\n");
	same(plain, "A: b\nx-tuid:\nC: d\n\nX-TUID: in the body\n");
	same(plain, "A: b\nC: d\nX-Tuid:1\nX-TUID: 2\n\nX-TUID: in the body\n");
	same(plain, "A: b\nX-TUID: 1\r\n folded\n\ttwice\nC: d\n\nX-TUID: in the body\n");
	other_full(plain, "A: b\nC: d\n\n");
	/* Not that field. */
	other_header("A: b\n\n", "A: b\nX-TUI: 1\n\n");
	other_header("A: b\n\n", "A: b\nX-TUIDS: 1\n\n");
	other_header("A: b\n\n", "A: b\nX-TUID\n\n");
	other_header("A: b\n\n", "A: b\n X-TUID: 1\n\n");
	/* Blanks continue the field before them, whichever that is. */
	same("A: b\n c\n\n", "X-TUID: 1\nA: b\n c\n\n");
	/* A message that is nothing else. */
	same("", "X-TUID: 1\n");
	same("", "X-TUID: 1");
	same_header("X-TU", "X-TU\n");
}

/* Fields of mbox files, blanks at line ends (OfflineIMAP), what is not ASCII (Cyrus). */
static void
what_stores_write_does_not_count(void **state)
{
	static const char *const plain = "A: b\nSubject: c\n\nbody\n";

	(void)state;
	same(plain, "Status: RO\nX-Status: A\nA: b\nX-Keywords:                    \nSubject: c\nX-UID: 17\n\nbody\n");
	same(plain, "X-IMAPbase: 1234 5\n $Junk\n\tmore\nA: b\nx-imap: 1 2\nX-IMAP-Other: 3\nSubject: c\nSTATUS:\n\nbody\n");
	same(plain, "A: b \nSubject: c\t \t\n\nbody\n");
	same(plain, "From a@b Mon Jan  1 00:00:00 2024\nA: b\nContent-Length: 5\nSubject: c\n\nbody\n");
	same_header("A: b\n\n", "A: b \n");
	same_header("A: b\n\n", "A: b \t");
	same("A: b\n c\n\n", "A: b\n c  \n\n");
	same("A: b\n\nbody \n", "A: b  \n\nbody \n");
	same("S: caf\xc3\xa9 \xff\n\nx", "S: cafXX X\n\nx");
	/* Blanks around a colon, of which GNU Mailutils makes one. */
	same_but_size(plain, "A:b\nSubject:c\n\nbody\n", 2);
	same_but_size("A: b\n c:d\nE:\n\n", "A:b\n c:d\nE:\n\n", 1);
	same_but_size("A: \t b :c\n\nx", "A:b :c\n\nx", 3);
	same_but_size("A \t: b\n\n", "A:\tb\n\n", 2);
	same("A:  \n b\n\n", "A:\n b\n\n");
	other_header("A b: c\n\n", "A  b: c\n\n");
	other_header("A: b\n c: d\n\n", "A: b\n c:d\n\n");
	other_header("A: b:c\n\n", "A: b: c\n\n");
	other_full("A: b\n\nc: d\n", "A: b\n\nc:d\n");
	/* Only in the header, only at its line ends, only those fields. */
	other_full(plain, "A: b\nSubject: c\n\nbody \n");
	other_full(plain, "A: b\nSubject: c\n\nStatus: RO\nbody\n");
	other_full("A: b\n\nbody\n", "A: b\n\nbod\xff\n");
	other_header("A: b c\n\n", "A: b  c\n\n");
	other_header("A: b\n\n", " A: b\n\n");
	other_header("A: b\n\n", "A: b\nStatuses: 1\n\n");
	other_header("A: b\n\n", "A: b\nX-UIDL: 1\n\n");
	other_header("A: b\n\n", "A: b\nX-Stat: 1\n\n");
	other_header("A: b\n\n", "From: c\nA: b\n\n");
	other_full(plain, "A: b\nSubject: c\n\nFrom me\nbody\n");
	other_header("A: b\n\n", "A: b\nX-IM: 1\n\n");
	other_header("A: b\n\n", "A: b\n Status: 1\n\n");
}

static void
loosely(const char *p, size_t step, unsigned char out[DIGEST_OCTETS])
{
	size_t len = strlen(p), n;

	digest_start(d, DIGEST_LOOSE);
	for (; len > 0; p += n, len -= n) {
		n = step < len ? step : len;
		digest_feed(d, p, n);
	}
	assert_int_equal(digest_end_loose(d, out, &err), 0);
}

static bool
is_loosely(const char *a, const char *b)
{
	unsigned char x[DIGEST_OCTETS], y[DIGEST_OCTETS], z[DIGEST_OCTETS];

	loosely(a, 1000, x);
	loosely(b, 1, y);
	loosely(b, 3, z);
	assert_memory_equal(y, z, sizeof y);
	return memcmp(x, y, sizeof x) == 0;
}

/* What servers make of line ends. */
static void
loose_digests_know_no_line_ends(void **state)
{
	(void)state;
	assert_true(is_loosely("A: b\r\n\r\none\rtwo\r\r\nthree\r", "A: b\n\none\ntwo\n\nthree\n"));
	assert_true(is_loosely("A: b\r\n\r\none\rtwo\r\r\nthree\r", "X: y\r\n\r\none\rtwo\r\nthree"));
	assert_true(is_loosely("A: b\n\nend", "A: b\r\n\r\nend\r\n"));
	assert_true(is_loosely("A: b\n", "A: b\n\n"));
	assert_true(is_loosely("\nbody", "\r\n\r\nbody\n"));
	assert_true(is_loosely("A: b\n\none\r two", "A: b\n\none two\n"));
	assert_false(is_loosely("A: b\n\none two\n", "A: b\n\none\ntwo\n"));
	assert_false(is_loosely("A: b\n\none\n", "A: b\n\none \n"));
	assert_false(is_loosely("A: b\nbody\n", "A: b\n\nbody\n"));
}

/* A run of blanks that no line ends with: it is text. */
static void
many_blanks_are_text(void **state)
{
	char line[300];

	(void)state;
	memset(line, ' ', sizeof line);
	memcpy(line, "A: b", 4);
	strcpy(line + 4 + 256, "\n");
	same(line, "A: b\n");
	memset(line + 4, ' ', sizeof line - 4);
	strcpy(line + 4 + 257, "\n");
	other_header(line, "A: b\n");
}

/* Digests of an earlier program, which counted more, say nothing where they differ. */
static void
old_digests_prove_no_difference(void **state)
{
	struct ident is = text("A: b\n\nbody\n"), was = is, other = text("A: b\n\nb0dy\n");

	(void)state;
	was.has &= ~(unsigned)IDENT_TRIMMED;
	assert_int_equal(ident_compare(&is, &was), IDENT_SAME);
	assert_int_equal(ident_compare(&other, &was), IDENT_MAYBE);
	assert_int_equal(ident_compare(&other, &is), IDENT_DIFFER);
	was.has &= ~(unsigned)IDENT_FULL;
	was.size++;
	assert_int_equal(ident_compare(&is, &was), IDENT_MAYBE);
	other = was;
	assert_int_equal(ident_compare(&other, &was), IDENT_SAME);
}

/* Servers append what ends a header. */
static void
header_end_does_not_count(void **state)
{
	(void)state;
	same_header("A: b\n\n", "A: b\n");
	same_header("A: b\n\n", "A: b");
	same_header("A: b\n\n", "A: b\n\nbody");
	same_header("A: b\n\n", "X-TUID: 1\nA: b\nX-tuid: 2");
	same_header("", "\n");
	same_header("", "\nbody");
	other_full("A: b\n", "A: b");
	other_full("A: b\n", "A: b\n\n");
	other_header("A: b\n\n", "A: b\n \n\n");
	other_header("", "x");
}

static void
fetched_header(void **state)
{
	static const char *const message = "A: b\r\nX-TUID: 1\r\nC: d\r\n\r\nbody\r\n";
	struct ident full = text(message), head = header_only("A: b\r\nX-TUID: 1\r\nC: d\r\n\r\n", strlen(message));

	(void)state;
	assert_int_equal(head.has, IDENT_SIZE | IDENT_HEADER | IDENT_TRIMMED);
	assert_int_equal(head.size, full.size);
	assert_memory_equal(head.header, full.header, 16);
	assert_int_equal(ident_compare(&head, &full), IDENT_SAME);

	head = header_only("A: b\r\nC: d\r\n", DIGEST_SIZE_UNKNOWN);
	assert_int_equal(head.has, IDENT_HEADER | IDENT_TRIMMED);
	assert_memory_equal(head.header, full.header, 16);
	assert_int_equal(ident_compare(&head, &full), IDENT_MAYBE);

	/* A size that cannot be is no size. */
	head = header_only("A: b\r\nX-TUID: 1\r\n\r\n", 3);
	assert_int_equal(head.has, IDENT_HEADER | IDENT_TRIMMED);
	/* Nothing behind the header counts. */
	head = header_only(message, strlen(message));
	assert_memory_equal(head.header, full.header, 16);
}

static int
begins(const char *p, size_t len, const char *name)
{
	return len >= strlen(name) && strncasecmp(p, name, strlen(name)) == 0;
}

static int
is_stamp(const char *p, size_t len)
{
	return begins(p, len, "X-TUID:") || begins(p, len, "Status:") || begins(p, len, "X-Status:") ||
	    begins(p, len, "X-Keywords:") || begins(p, len, "X-UID:") || begins(p, len, "X-IMAP");
}

/* One line of a header without what does not count. Returns how many octets more it has than are counted. */
static size_t
reference_line(const char *p, size_t len, struct buf *out)
{
	size_t end = len >= 2 && p[len - 1] == '\n' ? 2 : 0, text = len - end, i, size, was = out->len;
	int is_name = p[0] != ' ' && p[0] != '\t';

	while (text > 0 && (p[text - 1] == ' ' || p[text - 1] == '\t'))
		text--;
	size = text + end;
	for (i = 0; i < text; i++) {
		while (is_name && p[i] == ':' && out->len > was && (out->data[out->len - 1] == ' ' || out->data[out->len - 1] == '\t'))
			out->len--;
		buf_addc(out, (unsigned char)p[i] < 0x80 ? p[i] : 'X');
		if (!is_name || p[i] != ':')
			continue;
		is_name = 0;
		while (i + 1 < text && (p[i + 1] == ' ' || p[i + 1] == '\t'))
			i++;
		if (i + 1 < text)
			buf_addc(out, ' ');
	}
	buf_add(out, p + len - end, end);
	return out->len - was - size;
}

/* The canonical message without what does not count, and the length of its header, done naively. is_open: its last line is kept and does
 * not end. made: octets that are not of the message. */
static size_t
reference(const char *p, size_t len, struct buf *out, int *is_open_r, size_t *made_r)
{
	size_t i, begin, header = 0;
	int is_dropped = 0, is_body = 0;
	struct buf all = {0};

	*made_r = 0;
	for (i = 0; i < len; i++) {
		if (p[i] == '\n')
			buf_addc(&all, '\r');
		if (p[i] != '\r')
			buf_addc(&all, p[i]);
	}
	for (begin = 0; begin < all.len; begin = i) {
		for (i = begin; i < all.len && all.data[i] != '\n'; i++)
			;
		i += i < all.len;
		if (!is_body && i - begin == 2 && all.data[begin] == '\r' && all.data[begin + 1] == '\n') {
			is_body = 1;
			header = out->len;
		}
		if (!is_body && all.data[begin] != ' ' && all.data[begin] != '\t')
			is_dropped = is_stamp(all.data + begin, i - begin);
		if (is_body)
			buf_add(out, all.data + begin, i - begin);
		else if (!is_dropped)
			*made_r += reference_line(all.data + begin, i - begin, out);
	}
	if (!is_body)
		header = out->len;
	*is_open_r = !is_body && !is_dropped && all.len > 0 && all.data[all.len - 1] != '\n';
	buf_release(&all);
	return header;
}

/* The same message in any pieces, against the naive way. */
static void
pieces_do_not_matter(void **state)
{
	static const char *const parts[] = {
		"A: b", "\n", "\r\n", "\r", "X-TUID:", "x-tuid: 1\n", " ", "\t", "X-TU", "ID:", "\n\n", "body", "Stat", "us: RO\n", "X-IMAP", "base:", "S:", " :", ": ", "X-Keywords: a\n", "\xc3\xa9", "\r\r\n",
		"long long line long long line",
	};
	struct buf b = {0}, want = {0};
	unsigned char sha[32];
	struct ident ident, again;
	size_t step, header, made;
	int i, n, is_open;

	(void)state;
	srand(7);
	for (i = 0; i < 3000; i++) {
		buf_clear(&b);
		buf_clear(&want);
		for (n = rand() % 18; n > 0; n--)
			buf_adds(&b, parts[rand() % (int)(sizeof parts / sizeof *parts)]);
		header = reference(buf_str(&b), b.len, &want, &is_open, &made);
		ident = whole(buf_str(&b), b.len, SIZE_MAX);
		assert_int_equal(ident.size, want.len - made);
		SHA256((const unsigned char *)buf_str(&want), want.len, sha);
		assert_memory_equal(ident.full, sha, 16);
		if (is_open) {
			buf_adds(&want, "\r\n");
			header += 2;
		}
		SHA256((const unsigned char *)buf_str(&want), header, sha);
		assert_memory_equal(ident.header, sha, 16);
		for (step = 1; step <= 5; step++) {
			again = whole(buf_str(&b), b.len, step);
			assert_memory_equal(&ident, &again, sizeof ident);
		}
	}
	buf_release(&b);
	buf_release(&want);
}

/* Larger than any buffer inside, with one line that never ends and one header line likewise. */
static void
large_message(void **state)
{
	struct buf b = {0}, want = {0};
	unsigned char sha[32];
	struct ident ident;
	size_t i, made;
	int is_open;

	(void)state;
	buf_adds(&b, "A: ");
	for (i = 0; i < 100000; i++)
		buf_addc(&b, (char)('a' + i % 26));
	buf_adds(&b, "\nX-TUID: 1\n\n");
	for (i = 0; i < 100000; i++)
		buf_adds(&b, i % 3 ? "\n" : "0\0");
	reference(buf_str(&b), b.len, &want, &is_open, &made);
	ident = whole(buf_str(&b), b.len, 40000);
	SHA256((const unsigned char *)want.data, want.len, sha);
	assert_int_equal(ident.size, want.len - made);
	assert_memory_equal(ident.full, sha, 16);
	buf_release(&b);
	buf_release(&want);
}

/* A message given up half-way leaves nothing behind. */
static void
start_drops_the_unfinished(void **state)
{
	struct ident a = text("A: b\n\nbody"), b;

	(void)state;
	digest_start(d, DIGEST_MESSAGE);
	digest_feed(d, "X-TUID: 1\nX-T", 13);
	b = text("A: b\n\nbody");
	assert_memory_equal(&a, &b, sizeof a);
}

static int
setup(void **state)
{
	(void)state;
	d = digest_new(&err);
	return d != NULL ? 0 : -1;
}

static int
teardown(void **state)
{
	(void)state;
	digest_free(&d);
	digest_free(&d);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(octets_are_sha256),
		cmocka_unit_test(line_ends_do_not_count),
		cmocka_unit_test(tuid_does_not_count),
		cmocka_unit_test(what_stores_write_does_not_count),
		cmocka_unit_test(loose_digests_know_no_line_ends),
		cmocka_unit_test(many_blanks_are_text),
		cmocka_unit_test(old_digests_prove_no_difference),
		cmocka_unit_test(header_end_does_not_count),
		cmocka_unit_test(fetched_header),
		cmocka_unit_test(pieces_do_not_matter),
		cmocka_unit_test(large_message),
		cmocka_unit_test(start_drops_the_unfinished),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
