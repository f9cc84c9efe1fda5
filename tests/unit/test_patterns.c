/* mbsync's Patterns. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sync/pair/patterns.h"

static void
wildcards(void **state)
{
	static const struct { const char *pattern, *name; bool is_match; } cases[] = {
		{"", "", true}, {"", "a", false}, {"a", "", false},
		{"*", "", true}, {"%", "", true}, {"*", "a/b", true}, {"%", "a/b", false}, {"%", "ab", true},
		{"%/%", "a/b", true}, {"%/%", "a/b/c", false}, {"%/*", "a/b/c", true}, {"*/%", "a/b/c", true},
		{"a%", "a", true}, {"a%", "abc", true}, {"a%", "ab/c", false}, {"a*c", "ab/c", true},
		{"a%c", "ab/c", false}, {"Work", "work", false}, {"lists/%", "lists/x", true},
		{"lists/%", "lists", false}, {"*%b", "a/b", true}, {"%*b", "a/b", true},
		{"a*b%c", "aXb/bXc", true}, {"*a%b", "a/ab", true}, {"**", "x", true}, {"%%", "x/y", false},
		{"\xc3\xbc%", "\xc3\xbc" "ber", true},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof cases / sizeof *cases; i++) {
		if (patterns_match_one(cases[i].pattern, cases[i].name) != cases[i].is_match)
			fail_msg("\"%s\" on \"%s\"", cases[i].pattern, cases[i].name);
	}
}

/* The definition, exponential as it is. */
static bool
reference(const char *p, const char *t)
{
	if (*p == '\0')
		return *t == '\0';
	if (*p == '*' || *p == '%')
		return reference(p + 1, t) || (*t != '\0' && !(*p == '%' && *t == '/') && reference(p, t + 1));
	return *p == *t && reference(p + 1, t + 1);
}

static void
random_against_definition(void **state)
{
	static const char in_pattern[] = "ab/*%*%", in_name[] = "aabb/";
	char pattern[9], name[13];
	int i, n, matches = 0;

	(void)state;
	srand(3);
	for (i = 0; i < 300000; i++) {
		for (n = rand() % 8, pattern[n] = '\0'; n > 0;)
			pattern[--n] = in_pattern[rand() % 7];
		for (n = rand() % 12, name[n] = '\0'; n > 0;)
			name[--n] = in_name[rand() % 5];
		matches += reference(pattern, name);
		if (patterns_match_one(pattern, name) != reference(pattern, name))
			fail_msg("\"%s\" on \"%s\"", pattern, name);
	}
	assert_true(matches > 30000);
}

static void
no_blow_up(void **state)
{
	char name[4001], pattern[401];
	int i;

	(void)state;
	memset(name, 'a', 4000);
	name[4000] = '\0';
	for (i = 0; i < 400; i += 2) {
		pattern[i] = i % 4 ? '*' : '%';
		pattern[i + 1] = 'a';
	}
	pattern[399] = 'b';
	pattern[400] = '\0';
	assert_false(patterns_match_one(pattern, name));
	assert_false(patterns_match_one("*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b", name));
}

static void
last_match_wins(void **state)
{
	static const char *const all_but[] = {"*", "!Trash", "!Spam/*", "Spam/keep"};
	static const char *const only_not[] = {"!Trash"};
	static const char *const bang[] = {"!!x", "!x"};

	(void)state;
	assert_true(patterns_match(all_but, 4, "Work"));
	assert_false(patterns_match(all_but, 4, "Trash"));
	assert_true(patterns_match(all_but, 4, "Spam"));
	assert_false(patterns_match(all_but, 4, "Spam/x"));
	assert_true(patterns_match(all_but, 4, "Spam/keep"));
	assert_false(patterns_match(only_not, 1, "Work"));
	assert_false(patterns_match(NULL, 0, "Work"));
	assert_false(patterns_match(bang, 2, "x"));
	assert_false(patterns_match(bang, 2, "!x"));
}

static bool
asks(const char *pattern, const char *prefix)
{
	return patterns_ask_inbox(&pattern, 1, prefix);
}

static void
inbox_must_be_asked_for(void **state)
{
	(void)state;
	assert_true(asks("INBOX", ""));
	assert_true(asks("INBOX*", ""));
	assert_true(asks("INBOX%", ""));
	assert_true(asks("INBOX/x", ""));
	assert_false(asks("*", ""));
	assert_false(asks("INB*", ""));
	assert_false(asks("INBOXES", ""));
	assert_false(asks("!INBOX", ""));
	assert_false(asks("inbox", ""));
	assert_true(asks("BOX", "IN"));
	assert_true(asks("/x", "INBOX"));
	assert_true(asks("*", "INBOX"));
	assert_true(asks("x", "INBOX/"));
	assert_false(asks("!x", "INBOX/"));
	assert_false(asks("x", "INBOXES/"));
	assert_false(asks("INBOX", "work/"));
}

static void
selects(void **state)
{
	static const char *const all[] = {"*"}, *const named[] = {"*", "INBOX"}, *const not[] = {"INBOX*", "!INBOX"};

	(void)state;
	assert_null(patterns_select(all, 1, "", false, "INBOX"));
	assert_null(patterns_select(all, 1, "", false, "INBOX/x"));
	assert_string_equal(patterns_select(all, 1, "", true, "INBOX"), "INBOX");
	assert_string_equal(patterns_select(named, 2, "", false, "INBOX"), "INBOX");
	assert_null(patterns_select(not, 2, "", false, "INBOX"));
	assert_string_equal(patterns_select(not, 2, "", false, "INBOX/x"), "INBOX/x");
	assert_string_equal(patterns_select(all, 1, "", false, "INBOXES"), "INBOXES");
	/* The prefix is taken off first. */
	assert_string_equal(patterns_select(all, 1, "[Gmail]/", false, "[Gmail]/Sent"), "Sent");
	assert_null(patterns_select(all, 1, "[Gmail]/", true, "INBOX"));
	assert_null(patterns_select(all, 1, "[Gmail]/", true, "[Gmail]/"));
	assert_string_equal(patterns_select(all, 1, "INBOX/", false, "INBOX/Sent"), "Sent");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wildcards),
		cmocka_unit_test(random_against_definition),
		cmocka_unit_test(no_blow_up),
		cmocka_unit_test(last_match_wins),
		cmocka_unit_test(inbox_must_be_asked_for),
		cmocka_unit_test(selects),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
