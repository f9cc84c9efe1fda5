/* state/db in its three modes: one random script against a plain model, crashes, much at once,
 * and files that are damaged in every way we could think of. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "state/base/mem.h"
#include "state/base/step.h"
#include "state/db.h"
#include "tests/unit/ends.h"

static char dir[] = "/tmp/mailtwin-test-db.XXXXXX";
static char path[64];

static uint32_t dice = 1;

static uint32_t
roll(uint32_t below)
{
	dice = dice * 1664525u + 1013904223u;
	return (uint32_t)(((uint64_t)dice * below) >> 32);
}

static struct db_val
val(const char *s)
{
	return (struct db_val){ s, strlen(s) };
}

#define OK(call) do { struct err *e_ = &e; if ((call) < 0) fail_msg("%s: %s", #call, e_->text); } while (0)

static void
write_file(const void *data, size_t len)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(data, 1, len, f), len);
	fclose(f);
}

static char *
read_file(size_t *len)
{
	FILE *f = fopen(path, "r");
	struct stat st;
	char *data;

	assert_non_null(f);
	assert_int_equal(fstat(fileno(f), &st), 0);
	*len = (size_t)st.st_size;
	data = mem_alloc(*len);
	assert_int_equal(fread(data, 1, *len, f), *len);
	fclose(f);
	return data;
}

static int
fresh(void **state)
{
	(void)state;
	unlink(path);
	step_install(NULL, NULL);
	return 0;
}

/* ---- a script against a model ---- */

enum { MODEL_KEYS = 300 };

struct model {
	int value[MODEL_KEYS];		/* 0 = absent */
};

static void
key_name(int i, char name[16])
{
	snprintf(name, 16, "%c%03d", 'a' + i % 3, i);
}

static void
compare_with_model(struct db *db, const struct model *m, const char *prefix)
{
	struct db_cursor *walk;
	struct db_val key, v, last = { NULL, 0 };
	char name[16], text[32], lasts[16] = "";
	struct err e;
	size_t n = 0, want = 0, count;
	int i, got;

	OK(db_walk_begin(db, DB_META, val(prefix), &walk, &e));
	while ((got = db_walk_next(walk, &key, &v, &e)) > 0) {
		memcpy(name, key.data, key.len);
		name[key.len] = '\0';
		i = atoi(name + 1);
		assert_true(strcmp(lasts, name) < 0);
		strcpy(lasts, name);
		snprintf(text, sizeof text, "%d", m->value[i]);
		assert_int_equal(v.len, strlen(text));
		assert_memory_equal(v.data, text, v.len);
		n++;
	}
	OK(got);
	db_walk_end(&walk);
	for (i = 0; i < MODEL_KEYS; i++) {
		key_name(i, name);
		got = db_get(db, DB_META, val(name), &v, &e);
		assert_int_equal(got, m->value[i] != 0);
		want += m->value[i] != 0 && strncmp(name, prefix, strlen(prefix)) == 0;
	}
	assert_int_equal(n, want);
	if (*prefix == '\0') {
		OK(db_count(db, DB_META, &count, &e));
		assert_int_equal(count, want);
		/* The same by single steps. */
		for (n = 0; (got = db_next(db, DB_META, val(""), last, &key, &v, &e)) > 0; n++) {
			memcpy(lasts, key.data, key.len);
			last = (struct db_val){ lasts, key.len };
		}
		assert_int_equal(n, want);
	}
}

static void
change(struct db *db, struct model *m)
{
	char name[16], text[32];
	struct err e;
	int i = (int)roll(MODEL_KEYS);

	key_name(i, name);
	m->value[i] = roll(3) == 0 ? 0 : 1 + (int)roll(1000000);
	snprintf(text, sizeof text, "%d", m->value[i]);
	if (m->value[i] == 0)
		OK(db_delete(db, DB_META, val(name), &e));
	else
		OK(db_put(db, DB_META, val(name), val(text), &e));
}

/* A walk goes on behind its last key whatever is written in between. */
static void
walk_while_writing(struct db *db, struct model *m)
{
	struct db_cursor *walk;
	struct db_val key, v;
	char last[16] = "", name[16];
	struct err e;
	int got, i;

	OK(db_walk_begin(db, DB_META, val("b"), &walk, &e));
	while ((got = db_walk_next(walk, &key, &v, &e)) > 0) {
		memcpy(name, key.data, key.len);
		name[key.len] = '\0';
		assert_true(strcmp(last, name) < 0);
		/* Nothing that is there was passed over. */
		for (i = *last != '\0' ? atoi(last + 1) + 1 : 0; i < atoi(name + 1); i++)
			assert_true(i % 3 != 1 || m->value[i] == 0);
		strcpy(last, name);
		if (roll(2) == 0) {
			OK(db_delete(db, DB_META, val(name), &e));
			m->value[atoi(name + 1)] = 0;
		}
		change(db, m);
	}
	OK(got);
	db_walk_end(&walk);
}

