/* Canonical mailbox names: what is refused, and which ones are one place where case does not count. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sync/pair/names.h"
#include "sync/pair/unicode.h"

static const char *
fault(const char *name, size_t len)
{
	char *copy = malloc(len);	/* of exact size, for the sanitizer */
	const char *why;

	memcpy(copy, name, len);
	why = names_fault(copy, len);
	free(copy);
	return why;
}

#define FAULT(s) fault(s, sizeof(s) - 1)

static void
hostile_names(void **state)
{
	static char large[NAMES_MAX + 1];

	(void)state;
	assert_null(FAULT("INBOX"));
	assert_null(FAULT("a/b c/.d/..e/f."));
	assert_null(FAULT("Entw\xc3\xbcrfe/\xf0\x9f\x93\xac"));
	assert_null(FAULT("*%\\\"'&;"));
	memset(large, 'a', sizeof large);
	assert_null(fault(large, NAMES_MAX));
	assert_non_null(strstr(fault(large, NAMES_MAX + 1), "longer"));
	assert_string_equal(FAULT(""), "is empty");
	assert_string_equal(FAULT("/"), "begins with '/'");
	assert_string_equal(FAULT("/etc"), "begins with '/'");
	assert_string_equal(FAULT("a/"), "ends in '/'");
	assert_non_null(strstr(FAULT("a//b"), "empty part"));
	assert_non_null(strstr(FAULT(".."), "lead out"));
	assert_non_null(strstr(FAULT("a/../b"), "lead out"));
	assert_non_null(strstr(FAULT("a/.."), "lead out"));
	assert_non_null(strstr(FAULT("./a"), "\".\""));
	assert_non_null(strstr(FAULT("a\0b"), "NUL"));
	assert_non_null(strstr(FAULT("a\nb"), "control"));
	assert_non_null(strstr(FAULT("a\x7f"), "control"));
	assert_non_null(strstr(FAULT("a\xc2\x85"), "control"));
	assert_non_null(strstr(FAULT("caf\xe9"), "UTF-8"));
	assert_non_null(strstr(FAULT("\xc0\xae\xc0\xae/a"), "UTF-8"));
	assert_non_null(strstr(FAULT("a\xe2\x82"), "UTF-8"));
}

static bool
can(const char *name, enum names_layout layout)
{
	const char *why = names_layout_fault(name, layout);

	assert_true(why == NULL || *why != '\0');
	return why == NULL;
}

static void
layouts(void **state)
{
	char name[1100];

	(void)state;
	assert_true(can("a.b/cur", NAMES_IMAP));
	assert_true(can("INBOX/x", NAMES_IMAP));
	assert_false(can("Inbox", NAMES_IMAP));
	assert_false(can("inbox/x", NAMES_IMAP));
	assert_true(can("Inboxes", NAMES_IMAP));

	assert_true(can("a.b/.c", NAMES_VERBATIM));
	assert_false(can("a/cur", NAMES_VERBATIM));
	assert_false(can("new", NAMES_VERBATIM));
	assert_false(can("INBOX/tmp/x", NAMES_VERBATIM));
	assert_true(can("news/current", NAMES_VERBATIM));

	assert_true(can("a/cur", NAMES_MAILDIRPP));
	assert_false(can("a.b", NAMES_MAILDIRPP));
	assert_false(can("INBOX/a.b", NAMES_MAILDIRPP));

	assert_true(can("a.b/.c", NAMES_LEGACY));
	assert_true(can("a/cur", NAMES_LEGACY));
	assert_false(can("cur/a", NAMES_LEGACY));
	assert_false(can(".a/b", NAMES_LEGACY));
	assert_true(can("INBOX/.a", NAMES_LEGACY));

	assert_true(can("a", NAMES_UNSET));
	assert_false(can("a/b", NAMES_UNSET));
	assert_false(can("cur", NAMES_UNSET));
	assert_true(can("INBOX", NAMES_UNSET));

	memset(name, 'a', 255);
	name[255] = '\0';
	assert_true(can(name, NAMES_VERBATIM));
	assert_false(can(name, NAMES_MAILDIRPP));
	assert_true(can(name + 1, NAMES_MAILDIRPP));
	memcpy(name + 255, "a/b", 4);
	assert_false(can(name, NAMES_VERBATIM));
	memcpy(name, "a/", 2);
	assert_true(can(name, NAMES_LEGACY));
	memcpy(name + 256, "a", 2);
	assert_true(can(name, NAMES_VERBATIM));
	assert_false(can(name, NAMES_LEGACY));
	/* "INBOX/..." becomes "..." with one '.' before it: five octets shorter, one longer. */
	memset(name, 'a', 260);
	memcpy(name, "INBOX/", 6);
	name[259] = '\0';
	assert_true(can(name, NAMES_MAILDIRPP));
	memcpy(name + 259, "a", 2);
	assert_false(can(name, NAMES_MAILDIRPP));
}

