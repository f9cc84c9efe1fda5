/* The base of a channel: boxes, messages and their indexes against a plain model; intents, memory,
 * log; opening, locking, versions and damage. Files and memory alike. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "state/base/mem.h"
#include "state/base/step.h"
#include "state/inside.h"
#include "state/lock.h"
#include "tests/unit/ends.h"
#include "state/model/seen_digest.h"
#include "state/names.h"
#include "state/place.h"
#include "state/state.h"

static char dir[] = "/tmp/mailtwin-test-state.XXXXXX";
static char base[80], file[96], lock_file[96];
static struct db_memory *memory;

static const struct flag_mask masks[SIDES] = {
	{ .sys = FLAG_ALL, .has_any_keyword = true, .kw = "" },
	{ .sys = FLAG_ALL, .has_any_keyword = true, .kw = "" },
};

#define OK(call) do { if ((call) < 0) fail_msg("%s: %s", #call, e.text); } while (0)

static uint32_t dice = 7;

static uint32_t
roll(uint32_t below)
{
	dice = dice * 1664525u + 1013904223u;
	return (uint32_t)(((uint64_t)dice * below) >> 32);
}

static struct state *
open_base(bool is_dry)
{
	struct state_place place = { .path = base, .channel = "work", .is_dry = is_dry, .fsync = true };
	struct state *s;
	struct err e;

	OK(state_open(&place, &s, &e));
	return s;
}

static struct state *
open_memory(void)
{
	struct state *s;
	struct err e;

	OK(state_open_memory(memory, "work", &s, &e));
	return s;
}

static int
fresh(void **state)
{
	(void)state;
	step_install(NULL, NULL);
	unlink(file);
	unlink(lock_file);
	memory = db_memory_new();
	return 0;
}

static int
clean(void **state)
{
	(void)state;
	db_memory_free(&memory);
	return 0;
}

static struct record_half
half(struct arena *a, const char *key, uint32_t sys, const char *kw)
{
	struct key k = key_from_string(key);

	return (struct record_half){ .presence = PRESENCE_HERE, .key = key_dup(a, k), .flags = { sys, kw },
		.hint = "cur:2,", .server_id = "" };
}

static uint32_t
add_box(struct state *s, const char *name)
{
	struct box_record b = { .name = name };
	struct err e;

	OK(box_put(s, &b, &e));
	return b.id;
}

/* ---- messages against a model ---- */

enum { BOXES = 3, RECORDS = 60, KEY_LEN = 700 };

struct model_half {
	enum presence presence;
	char key[KEY_LEN];
	uint32_t sys;
};

struct model {
	struct {
		uint64_t id;		/* 0 = not stored */
		int box;
		struct model_half half[SIDES];
	} record[RECORDS];
};

/* Short names, and long ones that have the first 480 bytes in common. */
static void
random_key(char key[KEY_LEN], int n, enum side side)
{
	size_t len = 0;

	if (roll(4) == 0) {
		len = roll(2) ? 480 : 470;
		memset(key, 'k', len);
		if (roll(2)) {
			memset(key + len, 'a' + (int)roll(3), 100);
			len += 100;
		}
	}
	snprintf(key + len, KEY_LEN - len, "%u.%d.%c", roll(50), n, side == FAR ? 'f' : 'n');
}

static void
change_record(struct state *s, struct arena *a, struct model *m, const uint32_t box[BOXES])
{
	struct record r;
	struct err e;
	enum side side;
	int i = (int)roll(RECORDS);
	bool is_old = m->record[i].id != 0;

	if (is_old && roll(5) == 0) {
		OK(message_delete(s, box[m->record[i].box], m->record[i].id, &e));
		m->record[i].id = 0;
		return;
	}
	if (!is_old || roll(6) == 0)
		m->record[i].box = (int)roll(BOXES);
	r = record_blank(box[m->record[i].box]);
	r.id = is_old ? m->record[i].id : 0;
	for (side = FAR; side <= NEAR; side++) {
		struct model_half *h = &m->record[i].half[side];

		if (!is_old || roll(3) == 0) {
			h->presence = (enum presence)roll(3);
			random_key(h->key, i, side);
		}
		h->sys = roll(4) ? FLAG_SEEN : 0;
		if (h->presence == PRESENCE_NEVER)
			continue;
		r.half[side] = half(a, h->key, h->sys, "");
		r.half[side].presence = h->presence;
	}
	OK(message_put(s, &r, masks, &e));
	m->record[i].id = r.half[FAR].presence == PRESENCE_NEVER && r.half[NEAR].presence == PRESENCE_NEVER ? 0 :
	    r.id;
}

