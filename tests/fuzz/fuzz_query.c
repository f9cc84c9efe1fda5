/* Whatever is typed is a query, or an error with a place in it. A query becomes one command, that no text in it ends, and is held against a
 * header that is as odd as itself. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "sync/message/decode.h"
#include "sync/search/query_match.h"
#include "sync/store/imap_inside.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Literals are counted, and nothing else may hold a line end. */
static void
check_command(const struct query *q)
{
	struct imap_query how = { .query = q, .now = 1735689600 };
	struct imap_caps caps = { 0 };
	struct imap_command cmd;

	imap_caps_set(&caps, "LITERAL+", 8);
	imap_command_init(&cmd, IMAP_READ, &caps, false);
	imap_query_put(&cmd, &how);
	for (const char *p = buf_str(&cmd.text), *end = p + cmd.text.len; p < end; p++) {
		const char *open = p;
		unsigned long n;

		if (*p != '\r' && *p != '\n')
			continue;
		while (open > buf_str(&cmd.text) && *open != '{')
			open--;
		assert(*p == '\r' && p[1] == '\n' && *open == '{' && p[-1] == '}');
		n = strtoul(open + 1, NULL, 10);
		assert(n <= (unsigned long)(end - p - 2));
		p += 1 + n;
	}
	imap_command_release(&cmd);
	imap_caps_release(&caps);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a = { 0 };
	char *text = arena_strndup(&a, (const char *)data, size);
	const struct query_message m = { .header = text, .len = strlen(text), .flags = FLAGS_NONE, .size = size, .now = 1735689600 };
	struct query_error where;
	const struct query *q;
	struct buf out = { 0 };
	struct err e;
	int64_t time;

	if (query_parse(text, 20000, &a, &q, &where, &e) == 0) {
		q = query_in_box(q, "INBOX", &a);
		check_command(q);
		if (query_cannot_here(q) == NULL)
			(void)query_matches(q, &m);
	} else {
		assert(where.at <= strlen(text));
	}
	decode_words(&out, text, strlen(text));
	(void)decode_date(text, &time, NULL);
	buf_release(&out);
	arena_release(&a);
	return 0;
}
