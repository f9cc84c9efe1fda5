#include "state/model/key.h"

#include <string.h>

int
key_cmp(struct key a, struct key b)
{
	size_t len = a.len < b.len ? a.len : b.len;
	int c = len != 0 ? memcmp(a.data, b.data, len) : 0;

	if (c != 0)
		return c;
	return (a.len > b.len) - (a.len < b.len);
}

bool
key_equal(struct key a, struct key b)
{
	return key_cmp(a, b) == 0;
}

struct key
key_dup(struct arena *a, struct key k)
{
	if (k.len == 0)
		return KEY_NONE;
	return (struct key){ arena_dup(a, k.data, k.len), k.len };
}

struct key
key_from_string(const char *s)
{
	return (struct key){ s, (uint32_t)strlen(s) };
}

struct key
key_from_uid(struct arena *a, uint32_t uid)
{
	unsigned char b[4] = { (unsigned char)(uid >> 24), (unsigned char)(uid >> 16),
		(unsigned char)(uid >> 8), (unsigned char)uid };

	return (struct key){ arena_dup(a, b, sizeof b), sizeof b };
}

uint32_t
key_uid(struct key k)
{
	const unsigned char *b = (const unsigned char *)k.data;

	if (k.len != 4)
		return 0;
	return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

const char *
key_text(struct arena *a, struct key k, bool is_uid)
{
	if (is_uid && k.len == 4)
		return arena_printf(a, "UID %lu", (unsigned long)key_uid(k));
	return arena_strndup(a, k.data != NULL ? k.data : "", k.len);
}
