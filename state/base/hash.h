/* FNV-1a, 64 bits: quick, spreads well, and is no secret: never for what an opponent may choose to collide. */
#ifndef STATE_BASE_HASH_H
#define STATE_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

#define HASH_BEGIN UINT64_C(0xcbf29ce484222325)

/* Goes on from h: HASH_BEGIN, or the hash of what stands before. */
static inline uint64_t
hash_add(uint64_t h, const void *p, size_t len)
{
	const unsigned char *at = p;

	while (len-- > 0)
		h = (h ^ *at++) * UINT64_C(0x100000001b3);
	return h;
}

#endif
