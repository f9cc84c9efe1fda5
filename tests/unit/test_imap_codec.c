/* Names, sets, dates, capabilities, commands: what goes over the wire as text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "sync/imap/caps.h"
#include "sync/imap/date.h"
#include "sync/imap/uidset.h"
#include "sync/imap/utf7.h"
#include "sync/imap/writer.h"

static void
utf7_pairs(void **state)
{
	static const struct { const char *utf8, *utf7; } pairs[] = {
		{ "", "" },
		{ "INBOX", "INBOX" },
		{ "Entw\xc3\xbcrfe", "Entw&APw-rfe" },
		{ "~peter/mail/\xe5\x8f\xb0\xe5\x8c\x97/\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e", "~peter/mail/&U,BTFw-/&ZeVnLIqe-" },
		{ "a&b", "a&-b" },
		{ "&", "&-" },
		{ "&\xc3\xa9", "&-&AOk-" },
		{ "\xf0\x9f\x93\xa7 mail", "&2D3c5w- mail" },
		{ "\xc3\xa9\xc3\xa9\xc3\xa9", "&AOkA6QDp-" },
		{ "tab\there", "tab&AAk-here" },
		{ "\x7f", "&AH8-" },
		{ "\xf4\x8f\xbf\xbf", "&2,,f,w-" },
	};
	struct buf b = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
		buf_clear(&b);
		assert_int_equal(0, utf7_encode(&b, pairs[i].utf8, strlen(pairs[i].utf8)));
		assert_string_equal(pairs[i].utf7, buf_str(&b));
		buf_clear(&b);
		assert_int_equal(0, utf7_decode(&b, pairs[i].utf7, strlen(pairs[i].utf7)));
		assert_string_equal(pairs[i].utf8, buf_str(&b));
	}
	buf_release(&b);
}

static void
utf7_refuses(void **state)
{
	static const char *const bad7[] = {
		"&", "&A", "&AOk", "a&AOk", "&AGE-",	/* no end; plain text in base64 */
		"&AOl-",				/* loose bits */
		"&AOk-&AOk-",				/* should be one run */
		"&2D0-", "&3Oc-", "&2D0AYQ-",		/* half surrogates */
		"&AAA-",				/* NUL */
		"&A/k-", "&AOk/-",			/* "/" is "," here */
		"\xc3\xa9", "a\tb", "&AO-",
	};
	static const char *const bad8[] = {
		"\xc3", "\xc3\x28", "\xc0\x80", "\xc1\xbf", "\xe0\x80\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80",
		"\xf8\x88\x80\x80\x80", "\x80", "a\xff",
	};
	struct buf b = { 0 };

	(void)state;
	buf_adds(&b, "keep");
	for (size_t i = 0; i < sizeof bad7 / sizeof bad7[0]; i++)
		assert_int_equal(-1, utf7_decode(&b, bad7[i], strlen(bad7[i])));
	for (size_t i = 0; i < sizeof bad8 / sizeof bad8[0]; i++)
		assert_int_equal(-1, utf7_encode(&b, bad8[i], strlen(bad8[i])));
	assert_int_equal(-1, utf7_encode(&b, "a\0b", 3));
	assert_int_equal(-1, utf7_decode(&b, "a\0b", 3));
	assert_string_equal("keep", buf_str(&b));
	buf_release(&b);
}

static void
sets(void **state)
{
	struct imap_uidset set = { 0 };
	struct imap_uidset_pos at = { 0 };
	uint32_t uid;

	(void)state;
	assert_int_equal(0, imap_uidset_parse(&set, "1:5,9,20:*", 10));
	assert_int_equal(3, set.n);
	assert_int_equal(20, set.at[2].first);
	assert_true(imap_uidset_has(&set, 3) && !imap_uidset_has(&set, 6) && imap_uidset_has(&set, 4000000000u));
	imap_uidset_clear(&set);
	assert_int_equal(0, imap_uidset_parse(&set, "1:4294967295", 12));
	assert_true(imap_uidset_count(&set) == 4294967295u);
	imap_uidset_clear(&set);
	assert_int_equal(0, imap_uidset_parse(&set, "9:7,3,4:6", 9));
	for (int i = 0; i < 3; i++) {
		assert_int_equal(1, imap_uidset_next(&set, &at, &uid));
		assert_int_equal(7 + i, uid);
	}
	assert_int_equal(1, imap_uidset_next(&set, &at, &uid));
	assert_int_equal(3, uid);
	imap_uidset_normalise(&set);
	assert_int_equal(1, set.n);
	assert_int_equal(3, set.at[0].first);
	assert_int_equal(9, set.at[0].last);
	imap_uidset_release(&set);
}

