/* Questions to a person, on the terminal. */
#ifndef CMD_QUESTION_H
#define CMD_QUESTION_H

#include <stdbool.h>

#include "state/base/buf.h"

/* There is somebody to ask: a terminal to read from and one to write to. */
bool question_can(void);
/* One line without its end, blanks around it taken off; nothing entered is `usual` (NULL = nothing). false: no answer came. */
bool question(const char *text, const char *usual, struct buf *answer_r);
/* Yes or no, as often as it takes; `usual` is what nothing means. No where no answer comes. */
bool question_yes(const char *text, bool usual);

#endif