static bool
model_is_unsettled(const struct model *m, int i)
{
	const struct model_half *far = &m->record[i].half[FAR], *near = &m->record[i].half[NEAR];

	return far->presence != PRESENCE_HERE || near->presence != PRESENCE_HERE || far->sys != near->sys;
}

static void
check_scan(struct state *s, const struct model *m, const uint32_t box[BOXES], int b, enum side side)
{
	struct message_scan *scan;
	struct message_seen seen;
	char last[KEY_LEN] = "", key[KEY_LEN];
	size_t n = 0, want = 0;
	struct err e;
	int got, i;

	OK(message_scan_begin(s, box[b], side, &scan, &e));
	while ((got = message_scan_next(scan, &seen, &e)) > 0) {
		memcpy(key, seen.key.data, seen.key.len);
		key[seen.key.len] = '\0';
		assert_true(strcmp(last, key) < 0);
		strcpy(last, key);
		for (i = 0; m->record[i].id != seen.id; i++)
			assert_in_range(i, 0, RECORDS - 2);
		assert_int_equal(m->record[i].box, b);
		assert_string_equal(m->record[i].half[side].key, key);
		assert_int_equal(m->record[i].half[side].presence, seen.presence);
		assert_int_equal(m->record[i].half[side].sys, seen.sys);
		assert_int_equal(message_tail("", "cur:2,"), seen.tail);
		n++;
	}
	OK(got);
	message_scan_end(&scan);
	for (i = 0; i < RECORDS; i++)
		want += m->record[i].id != 0 && m->record[i].box == b &&
		    m->record[i].half[side].presence != PRESENCE_NEVER;
	assert_int_equal(n, want);
}

static void
check_box(struct state *s, struct arena *a, const struct model *m, const uint32_t box[BOXES], int b)
{
	struct box_record br;
	struct record r;
	uint64_t records = 0, unsettled = 0, here[SIDES] = { 0 }, digest[SIDES] = { 0 }, last;
	enum side side;
	struct err e;
	int i;

	for (i = 0; i < RECORDS; i++) {
		if (m->record[i].id == 0 || m->record[i].box != b)
			continue;
		records++;
		unsettled += model_is_unsettled(m, i);
		assert_int_equal(message_get(s, a, box[b], m->record[i].id, &r, &e), 1);
		for (side = FAR; side <= NEAR; side++) {
			const struct model_half *h = &m->record[i].half[side];

			here[side] += h->presence == PRESENCE_HERE;
			digest[side] += r.half[side].presence == PRESENCE_HERE && r.half[side].basis == BASIS_LISTED &&
			    !r.half[side].is_sent ? seen_digest(r.half[side].key, r.half[side].flags) : 0;
			assert_int_equal(r.half[side].presence, h->presence);
			if (h->presence == PRESENCE_NEVER)
				continue;
			assert_int_equal(message_find(s, a, box[b], side, key_from_string(h->key), &r, &e), 1);
			assert_int_equal(r.id, m->record[i].id);
			assert_int_equal(r.box, box[b]);
		}
	}
	assert_int_equal(box_get(s, a, box[b], &br, &e), 1);
	assert_int_equal(br.records, records);
	assert_int_equal(br.unsettled, unsettled);
	assert_int_equal(br.side[FAR].here, here[FAR]);
	assert_int_equal(br.side[NEAR].here, here[NEAR]);
	assert_true(br.side[FAR].has_digest && br.side[FAR].digest == digest[FAR]);
	assert_true(br.side[NEAR].has_digest && br.side[NEAR].digest == digest[NEAR]);
	for (last = 0; message_next(s, a, box[b], last, &r, &e) > 0; records--) {
		assert_true(r.id > last);
		last = r.id;
	}
	assert_int_equal(records, 0);
	for (last = 0; message_next_unsettled(s, a, box[b], last, &r, &e) > 0; unsettled--)
		last = r.id;
	assert_int_equal(unsettled, 0);
	check_scan(s, m, box, b, FAR);
	check_scan(s, m, box, b, NEAR);
}

static void
run_messages(struct state *(*open)(bool), int rounds)
{
	static struct model was, is;
	static const char *const names[BOXES] = { "INBOX", "Work/Projects", "Archive" };
	struct state *s = open != NULL ? open(false) : open_memory();
	uint32_t box[BOXES];
	struct arena a = { 0 };
	struct err e;
	int i, n, b;

	memset(&was, 0, sizeof was);
	OK(state_begin(s, &e));
	for (b = 0; b < BOXES; b++)
		box[b] = add_box(s, names[b]);
	OK(state_commit(s, &e));
	for (i = 0; i < rounds; i++) {
		OK(state_begin(s, &e));
		is = was;
		for (n = (int)roll(40); n > 0; n--)
			change_record(s, &a, &is, box);
		for (b = 0; b < BOXES; b++)
			check_box(s, &a, &is, box, b);
		switch (roll(4)) {
		case 0:
			state_abort(s);
			break;
		case 1:
			state_close(&s);
			s = open != NULL ? open(false) : open_memory();
			break;
		default:
			OK(state_commit(s, &e));
			was = is;
		}
		OK(state_begin(s, &e));
		for (b = 0; b < BOXES; b++)
			check_box(s, &a, &was, box, b);
		OK(state_commit(s, &e));
		arena_release(&a);
	}
	state_close(&s);
}

