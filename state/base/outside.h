/* What lies outside of what this process was granted (cmd/confine.h). The library never decides: cmd/ installs the functions that do. */
#ifndef STATE_BASE_OUTSIDE_H
#define STATE_BASE_OUTSIDE_H

/* Before any thread; NULL = none. `path` is relative to the directory at_fd (AT_FDCWD = where we are). met() may end the process;
 * file() does outside_file() in another one. */
void outside_install(void (*met)(int at_fd, const char *path), int (*file)(void));
/* A link that may lead out, or a directory that was denied (EACCES). errno stays as it is. */
void outside_met(int at_fd, const char *path);
/* A new file without a name, to write and to read, where temporary files are. -1 with errno. */
int outside_file(void);

#endif
