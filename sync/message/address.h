/* Addresses of a header field, as an envelope takes them (RFC 5322 section 3.4, RFC 6532, and the obsolete forms of section 4.4).
 *
 * Nothing of a header is trusted: what cannot be understood is an error, never half of an address.
 */
#ifndef SYNC_MESSAGE_ADDRESS_H
#define SYNC_MESSAGE_ADDRESS_H

#include <stddef.h>

/* Takes one, without < and >, comments and blanks; borrowed for the call. */
typedef void address_sink(void *ctx, const char *address);

/* The addresses of a list, which may have groups; value[0..len) is what stands behind the colon of a field, folded or not. 0, or -1 and *why_r
 * (a static string). */
int address_list(const char *value, size_t len, address_sink *sink, void *ctx, const char **why_r);

#endif
