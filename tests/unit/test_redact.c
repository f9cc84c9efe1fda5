/* state/base/redact: no form of a password stays in a text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "state/base/err.h"
#include "state/base/redact.h"

static void
becomes(const char *text, const char *wanted)
{
	char room[256];

	snprintf(room, sizeof room, "%s", text);
	redact(room, sizeof room);
	assert_string_equal(wanted, room);
}

static void
hides_what_is_echoed(void **state)
{
	(void)state;
	redact_add("correct horse", 13);
	redact_add("tiny5", 5);
	becomes("NO wrong: correct horse!", "NO wrong: [password]!");
	becomes("xcorrect horsecorrect horsey", "x[password][password]y");
	becomes("tiny5", "[password]");
	becomes("destiny50 tiny5, tiny5", "destiny50 [password], [password]");
	becomes("nothing to hide", "nothing to hide");
	becomes("cut off: correct ho", "cut off: [password]");
	becomes("cut off: correct h...", "cut off: [password]...");
	becomes("correct", "[password]");
	becomes("cor...rect...", "cor...rect...");
	redact_clear();
	becomes("correct horse", "correct horse");
}

/* AUTHENTICATE PLAIN as it is, and the same behind names of other lengths. */
static void
hides_base64(void **state)
{
	(void)state;
	redact_add("correct horse", 13);
	becomes("A1 PLAIN AGpvZQBjb3JyZWN0IGhvcnNl", "A1 PLAIN AGpvZQB[password]");
	becomes("A1 PLAIN AGpvAGNvcnJlY3QgaG9yc2U=", "A1 PLAIN AGpvAG[password]U=");
	becomes("A1 PLAIN AGpvZXMAY29ycmVjdCBob3JzZQ==", "A1 PLAIN AGpvZXMA[password]Q==");
	redact_clear();
}

static void
hides_in_errors(void **state)
{
	char much[3 * ERR_TEXT_SIZE];
	struct err e;

	(void)state;
	redact_add("correct horse", 13);
	redact_add("abcd", 4);
	err_set(&e, ERR_STORE, "the server says %s", "correct horse");
	assert_string_equal("the server says [password]", e.text);
	err_context(&e, "account correct horse");
	assert_string_equal("account [password]: the server says [password]", e.text);
	for (size_t from = 0; from < 32; from++) {
		memset(much, 'x', sizeof much);
		memcpy(much + ERR_TEXT_SIZE - 1 - from, "correct horse", 13);
		much[sizeof much - 1] = '\0';
		err_set(&e, ERR_STORE, "%s", much);
		assert_null(strstr(e.text, "correct"));
		assert_true(strlen(e.text) < sizeof e.text);
	}
	/* What is put in place of many short ones does not fit. */
	much[0] = '\0';
	for (size_t i = 0; i < 400; i++)
		strcat(much, "abcd ");
	err_set(&e, ERR_STORE, "%s", much);
	assert_null(strstr(e.text, "abcd"));
	redact_clear();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hides_what_is_echoed), cmocka_unit_test(hides_base64), cmocka_unit_test(hides_in_errors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
