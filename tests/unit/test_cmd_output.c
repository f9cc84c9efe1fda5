/* What reaches the screen: escaping, widths, the progress line, JSON. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "cmd/json.h"
#include "cmd/progress.h"
#include "cmd/shown.h"

static void
escaped_is(const char *in, const char *wanted)
{
	struct buf b = { 0 };

	shown_escape(&b, in, false);
	assert_string_equal(buf_str(&b), wanted);
	buf_release(&b);
}

static void
nothing_controls_the_terminal(void **unused)
{
	(void)unused;
	escaped_is("plain", "plain");
	escaped_is("gr\xc3\xbc\xc3\x9f" "e \xe6\x97\xa5", "gr\xc3\xbc\xc3\x9f" "e \xe6\x97\xa5");
	escaped_is("a\033[2Jb\rc\n\td\177", "a\\u{1b}[2Jb\\u{d}c\\n\\td\\u{7f}");
	escaped_is("c1 \xc2\x9b" "2J", "c1 \\u{9b}2J");
	escaped_is("turn \xe2\x80\xae" "fdp", "turn \\u{202e}fdp");
	escaped_is("not utf-8: \xff\xc3", "not utf-8: \\xff\\xc3");
	escaped_is("overlong \xc0\xaf surrogate \xed\xa0\x80 high \xf4\x90\x80\x80",
	    "overlong \\xc0\\xaf surrogate \\xed\\xa0\\x80 high \\xf4\\x90\\x80\\x80");
}

static void
lines_stay_where_they_are_ours(void **unused)
{
	struct buf b = { 0 };

	(void)unused;
	shown_escape(&b, "one\ntwo\r\n", true);
	assert_string_equal(buf_str(&b), "one\ntwo\\u{d}\n");
	buf_release(&b);
}

static void
cut_is(const char *in, size_t width, const char *wanted)
{
	struct buf b = { 0 };

	shown_cut(&b, in, width);
	assert_string_equal(buf_str(&b), wanted);
	assert_true(shown_width(buf_str(&b)) <= width);
	buf_release(&b);
}

static void
text_is_cut_by_columns(void **unused)
{
	(void)unused;
	cut_is("hello", 5, "hello");
	cut_is("hello", 4, "hel~");
	cut_is("hello", 1, "~");
	cut_is("hello", 0, "");
	cut_is("\xe6\x97\xa5\xe6\x9c\xac", 4, "\xe6\x97\xa5\xe6\x9c\xac");
	cut_is("\xe6\x97\xa5\xe6\x9c\xac", 3, "\xe6\x97\xa5~");
	cut_is("\xe6\x97\xa5\xe6\x9c\xac", 2, "~");
}

static void
numbers_are_short(void **unused)
{
	static const struct { uint64_t n; const char *text; } sizes[] = { { 0, "0 bytes" }, { 999, "999 bytes" },
		{ 1000, "1.0 kB" }, { 9940, "9.9 kB" }, { 12345, "12 kB" }, { 999400, "999 kB" },
		{ 999600, "1.0 MB" }, { 60000000, "60 MB" }, { UINT64_MAX, "18 EB" } };
	static const struct { uint64_t n; const char *text; } times[] = { { 0, "0 s" }, { 59, "59 s" },
		{ 60, "1:00" }, { 245, "4:05" }, { 3599, "59:59" }, { 8100, "2:15:00" } };
	struct buf b = { 0 };

	(void)unused;
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		buf_clear(&b);
		shown_bytes(&b, sizes[i].n);
		assert_string_equal(buf_str(&b), sizes[i].text);
	}
	for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
		buf_clear(&b);
		shown_duration(&b, times[i].n);
		assert_string_equal(buf_str(&b), times[i].text);
	}
	buf_release(&b);
}

static void
progress_gives_up_the_least_first(void **unused)
{
	static const struct { unsigned width; const char *line; } wanted[] = {
		{ 200, "work (1/2): 12/199 mailboxes  340/1200 messages  1.2 MB  340 kB/s  12 s left" },
		{ 75, "work (1/2): 12/199 mailboxes  340/1200 messages  1.2 MB  12 s left" },
		{ 60, "12/199 mailboxes  340/1200 messages  1.2 MB  12 s left" },
		{ 50, "12/199 mailboxes  340/1200 messages  12 s left" },
		{ 40, "12/199 mailboxes  340/1200 messages" },
		{ 30, "12/199  340/1200  12 s left" },
		{ 20, "12/199  340/1200" },
		{ 10, "12/199  3~" },
		{ 1, "~" },
		{ 0, "" },
	};
	const struct progress_view v = { .channel = "work", .number = 1, .channels = 2,
		.run = { .boxes = 199, .boxes_done = 12, .messages = 1200, .messages_done = 340,
		.bytes_done = 1200000 }, .rate = 340000, .left = 12 };
	struct buf b = { 0 };

	(void)unused;
	for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
		buf_clear(&b);
		progress_render(&v, wanted[i].width, &b);
		assert_string_equal(buf_str(&b), wanted[i].line);
	}
	for (unsigned width = 0; width < 100; width++) {
		buf_clear(&b);
		progress_render(&v, width, &b);
		assert_true(shown_width(buf_str(&b)) <= width);
	}
	buf_release(&b);
}

static void
rendered_is(const struct progress_view *v, unsigned width, const char *line)
{
	struct buf b = { 0 };

	progress_render(v, width, &b);
	assert_string_equal(buf_str(&b), line);
	buf_release(&b);
}

static void
progress_says_what_is_waited_for(void **unused)
{
	const struct progress_view v = { .channel = "work", .number = 1, .channels = 1,
		.run = { .boxes = 199, .boxes_done = 12, .messages = 1200, .messages_done = 340, .bytes_done = 1200000 },
		.rate = 340000, .left = 12, .waiting = { "imap.example.com", 72 } };

	(void)unused;
	rendered_is(&v, 100, "work: 12/199 mailboxes  340/1200 messages  1.2 MB  waiting for imap.example.com, 1:12");
	rendered_is(&v, 79, "12/199 mailboxes  340/1200 messages  1.2 MB  waiting for imap.example.com, 1:12");
	rendered_is(&v, 72, "12/199 mailboxes  340/1200 messages  waiting for imap.example.com, 1:12");
	rendered_is(&v, 39, "waiting for imap.example.com, 1:12");
	rendered_is(&v, 33, "12/199  340/1200  waiting 1:12");
	rendered_is(&v, 20, "12/199  340/1200");
}

static void
progress_of_what_is_read(void **unused)
{
	const struct progress_view v = { .channel = "work", .number = 1, .channels = 1,
		.run = { .boxes = 199, .boxes_unread = 180, .heard = 34000 }, .left = -1 };

	(void)unused;
	rendered_is(&v, 80, "work: 19/199 mailboxes read  34000 messages");
	rendered_is(&v, 30, "19/199 read  34000");
}

static void
progress_begins_with_nothing_known(void **unused)
{
	const struct progress_view v = { .channel = "work", .number = 1, .channels = 1, .left = -1 };
	struct buf b = { 0 };

	(void)unused;
	progress_render(&v, 80, &b);
	assert_string_equal(buf_str(&b), "work: listing mailboxes");
	buf_release(&b);
}

static void
json_is_valid_whatever_comes(void **unused)
{
	struct buf b = { 0 };

	(void)unused;
	json_open(&b);
	json_text(&b, "event", "note");
	json_text(&b, "mailbox", NULL);
	json_text(&b, "text", "a \"b\" \\ c\n\t\033\177 \xff gr\xc3\xbc\xc3\x9f" "e \xe2\x80\xae");
	json_open_member(&b, "far");
	json_number(&b, "added", UINT64_MAX);
	json_bool(&b, "changed", true);
	json_close(&b);
	json_signed(&b, "time", -5);
	json_close(&b);
	assert_string_equal(buf_str(&b), "{\"event\":\"note\",\"mailbox\":null,\"text\":\"a \\\"b\\\" \\\\ c\\n\\u0009"
	    "\\u001b\\u007f \\ufffd gr\xc3\xbc\xc3\x9f" "e \\u202e\",\"far\":{\"added\":18446744073709551615,"
	    "\"changed\":true},\"time\":-5}");
	buf_release(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_controls_the_terminal),
		cmocka_unit_test(lines_stay_where_they_are_ours),
		cmocka_unit_test(text_is_cut_by_columns),
		cmocka_unit_test(numbers_are_short),
		cmocka_unit_test(progress_gives_up_the_least_first),
		cmocka_unit_test(progress_says_what_is_waited_for),
		cmocka_unit_test(progress_of_what_is_read),
		cmocka_unit_test(progress_begins_with_nothing_known),
		cmocka_unit_test(json_is_valid_whatever_comes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