static void
error_shows_the_name(void **state)
{
	struct err e = {0};

	(void)state;
	assert_int_equal(names_check("a/b", 3, NAMES_VERBATIM, &e), 0);
	assert_int_equal(names_check("a\n\xff/..", 6, NAMES_VERBATIM, &e), -1);
	assert_int_equal(e.scope, ERR_BOX);
	assert_int_equal(e.retry, ERR_NEVER);
	assert_non_null(strstr(e.text, "\"a\\x0A\\xFF/..\""));
	assert_int_equal(names_check("a.b", 3, NAMES_MAILDIRPP, &e), -1);
	assert_non_null(strstr(e.text, "\"a.b\" is left out: its name has a '.'"));
}

static void
inbox(void **state)
{
	static const struct { const char *name, *want; } cases[] = {
		{"inbox", "INBOX"}, {"InBoX/Sent", "INBOX/Sent"}, {"inboxes", "inboxes"}, {"in", "in"},
		{"a/inbox", "a/inbox"}, {"INBOX/inbox", "INBOX/inbox"},
	};
	char name[32];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof cases / sizeof *cases; i++) {
		strcpy(name, cases[i].name);
		names_canonicalise(name);
		assert_string_equal(name, cases[i].want);
	}
	assert_true(names_is_inbox("INBOX"));
	assert_false(names_is_inbox("INBOX/a"));
	assert_true(names_is_inbox_or_below("INBOX/a"));
	assert_false(names_is_inbox_or_below("INBOXa"));
	assert_true(names_compare("INBOX", "A") < 0);
	assert_true(names_compare("A", "INBOX/z") > 0);
	assert_true(names_compare("INBOX", "INBOX/z") < 0);
	assert_true(names_compare("INBOX-x", "INBOX/z") > 0);
	assert_true(names_compare("b", "a") > 0);
	assert_int_equal(names_compare("a", "a"), 0);
}

static const char *
map(const char *name, const char *from, const char *to)
{
	static char out[64];
	struct buf b = {0};
	struct err e;
	int rc = names_map(name, strlen(name), from, to, &b, &e);

	strcpy(out, buf_str(&b));
	buf_release(&b);
	return rc == 0 ? out : NULL;
}

static void
delimiters(void **state)
{
	(void)state;
	assert_string_equal(map("a.b.c", ".", "/"), "a/b/c");
	assert_null(map("a/b.c", ".", "/"));
	assert_string_equal(map("a/b", "/", "."), "a.b");
	assert_null(map("a.x/b", "/", "."));
	assert_string_equal(map("a/b", "/", "/"), "a/b");
	assert_string_equal(map("a--b", "--", "/"), "a/b");
	assert_string_equal(map("a-b", "--", "/"), "a-b");
	assert_string_equal(map("a", "/", ""), "a");
	assert_null(map("a/b", "/", ""));
	assert_string_equal(map("ab", "", "/"), "ab");
	assert_null(map("a/b", "", "/"));
	assert_string_equal(map("", "/", "."), "");
}

static bool
same_key(const char *a, const char *b)
{
	struct buf x = {0}, y = {0};
	bool is_same;

	names_key(a, strlen(a), &x);
	names_key(b, strlen(b), &y);
	is_same = strcmp(buf_str(&x), buf_str(&y)) == 0;
	buf_release(&x);
	buf_release(&y);
	return is_same;
}

