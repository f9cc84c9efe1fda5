/* Any bytes as a state of mbsync's: refused with a line, or read; and what was read is the same once it is written. And as a map of UIDs. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "sync/mbsync/state_file.h"
#include "sync/mbsync/uid_map.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
assert_same(const struct mbsync_state *a, const struct mbsync_state *b)
{
	size_t i;
	int s;

	assert(a->entries.n == b->entries.n);
	for (s = 0; s < SIDES; s++)
		assert(a->validity[s] == b->validity[s] && a->max[s] == b->max[s] && a->expired[s] == b->expired[s]);
	for (i = 0; i < a->entries.n; i++) {
		assert(a->entries.at[i].flags == b->entries.at[i].flags);
		assert(a->entries.at[i].placeholder == b->entries.at[i].placeholder);
		for (s = 0; s < SIDES; s++)
			assert(a->entries.at[i].uid[s] == b->entries.at[i].uid[s]);
	}
}

static void
read_map(const char *data, size_t size)
{
	struct mbsync_uid_map map;
	const struct mbsync_map_entry *entry;
	size_t i;

	if (mbsync_uid_map_parse(data, size, &map))
		for (i = 0; i < map.v.n; i++) {
			entry = &map.v.at[i];
			assert(entry->uid != 0 && entry->uid <= map.scheme.highest);
			assert(strchr(entry->name, ',') != NULL || mbsync_uid_map_find(&map, entry->name, strlen(entry->name)) == entry->uid);
		}
	mbsync_uid_map_release(&map);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mbsync_state state, again;
	struct buf text = { 0 };
	struct err e;
	int status;

	(void)mbsync_uid_of((const char *)data, size);
	read_map((const char *)data, size);
	if (mbsync_state_parse((const char *)data, size, "state", &state, &e) < 0) {
		assert(strstr(e.text, "state") != NULL);
	} else {
		mbsync_state_write(&state, &text);
		status = mbsync_state_parse(buf_str(&text), text.len, "state", &again, &e);
		assert(status == 0);
		assert_same(&state, &again);
		mbsync_state_release(&again);
	}
	mbsync_state_release(&state);
	buf_release(&text);
	return 0;
}