static void
test_messages_in_a_file_follow_the_model(void **state)
{
	(void)state;
	run_messages(open_base, 25);
}

static void
test_messages_in_memory_follow_the_model(void **state)
{
	(void)state;
	run_messages(NULL, 60);
}

/* A base of before there were digests gets them when they are asked for. */
static void
test_digests_of_an_older_base(void **state)
{
	struct state *s = open_memory();
	struct record r = record_blank(0);
	struct box_record b;
	struct box_counts *c;
	struct arena a = { 0 };
	struct err e;
	uint64_t was;
	uint32_t uid;

	(void)state;
	OK(state_begin(s, &e));
	r.box = add_box(s, "INBOX");
	for (uid = 1; uid < 50; uid++) {
		r.id = 0;
		r.half[FAR].presence = uid % 7 == 0 ? PRESENCE_GONE : PRESENCE_HERE;
		r.half[FAR].key = key_from_uid(&a, uid);
		r.half[FAR].flags = (struct flags){ .sys = uid % 3, .kw = uid % 5 == 0 ? "work" : "" };
		OK(message_put(s, &r, masks, &e));
	}
	c = box_counts(s, r.box, &e);
	was = c->counts.digest[FAR];
	assert_int_not_equal(was, 0);
	c->counts.has_digest = false;
	c->counts.digest[FAR] = 0;
	r.half[FAR].flags.sys = FLAG_FLAGGED;
	OK(message_put(s, &r, masks, &e));
	assert_int_equal(box_get(s, &a, r.box, &b, &e), 1);
	assert_false(b.side[FAR].has_digest);
	r.half[FAR].flags.sys = 49 % 3;
	OK(message_put(s, &r, masks, &e));
	OK(message_digests_make(s, r.box, &e));
	assert_int_equal(box_get(s, &a, r.box, &b, &e), 1);
	assert_true(b.side[FAR].has_digest && b.side[FAR].digest == was);
	OK(state_commit(s, &e));
	state_close(&s);
	arena_release(&a);
}

static void
test_putting_the_same_again_writes_nothing(void **state)
{
	struct state *s = open_base(false);
	struct arena a = { 0 };
	struct record r;
	struct box_record b;
	struct stat before, after;
	struct err e;

	(void)state;
	OK(state_begin(s, &e));
	r = record_blank(add_box(s, "INBOX"));
	r.half[FAR] = half(&a, "1", FLAG_SEEN, "$Junk Work");
	r.half[NEAR] = half(&a, "2", FLAG_SEEN, "$Junk Work");
	OK(message_put(s, &r, masks, &e));
	OK(memory_put(s, "far", "imap.example.org:993", &e));
	OK(state_commit(s, &e));
	assert_int_equal(stat(file, &before), 0);
	OK(state_begin(s, &e));
	OK(message_put(s, &r, masks, &e));
	assert_int_equal(box_find(s, &a, "INBOX", &b, &e), 1);
	OK(box_put(s, &b, &e));
	OK(memory_put(s, "far", "imap.example.org:993", &e));
	assert_false(db_is_dirty(s->db));
	OK(state_commit(s, &e));
	state_close(&s);
	assert_int_equal(stat(file, &after), 0);
	assert_memory_equal(&before.st_mtim, &after.st_mtim, sizeof before.st_mtim);
	arena_release(&a);
}

static void
test_a_key_taken_over_stays_with_its_new_record(void **state)
{
	struct state *s = open_memory();
	struct arena a = { 0 };
	struct record one, two, r;
	struct err e;

	(void)state;
	OK(state_begin(s, &e));
	one = record_blank(add_box(s, "INBOX"));
	two = one;
	one.half[FAR] = half(&a, "x", 0, "");
	OK(message_put(s, &one, masks, &e));
	two.half[FAR] = half(&a, "x", 0, "");
	OK(message_put(s, &two, masks, &e));
	one.half[FAR] = half(&a, "y", 0, "");
	OK(message_put(s, &one, masks, &e));
	assert_int_equal(message_find(s, &a, one.box, FAR, key_from_string("x"), &r, &e), 1);
	assert_int_equal(r.id, two.id);
	assert_int_equal(message_find(s, &a, one.box, FAR, key_from_string("y"), &r, &e), 1);
	assert_int_equal(r.id, one.id);
	OK(message_delete(s, one.box, one.id, &e));
	assert_int_equal(message_find(s, &a, one.box, FAR, key_from_string("x"), &r, &e), 1);
	assert_int_equal(message_find(s, &a, one.box, FAR, key_from_string("y"), &r, &e), 0);
	state_close(&s);
	arena_release(&a);
}

