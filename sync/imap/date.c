#include "sync/imap/date.h"

#include <string.h>
#include <strings.h>

static const char months[12][4] = {
	"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"
};

/* Days from 1970-01-01 in the Gregorian calendar: eras of 400 years, a year that begins in March. */
static int64_t
days_from_civil(int64_t year, int month, int day)
{
	int64_t era, of_era, of_year;

	year -= month <= 2;
	era = (year >= 0 ? year : year - 399) / 400;
	of_era = year - era * 400;
	of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static void
civil_from_days(int64_t days, int64_t *year_r, int *month_r, int *day_r)
{
	int64_t era, doe, yoe, doy, mp;

	days += 719468;
	era = (days >= 0 ? days : days - 146096) / 146097;
	doe = days - era * 146097;
	yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	mp = (5 * doy + 2) / 153;
	*day_r = (int)(doy - (153 * mp + 2) / 5 + 1);
	*month_r = (int)(mp < 10 ? mp + 3 : mp - 9);
	*year_r = yoe + era * 400 + (*month_r <= 2);
}

/* n digits at *s, moved past them; -1 when they are not digits. */
static int
digits(const char **s, const char *end, int n)
{
	int value = 0;

	if (end - *s < n)
		return -1;
	for (; n > 0; n--, (*s)++) {
		if (**s < '0' || **s > '9')
			return -1;
		value = value * 10 + (**s - '0');
	}
	return value;
}

static int
is_char(const char **s, const char *end, char c)
{
	if (*s == end || **s != c)
		return 0;
	(*s)++;
	return 1;
}

static int
month_length(int year, int month)
{
	static const int length[12] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	int is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

	return length[month - 1] + (month == 2 && is_leap);
}

int
imap_date_parse(const char *s, size_t len, int64_t *time_r, int *zone_r)
{
	const char *end = s + len;
	int day, month = 0, year, hour, minute, second, zone, sign;

	while (s < end && *s == ' ')
		s++;
	day = digits(&s, end, end - s > 1 && s[1] == '-' ? 1 : 2);
	if (day < 1 || !is_char(&s, end, '-') || end - s < 4)
		return -1;
	while (month < 12 && strncasecmp(s, months[month], 3) != 0)
		month++;
	s += 3;
	if (month++ == 12 || !is_char(&s, end, '-'))
		return -1;
	year = digits(&s, end, 4);
	if (year < 1 || day > month_length(year, month) || !is_char(&s, end, ' '))
		return -1;
	hour = digits(&s, end, 2);
	if (hour < 0 || hour > 23 || !is_char(&s, end, ':'))
		return -1;
	minute = digits(&s, end, 2);
	if (minute < 0 || minute > 59 || !is_char(&s, end, ':'))
		return -1;
	second = digits(&s, end, 2);
	if (second < 0 || second > 60 || !is_char(&s, end, ' ') || s == end)
		return -1;
	sign = *s == '-' ? -1 : *s == '+' ? 1 : 0;
	s++;
	zone = digits(&s, end, 4);
	if (sign == 0 || zone < 0 || zone % 100 > 59 || zone / 100 > 23 || s != end)
		return -1;
	zone = sign * (zone / 100 * 60 + zone % 100);
	*time_r = days_from_civil(year, month, day) * 86400 + hour * 3600 + minute * 60 + second -
	    (int64_t)zone * 60;
	if (zone_r != NULL)
		*zone_r = zone;
	return 0;
}

void
imap_date_format(struct buf *out, int64_t time, int zone)
{
	const int64_t least = days_from_civil(1, 1, 1) * 86400, most = days_from_civil(10000, 1, 1) * 86400 - 1;
	int64_t local, days, rest, year;
	int month, day;

	if (zone <= -24 * 60 || zone >= 24 * 60)
		zone = 0;
	local = (time < least ? least : time > most ? most : time) + (int64_t)zone * 60;
	local = local < least ? least : local > most ? most : local;
	days = local / 86400;
	rest = local % 86400;
	if (rest < 0) {
		rest += 86400;
		days--;
	}
	civil_from_days(days, &year, &month, &day);
	buf_printf(out, "%2d-%s-%04d %02d:%02d:%02d %c%02d%02d", day, months[month - 1], (int)year,
	    (int)(rest / 3600), (int)(rest / 60 % 60), (int)(rest % 60), zone < 0 ? '-' : '+',
	    (zone < 0 ? -zone : zone) / 60, (zone < 0 ? -zone : zone) % 60);
}
