#include "cmd/dates.h"

#include <time.h>

/* The first `length` octets of 2026-11-28 14:03:59. */
static const char *
dates_put(size_t length, int64_t when, char text[static DATES_SIZE])
{
	const time_t at = (time_t)when;
	struct tm tm;

	if (when == 0 || localtime_r(&at, &tm) == NULL || strftime(text, DATES_SIZE, "%Y-%m-%d %H:%M:%S", &tm) == 0)
		length = 0;
	text[length] = '\0';
	return text;
}

const char *
dates_day(int64_t when, char text[static DATES_SIZE])
{
	return dates_put(10, when, text);
}

const char *
dates_minute(int64_t when, char text[static DATES_SIZE])
{
	return dates_put(16, when, text);
}

const char *
dates_second(int64_t when, char text[static DATES_SIZE])
{
	return dates_put(19, when, text);
}

void
dates_add(struct buf *out, int64_t when)
{
	char text[DATES_SIZE];

	buf_adds(out, dates_minute(when, text));
}