static void
keys(void **state)
{
	static const struct { const char *a, *b; bool is_same; } cases[] = {
		{"Work", "wORK", true}, {"Work", "Works", false}, {"a/b", "a:b", false},
		{"\xc3\x9c" "ber", "\xc3\xbc" "ber", true},			/* Latin-1 */
		{"\xc3\xbc", "u\xcc\x88", true},				/* NFC, NFD */
		{"\xc3\x9c", "u\xcc\x88", true},				/* and case */
		{"\xc3\xbc", "u", false},
		{"\xe1\xbb\x87", "e\xcc\xa3\xcc\x82", true},			/* two marks */
		{"e\xcc\x82\xcc\xa3", "e\xcc\xa3\xcc\x82", true},		/* in another order */
		{"e\xcc\x82\xcc\x81", "e\xcc\x81\xcc\x82", false},		/* of one class: order counts */
		{"\xce\xa3", "\xcf\x82", true},					/* final sigma */
		{"\xd0\x96", "\xd0\xb6", true},					/* Cyrillic */
		{"\xd0\x81", "\xd0\xb5\xcc\x88", true},
		{"\xf0\x90\x90\x80", "\xf0\x90\x90\xa8", true},			/* Deseret */
		{"\xea\xb0\x81", "\xe1\x84\x80\xe1\x85\xa1\xe1\x86\xa8", true},	/* Hangul */
		{"\xea\xb0\x80", "\xe1\x84\x80\xe1\x85\xa1", true},
		{"\xe2\x84\xab", "\xc3\xa5", true},				/* Angstrom sign */
		{"\xe2\x84\xaa", "k", true},					/* Kelvin sign */
		{"\xc5\xbf", "s", true},					/* long s */
		{"\xc3\x9f", "ss", false},					/* not simple */
		{"\xe1\xba\x9e", "\xc3\x9f", true},
		{"\xce\xb1\xcd\x85\xcc\x81", "\xce\xb1\xcc\x81\xcd\x85", true},	/* iota below */
		{"\xef\xac\xab", "\xd7\xa9\xd6\xbc\xd7\x82", false},		/* shin, dagesh, sin dot: all but */
		{"\xef\xac\xad", "\xd7\xa9\xd6\xbc\xd7\x82", true},
		{"\xff", "\xfe", false},					/* no names at all */
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof cases / sizeof *cases; i++) {
		if (same_key(cases[i].a, cases[i].b) != cases[i].is_same)
			fail_msg("case %zu: \"%s\" and \"%s\"", i, cases[i].a, cases[i].b);
	}
}

/* A run of marks without end takes no quadratic time. */
static void
key_of_many_marks(void **state)
{
	struct buf name = {0}, key = {0};
	int i;

	(void)state;
	for (i = 0; i < 300000; i++)
		buf_adds(&name, i % 2 ? "\xcc\x88" : "\xcc\xa3");
	names_key(name.data, name.len, &key);
	assert_int_equal(key.len, name.len);
	assert_memory_equal(key.data, "\xcc\xa3\xcc\xa3", 4);
	assert_memory_equal(key.data + key.len - 4, "\xcc\x88\xcc\x88", 4);
	buf_release(&name);
	buf_release(&key);
}

/* What names_key() rests on, for every character. */
static void
folding_keeps_decomposed(void **state)
{
	uint32_t c, f, k, parts[UNICODE_DECOMPOSED_MAX], again[UNICODE_DECOMPOSED_MAX];
	size_t n, i;

	(void)state;
	for (c = 0; c <= 0x10ffff; c++) {
		n = unicode_decompose(c, parts);
		assert_in_range(n, 1, UNICODE_DECOMPOSED_MAX);
		for (i = 0; i < n; i++) {
			k = parts[i];
			f = unicode_fold(k);
			assert_int_equal(unicode_decompose(k, again), 1);
			assert_int_equal(unicode_decompose(f, again), 1);
			assert_int_equal(unicode_fold(f), f);
			/* The Greek iota below becomes a letter of its own, behind all other marks. */
			if (k != 0x345)
				assert_int_equal(unicode_class(f), unicode_class(k));
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hostile_names),
		cmocka_unit_test(layouts),
		cmocka_unit_test(error_shows_the_name),
		cmocka_unit_test(inbox),
		cmocka_unit_test(delimiters),
		cmocka_unit_test(keys),
		cmocka_unit_test(key_of_many_marks),
		cmocka_unit_test(folding_keeps_decomposed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
