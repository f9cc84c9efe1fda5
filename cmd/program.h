/* Programs of this machine, as a shell would find them. */
#ifndef CMD_PROGRAM_H
#define CMD_PROGRAM_H

#include <stdbool.h>

/* In PATH, or, with a '/' in it, where it says. */
bool program_is_there(const char *name);

#endif
