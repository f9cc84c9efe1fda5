/* What was done to a message, as a person reads it: log, explain, and acts that are told. */
#ifndef CMD_LOG_WORDS_H
#define CMD_LOG_WORDS_H

#include "state/base/buf.h"
#include "state/state.h"

/* Appends `"hello" from Anna <anna@example.org>, 2025-01-31`: what is known of it; "" and 0 = not known. Not escaped. */
void log_words_message(struct buf *out, const char *subject, const char *from, int64_t date);

/* Appends `far   INBOX: "hello" from Anna <anna@example.org>, 2025-01-31: expunged UID 12 (gone from near)`; not escaped. */
void log_words(struct buf *out, const struct log_entry *l);

#endif
