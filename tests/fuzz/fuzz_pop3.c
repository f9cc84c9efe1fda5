/* Any bytes as the answers of a POP3 server: lines, lists and texts, never more memory than the bounds, and errors that stay. The first
 * byte says how large the pieces are that arrive, the second what is read. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "sync/pop3/caps.h"
#include "sync/net/lines.h"
#include "tests/unit/memory_stream.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int
count(void *ctx, const void *p, size_t len)
{
	uint64_t *n = ctx;

	*n += len;
	/* Touched, so that the sanitizer sees every octet. */
	return len > 0 && ((const unsigned char *)p)[len - 1] == 0xfe ? -1 : 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct memory_stream m = { .data = (const char *)data + 2, .len = size < 2 ? 0 : size - 2 };
	struct pop3_caps caps = { .is_known = false };
	struct lines *r;
	mailstream *stream;
	const char *line;
	uint64_t passed = 0;
	bool is_whole;
	struct err e;
	int got = 0;

	if (size < 2)
		return 0;
	m.piece = data[0] % 16;
	stream = memory_stream_open(&m);
	r = lines_new(stream, "fuzz");
	for (unsigned what = data[1]; got >= 0; what = what * 5 + 1) {
		if (what % 3 == 0)
			got = lines_next(r, &line, &e);
		else if (what % 3 == 1)
			got = lines_body(r, what & 4 ? count : NULL, &passed, &is_whole, &e);
		else
			while ((got = lines_item(r, &line, &e)) > 0) {
				assert(strlen(line) <= LINES_LINE_MAX);
				pop3_caps_add(&caps, line);
			}
	}
	assert(passed <= size);
	assert(lines_next(r, &line, &e) < 0);
	pop3_caps_release(&caps);
	lines_free(&r);
	mailstream_close(stream);
	return 0;
}
