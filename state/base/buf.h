/* A growing byte buffer, always followed by a NUL that is not counted. Zero-initialised = empty. */
#ifndef STATE_BASE_BUF_H
#define STATE_BASE_BUF_H

#include <stddef.h>
#include <stdint.h>

struct buf {
	char *data;			/* NULL while nothing was ever added */
	size_t len, room;
	int is_secret;			/* set before the first byte: wiped when grown and released */
};

void buf_add(struct buf *b, const void *p, size_t len);
void buf_addc(struct buf *b, char c);
void buf_adds(struct buf *b, const char *s);
void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void buf_reserve(struct buf *b, size_t more);	/* room for at least `more` bytes behind len */
void buf_clear(struct buf *b);			/* len = 0, memory kept */
void buf_release(struct buf *b);
const char *buf_str(const struct buf *b);	/* never NULL; borrowed until the next change */
char *buf_take(struct buf *b);			/* never NULL; the caller frees; *b is empty after */

#endif
