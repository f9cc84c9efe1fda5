/* Debug lines by area. The library never prints: cmd/ installs the function that does. */
#ifndef STATE_BASE_LOG_H
#define STATE_BASE_LOG_H

#include <stdbool.h>

enum log_area {
	LOG_NET = 1 << 0,
	LOG_IMAP = 1 << 1,
	LOG_MAILDIR = 1 << 2,
	LOG_PLAN = 1 << 3,
	LOG_STATE = 1 << 4,
	LOG_RUN = 1 << 5,
};

/* `write` may be called from any thread, one line without newline each. NULL = off. */
void log_install(unsigned areas, void (*write)(enum log_area area, const char *line));
bool log_is_on(enum log_area area);
void log_line(enum log_area area, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
