#include "sync/mbsync/uid_map.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sync/mbsync/whole_file.h"

enum {
	MAGIC = 0x061561, TYPE_META = 8, TYPE_HASH = 13, TYPE_UNSORTED = 2, ITEM_OCTETS = 1,
	META_MAGIC = 12, META_PAGE = 20, META_TYPE = 25, META_FLAGS = 26, META_LAST = 32, META_SIZE = 72,
	PAGE_ITEMS = 20, PAGE_TYPE = 25, PAGE_HEAD = 26,
	PAGE_LEAST = 512, PAGE_MOST = 65536,
};
static const uint64_t most = UINT64_C(1) << 30;		/* octets: some ten million messages */

struct octets { const char *data; size_t len; };

static uint32_t
u32(const char *at)
{
	uint32_t n;

	memcpy(&n, at, sizeof n);
	return n;
}

static uint16_t
u16(const char *at)
{
	uint16_t n;

	memcpy(&n, at, sizeof n);
	return n;
}

/* Item i of a page. False: it is not within the page, or none of ours. */
static bool
item(const char *page, size_t size, size_t i, struct octets *out)
{
	size_t begin = u16(page + PAGE_HEAD + 2 * i), end = i == 0 ? size : u16(page + PAGE_HEAD + 2 * (i - 1));

	if (begin < PAGE_HEAD || begin >= end || end > size || page[begin] != ITEM_OCTETS)
		return false;
	*out = (struct octets){ page + begin + 1, end - begin - 1 };
	return true;
}

static bool
take_pair(struct mbsync_uid_map *map, struct octets key, struct octets value)
{
	static const char validity[] = "UIDVALIDITY";

	if (key.len == strlen(validity) && memcmp(key.data, validity, key.len) == 0) {
		if (value.len != 8 || map->scheme.validity != 0 || u32(value.data) == 0)
			return false;
		map->scheme = (struct mbsync_scheme){ u32(value.data), u32(value.data + 4) };
		return true;
	}
	if (value.len != 4 || key.len == 0 || memchr(key.data, '\0', key.len) != NULL || memchr(key.data, '/', key.len) != NULL)
		return false;
	vec_push(&map->v, (struct mbsync_map_entry){ arena_strndup(&map->arena, key.data, key.len), u32(value.data) });
	return true;
}

static bool
take_page(struct mbsync_uid_map *map, const char *page, size_t size)
{
	const size_t n = u16(page + PAGE_ITEMS);
	struct octets key, value;
	size_t i;

	if (page[PAGE_TYPE] != TYPE_HASH && page[PAGE_TYPE] != TYPE_UNSORTED)
		return true;
	if (n % 2 != 0 || PAGE_HEAD + 2 * n > size)
		return false;
	for (i = 0; i < n; i += 2)
		if (!item(page, size, i, &key) || !item(page, size, i + 1, &value) || !take_pair(map, key, value))
			return false;
	return true;
}

static int
cmp_uid(const void *x, const void *y)
{
	const struct mbsync_map_entry *a = x, *b = y;

	return (a->uid > b->uid) - (a->uid < b->uid);
}

static int
cmp_name(const void *x, const void *y)
{
	const struct mbsync_map_entry *a = x, *b = y;

	return strcmp(a->name, b->name);
}

/* No name twice, no UID twice, none that was not given. Leaves them by name. */
static bool
is_sound(struct mbsync_uid_map *map)
{
	size_t i;

	if (map->scheme.validity == 0)
		return false;
	if (map->v.n == 0)
		return true;
	qsort(map->v.at, map->v.n, sizeof map->v.at[0], cmp_uid);
	if (map->v.at[0].uid == 0 || map->v.at[map->v.n - 1].uid > map->scheme.highest)
		return false;
	for (i = 1; i < map->v.n; i++)
		if (map->v.at[i].uid == map->v.at[i - 1].uid)
			return false;
	qsort(map->v.at, map->v.n, sizeof map->v.at[0], cmp_name);
	for (i = 1; i < map->v.n; i++)
		if (strcmp(map->v.at[i].name, map->v.at[i - 1].name) == 0)
			return false;
	return true;
}

bool
mbsync_uid_map_parse(const char *data, size_t len, struct mbsync_uid_map *map_r)
{
	size_t size, at;

	*map_r = (struct mbsync_uid_map){ 0 };
	if (len < META_SIZE || u32(data + META_MAGIC) != MAGIC || data[META_TYPE] != TYPE_META || data[META_FLAGS] != 0)
		return false;
	size = u32(data + META_PAGE);
	if (size < PAGE_LEAST || size > PAGE_MOST || len % size != 0 || len / size != (uint64_t)u32(data + META_LAST) + 1)
		return false;
	for (at = size; at < len; at += size)
		if (!take_page(map_r, data + at, size))
			return false;
	return is_sound(map_r);
}

int
mbsync_uid_map_read(const char *directory, struct mbsync_uid_map *map_r, struct err *e)
{
	char *path = mem_printf("%s/" MBSYNC_UIDMAP, directory);
	struct buf text = { 0 };
	int got;

	*map_r = (struct mbsync_uid_map){ 0 };
	got = whole_file_read(path, most, &text, e);
	if (got > 0 && !mbsync_uid_map_parse(buf_str(&text), text.len, map_r))
		got = err_class(e, ERR_BOX, ERR_FAILED, ERR_NEVER, "%s is not whole, or not as mbsync writes it", path);
	buf_release(&text);
	free(path);
	return got;
}

void
mbsync_uid_map_release(struct mbsync_uid_map *map)
{
	vec_release(&map->v);
	arena_release(&map->arena);
}

uint32_t
mbsync_uid_map_find(const struct mbsync_uid_map *map, const char *name, size_t len)
{
	const char *comma = memchr(name, ',', len);
	struct arena a = { 0 };
	const struct mbsync_map_entry want = { .name = arena_strndup(&a, name, comma != NULL ? (size_t)(comma - name) : len) };
	const struct mbsync_map_entry *found = map->v.n == 0 ? NULL : bsearch(&want, map->v.at, map->v.n, sizeof map->v.at[0], cmp_name);

	arena_release(&a);
	return found != NULL ? found->uid : 0;
}
