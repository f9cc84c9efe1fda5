#include "state/base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "state/base/redact.h"

/* Cuts text that snprintf truncated so that it ends in "..." on a UTF-8 boundary. */
static void
mark_cut(char *text, size_t size)
{
	size_t len = strlen(text), end = len < size - 4 ? len : size - 4;

	while (end > 0 && ((unsigned char)text[end] & 0xC0) == 0x80)
		end--;
	memcpy(text + end, "...", 4);
}

static void
one_line(char *text)
{
	for (; *text; text++)
		if (*text == '\n' || *text == '\r')
			*text = ' ';
}

static void __attribute__((format(printf, 6, 0)))
fill(struct err *e, enum err_scope scope, enum err_class class, enum err_retry retry, int sys,
    const char *fmt, va_list ap)
{
	int n;

	e->scope = scope;
	e->class = class;
	e->retry = retry;
	e->sys = sys;
	e->wait_ms = 0;
	n = vsnprintf(e->text, sizeof e->text, fmt, ap);
	if (n >= 0 && sys != 0 && (size_t)n < sizeof e->text)
		n += snprintf(e->text + n, sizeof e->text - (size_t)n, ": %s", strerror(sys));
	redact(e->text, sizeof e->text);
	if (n < 0 || (size_t)n >= sizeof e->text)
		mark_cut(e->text, sizeof e->text);
	one_line(e->text);
}

int
err_set(struct err *e, enum err_scope scope, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fill(e, scope, ERR_FAILED, ERR_LATER, 0, fmt, ap);
	va_end(ap);
	return -1;
}

int
err_sys(struct err *e, enum err_scope scope, int sys, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fill(e, scope, ERR_FAILED, ERR_LATER, sys, fmt, ap);
	va_end(ap);
	return -1;
}

int
err_class(struct err *e, enum err_scope scope, enum err_class class, enum err_retry retry,
    const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fill(e, scope, class, retry, 0, fmt, ap);
	va_end(ap);
	return -1;
}

int
err_context(struct err *e, const char *fmt, ...)
{
	char old[ERR_TEXT_SIZE];
	va_list ap;
	int n;

	memcpy(old, e->text, sizeof old);
	va_start(ap, fmt);
	n = vsnprintf(e->text, sizeof e->text, fmt, ap);
	va_end(ap);
	if (n >= 0 && (size_t)n < sizeof e->text)
		n += snprintf(e->text + n, sizeof e->text - (size_t)n, ": %s", old);
	redact(e->text, sizeof e->text);
	if (n < 0 || (size_t)n >= sizeof e->text)
		mark_cut(e->text, sizeof e->text);
	one_line(e->text);
	return -1;
}

int
err_widen(struct err *e, enum err_scope scope)
{
	if (e->scope < scope)
		e->scope = scope;
	return -1;
}
