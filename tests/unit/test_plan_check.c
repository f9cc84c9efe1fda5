/* plan_check() refuses plans that break its rules, one fault at a time; plans in words; the planner at size. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "tests/planner/check.h"
#include "sync/plan/explain.h"

enum { MESSAGES = 6 };

struct world {
	struct plan_input in;
	struct plan plan;
	struct record records[MESSAGES];
};

static void
add_box(struct plan_input *in, const char *name, uint64_t known)
{
	struct plan_box b = { .id = (uint32_t)in->boxes.n + 1, .name = name };
	enum side s;

	for (s = FAR; s <= NEAR; s++)
		b.side[s] = (struct plan_box_side){ .exists = true, .was_known = true, .is_readable = true,
			.known = known, .here = known, .mask = { FLAG_ALL, true, "" } };
	vec_push(&in->boxes, b);
}

static void
set_half(struct record *r, enum side s, enum presence presence, uint32_t sys)
{
	r->half[s].presence = presence;
	r->half[s].key = key_from_string("key");
	r->half[s].flags.sys = sys;
}

/* 1: new on far; 2: pair, \Deleted on far; 3: gone from far; 4: moved on far to 5; 6: flags changed on near. */
static void
begin(struct world *w)
{
	uint32_t i;

	*w = (struct world){ 0 };
	for (i = FAR; i <= NEAR; i++) {
		w->in.policy.sync[i] = SYNC_NEW | SYNC_GONE | SYNC_FLAGS;
		w->in.policy.expunge[i] = true;
	}
	add_box(&w->in, "INBOX", 10);
	add_box(&w->in, "Work", 10);
	for (i = 0; i < MESSAGES; i++) {
		w->records[i] = record_blank(i == 4);
		w->records[i].id = i + 1;
		w->records[i].has_agreed = true;
		vec_push(&w->in.messages, (struct plan_message){ &w->records[i], i == 4 });
		set_half(&w->records[i], FAR, PRESENCE_HERE, 0);
		if (i != 0 && i != 4)
			set_half(&w->records[i], NEAR, PRESENCE_HERE, 0);
	}
	w->records[1].half[FAR].flags.sys = FLAG_DELETED;
	w->records[2].half[FAR].presence = PRESENCE_GONE;
	w->records[3].half[FAR].presence = PRESENCE_GONE;
	w->records[5].half[NEAR].flags.sys = FLAG_SEEN;
	vec_push(&w->in.links, (struct plan_link){ LINK_MOVED, FAR, 3, 4, UINT32_MAX });
	plan_make(&w->in, &w->plan);
}

static void
end(struct world *w)
{
	plan_release(&w->plan);
	plan_input_release(&w->in);
}

static struct op *
find(struct world *w, enum op_kind kind, uint32_t msg)
{
	size_t i;

	for (i = 0; i < w->plan.ops.n; i++)
		if (w->plan.ops.at[i].kind == kind && w->plan.ops.at[i].msg == msg)
			return &w->plan.ops.at[i];
	fail_msg("no such operation");
	return NULL;
}

static void
expect(struct world *w, const char *rule)
{
	struct arena a = { 0 };
	const char *fault = plan_check(&w->in, &w->plan, &a);

	if (rule == NULL)
		assert_null(fault);
	else if (fault == NULL || strncmp(fault, rule, strlen(rule)) != 0)
		fail_msg("want %s, have %s", rule, fault != NULL ? fault : "nothing");
	arena_release(&a);
	end(w);
}

static void
test_sound(void **state)
{
	struct world w;

	(void)state;
	begin(&w);
	expect(&w, NULL);
}

static void
test_lost(void **state)
{
	struct world w;
	uint32_t i;

	(void)state;
	begin(&w);
	/* The expunges take 6, which was only read on near. */
	for (i = 0; i < w.plan.ops.n && w.plan.ops.at[i].kind < OP_MARK; i++)
		if (w.plan.ops.at[i].kind == OP_EXPUNGE) {
			w.plan.ops.at[i].msg = 5;
			w.plan.ops.at[i].dep_n = 0;
			w.plan.ops.at[i].reason = REASON_DELETED_HERE;
		}
	w.plan.ops.n = i;
	expect(&w, "C1");
}

static void
test_twice(void **state)
{
	struct world w;
	struct op *op;

	(void)state;
	begin(&w);
	op = find(&w, OP_COPY, 0);
	op->msg = 5;
	expect(&w, "C2");
	begin(&w);
	op = find(&w, OP_FLAGS, 5);
	*op = *find(&w, OP_COPY, 0);
	expect(&w, "C8");
}

static void
test_source(void **state)
{
	struct world w;

	(void)state;
	begin(&w);
	find(&w, OP_FLAGS, 5)->msg = 0;
	find(&w, OP_FLAGS, 0)->side = NEAR;
	expect(&w, "C3");
	begin(&w);
	w.in.boxes.at[1].side[NEAR].exists = false;
	expect(&w, "C3");
}