static void
test_a_message_needs_its_box(void **state)
{
	struct state *s = open_memory();
	struct arena a = { 0 };
	struct record r = record_blank(77);
	struct err e;

	(void)state;
	OK(state_begin(s, &e));
	r.half[FAR] = half(&a, "x", 0, "");
	assert_int_equal(message_put(s, &r, masks, &e), -1);
	assert_non_null(strstr(e.text, "77"));
	state_close(&s);
	arena_release(&a);
}

/* ---- boxes ---- */

static void
test_boxes(void **state)
{
	struct state *s = open_base(false);
	struct arena a = { 0 };
	struct box_record b = { .name = NULL }, *all, got;
	struct record r;
	struct err e;
	char *name = mem_alloc(1001);
	uint32_t one, two;
	size_t n;
	int i;

	(void)state;
	memset(name, 'n', 1000);
	OK(state_begin(s, &e));
	OK(box_all(s, &a, &all, &n, &e));
	assert_int_equal(n, 0);
	for (i = 0; i < 300; i++) {
		char text[32];

		snprintf(text, sizeof text, "%03d", i);
		memcpy(name + (i % 2 ? 0 : 600), text, 3);	/* alike in the first 480 bytes, or not */
		b = (struct box_record){ .name = name };
		b.side[NEAR].is_known = true;
		b.side[NEAR].mask.kw = "$Junk";
		b.side[NEAR].mailbox_id = "17:5";
		b.side[NEAR].listed = -3 - i;
		b.side[NEAR].cursor = (struct cursor){ .epoch = 1u << 31, .is_steady = true, .len = 2, .data = "ab" };
		b.records = 99;			/* not taken */
		OK(box_put(s, &b, &e));
		assert_int_equal(b.id, i + 1);
		assert_int_equal(box_find(s, &a, name, &got, &e), 1);
		assert_int_equal(got.id, i + 1);
		assert_int_equal(got.records, 0);
		assert_true(got.side[NEAR].is_known && !got.side[FAR].is_known);
		assert_string_equal(got.side[NEAR].mask.kw, "$Junk");
		assert_string_equal(got.side[NEAR].mailbox_id, "17:5");
		assert_string_equal(got.side[FAR].mailbox_id, "");
		assert_int_equal(got.side[NEAR].listed, -3 - i);
		assert_true(cursor_stands(&got.side[NEAR].cursor, &b.side[NEAR].cursor));
	}
	OK(state_commit(s, &e));
	OK(state_begin(s, &e));
	OK(box_all(s, &a, &all, &n, &e));
	assert_int_equal(n, 300);
	for (i = 0; i < 300; i++) {
		assert_int_equal(all[i].id, i + 1);
		assert_int_equal(box_find(s, &a, all[i].name, &got, &e), 1);
		assert_int_equal(got.id, i + 1);
	}
	/* Two boxes that swap their names. */
	one = add_box(s, "one");
	two = add_box(s, "two");
	OK(box_get(s, &a, one, &b, &e));
	b.name = "two";
	OK(box_put(s, &b, &e));
	OK(box_get(s, &a, two, &b, &e));
	b.name = "one";
	OK(box_put(s, &b, &e));
	assert_int_equal(box_find(s, &a, "one", &got, &e), 1);
	assert_int_equal(got.id, two);
	assert_int_equal(box_find(s, &a, "two", &got, &e), 1);
	assert_int_equal(got.id, one);
	/* Deleting takes the messages along, and no number is given twice. */
	for (i = 0; i < 50; i++) {
		r = record_blank(one);
		r.half[FAR] = half(&a, arena_printf(&a, "%d", i), 0, "");
		OK(message_put(s, &r, masks, &e));
	}
	OK(box_delete(s, one, &e));
	OK(box_delete(s, one, &e));
	assert_int_equal(box_find(s, &a, "two", &got, &e), 0);
	assert_int_equal(box_get(s, &a, one, &got, &e), 0);
	assert_int_equal(message_get(s, &a, one, r.id, &r, &e), 0);
	for (i = DB_MESSAGES; i <= DB_IDENTS; i++) {
		OK(db_count(s->db, (enum db_table)i, &n, &e));
		assert_int_equal(n, 0);
	}
	assert_true(add_box(s, "two") > two);
	OK(state_commit(s, &e));
	state_close(&s);
	arena_release(&a);
	free(name);
}

/* ---- intents, memory, log ---- */

