#include "state/model/seen_digest.h"

#include <string.h>

#include "state/base/hash.h"

/* splitmix64's last step: every bit of x counts in each of the result's. */
static uint64_t
mix(uint64_t x)
{
	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

/* Keywords are in canonical order (state/model/flags.h). */
static uint64_t
digest(uint64_t name, struct flags flags)
{
	uint64_t h = mix(name ^ (uint64_t)flags.sys << 32);

	return *flags.kw == '\0' ? h : mix(h ^ hash_add(HASH_BEGIN, flags.kw, strlen(flags.kw)));
}

uint64_t
seen_digest_uid(uint32_t uid, struct flags flags)
{
	return digest(uid, flags);
}

uint64_t
seen_digest(struct key key, struct flags flags)
{
	return digest(key.len == 4 ? key_uid(key) : hash_add(HASH_BEGIN, key.data, key.len), flags);
}
