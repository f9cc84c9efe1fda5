/* A readable record of one connection, for bug reports: a file of mode 0600 per connection with the
 * lines of both sides, the time since it opened, and nothing secret.
 *
 *   0.000 -- account work (imap.example.org:993)
 *   0.051 S: * OK ready
 *   0.052 C: 1 LOGIN [secret]
 *
 * Invariants:
 *   1. The arguments of LOGIN, the initial response of AUTHENTICATE and everything both sides say as
 *      SASL data never reach the file, whatever the caller forgot to mark; nor does what it marked.
 *   2. Literals and long lines are shortened, with their size.
 *   3. A transcript that cannot be written ends; the connection goes on.
 */
#ifndef SYNC_NET_TRANSCRIPT_H
#define SYNC_NET_TRANSCRIPT_H

#include <stdbool.h>
#include <stddef.h>

#include "state/base/err.h"

struct transcript;

enum transcript_side {
	TRANSCRIPT_CLIENT,
	TRANSCRIPT_SERVER,
};

/* Creates dir if need be (0700), and in it HOST-N.txt for the first N that is free. Used by one
 * thread at a time. NULL with *e. */
struct transcript *transcript_open(const char *dir, const char *host, const char *label,
    struct err *e);
void transcript_close(struct transcript **t);

/* Bytes as they passed, in any portions. */
void transcript_data(struct transcript *t, enum transcript_side side, const void *p, size_t len,
    bool is_secret);

/* A line of our own. */
void transcript_note(struct transcript *t, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#endif
