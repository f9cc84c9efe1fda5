/* What is said once in a while: remembered in the file `told` in the directory of states, a line "SECONDS HASH" for each thing. */
#ifndef CMD_TOLD_H
#define CMD_TOLD_H

#include <stdbool.h>
#include <stdint.h>

/* Whether that was said in the last `seconds`. keeps: if it was not, it is now, and that is remembered; what cannot be is said again. */
bool told_lately(const char *directory, const char *text, int64_t seconds, bool keeps);

#endif
