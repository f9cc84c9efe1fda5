/* Queries: what is understood, where what is not is pointed at, what a server is asked, what the disk finds; and decoded headers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sync/message/days.h"
#include "sync/message/decode.h"
#include "sync/search/query_match.h"
#include "sync/store/imap_inside.h"

enum { TODAY = 20089 };		/* 2025-01-01 */

static struct arena mem;

static int
forget(void **state)
{
	(void)state;
	arena_release(&mem);
	return 0;
}

static const struct query *
parsed(const char *text)
{
	struct query_error where;
	const struct query *q;
	struct err e;

	if (query_parse(text, TODAY, &mem, &q, &where, &e) < 0)
		fail_msg("%s: %s at %zu", text, e.text, where.at);
	return q;
}

/* What a server with these capabilities is asked. */
static const char *
asked_of(const char *caps_words, bool is_fuzzy, const char *text)
{
	static char out[4096];
	struct imap_query how = { .query = parsed(text), .is_fuzzy = is_fuzzy, .now = (int64_t)TODAY * 86400 + 3600 };
	struct imap_caps caps = { 0 };
	struct imap_command cmd;

	imap_caps_set(&caps, caps_words, strlen(caps_words));
	imap_command_init(&cmd, IMAP_READ, &caps, false);
	imap_query_put(&cmd, &how);
	assert_true(cmd.text.len < sizeof out);
	memcpy(out, buf_str(&cmd.text), cmd.text.len + 1);
	imap_command_release(&cmd);
	imap_caps_release(&caps);
	return out;
}

#define ASKED(text, keys) assert_string_equal(asked_of("IMAP4rev1 LITERAL+ WITHIN SAVEDATE", false, text), keys)

static void
words_become_keys(void **state)
{
	(void)state;
	ASKED("", "ALL");
	ASKED("  ", "ALL");
	ASKED("from:anna", "FROM anna");
	ASKED("From:Anna SUBJECT:lease", "FROM Anna SUBJECT lease");
	ASKED("subject:\"two words\"", "SUBJECT \"two words\"");
	ASKED("subject:\"a \\\"b\\\" \\\\ c\"", "SUBJECT \"a \\\"b\\\" \\\\ c\"");
	ASKED("lease", "TEXT lease");
	ASKED("\"or\"", "TEXT or");
	ASKED("a b c", "TEXT a TEXT b TEXT c");
	ASKED("a and b", "TEXT a TEXT b");
	ASKED("a or b", "OR TEXT a TEXT b");
	ASKED("a OR b c", "OR TEXT a (TEXT b TEXT c)");
	ASKED("(a or b) c", "OR TEXT a TEXT b TEXT c");
	ASKED("a or b or c", "OR OR TEXT a TEXT b TEXT c");
	ASKED("-a", "NOT TEXT a");
	ASKED("not a b", "NOT TEXT a TEXT b");
	ASKED("not (a b)", "NOT (TEXT a TEXT b)");
	ASKED("--a", "NOT NOT TEXT a");
	ASKED("-list:dev.x", "NOT HEADER List-Id dev.x");
	ASKED("cc:a bcc:b to:c body:d text:e", "CC a BCC b TO c BODY d TEXT e");
	ASKED("message-id:<a@b>", "HEADER Message-ID <a@b>");
	ASKED("header:X-Spam:yes header:X-Spam", "HEADER X-Spam yes HEADER X-Spam \"\"");
	ASKED("has:attachment", "HEADER Content-Type multipart/mixed");
	ASKED("larger:1M smaller:10k larger:5", "LARGER 1048576 SMALLER 10240 LARGER 5");
	ASKED("larger:5G", "LARGER 4294967295");
	ASKED("smaller:5G", "ALL");
	ASKED("is:unread is:read is:flagged is:answered is:draft", "UNSEEN SEEN FLAGGED ANSWERED DRAFT");
	ASKED("is:forwarded -is:forwarded keyword:$forwarded", "KEYWORD $Forwarded NOT KEYWORD $Forwarded KEYWORD $Forwarded");
	ASKED("keyword:work", "KEYWORD work");
	ASKED("gmail:has:drive", "X-GM-RAW has:drive");
	ASKED("since:2024-02-29 before:2024-3-1 on:2024/12/31", "SINCE 29-Feb-2024 BEFORE 1-Mar-2024 ON 31-Dec-2024");
	ASKED("after:2024 sent-on:today sent-before:yesterday", "SINCE 1-Jan-2024 SENTON 1-Jan-2025 SENTBEFORE 31-Dec-2024");
	ASKED("since:7d saved-since:2024-05", "SINCE 25-Dec-2024 SAVEDSINCE 1-May-2024");
	ASKED("newer:7d older:12h", "YOUNGER 604800 OLDER 43200");
	ASKED("http://example.org/x", "TEXT http://example.org/x");
	ASKED("12:30", "TEXT 12:30");
	ASKED("caf\xc3\xa9", "TEXT {5+}\r\ncaf\xc3\xa9");
	ASKED("nil", "TEXT \"nil\"");
}