static void
sets_refused(void **state)
{
	static const char *const bad[] = { "", "0", "1,", ",1", "1:", ":1", "1::2", "a", "1 2", "4294967296",
		"18446744073709551617", "1:2:3", "-1", "1,0" };
	struct imap_uidset set = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		assert_int_equal(-1, imap_uidset_parse(&set, bad[i], strlen(bad[i])));
		assert_int_equal(0, set.n);
	}
	imap_uidset_release(&set);
}

static void
sets_written(void **state)
{
	uint32_t uids[] = { 1, 2, 3, 5, 7, 8, 4294967294u };
	struct buf b = { 0 };

	(void)state;
	assert_int_equal(7, imap_uidset_write(&b, uids, 7, 100));
	assert_string_equal("1:3,5,7:8,4294967294", buf_str(&b));
	buf_clear(&b);
	assert_int_equal(4, imap_uidset_write(&b, uids, 7, 6));
	assert_string_equal("1:3,5", buf_str(&b));
	buf_release(&b);
}

static void
dates(void **state)
{
	static const struct { const char *text; int64_t time; int zone; } good[] = {
		{ " 7-Feb-2024 21:52:25 -0800", 1707371545, -480 },
		{ "01-Jan-1970 00:00:00 +0000", 0, 0 },
		{ "31-Dec-1969 23:59:59 +0000", -1, 0 },
		{ "29-Feb-2000 12:00:00 +0530", 951805800, 330 },
		{ "19-Jan-2038 03:14:08 +0000", 2147483648, 0 },
		{ " 1-Jan-0001 00:00:00 +0000", -62135596800, 0 },
	};
	static const char *const bad[] = { "", "NIL", "29-Feb-2023 00:00:00 +0000", "32-Jan-2023 00:00:00 +0000",
		"01-Foo-2023 00:00:00 +0000", "01-Jan-2023 24:00:00 +0000", "01-Jan-2023 00:00:00",
		"01-Jan-2023 00:00:00 0000", "01-Jan-2023 00:00:00 +00", "01-Jan-2023 00:00:00 +0000x",
		"01-Jan-23 00:00:00 +0000", "00-Jan-2023 00:00:00 +0000", "01-Jan-2023 00:00:00 +2400" };
	struct buf b = { 0 };
	int64_t t;
	int zone;

	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
		assert_int_equal(0, imap_date_parse(good[i].text, strlen(good[i].text), &t, &zone));
		assert_true(t == good[i].time);
		assert_int_equal(good[i].zone, zone);
		buf_clear(&b);
		imap_date_format(&b, t, zone);
		assert_string_equal(good[i].text + (good[i].text[0] == '0'), buf_str(&b) + (good[i].text[0] == '0'));
	}
	assert_int_equal(0, imap_date_parse("7-feb-2024 21:52:25 -0800", 25, &t, NULL));
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_int_equal(-1, imap_date_parse(bad[i], strlen(bad[i]), &t, &zone));
	for (t = -100000000000; t < 300000000000; t += 86399 * 7919) {
		int64_t again;

		buf_clear(&b);
		imap_date_format(&b, t, -345);
		if (t > -62135000000 && t < 253402000000) {
			assert_int_equal(0, imap_date_parse(b.data, b.len, &again, NULL));
			assert_true(again == t);
		}
		assert_int_equal(26, b.len);
	}
	buf_release(&b);
}

static void
capabilities(void **state)
{
	struct imap_caps caps = { 0 };
	struct buf auth = { 0 };
	const char *gmail = "IMAP4rev1 UNSELECT literal- AUTH=PLAIN AUTH=XOAUTH2 SASL-IR  APPENDLIMIT=35651584 Uidplus X-GM-EXT-1";

	(void)state;
	imap_caps_set(&caps, gmail, strlen(gmail));
	assert_true(imap_caps_has(&caps, IMAP_CAP_LITERAL_MINUS) && imap_caps_has(&caps, IMAP_CAP_UIDPLUS));
	assert_true(imap_caps_has(&caps, IMAP_CAP_APPENDLIMIT) && caps.append_limit == 35651584);
	assert_false(imap_caps_has(&caps, IMAP_CAP_QRESYNC));
	imap_caps_auth(&caps, &auth);
	assert_string_equal("PLAIN XOAUTH2", buf_str(&auth));
	assert_int_equal(0, imap_caps_disable(&caps, "condstore"));
	assert_int_equal(-1, imap_caps_disable(&caps, "NOSUCH"));
	imap_caps_set(&caps, "IMAP4rev1 QRESYNC", 17);
	assert_false(imap_caps_has(&caps, IMAP_CAP_QRESYNC) || imap_caps_has(&caps, IMAP_CAP_CONDSTORE));
	assert_true(imap_caps_has(&caps, IMAP_CAP_ENABLE));
	imap_caps_set(&caps, "IMAP4rev2", 9);
	assert_true(imap_caps_has(&caps, IMAP_CAP_MOVE) && imap_caps_has(&caps, IMAP_CAP_LIST_STATUS));
	imap_caps_release(&caps);
	buf_release(&auth);
}