static void
run_script(struct db **db, int (*reopen)(struct db **, struct err *), int rounds)
{
	struct model was = { { 0 } }, is;
	struct err e;
	int i, n;

	for (i = 0; i < rounds; i++) {
		OK(db_begin(*db, &e));
		is = was;
		assert_false(db_is_dirty(*db));
		for (n = (int)roll(60); n > 0; n--)
			change(*db, &is);
		if (roll(4) == 0)
			walk_while_writing(*db, &is);
		compare_with_model(*db, &is, roll(2) ? "" : "b");
		switch (roll(4)) {
		case 0:
			db_abort(*db);
			break;
		case 1:
			if (reopen == NULL)
				db_abort(*db);
			else
				OK(reopen(db, &e));	/* in mid-transaction: a crash */
			break;
		default:
			OK(db_commit(*db, &e));
			was = is;
		}
		OK(db_begin(*db, &e));
		compare_with_model(*db, &was, "");
		OK(db_commit(*db, &e));
	}
}

static int
reopen_disk(struct db **db, struct err *e)
{
	db_close(db);
	return db_open(path, DB_DISK, true, db, e);
}

static void
test_disk_follows_the_model(void **state)
{
	struct db *db;
	struct err e;
	struct stat st;

	(void)state;
	OK(db_open(path, DB_DISK, true, &db, &e));
	run_script(&db, reopen_disk, 60);
	db_close(&db);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
}

static struct db_memory *memory;

static int
reopen_memory(struct db **db, struct err *e)
{
	db_close(db);
	return db_open_memory(memory, db, e);
}

static void
test_memory_follows_the_model(void **state)
{
	struct db *db;
	struct err e;

	(void)state;
	memory = db_memory_new();
	OK(db_open_memory(memory, &db, &e));
	run_script(&db, reopen_memory, 300);
	db_close(&db);
	db_memory_free(&memory);
	assert_null(memory);
	OK(db_open(NULL, DB_MEMORY, true, &db, &e));
	run_script(&db, NULL, 20);
	db_close(&db);
}

static void
test_a_copy_follows_the_model_and_writes_nothing(void **state)
{
	struct db *db;
	struct err e;
	struct model m = { { 0 } };
	char *before, *after;
	size_t before_len, after_len;
	int i;

	(void)state;
	OK(db_open(path, DB_COPY, true, &db, &e));
	run_script(&db, NULL, 50);
	db_close(&db);
	assert_int_not_equal(access(path, F_OK), 0);

	OK(db_open(path, DB_DISK, true, &db, &e));
	OK(db_begin(db, &e));
	for (i = 0; i < 400; i++)
		change(db, &m);
	OK(db_commit(db, &e));
	db_close(&db);
	before = read_file(&before_len);
	OK(db_open(path, DB_COPY, true, &db, &e));
	for (i = 0; i < 50; i++) {
		int n;

		OK(db_begin(db, &e));
		for (n = 0; n < 20; n++)
			change(db, &m);
		walk_while_writing(db, &m);
		compare_with_model(db, &m, i % 2 ? "" : "c");
		OK(db_commit(db, &e));
	}
	db_close(&db);
	after = read_file(&after_len);
	assert_int_equal(before_len, after_len);
	assert_memory_equal(before, after, after_len);
	free(before);
	free(after);
}

/* ---- steps and durability ---- */

struct steps {
	unsigned long die_at, commits;
};

static bool
on_step(void *ctx, unsigned long n, enum step_kind kind, const char *what)
{
	struct steps *s = ctx;

	(void)what;
	s->commits += kind == STEP_COMMIT;
	return n == s->die_at;
}

