/* What a POP3 server says, as the reader takes it: whole, in pieces of each size, and hostile. */
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
#include "sync/net/md5.h"
#include "sync/pop3/caps.h"
#include "sync/net/lines.h"
#include "tests/unit/memory_stream.h"

static int
keep(void *ctx, const void *data, size_t len)
{
	buf_add(ctx, data, len);
	return 0;
}

static int
refuse(void *ctx, const void *data, size_t len)
{
	(void)ctx;
	(void)data;
	(void)len;
	return -1;
}

/* After the greeting one text, and a line behind it. */
static void
expect_text(const char *wire, const char *text, const char *behind)
{
	struct memory_stream m;
	struct lines *r;
	struct buf got = { 0 };
	mailstream *stream;
	const char *line;
	bool is_whole;
	struct err e;

	for (size_t piece = 0; piece < 12; piece++) {
		m = (struct memory_stream){ wire, strlen(wire), 0, piece };
		stream = memory_stream_open(&m);
		r = lines_new(stream, "pop");
		assert_int_equal(lines_next(r, &line, &e), 0);
		buf_clear(&got);
		if (lines_body(r, keep, &got, &is_whole, &e) < 0)
			fail_msg("%s: %s", wire, e.text);
		assert_true(is_whole);
		assert_string_equal(buf_str(&got), text);
		assert_int_equal(lines_next(r, &line, &e), 0);
		assert_string_equal(line, behind);
		/* And then it ends. */
		assert_int_equal(lines_next(r, &line, &e), -1);
		lines_free(&r);
		mailstream_close(stream);
	}
	buf_release(&got);
}

static void
texts_are_read(void **unused)
{
	(void)unused;
	expect_text("+OK\r\na\r\nb\r\n.\r\n+OK x\r\n", "a\r\nb\r\n", "+OK x");
	expect_text("+OK\r\n.\r\n+OK\r\n", "", "+OK");
	expect_text("+OK\r\n\r\n.\r\n+OK\r\n", "\r\n", "+OK");
	expect_text("+OK\r\n..\r\n...x\r\n..x\r\n.\r\n-ERR\r\n", ".\r\n..x\r\n.x\r\n", "-ERR");
	/* One who does not put a dot before a dot, and a line that is not the last. */
	expect_text("+OK\r\n.x\r\n.\rx\r\n.\r\n+OK\r\n", "x\r\n\rx\r\n", "+OK");
	expect_text("+OK\r\n.\r.\r\n.\r\n+OK\r\n", "\r.\r\n", "+OK");
}

/* A message with a bare LF in front of its dot ends nothing: what follows is its own, whatever it says. */
static void
nobody_speaks_for_the_server(void **unused)
{
	(void)unused;
	expect_text("+OK\r\na\n.\r\n+OK 1\r\n.\r\n+OK 2\r\n", "a\n.\r\n+OK 1\r\n", "+OK 2");
	expect_text("+OK\r\na\n.\n+OK 1\r\n.\r\n+OK 2\r\n", "a\n.\n+OK 1\r\n", "+OK 2");
	expect_text("+OK\r\na\r\n.\n+OK 1\r\n.\r\n+OK 2\r\n", "a\r\n\n+OK 1\r\n", "+OK 2");
	expect_text("+OK\r\na\r.\r\nb\r\n.\r\n+OK 2\r\n", "a\r.\r\nb\r\n", "+OK 2");
}

/* Of a server that ends its lines so. */
static void
bare_line_feeds_are_read(void **unused)
{
	(void)unused;
	expect_text("+OK\na\n..b\n.\n+OK\n", "a\n.b\n", "+OK");
	expect_text("+OK\na\r\n.\r\n+OK\n", "a\r\n", "+OK");
}

