/* Dates as a person reads them, in local time. */
#ifndef CMD_DATES_H
#define CMD_DATES_H

#include <stdint.h>

#include "state/base/buf.h"

enum { DATES_SIZE = 32 };	/* bytes for any of them, with the NUL */

/* They write into `text` and return it. `when` is seconds since 1970; 0 is no date, and gives "". */
const char *dates_day(int64_t when, char text[static DATES_SIZE]);	/* 2026-11-28 */
const char *dates_minute(int64_t when, char text[static DATES_SIZE]);	/* 2026-11-28 14:03 */
const char *dates_second(int64_t when, char text[static DATES_SIZE]);	/* 2026-11-28 14:03:59 */
void dates_add(struct buf *out, int64_t when);				/* appends dates_minute() */

#endif
