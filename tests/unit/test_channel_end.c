/* What is kept of how runs ended: its form, and forms that are none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "state/inside.h"
#include "sync/channel_end.h"

#define OK(x) assert_int_equal((x), 0)

/* channel_end_get() of a value. */
static int
get(const char *value, struct arena *a, struct channel_end *end_r)
{
	struct db_memory *m = db_memory_new();
	struct state *s;
	struct err e;
	int got;

	OK(state_open_memory(m, "work", &s, &e));
	OK(state_begin(s, &e));
	OK(memory_put(s, "run.end work", value, &e));
	got = channel_end_get(s, "work", a, end_r, &e);
	state_abort(s);
	state_close(&s);
	db_memory_free(&m);
	return got;
}

static void
a_value_is_read(void **unused)
{
	struct arena a = { 0 };
	struct channel_end end;

	(void)unused;
	assert_int_equal(get("1 0 1700000000 0 1700000500 7\n"
	    "2\x1f\x1fthe network is down\n"
	    "0\x1f" "INBOX\x1f" "24 of 25 are deleted: --allow-delete INBOX\n"
	    "m\x1f" "INBOX\x1f" "12\x1f" "1704103200\x1f" "Anna <anna@example.org>\x1fhello\n", &a, &end), 1);
	assert_int_equal(end.state, CHANNEL_FAILING);
	assert_true(end.since == 1700000000 && end.told == 1700000500 && end.last == 0 && end.more == 7);
	assert_int_equal(end.errors.n, 2);
	assert_int_equal(end.errors.at[0].class, ERR_TEMPORARY);
	assert_null(end.errors.at[0].box);
	assert_string_equal(end.errors.at[1].box, "INBOX");
	assert_string_equal(end.errors.at[1].text, "24 of 25 are deleted: --allow-delete INBOX");
	assert_int_equal(end.held.n, 1);
	assert_true(end.held.at[0].uid == 12 && end.held.at[0].date == 1704103200);
	assert_string_equal(end.held.at[0].subject, "hello");
	channel_end_release(&end);
	arena_release(&a);
}

static void
what_is_none_tells_nothing(void **unused)
{
	static const char *const none[] = { "", "1", "1 0 1 1 1 1", "2 0 1 1 1 1\n", "1 9 1 1 1 1\n", "1 0 1 1 1\n", "1 0 1 1 1 1\n0\n",
		"1 0 1 1 1 1\n9\x1f\x1fx\n", "1 0 1 1 1 1\n0\x1f\x1fx\x1fy\n", "1 0 1 1 1 1\nm\x1f" "INBOX\x1f" "12\n", "1 0 1 1 1 1\n\n" };
	struct arena a = { 0 };
	struct channel_end end;

	(void)unused;
	for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
		assert_int_equal(get(none[i], &a, &end), 0);
		assert_true(end.state == CHANNEL_RECOVERED && end.errors.n == 0 && end.held.n == 0);
		channel_end_release(&end);
	}
	arena_release(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_value_is_read),
		cmocka_unit_test(what_is_none_tells_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