static void
test_commit_is_a_step_only_when_something_changed(void **state)
{
	struct steps steps = { 0 };
	struct db_memory *m = db_memory_new();
	struct db_val v;
	struct db *db;
	struct err e;
	int mode;

	(void)state;
	for (mode = 0; mode < 2; mode++) {
		if (mode == 0)
			OK(db_open(path, DB_DISK, true, &db, &e));
		else
			OK(db_open_memory(m, &db, &e));
		steps = (struct steps){ 0 };
		step_install(on_step, &steps);
		OK(db_begin(db, &e));
		OK(db_delete(db, DB_META, val("nothing"), &e));
		OK(db_commit(db, &e));
		assert_int_equal(steps.commits, 0);
		OK(db_begin(db, &e));
		OK(db_put(db, DB_META, val("k"), val("v"), &e));
		OK(db_commit(db, &e));
		assert_int_equal(steps.commits, 1);
		steps.die_at = 2;
		OK(db_begin(db, &e));
		OK(db_put(db, DB_META, val("k"), val("w"), &e));
		assert_int_equal(db_commit(db, &e), -1);
		db_close(&db);
		step_install(NULL, NULL);
		if (mode == 0)
			OK(db_open(path, DB_DISK, true, &db, &e));
		else
			OK(db_open_memory(m, &db, &e));
		OK(db_begin(db, &e));
		assert_int_equal(db_get(db, DB_META, val("k"), &v, &e), 1);
		assert_memory_equal(v.data, "v", 1);
		db_close(&db);
	}
	db_memory_free(&m);
}

static void
test_stopped_while_creating(void **state)
{
	struct steps steps;
	struct db *db;
	struct err e;
	unsigned long n;

	(void)state;
	for (n = 1; n <= 3; n++) {
		unlink(path);
		steps = (struct steps){ .die_at = n };
		step_install(on_step, &steps);
		assert_int_equal(db_open(path, DB_DISK, true, &db, &e), -1);
		step_install(NULL, NULL);
		assert_int_equal(access(path, F_OK) == 0, n == 3);
		OK(db_open(path, DB_DISK, true, &db, &e));
		db_close(&db);
	}
}

static void
test_nothing_changed_writes_nothing(void **state)
{
	struct stat before, after;
	struct db *db;
	struct err e;
	struct db_val v;

	(void)state;
	OK(db_open(path, DB_DISK, true, &db, &e));
	OK(db_begin(db, &e));
	OK(db_put(db, DB_META, val("k"), val("v"), &e));
	OK(db_commit(db, &e));
	db_close(&db);
	assert_int_equal(stat(path, &before), 0);
	OK(db_open(path, DB_DISK, true, &db, &e));
	OK(db_begin(db, &e));
	assert_int_equal(db_get(db, DB_META, val("k"), &v, &e), 1);
	OK(db_commit(db, &e));
	db_close(&db);
	assert_int_equal(stat(path, &after), 0);
	assert_int_equal(before.st_mtim.tv_nsec, after.st_mtim.tv_nsec);
	assert_int_equal(before.st_ctim.tv_nsec, after.st_ctim.tv_nsec);
}

static void
test_much_in_one_transaction(void **state)
{
	struct db *db;
	struct db_cursor *walk;
	struct db_val key, v;
	struct err e;
	char name[16], *big = mem_alloc(3000);
	int i, got, round;

	(void)state;
	OK(db_open(path, DB_DISK, true, &db, &e));
	memset(big, 'x', 3000);
	for (round = 0; round < 3; round++) {
		OK(db_begin(db, &e));
		for (i = 0; i < 2000; i++) {
			snprintf(name, sizeof name, "%06d", (i * 7919 + round * 2000) % 6000);
			OK(db_put(db, DB_MESSAGES, val(name), (struct db_val){ big, 3000 }, &e));
			if (i % 5 == 4)
				OK(db_delete(db, DB_MESSAGES, val(name), &e));
		}
		OK(db_commit(db, &e));
	}
	OK(db_begin(db, &e));
	OK(db_walk_begin(db, DB_MESSAGES, val(""), &walk, &e));
	for (i = 0; (got = db_walk_next(walk, &key, &v, &e)) > 0; i++)
		assert_int_equal(v.len, 3000);
	OK(got);
	db_walk_end(&walk);
	assert_in_range(i, 1600, 4800);
	/* Much is written in the middle of a walk. */
	OK(db_walk_begin(db, DB_MESSAGES, val(""), &walk, &e));
	for (i = 0; (got = db_walk_next(walk, &key, &v, &e)) > 0 && i < 1000; i++) {
		snprintf(name, sizeof name, "k%06d", i);
		OK(db_put(db, DB_KEYS, val(name), (struct db_val){ big, 3000 }, &e));
		OK(db_put(db, DB_LOG, val(name), (struct db_val){ big, 3000 }, &e));
		OK(db_put(db, DB_INTENTS, val(name), (struct db_val){ big, 3000 }, &e));
	}
	assert_int_equal(i, 1000);
	db_walk_end(&walk);
	OK(db_commit(db, &e));
	db_close(&db);
	free(big);
}