static void
test_order(void **state)
{
	struct world w;
	size_t i;

	(void)state;
	begin(&w);
	for (i = 0; i < w.plan.ops.n; i++)
		if (w.plan.ops.at[i].kind == OP_EXPUNGE)
			w.plan.ops.at[i].dep_n = 0;
	expect(&w, "C4");
	begin(&w);
	find(&w, OP_DROP, 3)->dep_n = 0;
	expect(&w, "C4");
	begin(&w);
	find(&w, OP_MOVE, 3)->is_held = true;
	expect(&w, "C8");
}

static void
test_again(void **state)
{
	struct world w;

	(void)state;
	begin(&w);
	find(&w, OP_FLAGS, 5)->add.sys = FLAG_FLAGGED;
	expect(&w, "C5");
}

static void
test_mirror(void **state)
{
	struct world w;

	(void)state;
	begin(&w);
	find(&w, OP_COPY, 0)->is_conflict = true;
	expect(&w, "C6");
}

static void
test_allowed(void **state)
{
	struct world w;

	(void)state;
	begin(&w);
	w.in.policy.read_only[NEAR] = true;
	expect(&w, "C7");
	begin(&w);
	w.in.policy.sync[NEAR] = SYNC_GONE | SYNC_FLAGS;
	expect(&w, "C7");
	begin(&w);
	w.in.policy.expunge[FAR] = false;
	expect(&w, "C7");
	begin(&w);
	w.in.boxes.at[0].side[FAR].mask.sys = FLAG_DELETED;
	expect(&w, "C7");
}

static void
test_words(void **state)
{
	static const struct explain_names names = { { "work", "disk" }, NULL };
	struct buf out = { 0 };
	struct world w;

	(void)state;
	begin(&w);
	plan_explain(&w.in, &w.plan, &names, false, &out);
	assert_string_equal(buf_str(&out),
	    "INBOX\n"
	    "  disk: copy 1 (new on work)\n"
	    "  disk: move 1 to Work (moved on work)\n"
	    "  work: flags of 1: +S (changed on disk)\n"
	    "  disk: expunge 1 (marked \\Deleted on work)\n"
	    "  work: expunge 1 (marked \\Deleted on work)\n"
	    "  disk: expunge 1 (gone from work)\n");
	end(&w);
	buf_clear(&out);
	w = (struct world){ 0 };
	add_box(&w.in, "INBOX", 5);
	plan_make(&w.in, &w.plan);
	plan_explain(&w.in, &w.plan, &names, true, &out);
	assert_string_equal(buf_str(&out), "");
	assert_int_equal(w.plan.ops.n, 0);
	end(&w);
	buf_release(&out);
}

/* 200,000 messages in 40 mailboxes: no step of the planner is quadratic. */
static void
test_size(void **state)
{
	enum { MANY = 200000, BOXES = 40 };
	struct record *records = mem_alloc(MANY * sizeof *records);
	struct plan_input in = { 0 };
	struct plan p = { 0 };
	struct buf out = { 0 };
	struct timespec from, to;
	uint32_t i;
	double seconds;

	(void)state;
	in.policy.sync[FAR] = in.policy.sync[NEAR] = SYNC_NEW | SYNC_GONE | SYNC_FLAGS;
	in.policy.expunge[NEAR] = true;
	in.policy.max_delete.kind = MAX_DELETE_COUNT;
	for (i = 0; i < BOXES; i++)
		add_box(&in, "box", MANY);
	for (i = 0; i < MANY; i++) {
		struct record *r = &records[i];

		*r = record_blank(i % BOXES);
		r->id = MANY - i;
		set_half(r, FAR, PRESENCE_HERE, i % 5 == 0 ? FLAG_SEEN : 0);
		if (i % 3 != 0) {
			set_half(r, NEAR, PRESENCE_HERE, 0);
			r->has_agreed = true;
		}
		if (i % 7 == 1)
			r->half[FAR].presence = PRESENCE_GONE;
		if (i % 11 == 0)
			r->half[FAR].flags.sys |= FLAG_DELETED;
		vec_push(&in.messages, (struct plan_message){ r, i % BOXES });
		if (i % 3 == 0 && i > 100 && i % 2 == 0 && records[i - 5].half[FAR].presence == PRESENCE_GONE)
			vec_push(&in.links, (struct plan_link){ LINK_MOVED, FAR, i - 5, i, UINT32_MAX });
	}
	clock_gettime(CLOCK_MONOTONIC, &from);
	plan_make(&in, &p);
	plan_explain(&in, &p, &(struct explain_names){ { "far", "near" }, NULL }, true, &out);
	clock_gettime(CLOCK_MONOTONIC, &to);
	seconds = (double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) / 1e9;
	printf("%d messages: %zu operations in %.2f s\n", MANY, p.ops.n, seconds);
	assert_true(p.ops.n > MANY / 2);
	assert_true(seconds < 20);
	buf_release(&out);
	plan_release(&p);
	plan_input_release(&in);
	free(records);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sound), cmocka_unit_test(test_lost), cmocka_unit_test(test_twice),
		cmocka_unit_test(test_source), cmocka_unit_test(test_order), cmocka_unit_test(test_again),
		cmocka_unit_test(test_mirror), cmocka_unit_test(test_allowed), cmocka_unit_test(test_words),
		cmocka_unit_test(test_size),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
