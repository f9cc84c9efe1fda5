#include "state/base/log.h"

#include <stdarg.h>
#include <stdio.h>

#include "state/base/redact.h"

static unsigned log_areas;
static void (*log_write)(enum log_area, const char *);

void
log_install(unsigned areas, void (*write)(enum log_area, const char *))
{
	log_areas = write != NULL ? areas : 0;
	log_write = write;
}

bool
log_is_on(enum log_area area)
{
	return (log_areas & (unsigned)area) != 0;
}

void
log_line(enum log_area area, const char *fmt, ...)
{
	char line[2048];
	va_list ap;

	if (!log_is_on(area))
		return;
	va_start(ap, fmt);
	vsnprintf(line, sizeof line, fmt, ap);
	va_end(ap);
	redact(line, sizeof line);
	log_write(area, line);
}
