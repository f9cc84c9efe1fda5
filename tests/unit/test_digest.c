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
	assert_int_equal(ident.has, IDENT_SIZE | IDENT_HEADER | IDENT_FULL);
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
	other_full("A: b\n\nbo\rdy", "A: b\n\nbody");
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
	other_header("A: b\n\n", "A: b\n\rX-TUID: 1\n\n");
	other_header("A: b\n\n", "X-TUID: 1\n\r\r\n cont\nA: b\n\n");
	/* Blanks continue the field before them, whichever that is. */
	same("A: b\n c\n\n", "X-TUID: 1\nA: b\n c\n\n");
	/* A message that is nothing else. */
	same("", "X-TUID: 1\n");
	same("", "X-TUID: 1");
	same_header("X-TU", "X-TU\n");
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
	other_header("A: b\n\n", "A: b\n\r\r\n\n");
	other_header("A: b\n", "A: b\n\r");
	other_header("", "x");
}

static void
fetched_header(void **state)
{
	static const char *const message = "A: b\r\nX-TUID: 1\r\nC: d\r\n\r\nbody\r\n";
	struct ident full = text(message), head = header_only("A: b\r\nX-TUID: 1\r\nC: d\r\n\r\n", strlen(message));

	(void)state;
	assert_int_equal(head.has, IDENT_SIZE | IDENT_HEADER);
	assert_int_equal(head.size, full.size);
	assert_memory_equal(head.header, full.header, 16);
	assert_int_equal(ident_compare(&head, &full), IDENT_SAME);

	head = header_only("A: b\r\nC: d\r\n", DIGEST_SIZE_UNKNOWN);
	assert_int_equal(head.has, IDENT_HEADER);
	assert_memory_equal(head.header, full.header, 16);
	assert_int_equal(ident_compare(&head, &full), IDENT_MAYBE);

	/* A size that cannot be is no size. */
	head = header_only("A: b\r\nX-TUID: 1\r\n\r\n", 3);
	assert_int_equal(head.has, IDENT_HEADER);
	/* Nothing behind the header counts. */
	head = header_only(message, strlen(message));
	assert_memory_equal(head.header, full.header, 16);
	assert_true(digest_is_header_complete(d));
	header_only("A: b\r\n", 0);
	assert_false(digest_is_header_complete(d));
}

/* The canonical message without its X-TUID fields, and the length of its header, done naively. */
static size_t
reference(const char *p, size_t len, struct buf *out)
{
	size_t i, begin, header = 0;
	int is_dropped = 0, is_body = 0;
	struct buf all = {0};

	for (i = 0; i < len; i++) {
		if (p[i] == '\n' && (i == 0 || p[i - 1] != '\r'))
			buf_addc(&all, '\r');
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
			is_dropped = i - begin >= 7 && strncasecmp(all.data + begin, "X-TUID:", 7) == 0;
		if (is_body || !is_dropped)
			buf_add(out, all.data + begin, i - begin);
	}
	if (!is_body)
		header = out->len;
	buf_release(&all);
	return header;
}

/* The same message in any pieces, against the naive way. */
static void
pieces_do_not_matter(void **state)
{
	static const char *const parts[] = {
		"A: b", "\n", "\r\n", "\r", "X-TUID:", "x-tuid: 1\n", " ", "\t", "X-TU", "ID:", "\n\n", "body",
		"long long line long long line",
	};
	struct buf b = {0}, want = {0};
	unsigned char sha[32];
	struct ident ident, again;
	size_t step, header;
	int i, n;

	(void)state;
	srand(7);
	for (i = 0; i < 3000; i++) {
		buf_clear(&b);
		buf_clear(&want);
		for (n = rand() % 14; n > 0; n--)
			buf_adds(&b, parts[rand() % (int)(sizeof parts / sizeof *parts)]);
		header = reference(buf_str(&b), b.len, &want);
		ident = whole(buf_str(&b), b.len, SIZE_MAX);
		assert_int_equal(ident.size, want.len);
		SHA256((const unsigned char *)buf_str(&want), want.len, sha);
		assert_memory_equal(ident.full, sha, 16);
		if (header == want.len && header > 0 && want.data[header - 1] != '\n') {
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
	size_t i;

	(void)state;
	buf_adds(&b, "A: ");
	for (i = 0; i < 100000; i++)
		buf_addc(&b, (char)('a' + i % 26));
	buf_adds(&b, "\nX-TUID: 1\n\n");
	for (i = 0; i < 100000; i++)
		buf_adds(&b, i % 3 ? "\n" : "0\0");
	reference(buf_str(&b), b.len, &want);
	ident = whole(buf_str(&b), b.len, 40000);
	SHA256((const unsigned char *)want.data, want.len, sha);
	assert_int_equal(ident.size, want.len);
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
		cmocka_unit_test(header_end_does_not_count),
		cmocka_unit_test(fetched_header),
		cmocka_unit_test(pieces_do_not_matter),
		cmocka_unit_test(large_message),
		cmocka_unit_test(start_drops_the_unfinished),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
