/* INTERNALDATE, `date-time` of RFC 9051 section 9: " 7-Feb-2024 21:52:25 -0800", to and from seconds
 * since 1970 (UTC). No locale, no time zone of ours. */
#ifndef SYNC_IMAP_DATE_H
#define SYNC_IMAP_DATE_H

#include <stddef.h>
#include <stdint.h>

#include "state/base/buf.h"

/* s without its quotes. A day of one digit may lack its space; years are 1 to 9999, zones within 24
 * hours. *zone_r (may be NULL) = minutes east of UTC. Returns -1 when it is no such date. */
int imap_date_parse(const char *s, size_t len, int64_t *time_r, int *zone_r);

/* Appends the date in that zone, without quotes. A time outside of the years 1 to 9999 is brought to
 * the nearest of them. */
void imap_date_format(struct buf *out, int64_t time, int zone);

#endif
