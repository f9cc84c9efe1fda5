/* Files of another program, read or written at once. */
#ifndef SYNC_MBSYNC_WHOLE_FILE_H
#define SYNC_MBSYNC_WHOLE_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "state/base/buf.h"
#include "state/base/err.h"

/* 1 with the file in *out; 0: there is none; -1 with *e (ERR_BOX): it cannot be read, is no regular file, or is longer than `most`. */
int whole_file_read(const char *path, uint64_t most, struct buf *out, struct err *e);

/* Replaces the file, or makes it: beside it first, then renamed. is_durable: it is on the disk then. */
int whole_file_write(const char *path, const struct buf *text, bool is_durable, struct err *e);

int whole_file_rename(const char *from, const char *to, struct err *e);

#endif
