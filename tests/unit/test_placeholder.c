/* sync/message/placeholder.h: made as mbsync makes them, known again however they are cut, and nothing else taken for one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "sync/message/digest.h"
#include "sync/message/placeholder.h"

#define WORDS "\nHaving a size of 2.2MiB, this message is over the MaxSize limit.\n" \
	"Flag it and sync again (Sync mode Upgrade) to fetch its real contents.\n"

static struct ident
ident_of(const char *p, size_t len, enum digest_mode mode, size_t piece)
{
	struct err e;
	struct digest *d = digest_new(&e);
	struct ident is;
	size_t i;

	digest_start(d, mode);
	for (i = 0; i < len; i += piece)
		digest_feed(d, p + i, piece < len - i ? piece : len - i);
	if (mode == DIGEST_MESSAGE)
		assert_int_equal(digest_end(d, &is, &e), 0);
	else
		assert_int_equal(digest_end_header(d, DIGEST_SIZE_UNKNOWN, &is, &e), 0);
	digest_free(&d);
	return is;
}

static void
made_as_mbsync_makes_them(void **state)
{
	static const struct { const char *header, *want; bool is_flagged; } cases[] = {
		{ "From: a\nSubject: hell\nTo: b\n\nbody", "From: a\nSubject: [placeholder] hell\nTo: b\n" WORDS, false },
		{ "From: a\nTo: b\n\n", "From: a\nTo: b\nSubject: [placeholder] (No Subject)\n" WORDS, false },
		{ "SUBJECT:x\nSubject: y\n\n", "SUBJECT:[placeholder] x\nSubject: y\n" WORDS, false },
		{ "Subject: \n folded\n\n", "Subject: [placeholder] \n folded\n" WORDS "\nThe original message is flagged as important.\n", true },
	};
	struct buf out = { 0 };
	size_t i, piece;

	(void)state;
	for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct ident message = ident_of(cases[i].header, strlen(cases[i].header), DIGEST_HEADER, 1000), want = ident_of_placeholder(&message);

		buf_clear(&out);
		assert_true(placeholder_make(&out, cases[i].header, strlen(cases[i].header), 2300000, cases[i].is_flagged));
		assert_string_equal(buf_str(&out), cases[i].want);
		for (piece = 1; piece < 80; piece += 13) {
			struct ident is = ident_of(out.data, out.len, DIGEST_MESSAGE, piece);

			assert_true(is.has & IDENT_PLACEHOLDER);
			assert_int_equal(ident_compare(&is, &want), IDENT_SAME);
			assert_int_equal(ident_of(out.data, out.len, DIGEST_HEADER, piece).has, IDENT_PLACEHOLDER);
		}
		message.has |= IDENT_FULL;
		assert_int_equal(ident_compare(&message, &want), IDENT_DIFFER);
	}
	buf_clear(&out);
	assert_true(placeholder_make(&out, "Subject: x\r\n\r\n", 14, 5000, false));
	assert_non_null(strstr(buf_str(&out), "Subject: [placeholder] x\r\n\r\nHaving a size of 4KiB, "));
	buf_release(&out);
}

static void
none_where_it_would_not_be_known(void **state)
{
	static const char *const headers[] = { "Subject: [placeholder] x\n\n", "From: a\n", "\nbody", "" };
	struct buf out = { 0 };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof headers / sizeof headers[0]; i++)
		assert_false(placeholder_make(&out, headers[i], strlen(headers[i]), 5000, false));
	buf_release(&out);
}

static void
known_of_both_versions(void **state)
{
	static const char stamped[] = "From: a\nX-TUID: 123456789012\nSubject: [placeholder] (No Subject)\n\nHaving a size of 123KiB, "
		"this message is over the MaxSize limit.\nFlag it and sync again (Sync mode ReNew) to fetch its real contents.\n";
	const struct ident message = ident_of("From: a\n\n", 9, DIGEST_HEADER, 100), want = ident_of_placeholder(&message);
	struct ident is = ident_of(stamped, sizeof stamped - 1, DIGEST_MESSAGE, 7);

	(void)state;
	assert_int_equal(ident_compare(&is, &want), IDENT_SAME);
}

static void
nothing_else_is_one(void **state)
{
	static const char *const mails[] = {
		"Subject: x\n" WORDS, "Subject: [placeholder] x\n" WORDS "more", "Subject: [placeholder] x\n\nHaving a size of much, this\n",
		"Subject: [placeholder] x\n\n", "Subject: [placeholder] x\n", "Subject: [placeholder] x\n\nHaving a size of 2KiB, "
		"this message is over the MaxSize limit.\n", "A: b\n\nSubject: [placeholder] x\n" WORDS,
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof mails / sizeof mails[0]; i++)
		assert_false(ident_of(mails[i], strlen(mails[i]), DIGEST_MESSAGE, 9).has & IDENT_PLACEHOLDER);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(made_as_mbsync_makes_them), cmocka_unit_test(none_where_it_would_not_be_known),
		cmocka_unit_test(known_of_both_versions), cmocka_unit_test(nothing_else_is_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
