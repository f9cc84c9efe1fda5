#include "tests/sim/base.h"

#include <assert.h>

static void
copy_table(struct db *from, struct db *to, enum db_table t)
{
	static const struct db_val none = { NULL, 0 };
	struct db_val key, val;
	struct db_cursor *walk = NULL;
	struct err e;
	int got;

	got = db_walk_begin(from, t, none, &walk, &e);
	assert(got == 0);
	while ((got = db_walk_next(walk, &key, &val, &e)) > 0)
		if (db_put(to, t, key, val, &e) < 0)
			break;
	assert(got == 0);
	db_walk_end(&walk);
}

struct db_memory *
base_copy(struct db_memory *m)
{
	struct db_memory *copy = db_memory_new();
	struct db *from = NULL, *to = NULL;
	struct err e;
	int t, status;

	status = db_open_memory(m, &from, &e) | db_open_memory(copy, &to, &e);
	assert(status == 0);
	status = db_begin(from, &e) | db_begin(to, &e);
	assert(status == 0);
	for (t = 0; t < DB_TABLES; t++)
		copy_table(from, to, (enum db_table)t);
	status = db_commit(to, &e);
	assert(status == 0);
	(void)status;
	db_abort(from);
	db_close(&from);
	db_close(&to);
	return copy;
}
