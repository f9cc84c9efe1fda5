/* Small named values: 'M' name -> value. */
#include <string.h>

#include "state/inside.h"
#include "state/names.h"

static struct db_val
name_val(const char *name)
{
	return (struct db_val){ name, strlen(name) };
}

int
memory_get(struct state *s, struct arena *a, const char *name, const char **value_r, struct err *e)
{
	struct state_key prefix = state_key_u8(META_MEMORY);
	const char *value;
	struct db_val val;
	int got = named_get(s->db, DB_META, state_val(&prefix), name_val(name), &val, e);

	if (got <= 0)
		return got;
	if (decode_string(val, &value) != 0)
		return db_damaged(s->db, "a remembered value", e);
	*value_r = arena_strdup(a, value);
	return 1;
}

int
memory_put(struct state *s, const char *name, const char *value, struct err *e)
{
	struct state_key prefix = state_key_u8(META_MEMORY);
	struct db_val old;
	int got;

	if (value == NULL)
		return named_delete(s->db, DB_META, state_val(&prefix), name_val(name), e);
	buf_clear(&s->value);
	encode_string(&s->value, value);
	got = named_get(s->db, DB_META, state_val(&prefix), name_val(name), &old, e);
	if (got < 0)
		return -1;
	if (got > 0 && old.len == s->value.len && memcmp(old.data, s->value.data, old.len) == 0)
		return 0;
	return named_put(s->db, DB_META, state_val(&prefix), name_val(name), state_buf_val(&s->value), e);
}

int
memory_next(struct state *s, struct arena *a, const char *prefix, const char *after, const char **name_r, struct err *e)
{
	const struct state_key kind = state_key_u8(META_MEMORY);
	struct buf from = { 0 }, begin = { 0 };
	struct db_val key, val, name, value;
	int got;

	buf_add(&begin, kind.data, kind.len);
	buf_adds(&begin, prefix);
	buf_add(&from, kind.data, kind.len);
	buf_adds(&from, after);
	got = db_next(s->db, DB_META, state_buf_val(&begin), *after != '\0' ? state_buf_val(&from) : (struct db_val){ NULL, 0 }, &key, &val, e);
	if (got > 0 && named_open(s->db, kind.len, key, val, &name, &value, e) != 0)
		got = -1;
	if (got > 0)
		*name_r = arena_strndup(a, name.data, name.len);
	buf_release(&from);
	buf_release(&begin);
	return got;
}
