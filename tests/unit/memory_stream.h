/* A mailstream over bytes in memory, for tests and fuzz targets: gives them in pieces of a chosen
 * size, then end of input. */
#ifndef TESTS_UNIT_MEMORY_STREAM_H
#define TESTS_UNIT_MEMORY_STREAM_H

#include <libetpan/mailstream.h>
#include <stdlib.h>
#include <string.h>

struct memory_stream {
	const char *data;
	size_t len, at, piece;		/* piece: most bytes a read gives, 0 = any */
};

static ssize_t
memory_read(mailstream_low *low, void *p, size_t room)
{
	struct memory_stream *m = low->data;
	size_t n = m->len - m->at;

	if (n > room)
		n = room;
	if (m->piece != 0 && n > m->piece)
		n = m->piece;
	if (n == 0)
		return -1;
	memcpy(p, m->data + m->at, n);
	m->at += n;
	return (ssize_t)n;
}

static ssize_t
memory_write(mailstream_low *low, const void *p, size_t len)
{
	(void)low;
	(void)p;
	return (ssize_t)len;
}

static int
memory_nothing(mailstream_low *low)
{
	(void)low;
	return 0;
}

static void
memory_free(mailstream_low *low)
{
	free(low);
}

static void
memory_cancel(mailstream_low *low)
{
	(void)low;
}

static struct mailstream_cancel *
memory_get_cancel(mailstream_low *low)
{
	(void)low;
	return NULL;
}

static inline mailstream *
memory_stream_open(struct memory_stream *m)
{
	static mailstream_low_driver driver = {
		.mailstream_read = memory_read, .mailstream_write = memory_write,
		.mailstream_close = memory_nothing, .mailstream_get_fd = memory_nothing,
		.mailstream_free = memory_free, .mailstream_cancel = memory_cancel,
		.mailstream_get_cancel = memory_get_cancel,
	};

	return mailstream_new(mailstream_low_new(m, &driver), 8192);
}

#endif
