/* Passwords are kept out of what is said: whoever formats a message or a line of a log passes it through redact().
 *
 *   redact_add() for each secret, before threads are started -> redact() from any thread -> redact_clear()
 *
 * A server may echo what it was told, as it is or in base64, whole or cut off by a limit of ours.
 */
#ifndef STATE_BASE_REDACT_H
#define STATE_BASE_REDACT_H

#include <stddef.h>

/* Copies it, into memory that is wiped. Less than four octets are not looked for: they are in everything. */
void redact_add(const char *secret, size_t len);
void redact_clear(void);

/* Puts "[password]" where a secret stands in text, which has room for `size` octets, the NUL included; what does not fit any
 * more is cut off. A secret of less than eight octets must stand apart from other letters and digits. */
void redact(char *text, size_t size);

#endif
