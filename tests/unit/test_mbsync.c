/* What mbsync writes: its state in all dialects, where it is, the UIDs in names and in maps (sync/mbsync). */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sync/mbsync/find.h"
#include "sync/mbsync/state_file.h"
#include "sync/mbsync/uid_map.h"

#define HEADER "FarUidValidity 11\nNearUidValidity 12\nMaxPulledUid 8\nMaxPushedUid 9\n"

static int
parse(const char *text, struct mbsync_state *s, struct err *e)
{
	return mbsync_state_parse(text, strlen(text), "PATH", s, e);
}

static void
entries_are_read(void **state)
{
	struct mbsync_state s;
	struct err e;

	(void)state;
	assert_int_equal(parse(HEADER "MaxExpiredFarUid 3\n\n4 1 \n5 0 ^\n6 2 <FS\n7 3 >~DFPRST\n0 4 T\n8 5\n", &s, &e), 0);
	assert_int_equal(s.validity[FAR], 11);
	assert_int_equal(s.validity[NEAR], 12);
	assert_int_equal(s.max[FAR], 8);
	assert_int_equal(s.max[NEAR], 9);
	assert_int_equal(s.expired[FAR], 3);
	assert_int_equal(s.expired[NEAR], 0);
	assert_int_equal(s.entries.n, 6);
	assert_int_equal(s.entries.at[0].uid[FAR], 4);
	assert_int_equal(s.entries.at[0].uid[NEAR], 1);
	assert_int_equal(s.entries.at[0].flags, 0);
	assert_true(s.entries.at[1].is_skipped);
	assert_int_equal(s.entries.at[2].placeholder, PLACEHOLDER_FAR);
	assert_int_equal(s.entries.at[2].flags, FLAG_FLAGGED | FLAG_SEEN);
	assert_int_equal(s.entries.at[3].placeholder, PLACEHOLDER_NEAR);
	assert_true(s.entries.at[3].is_expired);
	assert_int_equal(s.entries.at[3].flags, FLAG_ALL);
	assert_int_equal(s.entries.at[4].uid[FAR], 0);
	mbsync_state_release(&s);
}

static void
dialects_are_read(void **state)
{
	struct mbsync_state s;
	struct err e;

	(void)state;
	/* Before 1.1, and 1.3 and its words: the highest expired UID is near's. */
	assert_int_equal(parse("11:8 12:2:9\n4 1 X\n5 2 XS\n6 3 X\n7 4294967295 \n", &s, &e), 0);
	assert_int_equal(s.validity[NEAR], 12);
	assert_int_equal(s.max[FAR], 8);
	assert_int_equal(s.max[NEAR], 9);
	assert_int_equal(s.expired[FAR], 5);
	assert_int_equal(s.entries.n, 4);
	assert_true(s.entries.at[3].is_skipped);
	assert_int_equal(s.entries.at[3].uid[NEAR], 0);
	mbsync_state_release(&s);
	assert_int_equal(parse("SlaveUidValidity 12\nMaxPushedUid 9\nMasterUidValidity 11\nMaxExpiredSlaveUid 0\nMaxPulledUid 8\n\n", &s, &e), 0);
	assert_int_equal(s.validity[FAR], 11);
	assert_int_equal(s.entries.n, 0);
	mbsync_state_release(&s);
	assert_int_equal(parse(HEADER "MaxExpiredNearUid 4\n\n1 0 ~\n", &s, &e), 0);
	assert_int_equal(s.expired[NEAR], 4);
	mbsync_state_release(&s);
}

