/* Small files of another program, read at once. */
#ifndef SYNC_MBSYNC_WHOLE_FILE_H
#define SYNC_MBSYNC_WHOLE_FILE_H

#include <stdint.h>
#include <sys/stat.h>

#include "state/base/buf.h"
#include "state/base/err.h"

/* 1 with the file in *out; 0: there is none; -1 with *e (ERR_BOX): it cannot be read, is no regular file, or is longer than `most`. */
int whole_file_read(const char *path, uint64_t most, struct buf *out, struct err *e);

#endif