static void
servers_that_offer_less(void **state)
{
	(void)state;
	assert_string_equal(asked_of("IMAP4rev1", false, "newer:7d older:1d saved-on:2024-01-02"), "SINCE 25-Dec-2024 BEFORE 31-Dec-2024 ON 2-Jan-2024");
	assert_string_equal(asked_of("IMAP4rev1", true, "subject:a -b is:read"), "FUZZY SUBJECT a NOT FUZZY TEXT b SEEN");
}

static void
at(const char *text, size_t place, const char *words)
{
	struct query_error where;
	const struct query *q;
	struct err e;

	assert_int_equal(query_parse(text, TODAY, &mem, &q, &where, &e), -1);
	if (strstr(e.text, words) == NULL || where.at != place)
		fail_msg("\"%s\": \"%s\" at %zu", text, e.text, where.at);
	assert_int_equal(e.class, ERR_USAGE);
}

static void
errors_have_a_place(void **state)
{
	(void)state;
	at("form:anna", 0, "no word \"form:\"");
	at("a sbject:x", 2, "no word");
	at("a (b", 2, "nowhere closed");
	at("a b)", 3, "ends none");
	at("()", 1, "nothing stands before");
	at("a or", 4, "missing at the end");
	at("or a", 0, "stands between");
	at("a or or b", 5, "stands between");
	at("a -(", 4, "missing at the end");
	at("not", 3, "missing at the end");
}

static void
values_have_a_place(void **state)
{
	(void)state;
	at("\"abc", 0, "nowhere ended");
	at("\"abc\"d", 5, "a blank is missing");
	at("\"\"", 0, "nothing between");
	at("from:", 5, "followed by a value");
	at("from: anna", 5, "followed by a value");
	at("header::x", 7, "name of a line");
	at("since:2025-02-30", 6, "takes a date");
	at("since:2025-13", 6, "takes a date");
	at("since:20250101", 6, "takes a date");
	at("since:2025-01/01", 6, "takes a date");
	at("newer:2025", 6, "takes an age");
	at("newer:7", 6, "takes an age");
	at("newer:99999y", 6, "takes an age");
	at("newer:0d", 6, "takes an age");
	at("larger:-1", 7, "takes a size");
	at("larger:9999999999G", 7, "takes a size");
	at("larger:1MM", 7, "takes a size");
	at("is:red", 3, "takes unread");
	at("has:paper", 4, "takes attachment");
	at("keyword:a*b", 8, "takes a keyword");
	at("a\x01" "b", 1, "control character");
	at("caf\xe9", 3, "no UTF-8");
}

static void
nothing_is_too_deep(void **state)
{
	enum { MANY = 8000 };
	char *text = malloc(MANY + 2);
	struct query_error where;
	const struct query *q;
	struct err e;

	(void)state;
	for (const char *c = "(-"; *c != '\0'; c++) {
		memset(text, *c, MANY);
		strcpy(text + MANY, "a");
		assert_int_equal(query_parse(text, TODAY, &mem, &q, &where, &e), -1);
	}
	for (size_t i = 0; i < MANY; i += 2)
		memcpy(text + i, "a ", 3);
	at(text, 400, "200 terms");
	free(text);
	text = calloc(1, 10000);
	memset(text, 'a', 9000);
	at(text, 0, "8192 octets");
	free(text);
}

/* ---- in a mailbox ---- */

static const char *
in_box(const char *text, const char *box)
{
	static const char *const kinds[] = { [QUERY_EVERY] = "every", [QUERY_NONE] = "none", [QUERY_TEXT] = "text", [QUERY_AND] = "and",
		[QUERY_NOT] = "not", [QUERY_OR] = "or" };

	return kinds[query_in_box(parsed(text), box, &mem)->kind];
}

