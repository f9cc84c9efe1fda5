/* R23: line ends between wire and file. The reference is the definition itself, on whole strings. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "state/base/buf.h"
#include "sync/message/lineends.h"

static unsigned long long seed;

static unsigned
rnd(unsigned below)
{
	seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return (unsigned)(seed >> 33) % below;
}

/* N(x), from the definition. */
static void
canonical(const struct buf *x, struct buf *out)
{
	size_t i;

	for (i = 0; i < x->len; i++) {
		if (x->data[i] == '\n' && (i == 0 || x->data[i - 1] != '\r'))
			buf_addc(out, '\r');
		buf_addc(out, x->data[i]);
	}
}

/* The file form, from the definition. */
static void
file_form(const struct buf *wire, struct buf *out)
{
	int is_reversible = 1;
	size_t i;

	for (i = 0; i < wire->len; i++) {
		if (wire->data[i] != '\n')
			continue;
		if (i == 0 || wire->data[i - 1] != '\r' || (i >= 2 && wire->data[i - 2] == '\r'))
			is_reversible = 0;
	}
	for (i = 0; i < wire->len; i++) {
		if (is_reversible && wire->data[i] == '\r' && i + 1 < wire->len && wire->data[i + 1] == '\n')
			continue;
		buf_addc(out, wire->data[i]);
	}
}

static void
equal(const struct buf *a, const struct buf *b)
{
	assert_int_equal(a->len, b->len);
	if (a->len != 0)
		assert_memory_equal(a->data, b->data, a->len);
}

/* Repairs a file in place as the header describes it, in pieces of `step` octets. */
static void
repair(struct buf *file, uint64_t converted, size_t step)
{
	size_t end = file->len, at = file->len + (size_t)converted, begin, n;
	char *piece = malloc(2 * step);

	buf_reserve(file, (size_t)converted);
	file->len = at;
	while (end > 0) {
		begin = end > step ? end - step : 0;
		n = lineends_restore(file->data + begin, end - begin, piece);
		at -= n;
		assert_true(at >= begin);
		memcpy(file->data + at, piece, n);
		end = begin;
	}
	assert_int_equal(at, 0);
	free(piece);
}

/* A download, cut into random pieces of up to `most` octets. */
static void
download(const struct buf *wire, size_t most, struct buf *file)
{
	struct lineends_in in = {0};
	size_t at = 0, len, used, n;
	char *out, *piece;
	int cuts = 0;

	while (at < wire->len) {
		len = 1 + rnd((unsigned)most);
		if (len > wire->len - at)
			len = wire->len - at;
		piece = malloc(len);		/* of exact size, for the sanitizer */
		memcpy(piece, wire->data + at, len);
		out = malloc(len + 1);
		used = lineends_to_file(&in, piece, len, out, &n);
		assert_true(n <= len + 1);
		buf_add(file, out, n);
		if (used < len) {
			assert_true(in.is_raw);
			assert_int_equal(cuts++, 0);
			repair(file, in.converted, 1 + rnd(7));
			assert_memory_equal(file->len ? file->data : "", wire->data, file->len);
		}
		at += used;
		free(piece);
		free(out);
	}
	out = malloc(1);
	buf_add(file, out, lineends_finish(&in, out));
	free(out);
	assert_int_equal(in.is_raw, cuts);
}

/* An upload, likewise; the count is checked with other cuts. */
static void
upload(const struct buf *file, size_t most, struct buf *wire)
{
	struct lineends_out out = {0}, count = {0};
	size_t at, len, n;
	char *room;

	for (at = 0; at < file->len; at += len) {
		len = 1 + rnd((unsigned)most);
		if (len > file->len - at)
			len = file->len - at;
		room = malloc(2 * len);
		n = lineends_to_wire(&out, file->data + at, len, room);
		buf_add(wire, room, n);
		free(room);
	}
	for (at = 0; at < file->len; at += len) {
		len = 1 + rnd((unsigned)most);
		if (len > file->len - at)
			len = file->len - at;
		lineends_count(&count, file->data + at, len);
	}
	assert_int_equal(out.size, wire->len);
	assert_int_equal(count.size, wire->len);
}

