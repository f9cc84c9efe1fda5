/* Any bytes as the answers of an SMTP server: they are read or refused, never more memory than the bounds, and errors stay. The first byte says how
 * large the pieces are that arrive. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "sync/smtp/caps.h"
#include "sync/smtp/reply.h"
#include "sync/smtp/session.h"
#include "tests/unit/memory_stream.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
on_line(void *ctx, const char *text)
{
	struct smtp_caps *caps = ctx;

	smtp_caps_add(caps, text);
	assert(strlen(text) <= LINES_LINE_MAX);
	assert(caps->sasl.len <= 2048);
	(void)smtp_address_fault(text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct memory_stream m = { .data = (const char *)data + 1, .len = size < 1 ? 0 : size - 1 };
	struct smtp_caps caps = { .has = 0 };
	struct smtp_reply reply;
	struct lines *in;
	mailstream *stream;
	struct err e;
	char words[64];

	if (size < 1)
		return 0;
	m.piece = data[0] % 16;
	stream = memory_stream_open(&m);
	in = lines_new(stream, "fuzz");
	while (smtp_reply_read(in, "fuzz", on_line, &caps, &reply, &e) == 0) {
		assert(reply.code >= 200 && reply.code < 600);
		assert(strlen(smtp_reply_words(&reply, words, sizeof words)) < sizeof words);
		for (const char *c = reply.text; *c != '\0'; c++)
			assert((unsigned char)*c >= ' ' && *c != 0x7f);
	}
	smtp_caps_release(&caps);
	lines_free(&in);
	mailstream_close(stream);
	return 0;
}