static void
mailboxes_are_decided(void **state)
{
	(void)state;
	assert_string_equal(in_box("in:work", "work"), "every");
	assert_string_equal(in_box("in:WORK", "Work"), "every");
	assert_string_equal(in_box("in:work", "works"), "none");
	assert_string_equal(in_box("in:work/*", "work/a/b"), "every");
	assert_string_equal(in_box("in:work a", "INBOX"), "none");
	assert_string_equal(in_box("in:work a", "work"), "text");
	assert_string_equal(in_box("-in:work a", "work"), "none");
	assert_string_equal(in_box("in:work or a", "work"), "every");
	assert_string_equal(in_box("in:work or a", "INBOX"), "text");
	assert_string_equal(in_box("(in:x or in:y) a b", "y"), "and");
	assert_string_equal(in_box("-(in:x a)", "x"), "not");
	assert_string_equal(in_box("-(in:x a)", "y"), "every");
}

/* ---- on the disk ---- */

static bool
finds(const char *text)
{
	static const char header[] = "From: =?utf-8?q?J=C3=B6rg?= <joerg@example.org>\r\nTO: Ben <ben@example.net>,\r\n\tCarol\r\n"
	    "Date: Tue, 31 Dec 2024 23:30:00 -0100\r\nSubject: =?iso-8859-1?B?R3L832U=?=\r\n =?ISO-8859-1?Q?_von_J=F6rg?= lease\r\n"
	    "List-Id: <dev.example.org>\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\nFrom: body@example.org\r\n";
	char *copy = mem_dup(header, sizeof header - 1);
	const struct query_message m = { .header = copy, .len = sizeof header - 1, .flags = { FLAG_SEEN | FLAG_FLAGGED, "work" }, .size = 5000,
		.arrived = 0, .now = (int64_t)TODAY * 86400 + 7200 };
	const bool is = query_matches(parsed(text), &m);

	free(copy);
	return is;
}

static void
headers_match(void **state)
{
	(void)state;
	assert_true(finds("from:J\xc3\xb6rg"));
	assert_true(finds("from:J\xc3\x96RG"));
	assert_true(finds("from:JOERG@example"));
	assert_true(finds("from:\"j\x6f\xcc\x88rg\""));		/* composed and not composed */
	assert_false(finds("from:body"));
	assert_true(finds("to:carol to:ben"));
	assert_true(finds("subject:gr\xc3\xbc\xc3\x9f" "e"));
	assert_true(finds("subject:\"Gr\xc3\xbc\xc3\x9f" "e von J\xc3\xb6rg lease\""));
	assert_true(finds("multipart list-id"));
	assert_true(finds("list:dev -list:devel has:attachment"));
	assert_true(finds("header:list-id -header:x-no header:LIST-ID:dev"));
	assert_true(finds("sent-on:2024-12-31 on:2024-12-31 since:2024-12-31 before:2025-01-01"));
	assert_false(finds("sent-since:2025-01-01"));
	assert_true(finds("newer:2h older:1h"));
	assert_false(finds("newer:1h"));
	assert_true(finds("is:read is:flagged -is:answered -is:unread keyword:WORK -keyword:wor"));
	assert_true(finds("larger:4k smaller:5k"));
	assert_false(finds("nothing or nowhere"));
	assert_true(finds("nothing or lease"));
	assert_non_null(query_cannot_here(parsed("a or -body:x")));
	assert_non_null(query_cannot_here(parsed("gmail:x")));
	assert_null(query_cannot_here(parsed("a subject:b")));
}

/* ---- decoding ---- */

static const char *
decoded(const char *value)
{
	static char out[8192];
	char *copy = mem_dup(value, strlen(value) + (*value == '\0'));
	struct buf b = { 0 };

	decode_words(&b, copy, strlen(value));
	assert_true(b.len < sizeof out);
	memcpy(out, buf_str(&b), b.len + 1);
	buf_release(&b);
	free(copy);
	return out;
}

