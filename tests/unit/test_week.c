/* Deletions of the last seven days, as the guard is told of them (sync/env/week.c). */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "sync/env/env.h"

enum { DAY = 24 * 3600, TODAY = 20000 };

static void
assert_week(const struct box_side *bs, int64_t now, uint64_t deleted, uint64_t shown)
{
	struct plan_box_side side = { .week_deleted = 99, .week_shown = 99 };

	week_sum(bs, now, &side);
	assert_int_equal(side.week_deleted, deleted);
	assert_int_equal(side.week_shown, shown);
}

static void
seven_days_count(void **state)
{
	struct box_side bs = { .week = { { TODAY - 6, 3, 100 }, { TODAY, 4, 90 }, { TODAY - 2, 1, 97 } } };

	(void)state;
	assert_week(&(struct box_side){ 0 }, (int64_t)TODAY * DAY, 0, 0);
	/* To the last second of the seventh day, and from then on day by day less. */
	assert_week(&bs, (int64_t)TODAY * DAY + 5, 8, 100);
	assert_week(&bs, (int64_t)(TODAY + 1) * DAY - 1, 8, 100);
	assert_week(&bs, (int64_t)(TODAY + 1) * DAY, 5, 97);
	assert_week(&bs, (int64_t)(TODAY + 5) * DAY, 4, 90);
	assert_week(&bs, (int64_t)(TODAY + 7) * DAY, 0, 0);
	/* A clock that was set back forgets nothing. */
	assert_week(&bs, (int64_t)(TODAY - 30) * DAY, 8, 100);
}

static void
notes_are_of_the_other_side(void **state)
{
	struct run_box b = { .name = "INBOX" };

	(void)state;
	week_note(&b, &(struct op){ .side = NEAR, .weight = 3 });
	week_note(&b, &(struct op){ .side = NEAR, .weight = 0 });
	assert_int_equal(b.side[FAR].deleted, 3);
	assert_int_equal(b.side[NEAR].deleted, 0);
	/* What a person allowed is not counted. */
	b.allow_delete = true;
	week_note(&b, &(struct op){ .side = NEAR, .weight = 3 });
	assert_int_equal(b.side[FAR].deleted, 3);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(seven_days_count),
		cmocka_unit_test(notes_are_of_the_other_side),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
