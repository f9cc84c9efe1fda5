#include "state/model/seen_digest.h"

#include <string.h>

/* splitmix64's last step: every bit of x counts in each of the result's. */
static uint64_t
mix(uint64_t x)
{
	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

/* FNV-1a */
static uint64_t
hash(const char *p, size_t len)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	while (len-- > 0)
		h = (h ^ (unsigned char)*p++) * UINT64_C(0x100000001b3);
	return h;
}

/* Keywords are in canonical order (state/model/flags.h). */
static uint64_t
digest(uint64_t name, struct flags flags)
{
	uint64_t h = mix(name ^ (uint64_t)flags.sys << 32);

	return *flags.kw == '\0' ? h : mix(h ^ hash(flags.kw, strlen(flags.kw)));
}

uint64_t
seen_digest_uid(uint32_t uid, struct flags flags)
{
	return digest(uid, flags);
}

uint64_t
seen_digest(struct key key, struct flags flags)
{
	return digest(key.len == 4 ? key_uid(key) : hash(key.data, key.len), flags);
}
