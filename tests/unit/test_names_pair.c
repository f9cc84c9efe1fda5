/* Which mailboxes go together. A case is the two listings and what comes out, as text:
 * "name[ !]: far near", '-' for a side that does not have it, '(x)' for a name it would get, '!' refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "state/base/buf.h"
#include "state/base/vec.h"
#include "sync/pair/pair.h"

static struct arena arena;
static struct pair_list list;
static char pattern_text[256];
static const char *patterns[8];
static struct pair_box boxes[SIDES][16];
static struct pair_rules rules;

/* Splits at blanks; "name=identity". */
static void
take_boxes(enum side side, const char *text)
{
	char *s = arena_strdup(&arena, text), *save = NULL, *word, *eq;
	struct pair_side *to = &rules.side[side];

	to->n = 0;
	for (word = strtok_r(s, " ", &save); word != NULL; word = strtok_r(NULL, " ", &save)) {
		if ((eq = strchr(word, '=')) != NULL)
			*eq++ = '\0';
		boxes[side][to->n++] = (struct pair_box){word, eq, 0};
	}
	to->boxes = boxes[side];
}

static void
start(const char *pats)
{
	char *save = NULL, *word;

	arena_release(&arena);
	memset(&rules, 0, sizeof rules);
	rules.side[FAR] = (struct pair_side){.prefix = "", .layout = NAMES_IMAP, .is_inbox_listed = true};
	rules.side[NEAR] = (struct pair_side){.prefix = "", .layout = NAMES_VERBATIM};
	strcpy(pattern_text, pats);
	for (word = strtok_r(pattern_text, " ", &save); word != NULL; word = strtok_r(NULL, " ", &save))
		patterns[rules.n++] = word;
	rules.patterns = patterns;
}

static void
expect_lines(const char *far, const char *near, const char *want)
{
	struct buf got = {0};
	const struct pair *pair;
	enum side side;
	size_t i;

	take_boxes(FAR, far);
	take_boxes(NEAR, near);
	pair_boxes(&rules, &arena, &list);
	for (i = 0; i < list.n; i++) {
		pair = &list.at[i];
		buf_printf(&got, "%s%s%s:", i ? ", " : "", pair->name, pair->refused != NULL ? "!" : "");
		for (side = FAR; side <= NEAR; side++) {
			if (pair->is_on[side] && pair->listed[side] == PAIR_NOT_LISTED)
				buf_printf(&got, " [%s]", pair->full[side]);
			else
				buf_printf(&got, pair->is_on[side] ? " %s" : " (%s)", pair->full[side]);
			if (pair->listed[side] != PAIR_NOT_LISTED) {
				assert_true(pair->is_on[side]);
				assert_string_equal(boxes[side][pair->listed[side]].name, pair->full[side]);
			}
		}
	}
	assert_string_equal(buf_str(&got), want);
	buf_release(&got);
}

static void
equal_names(void **state)
{
	(void)state;
	start("*");
	expect_lines("", "", "");
	expect_lines("b a", "c b", "a: a (a), b: b b, c: (c) c");
	expect_lines("b INBOX/x INBOX A", "INBOX", "INBOX: INBOX INBOX, INBOX/x: INBOX/x (INBOX/x), "
	    "A: A (A), b: b (b)");
	expect_lines("a a a", "a", "a: a a");
	expect_lines("a/b", "a", "a: (a) a, a/b: a/b (a/b)");
	start("* !b*");
	expect_lines("a b/x", "bb a", "a: a a");
	start("");
	expect_lines("a", "a", "");
}

static void
inbox_is_everywhere(void **state)
{
	(void)state;
	start("*");
	/* Listed by the far side alone: there all the same on the near one, listed or not. */
	expect_lines("INBOX", "", "INBOX: INBOX [INBOX]");
	expect_lines("INBOX INBOX/x INBOX/y", "INBOX INBOX/y INBOX/z",
	    "INBOX: INBOX INBOX, INBOX/x: INBOX/x (INBOX/x), INBOX/y: INBOX/y INBOX/y");
	rules.side[FAR].is_inbox_listed = false;
	expect_lines("INBOX a", "INBOX", "a: a (a)");
	start("INBOX");
	expect_lines("INBOX a", "INBOX a", "INBOX: INBOX INBOX");
	expect_lines("", "INBOX", "INBOX: [INBOX] INBOX");
	/* Another spelling of it is another mailbox here, and none on the far side. */
	start("*");
	expect_lines("INBOX", "Inbox", "INBOX: INBOX [INBOX], Inbox!: (Inbox) Inbox");
	rules.side[NEAR].is_folding = true;
	expect_lines("INBOX", "Inbox", "INBOX: INBOX [INBOX], Inbox!: (Inbox) Inbox");
}