static void
what_is_not_so_is_refused(void **state)
{
	static const struct { const char *text, *words; } bad[] = {
		{ "", "PATH, line 1" },
		{ "\n", "PATH, line 1" },
		{ HEADER, "line 5: the file ends before its header does" },
		{ "FarUidValidity 11\n\n1 1 \n", "lacks" },
		{ HEADER "MaxPulledUid 8\n\n", "line 5: this stands here twice" },
		{ HEADER "Colour 8\n\n", "line 5: this is no line" },
		{ HEADER "MaxExpiredFarUid 4294967296\n\n", "line 5: this is no number" },
		{ HEADER "MaxExpiredFarUid -1\n\n", "line 5: this is no number" },
		{ HEADER "\n1 1 \n2 2", "line 7: the file breaks off" },
		{ HEADER "\n1 1 \n2\n", "line 7: this is no entry" },
		{ HEADER "\n1 1 \n2 2 Z\n", "line 7: these are no flags" },
		{ HEADER "\n1 1 \n2 2 SS\n", "line 7: these are no flags" },
		{ HEADER "\n1 1 \n0 0 \n", "line 7: an entry of no message" },
		{ HEADER "\n1 1 \n1 2 \n", "the far UID 1 is in two lines" },
		{ HEADER "\n1 1 \n2 1 \n", "the near UID 1 is in two lines" },
		{ HEADER "\n1 1 \r\n", "line 6: these are no flags" },
		{ "11:8 12:9\n", "line 1: this is no header" },
		{ HEADER "\n\n", "line 6: this is no entry" },
	};
	struct mbsync_state s;
	struct err e;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof bad / sizeof *bad; i++) {
		assert_int_equal(parse(bad[i].text, &s, &e), -1);
		if (strstr(e.text, bad[i].words) == NULL || strncmp(e.text, "PATH", 4) != 0)
			fail_msg("%s: \"%s\" is not about \"%s\"", bad[i].text, e.text, bad[i].words);
		mbsync_state_release(&s);
	}
}

static void
what_is_written_is_read(void **state)
{
	static const char text[] = HEADER "MaxExpiredFarUid 3\n\n4 1 \n5 0 ^\n6 2 <FS\n7 3 >~DFPRST\n0 4 T\n";
	struct mbsync_state s;
	struct buf out = { 0 };
	struct err e;

	(void)state;
	assert_int_equal(parse(text, &s, &e), 0);
	mbsync_state_write(&s, &out);
	assert_string_equal(buf_str(&out), text);
	mbsync_state_release(&s);
	buf_release(&out);
}

static void
paths_are_those_of_mbsync(void **state)
{
	const char *const names[SIDES] = { "Grün/a", "Grün/a" }, *const plain[SIDES] = { "INBOX", "INBOX" };
	struct mbsync_place place = { .where = MBSYNC_BY_NAMES, .prefix = { "/a/", "/b/" }, .delimiter = ':', .store = { "f", "n" },
		.flatten = { NULL, "." } };
	struct mbsync_paths paths = { 0 };
	struct arena a = { 0 };

	(void)state;
	mbsync_find(&place, names, "/dir", &a, &paths);
	assert_string_equal(paths.v.at[0], "/a/:f:Grün!a_:n:Grün.a");
	assert_string_equal(paths.v.at[1], "/b/:f:Grün!a_:n:Grün.a");
	assert_string_equal(paths.v.at[2], "/a/:f:Gr&APw-n!a_:n:Gr&APw-n.a");
	paths.v.n = 0;
	place.delimiter = ';';
	mbsync_find(&place, plain, "/dir", &a, &paths);
	assert_int_equal(paths.v.n, 2);
	assert_string_equal(paths.v.at[1], "/b/;f;INBOX_;n;INBOX");
	paths.v.n = 0;
	place.where = MBSYNC_BY_BOX;
	place.prefix[1] = NULL;
	mbsync_find(&place, plain, "/dir", &a, &paths);
	assert_int_equal(paths.v.n, 1);
	assert_string_equal(paths.v.at[0], "/a/INBOX");
	paths.v.n = 0;
	place.where = MBSYNC_IN_MAILDIR;
	mbsync_find(&place, plain, "/dir", &a, &paths);
	assert_string_equal(paths.v.at[0], "/dir/.mbsyncstate");
	paths.v.n = 0;
	mbsync_find(&place, plain, NULL, &a, &paths);
	assert_int_equal(paths.v.n, 0);
	vec_release(&paths.v);
	arena_release(&a);
}

static void
uids_of_names(void **state)
{
	static const struct { const char *name; uint32_t uid; } names[] = {
		{ "n,U=12:2,S", 12 }, { "n,S=3,U=4,W=5", 4 }, { "n", 0 }, { "n,U=", 0 }, { "n,U=x", 0 }, { ",U=4294967295", UINT32_MAX },
		{ ",U=4294967296", 0 }, { ",U=99999999999999999999999", 0 },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof names / sizeof *names; i++)
		assert_int_equal(mbsync_uid_of(names[i].name, strlen(names[i].name)), names[i].uid);
}

