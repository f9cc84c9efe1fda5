/* Any bytes as lines of tokens: never more memory than the bounds, every literal's octets handed out
 * exactly once, errors that stay. The first byte says how large the pieces are that arrive. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "sync/imap/reader.h"
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

static int
one_line(struct imap_reader *r, struct err *e)
{
	struct imap_token t;
	int n = 0;

	if (imap_reader_start(r, &t, e) < 0)
		return -1;
	if (t.s[0] == 'T') {
		const char *s;
		size_t len;

		return imap_reader_text(r, &s, &len, e);
	}
	if (t.s[0] == 'S')
		return imap_reader_skip(r, e);
	for (;;) {
		uint64_t passed = 0, number;
		bool is_whole;

		if ((n++ % 2 ? imap_reader_item : imap_reader_next)(r, &t, e) < 0)
			return -1;
		switch (t.kind) {
		case IMAP_TOKEN_EOL:
			return 0;
		case IMAP_TOKEN_LITERAL:
			if (n % 3 == 0)
				break;
			if (n % 3 == 1) {
				uint64_t announced = t.size;

				if (imap_reader_string(r, &t, e) < 0)
					return -1;
				assert(t.len == announced);
				break;
			}
			if (imap_reader_literal(r, count, &passed, &is_whole, e) < 0)
				return -1;
			assert(passed <= t.size && (!is_whole || passed == t.size));
			break;
		case IMAP_TOKEN_OPEN:
			if (n % 5 == 0 && imap_reader_skip_from(r, &t, e) < 0)
				return -1;
			break;
		case IMAP_TOKEN_ATOM:
			assert(t.len > 0 && memchr(t.s, '\n', t.len) == NULL && memchr(t.s, '\0', t.len) == NULL);
			if (t.s[0] == '#' && imap_reader_number(r, &t, UINT32_MAX, &number, e) < 0)
				return -1;
			break;
		default:
			break;
		}
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct memory_stream mem = { .data = (const char *)data + 1, .len = size - 1 };
	struct imap_reader *r;
	struct err e, again;
	mailstream *stream;
	size_t lines = 0;

	if (size == 0)
		return 0;
	mem.piece = data[0];
	stream = memory_stream_open(&mem);
	r = imap_reader_new(stream, "fuzz");
	imap_reader_cap(r, 1 << 20);
	/* What cannot be read is passed over where its end can be told. */
	while (one_line(r, &e) == 0 || imap_reader_recover(r, e.text[0] == 'f', &again) == 0)
		assert(++lines <= size);
	/* What ended the search for the end of a line stays. */
	assert(e.text[0] != '\0' && again.text[0] != '\0' && one_line(r, &e) == -1 && strcmp(e.text, again.text) == 0);
	imap_reader_free(&r);
	mailstream_close(stream);
	return 0;
}
