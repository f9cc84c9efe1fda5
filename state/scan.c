/* Scans: the keys of one side of a box in order, with what was seen, and without their records.
 *
 * Keys too long for the table stand together behind their common beginning, in the order of their
 * hashes (state/names.h). Such a group is read whole and sorted when its first key is met; the walk
 * then passes over the rest of it.
 */
#include <stdlib.h>
#include <string.h>

#include "state/inside.h"
#include "state/names.h"

struct entry {
	size_t key, key_len;		/* in `bytes` */
	struct seen seen;
};

struct message_scan {
	struct state *s;
	struct state_key prefix;
	struct db_cursor *walk;
	struct buf bytes;		/* of the key given, or of the keys of the group */
	VEC(struct message_seen) group;	/* sorted; keys point into bytes */
	size_t given;			/* of the group */
	struct buf group_cut;		/* what the group's keys have in common, with the prefix */
};

int
message_scan_begin(struct state *s, uint32_t box, enum side side, struct message_scan **scan_r, struct err *e)
{
	struct message_scan *scan = mem_alloc(sizeof *scan);

	scan->s = s;
	scan->prefix = state_key_u32_u8(box, side);
	if (db_walk_begin(s->db, DB_KEYS, state_val(&scan->prefix), &scan->walk, e) != 0) {
		message_scan_end(&scan);
		return -1;
	}
	*scan_r = scan;
	return 0;
}

void
message_scan_end(struct message_scan **scan)
{
	if (*scan == NULL)
		return;
	db_walk_end(&(*scan)->walk);
	buf_release(&(*scan)->bytes);
	buf_release(&(*scan)->group_cut);
	vec_release(&(*scan)->group);
	free(*scan);
	*scan = NULL;
}

/* Adds the key to scan->bytes; the offset stands for the pointer until bytes has stopped growing. */
static int
open_entry(struct message_scan *scan, struct db_val key, struct db_val val, struct entry *entry_r,
    struct err *e)
{
	struct db_val name, value;

	if (named_open(scan->s->db, scan->prefix.len, key, val, &name, &value, e) != 0)
		return -1;
	if (decode_seen(value, &entry_r->seen) != 0)
		return db_damaged(scan->s->db, "the key of a message", e);
	entry_r->key = scan->bytes.len;
	entry_r->key_len = name.len;
	buf_add(&scan->bytes, name.data, name.len);
	return 0;
}

static struct message_seen
seen_of(const struct message_scan *scan, const struct entry *entry)
{
	return (struct message_seen){
		.key = { scan->bytes.data + entry->key, (uint32_t)entry->key_len },
		.id = entry->seen.id,
		.presence = entry->seen.presence,
		.sys = entry->seen.sys,
		.tail = entry->seen.tail,
	};
}

static int
compare_seen(const void *a, const void *b)
{
	return key_cmp(((const struct message_seen *)a)->key, ((const struct message_seen *)b)->key);
}

/* Reads all long keys that begin like `key`. */
static int
read_group(struct message_scan *scan, struct db_val key, struct err *e)
{
	struct db_cursor *walk = NULL;
	VEC(struct entry) entries = { 0 };
	struct entry entry;
	struct db_val val;
	size_t i;
	int got = -1;

	buf_clear(&scan->group_cut);
	buf_add(&scan->group_cut, key.data, scan->prefix.len + NAME_PLAIN);
	scan->group.n = scan->given = 0;
	buf_clear(&scan->bytes);
	if (db_walk_begin(scan->s->db, DB_KEYS, state_buf_val(&scan->group_cut), &walk, e) != 0)
		goto done;
	while ((got = db_walk_next(walk, &key, &val, e)) > 0) {
		if (!named_is_long(scan->prefix.len, key))
			continue;
		if (open_entry(scan, key, val, &entry, e) != 0) {
			got = -1;
			goto done;
		}
		vec_push(&entries, entry);
	}
	for (i = 0; i < entries.n; i++)
		vec_push(&scan->group, seen_of(scan, &entries.at[i]));
	if (scan->group.n > 1)
		qsort(scan->group.at, scan->group.n, sizeof scan->group.at[0], compare_seen);
done:
	db_walk_end(&walk);
	vec_release(&entries);
	return got;
}

int
message_scan_next(struct message_scan *scan, struct message_seen *seen_r, struct err *e)
{
	struct db_val key, val;
	struct entry entry;
	int got;

	while (scan->given >= scan->group.n) {
		got = db_walk_next(scan->walk, &key, &val, e);
		if (got <= 0)
			return got;
		if (!named_is_long(scan->prefix.len, key)) {
			buf_clear(&scan->bytes);
			if (open_entry(scan, key, val, &entry, e) != 0)
				return -1;
			*seen_r = seen_of(scan, &entry);
			return 1;
		}
		if (scan->group_cut.len != 0 && memcmp(key.data, scan->group_cut.data, scan->group_cut.len) == 0)
			continue;
		if (read_group(scan, key, e) != 0)
			return -1;
	}
	*seen_r = scan->group.at[scan->given++];
	return 1;
}