enum { PAGE = 512 };

static void
put(char *at, uint32_t n, size_t len)
{
	const uint16_t half = (uint16_t)n;

	memcpy(at, len == 2 ? (const void *)&half : &n, len);
}

/* Puts one item into the page; *end is where the one before it begins. */
static void
put_item(char *page, unsigned i, size_t *end, const void *data, size_t len)
{
	*end -= len + 1;
	page[*end] = 1;
	memcpy(page + *end + 1, data, len);
	put(page + 26 + 2 * i, (uint32_t)*end, 2);
	put(page + 20, i + 1, 2);
}

static void
fill_map(char file[2 * PAGE])
{
	static const uint32_t scheme[2] = { 1700000000, 9 }, uids[2] = { 7, 9 };
	char *page = file + PAGE;
	size_t end = PAGE;

	memset(file, 0, 2 * PAGE);
	put(file + 12, 0x061561, 4);
	put(file + 20, PAGE, 4);
	file[25] = 8;
	put(file + 32, 1, 4);
	page[25] = 13;
	put_item(page, 0, &end, "UIDVALIDITY", 11);
	put_item(page, 1, &end, scheme, sizeof scheme);
	put_item(page, 2, &end, "17.a.host", 9);
	put_item(page, 3, &end, &uids[0], 4);
	put_item(page, 4, &end, "17.b.host", 9);
	put_item(page, 5, &end, &uids[1], 4);
}

static bool
reads(const char *file, size_t len)
{
	struct mbsync_uid_map map;
	bool is = mbsync_uid_map_parse(file, len, &map);

	mbsync_uid_map_release(&map);
	return is;
}

static void
maps_are_read(void **state)
{
	char file[2 * PAGE], *page = file + PAGE;
	struct mbsync_uid_map map;
	size_t i;

	(void)state;
	fill_map(file);
	assert_true(mbsync_uid_map_parse(file, sizeof file, &map));
	assert_int_equal(map.scheme.validity, 1700000000);
	assert_int_equal(map.scheme.highest, 9);
	assert_int_equal(map.v.n, 2);
	assert_int_equal(mbsync_uid_map_find(&map, "17.a.host", 9), 7);
	assert_int_equal(mbsync_uid_map_find(&map, "17.b.host,S=12", 14), 9);
	assert_int_equal(mbsync_uid_map_find(&map, "17.c.host", 9), 0);
	mbsync_uid_map_release(&map);
	for (i = 0; i < sizeof file; i++)
		assert_false(reads(file, i));
	/* A UID twice, one that was not given, none; a name twice; no UIDVALIDITY; an item beyond the page, another kind of item or file. */
	fill_map(file);
	memcpy(page + 512 - 12 - 9 - 10 - 5 - 10 - 4, &(uint32_t){ 7 }, 4);
	assert_false(reads(file, sizeof file));
	memcpy(page + 512 - 12 - 9 - 10 - 5 - 10 - 4, &(uint32_t){ 10 }, 4);
	assert_false(reads(file, sizeof file));
	memcpy(page + 512 - 12 - 9 - 10 - 5 - 10 - 4, &(uint32_t){ 0 }, 4);
	assert_false(reads(file, sizeof file));
	memcpy(page + 512 - 12 - 9 - 10 - 5 - 10 - 4, &(uint32_t){ 8 }, 4);
	assert_true(reads(file, sizeof file));
	page[512 - 12 - 9 - 10 - 5 - 10 + 1 + 3] = 'a';
	assert_false(reads(file, sizeof file));
	fill_map(file);
	page[512 - 12 + 1] = 'X';
	assert_false(reads(file, sizeof file));
	fill_map(file);
	put(page + 28, 600, 2);
	assert_false(reads(file, sizeof file));
	fill_map(file);
	page[512 - 12] = 3;
	assert_false(reads(file, sizeof file));
	fill_map(file);
	file[12] ^= 1;
	assert_false(reads(file, sizeof file));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(entries_are_read), cmocka_unit_test(dialects_are_read), cmocka_unit_test(what_is_not_so_is_refused),
		cmocka_unit_test(what_is_written_is_read), cmocka_unit_test(paths_are_those_of_mbsync), cmocka_unit_test(uids_of_names),
		cmocka_unit_test(maps_are_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