static void
test_intents(void **state)
{
	struct state *s = open_base(false);
	struct arena a = { 0 };
	struct intent i = { .kind = INTENT_MOVE, .side = NEAR, .box = 3, .to_box = 4, .record = 1ull << 40,
		.key = { "a\0b", 3 }, .epoch = 5, .uidnext = 6, .when = -7, .tries = 8,
		.ident = { .size = 9, .has = IDENT_SIZE | IDENT_FULL, .full = "0123456789abcde" } }, got;
	struct err e;

	(void)state;
	OK(state_begin(s, &e));
	OK(intent_put(s, &i, &e));
	assert_int_equal(i.id, 1);
	i.id = 0;
	i.kind = INTENT_EXPUNGE;
	OK(intent_put(s, &i, &e));
	OK(state_commit(s, &e));
	state_close(&s);
	s = open_base(false);
	OK(state_begin(s, &e));
	assert_int_equal(intent_next(s, &a, 0, &got, &e), 1);
	assert_int_equal(got.id, 1);
	assert_int_equal(got.kind, INTENT_MOVE);
	assert_int_equal(got.side, NEAR);
	assert_int_equal(got.box, 3);
	assert_int_equal(got.to_box, 4);
	assert_int_equal(got.record, 1ull << 40);
	assert_true(key_equal(got.key, i.key));
	assert_int_equal(got.epoch, 5);
	assert_int_equal(got.uidnext, 6);
	assert_int_equal(got.when, -7);
	assert_int_equal(got.tries, 8);
	assert_int_equal(got.ident.has, i.ident.has);
	assert_memory_equal(got.ident.full, i.ident.full, 16);
	got.tries = 9;
	OK(intent_put(s, &got, &e));
	assert_int_equal(intent_next(s, &a, 1, &got, &e), 1);
	assert_int_equal(got.id, 2);
	assert_int_equal(intent_next(s, &a, 2, &got, &e), 0);
	OK(intent_delete(s, 2, &e));
	assert_int_equal(intent_next(s, &a, 1, &got, &e), 0);
	i.id = 0;
	OK(intent_put(s, &i, &e));
	assert_int_equal(i.id, 3);
	state_close(&s);
	arena_release(&a);
}

static void
test_memory(void **state)
{
	struct state *s = open_memory();
	struct arena a = { 0 };
	char *name = mem_alloc(2001);
	const char *value;
	struct err e;

	(void)state;
	memset(name, 'x', 2000);
	OK(state_begin(s, &e));
	assert_int_equal(memory_get(s, &a, "far", &value, &e), 0);
	OK(memory_put(s, "far", NULL, &e));
	OK(memory_put(s, "far", "one", &e));
	OK(memory_put(s, "", "no name", &e));
	OK(memory_put(s, name, name, &e));
	OK(memory_put(s, "far", "two", &e));
	OK(state_commit(s, &e));
	OK(state_begin(s, &e));
	assert_int_equal(memory_get(s, &a, "far", &value, &e), 1);
	assert_string_equal(value, "two");
	assert_int_equal(memory_get(s, &a, "", &value, &e), 1);
	assert_string_equal(value, "no name");
	assert_int_equal(memory_get(s, &a, name, &value, &e), 1);
	assert_string_equal(value, name);
	OK(memory_put(s, name, NULL, &e));
	assert_int_equal(memory_get(s, &a, name, &value, &e), 0);
	state_close(&s);
	free(name);
	arena_release(&a);
}

static void
test_the_log_drops_its_oldest(void **state)
{
	struct state *s = open_memory();
	struct arena a = { 0 };
	struct log_entry l = { .when = 1700000000, .side = NEAR, .box = "INBOX", .what = "expunged UID 12",
		.why = "gone from far", .from = "Anna", .subject = "hello", .date = 1600000000 }, got;
	struct err e;
	size_t n;
	int i;

	(void)state;
	OK(state_begin(s, &e));
	assert_int_equal(log_next(s, &a, 0, &got, &e), 0);
	for (i = 0; i < LOG_KEPT + 50; i++)
		OK(log_add(s, &l, &e));
	OK(db_count(s->db, DB_LOG, &n, &e));
	assert_int_equal(n, LOG_KEPT);
	assert_int_equal(log_next(s, &a, 0, &got, &e), 1);
	assert_int_equal(got.id, 51);
	assert_int_equal(got.when, 1700000000);
	assert_int_equal(got.side, NEAR);
	assert_string_equal(got.box, "INBOX");
	assert_string_equal(got.what, "expunged UID 12");
	assert_string_equal(got.why, "gone from far");
	assert_string_equal(got.from, "Anna");
	assert_string_equal(got.subject, "hello");
	assert_int_equal(got.date, 1600000000);
	assert_int_equal(log_next(s, &a, LOG_KEPT + 50, &got, &e), 0);
	state_close(&s);
	arena_release(&a);
}

