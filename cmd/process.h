/* What the program asks of the machine it runs on, before anything else. */
#ifndef CMD_PROCESS_H
#define CMD_PROCESS_H

#include <sys/types.h>

/* Of the process, once, first of all:
 *   - descriptors 0, 1 and 2 are open, on /dev/null where the caller closed them: no file or connection of ours gets one of these
 *     numbers, and the words for people do not end in it;
 *   - a limit on the size of files, and a pipe that nobody reads, are errors of the write and no death;
 *   - files are made with the modes the program gives them, whatever the umask.
 * -1: a descriptor cannot be opened; nothing can be said then. */
int process_begin(void);

/* The umask we were given, for commands of the person. */
mode_t process_umask(void);

#endif
