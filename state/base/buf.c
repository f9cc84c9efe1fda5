#include "state/base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "state/base/mem.h"

void
buf_reserve(struct buf *b, size_t more)
{
	size_t want = b->len + more + 1, room = b->room ? b->room : 64;
	char *data;

	if (want <= b->room)
		return;
	while (room < want)
		room *= 2;
	if (b->is_secret) {
		data = mem_alloc(room);
		if (b->len != 0)
			memcpy(data, b->data, b->len);
		mem_wipe(b->data, b->room);
		free(b->data);
	} else {
		data = mem_realloc(b->data, room, 1);
	}
	b->data = data;
	b->room = room;
	b->data[b->len] = '\0';
}

void
buf_add(struct buf *b, const void *p, size_t len)
{
	buf_reserve(b, len);
	if (len != 0)
		memcpy(b->data + b->len, p, len);
	b->len += len;
	b->data[b->len] = '\0';
}

void
buf_addc(struct buf *b, char c)
{
	buf_add(b, &c, 1);
}

void
buf_adds(struct buf *b, const char *s)
{
	buf_add(b, s, strlen(s));
}

void
buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	buf_reserve(b, (size_t)n);
	va_start(ap, fmt);
	vsnprintf(b->data + b->len, (size_t)n + 1, fmt, ap);
	va_end(ap);
	b->len += (size_t)n;
}

void
buf_clear(struct buf *b)
{
	if (b->is_secret)
		mem_wipe(b->data, b->room);
	b->len = 0;
	if (b->data != NULL)
		b->data[0] = '\0';
}

void
buf_release(struct buf *b)
{
	if (b->is_secret)
		mem_wipe(b->data, b->room);
	free(b->data);
	b->data = NULL;
	b->len = b->room = 0;
}

const char *
buf_str(const struct buf *b)
{
	return b->data != NULL ? b->data : "";
}

char *
buf_take(struct buf *b)
{
	char *data = b->data != NULL ? b->data : mem_strdup("");

	b->data = NULL;
	b->len = b->room = 0;
	return data;
}