/* ---- opening ---- */

static void
test_a_dry_run_writes_nothing(void **state)
{
	struct state *s;
	struct arena a = { 0 };
	struct box_record b;
	struct stat before, after;
	struct err e;

	(void)state;
	s = open_base(true);
	OK(state_begin(s, &e));
	add_box(s, "INBOX");
	OK(state_commit(s, &e));
	state_close(&s);
	assert_int_not_equal(access(file, F_OK), 0);
	assert_int_not_equal(access(lock_file, F_OK), 0);

	s = open_base(false);
	OK(state_begin(s, &e));
	add_box(s, "INBOX");
	OK(state_commit(s, &e));
	state_close(&s);
	assert_int_equal(stat(file, &before), 0);
	s = open_base(true);
	OK(state_begin(s, &e));
	add_box(s, "Work");
	OK(state_commit(s, &e));
	OK(state_begin(s, &e));
	assert_int_equal(box_find(s, &a, "INBOX", &b, &e), 1);
	assert_int_equal(box_find(s, &a, "Work", &b, &e), 1);
	state_close(&s);
	assert_int_equal(stat(file, &after), 0);
	assert_memory_equal(&before.st_mtim, &after.st_mtim, sizeof before.st_mtim);
	s = open_base(false);
	OK(state_begin(s, &e));
	assert_int_equal(box_find(s, &a, "Work", &b, &e), 0);
	state_close(&s);
	arena_release(&a);
}

static void
test_two_runs_at_once(void **state)
{
	struct state_place place = { .path = base, .channel = "work", .fsync = true };
	struct state *s = open_base(false), *other, *dry;
	struct err e;
	char pid[32];

	(void)state;
	assert_int_equal(state_open(&place, &other, &e), -1);
	assert_int_equal(e.class, ERR_TEMPORARY);
	snprintf(pid, sizeof pid, "process %ld,", (long)getpid());
	assert_non_null(strstr(e.text, pid));
	assert_non_null(strstr(e.text, "channel work"));
	place.is_dry = true;
	assert_int_equal(state_open(&place, &other, &e), -1);
	assert_int_equal(e.class, ERR_TEMPORARY);
	state_close(&s);
	dry = open_base(true);
	s = open_base(true);		/* two that only look do not mind each other */
	state_close(&s);
	place.is_dry = false;
	assert_int_equal(state_open(&place, &other, &e), -1);
	assert_non_null(strstr(e.text, "only looks"));
	state_close(&dry);
	s = open_base(false);
	state_close(&s);
}

