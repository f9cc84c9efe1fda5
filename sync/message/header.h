/* Fields of a header as a person reads them, for reports: Subject, Message-ID, Date.
 *
 * Nothing in a header is trusted: it may hold anything, end anywhere, and go to a terminal.
 */
#ifndef SYNC_MESSAGE_HEADER_H
#define SYNC_MESSAGE_HEADER_H

#include <stdbool.h>
#include <stddef.h>

/* Looks in header[0..len), with CRLF or LF line ends, up to its first empty line, for the first field
 * called `name` (no colon; any case; RFC 5322 section 3.6.8, blanks before the colon as section 4.5
 * allows them). Puts its value into value_r[0..room), room >= 1: unfolded, blanks around it gone,
 * each run of blanks and control characters one blank, octets that are not UTF-8 a '?', cut between
 * characters where it does not fit, NUL-terminated. False, and "" there, if there is no such field.
 * Encoded words (RFC 2047) stay as they are. */
bool header_get(const char *header, size_t len, const char *name, char *value_r, size_t room);

/* How many fields called `name` header[0..len) has, up to its first empty line. */
size_t header_count(const char *header, size_t len, const char *name);

/* As header_get() has it, of a value [p, end) that was found otherwise. room >= 1. */
void header_unfold(const char *p, const char *end, char *value_r, size_t room);

#endif
