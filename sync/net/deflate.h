/* COMPRESS=DEFLATE (RFC 4978): raw deflate in both directions, each write flushed so that the other
 * side can decode it at once. */
#ifndef SYNC_NET_DEFLATE_H
#define SYNC_NET_DEFLATE_H

#include <stddef.h>

#include "state/base/buf.h"

struct deflate;

struct deflate *deflate_new(void);
void deflate_free(struct deflate **d);

/* Adds compressed bytes that came in. deflate_read() takes them up; feed more only when it says 0. */
void deflate_feed(struct deflate *d, const void *p, size_t len);

/* Plain bytes into p: how many; 0 = it needs to be fed; -1 = not deflate data; -2 = the other side
 * ended its stream. */
long deflate_read(struct deflate *d, void *p, size_t len);

/* Appends len plain bytes, compressed and flushed, to out. */
void deflate_write(struct deflate *d, const void *p, size_t len, struct buf *out);

#endif