static void
prefixes(void **state)
{
	(void)state;
	start("*");
	rules.side[FAR].prefix = "[Gmail]/";
	rules.side[NEAR].prefix = "g/";
	expect_lines("INBOX [Gmail]/Sent [Gmail]/x [Gmail]", "g/Sent g Sent",
	    "Sent: [Gmail]/Sent g/Sent, x: [Gmail]/x (g/x)");
	/* An INBOX below a prefix is no store's INBOX. */
	expect_lines("[Gmail]/INBOX", "", "INBOX: [Gmail]/INBOX (g/INBOX)");
	rules.side[NEAR].prefix = "";
	expect_lines("[Gmail]/INBOX", "", "INBOX: [Gmail]/INBOX [INBOX]");
	rules.side[FAR].prefix = "Old";
	expect_lines("Old Old/a Older", "", "!: Old (), /a!: Old/a (/a), er: Older (er)");
	assert_string_equal(list.at[1].refused, "mailbox \"/a\" is left out: on the near side its name begins with '/'");
	/* A prefix that is a mailbox, on both sides. */
	rules.side[NEAR].prefix = "New";
	expect_lines("Old Old/a Old//b", "New", ": Old New, //b!: Old//b (New//b), /a: Old/a (New/a)");
}

static void
names_that_cannot_be(void **state)
{
	(void)state;
	start("*");
	expect_lines("../etc a/cur b.c ok", "ok",
	    "../etc!: ../etc (../etc), a/cur!: a/cur (a/cur), b.c: b.c (b.c), ok: ok ok");
	assert_non_null(strstr(list.at[0].refused, "on the far side its name has a part \"..\""));
	assert_non_null(strstr(list.at[1].refused, "on the near side its name has a part \"cur\""));
	rules.side[NEAR].layout = NAMES_MAILDIRPP;
	expect_lines("a/cur b.c", "", "a/cur: a/cur (a/cur), b.c!: b.c (b.c)");
	expect_lines("x\x1b[31m", "", "x\x1b[31m!: x\x1b[31m (x\x1b[31m)");
	assert_non_null(strstr(list.at[0].refused, "x\\x1B[31m"));
}

/* R8 */
static void
two_names_of_one_mailbox(void **state)
{
	(void)state;
	start("*");
	expect_lines("a=1 b=2 c=1", "", "a: a (a), b: b (b), c!: c (c)");
	assert_string_equal(list.at[2].refused, "mailbox \"c\" is left out: on the far side \"c\" and \"a\" are "
	    "two names of one mailbox");
	/* The one that both sides have stays. */
	expect_lines("a=1 b=2 c=1", "c=9", "a!: a (a), b: b (b), c: c c");
	expect_lines("a=1 c=1", "a=8 c=9", "a: a a, c!: c c");
	expect_lines("a c", "a=9 c=9", "a: a a, c!: c c");
	expect_lines("a=1 b=1", "a=1 b=2", "a: a a, b!: b b");
	/* Listed twice under one name is once. */
	expect_lines("a=1 a=1", "", "a: a (a)");
	expect_lines("a= b=", "", "a: a (a), b: b (b)");
	/* Out of the patterns is out of sight. */
	start("* !a");
	expect_lines("a=1 c=1", "", "c: c (c)");
}

