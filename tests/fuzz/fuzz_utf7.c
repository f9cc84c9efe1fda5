/* Whatever decodes must encode to the same bytes, and whatever encodes must decode to them. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "sync/imap/utf7.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *s = (const char *)data;
	struct buf there = { 0 }, back = { 0 };

	if (utf7_decode(&there, s, size) == 0) {
		assert(utf8_is_valid(buf_str(&there), there.len));
		assert(utf7_encode(&back, buf_str(&there), there.len) == 0);
		assert(back.len == size && (size == 0 || memcmp(back.data, s, size) == 0));
	}
	buf_clear(&there);
	buf_clear(&back);
	assert((utf7_encode(&there, s, size) == 0) == utf8_is_valid(s, size));
	if (there.len > 0) {
		assert(utf7_decode(&back, there.data, there.len) == 0);
		assert(back.len == size && memcmp(back.data, s, size) == 0);
	}
	buf_release(&there);
	buf_release(&back);
	return 0;
}