static void
check(const char *bytes, size_t len, size_t most)
{
	struct buf wire = {0}, file = {0}, want = {0}, sent = {0}, norm = {0}, again = {0};

	buf_add(&wire, bytes, len);
	file_form(&wire, &want);
	download(&wire, most, &file);
	equal(&file, &want);
	upload(&file, most, &sent);		/* N(file) == N(wire) */
	canonical(&wire, &norm);
	equal(&sent, &norm);
	upload(&sent, most, &again);		/* N(N(x)) == N(x) */
	equal(&again, &sent);
	buf_release(&wire);
	buf_release(&file);
	buf_release(&want);
	buf_release(&sent);
	buf_release(&norm);
	buf_release(&again);
}

#define CHECK(s) do { \
	size_t most_; \
	for (most_ = 1; most_ <= sizeof(s); most_++) \
		check(s, sizeof(s) - 1, most_); \
} while (0)

static void
chosen_inputs(void **state)
{
	(void)state;
	CHECK("");
	CHECK("\r");
	CHECK("\n");
	CHECK("\r\n");
	CHECK("\n\r");
	CHECK("\r\r");
	CHECK("\r\r\n");
	CHECK("\r\r\r\n");
	CHECK("\r\n\r\n");
	CHECK("\r\n\r\r\n");
	CHECK("\r\n\nx");
	CHECK("a: b\r\n\r\nbody\r\n");
	CHECK("a: b\r\n\r\nno final newline");
	CHECK("a: b\r\n\r\n");
	CHECK("a: b\r\n");
	CHECK("\r\nbody behind an empty first line\r\n");
	CHECK("mixed\r\nand bare\nends\r\n");
	CHECK("bare\rCR\r\nkept\r\n");
	CHECK("late\r\nfault\r\nhere\r\r\nmore\r\n");
	CHECK("ends in CR\r\n\r");
	CHECK("NUL \0 in\r\n\0\r\nit\0");
	CHECK("NUL \0 and bare\n\0\r\n");
}

/* What the two forms are, spelt out, so that a fault in the reference shows. */
static void
forms_are_as_defined(void **state)
{
	static const struct { const char *wire, *file; } cases[] = {
		{"a\r\nb\r\n", "a\nb\n"},
		{"a\rb\r\n", "a\rb\n"},
		{"a\nb\r\n", "a\nb\r\n"},
		{"a\r\nb\r\r\n", "a\r\nb\r\r\n"},
		{"a\r\nb\r", "a\nb\r"},
	};
	struct buf wire = {0}, file = {0};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof cases / sizeof *cases; i++) {
		buf_clear(&wire);
		buf_clear(&file);
		buf_adds(&wire, cases[i].wire);
		download(&wire, 3, &file);
		assert_string_equal(buf_str(&file), cases[i].file);
	}
	buf_release(&wire);
	buf_release(&file);
}

static void
every_short_input(void **state)
{
	static const char letters[] = "\r\nx";
	char s[8];
	unsigned len, i, n, code, codes;

	(void)state;
	for (len = 0, codes = 1; len <= 7; len++, codes *= 3) {
		for (n = 0; n < codes; n++) {
			for (i = 0, code = n; i < len; i++, code /= 3)
				s[i] = letters[code % 3];
			check(s, len, 1);
			check(s, len, 3);
		}
	}
}

/* Mostly good lines, so that faults come late as well as early. */
static void
random_inputs(void **state)
{
	struct buf b = {0};
	unsigned i, k, n;

	(void)state;
	for (i = 0; i < 4000; i++) {
		seed = i;
		buf_clear(&b);
		for (n = rnd(60); n > 0; n--) {
			switch (rnd(rnd(2) ? 12 : 40)) {
			case 0: buf_addc(&b, '\r'); break;
			case 1: buf_addc(&b, '\n'); break;
			case 2: buf_addc(&b, '\0'); break;
			case 3: buf_adds(&b, "\r\r\n"); break;
			default:
				for (k = rnd(5); k > 0; k--)
					buf_addc(&b, (char)('a' + rnd(26)));
				buf_adds(&b, "\r\n");
			}
		}
		check(buf_str(&b), b.len, 1 + rnd(40));
	}
	buf_release(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(chosen_inputs),
		cmocka_unit_test(forms_are_as_defined),
		cmocka_unit_test(every_short_input),
		cmocka_unit_test(random_inputs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