/* Pages of files that count as this process's memory, in octets. */
static size_t
mapped_file_memory(void)
{
	FILE *f = fopen("/proc/self/statm", "r");
	unsigned long pages = 0;

	assert_non_null(f);
	assert_int_equal(fscanf(f, "%*u %*u %lu", &pages), 1);
	fclose(f);
	return pages * (size_t)sysconf(_SC_PAGESIZE);
}

/* A transaction that reads all over a large file, and is writing as well, keeps little of it in memory. */
static void
test_what_was_read_is_let_go(void **state)
{
	enum { RECORDS = 40000, RECORD = 1000 };
	struct db *db;
	struct db_val v;
	struct err e;
	char name[16], *big = mem_alloc(RECORD);
	size_t before, most = 0, now;
	int i;

	(void)state;
	OK(db_open(path, DB_DISK, false, &db, &e));
	OK(db_begin(db, &e));
	for (i = 0; i < RECORDS; i++) {
		memset(big, i & 0xff, RECORD);
		snprintf(name, sizeof name, "%08d", i);
		OK(db_put(db, DB_MESSAGES, val(name), (struct db_val){ big, RECORD }, &e));
	}
	OK(db_commit(db, &e));
	db_close(&db);
	OK(db_open(path, DB_DISK, false, &db, &e));
	before = mapped_file_memory();
	OK(db_begin(db, &e));
	for (i = 0; i < RECORDS; i++) {
		int at = (int)((int64_t)i * 7919 % RECORDS);

		snprintf(name, sizeof name, "%08d", at);
		assert_int_equal(db_get(db, DB_MESSAGES, val(name), &v, &e), 1);
		assert_int_equal(v.len, RECORD);
		assert_int_equal(((const unsigned char *)v.data)[RECORD - 1], at & 0xff);
		if (i % 1000 == 0)
			OK(db_put(db, DB_LOG, val(name), val("read"), &e));
		now = mapped_file_memory();
		most = now > most ? now : most;
	}
	OK(db_commit(db, &e));
	assert_true(most > before);
	assert_in_range(most - before, 0, (size_t)32 << 20);
	assert_in_range(mapped_file_memory() - before, 0, (size_t)32 << 20);
	db_close(&db);
	free(big);
}

/* ---- damage ---- */

static void
fill(int n)
{
	struct db *db;
	struct err e;
	static char big[20000];		/* overflow pages */
	char name[32], value[400];
	int i, round;

	OK(db_open(path, DB_DISK, true, &db, &e));
	for (round = 0; round < 4; round++) {
		OK(db_begin(db, &e));
		for (i = 0; i < n; i++) {
			snprintf(name, sizeof name, "key %08u", roll(1000000));
			memset(value, 'a' + i % 26, sizeof value);
			OK(db_put(db, i % 2 ? DB_MESSAGES : DB_KEYS, val(name),
			    (struct db_val){ value, roll(sizeof value) }, &e));
			if (i % 7 == 0)
				OK(db_delete(db, DB_KEYS, val(name), &e));
		}
		OK(db_put(db, DB_LOG, val("big"), (struct db_val){ big, sizeof big }, &e));
		OK(db_commit(db, &e));
	}
	db_close(&db);
}

/* Reads all of a file that may be damaged, and writes into it. */
static int
use_all(void *ctx, struct err *e)
{
	struct db *db = NULL;
	struct db_cursor *walk = NULL;
	struct db_val key, v;
	enum db_table t;
	char name[32];
	int got = 0, i;

	(void)ctx;
	if (db_open(path, DB_DISK, false, &db, e) != 0)
		return -1;
	if (db_begin(db, e) != 0) {
		db_close(&db);
		return -1;
	}
	for (t = 0; t < DB_TABLES && got == 0; t++) {
		got = db_walk_begin(db, t, val(""), &walk, e);
		while (got == 0 && (got = db_walk_next(walk, &key, &v, e)) > 0) {
			(void)memchr(key.data, 1, key.len);		/* reads it all */
			got = v.len != 0 && memchr(v.data, 1, v.len) == key.data ? -1 : 0;
		}
		db_walk_end(&walk);
	}
	for (i = 0; i < 50 && got == 0; i++) {
		snprintf(name, sizeof name, "new %d", i);
		got = db_put(db, DB_MESSAGES, val(name), val("value"), e);
	}
	if (got == 0)
		got = db_commit(db, e);
	db_close(&db);
	return got;
}

