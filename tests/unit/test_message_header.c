/* Fields for reports, and the UTF-8 they and mailbox names are read by. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sync/message/header.h"
#include "sync/message/utf8.h"

/* From a copy of exact size, so that reading past its end shows under the sanitizer. */
static const char *
get(const char *header, size_t len, const char *name, size_t room)
{
	static char value[256];
	char *copy = malloc(len), *small = malloc(room);
	bool found;

	memcpy(copy, header, len);
	found = header_get(copy, len, name, small, room);
	memcpy(value, small, strlen(small) + 1);
	free(copy);
	free(small);
	return found ? value : NULL;
}

#define GET(h, name) get(h, sizeof(h) - 1, name, 200)

static void
finds_fields(void **state)
{
	static const char h[] = "Received: x\r\n\tSubject: not this\r\nsubject :  Hello\r\n  big\r\n\tworld \r\n"
	    "Subject: second\r\nMessage-ID: <a@b>\r\nEmpty:\r\n\r\nDate: in the body\r\n";

	(void)state;
	assert_string_equal(GET(h, "Subject"), "Hello big world");
	assert_string_equal(GET(h, "message-id"), "<a@b>");
	assert_string_equal(GET(h, "Empty"), "");
	assert_null(GET(h, "Date"));
	assert_null(GET(h, "Sub"));
	assert_null(GET(h, "Subjects"));
	assert_string_equal(GET("A: 1\nB: 2", "B"), "2");
	assert_string_equal(GET("A: 1\n b", "A"), "1 b");
	assert_null(GET("A", "A"));
	assert_null(GET("A ", "A"));
	assert_string_equal(GET("A:", "A"), "");
	assert_null(GET("", "A"));
	assert_null(GET("\nA: 1\n", "A"));
	assert_null(GET("\r\nA: 1\n", "A"));
}

static void
trusts_nothing(void **state)
{
	(void)state;
	assert_string_equal(GET("S: a\x1b[31mb\0c\x7f" "d\n", "S"), "a [31mb c d");
	assert_string_equal(GET("S: \xc2\x9b" "31m\n", "S"), "31m");
	assert_string_equal(GET("S: caf\xe9 \xc3\xa9 \xc3\n", "S"), "caf? \xc3\xa9 ?");
	assert_string_equal(get("S: abcdef\n", 10, "S", 4), "abc");
	assert_string_equal(get("S: abcdef\n", 10, "S", 1), "");
	assert_string_equal(get("S: ab cdef\n", 11, "S", 4), "ab");
	/* Cut before a character, not in it. */
	assert_string_equal(get("S: ab\xc3\xa9\n", 8, "S", 4), "ab");
	assert_string_equal(get("S: ab\xc3\xa9\n", 8, "S", 5), "ab\xc3\xa9");
}

static size_t
length(const char *s, size_t len)
{
	char *copy = malloc(len);
	uint32_t c;
	size_t n;

	memcpy(copy, s, len);
	n = utf8_get(copy, len, &c);
	free(copy);
	return n;
}

static void
utf8_is_strict(void **state)
{
	(void)state;
	assert_int_equal(length("\0", 1), 1);
	assert_int_equal(length("\x80", 1), 0);
	assert_int_equal(length("\xc1\xbf", 2), 0);
	assert_int_equal(length("\xe0\x9f\xbf", 3), 0);
	assert_int_equal(length("\xed\xa0\x80", 3), 0);
	assert_int_equal(length("\xf0\x8f\xbf\xbf", 4), 0);
	assert_int_equal(length("\xf4\x90\x80\x80", 4), 0);
	assert_int_equal(length("\xf5\x80\x80\x80", 4), 0);
	assert_int_equal(length("\xe2\x82", 2), 0);
	assert_int_equal(length("\xe2\x82x", 3), 0);
	assert_int_equal(length("\xf4\x8f\xbf\xbf", 4), 4);
}

static void
utf8_round_trip(void **state)
{
	struct buf b = {0};
	uint32_t c, got;

	(void)state;
	for (c = 0; c <= 0x10ffff; c++) {
		if (c >= 0xd800 && c <= 0xdfff)
			continue;
		buf_clear(&b);
		utf8_add(&b, c);
		if (utf8_get(b.data, b.len, &got) != b.len || got != c)
			fail_msg("U+%04X", (unsigned)c);
	}
	buf_release(&b);
}

static void
counts_fields(void **unused)
{
	static const char header[] = "Received: a\r\n\tReceived: folded\r\nreceived : b\r\nX-Received: c\r\n\r\nReceived: body\r\n";

	(void)unused;
	assert_int_equal(header_count(header, sizeof header - 1, "Received"), 2);
	assert_int_equal(header_count(header, sizeof header - 1, "Date"), 0);
	assert_int_equal(header_count(header, 0, "Received"), 0);
	assert_int_equal(header_count("Received:", 9, "Received"), 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_fields),
		cmocka_unit_test(counts_fields),
		cmocka_unit_test(trusts_nothing),
		cmocka_unit_test(utf8_is_strict),
		cmocka_unit_test(utf8_round_trip),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
