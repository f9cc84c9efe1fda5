/* Dates, ages and sizes as people write them. */
#include "sync/search/query_inside.h"

#include <string.h>
#include <strings.h>

#include "sync/message/days.h"

/* 1 to `most` digits; how many there were, 0 = none, or more than that. */
static size_t
read_number(const char *s, size_t most, uint64_t *n_r)
{
	size_t len = strspn(s, "0123456789");

	*n_r = 0;
	if (len > most)
		return 0;
	for (size_t i = 0; i < len; i++)
		*n_r = *n_r * 10 + (uint64_t)(s[i] - '0');
	return len;
}

int
query_read_age(const char *s, int64_t *seconds_r)
{
	static const struct { char unit; int64_t seconds; } units[] = {
		{ 'h', 3600 }, { 'd', 86400 }, { 'w', 7 * 86400 }, { 'm', 30 * 86400 }, { 'y', 365 * 86400 },
	};
	uint64_t n;
	size_t len = read_number(s, 5, &n);

	if (len == 0 || n == 0 || s[len] == '\0' || s[len + 1] != '\0')
		return -1;
	for (size_t i = 0; i < sizeof units / sizeof *units; i++)
		if ((s[len] | 0x20) == units[i].unit) {
			*seconds_r = (int64_t)n * units[i].seconds;
			/* nz-number of RFC 5032 has 32 bits, and no mail is older */
			return *seconds_r <= UINT32_MAX / 2 ? 0 : -1;
		}
	return -1;
}

static bool
is_date(int year, int month, int day)
{
	int y, m, d;

	if (year < 1 || month < 1 || month > 12 || day < 1 || day > 31)
		return false;
	days_date(days_of(year, month, day), &y, &m, &d);
	return m == month && d == day;
}

int
query_date(const char *s, int64_t today, int64_t *day_r)
{
	uint64_t n[3] = { 0, 1, 1 };
	int64_t seconds;
	char separator;
	size_t len;

	if (strcasecmp(s, "today") == 0 || strcasecmp(s, "yesterday") == 0) {
		*day_r = today - ((s[0] | 0x20) == 'y');
		return 0;
	}
	if (query_read_age(s, &seconds) == 0) {
		*day_r = today - seconds / 86400;
		return 0;
	}
	if (read_number(s, 4, &n[0]) != 4)
		return -1;
	s += 4;
	separator = *s;
	for (int i = 1; i < 3 && *s != '\0'; i++) {
		if ((separator != '-' && separator != '/') || *s != separator || (len = read_number(s + 1, 2, &n[i])) == 0)
			return -1;
		s += 1 + len;
	}
	if (*s != '\0' || !is_date((int)n[0], (int)n[1], (int)n[2]))
		return -1;
	*day_r = days_of((int)n[0], (int)n[1], (int)n[2]);
	return 0;
}

int
query_read_size(const char *s, uint64_t *octets_r)
{
	static const char units[] = "kmg";
	const char *unit;
	size_t len = read_number(s, 10, octets_r);
	unsigned shift = 0;

	if (len == 0)
		return -1;
	s += len;
	if (*s != '\0' && (unit = strchr(units, *s | 0x20)) != NULL && *unit != '\0') {
		shift = 10 * (unsigned)(unit - units + 1);
		s++;
		if ((*s | 0x20) == 'b')
			s++;
	}
	if (*s != '\0' || *octets_r > (UINT64_MAX >> 1) >> shift)
		return -1;
	*octets_r <<= shift;
	return 0;
}
