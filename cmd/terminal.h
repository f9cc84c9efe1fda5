/* The one way to the screen: lines for stdout and stderr, and below them, on a terminal, one line of
 * progress that is redrawn in place.
 *
 * What must always hold:
 *   1. A line never runs into the progress, whichever thread writes it: the progress is taken away
 *      first, under a lock, and comes back with its next change.
 *   2. What others wrote is escaped here (cmd/shown.h), once.
 *   3. Nothing is drawn where it could not be taken away again: stdout is no terminal, TERM=dumb.
 */
#ifndef CMD_TERMINAL_H
#define CMD_TERMINAL_H

#include <stdbool.h>
#include <stdio.h>

#include "state/base/buf.h"

enum terminal_kind { TERMINAL_PLAIN, TERMINAL_WARNING, TERMINAL_ERROR };

/* head (ours, coloured by kind where `f` is a terminal and NO_COLOR is not set) and text, as one line. Any thread. */
void terminal_line(FILE *f, enum terminal_kind kind, const char *head, const char *text);

/* Many lines as they are, each escaped. */
void terminal_lines(FILE *f, const char *text);

/* Fields with four blanks between them, ours already: one line, or on a terminal as many as its width makes of it. */
void terminal_fields(const char *line);

/* One line of --json on stdout: closes what json_open() began, and frees it. */
void terminal_json(struct buf *object);

/* Before the first of these: asks the locale what the terminal can show. */
void terminal_init(void);

bool terminal_is_live(void);		/* stdout can show progress */
unsigned terminal_width(void);		/* columns of stdout, > 0 */

/* The progress; cut to the width by the caller. */
void terminal_draw(const char *line);
void terminal_clear(void);

#endif