static void
memory(void **state)
{
	static const char *const bad[] = { "", "2 PLAIN - / x a", "1", "1 ", "1 PLAIN", "1 PLAIN -", "1 PLAIN - %zz x y",
		"1 PLAIN - // x y", "1 AVERYVERYVERYLONGMECHANISMNAME - / x y" };
	struct imap_memory m = { .mechanism = "PLAIN", .shows_closed = true, .delimiter = '.' }, again = { 0 };
	struct buf b = { 0 };

	(void)state;
	buf_adds(&m.prefix, "INBOX %.");
	buf_adds(&m.caps, "IMAP4rev1 IDLE");
	imap_memory_write(&m, &b);
	imap_memory_read(&again, buf_str(&b));
	assert_string_equal("PLAIN", again.mechanism);
	assert_true(again.shows_closed && !again.is_stepwise && again.delimiter == '.');
	assert_string_equal("INBOX %.", buf_str(&again.prefix));
	assert_string_equal("IMAP4rev1 IDLE", buf_str(&again.caps));
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		imap_memory_read(&again, bad[i]);
		assert_string_equal("", again.mechanism);
		assert_int_equal(0, again.caps.len);
	}
	imap_memory_release(&m);
	imap_memory_release(&again);
	buf_release(&b);
}

static void
commands(void **state)
{
	struct imap_caps caps = { 0 };
	struct imap_command c;
	struct err e;
	uint32_t uids[3000];

	(void)state;
	imap_command_init(&c, IMAP_ANY, &caps, false);
	assert_int_equal(0, imap_put_mailbox(&c, "Entw\xc3\xbcrfe \"1\"", &e));
	assert_string_equal("\"Entw&APw-rfe \\\"1\\\"\"", c.text.data);
	assert_string_equal("Entw&APw-rfe \"1\"", c.box);
	assert_int_equal(-1, imap_put_mailbox(&c, "\xff", &e));
	assert_int_equal(ERR_BOX, e.scope);
	imap_command_release(&c);

	/* A name of the server's own with a newline in it must not become a command. */
	imap_command_init(&c, IMAP_ANY, &caps, false);
	imap_put_wire_mailbox(&c, "a\r\nA9 LOGOUT", 12);
	assert_string_equal("{12}\r\na\r\nA9 LOGOUT", c.text.data);
	assert_int_equal(1, c.stops.n);
	assert_true(c.stops.at[0].must_wait && c.stops.at[0].end == 6);
	imap_command_release(&c);
	imap_caps_set(&caps, "LITERAL-", 8);
	imap_command_init(&c, IMAP_ANY, &caps, false);
	imap_put_string(&c, "\xc3\xa9", 2);
	assert_string_equal("{2+}\r\n\xc3\xa9", c.text.data);
	assert_int_equal(0, c.stops.n);
	imap_put_literal(&c, &(struct imap_source){ .size = 4096 });
	imap_put_literal(&c, &(struct imap_source){ .size = 4097 });
	assert_true(!c.stops.at[0].must_wait && c.stops.at[1].must_wait && c.stops.at[1].has_source);
	imap_command_release(&c);

	imap_command_init(&c, IMAP_READ, &caps, false);
	for (int i = 0; i < 3000; i++)
		uids[i] = 1000000000u + 2 * (uint32_t)i;
	imap_put(&c, "UID FETCH ");
	assert_in_range(imap_put_uids(&c, uids, 3000, 100), 600, 730);
	assert_true(c.text.len < IMAP_COMMAND_MAX - 100);
	imap_command_release(&c);

	imap_command_init(&c, IMAP_WRITE, &caps, false);
	assert_int_equal(0, imap_put_flags(&c, (struct flags){ FLAG_SEEN | FLAG_FORWARDED, "$Junk work" }, &e));
	assert_string_equal("(\\Seen $Forwarded $Junk work)", c.text.data);
	assert_int_equal(-1, imap_put_flags(&c, (struct flags){ 0, "a)b" }, &e));
	assert_int_equal(-1, imap_put_flags(&c, (struct flags){ 0, "\xc3\xa9" }, &e));
	imap_command_release(&c);
	imap_caps_release(&caps);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(utf7_pairs), cmocka_unit_test(utf7_refuses), cmocka_unit_test(sets),
		cmocka_unit_test(sets_refused), cmocka_unit_test(sets_written), cmocka_unit_test(dates),
		cmocka_unit_test(capabilities), cmocka_unit_test(memory), cmocka_unit_test(commands),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