/* R8 */
static void
folding_sides(void **state)
{
	(void)state;
	start("*");
	expect_lines("Foo foo", "", "Foo: Foo (Foo), foo: foo (foo)");
	expect_lines("Foo", "foo", "Foo: Foo (Foo), foo: (foo) foo");
	rules.side[NEAR].is_folding = true;
	expect_lines("Foo foo", "", "Foo: Foo (Foo), foo!: foo (foo)");
	assert_string_equal(list.at[1].refused, "mailbox \"foo\" is left out: on the near side \"foo\" and "
	    "\"Foo\" are the same, as it does not tell such names apart");
	expect_lines("Foo foo", "foo", "Foo!: Foo (Foo), foo: foo foo");
	/* Two spellings, one mailbox: twins, and what is below them goes below each one's own. */
	expect_lines("Foo", "foo", "Foo: Foo foo");
	expect_lines("Foo Foo/a", "foo foo/b", "Foo: Foo foo, Foo/a: Foo/a (foo/a), foo/b: (Foo/b) foo/b");
	expect_lines("\xc3\xbc/x \xc3\xbc", "u\xcc\x88",
	    "\xc3\xbc: \xc3\xbc u\xcc\x88, \xc3\xbc/x: \xc3\xbc/x (u\xcc\x88/x)");
	expect_lines("A A/B A/B/c", "a a/b", "A: A a, A/B: A/B a/b, A/B/c: A/B/c (a/b/c)");
	/* Which of the two is foo's? */
	expect_lines("FOO Foo", "foo", "FOO!: FOO (FOO), Foo!: Foo (Foo), foo!: (foo) foo");
	/* Containers that are not listed clash as well. */
	expect_lines("Foo/a foo/b", "", "Foo/a: Foo/a (Foo/a), foo/b!: foo/b (foo/b)");
	expect_lines("Foo/a foo/b", "foo/b", "Foo/a!: Foo/a (Foo/a), foo/b: foo/b foo/b");
	assert_non_null(strstr(list.at[0].refused, "\"Foo\" and \"foo\""));
	/* The far side's own names may differ in case, so long as they do not meet. */
	rules.side[NEAR].is_folding = false;
	rules.side[FAR].is_folding = true;
	expect_lines("", "Foo foo", "Foo: (Foo) Foo, foo!: (foo) foo");
	expect_lines("FOO", "Foo foo", "FOO!: FOO (FOO), Foo!: (Foo) Foo, foo!: (foo) foo");
}

static void
nothing_listed_is_lost(void **state)
{
	static const char letters[] = "aAbB/";
	char text[SIDES][64], word[4];
	struct pair_list again;
	int seen[SIDES][16], i, n, k;
	enum side side;
	size_t p, q;

	(void)state;
	srand(11);
	for (i = 0; i < 20000; i++) {
		start("*");
		rules.side[NEAR].is_folding = rand() % 2;
		rules.side[FAR].is_folding = rand() % 2;
		for (side = FAR; side <= NEAR; side++) {
			text[side][0] = '\0';
			for (n = rand() % 6; n > 0; n--) {
				snprintf(word, sizeof word, "%c%c%c", letters[rand() % 4],
				    rand() % 3 ? '\0' : letters[4], letters[rand() % 4]);
				strcat(strcat(text[side], word), " ");
			}
			take_boxes(side, text[side]);
		}
		pair_boxes(&rules, &arena, &list);
		memset(seen, 0, sizeof seen);
		for (p = 0; p < list.n; p++) {
			if (p > 0)
				assert_true(names_compare(list.at[p - 1].name, list.at[p].name) < 0);
			for (side = FAR; side <= NEAR; side++) {
				if (list.at[p].listed[side] != PAIR_NOT_LISTED)
					seen[side][list.at[p].listed[side]]++;
				for (q = 0; q < p; q++) {
					if (list.at[p].refused == NULL && list.at[q].refused == NULL)
						assert_string_not_equal(list.at[p].full[side], list.at[q].full[side]);
				}
			}
		}
		for (side = FAR; side <= NEAR; side++) {
			for (k = 0; k < (int)rules.side[side].n; k++) {
				for (n = 0; n < k && strcmp(boxes[side][n].name, boxes[side][k].name) != 0; n++)
					;
				assert_int_equal(seen[side][k], n == k);	/* a repeated name counts once */
			}
		}
		/* The order of the listings does not matter. */
		struct pair_box swap = boxes[FAR][0];
		if (rules.side[FAR].n == 2 && strcmp(swap.name, boxes[FAR][1].name) != 0) {
			boxes[FAR][0] = boxes[FAR][1];
			boxes[FAR][1] = swap;
			pair_boxes(&rules, &arena, &again);
			assert_int_equal(again.n, list.n);
			for (p = 0; p < list.n; p++) {
				assert_string_equal(again.at[p].name, list.at[p].name);
				assert_int_equal(again.at[p].refused == NULL, list.at[p].refused == NULL);
			}
		}
	}
}

static int
teardown(void **state)
{
	(void)state;
	arena_release(&arena);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equal_names),
		cmocka_unit_test(inbox_is_everywhere),
		cmocka_unit_test(prefixes),
		cmocka_unit_test(names_that_cannot_be),
		cmocka_unit_test(two_names_of_one_mailbox),
		cmocka_unit_test(folding_sides),
		cmocka_unit_test(nothing_listed_is_lost),
	};

	return cmocka_run_group_tests(tests, NULL, teardown);
}
