/* Days of the calendar that mail has (RFC 5322 section 3.3: proleptic Gregorian), counted from 1970-01-01 = 0. */
#ifndef SYNC_MESSAGE_DAYS_H
#define SYNC_MESSAGE_DAYS_H

#include <stdint.h>

/* month 1 to 12; a day beyond its month is one of the next. */
int64_t days_of(int year, int month, int day);
void days_date(int64_t days, int *year_r, int *month_r, int *day_r);

#endif
