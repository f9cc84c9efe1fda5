/* A long line, broken between words where it goes to a terminal that is narrower; what follows the first one stands below its text. */
#ifndef CMD_WRAPPED_H
#define CMD_WRAPPED_H

#include <stdio.h>

#include "cmd/terminal.h"

/* head and kind as terminal_line() has them; escapes. Elsewhere than on a terminal it is one line. */
void wrapped_print(FILE *f, enum terminal_kind kind, const char *head, const char *text);

#endif
