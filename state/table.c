/* A skip list: as short as an ordered map gets, and its walks are plain pointer chasing. */
#include "state/table.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "state/base/mem.h"

enum { LEVELS = 14 };			/* one in four goes up: good for 4^14 keys, slower beyond, still right */

struct node {
	struct table_entry entry;	/* first, so that an entry is its node */
	struct node *next[];		/* as many as the node has levels; the key's bytes follow */
};

struct table {
	struct node *first[LEVELS];
	int levels;			/* in use, at least 1 */
	size_t n;
	uint32_t dice;
};

struct table *
table_new(void)
{
	struct table *t = mem_alloc(sizeof *t);

	t->levels = 1;
	t->dice = 2463534242u;
	return t;
}

void
table_free(struct table **t)
{
	struct node *node, *next;

	if (*t == NULL)
		return;
	for (node = (*t)->first[0]; node != NULL; node = next) {
		next = node->next[0];
		free(node->entry.value.data);
		free(node);
	}
	free(*t);
	*t = NULL;
}

static int
compare(const struct node *node, const void *key, size_t key_len)
{
	size_t len = node->entry.key_len < key_len ? node->entry.key_len : key_len;
	int c = len != 0 ? memcmp(node->entry.key, key, len) : 0;

	if (c != 0)
		return c;
	return (node->entry.key_len > key_len) - (node->entry.key_len < key_len);
}

/* The first node >= key (or > key); with `links`, also what points to that place on each level. */
static struct node *
find(const struct table *t, const void *key, size_t key_len, bool is_after, struct node ***links)
{
	struct node *const *at = t->first;
	struct node *next;
	int level, c;

	for (level = t->levels - 1; level >= 0; level--) {
		while ((next = at[level]) != NULL) {
			c = compare(next, key, key_len);
			if (c > 0 || (c == 0 && !is_after))
				break;
			at = next->next;
		}
		if (links != NULL)
			links[level] = (struct node **)&at[level];
	}
	return at[0];
}

static int
roll_levels(struct table *t)
{
	int levels = 1;

	t->dice ^= t->dice << 13;
	t->dice ^= t->dice >> 17;
	t->dice ^= t->dice << 5;
	while (levels < LEVELS && ((t->dice >> (2 * levels)) & 3) == 0)
		levels++;
	return levels;
}

static void
insert(struct table *t, struct node **links[LEVELS], const void *key, size_t key_len,
    struct table_value value)
{
	int level, levels = roll_levels(t);
	size_t links_size = (size_t)levels * sizeof(struct node *);
	struct node *node = mem_alloc(sizeof *node + links_size + key_len);
	unsigned char *copy = (unsigned char *)node->next + links_size;

	if (key_len != 0)
		memcpy(copy, key, key_len);
	node->entry = (struct table_entry){ copy, key_len, value };
	while (t->levels < levels) {
		links[t->levels] = &t->first[t->levels];
		t->levels++;
	}
	for (level = 0; level < levels; level++) {
		node->next[level] = *links[level];
		*links[level] = node;
	}
	t->n++;
}

static void
unlink_node(struct table *t, struct node **links[LEVELS], struct node *node)
{
	int level;

	for (level = 0; level < t->levels; level++)
		if (*links[level] == node)
			*links[level] = node->next[level];
	while (t->levels > 1 && t->first[t->levels - 1] == NULL)
		t->levels--;
	t->n--;
	free(node);
}

void
table_set(struct table *t, const void *key, size_t key_len, struct table_value value,
    struct table_value *old_r)
{
	struct node **links[LEVELS];
	struct node *node = find(t, key, key_len, false, links);
	struct table_value old = { TABLE_ABSENT, NULL, 0 };

	if (node != NULL && compare(node, key, key_len) == 0) {
		old = node->entry.value;
		if (value.presence != TABLE_ABSENT)
			node->entry.value = value;
		else
			unlink_node(t, links, node);
	} else if (value.presence != TABLE_ABSENT) {
		insert(t, links, key, key_len, value);
	}
	*old_r = old;
}

const struct table_entry *
table_get(const struct table *t, const void *key, size_t key_len)
{
	struct node *node = find(t, key, key_len, false, NULL);

	return node != NULL && compare(node, key, key_len) == 0 ? &node->entry : NULL;
}

const struct table_entry *
table_seek(const struct table *t, const void *key, size_t key_len, bool is_after)
{
	struct node *node = find(t, key, key_len, is_after, NULL);

	return node != NULL ? &node->entry : NULL;
}

const struct table_entry *
table_next(const struct table_entry *entry)
{
	const struct node *next = ((const struct node *)(const void *)entry)->next[0];

	return next != NULL ? &next->entry : NULL;
}

size_t
table_count(const struct table *t)
{
	return t->n;
}
