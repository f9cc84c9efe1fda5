/* MD5 of two pieces as lower-case hex, for APOP (RFC 1939 section 7), which asks for it. */
#ifndef SYNC_NET_MD5_H
#define SYNC_NET_MD5_H

#include <stddef.h>

enum { MD5_HEX = 33 };

/* -1: it is not to be had here (FIPS). */
int md5_hex(const void *a, size_t a_len, const void *b, size_t b_len, char hex_r[MD5_HEX]);

#endif
