/* state/db_disk: what is read of a large file does not stay in our memory, and is there whenever it is asked for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "state/db.h"

enum { RECORDS = 24000, SIZE = 3000 };	/* a file of 100 MB */

static size_t
file_kb(void)
{
	FILE *f = fopen("/proc/self/status", "r");
	char line[256];
	size_t kb = 0;

	assert_non_null(f);
	while (fgets(line, sizeof line, f) != NULL)
		if (sscanf(line, "RssFile: %zu", &kb) == 1)
			break;
	fclose(f);
	return kb;
}

static void
key_of(unsigned i, char key[16])
{
	snprintf(key, 16, "%08x", i * 2654435761u);
}

static void
test_reading_all_keeps_little(void **state)
{
	char path[] = "/tmp/mailtwin-test-db-map.XXXXXX", key[16];
	char *body = calloc(1, SIZE);
	struct db *db = NULL;
	struct db_val val;
	struct err e;
	size_t before, most = 0, now;
	unsigned i, round;
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	unlink(path);
	assert_int_equal(db_open(path, DB_DISK, false, &db, &e), 0);
	assert_int_equal(db_begin(db, &e), 0);
	for (i = 0; i < RECORDS; i++) {
		key_of(i, key);
		snprintf(body, SIZE, "%u", i);
		assert_int_equal(db_put(db, DB_META, (struct db_val){ key, 8 }, (struct db_val){ body, SIZE }, &e), 0);
	}
	assert_int_equal(db_commit(db, &e), 0);
	db_close(&db);
	assert_int_equal(db_open(path, DB_DISK, false, &db, &e), 0);
	before = file_kb();
	for (round = 0; round < 2; round++)
		for (i = 0; i < RECORDS; i++) {
			if (i % 500 == 0)
				assert_int_equal(db_begin(db, &e), 0);
			key_of(i, key);
			assert_int_equal(db_get(db, DB_META, (struct db_val){ key, 8 }, &val, &e), 1);
			assert_int_equal(val.len, SIZE);
			assert_int_equal(strtoul(val.data, NULL, 10), i);
			now = i % 100 == 0 ? file_kb() : 0;
			most = now > most ? now : most;
			if (i % 500 == 499)
				db_abort(db);
		}
	db_close(&db);
	unlink(path);
	free(body);
	/* What is read between two looks: some pages and their neighbours for each of 2,500 calls at most. */
	assert_in_range(most - before, 0, 80 * 1024);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reading_all_keeps_little),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