static void
test_garbage_and_short_files_are_told(void **state)
{
	char *data;
	size_t len, cut;
	struct db *db;
	struct err e;

	(void)state;
	write_file("this is not a data base\n", 24);
	assert_int_equal(db_open(path, DB_DISK, true, &db, &e), -1);
	assert_int_equal(e.scope, ERR_STORE);
	assert_int_equal(e.retry, ERR_NEVER);
	assert_non_null(strstr(e.text, path));
	assert_non_null(strstr(e.text, "move it aside"));
	assert_int_equal(db_open(path, DB_COPY, true, &db, &e), -1);
	data = mem_alloc(100000);
	write_file(data, 100000);
	assert_int_equal(db_open(path, DB_DISK, true, &db, &e), -1);
	free(data);

	/* An empty file is as good as none. */
	write_file("", 0);
	OK(db_open(path, DB_DISK, true, &db, &e));
	db_close(&db);

	unlink(path);
	fill(300);
	assert_int_equal(end_of(use_all, NULL), END_FINE);
	data = read_file(&len);
	for (cut = 500; cut < len; cut += cut < 9000 ? 500 : 4096) {
		write_file(data, cut);
		assert_int_not_equal(end_of(use_all, NULL), END_WRONG);
		if (cut < 8192)
			assert_int_equal(db_open(path, DB_DISK, true, &db, &e), -1);
	}
	free(data);
}

/* Whatever is changed, it ends: fine, with an error that says what to do, or by the end of that process. */
static void
test_damaged_pages_have_an_end(void **state)
{
	char *data, *bad;
	size_t len, i, at;
	int n, ends[4] = { 0 };
	enum ending end;

	(void)state;
	fill(300);
	data = read_file(&len);
	bad = mem_alloc(len);
	for (n = 0; n < 300; n++) {
		memcpy(bad, data, len);
		if (n % 3 == 0) {
			at = roll((uint32_t)len);
			bad[at] = (char)(bad[at] ^ (1 << roll(8)));
		} else if (n % 3 == 1) {
			at = roll((uint32_t)(len / 4096)) * 4096;
			for (i = 0; i < 16; i++)
				bad[at + i] = (char)roll(256);
		} else {
			at = roll((uint32_t)(len - 512)) & ~(size_t)511;
			for (i = 0; i < 512; i++)
				bad[at + i] = (char)roll(256);
		}
		write_file(bad, len);
		end = end_of(use_all, NULL);
		if (end == END_WRONG)
			fail_msg("%d: no clear end", n);
		ends[end]++;
	}
	assert_in_range(ends[END_TOLD], 20, 280);
	assert_in_range(ends[END_FINE], 5, 250);
	free(data);
	free(bad);
}

static int
cut_while_open(void *ctx, struct err *e)
{
	struct db *db;
	struct db_cursor *walk;
	struct db_val key, v;
	int got;

	(void)ctx;
	if (db_open(path, DB_DISK, true, &db, e) < 0 || db_begin(db, e) < 0 || db_walk_begin(db, DB_MESSAGES, val(""), &walk, e) < 0 ||
	    db_walk_next(walk, &key, &v, e) != 1 || truncate(path, 3 * 4096) < 0)
		return 0;
	while ((got = db_walk_next(walk, &key, &v, e)) > 0)
		continue;
	return got;
}

static void
test_a_file_cut_while_it_is_open(void **state)
{
	enum ending end;

	(void)state;
	fill(2000);
	end = end_of(cut_while_open, NULL);
	assert_true(end == END_TOLD || end == END_BROKEN);
}

static int
setup(void **state)
{
	(void)state;
	if (mkdtemp(dir) == NULL)
		return -1;
	snprintf(path, sizeof path, "%s/base.mdb", dir);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(dir);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_disk_follows_the_model, fresh),
		cmocka_unit_test_setup(test_memory_follows_the_model, fresh),
		cmocka_unit_test_setup(test_a_copy_follows_the_model_and_writes_nothing, fresh),
		cmocka_unit_test_setup(test_commit_is_a_step_only_when_something_changed, fresh),
		cmocka_unit_test_setup(test_stopped_while_creating, fresh),
		cmocka_unit_test_setup(test_nothing_changed_writes_nothing, fresh),
		cmocka_unit_test_setup(test_much_in_one_transaction, fresh),
		cmocka_unit_test_setup(test_what_was_read_is_let_go, fresh),
		cmocka_unit_test_setup(test_garbage_and_short_files_are_told, fresh),
		cmocka_unit_test_setup(test_damaged_pages_have_an_end, fresh),
		cmocka_unit_test_setup(test_a_file_cut_while_it_is_open, fresh),
	};

	return cmocka_run_group_tests_name("db", tests, setup, teardown);
}