static void
words_are_decoded(void **state)
{
	static const struct { const char *value, *text; } cases[] = {
		{ "", "" }, { "plain = text =? ?=", "plain = text =? ?=" },
		{ "=?utf-8?q?a_b=20c?=", "a b c" }, { "=?UTF-8?B?R3LDvMOfZQ==?= x", "Gr\xc3\xbc\xc3\x9f" "e x" },
		{ "=?utf-8?q?a?= =?utf-8?q?b?=", "ab" }, { "=?utf-8?q?a?=  x =?utf-8?q?b?=", "a  x b" },
		{ "=?utf-8?q?gr=C3?= =?utf-8?q?=BC?=", "gr\xc3\xbc" },			/* a character cut in two */
		{ "=?utf-8?q?a?= =?iso-8859-1?q?=E9?= =?utf-8?q?=C3=A9?=", "a\xc3\xa9\xc3\xa9" },
		{ "=?windows-1252?q?=80=93?=", "\xe2\x82\xac\xe2\x80\x9c" }, { "=?iso-8859-15?q?=A4?=", "\xe2\x82\xac" },
		{ "=?utf-8*de?q?a?=", "a" }, { "=?koi8-r?q?=C1?=", "=?koi8-r?q?=C1?=" },
		{ "=?utf-8?q?=1B[31m=0A?=", " [31m " }, { "=?utf-8?q?=FF?=", "?" }, { "=?utf-8?q?a=?=", "=?utf-8?q?a=?=" },
		{ "=?utf-8?b?!!?=", "=?utf-8?b?!!?=" }, { "=?utf-8?x?a?=", "=?utf-8?x?a?=" }, { "=?utf-8?q?a", "=?utf-8?q?a" },
		{ "=?", "=?" }, { "=?utf-8?q?" "?=", "" }, { "=?utf-8?b?QQ?=", "A" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		assert_string_equal(decoded(cases[i].value), cases[i].text);
}

static void
dates_are_read(void **state)
{
	static const struct { const char *value; int64_t time; int zone; } cases[] = {
		{ "Mon, 1 Jan 2024 10:00:00 +0000", 1704103200, 0 }, { "1 Jan 2024 10:00 +0100", 1704099600, 60 },
		{ "Mon,  1 jan 24 10:00:00 EST", 1704121200, -300 }, { "Mon, 01 Jan 2024 10:00:00 -0130 (comment (nested))", 1704108600, -90 },
		{ "(x) Mon (y), 1 (z) Jan 2024 10:00:00 GMT", 1704103200, 0 }, { "Thu, 1 Jan 1970 00:00:00 Z", 0, 0 },
		{ "1-Jan-2024 10:00:00 +0000", 1704103200, 0 }, { "Fri, 31 Dec 99 23:59:60 +0000", 946684800, 0 },
	};
	static const char *const bad[] = { "", "Mon", "Mon, 1", "1 Foo 2024 10:00", "1 Jan 2024", "32 Jan 2024 10:00", "1 Jan 2024 24:00",
		"1 Jan 123456 10:00", "((((", "1 Jan 2024 10:", "99999999999 Jan 2024 10:00", "Mon, 1 Jan 2024 10:00:" };
	int64_t time;
	int zone;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		if (decode_date(cases[i].value, &time, &zone) < 0)
			fail_msg("%s", cases[i].value);
		assert_int_equal(time, cases[i].time);
		assert_int_equal(zone, cases[i].zone);
	}
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_int_equal(decode_date(bad[i], &time, NULL), -1);
}

static void
days_are_those_of_the_calendar(void **state)
{
	int64_t day = -800000;
	int y, m, d, was_m, was_d;

	(void)state;
	assert_int_equal(days_of(1970, 1, 1), 0);
	assert_int_equal(days_of(2000, 3, 1), 11017);
	days_date(day, &y, &was_m, &was_d);
	for (day++; day < 800000; day++) {
		days_date(day, &y, &m, &d);
		assert_int_equal(days_of(y, m, d), day);
		assert_true(d == was_d + 1 ? m == was_m : d == 1 && m == was_m % 12 + 1);
		was_m = m, was_d = d;
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(words_become_keys, forget),
		cmocka_unit_test_teardown(servers_that_offer_less, forget),
		cmocka_unit_test_teardown(errors_have_a_place, forget),
		cmocka_unit_test_teardown(values_have_a_place, forget),
		cmocka_unit_test_teardown(nothing_is_too_deep, forget),
		cmocka_unit_test_teardown(mailboxes_are_decided, forget),
		cmocka_unit_test_teardown(headers_match, forget),
		cmocka_unit_test(words_are_decoded),
		cmocka_unit_test(dates_are_read),
		cmocka_unit_test(days_are_those_of_the_calendar),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
