/* What an SMTP server answers, as it is read: whole, in pieces of each size, and hostile; and what an address may be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "state/base/buf.h"
#include "state/base/mem.h"
#include "sync/smtp/caps.h"
#include "sync/smtp/reply.h"
#include "sync/smtp/session.h"
#include "tests/unit/memory_stream.h"

static void
on_line(void *ctx, const char *text)
{
	buf_printf(ctx, "%s|", text);
}

/* An answer, its lines, and what is left of it; the same however it arrives. */
static void
expect(const char *wire, unsigned code, const char *status, const char *text, const char *all)
{
	struct memory_stream m;
	struct smtp_reply reply;
	struct buf got = { 0 };
	mailstream *stream;
	struct lines *in;
	struct err e;

	for (size_t piece = 0; piece < 12; piece++) {
		m = (struct memory_stream){ wire, strlen(wire), 0, piece };
		stream = memory_stream_open(&m);
		in = lines_new(stream, "smtp");
		buf_clear(&got);
		if (smtp_reply_read(in, "smtp", on_line, &got, &reply, &e) < 0)
			fail_msg("%s: %s", wire, e.text);
		assert_int_equal(reply.code, code);
		assert_string_equal(reply.status, status);
		assert_string_equal(reply.text, text);
		assert_string_equal(buf_str(&got), all);
		lines_free(&in);
		mailstream_close(stream);
	}
	buf_release(&got);
}

static void
answers_are_read(void **unused)
{
	(void)unused;
	expect("220 mx ESMTP\r\n", 220, "", "mx ESMTP", "mx ESMTP|");
	expect("250\r\n", 250, "", "", "|");
	expect("250 \r\n", 250, "", "", "|");
	expect("250-mx\r\n250-SIZE 10\r\n250 DSN\r\n", 250, "", "mx SIZE 10 DSN", "mx|SIZE 10|DSN|");
	expect("550 5.7.1 no\r\n", 550, "5.7.1", "no", "5.7.1 no|");
	expect("550-5.7.1 not\r\n550-5.7.1\r\n550 5.7.1 here\r\n", 550, "5.7.1", "not here", "5.7.1 not|5.7.1|5.7.1 here|");
	/* One of another class, or none at all, is a word like others. */
	expect("450 5.7.1 x\r\n", 450, "", "5.7.1 x", "5.7.1 x|");
	expect("250 2.0 x\r\n", 250, "", "2.0 x", "2.0 x|");
	expect("250 2.0.0x y\r\n", 250, "", "2.0.0x y", "2.0.0x y|");
	expect("554 \x1b[31mred\r\n", 554, "", "?[31mred", "\x1b[31mred|");
	/* Of one who ends lines with LF alone. */
	expect("220-a\n220 b\n", 220, "", "a b", "a|b|");
}

static void
expect_error(const char *wire, size_t len, const char *words)
{
	struct memory_stream m = { wire, len, 0, 0 };
	mailstream *stream = memory_stream_open(&m);
	struct lines *in = lines_new(stream, "smtp");
	struct smtp_reply reply;
	struct err e;

	assert_int_equal(smtp_reply_read(in, "smtp", NULL, NULL, &reply, &e), -1);
	if (strstr(e.text, words) == NULL)
		fail_msg("%s: %s", wire, e.text);
	lines_free(&in);
	mailstream_close(stream);
}

static void
what_is_no_answer(void **unused)
{
	struct buf many = { 0 };

	(void)unused;
	expect_error("hello\r\n", 7, "does not answer as an SMTP server");
	expect_error("\r\n", 2, "does not answer as an SMTP server");
	expect_error("150 x\r\n", 7, "does not answer as an SMTP server");
	expect_error("600 x\r\n", 7, "does not answer as an SMTP server");
	expect_error("2500 x\r\n", 8, "does not answer as an SMTP server");
	expect_error("25 x\r\n", 6, "does not answer as an SMTP server");
	expect_error("250-a\r\n550 b\r\n", 15 - 1, "two codes");
	expect_error("250-a\r\n", 7, "closed");
	expect_error("250 a\0b\r\n", 9, "NUL");
	for (int i = 0; i < SMTP_REPLY_LINES + 1; i++)
		buf_adds(&many, "250-and\r\n");
	expect_error(many.data, many.len, "without end");
	buf_clear(&many);
	buf_adds(&many, "250 ");
	for (int i = 0; i < LINES_LINE_MAX; i++)
		buf_addc(&many, 'x');
	expect_error(many.data, many.len, "a line without end");
	buf_release(&many);
}

static void
offers_are_read(void **unused)
{
	static const char *const lines[] = { "SIZE 1000", "8bitmime", "PIPELINING", "STARTTLS", "AUTH PLAIN LOGIN", "AUTH=CRAM-MD5", "DSNX",
		"SIZEX 5", "" };
	struct smtp_caps caps = { .has = 0 };

	(void)unused;
	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
		smtp_caps_add(&caps, lines[i]);
	assert_int_equal(caps.has, SMTP_CAP_SIZE | SMTP_CAP_8BITMIME | SMTP_CAP_PIPELINING | SMTP_CAP_STARTTLS);
	assert_int_equal(caps.size, 1000);
	assert_string_equal(buf_str(&caps.sasl), "PLAIN LOGIN CRAM-MD5");
	smtp_caps_release(&caps);
	smtp_caps_add(&caps, "SIZE 99999999999999999999999");
	assert_int_equal(caps.size, 0);
	smtp_caps_add(&caps, "SIZE");
	assert_int_equal(caps.size, 0);
	for (int i = 0; i < 1000; i++)
		smtp_caps_add(&caps, "AUTH AVERYLONGNAMEOFAMECHANISM");
	assert_true(caps.sasl.len <= 2048);
	smtp_caps_release(&caps);
}

static void
addresses_that_may_be(void **unused)
{
	static const char *const good[] = { "a@b", "a.b+c@example.org", "\"a b\"@c", "\"a\\\"b>\"@c", "gr\303\274n@example.org", "root",
		"a@[127.0.0.1]" };
	static const char *const bad[] = { "", "a@b> SIZE=1", "a@b\r\nRCPT TO:<c@d>", "a\nb@c", "a@b\t", "a b@c", "a@b>", "<a@b", "\"a@b",
		"a@b\x7f", "a@\xff", "a,b@c", "a@b\xc2\x85" };
	char longest[300];

	(void)unused;
	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		if (smtp_address_fault(good[i]) != NULL)
			fail_msg("%s %s", good[i], smtp_address_fault(good[i]));
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		if (smtp_address_fault(bad[i]) == NULL)
			fail_msg("%s is taken", bad[i]);
	memset(longest, 'a', sizeof longest);
	longest[255] = '\0';
	assert_non_null(smtp_address_fault(longest));
	longest[254] = '\0';
	assert_null(smtp_address_fault(longest));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_are_read),
		cmocka_unit_test(what_is_no_answer),
		cmocka_unit_test(offers_are_read),
		cmocka_unit_test(addresses_that_may_be),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