static void
lists_are_read(void **unused)
{
	static const char wire[] = "+OK\r\n1 a\r\n..2\r\n\r\n.\r\n+OK\r\n";
	struct memory_stream m = { wire, strlen(wire), 0, 3 };
	mailstream *stream = memory_stream_open(&m);
	struct lines *r = lines_new(stream, "pop");
	const char *line;
	struct err e;

	(void)unused;
	assert_int_equal(lines_next(r, &line, &e), 0);
	assert_int_equal(lines_item(r, &line, &e), 1);
	assert_string_equal(line, "1 a");
	assert_int_equal(lines_item(r, &line, &e), 1);
	assert_string_equal(line, ".2");
	assert_int_equal(lines_item(r, &line, &e), 1);
	assert_string_equal(line, "");
	assert_int_equal(lines_item(r, &line, &e), 0);
	assert_true(lines_has_input(r));
	lines_free(&r);
	mailstream_close(stream);
}

/* Each call fails, and goes on failing. */
static void
expect_fault(const char *data, size_t len, lines_sink *sink, const char *what)
{
	struct memory_stream m = { data, len, 0, 0 };
	mailstream *stream = memory_stream_open(&m);
	struct lines *r = lines_new(stream, "pop");
	const char *line;
	bool is_whole;
	struct err e = { .text = "" };
	int status = lines_next(r, &line, &e);

	if (status == 0 && sink != NULL)
		status = lines_body(r, sink, NULL, &is_whole, &e);
	assert_int_equal(status, -1);
	if (strstr(e.text, what) == NULL)
		fail_msg("%s: %s", what, e.text);
	assert_int_equal(lines_next(r, &line, &e), -1);
	lines_free(&r);
	mailstream_close(stream);
}

static void
floods_have_an_end(void **unused)
{
	const size_t room = (size_t)LINES_WASTE_MAX + (1 << 20);
	char *flood = mem_alloc(room);

	(void)unused;
	memset(flood, 'x', room);
	expect_fault(flood, room, NULL, "a line without end");
	memcpy(flood, "+OK\r\n", 5);
	expect_fault(flood, room, refuse, "a text without end");
	expect_fault("+OK a\0b\r\n", 9, NULL, "a NUL");
	expect_fault("+OK\r\nabc", 8, refuse, "closed");
	free(flood);
}

static void
capabilities_are_read(void **unused)
{
	struct pop3_caps caps = { .is_known = false };

	(void)unused;
	assert_true(pop3_caps_may(&caps, POP3_CAP_UIDL));
	pop3_caps_add(&caps, "TOP");
	assert_false(pop3_caps_may(&caps, POP3_CAP_UIDL));
	assert_true(pop3_caps_may(&caps, POP3_CAP_TOP));
	pop3_caps_add(&caps, "uidl");
	pop3_caps_add(&caps, "UIDLX");
	pop3_caps_add(&caps, "SASL PLAIN SCRAM-SHA-256");
	pop3_caps_add(&caps, "LOGIN-DELAY 60 USER");
	pop3_caps_add(&caps, "EXPIRE NEVER");
	assert_true(pop3_caps_may(&caps, POP3_CAP_UIDL));
	assert_false(pop3_caps_may(&caps, POP3_CAP_PIPELINING));
	assert_string_equal(buf_str(&caps.sasl), "PLAIN SCRAM-SHA-256");
	assert_int_equal(caps.login_delay, 60);
	for (int i = 0; i < 1000; i++)
		pop3_caps_add(&caps, "SASL ABCDEFGHIJKLMNOPQRSTUVWXYZ");
	assert_true(caps.sasl.len <= 1024);
	pop3_caps_release(&caps);
}

/* RFC 1939 section 7. */
static void
apop_is_that_of_the_rfc(void **unused)
{
	static const char timestamp[] = "<1896.697170952@dbc.mtview.ca.us>", secret[] = "tanstaaf";
	char hex[MD5_HEX];

	(void)unused;
	assert_int_equal(md5_hex(timestamp, strlen(timestamp), secret, strlen(secret), hex), 0);
	assert_string_equal(hex, "c4c9334bac560ecc979e58001b3e22fb");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts_are_read), cmocka_unit_test(nobody_speaks_for_the_server),
		cmocka_unit_test(bare_line_feeds_are_read), cmocka_unit_test(lists_are_read), cmocka_unit_test(floods_have_an_end),
		cmocka_unit_test(capabilities_are_read), cmocka_unit_test(apop_is_that_of_the_rfc),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
