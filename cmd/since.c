#include "cmd/since.h"

#include <time.h>

#include "sync/message/days.h"
#include "sync/search/query.h"

int
since_read(struct app *app, int64_t *since_r)
{
	time_t now = time(NULL);
	struct tm tm;
	int64_t day;
	int year, month, of_month;
	struct err e;

	*since_r = INT64_MIN;
	if (app->options.since == NULL)
		return 0;
	localtime_r(&now, &tm);
	if (query_date(app->options.since, days_of(tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday), &day) < 0) {
		err_class(&e, ERR_RUN, ERR_USAGE, ERR_NEVER, "--since takes a date such as 2025-01-31, 2025-01, today or 7d, not \"%s\"",
		    app->options.since);
		app_fail(app, &e);
		return -1;
	}
	days_date(day, &year, &month, &of_month);
	tm = (struct tm){ .tm_year = year - 1900, .tm_mon = month - 1, .tm_mday = of_month, .tm_isdst = -1 };
	*since_r = mktime(&tm);
	return 0;
}