static void
test_a_dead_holder_is_taken_over(void **state)
{
	struct state *s;
	struct err e;
	pid_t pid;
	int status;

	(void)state;
	pid = fork();
	if (pid == 0) {
		s = open_base(false);
		if (state_begin(s, &e) == 0)
			add_box(s, "INBOX");
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	s = open_base(false);
	state_close(&s);
}

/* A process that holds the lock for a run that is gone ends soon: that is waited for. One whose run is there is not. */
static void
test_a_killed_run_is_waited_for(void **state)
{
	struct state_place place = { .path = base, .channel = "work", .fsync = true };
	int status, ends[2], round;
	struct state *s;
	struct err e;
	pid_t dead, pid;
	char c;

	(void)state;
	dead = fork();
	if (dead == 0)
		_exit(0);
	assert_int_equal(waitpid(dead, &status, 0), dead);
	for (round = 0; round < 2; round++) {
		assert_int_equal(pipe(ends), 0);
		pid = fork();
		if (pid == 0) {
			lock_set_owner(round == 0 ? dead : getppid());
			s = open_base(false);
			if (write(ends[1], "x", 1) != 1)
				_exit(1);
			usleep(200000);
			_exit(0);
		}
		assert_int_equal(read(ends[0], &c, 1), 1);
		if (round == 0) {
			OK(state_open(&place, &s, &e));
			state_close(&s);
		} else {
			assert_int_equal(state_open(&place, &s, &e), -1);
			assert_int_equal(e.class, ERR_TEMPORARY);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		close(ends[0]);
		close(ends[1]);
	}
}

static struct lock_seen
look(const char *text)
{
	struct lock_seen seen;
	FILE *f = fopen(lock_file, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	lock_look(lock_file, &seen);
	return seen;
}

static void
a_lock_tells_when_all_was_in_order(void **state)
{
	struct lock_seen seen;
	struct state *s;

	(void)state;
	unlink(lock_file);
	lock_look(lock_file, &seen);
	assert_false(seen.is_there);
	s = open_base(false);
	assert_int_equal(state_last_run(s), 0);
	lock_look(lock_file, &seen);
	assert_true(seen.is_held && seen.begun > 0 && seen.done == 0);
	assert_int_equal(seen.pid, getpid());
	state_done(s, 1234567890123);
	state_close(&s);
	/* A run that does not come so far leaves it. */
	s = open_base(false);
	assert_true(state_last_run(s) > 0);
	lock_look(lock_file, &seen);
	assert_int_equal(seen.done, 1234567890123);
	state_close(&s);
	lock_look(lock_file, &seen);
	assert_true(!seen.is_held && seen.pid == 0 && seen.touched > 0 && seen.done == 1234567890123);
	/* Of an earlier program, of one that was killed, and what is none. */
	assert_int_equal(look("left\n").done, 0);
	assert_int_equal(look("12345678 1700000000\n").begun, 1700000000);
	assert_false(look("12345678 1700000000 5\n").is_held);
	assert_int_equal(look("12345678 1700000000 5\n").done, 5);
	assert_int_equal(look("left -5\n").done, 0);
	assert_int_equal(look("rubbish").pid, 0);
	unlink(lock_file);
}

static void
overwrite(long at, const void *data, size_t len)
{
	FILE *f = fopen(file, "r+");

	assert_non_null(f);
	fseek(f, at, SEEK_SET);
	assert_int_equal(fwrite(data, 1, len, f), len);
	fclose(f);
}

static int
open_and_read(void *ctx, struct err *e)
{
	struct arena a = { 0 };
	struct box_record *boxes;
	struct state *s;
	size_t n;
	int rc;

	if (state_open(ctx, &s, e) < 0)
		return -1;
	rc = state_begin(s, e) < 0 || box_all(s, &a, &boxes, &n, e) < 0 ? -1 : 0;
	state_close(&s);
	arena_release(&a);
	return rc;
}

static void
test_a_damaged_base_is_told(void **state)
{
	enum ending end;
	struct state_place place = { .path = base, .channel = "work", .fsync = true };
	struct state *s = open_base(false);
	struct arena a = { 0 };
	struct record r;
	struct stat st;
	struct err e;
	int i;

	(void)state;
	OK(state_begin(s, &e));
	r = record_blank(add_box(s, "INBOX"));
	for (i = 0; i < 1000; i++) {
		r.id = 0;
		r.half[FAR] = half(&a, arena_printf(&a, "%d", i), 0, "");
		OK(message_put(s, &r, masks, &e));
	}
	OK(state_commit(s, &e));
	state_close(&s);
	assert_int_equal(stat(file, &st), 0);
	for (i = 2; i < st.st_size / 4096; i++)
		overwrite(i * 4096L, "\0\377garbage garbage garbage", 24);
	end = end_of(open_and_read, &place);
	assert_true(end == END_TOLD || end == END_BROKEN);
	place.is_dry = true;
	end = end_of(open_and_read, &place);
	assert_true(end == END_TOLD || end == END_BROKEN);
	/* What does not begin like one is told at once. */
	overwrite(0, "garbage garbage garbage garbage", 30);
	assert_int_equal(state_open(&place, &s, &e), -1);
	assert_non_null(strstr(e.text, file));
	assert_non_null(strstr(e.text, "channel work"));
	assert_non_null(strstr(e.text, "move it aside"));
	assert_int_equal(e.scope, ERR_STORE);
	/* Its way out is a way out. */
	assert_int_equal(unlink(file), 0);
	s = open_base(false);
	state_close(&s);
	arena_release(&a);
}

static void
test_a_damaged_value_is_told(void **state)
{
	struct state *s = open_memory();
	struct arena a = { 0 };
	struct record r;
	struct box_record b;
	struct db_cursor *walk;
	struct db_val key, val;
	unsigned char bytes[2][600], k[600];
	size_t key_len, len;
	struct err e;
	enum db_table t;
	uint32_t box;
	int got;

	(void)state;
	OK(state_begin(s, &e));
	box = add_box(s, "INBOX");
	r = record_blank(box);
	r.half[FAR] = half(&a, "x", 0, "Work");
	OK(message_put(s, &r, masks, &e));
	OK(state_commit(s, &e));
	for (t = DB_BOXES; t <= DB_KEYS; t++) {
		OK(state_begin(s, &e));
		OK(db_walk_begin(s->db, t, (struct db_val){ NULL, 0 }, &walk, &e));
		while (db_walk_next(walk, &key, &val, &e) > 0) {
			memcpy(k, key.data, key_len = key.len);
			memcpy(bytes[0], val.data, len = val.len);
			memcpy(bytes[1], val.data, len);
			bytes[1][roll((uint32_t)len)] ^= 4;
			OK(db_put(s->db, t, (struct db_val){ k, key_len }, (struct db_val){ bytes[1], len }, &e));
		}
		db_walk_end(&walk);
		got = box_find(s, &a, "INBOX", &b, &e);
		if (got > 0)
			got = message_find(s, &a, box, FAR, key_from_string("x"), &r, &e);
		if (got > 0)
			got = message_put(s, &r, masks, &e);
		assert_int_equal(got, -1);
		assert_non_null(strstr(e.text, "damaged"));
		state_abort(s);
	}
	state_close(&s);
	arena_release(&a);
}

static void
test_versions(void **state)
{
	struct state_key k = state_key_u8(META_VERSION);
	struct state_place place = { .path = base, .channel = "work", .fsync = true };
	struct state *s = open_base(false);
	struct buf b = { 0 };
	struct err e;

	(void)state;
	encode_u32(&b, STATE_VERSION + 1);
	OK(state_begin(s, &e));
	add_box(s, "INBOX");
	OK(db_put(s->db, DB_META, state_val(&k), state_buf_val(&b), &e));
	OK(state_commit(s, &e));
	state_close(&s);
	assert_int_equal(state_open(&place, &s, &e), -1);
	assert_non_null(strstr(e.text, "newer mailtwin"));
	assert_non_null(strstr(e.text, file));
	assert_int_equal(e.retry, ERR_NEVER);
	buf_release(&b);
}

static bool
stop_at(void *ctx, unsigned long n, enum step_kind kind, const char *what)
{
	(void)kind;
	(void)what;
	return n == *(unsigned long *)ctx;
}

static void
test_stopped_at_every_step_of_opening(void **state)
{
	struct state_place place = { .channel = "work", .fsync = true };
	char deep[200], rest[256];
	struct state *s;
	struct err e;
	unsigned long n;
	int got = -1;

	(void)state;
	snprintf(deep, sizeof deep, "%s/a/b/work", dir);
	place.path = deep;
	for (n = 1; got != 0; n++) {
		assert_in_range(n, 1, 20);
		step_install(stop_at, &n);
		got = state_open(&place, &s, &e);
		step_install(NULL, NULL);
		if (got == 0)
			state_close(&s);
	}
	assert_in_range(n, 5, 20);
	OK(state_open(&place, &s, &e));
	state_close(&s);
	snprintf(rest, sizeof rest, "rm -r %s/a", dir);
	assert_int_equal(system(rest), 0);
}

static void
test_places(void **state)
{
	struct err e;

	(void)state;
	assert_string_equal(place_network_name(0x6969), "NFS");
	assert_string_equal(place_network_name(0xFFFFFFFFFF534D42ul), "CIFS");
	assert_null(place_network_name(0xEF53));
	OK(place_check(base, &e));
	OK(place_check("/no/such/directory/at/all", &e));
	OK(place_check("name", &e));
	setenv("HOME", dir, 1);
	assert_int_equal(place_refuse("/home/me/Maildir", "NFS", &e), -1);
	assert_non_null(strstr(e.text, "SyncState ~/.local/state/mailtwin/"));
	assert_non_null(strstr(e.text, "/home/me/Maildir"));
	assert_int_equal(e.class, ERR_USAGE);
	unsetenv("HOME");
	assert_int_equal(place_refuse("/home/me/Maildir", "NFS", &e), -1);
	assert_non_null(strstr(e.text, "SyncState /var/tmp/"));
}

static int
setup(void **state)
{
	(void)state;
	if (mkdtemp(dir) == NULL)
		return -1;
	snprintf(base, sizeof base, "%s/work", dir);
	snprintf(file, sizeof file, "%s.mdb", base);
	snprintf(lock_file, sizeof lock_file, "%s.lock", base);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	unlink(file);
	unlink(lock_file);
	return rmdir(dir);
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, fresh, clean)
	const struct CMUnitTest tests[] = {
		TEST(test_messages_in_a_file_follow_the_model),
		TEST(test_messages_in_memory_follow_the_model),
		TEST(test_digests_of_an_older_base),
		TEST(test_putting_the_same_again_writes_nothing),
		TEST(test_a_key_taken_over_stays_with_its_new_record),
		TEST(test_a_message_needs_its_box),
		TEST(test_boxes),
		TEST(test_intents),
		TEST(test_memory),
		TEST(test_the_log_drops_its_oldest),
		TEST(test_a_dry_run_writes_nothing),
		TEST(test_two_runs_at_once),
		TEST(test_a_dead_holder_is_taken_over),
		TEST(test_a_killed_run_is_waited_for),
		TEST(a_lock_tells_when_all_was_in_order),
		TEST(test_a_damaged_base_is_told),
		TEST(test_a_damaged_value_is_told),
		TEST(test_versions),
		TEST(test_stopped_at_every_step_of_opening),
		TEST(test_places),
	};

	return cmocka_run_group_tests_name("state", tests, setup, teardown);
}
