/* The few things all Maildir code asks of a file system beyond POSIX, each with what to do where it is
 * missing.
 *
 * Every function that changes something durable announces it as a step first (R22 numbered steps) and does nothing
 * where step() says so. Paths given as `shown` are for steps and messages only.
 */
#ifndef SYNC_MAILDIR_DISK_H
#define SYNC_MAILDIR_DISK_H

#include <stdbool.h>
#include <stdint.h>

#include "state/base/err.h"

/* Fills *e from errno `sys`: at least `scope`, and ERR_STORE where the disk as a whole is in trouble
 * (full, over quota, read-only, input/output error, gone). Returns -1. */
int disk_err(struct err *e, enum err_scope scope, int sys, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* `path` could not be opened, for errno `sys`: "WHAT PATH does not exist", with the command that makes it, or "cannot be read". what: "Path",
 * "" ... Returns -1. */
int disk_err_missing(struct err *e, enum err_scope scope, int sys, const char *what, const char *path);

/* True for a file system whose directories show each change in their times, and whose clock is ours
 * (R5 the clock's grain). False for NFS, CIFS, FUSE, FAT and where nothing says. fd: anything on it. */
bool disk_has_true_times(int fd);

/* The same for a number of statfs(2). */
bool disk_type_has_true_times(unsigned long type);

/* Nanoseconds since 1970 by the clock that file systems of this machine stamp files with. */
int64_t disk_clock(void);

/* Renames and never overwrites (R20 nothing overwritten): -1 with errno EEXIST where the new name is taken. Without
 * renameat2() it is link and unlink, which is as safe, but shows both names for a moment. Without hard
 * links too (FAT), it is a look and a rename. No step. */
int disk_rename_noreplace(int from_fd, const char *from, int to_fd, const char *to);

/* Makes a file or directory durable, announced as STEP_FSYNC of `shown`. is_data_enough: its times may
 * be lost. */
int disk_sync(int fd, bool is_data_enough, const char *shown, struct err *e);

/* Syncs the directory at `path`. */
int disk_sync_path(const char *path, struct err *e);

/* mkdir(path, 0700) announced as STEP_MKDIR. 1: made; 0: it was there; -1: error (scope ERR_BOX). */
int disk_mkdir(const char *path, struct err *e);

/* Unlinks `name` in dir_fd, announced. 1: done; 0: it was gone; -1: error (scope ERR_MESSAGE). */
int disk_unlink(int dir_fd, const char *name, const char *shown, struct err *e);

/* Copies the rest of one file to another, sharing blocks where the file system can. -1 with errno. */
int disk_copy(int from_fd, int to_fd);

/* Opens a directory to be read or synced; -1 with errno. */
int disk_opendir(int at_fd, const char *path);
/* The same, to see what it is and to go on from there: not to be read, and without the right to. */
int disk_passdir(int at_fd, const char *path);

/* Directory part of a path ("/" and "." as dirname(3) has them), malloc'd. */
char *disk_parent(const char *path);

#endif
